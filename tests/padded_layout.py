"""The padded layout of matrices, looked at from outside."""

from __future__ import annotations

import numpy as np

from hardzero.ops.layout import CACHE_LINE_FLOATS, padded_width


def is_padded(matrix):
    """Tell whether `matrix` has the alignment and the row stride of `padded_zeros`."""
    n_columns = matrix.shape[1]
    stride = padded_width(n_columns) * matrix.itemsize
    return bool(
        matrix.dtype == np.float32
        and (matrix.shape[0] <= 1 or matrix.strides[0] == stride)
        and matrix.strides[1] == matrix.itemsize
        and matrix.ctypes.data % (CACHE_LINE_FLOATS * matrix.itemsize) == 0
    )


def whole_rows(matrix):
    """Return a padded matrix with its padding."""
    return np.lib.stride_tricks.as_strided(matrix, (matrix.shape[0], matrix.strides[0] // 4))
