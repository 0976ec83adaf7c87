"""Users' own files in chunks, for those larger than memory, with the checks of a whole read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.columns import CategoryColumns, ColumnKey, Targets, as_categories
from hardzero.datasets.file_format import existing_file
from hardzero.datasets.file_source import (
    FileSource,
    open_source,
    refuse_other_width,
    with_features_found,
    with_usual_target,
)
from hardzero.datasets.reading_options import ReadingOptions
from hardzero.datasets.splits import DEFAULT_FRACTIONS, PARTS, check_fractions, parts_by_row
from hardzero.datasets.targets import TargetParser

_ParsedChunk = tuple[Any, NDArray[Any] | None, int]
"""Features, targets, and the index of the first row."""


@dataclass(frozen=True)
class FileSummary:
    """What one pass over a file finds, holding only a chunk in memory.

    Parameters
    ----------
    n_samples : int
    n_features : int or None
        None for text.
    feature_names : tuple of str, or None
    target_names : tuple of str
    task : str
    classes : ndarray or None
        Sorted labels of a classification with one target; None otherwise.
    """

    n_samples: int
    n_features: int | None
    feature_names: tuple[str, ...] | None
    target_names: tuple[str, ...]
    task: str
    classes: NDArray[Any] | None


def iterate_chunks(
    path: str | os.PathLike[str],
    chunk_rows: int = 50_000,
    *,
    feature_names: Sequence[str] | None = None,
    n_features: int | None = None,
    target: Targets = None,
    task: str | None = None,
    text: ColumnKey | None = None,
    ignore: Iterable[ColumnKey] = (),
    categories: CategoryColumns = (),
    fill_missing: bool = False,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
    first_index: int | None = None,
    classes: NDArray[Any] | None = None,
    part: str | None = None,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
) -> Iterator[tuple[Any, NDArray[Any] | None]]:
    r"""Read a file chunk by chunk, with the checks and row numbers of a whole read; for files larger than memory.

    Parameters
    ----------
    path : str or path-like
    chunk_rows : int, default=50_000
        Rows held in memory at a time: 50,000 rows of 1000 features take 200 MB.
    feature_names, n_features, target, text, ignore, categories, fill_missing, delimiter, decimal, encoding, header
        As for `read_table`.
    task, unlabeled, first_index
        As for `read_table`. Whether the target holds classes or values is settled by the first chunk unless `task` or
        `classes` is given.
    classes : ndarray, or None
        All labels of the file, as `scan_file` finds them; others raise.
    part : {"train", "validation", "test"} or None
        Only the rows of this part. A row's part follows from its number and `seed` alone, not from `chunk_rows`; shares
        are `fractions` on average. Chunks are then smaller than `chunk_rows`.
    fractions : sequence of three floats, default=(0.6, 0.2, 0.2)
    seed : int, default=0

    Yields
    ------
    X : ndarray of float32, csr_array, or ndarray of str
    y : ndarray, or None without a target

    Raises
    ------
    ValueError
        As `read_table`, when the chunk at fault is reached.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "big.csv"
    >>> _ = path.write_text("a,label\n1,0\n2,1\n3,0\n")
    >>> [(X.ravel().tolist(), y.tolist()) for X, y in iterate_chunks(path, 2, target="label", task="classification")]
    [([1.0, 2.0], [0, 1]), ([3.0], [0])]
    """
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows is {chunk_rows}; it must be at least 1")
    if part is not None and part not in PARTS:
        raise ValueError(f'part is {part!r}; it must be "train", "validation", "test" or None')
    options = ReadingOptions(
        target=target,
        task=task,
        text=text,
        ignore=tuple(ignore),
        categories=as_categories(categories),
        fill_missing=fill_missing,
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        header=header,
        unlabeled=unlabeled,
        first_index=first_index,
    )
    source = open_source(existing_file(path), options, feature_names=feature_names, n_features=n_features)
    if feature_names is None:
        source = with_features_found(source, chunk_rows)
    refuse_other_width(source, n_features)
    fractions = check_fractions(fractions)
    chunks = _parsed_chunks(source, chunk_rows, classes)
    if part is None:
        return ((X, y) for X, y, _ in chunks)
    return _rows_of_part(chunks, part, fractions, seed)


def scan_file(
    path: str | os.PathLike[str],
    *,
    target: Targets = None,
    task: str | None = None,
    text: ColumnKey | None = None,
    ignore: Iterable[ColumnKey] = (),
    categories: CategoryColumns = (),
    fill_missing: bool = False,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
    first_index: int | None = None,
    chunk_rows: int = 50_000,
) -> FileSummary:
    """Pass once over a file that may be larger than memory: count it, check every row, and settle task and classes.

    Parameters
    ----------
    path, target, task, text, ignore, categories, fill_missing, delimiter, decimal, encoding, header
        As for `load`.
    unlabeled, first_index
        As for `load`.
    chunk_rows : int, default=50_000
        Rows held in memory at a time.

    Returns
    -------
    FileSummary

    Raises
    ------
    ValueError
        If a row is at fault or the target is constant.
    """
    options = ReadingOptions(
        target=target,
        task=task,
        text=text,
        ignore=tuple(ignore),
        categories=as_categories(categories),
        fill_missing=fill_missing,
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        header=header,
        unlabeled=unlabeled,
        first_index=first_index,
    )
    source = with_features_found(with_usual_target(open_source(existing_file(path), options)), chunk_rows)
    parser: TargetParser | None = None
    n_samples, n_features = 0, None
    for X, columns, first_row in source.chunks(chunk_rows):
        parser = parser or source.parser(columns)
        parser.observe(columns, source.where(first_row))
        n_samples += X.shape[0]
        n_features = None if source.selection.text is not None else int(X.shape[1])
    assert parser is not None
    settled = parser.settle()
    parser.refuse_constant(source.path.name)
    return FileSummary(
        n_samples=n_samples,
        n_features=n_features,
        feature_names=source.feature_names(),
        target_names=parser.names,
        task=settled,
        classes=parser.found_classes(),
    )


def _parsed_chunks(source: FileSource, chunk_rows: int, classes: NDArray[Any] | None) -> Iterator[_ParsedChunk]:
    """Yield the checked chunks of an opened file."""
    parser: TargetParser | None = None
    for X, columns, first_row in source.chunks(chunk_rows):
        parser = parser or source.parser(columns, classes)
        yield X, parser.parse(columns, source.where(first_row)) if columns else None, first_row


def _rows_of_part(
    chunks: Iterable[_ParsedChunk], part: str, fractions: Sequence[float], seed: int
) -> Iterator[tuple[Any, NDArray[Any] | None]]:
    """Yield the rows of one part, chunk by chunk, passing over chunks without any."""
    for X, y, first_row in chunks:
        chosen = np.flatnonzero(parts_by_row(first_row, X.shape[0], fractions, seed) == PARTS.index(part))
        if len(chosen):
            yield X[chosen], None if y is None else y[chosen]
