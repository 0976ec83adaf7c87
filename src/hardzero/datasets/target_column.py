"""One target column as it stands in a file: what is missing, what is a number, what is neither."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.data_fault import DataFault

if TYPE_CHECKING:
    import pandas as pd

Where = Callable[[int], str]
"""Says where the i-th of the samples being read stands in the file, for errors."""

INEXACT_FROM = 2.0**53
"""From here on float64 takes some whole numbers for others."""

DECIMAL_COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+)?,\d+\s*$")
"""Matches a number with a decimal comma, such as 1,75 or 1.234,5."""

_ZERO_PADDED = re.compile(r"\s*[+-]?0\d")


class TargetColumn:
    """A target column of one chunk of a file.

    Parameters
    ----------
    name : str
    raw : ndarray of shape (n_samples,)
        Numbers, or str with None where a value is missing.
    where : callable
        From a sample's index to its place in the file.
    """

    def __init__(self, name: str, raw: NDArray[Any], where: Where) -> None:
        import pandas as pd

        self.name, self.where = name, where
        if raw.dtype.kind == "b":
            raw = raw.astype(np.str_)
        if raw.dtype.kind == "U":
            raw = raw.astype(object)
        self.raw: NDArray[Any] = raw
        self.missing: NDArray[np.bool_] = np.asarray(pd.isna(raw), dtype=bool)
        self.numbers: NDArray[np.float64] = to_numbers(pd.Series(raw))
        self.is_text: NDArray[np.bool_] = np.isnan(self.numbers) & ~self.missing

    @cached_property
    def only_texts_tell(self) -> NDArray[np.bool_]:
        """Where a number would merge or rename labels: it is too large for float64, or written with leading zeros."""
        return np.asarray((np.abs(self.numbers) >= INEXACT_FROM) | self._matches(_ZERO_PADDED))

    def decimal_commas(self) -> NDArray[np.bool_]:
        """Return where a text is a number with a decimal comma."""
        return self._matches(DECIMAL_COMMA)

    def refuse_missing(self) -> None:
        """Raise ValueError if a target is missing."""
        if self.missing.any():
            raise DataFault(
                f"target {self.name!r} is missing in {self.where(int(np.argmax(self.missing)))}"
                f"{and_more(self.missing)}",
                "fill it in",
                "remove the row",
                "pass unlabeled=True to learn from it without a label",
            )

    def refuse_infinite(self) -> None:
        """Raise ValueError if a target is infinite."""
        infinite = np.isinf(self.numbers)
        if infinite.any():
            place = self.where(int(np.argmax(infinite)))
            raise ValueError(f"target {self.name!r} is infinite in {place}{and_more(infinite)}")

    def refuse_texts(self, remedy: str) -> None:
        """Raise ValueError if a target is not a number."""
        if self.is_text.any():
            index = int(np.argmax(self.is_text))
            raise ValueError(
                f"target {self.name!r} is {shown(self.raw[index])} in {self.where(index)}{and_more(self.is_text)}, "
                f"which is not a number; {remedy}"
            )

    def _matches(self, pattern: re.Pattern[str]) -> NDArray[np.bool_]:
        """Return where a text begins with this pattern."""
        import pandas as pd

        if self.raw.dtype != object:
            return np.zeros(len(self.raw), dtype=bool)
        codes, values = pd.factorize(self.raw)
        matching = [isinstance(value, str) and pattern.match(value) is not None for value in values]
        # The code of a missing value is -1.
        return np.array([*matching, False])[codes]


def to_numbers(series: pd.Series[Any]) -> NDArray[np.float64]:
    """Return a column as float64, NaN where it is missing or not a number."""
    import pandas as pd

    return np.asarray(pd.to_numeric(series, errors="coerce").astype(np.float64), dtype=np.float64)


def numbers_of(values: list[Any]) -> NDArray[np.float64]:
    """Return a list as float64, NaN where a value is missing or not a number."""
    import pandas as pd

    return to_numbers(pd.Series(values, dtype=object))


def label_text(value: Any) -> str:
    """Return the text of a label: a whole number without its decimal point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def shown(value: Any) -> str:
    """Return a value as an error shows it: short, texts in quotes."""
    if not isinstance(value, str):
        return str(value)
    return repr(str(value) if len(value) <= 60 else value[:57] + "...")


def and_more(bad: NDArray[np.bool_]) -> str:
    """Say how many more samples are bad."""
    more = int(bad.sum()) - 1
    return f" (and {more} more rows)" if more > 0 else ""
