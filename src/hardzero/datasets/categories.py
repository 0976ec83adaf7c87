"""Columns of categories as features that are 0 or 1, one a category, called ``column=category``.

The names of the features are all that a model has to keep: they say which column is looked at, and for what. A column
of numbers of which some are missing has the one category of an empty field, besides its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.data_fault import DataFault

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
"""Asks for categories in every column of texts."""

MISSING = ""
"""The category of an empty field."""

MISSING_NUMBERS = (MISSING, "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None")
"""What stands for a number that is missing, where numbers may be missing."""

MOST_CATEGORIES = 1000
"""A column with more different values is an identifier or running text."""

Categories = Mapping[str, tuple[str, ...]]
"""Categories of each column that has some."""


def category_feature(column: str, category: str) -> str:
    """Return the name of the feature that is 1 where a column has this category."""
    return f"{column}={category}"


def with_categories(features: Sequence[str], categories: Categories) -> tuple[str, ...]:
    """Return features with those of its categories in the place of each column that has some, or beside its numbers.

    Examples
    --------
    >>> with_categories(["size", "color", "age"], {"color": ("blue", "red"), "age": ("",)})
    ('size', 'color=blue', 'color=red', 'age', 'age=')
    """
    expanded: list[str] = []
    for name in features:
        of_column = categories.get(name, (MISSING,))
        expanded += [name] if of_column == (MISSING,) else []
        expanded += [category_feature(name, value) for value in of_column] if name in categories else []
    return tuple(expanded)


def missing_pairs(features: Sequence[str] | None) -> tuple[tuple[int, int], ...]:
    """Return the position of each feature of numbers that may be missing, with that of the one which says where.

    Examples
    --------
    >>> missing_pairs(["size", "age", "color=", "age="])
    ((1, 3),)
    """
    position = {name: index for index, name in enumerate(features or ())}
    pairs = ((position[name], position.get(category_feature(name, MISSING))) for name in position)
    return tuple((column, indicator) for column, indicator in pairs if indicator is not None)


def categories_of(features: Iterable[str], columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the categories that the names of features tell of the columns of a table.

    Examples
    --------
    >>> categories_of(["size", "color=blue", "color=red", "a=b"], ["color", "size", "a=b"])
    {'color': ('blue', 'red')}
    """
    present, found = set(columns), dict[str, list[str]]()
    for name in features:
        if name in present:
            continue
        ends = [end for end, letter in enumerate(name) if letter == "=" and name[:end] in present]
        if ends:
            found.setdefault(name[: ends[-1]], []).append(name[ends[-1] + 1 :])
    return {column: tuple(values) for column, values in found.items()}


def is_missing(column: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return where a column of numbers lacks one: an empty field, or what stands for it, blanks around it or not."""
    missing = column.isna()
    if column.dtype.kind not in "fiub":
        missing |= column.map(lambda value: isinstance(value, str) and value.strip() in MISSING_NUMBERS).astype(bool)
    return missing.to_numpy(dtype=bool)


class CategoryFinder:
    """Finds the categories of columns, chunk by chunk.

    Parameters
    ----------
    columns : sequence of str
        Those that may have some.
    only_texts : bool
        Whether a column with a number, or without any value, has none.
    """

    def __init__(self, columns: Sequence[str], *, only_texts: bool) -> None:
        self._only_texts = only_texts
        self._found: dict[str, dict[str, None]] = {column: {} for column in columns}

    @property
    def columns(self) -> list[str]:
        """Columns that may still have categories."""
        return list(self._found)

    def look_at(self, frame: pd.DataFrame, hold_number: Callable[[list[str]], bool]) -> None:
        """Take in one more chunk; `hold_number` tells whether one of some texts is a number."""
        for column in self.columns:
            codes, values = _distinct(frame[column])
            known = self._found[column]
            new = [values[code] for code in np.unique(codes).tolist() if values[code] not in known]
            if self._only_texts and new and hold_number(new):
                del self._found[column]
            elif len(known) <= MOST_CATEGORIES:
                known.update(dict.fromkeys(new))

    def categories(self, source: str) -> dict[str, tuple[str, ...]]:
        """Return the sorted categories of each column.

        Raises
        ------
        ValueError
            If a column has more than a thousand.
        """
        found = {}
        for column, values in self._found.items():
            if len(values) > MOST_CATEGORIES:
                raise DataFault(
                    f"column {column!r} of {source} has more than {MOST_CATEGORIES} different values, such as "
                    f"{next(iter(values))!r}, which are no categories",
                    "leave it out with ignore=",
                )
            if any(values) or not self._only_texts:
                found[column] = tuple(sorted(values))
        return found


def write_indicators(
    X: NDArray[np.float32], column: pd.Series[Any], known: Sequence[str], positions: Sequence[int]
) -> NDArray[np.bool_]:
    """Set, in a row of zeros for each value of a column, the feature of its category to 1.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    column : Series
    known : sequence of str
        Categories.
    positions : sequence of int
        The feature of each.

    Returns
    -------
    ndarray of shape (n_rows,), bool
        Where the category is none of `known`.
    """
    import pandas as pd

    codes, values = _distinct(column)
    features = np.append(np.asarray(positions, dtype=np.intp), -1)[pd.Index(known).get_indexer(pd.Index(values))][codes]
    rows = np.flatnonzero(features >= 0)
    X[rows, features[rows]] = 1.0
    return np.asarray(features < 0)


def _distinct(column: pd.Series[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """Return the number of each row's category, and all categories, without blanks around them; missing is empty."""
    import pandas as pd

    codes, values = pd.factorize(column)
    # The code of a missing value is -1, which means the last.
    return codes, [*(str(value).strip() for value in values), MISSING]
