"""Numbers with a decimal comma, as tables of many countries have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.target_column import to_numbers

if TYPE_CHECKING:
    import pandas as pd

COMMA_REMEDIES = ('pass decimal="," if numbers have a decimal comma', "write numbers with a decimal point")
POINT_REMEDY = 'with decimal="," a number has no point, not between thousands either: remove it'

_POINT = re.compile(r"\s*[+-]?\d*\.\d+\s*$|\s*[+-]?\d{1,3}(\.\d{3})+(,\d*)?\s*$")
"""Matches a number with a point, of decimals or thousands."""


def comma_numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return a column of texts as float64, NaN where one is missing or no number with or without a decimal comma.

    Examples
    --------
    >>> import pandas as pd
    >>> comma_numbers(pd.Series(["1,5", "2", "1.5"]))
    array([1.5, 2. , nan])
    """
    return to_numbers(column.astype(object).map(_with_point))


def labels_with_points(values: NDArray[Any], where: Callable[[int], str]) -> NDArray[Any]:
    """Return a target column with a decimal point in place of the comma of numbers, and other texts as they are.

    Raises
    ------
    ValueError
        If one is a number with a point.
    """
    for index, value in enumerate(values):
        if isinstance(value, str) and _POINT.match(value):
            raise ValueError(f"{where(index)} is {value!r}; {POINT_REMEDY}")
    return np.array([_with_point(value) if is_comma_number(value) else value for value in values], dtype=object)


def is_comma_number(value: Any) -> bool:
    """Tell whether a text is a number with a decimal comma, and no point."""
    return isinstance(value, str) and value.count(",") == 1 and not np.isnan(_as_number(_with_point(value)))


def _with_point(value: Any) -> Any:
    """Return a text with a point for its comma; one that has a point already is no number."""
    if not isinstance(value, str):
        return value
    return None if "." in value else value.replace(",", ".")


def _as_number(text: str | None) -> float:
    try:
        return float("nan" if text is None else text)
    except ValueError:
        return float("nan")
