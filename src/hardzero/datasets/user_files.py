"""Users' own files: CSV, TSV, NPZ and svmlight, whole or in chunks, with the same checks either way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack

from hardzero.datasets import npz, svmlight
from hardzero.datasets.columns import ColumnKey, Selection, Targets, select_columns, usual_target
from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.delimited import DelimitedFile, open_delimited, read_chunks
from hardzero.datasets.splits import DEFAULT_FRACTIONS, PARTS, check_fractions, parts_by_row, stratified_parts
from hardzero.datasets.target_column import Where
from hardzero.datasets.targets import TargetParser, is_labeled

CSV, NPZ, SVMLIGHT = "csv", "npz", "svmlight"
ENDINGS = {
    ".csv": CSV,
    ".tsv": CSV,
    ".tab": CSV,
    ".npz": NPZ,
    ".svmlight": SVMLIGHT,
    ".libsvm": SVMLIGHT,
    ".svm": SVMLIGHT,
}
SNIFFED_ENDINGS = (".txt", ".data", ".dat", "")
"""Endings that say nothing: the first line decides between svmlight and a delimited table."""

NPZ_TARGET = "y"
SVMLIGHT_TARGET = "target"


@dataclass(frozen=True)
class Table:
    """A file read as a whole.

    Parameters
    ----------
    X : ndarray of float32 or csr_array of shape (n_samples, n_features), or ndarray of str (dtype object)
    y : ndarray or None
        None where no target was asked for, or the file has none.
    feature_names : tuple of str, or None
    target_names : tuple of str
    unused_columns : tuple of str
        Columns that were neither features nor targets.
    task : str or None
    image_shape : tuple of int or None
    """

    X: Any
    y: NDArray[Any] | None
    feature_names: tuple[str, ...] | None
    target_names: tuple[str, ...]
    unused_columns: tuple[str, ...]
    task: str | None
    image_shape: tuple[int, ...] | None = None


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


@dataclass(frozen=True)
class _Source:
    """An opened file: its format, what its columns are for, and a way through its rows."""

    path: Path
    format: str
    selection: Selection
    table: DelimitedFile | None
    n_features: int | None

    def chunks(self, chunk_rows: int | None) -> Iterator[tuple[Any, list[NDArray[Any]], int]]:
        """Yield features, raw target columns and the index of the first row."""
        if self.table is not None:
            for chunk in read_chunks(self.table, self.selection, chunk_rows):
                yield chunk.X, chunk.targets, chunk.first_record
        elif self.format == SVMLIGHT:
            for block in svmlight.iterate_svmlight(self.path, chunk_rows, self.n_features):
                yield block.X, [block.target] if self.selection.targets else [], block.first_row
        else:
            name = self.selection.targets[0] if self.selection.targets else None
            if chunk_rows is None:
                samples = npz.read_npz(self.path, name)
                pieces = iter([(samples.X, samples.target, 0)])
            else:
                pieces = npz.iterate_npz(self.path, name, chunk_rows)
            for X, target, first_row in pieces:
                if self.n_features is not None and X.shape[1] != self.n_features:
                    raise ValueError(f"{self.path} has {X.shape[1]} features; {self.n_features} are expected")
                yield X, _target_columns(target), first_row

    def target_names(self, columns: list[NDArray[Any]]) -> tuple[str, ...]:
        """Return one name per target column; the columns of a two-dimensional array are numbered."""
        if len(columns) == len(self.selection.targets):
            return self.selection.targets
        return tuple(f"{self.selection.targets[0]}_{index + 1}" for index in range(len(columns)))

    def where(self, first_row: int) -> Where:
        """Return a function from an index in a chunk to its place in the file."""

        def place(index: int) -> str:
            row = first_row + index
            if self.table is not None:
                return self.table.where(row)
            return svmlight.where(self.path, row) if self.format == SVMLIGHT else f"row {row + 1} of {self.path.name}"

        return place


def load_file(
    path: str | os.PathLike[str],
    *,
    target: Targets = None,
    task: str | None = None,
    text: ColumnKey | None = None,
    ignore: Iterable[ColumnKey] = (),
    delimiter: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
) -> Dataset:
    """Load a user's file and divide it; see `hardzero.datasets.load`."""
    fractions = check_fractions(fractions)
    checked = existing_file(path)
    if file_format(checked) == NPZ and npz.has_splits(checked):
        return _load_split_npz(checked, task, unlabeled)
    source = _open(checked, target, text, ignore, delimiter, encoding, header)
    if not source.selection.targets:
        source = replace(source, selection=_with_usual_target(source, text, ignore))
    X, y, parser = _read_whole(source, task, unlabeled)
    assert y is not None
    parser.refuse_constant(checked.name)
    parts = _divide(y, parser.task == CLASSIFICATION and y.ndim == 1, fractions, seed, checked)
    splits = [Split(X[part], y[part]) for part in parts]
    sizes = ", ".join(f"{len(split):,} {part}" for split, part in zip(splits, PARTS, strict=True))
    how = "stratified by class" if parser.task == CLASSIFICATION and y.ndim == 1 else "at random"
    return Dataset(
        name=checked.name,
        task=str(parser.task),
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        feature_names=_feature_names(source),
        target_names=parser.names,
        class_names=parser.class_names(),
        image_shape=npz.read_image_shape(checked) if source.format == NPZ else None,
        description=f"{checked.name}: {len(y):,} samples, divided {how} with seed {seed}: {sizes}.",
        is_text=source.selection.text is not None,
    )


def read_table(
    path: str | os.PathLike[str],
    *,
    feature_names: Sequence[str] | None = None,
    n_features: int | None = None,
    target: Targets = None,
    target_required: bool = True,
    task: str | None = None,
    text: ColumnKey | None = None,
    ignore: Iterable[ColumnKey] = (),
    delimiter: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
    classes: NDArray[Any] | None = None,
) -> Table:
    r"""Read a whole file without dividing it, for prediction or evaluation.

    Parameters
    ----------
    path : str or path-like
        A CSV, TSV, NPZ or svmlight file, as for `load`.
    feature_names : sequence of str, or None
        Features of the model. Columns are matched by name and put into this order; columns that are neither these nor
        the target are not used and listed in the result.
    n_features : int, or None
        Number of features of the model, where they have no names.
    target : str, int, sequence of these, or None
        Target column; None reads no target.
    target_required : bool, default=True
        False reads a file that lacks the target, with `y` None.
    task, text, ignore, delimiter, encoding, header, unlabeled
        As for `load`.
    classes : ndarray, or None
        Labels the target may hold; others raise.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If a feature is missing or not a number, naming column and row, or a column of the model is not in the file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "new.csv"
    >>> _ = path.write_text("width,id,height\n2,a,1\n4,b,3\n")
    >>> read_table(path, feature_names=["height", "width"]).X.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    checked = existing_file(path)
    source = _open(
        checked, target, text, ignore, delimiter, encoding, header, feature_names, n_features, target_required
    )
    X, y, parser = _read_whole(source, task, unlabeled, classes)
    return Table(
        X=X,
        y=y,
        feature_names=_feature_names(source),
        target_names=parser.names if y is not None else (),
        unused_columns=source.selection.unused,
        task=parser.task if y is not None else None,
        image_shape=npz.read_image_shape(checked) if source.format == NPZ else None,
    )


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
    delimiter: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
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
    feature_names, n_features, target, task, text, ignore, delimiter, encoding, header, unlabeled
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
    source = _open(existing_file(path), target, text, ignore, delimiter, encoding, header, feature_names, n_features)
    return _parsed_chunks(source, chunk_rows, task, unlabeled, classes, part, check_fractions(fractions), seed)


def scan_file(
    path: str | os.PathLike[str],
    *,
    target: Targets = None,
    task: str | None = None,
    text: ColumnKey | None = None,
    ignore: Iterable[ColumnKey] = (),
    delimiter: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
    chunk_rows: int = 50_000,
) -> FileSummary:
    """Pass once over a file that may be larger than memory: count it, check every row, and settle task and classes.

    Parameters
    ----------
    path, target, task, text, ignore, delimiter, encoding, header, unlabeled
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
    source = _open(existing_file(path), target, text, ignore, delimiter, encoding, header)
    if not source.selection.targets:
        source = replace(source, selection=_with_usual_target(source, text, ignore))
    parser: TargetParser | None = None
    n_samples, n_features = 0, None
    for X, columns, first_row in source.chunks(chunk_rows):
        parser = parser or TargetParser(source.target_names(columns), task, unlabeled)
        parser.observe(columns, source.where(first_row))
        n_samples += X.shape[0]
        n_features = None if source.selection.text is not None else int(X.shape[1])
    assert parser is not None
    settled = parser.settle()
    parser.refuse_constant(source.path.name)
    return FileSummary(
        n_samples=n_samples,
        n_features=n_features,
        feature_names=_feature_names(source),
        target_names=parser.names,
        task=settled,
        classes=parser.found_classes(),
    )


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return `path` if it is a file that is not empty.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is a folder, a pipe, or empty.
    """
    checked = Path(path).expanduser()
    if checked.is_dir():
        raise ValueError(f"{checked} is a folder; give the path of a file")
    if not checked.exists():
        raise FileNotFoundError(f"there is no file {checked}")
    if not checked.is_file():
        raise ValueError(f"{checked} is a pipe or a device, which can be read only once: save what it gives to a file")
    if checked.stat().st_size == 0:
        raise ValueError(f"{checked} is empty")
    return checked


def file_format(path: Path) -> str:
    """Return the format of a file by its ending, or by its first line where the ending says nothing."""
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    ending = bare.suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if ending in SNIFFED_ENDINGS:
        return SVMLIGHT if svmlight.looks_like_svmlight(path) else CSV
    raise ValueError(
        f"{path} ends in {ending!r}, which is none of the formats read: {', '.join(ENDINGS)} (each also .gz, "
        f"but .npz); "
        "convert or rename it"
    )


def _open(
    path: Path,
    target: Targets,
    text: ColumnKey | None,
    ignore: Iterable[ColumnKey],
    delimiter: str | None,
    encoding: str,
    header: bool,
    feature_names: Sequence[str] | None = None,
    n_features: int | None = None,
    target_required: bool = True,
) -> _Source:
    """Find out the format and what each column is for."""
    kind = file_format(path)
    if kind == CSV:
        table = open_delimited(path, delimiter=delimiter, encoding=encoding, header=header)
        selection = select_columns(
            table.names,
            str(path),
            target=target,
            text=text,
            ignore=ignore,
            feature_names=feature_names,
            target_required=target_required,
        )
        if n_features is not None and text is None and len(selection.features) != n_features:
            raise ValueError(f"{path} has {len(selection.features)} feature columns; {n_features} are expected")
        return _Source(path, kind, selection, table, None)
    if text is not None or list(ignore):
        raise ValueError(f"{path} has no named columns; text= and ignore= are for CSV and TSV files")
    if feature_names is not None and n_features is None:
        n_features = len(feature_names)
    targets = _array_target(path, kind, target, target_required)
    return _Source(path, kind, Selection((), targets, None, ()), None, n_features)


def _array_target(path: Path, kind: str, target: Targets, required: bool) -> tuple[str, ...]:
    """Return the name of the target of a file without columns, in a tuple; empty if there is none."""
    if target is None:
        return ()
    if not isinstance(target, str):
        raise ValueError(f"target is {target!r}; {path} holds one target, named by a str")
    if kind == SVMLIGHT:
        return (SVMLIGHT_TARGET,)
    return (target,) if required or target in npz.array_names(path) else ()


def _with_usual_target(source: _Source, text: ColumnKey | None, ignore: Iterable[ColumnKey]) -> Selection:
    """Return the selection with the target that has a usual name."""
    if source.table is None:
        return replace(source.selection, targets=(NPZ_TARGET if source.format == NPZ else SVMLIGHT_TARGET,))
    name = str(source.path)
    return select_columns(
        source.table.names, name, target=usual_target(source.table.names, name), text=text, ignore=ignore
    )


def _read_whole(
    source: _Source, task: str | None, unlabeled: bool, classes: NDArray[Any] | None = None
) -> tuple[Any, NDArray[Any] | None, TargetParser]:
    """Read all rows at once."""
    pieces = list(source.chunks(None))
    X = pieces[0][0] if len(pieces) == 1 else _join([piece[0] for piece in pieces])
    columns = [np.concatenate(column) for column in zip(*(piece[1] for piece in pieces), strict=True)]
    parser = TargetParser(source.target_names(columns), task, unlabeled, classes)
    return X, parser.parse(columns, source.where(0)) if columns else None, parser


def _join(parts: list[Any]) -> Any:
    """Stack the rows of several chunks."""
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else vstack(parts, format="csr")


def _parsed_chunks(
    source: _Source,
    chunk_rows: int,
    task: str | None,
    unlabeled: bool,
    classes: NDArray[Any] | None,
    part: str | None,
    fractions: tuple[float, float, float],
    seed: int,
) -> Iterator[tuple[Any, NDArray[Any] | None]]:
    """Yield the checked chunks of an opened file."""
    parser: TargetParser | None = None
    for X, columns, first_row in source.chunks(chunk_rows):
        parser = parser or TargetParser(source.target_names(columns), task, unlabeled, classes)
        y = parser.parse(columns, source.where(first_row)) if columns else None
        if part is not None:
            chosen = np.flatnonzero(parts_by_row(first_row, X.shape[0], fractions, seed) == PARTS.index(part))
            if len(chosen) == 0:
                continue
            X, y = X[chosen], None if y is None else y[chosen]
        yield X, y


def _target_columns(target: NDArray[Any] | None) -> list[NDArray[Any]]:
    """Return a target array as a list of columns."""
    if target is None:
        return []
    return [target] if target.ndim == 1 else list(target.T)


def _divide(
    y: NDArray[Any], stratify: bool, fractions: tuple[float, float, float], seed: int, path: Path
) -> list[NDArray[np.intp]]:
    """Divide the labeled samples; the unlabeled ones serve training only."""
    labeled = np.flatnonzero(is_labeled(y))
    known = y[labeled].astype(np.str_) if y.dtype == object else y[labeled]
    parts = [labeled[part] for part in stratified_parts(known if stratify else None, len(labeled), fractions, seed)]
    for part, fraction, name in zip(parts, fractions, PARTS, strict=True):
        if fraction > 0 and len(part) == 0:
            raise ValueError(f"{path} has {len(labeled)} rows with a target, too few for a {name} split; add rows")
    parts[0] = np.sort(np.concatenate([parts[0], np.flatnonzero(~is_labeled(y))]))
    return parts


def _feature_names(source: _Source) -> tuple[str, ...] | None:
    """Return the names of the features where the file gives them."""
    if source.table is not None:
        return None if source.selection.text is not None else source.selection.features
    return npz.read_feature_names(source.path) if source.format == NPZ else None


def _load_split_npz(path: Path, task: str | None, unlabeled: bool) -> Dataset:
    """Load a file that brings its own splits."""
    samples = npz.read_npz_splits(path)
    targets = [samples[part].target for part in PARTS]
    ends = np.cumsum([len(target) for target in targets if target is not None])
    columns = _target_columns(np.concatenate([target for target in targets if target is not None]))
    names = (NPZ_TARGET,) if len(columns) == 1 else tuple(f"{NPZ_TARGET}_{i + 1}" for i in range(len(columns)))
    parser = TargetParser(names, task, unlabeled)
    y = parser.parse(columns, lambda row: f"row {row + 1} of the train, validation and test targets of {path.name}")
    parser.refuse_constant(path.name)
    splits = [Split(samples[part].X, piece) for part, piece in zip(PARTS, np.split(y, ends[:-1]), strict=True)]
    return Dataset(
        name=path.name,
        task=str(parser.task),
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        feature_names=None,
        target_names=names,
        class_names=parser.class_names(),
        image_shape=samples[PARTS[0]].image_shape,
        description=f"{path.name}: {len(y):,} samples, divided as the file divides them.",
    )
