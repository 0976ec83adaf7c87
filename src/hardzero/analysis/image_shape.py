"""The shape of samples as images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def check_image_shape(image_shape: Any, sample_shape: tuple[int, ...]) -> None:
    """Raise ValueError unless samples of a shape can be seen as images of another."""
    n_values = math.prod(sample_shape)
    sides = np.atleast_1d(np.asarray(image_shape))
    is_shape = sides.dtype.kind in "iu" and sides.shape in ((2,), (3,)) and (sides > 0).all()
    if not is_shape or sides.prod() != n_values:
        raise ValueError(
            f"image_shape {image_shape} does not fit inputs of shape {sample_shape}: give (height, width) or "
            f"(channels, height, width) whose product is {n_values}"
        )
