"""For autoencoders of images: inputs beside their reconstructions."""

from __future__ import annotations

from typing import Any

import numpy as np

from hardzero.analysis.hidden_activations import dense
from hardzero.report.first_layer_section import input_image
from hardzero.report.section import ImageCard, ImageGroup, Section

N_IMAGES = 12


def reconstruction_section(estimator: Any, X: Any, image_shape: tuple[int, ...] | None) -> Section | None:
    """Return a few inputs, each beside its reconstruction; None where inputs are no images of that shape."""
    if image_shape is None or int(np.prod(image_shape)) != X.shape[1]:
        return None
    chosen = np.linspace(0, X.shape[0] - 1, min(N_IMAGES, X.shape[0])).astype(int)
    inputs = dense(estimator._validate_X(X)[chosen])
    outputs = estimator._reconstruct(estimator._ops(), inputs)
    low, high = float(inputs.min()), float(inputs.max())
    cards = []
    for index, (before, after) in enumerate(zip(inputs, outputs, strict=True), start=1):
        error = float(np.mean(np.square(after - before)))
        images = [
            input_image(before.reshape(image_shape), low, high, f"Input {index}"),
            input_image(after.reshape(image_shape), low, high, f"Reconstruction of input {index}"),
        ]
        cards.append(ImageCard(f"mean squared error {error:.2g}", images))
    text = "Clean inputs, each with what the code keeps of it."
    return Section("Reconstructions", text, images=[ImageGroup("Inputs and reconstructions", cards)])
