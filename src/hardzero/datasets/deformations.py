"""Random deformations of character images: thickness, slant, affine maps, local elastic distortion, pinch.

They are the kinds that made NISTP of NIST's characters (Bengio et al. 2011, "Deep learners benefit more from
out-of-distribution examples": of its pipeline, the steps from slant to pinch and no noise).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COMPLEXITY = 0.7
"""Strength of the deformations, from 0 to 1; NISTP's."""

BATCH = 2048
"""Images deformed at a time. Part of what a seed determines: changing it changes the images."""

MOST_SLANT = 0.7
"""Shear at complexity 1: rows move by 0.7 pixels for every pixel of height."""

MOST_ROTATION, MOST_SCALING, MOST_SHIFT = 0.45, 0.35, 0.1
"""At complexity 1: radians, relative change of size, and shift as a share of the side."""

ELASTIC_SMOOTHNESS, ELASTIC_STRENGTH = 0.14, 0.12
"""Width of the smoothing and typical displacement (complexity 1) of the elastic field, as shares of the side."""

MOST_PINCH = 0.7
"""Exponent of the radial map at complexity 1: inwards for a pinch, outwards for a bulge."""

LEAST_INK = 0.5
"""A character that thinning would leave with less than this share of its ink stays as it is."""

Field = NDArray[np.float32]


def deform(images: NDArray[np.uint8], seed: int, complexity: float = COMPLEXITY) -> NDArray[np.uint8]:
    """Deform each image in its own random way.

    Parameters
    ----------
    images : ndarray of uint8 of shape (n_images, side, side)
        Bright characters on a background of 0.
    seed : int
        The same seed gives the same images.
    complexity : float, default=0.7
        0 leaves the images as they are.

    Returns
    -------
    ndarray of uint8 of the same shape

    Raises
    ------
    ValueError
        If the images are not square or the complexity is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((1, 32, 32), dtype=np.uint8)
    >>> bar[:, 8:24, 14:18] = 255
    >>> bool((deform(bar, seed=0) != bar).any()), bool((deform(bar, seed=0, complexity=0) == bar).all())
    (True, True)
    """
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise ValueError(f"images have shape {images.shape}; (n_images, side, side) is needed")
    if not 0 <= complexity <= 1:
        raise ValueError(f"complexity is {complexity}; it must be in [0, 1]")
    random = np.random.default_rng(seed)
    deformed = np.empty_like(images)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        deformed[part] = _deform_batch(images[part], random, complexity)
    return deformed


def _deform_batch(images: NDArray[np.uint8], random: np.random.Generator, complexity: float) -> NDArray[np.uint8]:
    """Change thickness, then pull every pixel from where the other deformations together send it."""
    n_images, side, _ = images.shape
    thick = _change_thickness(images, random, complexity)
    y, x = _centered_grid(n_images, side)
    y, x = _pinch(y, x, random, complexity)
    y, x = _elastic(y, x, random, complexity)
    y, x = _affine(y, x, random, complexity)
    y, x = _slant(y, x, random, complexity)
    return _sample(thick, y, x)


def _change_thickness(images: NDArray[np.uint8], random: np.random.Generator, complexity: float) -> NDArray[np.uint8]:
    """Thicken or thin the strokes of some images by one pixel, by gray dilation or erosion."""
    from scipy.ndimage import grey_dilation, grey_erosion

    changed = images.copy()
    choice = random.uniform(size=len(images))
    thicken, thin = choice < complexity / 3, choice > 1 - complexity / 3
    if thicken.any():
        changed[thicken] = grey_dilation(images[thicken], size=(1, 2, 2))
    if thin.any():
        thinner = grey_erosion(images[thin], size=(1, 2, 2), mode="constant")
        left = thinner.sum(axis=(1, 2), dtype=np.int64) >= LEAST_INK * images[thin].sum(axis=(1, 2), dtype=np.int64)
        changed[np.flatnonzero(thin)[left]] = thinner[left]
    return changed


def _slant(y: Field, x: Field, random: np.random.Generator, complexity: float) -> tuple[Field, Field]:
    """Shift each row in proportion to its height."""
    shear = random.uniform(-1, 1, size=(len(y), 1, 1)) * MOST_SLANT * complexity
    return y, (x + shear * y).astype(np.float32)


def _affine(y: Field, x: Field, random: np.random.Generator, complexity: float) -> tuple[Field, Field]:
    """Rotate, scale each axis, and shift."""
    shape = (len(y), 1, 1)
    angle = random.uniform(-1, 1, size=shape) * MOST_ROTATION * complexity
    scale_y = 1 + random.uniform(-1, 1, size=shape) * MOST_SCALING * complexity
    scale_x = 1 + random.uniform(-1, 1, size=shape) * MOST_SCALING * complexity
    shift_y, shift_x = random.uniform(-1, 1, size=(2, *shape)) * MOST_SHIFT * complexity
    cos, sin = np.cos(angle), np.sin(angle)
    return (
        (scale_y * (cos * y - sin * x) + shift_y).astype(np.float32),
        (scale_x * (sin * y + cos * x) + shift_x).astype(np.float32),
    )


def _elastic(y: Field, x: Field, random: np.random.Generator, complexity: float) -> tuple[Field, Field]:
    """Displace each pixel by a smooth random field (Simard, Steinkraus and Platt 2003)."""
    from scipy.ndimage import gaussian_filter

    n_images, side, _ = y.shape
    noise = random.standard_normal(size=(2, n_images, side, side), dtype=np.float32)
    smooth = gaussian_filter(noise, sigma=(0, 0, ELASTIC_SMOOTHNESS * side, ELASTIC_SMOOTHNESS * side), mode="wrap")
    typical = smooth.std(axis=(2, 3), keepdims=True) + np.float32(1e-12)
    strength = random.uniform(0, 1, size=(1, n_images, 1, 1)) * ELASTIC_STRENGTH * complexity
    displacement = (smooth / typical * strength).astype(np.float32)
    return y + displacement[0], x + displacement[1]


def _pinch(y: Field, x: Field, random: np.random.Generator, complexity: float) -> tuple[Field, Field]:
    """Pull towards the center, or push away from it, within the circle that fits the image."""
    exponent = random.uniform(-1, 1, size=(len(y), 1, 1)) * MOST_PINCH * complexity
    radius = np.sqrt(y * y + x * x) * 2
    inside = np.clip(radius, 1e-6, 1)
    factor = np.where(radius < 1, np.sin(np.pi / 2 * inside) ** -exponent, 1)
    return (y * factor).astype(np.float32), (x * factor).astype(np.float32)


def _centered_grid(n_images: int, side: int) -> tuple[Field, Field]:
    """Return the coordinates of every pixel, from -1/2 to 1/2."""
    line = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    shape = (n_images, side, side)
    return np.broadcast_to(line[:, None], shape), np.broadcast_to(line[None, :], shape)


def _sample(images: NDArray[np.uint8], y: Field, x: Field) -> NDArray[np.uint8]:
    """Return images at the given coordinates, bilinear between pixels and 0 outside."""
    n_images, side, _ = images.shape
    padded = np.zeros((n_images, side + 2, side + 2), dtype=np.float32)
    padded[:, 1:-1, 1:-1] = images
    row = np.clip((y + 0.5) * side + 0.5, 0, side + 0.999)
    column = np.clip((x + 0.5) * side + 0.5, 0, side + 0.999)
    top, left = row.astype(np.int32), column.astype(np.int32)
    down, right = row - top, column - left
    index = np.arange(n_images)[:, None, None]
    upper = padded[index, top, left] * (1 - right) + padded[index, top, left + 1] * right
    lower = padded[index, top + 1, left] * (1 - right) + padded[index, top + 1, left + 1] * right
    values: NDArray[np.float32] = upper * (1 - down) + lower * down
    return np.rint(values).astype(np.uint8)
