"""Compressed sparse rows whose indices have 32 bits wherever these suffice: half the memory of 64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_NONZEROS = 2**31 - 1
"""What a 32-bit index counts up to."""


def stack_csr_rows(batches: Sequence[csr_array]) -> csr_array:
    """Return the rows of all batches, one below the other.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> stack_csr_rows([csr_array(np.eye(2)), csr_array(np.ones((1, 2)))]).toarray()
    array([[1., 0.],
           [0., 1.],
           [1., 1.]])
    """
    from scipy.sparse import csr_array, vstack

    stacked = csr_array(vstack(batches, format="csr"))
    shorten_indices(stacked)
    return stacked


def shorten_indices(rows: csr_array) -> None:
    """Make the indices of `rows` 32-bit ones, in place, unless they count more non-zeros than these can."""
    if rows.nnz <= MOST_NONZEROS and not rows.indices.dtype == rows.indptr.dtype == np.int32:
        rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
