"""Rows without a label, by scikit-learn's convention: they serve pre-training and are left out of fine-tuning."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.utils.validation import check_consistent_length

from hardzero.network import Input
from hardzero.unusable_targets import as_entries, missing_entries

UNLABELED = -1
"""The numeric class label of an unlabeled row, as in `sklearn.semi_supervised`."""


def labeled_part(X: Input, y: Any, sample_weight: Any, *, is_classifier: bool) -> tuple[Input, Any, Any]:
    """Return the rows that have a label, with their labels, sparse if they came so, and weights.

    Parameters
    ----------
    X : ndarray or csr_array of shape (n_samples, n_features)
    y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), float or None
    is_classifier : bool

    Raises
    ------
    ValueError
        If the lengths differ, a row is labeled in part, no row is labeled, or all labeled rows are of one class.
    """
    came_sparse = issparse(y)
    y = cast(Any, y).toarray() if issparse(y) else as_entries(y)
    check_consistent_length(X, y, None if np.ndim(sample_weight) == 0 else sample_weight)
    refuse_partly_labeled_rows(y, is_classifier=is_classifier)
    labeled = labeled_rows(y, is_classifier=is_classifier)
    kept = keep_labeled(y, labeled, is_classifier=is_classifier)
    weights = sample_weight if np.ndim(sample_weight) == 0 else np.asarray(sample_weight)[labeled]
    # A single column holds classes, which are no label matrix.
    return X[labeled], csr_array(kept) if came_sparse and kept.shape[1] > 1 else kept, weights


def labeled_rows(y: NDArray[Any], *, is_classifier: bool) -> NDArray[np.bool_]:
    """Tell which rows have a label or a target.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    is_classifier : bool
        Of a classifier, rows are unlabeled that hold nothing but -1 (numbers), None or NaN; of a regressor, rows
        that hold nothing but None or NaN.

    Returns
    -------
    ndarray of shape (n_samples,)

    Examples
    --------
    >>> labeled_rows(np.array([0, -1, 1]), is_classifier=True)
    array([ True, False,  True])
    >>> labeled_rows(np.array(["cat", None], dtype=object), is_classifier=True)
    array([ True, False])
    """
    entries = y.reshape(y.shape[0], -1)
    return np.asarray(~_unlabeled(entries, is_classifier=is_classifier).all(axis=1))


def refuse_partly_labeled_rows(y: NDArray[Any], *, is_classifier: bool) -> None:
    """Raise ValueError if a row of several labels or targets has some of them only."""
    if y.ndim < 2:
        return
    unlabeled = _unlabeled(y.reshape(y.shape[0], -1), is_classifier=is_classifier)
    partly = np.flatnonzero(unlabeled.any(axis=1) & ~unlabeled.all(axis=1))
    if partly.size:
        marks = "-1, None or NaN" if is_classifier else "NaN"
        raise ValueError(
            f"row {partly[0]} of y is labeled in part: a row is labeled wholly or not at all. Give all its columns a "
            f"value, or mark them all as missing ({marks})"
        )


def _unlabeled(entries: NDArray[Any], *, is_classifier: bool) -> NDArray[np.bool_]:
    """Tell which entries of a table of labels or targets are none."""
    absent = missing_entries(entries)
    if is_classifier and entries.dtype.kind in "iufO":
        # pandas.NA cannot be compared.
        if entries.dtype.kind == "O":
            entries = entries.copy()
            entries[absent] = None
        absent |= np.asarray(entries == UNLABELED, dtype=np.bool_)
    return absent


def keep_labeled(y: NDArray[Any], labeled: NDArray[np.bool_], *, is_classifier: bool) -> NDArray[Any]:
    """Return the labels of labeled rows, after checks that something can be learned from them.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    labeled : ndarray of shape (n_samples,)
        From `labeled_rows`.
    is_classifier : bool

    Raises
    ------
    ValueError
        If no row is labeled, or all labeled rows are of one class.
    """
    marks = "-1, None or NaN" if is_classifier else "NaN"
    if not labeled.any():
        raise ValueError(
            f"all {len(y)} rows are unlabeled ({marks} in y): fine-tuning needs labeled rows. To learn features "
            "without labels use hardzero.StackedDenoisingAutoencoder"
        )
    kept = y[labeled]
    if kept.dtype == object:
        refuse_mixed_labels(kept)
        kept = np.array(kept.tolist())
    if is_classifier and kept.ndim == 1 and not labeled.all() and len(np.unique(kept)) == 1:
        raise ValueError(
            f"every labeled row is of class {kept[0]!r}: a classifier needs labeled rows of at least two classes. "
            f"With pretraining set, {marks} in y marks an unlabeled row; give a class another label"
        )
    return kept


def refuse_mixed_labels(y: NDArray[Any]) -> None:
    """Raise ValueError if some labels are texts and others are not, which nothing can sort."""
    if y.dtype != object:
        return
    labels = y.ravel().tolist()
    if len({isinstance(label, str) for label in labels}) > 1:
        names = ", ".join(sorted({type(label).__name__ for label in labels}))
        raise ValueError(f"y mixes labels of types {names}: make them one type")
