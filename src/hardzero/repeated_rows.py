"""Equal rows of a minibatch, merged into one with the sum of their weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hardzero.network import Input

Array = NDArray[np.float32]


def merge_repeated_rows(X: Input, targets: Array, sample_weight: Array | None) -> tuple[Input, Array, Array | None]:
    """Merge rows that are equal in input and targets, leave out rows without weight, and put the rest in order.

    The mean loss over the rows is the same function of the parameters. Rounding too is the same for a weight of k as
    for a row that is there k times, in any order of the rows: training on all rows at once gives the same bits.

    Parameters
    ----------
    X : ndarray or csr_array of shape (n_samples, n_features), float32
        Rows are compared by their bytes; as CSR, by their stored entries.
    targets : ndarray of shape (n_samples, n_outputs), float32
    sample_weight : ndarray of shape (n_samples,), float32, or None

    Returns
    -------
    X, targets
        Distinct rows, in an order that depends on their values only.
    sample_weight : ndarray or None
        None where every weight is one.

    Examples
    --------
    >>> X = np.array([[2.0], [1.0], [2.0]], dtype=np.float32)
    >>> rows, _, weights = merge_repeated_rows(X, X, None)
    >>> sorted(zip(rows.ravel().tolist(), weights.tolist()))
    [(1.0, 1.0), (2.0, 2.0)]
    """
    places: dict[bytes, list[int]] = {}
    for row in range(X.shape[0]):
        if sample_weight is None or sample_weight[row] > 0:
            places.setdefault(targets[row].tobytes() + _row_bytes(X, row), []).append(row)
    groups = [places[key] for key in sorted(places)]
    weights = np.ones(X.shape[0]) if sample_weight is None else sample_weight.astype(np.float64)
    merged = np.array([np.sort(weights[group]).sum() for group in groups], dtype=np.float32)
    first = [group[0] for group in groups]
    return X[first], targets[first], None if np.all(merged == 1) else merged


def _row_bytes(X: Input, row: int) -> bytes:
    if isinstance(X, np.ndarray):
        return bytes(X[row])
    entries = slice(X.indptr[row], X.indptr[row + 1])
    return bytes(X.indices[entries]) + bytes(X.data[entries])
