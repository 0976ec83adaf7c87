"""Users' own files read as a whole: divided into splits, or as one table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets import npz
from hardzero.datasets.columns import CategoryColumns, ColumnKey, Targets, as_categories
from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.file_format import NPZ, SVMLIGHT, existing_file, file_format
from hardzero.datasets.file_source import (
    NPZ_TARGET,
    FileSource,
    column_names,
    columns_of,
    open_source,
    refuse_column_options,
    refuse_other_width,
    with_features_found,
    with_usual_target,
)
from hardzero.datasets.reading_options import ReadingOptions
from hardzero.datasets.splits import DEFAULT_FRACTIONS, PARTS, check_fractions, stratified_parts, without_test
from hardzero.datasets.svmlight import measure_svmlight
from hardzero.datasets.targets import TargetParser, is_labeled


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


def load_file(
    path: str | os.PathLike[str],
    options: ReadingOptions,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    test: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Load a user's file and divide it, or take test samples from another; see `hardzero.datasets.load`."""
    fractions = check_fractions(fractions)
    checked = existing_file(path)
    if file_format(checked) == NPZ and npz.has_splits(checked):
        _refuse_to_divide(checked, fractions, seed, test)
        return _load_split_npz(checked, options)
    if test is not None:
        fractions = without_test(fractions)
    source = with_features_found(with_usual_target(open_source(checked, options)))
    X, y, parser = _read_whole(source)
    assert y is not None
    parser.refuse_constant(checked.name)
    stratify = parser.task == CLASSIFICATION and y.ndim == 1
    parts = _divide(y, stratify, fractions, seed, checked)
    splits = [Split(X[part], y[part]) for part in parts]
    sizes = ", ".join(f"{len(split):,} {part}" for split, part in zip(splits, PARTS, strict=True))
    how = "stratified by class" if stratify else "at random"
    dataset = Dataset(
        name=checked.name,
        task=str(parser.task),
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        feature_names=source.feature_names(),
        target_names=parser.names,
        class_names=parser.class_names(),
        image_shape=source.image_shape(),
        description=f"{checked.name}: {len(y):,} samples, divided {how} with seed {seed}: {sizes}.",
        is_text=source.selection.text is not None,
    )
    return dataset if test is None else _with_test_file(dataset, source, test)


def _with_test_file(dataset: Dataset, source: FileSource, test: str | os.PathLike[str]) -> Dataset:
    """Return a data set with the samples of another file, read as its own, in place of its test samples."""
    checked, options = existing_file(test), source.options
    if checked.samefile(source.path):
        raise ValueError(f"test={os.fspath(test)!r} is the file to train on: name another one, or leave test= out")
    first_index = options.first_index
    if first_index is None and source.format == SVMLIGHT:
        first_index = measure_svmlight(source.path).first_index
    y = np.concatenate([dataset.train.y, dataset.validation.y])
    table = read_table(
        checked,
        feature_names=dataset.feature_names,
        n_features=dataset.n_features if dataset.feature_names is None else None,
        target=dataset.target_names if len(dataset.target_names) > 1 else dataset.target_names[0],
        task=dataset.task,
        text=source.selection.text,
        delimiter=options.delimiter,
        decimal=options.decimal,
        encoding=options.encoding,
        header=options.header,
        first_index=first_index,
        classes=np.unique(y[is_labeled(y)]) if dataset.task == CLASSIFICATION and y.ndim == 1 else None,
    )
    assert table.y is not None
    description = f"{dataset.description.removesuffix(', 0 test.')}; {len(table.y):,} test samples from {checked.name}."
    return replace(dataset, test=Split(table.X, table.y), description=description)


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
    categories: CategoryColumns = (),
    fill_missing: bool = False,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    header: bool = True,
    unlabeled: bool = False,
    first_index: int | None = None,
    classes: NDArray[Any] | None = None,
) -> Table:
    r"""Read a whole file without dividing it, for prediction or evaluation.

    Parameters
    ----------
    path : str or path-like
        A CSV, TSV, NPZ or svmlight file, as for `load`.
    feature_names : sequence of str, or None
        Features of the model. Columns are matched by name, but for blanks around it, and put into this order; columns
        that are neither these nor the target are not used and listed in the result. A first row of nothing but numbers
        is refused unless these are the names. Columns of an NPZ file have names if it has an array ``feature_names``;
        columns without names are taken to be in this order. So are those of a table without header that has as many
        columns; of another, columns are taken by their numbers in the names column_1, column_2, ….
    n_features : int, or None
        Number of features of the model, where they have no names.
    target : str, int, sequence of these, or None
        Target column; None reads no target.
    target_required : bool, default=True
        False reads a file that lacks the target, with `y` None. A target given by its index is lacking where there are
        fewer columns, or where that column is one of `feature_names`.
    task, text, ignore, categories, fill_missing, delimiter, decimal, encoding, header, unlabeled
        As for `load`.
    first_index : {0, 1} or None, default=None
        Where the indices of an svmlight file begin: as in the file that the model was fitted to. None finds it out, and
        raises where that is impossible.
    classes : ndarray, or None
        Labels the target may hold; others raise.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If a feature is missing or not a number, naming column and row, or a column of the model is not in the file, or
        if the indices of an svmlight file might begin at 0 or at 1.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "new.csv"
    >>> _ = path.write_text("width,id,height\n2,a,1\n4,b,3\n")
    >>> read_table(path, feature_names=["height", "width"]).X.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
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
    source = open_source(
        existing_file(path),
        options,
        feature_names=feature_names,
        n_features=n_features,
        target_required=target_required,
    )
    if feature_names is None:
        source = with_features_found(source)
    refuse_other_width(source, n_features)
    X, y, parser = _read_whole(source, classes)
    return Table(
        X=X,
        y=y,
        feature_names=source.feature_names(),
        target_names=parser.names if y is not None else (),
        unused_columns=source.selection.unused,
        task=parser.task if y is not None else None,
        image_shape=source.image_shape(),
    )


def _read_whole(
    source: FileSource, classes: NDArray[Any] | None = None
) -> tuple[Any, NDArray[Any] | None, TargetParser]:
    """Read all rows at once."""
    [(X, columns, first_row)] = source.chunks(None)
    parser = source.parser(columns, classes)
    return X, parser.parse(columns, source.where(first_row)) if columns else None, parser


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


def _refuse_to_divide(
    path: Path, fractions: tuple[float, float, float], seed: int, test: str | os.PathLike[str] | None
) -> None:
    """Raise ValueError for a division that is not the one of the file."""
    divided = {"fractions=": fractions != DEFAULT_FRACTIONS, "seed=": seed != 0, "test=": test is not None}
    given = [name for name, is_given in divided.items() if is_given]
    if given:
        raise ValueError(f"{path.name} brings its own splits: leave out {' and '.join(given)}")


def _load_split_npz(path: Path, options: ReadingOptions) -> Dataset:
    """Load a file that brings its own splits."""
    refuse_column_options(path, options)
    samples = npz.read_npz_splits(path)
    targets = [target for part in PARTS if (target := samples[part].target) is not None]
    ends = np.cumsum([len(target) for target in targets])
    columns = columns_of(np.concatenate(targets))
    names = column_names(NPZ_TARGET, len(columns))
    if options.target not in (None, NPZ_TARGET, names):
        raise ValueError(
            f"{path.name} brings its own splits, with the targets y_train, y_validation and y_test: leave out "
            f"target={options.target!r}"
        )
    parser = TargetParser(names, options.task, options.unlabeled)
    y = parser.parse(columns, lambda row: f"row {row + 1} of the train, validation and test targets of {path.name}")
    parser.refuse_constant(path.name)
    splits = [Split(samples[part].X, piece) for part, piece in zip(PARTS, np.split(y, ends[:-1]), strict=True)]
    train, validation, test = _with_unlabeled_in_training(splits, path)
    feature_names = npz.read_feature_names(path)
    npz.check_feature_names(feature_names, train.X.shape[1], path)
    return Dataset(
        name=path.name,
        task=str(parser.task),
        train=train,
        validation=validation,
        test=test,
        feature_names=feature_names,
        target_names=names,
        class_names=parser.class_names(),
        image_shape=samples[PARTS[0]].image_shape,
        description=f"{path.name}: {len(y):,} samples, divided as the file divides them.",
    )


def _with_unlabeled_in_training(splits: Sequence[Split], path: Path) -> list[Split]:
    """Return train, validation and test with the samples without a target in train: nothing can be judged by them."""
    to_train, held_out = [splits[0]], []
    for split, name in zip(splits[1:], PARTS[1:], strict=True):
        labeled = is_labeled(split.y)
        if not labeled.any():
            raise ValueError(f"every target of 'y_{name}' of {path} is missing; give some of its samples one")
        if labeled.all():
            held_out.append(split)
        else:
            held_out.append(Split(split.X[labeled], split.y[labeled]))
            to_train.append(Split(split.X[~labeled], split.y[~labeled]))
    if len(to_train) > 1:
        X, y = (np.concatenate(arrays) for arrays in zip(*((part.X, part.y) for part in to_train), strict=True))
        return [Split(X, y), *held_out]
    return list(splits)
