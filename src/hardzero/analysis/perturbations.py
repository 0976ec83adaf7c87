"""Small changes of an input: noise, masking, and shifts of images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def add_noise(X: Array, size: float, generator: np.random.Generator) -> Array:
    """Add Gaussian noise whose standard deviation is `size` times that of all entries of `X`."""
    scale = size * float(X.std())
    return (X + scale * generator.standard_normal(X.shape)).astype(np.float32)


def mask(X: Array, size: float, generator: np.random.Generator) -> Array:
    """Set each entry to 0 with probability `size`, as denoising autoencoders do."""
    return X * (generator.random(X.shape) >= size)


def shift(X: Array, size: float, generator: np.random.Generator, image_shape: tuple[int, ...]) -> Array:
    """Move each image by `size` whole pixels up, down, left or right; what comes in is 0.

    `image_shape` is (height, width) or (channels, height, width).
    """
    images = X.reshape(len(X), *image_shape)
    shifted = np.zeros_like(images)
    direction = generator.integers(4, size=len(X))
    for index, (axis, forward) in enumerate([(-2, True), (-2, False), (-1, True), (-1, False)]):
        length = images.shape[axis]
        pixels = min(int(size), length)
        behind, ahead = slice(0, length - pixels), slice(pixels, length)
        target, source = (ahead, behind) if forward else (behind, ahead)
        moved = np.zeros_like(images[direction == index])
        np.moveaxis(moved, axis, 1)[:, target] = np.moveaxis(images[direction == index], axis, 1)[:, source]
        shifted[direction == index] = moved
    return shifted.reshape(X.shape)


DEFAULT_SIZES: dict[str, tuple[float, ...]] = {
    "noise": (0.01, 0.03, 0.1, 0.2, 0.4, 0.8),
    "masking": (0.01, 0.03, 0.1, 0.2, 0.4, 0.8),
    "shift": (1, 2, 3, 4),
}


def perturbation(
    kind: str, image_shape: tuple[int, ...] | None
) -> Callable[[Array, float, np.random.Generator], Array]:
    """Return the function of (X, size, generator) for a kind of perturbation.

    Parameters
    ----------
    kind : {"noise", "masking", "shift"}
    image_shape : tuple of int or None
        (height, width) or (channels, height, width); needed for shifts only.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the kind is unknown, or a shift lacks the shape of the images.
    """
    if kind == "noise":
        return add_noise
    if kind == "masking":
        return mask
    if kind != "shift":
        raise ValueError(f"unknown perturbation {kind!r}: choose from {', '.join(DEFAULT_SIZES)}")
    if image_shape is None:
        raise ValueError("perturbation 'shift' needs image_shape, such as (28, 28)")
    return lambda X, size, generator: shift(X, size, generator, image_shape)
