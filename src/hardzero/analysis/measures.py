"""Measures of sparsity and overlap, each a short formula with its source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def treves_rolls(activity: ArrayLike, axis: int = -1) -> Floats:
    """Return the Treves–Rolls sparsity of activities, 0 (all equal) to 1 (one alone is active).

    ``S = (1 - a) / (1 - 1/n)`` with the activity ratio ``a = (sum|r|/n)² / (sum r²/n)`` of Treves and Rolls
    (1991), normalized by Vinje and Gallant (2000). Over units it is the population sparsity of one input,
    over inputs the lifetime sparsity of one unit. Signs are ignored.

    Parameters
    ----------
    activity : array-like of float
    axis : int, default=-1
        The axis measured along; it has n entries.

    Returns
    -------
    ndarray
        NaN where nothing is active or n is 1: there the measure has no value.

    Examples
    --------
    >>> treves_rolls([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]]).round(3)
    array([1.   , 0.667])
    """
    absolute = np.abs(np.asarray(activity, dtype=np.float64))
    return treves_rolls_from_sums(absolute.sum(axis=axis), np.square(absolute).sum(axis=axis), absolute.shape[axis])


def treves_rolls_from_sums(absolute_sum: Floats, square_sum: Floats, n: int) -> Floats:
    """Return `treves_rolls` of `n` activities whose sum of absolute values and sum of squares are known."""
    if n < 2:
        return np.full(np.shape(square_sum), np.nan)
    activity_ratio = _ratio(np.square(absolute_sum / n), square_sum / n)
    return np.asarray(np.clip((1.0 - activity_ratio) / (1.0 - 1.0 / n), 0.0, 1.0))


def hoyer(activity: ArrayLike, axis: int = -1) -> Floats:
    """Return the Hoyer sparsity of activities, 0 (all equal) to 1 (one alone is active).

    ``(sqrt(n) - sum|r| / sqrt(sum r²)) / (sqrt(n) - 1)`` (Hoyer 2004, equation 5).

    Parameters
    ----------
    activity : array-like of float
    axis : int, default=-1
        The axis measured along; it has n entries.

    Returns
    -------
    ndarray
        NaN where nothing is active or n is 1: there the measure has no value.

    Examples
    --------
    >>> hoyer([[0.0, 2.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    array([1., 0.])
    """
    absolute = np.abs(np.asarray(activity, dtype=np.float64))
    n = absolute.shape[axis]
    if n < 2:
        return np.full(absolute.sum(axis=axis).shape, np.nan)
    ratio = _ratio(absolute.sum(axis=axis), np.sqrt(np.square(absolute).sum(axis=axis)))
    return np.asarray(np.clip((np.sqrt(n) - ratio) / (np.sqrt(n) - 1.0), 0.0, 1.0))


def jaccard(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """Return the overlap of the sets of active units of each row, ``|A and B| / |A or B|`` (Jaccard 1901).

    Parameters
    ----------
    first, second : ndarray of shape (n_samples, n_units)
        Activities; a unit is active where its entry is not exactly 0.

    Returns
    -------
    ndarray of shape (n_samples,)
        1 where both sets are empty: nothing changed.

    Examples
    --------
    >>> jaccard(np.array([[1.0, 2.0, 0.0]]), np.array([[3.0, 0.0, 0.0]]))
    array([0.5])
    """
    first_active, second_active = first != 0, second != 0
    union = np.count_nonzero(first_active | second_active, axis=-1)
    common = np.count_nonzero(first_active & second_active, axis=-1)
    return np.asarray(np.where(union == 0, 1.0, common / np.maximum(union, 1)))


def relative_change(before: NDArray[Any], after: NDArray[Any]) -> Floats:
    """Return ``|after - before| / |before|`` of each row, Euclidean; NaN for an all-zero `before`."""
    before = before.astype(np.float64)
    return _ratio(np.linalg.norm(after - before, axis=-1), np.linalg.norm(before, axis=-1))


def mean_of_defined(values: Floats) -> float:
    """Return the mean of the values that exist; NaN if none does."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def standard_error(values: Floats) -> float:
    """Return the standard error of the mean; NaN for less than two values, whose spread is not known."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient, NaN where the denominator is 0."""
    defined = denominator > 0
    return np.asarray(np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan))
