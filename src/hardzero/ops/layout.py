"""How matrices lie in memory: row-major, every row an odd number of cache lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CACHE_LINE_FLOATS = 16
"""Float32 values in one 64-byte cache line."""


def padded_width(n_columns: int) -> int:
    """Return the row stride, in floats, of a matrix with `n_columns` columns.

    The stride is the smallest odd number of cache lines that holds a row. A column block of successive
    rows then falls into different sets of the L1 cache, which a power-of-two stride would not do.

    Examples
    --------
    >>> padded_width(1000), padded_width(1024), padded_width(10)
    (1008, 1040, 16)
    """
    lines = -(-max(n_columns, 1) // CACHE_LINE_FLOATS)
    return (lines | 1) * CACHE_LINE_FLOATS


def padded_zeros(n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Return an all-zero float32 matrix in the padded layout.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the matrix.

    Returns
    -------
    ndarray of shape (n_rows, n_columns), float32
        A view of a buffer whose base is aligned to 64 bytes and whose rows are `padded_width(n_columns)`
        floats apart. Kernels rely on the padding columns staying zero.
    """
    width = padded_width(n_columns)
    buffer = np.zeros(n_rows * width + CACHE_LINE_FLOATS, dtype=np.float32)
    shift = (-buffer.ctypes.data // buffer.itemsize) % CACHE_LINE_FLOATS
    return buffer[shift : shift + n_rows * width].reshape(n_rows, width)[:, :n_columns]


def padded_copy(matrix: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return a float32 copy of `matrix` in the padded layout."""
    copy = padded_zeros(*matrix.shape)
    copy[...] = matrix
    return copy
