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
        given = np.asarray(value, dtype=np.float32)
        _check_shape(index, self[index], given)
        self[index][...] = given

    def assign(self, values: Iterable[ArrayLike]) -> None:
        """Copy one array into each layer's.

        Raises
        ------
        ValueError
            If there are not as many as layers, or one has another shape.
        """
        given = [np.asarray(value, dtype=np.float32) for value in values]
        if len(given) != len(self):
            raise ValueError(f"{len(given)} arrays do not fit {len(self)} layers")
        # All are checked before the first is copied.
        for index, value in enumerate(given):
            _check_shape(index, self[index], value)
        for array, value in zip(self, given, strict=True):
            array[...] = value


def _check_shape(index: int, array: Array, given: Array) -> None:
    if given.shape != array.shape:
        raise ValueError(f"an array of shape {given.shape} does not fit layer {index}, of shape {array.shape}")
