"""The features of a table as float32, checked so that an error names column, row and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.data_fault import DataFault
from hardzero.datasets.categories import MISSING, MISSING_NUMBERS, category_feature, is_missing, write_indicators
from hardzero.datasets.columns import Selection
from hardzero.datasets.decimal_comma import COMMA_REMEDIES, POINT_REMEDY
from hardzero.datasets.target_column import DECIMAL_COMMA
from hardzero.user_warnings import warn_user

if TYPE_CHECKING:
    import pandas as pd

    from hardzero.datasets.delimited import DelimitedFile

MISSING_REMEDIES = ("fill it in", "remove the row")
CATEGORY_REMEDIES = ("name the column with categories= if it holds categories",)
TEXTS_REMEDIES = (
    'name it with categories= if they are categories (categories="all" takes all columns of texts)',
    "name it with text= if it is running text",
    "leave it out with ignore=",
)


def feature_matrix(
    frame: pd.DataFrame, selection: Selection, file: DelimitedFile, first_record: int, told: set[str]
) -> NDArray[np.float32]:
    """Return the features as float32 after checking that each is a finite number, or a category.

    Parameters
    ----------
    frame : DataFrame
        Rows of the file.
    selection : Selection
    file : DelimitedFile
    first_record : int
        Index of the first row.
    told : set of str
        Columns of which a warning has told that they have an unknown category; those of these rows are added.
    """
    X = np.zeros((len(frame), len(selection.features)), dtype=np.float32)
    columns = set(file.names)
    for index, name in enumerate(selection.features):
        if name in columns:
            numbers = file.numbers(frame[name])
            if name in selection.categories:
                numbers = np.where(is_missing(frame[name]), 0.0, numbers)
            with np.errstate(over="ignore"):
                X[:, index] = numbers
    bad = ~np.isfinite(X)
    if bad.any():
        row = int(np.argmax(bad.any(axis=1)))
        name = selection.features[int(np.argmax(bad[row]))]
        raise _cell_fault(frame[name], row, int(bad.sum()), name, file, first_record, of_model=selection.of_model)
    _write_categories(X, frame, selection, file, first_record, told)
    return X


def _write_categories(
    X: NDArray[np.float32],
    frame: pd.DataFrame,
    selection: Selection,
    file: DelimitedFile,
    first_record: int,
    told: set[str],
) -> None:
    """Set the features of the categories that rows have, and warn once for a column with one that is not known."""
    position = {name: index for index, name in enumerate(selection.features)}
    for column, known in selection.categories.items():
        if column in position:
            X[:, position[category_feature(column, MISSING)]] = is_missing(frame[column])
            continue
        positions = [position[category_feature(column, category)] for category in known]
        unknown = np.flatnonzero(write_indicators(X, frame[column], known, positions))
        if len(unknown) and column not in told:
            told.add(column)
            value = frame[column].iloc[unknown[0]]
            what = repr(value[:60]) if isinstance(value, str) else "missing"
            warn_user(
                f"column {column!r} is {what} in {file.where(first_record + int(unknown[0]))}, which is none of its "
                f"{len(known)} known categories; their features are 0 in such rows"
            )


def _cell_fault(
    column: pd.Series[Any],
    row: int,
    n_bad: int,
    name: str,
    file: DelimitedFile,
    first_record: int,
    *,
    of_model: bool,
) -> DataFault:
    """Say what is wrong with a cell, and how to mend it: what features there are is settled where a model has them."""
    import pandas as pd

    numbers, present = file.numbers(column), column.notna().to_numpy(dtype=bool)
    if first_record == 0 and present.sum() > 1 and np.isnan(numbers[present]).all():
        row = int(np.argmax(present))
        fault = f"column {name!r} holds texts, such as {str(column.iloc[row])[:60]!r} in {file.where(row)}"
        remedies = _common_decimal_remedies(column[present], file)
        if of_model:
            return DataFault(f"{fault}, where the model takes numbers", *remedies)
        return DataFault(fault, *(remedies or TEXTS_REMEDIES))
    value, place = column.iloc[row], file.where(first_record + row)
    more = f" ({n_bad - 1} more cells are wrong, too)" if n_bad > 1 else ""
    if pd.isna(value) or str(value).strip() in MISSING_NUMBERS:
        what = "missing" if pd.isna(value) else f"missing ({value})"
        fault = f"column {name!r} is {what} in {place}{more}"
        if of_model:
            return DataFault(f"{fault}, for which the model has no feature", *MISSING_REMEDIES)
        return DataFault(fault, *MISSING_REMEDIES, "fit with fill_missing=True")
    if not np.isnan(numbers[row]):
        must = "features must be finite and fit float32 (below 3.4e38)"
        return DataFault(f"column {name!r} is {value} in {place}{more}; {must}")
    remedies = _decimal_remedies(value, file) or (() if of_model else CATEGORY_REMEDIES)
    return DataFault(f"column {name!r} is {str(value)[:60]!r} in {place}{more}, which is not a number", *remedies)


def _decimal_remedies(value: Any, file: DelimitedFile) -> tuple[str, ...]:
    """Say what to do about a number in another notation; nothing for what is none."""
    if file.decimal == ".":
        return COMMA_REMEDIES if DECIMAL_COMMA.match(str(value)) else ()
    return (POINT_REMEDY,) if "." in str(value) and any(letter.isdigit() for letter in str(value)) else ()


def _common_decimal_remedies(texts: pd.Series[Any], file: DelimitedFile) -> tuple[str, ...]:
    """Say what to do about a column of nothing but numbers in another notation."""
    remedies = {_decimal_remedies(text, file) for text in texts}
    return remedies.pop() if len(remedies) == 1 else ()
