"""Weights or biases of all layers as a list, into whose arrays what is assigned is copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]


class LayerArrays(list[Array]):
    """One array a layer, as scikit-learn's ``coefs_`` has them: views of a network's parameters.

    Examples
    --------
    >>> weights = np.zeros((2, 1), dtype=np.float32)
    >>> LayerArrays([weights])[0] = [[1.0], [2.0]]
    >>> weights
    array([[1.],
           [2.]], dtype=float32)
    """

    def __setitem__(self, index: Any, value: Any) -> None:
        """Copy an array into that of a layer, or several into those of a slice.

        Raises
        ------
        ValueError
            If it has another shape.
        """
        if isinstance(index, slice):
            LayerArrays(self[index]).assign(value)
            return
        array, given = self[index], np.asarray(value, dtype=np.float32)
        if given.shape != array.shape:
            raise ValueError(f"an array of shape {given.shape} does not fit layer {index}, of shape {array.shape}")
        array[...] = given

    def assign(self, values: Iterable[ArrayLike]) -> None:
        """Copy one array into each layer's.

        Raises
        ------
        ValueError
            If there are not as many as layers, or one has another shape.
        """
        given = list(values)
        if len(given) != len(self):
            raise ValueError(f"{len(given)} arrays do not fit {len(self)} layers")
        for index, value in enumerate(given):
            self[index] = value
