"""Several labels a sample: which are present, and what each counts in the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def present_labels(labels: Array) -> Array:
    """Return 1 where a label is present and 0 where it is absent.

    Parameters
    ----------
    labels : ndarray of shape (n_samples, n_labels)
        0 where a label is absent, one positive number where it is present.

    Raises
    ------
    ValueError
        If there are other values, such as -1 and 1.

    Examples
    --------
    >>> present_labels(np.array([[0, 255], [255, 0]], dtype=np.float32))
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    values = np.unique(labels)
    if values.min() < 0 or np.count_nonzero(values) > 1:
        listed = ", ".join(f"{value:g}" for value in values)
        raise ValueError(
            f"y has several columns, which hold the values {listed}: a column for each label holds 0 where it is "
            "absent and 1 where it is present. Pass y > 0, for example"
        )
    return (labels > 0).astype(np.float32)


def label_weight(class_weight: Any, labels: Array) -> Array:
    """Return what each label counts where it is absent, and where it is present.

    Parameters
    ----------
    class_weight : "balanced" or list of dict
        ``balanced`` weighs both inversely to their frequency, as scikit-learn does; else a dict for each label with
        the weights of 0 and 1, which are 1 where they are missing.
    labels : ndarray of shape (n_samples, n_labels)
        As from `present_labels`.

    Returns
    -------
    ndarray of shape (2, n_labels), float32

    Raises
    ------
    ValueError
        If there is not one dict for each label, or a weight is negative, infinite or no number.

    Examples
    --------
    >>> labels = np.array([[1, 0], [0, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> label_weight("balanced", labels).round(2)
    array([[0.67, 1.  ],
           [2.  , 1.  ]], dtype=float32)
    """
    n_samples, n_labels = labels.shape
    if isinstance(class_weight, str):
        n_present = labels.sum(axis=0, dtype=np.float64)
        # A value that is never met needs no weight.
        counts = np.maximum([n_samples - n_present, n_present], 1.0)
        return np.asarray(n_samples / (2.0 * counts), dtype=np.float32)
    if not (
        isinstance(class_weight, list)
        and len(class_weight) == n_labels
        and all(isinstance(weights, Mapping) and set(weights) <= {0, 1} for weights in class_weight)
    ):
        raise ValueError(
            f"class_weight for {n_labels} labels a sample must be 'balanced' or a list of {n_labels} dicts, each with "
            "the weights of 0 and 1"
        )
    weight = np.array([[weights.get(value, 1.0) for weights in class_weight] for value in (0, 1)], dtype=np.float32)
    wrong = ~(np.isfinite(weight) & (weight >= 0)).all(axis=0)
    if wrong.any():
        raise ValueError(
            f"class_weight must hold finite numbers that are not negative, got {class_weight[np.argmax(wrong)]!r} for "
            f"label {np.argmax(wrong)}"
        )
    return weight
