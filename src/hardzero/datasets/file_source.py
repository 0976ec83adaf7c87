"""A user's opened file: what its columns are for, and a way through its rows whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets import npz, svmlight
from hardzero.datasets.categories import ALL, MISSING, Categories, categories_of, with_categories
from hardzero.datasets.columns import (
    Selection,
    Targets,
    find_column,
    has_features,
    listed,
    select_columns,
    usual_target,
    with_blanks_of,
)
from hardzero.datasets.delimited import (
    CATEGORY_ROWS,
    DelimitedFile,
    find_categories,
    find_missing,
    open_delimited,
    read_chunks,
)
from hardzero.datasets.file_format import CSV, NPZ, SVMLIGHT, file_format
from hardzero.datasets.reading_options import ReadingOptions
from hardzero.datasets.target_column import Where
from hardzero.datasets.targets import TargetParser

NPZ_TARGET = "y"
SVMLIGHT_TARGET = "target"

RawChunk = tuple[Any, list[NDArray[Any]], int]
"""Features, raw target columns, and the index of the first row."""


@dataclass(frozen=True)
class FileSource:
    """An opened file.

    Parameters
    ----------
    path : Path
    format : str
    options : ReadingOptions
    selection : Selection
        What each column is for; of a file without columns only the target is named.
    table : DelimitedFile or None
        None for a file without columns.
    n_features : int or None
        Features that a file without columns must have; None for any number.
    array_names : tuple of str, or None
        Names of the columns of the array `X`, where the selection chooses among them.
    """

    path: Path
    format: str
    options: ReadingOptions
    selection: Selection
    table: DelimitedFile | None = None
    n_features: int | None = None
    array_names: tuple[str, ...] | None = None

    def chunks(self, chunk_rows: int | None) -> Iterator[RawChunk]:
        """Return an iterator over the rows, all at once (`chunk_rows` None) or in chunks."""
        if self.table is not None:
            return self._table_chunks(self.table, chunk_rows)
        return self._svmlight_chunks(chunk_rows) if self.format == SVMLIGHT else self._npz_chunks(chunk_rows)

    def parser(self, columns: list[NDArray[Any]], classes: NDArray[Any] | None = None) -> TargetParser:
        """Return what parses the target columns of this file."""
        return TargetParser(self._target_names(columns), self.options.task, self.options.unlabeled, classes)

    def where(self, first_row: int) -> Where:
        """Return a function from an index in a chunk to its place in the file."""

        def place(index: int) -> str:
            row = first_row + index
            if self.table is not None:
                return self.table.where(row)
            return svmlight.where(self.path, row) if self.format == SVMLIGHT else f"row {row + 1} of {self.path.name}"

        return place

    def feature_names(self) -> tuple[str, ...] | None:
        """Return the names of the features where the file gives them."""
        if self.table is not None:
            return None if self.selection.text is not None else self.selection.features
        if self.array_names is not None:
            return self.selection.features
        return npz.read_feature_names(self.path) if self.format == NPZ else None

    def image_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample where samples are images."""
        return npz.read_image_shape(self.path) if self.format == NPZ and self.array_names is None else None

    def _target_names(self, columns: list[NDArray[Any]]) -> tuple[str, ...]:
        """Return one name per target column; the columns of a two-dimensional array are numbered."""
        targets = self.selection.targets
        if len(columns) == len(targets):
            return targets
        if len(targets) > 1:
            array = array_of(targets)
            raise ValueError(f"target is {targets!r}, but {array!r} of {self.path} has {len(columns)} columns")
        return column_names(targets[0], len(columns))

    def _table_chunks(self, table: DelimitedFile, chunk_rows: int | None) -> Iterator[RawChunk]:
        for chunk in read_chunks(table, self.selection, chunk_rows):
            yield chunk.X, chunk.targets, chunk.first_record

    def _svmlight_chunks(self, chunk_rows: int | None) -> Iterator[RawChunk]:
        for chunk in svmlight.iterate_svmlight(self.path, chunk_rows, self.n_features, self.options.first_index):
            yield chunk.X, [chunk.target] if self.selection.targets else [], chunk.first_row

    def _npz_chunks(self, chunk_rows: int | None) -> Iterator[RawChunk]:
        name = array_of(self.selection.targets)
        if chunk_rows is None:
            samples = npz.read_npz(self.path, name)
            pieces = iter([(samples.X, samples.target, 0)])
        else:
            pieces = npz.iterate_npz(self.path, name, chunk_rows)
        names = self.array_names or self.feature_names()
        for array, target, first_row in pieces:
            npz.check_feature_names(names, array.shape[1], self.path)
            X = self._chosen(array)
            if self.n_features is not None and X.shape[1] != self.n_features:
                raise ValueError(f"{self.path} has {X.shape[1]} features; {self.n_features} are expected")
            yield X, [] if target is None else columns_of(target), first_row

    def _chosen(self, X: Any) -> Any:
        """Return the columns of an array that are selected, in their order."""
        if self.array_names is None:
            return X
        positions = {name: position for position, name in enumerate(self.array_names)}
        chosen = X[:, [positions[name] for name in self.selection.features]]
        if isinstance(chosen, np.ndarray):
            return np.ascontiguousarray(chosen)
        chosen.sort_indices()
        return chosen


def open_source(
    path: Path,
    options: ReadingOptions,
    *,
    feature_names: Sequence[str] | None = None,
    n_features: int | None = None,
    target_required: bool = True,
) -> FileSource:
    """Find out the format of a file and what each column is for.

    Parameters
    ----------
    path : Path
    options : ReadingOptions
    feature_names : sequence of str, or None
        Features of the model that the file is read for, in its order.
    n_features : int, or None
        Their number, where they have no names.
    target_required : bool, default=True
        False opens a file that lacks the target, too.

    Returns
    -------
    FileSource

    Raises
    ------
    ValueError
        If the format is unknown, a column is missing, or an option does not suit the format.
    """
    kind = file_format(path)
    if kind == CSV:
        return _open_table(path, options, feature_names, n_features, target_required)
    refuse_column_options(path, options)
    if feature_names is not None and n_features is None:
        n_features = len(feature_names)
    targets = _array_target(path, kind, options.target, target_required)
    source = FileSource(path, kind, options, Selection((), targets, None, ()), n_features=n_features)
    return source if feature_names is None else _with_features(source, tuple(feature_names))


def refuse_column_options(path: Path, options: ReadingOptions) -> None:
    """Raise ValueError for options that name columns of a file without them."""
    given = [] if options.text is None else ["text="]
    given += [f"{name}=" for name in ("ignore", "categories", "fill_missing") if getattr(options, name)]
    if given:
        raise ValueError(f"{path} has no named columns, as CSV and TSV files have: leave out {' and '.join(given)}")


def with_usual_target(source: FileSource) -> FileSource:
    """Return the source with its target, or with the one that has a usual name where none was given.

    Raises
    ------
    ValueError
        If no column, or more than one, has a usual name.
    """
    if source.selection.targets:
        return source
    if source.table is None:
        usual = NPZ_TARGET if source.format == NPZ else SVMLIGHT_TARGET
        return replace(source, selection=replace(source.selection, targets=(usual,)))
    names, described, options = source.table.names, source.table.source, source.options
    target = usual_target(names, described)
    selection = select_columns(names, described, target=target, text=options.text, ignore=options.ignore)
    return replace(source, selection=selection)


def with_features_found(source: FileSource, chunk_rows: int = CATEGORY_ROWS) -> FileSource:
    """Return the source with a feature for each category of its columns, and for where numbers are missing.

    The file is read once for either, unless they are known.

    Parameters
    ----------
    source : FileSource
        Whose features were not given by name, which tells the categories.
    chunk_rows : int
        Rows in memory at a time.

    Raises
    ------
    ValueError
        If such a column is no feature, has too many different values, or names of features would be ambiguous.
    """
    selection, table, options = source.selection, source.table, source.options
    if table is None or not (options.categories or options.fill_missing):
        return source
    if selection.text is not None:
        raise ValueError(
            "text= goes with neither categories= nor fill_missing=: of a file with texts no other column is used"
        )
    categories = dict(_categories_found(source, table, chunk_rows))
    if options.fill_missing:
        numbers = [name for name in selection.features if name not in categories]
        categories |= dict.fromkeys(find_missing(table, numbers, chunk_rows), (MISSING,))
    features = with_categories(selection.features, categories)
    if len(set(features)) < len(features) or categories_of(features, table.names) != categories:
        raise ValueError(
            f"{source.path} has columns whose names with '=' could be taken for categories of others: rename them "
            f"(its columns are {listed(table.names)})"
        )
    return replace(source, selection=replace(selection, features=features, categories=categories))


def refuse_other_width(source: FileSource, n_features: int | None) -> None:
    """Raise ValueError if a table has another number of features than a model whose features have no names."""
    found = len(source.selection.features)
    if source.table is not None and source.selection.text is None and n_features not in (None, found):
        raise ValueError(f"{source.path} has {found} feature columns; {n_features} are expected")


def columns_of(target: NDArray[Any]) -> list[NDArray[Any]]:
    """Return a target array as a list of columns."""
    return [target] if target.ndim == 1 else list(target.T)


def column_names(name: str, n_columns: int) -> tuple[str, ...]:
    """Return the name of a target array, or one with a number for each of several columns."""
    return (name,) if n_columns == 1 else tuple(f"{name}_{index + 1}" for index in range(n_columns))


def array_of(target: Targets) -> str | None:
    """Return the array that a name, or the names that `column_names` gives its columns, mean; None if there is none.

    Examples
    --------
    >>> array_of("y"), array_of(["y_1", "y_2"]), array_of(["height", "width"])
    ('y', 'y', None)
    """
    if isinstance(target, str):
        return target
    if not isinstance(target, Sequence) or not target or not isinstance(target[0], str):
        return None
    name = target[0] if len(target) == 1 else target[0].removesuffix("_1")
    return name if tuple(target) == column_names(name, len(target)) else None


def _categories_found(source: FileSource, table: DelimitedFile, chunk_rows: int) -> Categories:
    """Return the categories of the columns that the options say to have some."""
    features, wanted = source.selection.features, source.options.categories
    if not wanted:
        return {}
    takes_all = ALL in wanted and not isinstance(wanted, Mapping) and ALL not in table.names
    keys = [key for key in wanted if key != ALL or not takes_all]
    columns = [find_column(table.names, key, "categories=", table.source) for key in keys]
    for column in columns:
        if column not in features:
            raise ValueError(f"column {column!r} of {source.path} is named by categories= and is no feature")
    if isinstance(wanted, Mapping):
        return dict(zip(columns, wanted.values(), strict=True))
    others = [name for name in features if takes_all and name not in columns]
    return {
        **find_categories(table, columns, only_texts=False, chunk_rows=chunk_rows),
        **find_categories(table, others, only_texts=True, chunk_rows=chunk_rows),
    }


def _open_table(
    path: Path,
    options: ReadingOptions,
    feature_names: Sequence[str] | None,
    n_features: int | None,
    target_required: bool,
) -> FileSource:
    table = open_delimited(
        path,
        delimiter=options.delimiter,
        encoding=options.encoding,
        header=options.header,
        decimal=options.decimal,
    )
    if feature_names is not None and table.has_header:
        table = _with_blanks_of_features(table, feature_names)
    elif feature_names is not None and not (target_required and options.target is not None):
        table = _with_names_of_features(table, feature_names)
    if feature_names is None or not has_features(table.names, feature_names):
        table.refuse_numbers()
    selection = select_columns(
        table.names,
        table.source,
        target=options.target,
        text=options.text,
        ignore=options.ignore,
        feature_names=feature_names,
        n_features=n_features,
        target_required=target_required,
    )
    return FileSource(path, CSV, options, selection, table)


def _with_blanks_of_features(table: DelimitedFile, feature_names: Sequence[str]) -> DelimitedFile:
    """Return a table whose columns have the blanks around their names that the features have; it is read without."""
    names = with_blanks_of(feature_names, table.names)
    renamed = dict(zip(table.names, names, strict=True))
    faults = {renamed[name]: fault for name, fault in table.faults.items()}
    return replace(table, names=names, faults=faults)


def _with_names_of_features(table: DelimitedFile, feature_names: Sequence[str]) -> DelimitedFile:
    """Return a table without header with the features' names if it has as many columns: its own are made up."""
    if len(table.names) != len(feature_names) or categories_of(feature_names, table.names):
        return table
    return replace(table, names=tuple(feature_names))


def _with_features(source: FileSource, feature_names: tuple[str, ...]) -> FileSource:
    """Return the source with these columns chosen where its columns have names and are not these already."""
    names = source.feature_names()
    if names is None or names == feature_names:
        return source
    if len(set(names)) < len(names):
        raise ValueError(f"feature_names of {source.path} has a name twice, so that columns cannot be found by name")
    selection = select_columns(names, str(source.path), feature_names=feature_names)
    return replace(source, selection=replace(selection, targets=source.selection.targets), array_names=names)


def _array_target(path: Path, kind: str, target: Targets, required: bool) -> tuple[str, ...]:
    """Return the name of the target of a file without columns, or those of its columns; empty if there is none."""
    if target is None:
        return ()
    array = array_of(target)
    if array is None or isinstance(target, int) or (kind == SVMLIGHT and not isinstance(target, str)):
        raise ValueError(f"target is {target!r}; {path} holds one target, named by a str")
    if kind == SVMLIGHT:
        return (SVMLIGHT_TARGET,)
    names = (target,) if isinstance(target, str) else tuple(map(str, target))
    return names if required or array in npz.array_names(path) else ()
