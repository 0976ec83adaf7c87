"""A file larger than memory, read a chunk at a time and divided by row number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hardzero.datasets import FileSummary, Split

HELD_OUT_ROWS = 10_000
"""Most rows of the validation and of the test part that are kept in memory: enough for two digits of an error."""


@dataclass
class Stream:
    """A file read in chunks, its rows divided by their number.

    Parameters
    ----------
    path : str
    chunk_rows : int
    options : dict
        As for `hardzero.datasets.iterate_chunks`.
    vectorizer : CountVectorizer, HashingVectorizer or None
        Of a file of texts.
    seed : int
        Divides the rows.

    Attributes
    ----------
    checksum : str
        SHA-256 of the file as it is before it is read.

    Raises
    ------
    ValueError
        If it is no file, or has no row for training or none for the test.
    """

    path: str
    chunk_rows: int
    options: dict[str, Any]
    vectorizer: Any
    seed: int
    checksum: str = field(init=False)
    summary: FileSummary = field(init=False)
    n_train: int = field(init=False)

    def __post_init__(self) -> None:
        from hardzero import datasets
        from hardzero.datasets.catalog import is_named
        from hardzero.datasets.splits import parts_by_row

        if self.chunk_rows < 1:
            raise ValueError(f"--chunk-rows {self.chunk_rows} must be at least 1")
        if is_named(self.path):
            raise ValueError(f"--chunk-rows is for files; {self.path} is a named data set")
        if not Path(self.path).is_file():
            raise ValueError(f"--chunk-rows is for files; there is no file {self.path}")
        with open(self.path, "rb") as file:
            self.checksum = hashlib.file_digest(file, "sha256").hexdigest()
        self.summary = datasets.scan_file(self.path, chunk_rows=self.chunk_rows, **self.options)
        if len(self.summary.target_names) > 1:
            raise ValueError("--chunk-rows takes one target column")
        starts = range(0, self.summary.n_samples, self.chunk_rows)
        sizes = (min(self.chunk_rows, self.summary.n_samples - start) for start in starts)
        rows_of_parts = np.zeros(3, dtype=np.int64)
        for start, size in zip(starts, sizes, strict=True):
            rows_of_parts += np.bincount(parts_by_row(start, size, seed=self.seed), minlength=3)
        self.n_train, _, n_test = rows_of_parts.tolist()
        if not self.n_train:
            raise ValueError(f"{self.path} has too few rows to divide; add rows")
        if not n_test:
            raise ValueError(f"{self.path} has no test samples to report on; add samples")
        if self.vectorizer is not None and hasattr(self.vectorizer, "max_features"):
            from hardzero.vocabulary import learn_vocabulary

            learn_vocabulary(self.vectorizer, (texts for texts, _ in self._raw("train")))

    def chunks(self, part: str) -> Iterator[tuple[Any, Any]]:
        """Yield the chunks of a part as numbers or CSR rows of words."""
        from scipy.sparse import csr_array

        for X, y in self._raw(part):
            yield X if self.vectorizer is None else csr_array(self.vectorizer.transform(X)), y

    def first_rows(self, part: str) -> tuple[Any, Any] | None:
        """Return the first 10,000 rows of a part, or None if it has none."""
        from hardzero.datasets.rows import stack_rows

        pieces, n_rows = [], 0
        for X, y in self.chunks(part):
            pieces.append((X, y))
            n_rows += X.shape[0]
            if n_rows >= HELD_OUT_ROWS:
                break
        if not pieces:
            return None
        X = stack_rows([X for X, _ in pieces])
        return X[:HELD_OUT_ROWS], np.concatenate([y for _, y in pieces])[:HELD_OUT_ROWS]

    def test(self) -> Split:
        """Return the first 10,000 rows of the test part."""
        from hardzero.datasets import Split

        rows = self.first_rows("test")
        assert rows is not None
        return Split(*rows)

    def _raw(self, part: str) -> Iterator[tuple[Any, Any]]:
        from hardzero import datasets

        options = {**self.options, "target": self.summary.target_names[0], "task": self.summary.task}
        if self.vectorizer is None:
            options |= {"n_features": self.summary.n_features, "feature_names": self.summary.feature_names}
        return datasets.iterate_chunks(
            self.path, self.chunk_rows, classes=self.summary.classes, part=part, seed=self.seed, **options
        )
