"""For images: what units of the first layer look for, and what excites them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.analysis.hidden_activations import dense, network_of, subject_of
from hardzero.report.figures import Thumbnail, thumbnail
from hardzero.report.section import ImageCard, ImageGroup, Section

N_UNITS = 6
N_INPUTS = 3


def first_layer_section(
    estimator: Any, X: Any, image_shape: tuple[int, ...], class_of: list[str] | None
) -> Section | None:
    """Return the weights of the most and least active units as images, each with the inputs that excite it.

    Parameters
    ----------
    estimator : fitted hardzero estimator
    X : array-like of shape (n_samples, n_features)
    image_shape : tuple of int
        (height, width) or (channels, height, width).
    class_of : list of str, optional
        The class of each row of `X`, for the texts of images.

    Returns
    -------
    Section or None
        None where images of that shape do not have as many values as the model has features.
    """
    weights = network_of(estimator).hidden_layers[0].parameters.weights
    if len(image_shape) not in (2, 3) or int(np.prod(image_shape)) != weights.shape[0]:
        return None
    subject = subject_of(estimator)
    checked = subject.check(X)
    first = np.concatenate([next(iter(hidden.values())) for _, hidden in subject.batches(checked)])
    firing = np.mean(first != 0, axis=0)
    alive = np.flatnonzero(firing > 0)
    ranked = alive[np.argsort(-firing[alive], kind="stable")]
    if not len(ranked):
        return None
    low, high = float(checked.min()), float(checked.max())

    def card(unit: int) -> ImageCard:
        excitation = np.abs(first[:, unit])
        best = np.argsort(-excitation, kind="stable")[:N_INPUTS]
        inputs = []
        for rank, row in enumerate(best[excitation[best] > 0], start=1):
            kind = f", class {class_of[row]}" if class_of is not None else ""
            alt = f"Input that excites unit {unit} most, rank {rank}{kind}"
            image = dense(checked[[row]])[0].reshape(image_shape)
            inputs.append(input_image(image, low, high, alt))
        title = f"unit {unit} · fires for {100 * firing[unit]:.1f} %"
        image = weight_image(weights[:, unit].reshape(image_shape), f"Weights of unit {unit} as an image")
        return ImageCard(title, [image, *inputs])

    most = ranked[:N_UNITS]
    least = ranked[::-1][: min(N_UNITS, max(len(ranked) - len(most), 0))]
    groups = [ImageGroup("Most active units", [card(int(unit)) for unit in most])]
    if len(least):
        groups.append(ImageGroup("Least active units that are not dead", [card(int(unit)) for unit in least]))
    text = "For each unit its weights (blue excites, red inhibits) and the inputs that excite it most, best first."
    return Section("First layer", text, images=groups)


def weight_image(weights: NDArray[np.float32], alt: str) -> Thumbnail:
    """Return weights as an image, blue above and red below zero; several channels are averaged."""
    from matplotlib import colormaps

    plane = weights if weights.ndim == 2 else weights.mean(axis=0)
    largest = float(np.abs(plane).max()) or 1.0
    alt = f"{alt}; the largest is {largest:.2g} in absolute value"
    return thumbnail(colormaps["RdBu"](0.5 + 0.5 * plane / largest), alt)


def input_image(image: NDArray[np.float32], low: float, high: float, alt: str) -> Thumbnail:
    """Return an input as a gray image, or in color if it has three channels."""
    scaled = (image - low) / ((high - low) or 1.0)
    if scaled.ndim == 3:
        colored = np.moveaxis(scaled, 0, -1)
        return thumbnail(colored if scaled.shape[0] == 3 else np.repeat(colored.mean(-1, keepdims=True), 3, -1), alt)
    return thumbnail(np.repeat(scaled[..., np.newaxis], 3, axis=-1), alt)
