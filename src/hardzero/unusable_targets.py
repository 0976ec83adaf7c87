"""What no estimator can learn from: dates, and targets that are missing or sparse."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
"""Types of dates and durations; those of pandas are among them."""


def refuse_unusable_targets(
    y: Any, *, is_classifier: bool, may_be_missing: bool = False, remedy: str = "drop these rows", name: str = "y"
) -> None:
    """Raise an error for targets that conversion would let through, or would report by a message that helps no one.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), sparse matrix or None
        None, like what has no rows, is left to the checks that follow.
    is_classifier : bool
        Whether sparse label indicators are understood.
    may_be_missing : bool, default=False
        Whether missing values mark rows without a target.
    remedy : str, default="drop these rows"
        What to do about missing values.
    name : str, default="y"
        What the messages call the targets.

    Raises
    ------
    ValueError
        For dates and durations, and for missing values.
    TypeError
        For sparse targets of a regressor, as scikit-learn does.
    """
    if issparse(y):
        if not is_classifier:
            raise TypeError(
                f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to convert to a "
                "dense numpy array."
            )
        return
    if y is None:
        return
    refuse_dates(y, name)
    entries = as_entries(y)
    if entries.ndim == 0:
        return
    refuse_dates(entries, name)
    if entries.dtype == object and any(isinstance(entry, DATES) for entry in entries.flat):
        raise ValueError(_dates_refused(name))
    missing = missing_entries(entries)
    if missing.any() and not may_be_missing:
        row = np.flatnonzero(missing.reshape(len(missing), -1).any(axis=1))[0]
        raise ValueError(f"Input {name} contains missing values, the first in row {row}: {remedy}")


def refuse_dates(data: Any, name: str) -> None:
    """Raise ValueError for an array, series or frame of dates or durations, which would pass as huge numbers."""
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        for column, dtype in zip(data.columns, data.dtypes, strict=True):
            if _holds_dates(dtype):
                raise ValueError(_dates_refused(f"column {column!r} of {name}"))
    elif _holds_dates(getattr(data, "dtype", None)):
        raise ValueError(_dates_refused(name))


def as_entries(y: Any) -> NDArray[Any]:
    """Return targets as an array, a list of texts as one of objects: NumPy makes "nan" of a missing text.

    Examples
    --------
    >>> as_entries(["cat", float("nan")])
    array(['cat', nan], dtype=object)
    """
    entries = np.asarray(y)
    return entries if hasattr(y, "dtype") or entries.dtype.kind not in "US" else np.asarray(y, dtype=object)


def missing_entries(entries: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which entries are NaN, None or a missing value of pandas.

    Examples
    --------
    >>> missing_entries(np.array(["cat", None, np.nan], dtype=object))
    array([False,  True,  True])
    """
    if entries.dtype.kind == "f":
        return np.asarray(np.isnan(entries))
    if entries.dtype.kind != "O":
        return np.zeros(entries.shape, dtype=bool)
    import pandas

    return np.asarray(pandas.isna(entries))


def _holds_dates(dtype: Any) -> bool:
    return getattr(dtype, "kind", None) in ("M", "m")


def _dates_refused(name: str) -> str:
    return f"{name} holds dates or durations: convert them to numbers whose scale is known, such as days since a start"
