"""What a target column has shown so far, in little memory: enough to tell classes from values, and to list them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.data_fault import DataFault
from hardzero.datasets.dataset import CLASSIFICATION, REGRESSION
from hardzero.datasets.target_column import TargetColumn, label_text, numbers_of, shown

MOST_CLASSES = 20
"""Whole numbers with more distinct values than this are read as a quantity, unless told otherwise."""

MOST_DISTINCT = 100_000
"""Distinct values remembered; a column with more is no class whatever else it is."""

NUMERIC_SHARE = 0.9
"""A target of which more than this share are numbers is one with typing errors, not one of labels."""

LABELS_REMEDY = 'pass task="classification" if these are labels'

NUMBERS_REMEDIES = (
    "write numbers with a decimal point and remove the rows without a target",
    'pass decimal="," if numbers have a comma',
    LABELS_REMEDY,
)


@dataclass
class TargetEvidence:
    """What is known of one target column after some chunks of it."""

    name: str
    n_labeled: int = 0
    n_text: int = 0
    n_decimal_commas: int = 0
    first_text: str = ""
    first_fraction: str = ""
    whole: bool = True
    told_by_numbers: bool = True
    _distinct: set[Any] = field(default_factory=set)

    def update(self, column: TargetColumn) -> None:
        """Take in one more chunk."""
        import pandas as pd

        labeled = column.numbers[~column.missing & ~column.is_text]
        self.n_labeled += int((~column.missing).sum())
        if column.is_text.any() and not self.n_text:
            index = int(np.argmax(column.is_text))
            self.first_text = f"target {self.name!r} is {shown(column.raw[index])} in {column.where(index)}"
        if column.is_text.any():
            self.n_text += int(column.is_text.sum())
            self.n_decimal_commas += int(column.decimal_commas().sum())
        fractions = labeled[labeled != np.rint(labeled)]
        if self.whole and len(fractions):
            self.whole, self.first_fraction = False, f"{fractions[0]:g}"
        if self.whole and self.told_by_numbers:
            self.told_by_numbers = not column.only_texts_tell.any()
        if len(self._distinct) <= MOST_DISTINCT:
            self._distinct.update(pd.unique(column.raw[~column.missing]))

    def infer_task(self) -> str:
        """Decide between classes and values.

        Raises
        ------
        ValueError
            If texts stand among numbers that are no labels, because nearly all targets are numbers or some have a
            fraction, if most texts are numbers with a decimal comma, or if each is another text.
        """
        if self.n_text:
            self._refuse_typing_errors()
            return CLASSIFICATION
        n_distinct = len(self._distinct_numbers() if self.told_by_numbers else self._distinct)
        few = n_distinct <= MOST_CLASSES and n_distinct <= max(2, self.n_labeled // 2)
        return CLASSIFICATION if self.whole and few else REGRESSION

    def labels_are_whole(self, unlabeled: bool) -> bool:
        """Say whether labels can be int64; an estimator takes -1 for "unlabeled", so a label -1 stays a text."""
        exact = self.all_whole() and self.told_by_numbers
        return exact and (unlabeled or -1.0 not in self._distinct_numbers())

    def all_whole(self) -> bool:
        """Say whether all targets are whole numbers."""
        return not self.n_text and self.whole

    def is_binary(self) -> bool:
        """Say whether all targets are 0 or 1."""
        return not self.n_text and set(self._distinct_numbers()) <= {0.0, 1.0}

    def classes(self, unlabeled: bool) -> NDArray[Any]:
        """Return the sorted labels: int64 or str.

        Raises
        ------
        ValueError
            If there are too many.
        """
        if len(self._distinct) > MOST_DISTINCT:
            raise ValueError(
                f"target {self.name!r} holds more than {MOST_DISTINCT:,} distinct values; that is no class"
            )
        if self.labels_are_whole(unlabeled):
            labels: NDArray[Any] = self._distinct_numbers().astype(np.int64)
            return np.asarray(labels[labels != -1])
        values = list(self._distinct)
        if unlabeled and self.all_whole():
            values = [value for value, number in zip(values, numbers_of(values), strict=True) if number != -1]
        return np.unique(np.array([label_text(value) for value in values], dtype=np.str_))

    def refuse_texts(self, reason: str, *remedies: str) -> None:
        """Raise DataFault if a target is not a number; the reason says why it should be one."""
        if self.n_text:
            more = f" (and {self.n_text - 1} more rows)" if self.n_text > 1 else ""
            raise DataFault(f"{self.first_text}{more}, which is not a number; {reason}", *remedies)

    def refuse_constant(self, source: str, *, as_labels: bool) -> None:
        """Raise ValueError if no sample has a target, or all have the same, as labels or else as numbers."""
        if self.n_labeled == 0:
            raise ValueError(f"no row of {source} has a target in {self.name!r}; at least some must")
        by_text = self.n_text or (as_labels and not self.told_by_numbers)
        distinct = self._distinct if by_text else set(self._distinct_numbers())
        if len(distinct) == 1:
            only = next(iter(distinct))
            value = shown(only) if by_text else label_text(only)
            raise ValueError(
                f"target {self.name!r} of {source} is {value} in all {self.n_labeled} rows; there is nothing to "
                "learn. Choose another target"
            )

    def _distinct_numbers(self) -> NDArray[np.float64]:
        return np.unique(numbers_of(list(self._distinct)))

    def _refuse_typing_errors(self) -> None:
        """Refuse a column of numbers with texts among them or with decimal commas, and one where each text is new."""
        if self.n_text < (1 - NUMERIC_SHARE) * self.n_labeled:
            self.refuse_texts("nearly all other targets are", "correct it", LABELS_REMEDY)
        if not self.whole:
            self.refuse_texts(f"others are, such as {self.first_fraction}", *NUMBERS_REMEDIES)
        if self.n_decimal_commas > self.n_text / 2:
            self.refuse_texts("most texts are numbers with a decimal comma", *NUMBERS_REMEDIES)
        n_distinct = len(self._distinct)
        if n_distinct > MOST_DISTINCT or (n_distinct > MOST_CLASSES and n_distinct == self.n_labeled):
            raise DataFault(
                f"{self.first_text}, and a different text in each of {n_distinct} rows; that is no class",
                "choose another target",
                'pass task="classification" to insist',
            )
