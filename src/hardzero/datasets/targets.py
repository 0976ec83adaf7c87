"""From the target columns of a file to labels or values, as the estimators take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.dataset import CLASSIFICATION, REGRESSION
from hardzero.datasets.target_column import INEXACT_FROM, TargetColumn, Where, label_text, numbers_of, shown
from hardzero.datasets.target_evidence import LABELS_REMEDY, TargetEvidence

WHOLE_LABELS, WHOLE_TEXTS, TEXT_LABELS = "whole numbers", "texts of whole numbers", "texts"


@dataclass
class TargetParser:
    """Turns raw target columns into `y`, chunk after chunk; the first chunk settles what was not given.

    Parameters
    ----------
    names : tuple of str
        Names of the target columns.
    task : {"classification", "regression"} or None
        None infers it: texts are classes, but not among numbers with a fraction or if most are numbers with a decimal
        comma, which are refused; whole numbers are classes if there are at most 20 distinct ones and at most half as
        many as samples; other numbers are values of a regression. Several targets are a regression, unless all hold
        only 0 and 1. Whole-number labels with leading zeros, or of 2**53 or more, stay texts as they are written.
    unlabeled : bool
        Accept missing targets (and -1 among whole-number labels) and mark them as the estimators expect: -1 for
        whole-number labels, None for text labels, NaN for values.
    classes : ndarray or None
        Labels known beforehand; others raise.
    """

    names: tuple[str, ...]
    task: str | None = None
    unlabeled: bool = False
    classes: NDArray[Any] | None = None
    evidence: list[TargetEvidence] = field(init=False)
    _labels_are: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.task not in (None, CLASSIFICATION, REGRESSION):
            raise ValueError(
                f'task={self.task!r} is unknown: it must be "classification" or "regression", or left out to infer it'
            )
        self.evidence = [TargetEvidence(name) for name in self.names]
        if self.classes is not None:
            self.classes = np.asarray(self.classes)
            self.task = self.task or CLASSIFICATION
            self._labels_are = _kind_of(self.classes)

    def observe(self, columns: Sequence[NDArray[Any]], where: Where) -> list[TargetColumn]:
        """Check a chunk and remember what it shows, without settling anything.

        Parameters
        ----------
        columns : sequence of ndarray of shape (n_samples,)
            One per target, of numbers, or of str with None where a value is missing.
        where : callable
            From a sample's index in the chunk to its place in the file.
        """
        checked = [TargetColumn(name, column, where) for name, column in zip(self.names, columns, strict=True)]
        for column, evidence in zip(checked, self.evidence, strict=True):
            column.refuse_infinite()
            if not self.unlabeled:
                column.refuse_missing()
            evidence.update(column)
        return checked

    def settle(self) -> str:
        """Return the task, inferred from all that was observed if it was not given."""
        if len(self.evidence) > 1:
            for evidence in self.evidence:
                evidence.refuse_texts("several targets must all be numbers")
            binary = all(evidence.is_binary() for evidence in self.evidence)
            self.task = self.task or (CLASSIFICATION if binary else REGRESSION)
            return self.task
        evidence = self.evidence[0]
        self.task = self.task or evidence.infer_task()
        if self.task == REGRESSION:
            evidence.refuse_texts("a regression needs numbers", LABELS_REMEDY)
        elif self._labels_are is None and evidence.labels_are_whole(self.unlabeled):
            self._labels_are = WHOLE_LABELS
        elif self._labels_are is None:
            self._labels_are = WHOLE_TEXTS if evidence.all_whole() else TEXT_LABELS
        return self.task

    def parse(self, columns: Sequence[NDArray[Any]], where: Where) -> NDArray[Any]:
        """Return `y` for one chunk.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_targets) for several targets
        """
        checked = self.observe(columns, where)
        task = self.settle()
        if len(checked) > 1:
            return self._several(checked, task)
        return checked[0].numbers if task == REGRESSION else self._labels(checked[0])

    def found_classes(self) -> NDArray[Any] | None:
        """Return the sorted labels of all that was observed; None for a regression and for several targets."""
        if self.task == REGRESSION or len(self.names) > 1:
            return None
        return self.evidence[0].classes(self.unlabeled)

    def class_names(self) -> tuple[str, ...] | None:
        """Return what the sorted labels are called; the targets' names where there are several."""
        if self.task == REGRESSION:
            return None
        classes = self.found_classes()
        return self.names if classes is None else tuple(str(label) for label in classes)

    def refuse_constant(self, source: str) -> None:
        """Raise ValueError if a target is the same in all that was observed."""
        for evidence in self.evidence:
            evidence.refuse_constant(source, as_labels=self._labels_are is not None)

    def _labels(self, column: TargetColumn) -> NDArray[Any]:
        unlabeled = column.missing
        if self.unlabeled and self._labels_are != TEXT_LABELS:
            unlabeled = unlabeled | (column.numbers == -1)
        whole = self._labels_are == WHOLE_LABELS
        labels = self._whole_labels(column) if whole else _text_labels(column, unlabeled)
        if self.classes is not None:
            self._refuse_unknown(labels, column, unlabeled)
        return labels

    def _whole_labels(self, column: TargetColumn) -> NDArray[np.int64]:
        column.refuse_texts("the labels before it are whole numbers; give all the classes= of the file")
        values = np.where(column.missing, -1.0, column.numbers)
        broken = (values != np.rint(values)) | (np.abs(values) >= INEXACT_FROM)
        if not self.unlabeled:
            broken |= values == -1
        if self.classes is None:
            broken |= column.only_texts_tell
        if broken.any():
            index = int(np.argmax(broken))
            raise ValueError(
                f"target {column.name!r} is {shown(column.raw[index])} in {column.where(index)}, while the "
                "labels before it are whole numbers below 2**53 other than -1, without leading zeros; give all the "
                "classes= of the file, as texts"
            )
        return values.astype(np.int64)

    def _refuse_unknown(self, labels: NDArray[Any], column: TargetColumn, unlabeled: NDArray[np.bool_]) -> None:
        assert self.classes is not None
        known = np.isin(labels, self.classes) | unlabeled
        if not known.all():
            index = int(np.argmin(known))
            raise ValueError(
                f"target {column.name!r} is {shown(column.raw[index])} in {column.where(index)}, which is none of the "
                f"{len(self.classes)} known classes"
            )

    def _several(self, columns: list[TargetColumn], task: str) -> NDArray[Any]:
        """Return one column per target: 0/1 labels or values."""
        values = np.column_stack([column.numbers for column in columns])
        if task == REGRESSION:
            return values
        wrong = (values != 0) & (values != 1)
        if wrong.any():
            row, target = np.argwhere(wrong)[0]
            raise ValueError(
                f"target {self.names[target]!r} is {values[row, target]:g} in {columns[0].where(int(row))}; a "
                "classification with several targets needs 0 or 1 in each"
            )
        return values.astype(np.int64)


def _kind_of(classes: NDArray[Any]) -> str:
    """Return how labels of these classes are read; a label -1 is none that marks the unlabeled."""
    if classes.dtype.kind not in "OUT":
        return WHOLE_LABELS
    numbers = numbers_of(classes.tolist())
    return WHOLE_TEXTS if np.all(numbers == np.rint(numbers)) and -1 not in numbers else TEXT_LABELS


def _text_labels(column: TargetColumn, unlabeled: NDArray[np.bool_]) -> NDArray[Any]:
    """Return labels as str, None where there is none."""
    pairs = zip(column.raw, unlabeled, strict=True)
    labels = [None if none else label_text(value) for value, none in pairs]
    return np.array(labels, dtype=object if unlabeled.any() else np.str_)


def is_labeled(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which samples have a target."""
    if y.dtype == object:
        return np.array([label is not None for label in y], dtype=bool)
    if y.dtype.kind == "f":
        return np.asarray(~np.isnan(y).reshape(len(y), -1).any(axis=1), dtype=bool)
    return y != -1 if y.dtype.kind == "i" and y.ndim == 1 else np.ones(len(y), dtype=bool)
