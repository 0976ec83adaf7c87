"""From the target column of a file to labels or values: which task it asks for, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.dataset import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    import pandas as pd

Where = Callable[[int], str]
"""Says where the i-th of the samples being read stands in the file, for errors."""

MOST_CLASSES = 20
"""Whole numbers with more distinct values than this are read as a quantity."""

NUMERIC_SHARE = 0.9
"""A target of which more than this share are numbers is one with typing errors, not one of labels."""

WHOLE, TEXT, VALUES = "whole numbers", "texts", "values"


@dataclass
class TargetParser:
    """Turns raw target columns into `y`, chunk after chunk; the first chunk settles what was not given.

    Parameters
    ----------
    names : tuple of str
        Names of the target columns.
    task : {"classification", "regression"} or None
        None infers it: texts are classes; whole numbers are classes if there are at most 20 distinct ones and at most
        half as many as samples; other numbers are values of a regression. Several targets are a regression, unless all
        hold only 0 and 1.
    unlabelled : bool
        Accept missing targets (and -1 among whole-number labels) and mark them as the estimators expect: -1 for
        whole-number labels, None for text labels, NaN for values.
    classes : ndarray or None
        Labels known beforehand; others raise.
    """

    names: tuple[str, ...]
    task: str | None = None
    unlabelled: bool = False
    classes: NDArray[Any] | None = None
    _kind: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.task not in (None, CLASSIFICATION, REGRESSION):
            raise ValueError(f'task is {self.task!r}; it must be "classification", "regression" or None to infer it')
        if self.classes is not None:
            self.classes = np.asarray(self.classes)
            self.task = self.task or CLASSIFICATION
            self._kind = TEXT if self.classes.dtype.kind in "OUT" else WHOLE

    def parse(self, columns: Sequence[NDArray[Any]], where: Where) -> NDArray[Any]:
        """Return `y` for one chunk.

        Parameters
        ----------
        columns : sequence of ndarray of shape (n_samples,)
            One per target, of numbers, or of str with None or NaN where a value is missing.
        where : callable
            From a sample's index in the chunk to its place in the file.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_targets) for several targets
        """
        parsed = [_Column(name, column, where) for name, column in zip(self.names, columns, strict=True)]
        for column in parsed:
            column.refuse_infinite()
            if not self.unlabelled:
                column.refuse_missing()
        if len(parsed) > 1:
            return self._several(parsed)
        column = parsed[0]
        if self.task is None:
            self.task = self._infer(column)
        if self.task == REGRESSION:
            self._kind = VALUES
            column.refuse_texts('a regression needs numbers; pass task="classification" if these are labels')
            return column.numbers
        return self._labels(column)

    def class_names(self, *parts: NDArray[Any]) -> tuple[str, ...] | None:
        """Return the names of the sorted labels in the `y` of all parts, without the marks of unlabelled samples."""
        if self.task == REGRESSION:
            return None
        if len(self.names) > 1:
            return self.names
        return tuple(str(label) for label in labels_of(np.concatenate(parts)))

    def _infer(self, column: _Column) -> str:
        """Decide between classes and values."""
        labelled = column.numbers[~column.missing]
        if column.is_text.any():
            self._refuse_typing_errors(column)
            return CLASSIFICATION
        distinct = len(np.unique(labelled))
        whole = bool(np.all(labelled == np.rint(labelled)))
        few = distinct <= MOST_CLASSES and distinct <= max(2, len(labelled) // 2)
        return CLASSIFICATION if whole and few else REGRESSION

    def _refuse_typing_errors(self, column: _Column) -> None:
        """Refuse a column of numbers with a few texts among them, and one where every text is another."""
        n_text, n_labelled = int(column.is_text.sum()), int((~column.missing).sum())
        if n_text < (1 - NUMERIC_SHARE) * n_labelled:
            column.refuse_texts(
                'nearly all other targets are; correct it, or pass task="classification" if these are labels'
            )
        texts = column.raw[column.is_text]
        distinct = len(set(texts))
        if distinct > MOST_CLASSES and distinct == len(texts):
            raise ValueError(
                f"target {column.name!r} holds a different text in each of {distinct} rows, such as "
                f'{_shown(texts[0])}; that is no class. Choose another target, or pass task="classification" to insist'
            )

    def _labels(self, column: _Column) -> NDArray[Any]:
        """Return int64 labels where all are whole numbers (and none could be taken for unlabelled), else str."""
        if self._kind is None:
            labelled = column.numbers[~column.missing]
            whole = not column.is_text.any() and bool(np.all(labelled == np.rint(labelled)))
            # An estimator takes a -1 among integers for "unlabelled"; as a text it stays the label that it is.
            safe = self.unlabelled or not np.any(labelled == -1)
            self._kind = WHOLE if whole and safe else TEXT
        labels = self._whole_labels(column) if self._kind == WHOLE else self._text_labels(column)
        if self.classes is not None:
            self._refuse_unknown(labels, column)
        return labels

    def _whole_labels(self, column: _Column) -> NDArray[np.int64]:
        column.refuse_texts("the labels before it are whole numbers; give all the classes= of the file")
        values = np.where(column.missing, -1.0, column.numbers)
        broken = values != np.rint(values)
        if not self.unlabelled:
            broken |= values == -1
        if broken.any():
            index = int(np.argmax(broken))
            raise ValueError(
                f"target {column.name!r} is {_shown(column.raw[index])} in {column.where(index)}, while the "
                f"labels before "
                "it are whole numbers other than -1; give all the classes= of the file"
            )
        return values.astype(np.int64)

    def _text_labels(self, column: _Column) -> NDArray[Any]:
        labels = [
            None if missing else _label_text(value) for value, missing in zip(column.raw, column.missing, strict=True)
        ]
        return np.array(labels, dtype=object) if column.missing.any() else np.array(labels, dtype=np.str_)

    def _refuse_unknown(self, labels: NDArray[Any], column: _Column) -> None:
        assert self.classes is not None
        known = np.isin(labels, self.classes) | column.missing
        if self.unlabelled and self._kind == WHOLE:
            known |= labels == -1
        if not known.all():
            index = int(np.argmin(known))
            raise ValueError(
                f"target {column.name!r} is {_shown(column.raw[index])} in {column.where(index)}, which is none of the "
                f"{len(self.classes)} known classes"
            )

    def _several(self, columns: list[_Column]) -> NDArray[Any]:
        """Return one column per target: 0/1 labels or values."""
        for column in columns:
            column.refuse_texts("several targets must all be numbers")
        values = np.column_stack([column.numbers for column in columns])
        binary = bool(np.all((values == 0) | (values == 1)))
        if self.task is None:
            self.task = CLASSIFICATION if binary else REGRESSION
        if self.task == REGRESSION:
            return values
        if not binary:
            row, target = np.argwhere((values != 0) & (values != 1))[0]
            raise ValueError(
                f"target {self.names[target]!r} is {values[row, target]:g} in {columns[0].where(int(row))}; a "
                f"classification "
                "with several targets needs 0 or 1 in each"
            )
        return values.astype(np.int64)


class _Column:
    """One target column: what is missing, what is a number, what is neither."""

    def __init__(self, name: str, raw: NDArray[Any], where: Where) -> None:
        import pandas as pd

        self.name, self.where = name, where
        if raw.dtype.kind == "b":
            raw = raw.astype(np.str_)
        if raw.dtype.kind in "US":
            raw = raw.astype(object)
        self.raw: NDArray[Any] = raw
        self.missing: NDArray[np.bool_] = np.asarray(pd.isna(raw), dtype=bool)
        self.numbers: NDArray[np.float64] = to_numbers(pd.Series(raw))
        self.is_text: NDArray[np.bool_] = np.isnan(self.numbers) & ~self.missing

    def refuse_missing(self) -> None:
        if self.missing.any():
            raise ValueError(
                f"target {self.name!r} is missing in {self.where(int(np.argmax(self.missing)))}"
                f"{_and_more(self.missing)}; fill it in, remove the row, or pass unlabelled=True to learn from it "
                "without a label"
            )

    def refuse_infinite(self) -> None:
        infinite = np.isinf(self.numbers)
        if infinite.any():
            raise ValueError(
                f"target {self.name!r} is infinite in {self.where(int(np.argmax(infinite)))}{_and_more(infinite)}"
            )

    def refuse_texts(self, remedy: str) -> None:
        if self.is_text.any():
            index = int(np.argmax(self.is_text))
            raise ValueError(
                f"target {self.name!r} is {_shown(self.raw[index])} in {self.where(index)}{_and_more(self.is_text)}, "
                f"which is not a number; {remedy}"
            )


def to_numbers(series: pd.Series[Any]) -> NDArray[np.float64]:
    """Return a column as float64, NaN where it is missing or not a number."""
    import pandas as pd

    return np.asarray(pd.to_numeric(series, errors="coerce").astype(np.float64), dtype=np.float64)


def labels_of(y: NDArray[Any]) -> NDArray[Any]:
    """Return the sorted distinct labels of `y` without the marks of unlabelled samples (-1 among integers, None)."""
    if y.dtype == object:
        return np.unique(np.array([label for label in y if label is not None], dtype=np.str_))
    labels = np.unique(y)
    return labels[labels != -1] if labels.dtype.kind == "i" else labels


def is_labelled(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which samples have a target."""
    if y.dtype == object:
        return np.array([label is not None for label in y], dtype=bool)
    if y.dtype.kind == "f":
        return np.asarray(~np.isnan(y).reshape(len(y), -1).any(axis=1), dtype=bool)
    return y != -1 if y.dtype.kind == "i" and y.ndim == 1 else np.ones(len(y), dtype=bool)


def refuse_constant(y: NDArray[Any], name: str, source: str) -> None:
    """Raise ValueError if all labelled samples have the same target."""
    labelled = y[is_labelled(y)]
    if len(labelled) == 0:
        raise ValueError(f"no row of {source} has a target in {name!r}; at least some must")
    for column in labelled.reshape(len(labelled), -1).T:
        if bool(np.all(column == column[0])):
            raise ValueError(
                f"target {name!r} of {source} is {_shown(column[0])} in all {len(labelled)} rows; there is nothing to "
                "learn. Choose another target"
            )


def _label_text(value: Any) -> str:
    """Return the text of a label: a whole number without its decimal point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _shown(value: Any) -> str:
    """Return a value as an error shows it: short, texts in quotes."""
    if not isinstance(value, str):
        return str(value)
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _and_more(bad: NDArray[np.bool_]) -> str:
    """Say how many more samples are bad."""
    more = int(bad.sum()) - 1
    return f" (and {more} more rows)" if more > 0 else ""
