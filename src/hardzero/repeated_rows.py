"""Equal rows of a minibatch, merged into one with the sum of their weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    weights = np.ones(X.shape[0]) if sample_weight is None else sample_weight.astype(np.float64)
    found = [
        (rows[first], merged)
        for rows, records in _records(X, targets, np.flatnonzero(weights))
        for first, merged in [_merge_equal(records, weights[rows])]
    ]
    first = np.concatenate([rows for rows, _ in found])
    merged = np.concatenate([sums for _, sums in found]).astype(np.float32)
    return X[first], targets[first], None if np.all(merged == 1) else merged


def _records(X: Input, targets: Array, rows: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
    """Yield rows whose bytes are as many, with these bytes: of dense input all rows at once."""
    if isinstance(X, np.ndarray):
        yield rows, np.hstack([_bytes(targets[rows]), _bytes(X[rows])])
        return
    n_entries = np.diff(X.indptr)[rows]
    for count in np.unique(n_entries) if len(rows) else [0]:
        alike = rows[n_entries == count]
        places = X.indptr[alike][:, None] + np.arange(count)
        yield alike, np.hstack([_bytes(targets[alike]), _bytes(X.indices[places]), _bytes(X.data[places])])


def _bytes(table: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(table).view(np.uint8).reshape(len(table), table.shape[1] * table.itemsize)


def _merge_equal(
    records: NDArray[np.uint8], weights: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return where each distinct record is first, in the order of their bytes, and the sum of its weights."""
    keys = np.ascontiguousarray(records).view(np.dtype((np.void, records.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    # Summed from the smallest on, so that rounding does not depend on the order of the rows.
    order = np.lexsort((weights, group))
    starts = np.searchsorted(group[order], np.arange(len(first)))
    return first, np.add.reduceat(weights[order], starts)
