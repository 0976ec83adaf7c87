"""The data sets that have a name, and `load` for these and for users' own files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, cast

from hardzero.datasets.columns import CategoryColumns, ColumnKey, Targets, as_categories
from hardzero.datasets.dataset import Dataset
from hardzero.datasets.directory import without_fetching
from hardzero.datasets.reading_options import ReadingOptions
from hardzero.datasets.splits import DEFAULT_FRACTIONS

LOADERS = {
    "digits": "load_digits",
    "mnist": "load_mnist",
    "fashion_mnist": "load_fashion_mnist",
    "cifar10": "load_cifar10",
    "norb": "load_norb",
    "emnist_byclass": "load_emnist_byclass",
    "reviews": "load_reviews",
    "ratings": "load_ratings",
}
"""Name of a data set, which is also its module's, and the function there that loads it."""

VARIANT_OPTIONS: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "reviews": lambda variants: {"sources": variants},
    "ratings": lambda variants: {"domains": variants},
    "emnist_byclass": lambda variants: dict.fromkeys(variants, True),
}
"""What follows the colon of a name, as options of its loader."""


@dataclass(frozen=True)
class FileOptions(ReadingOptions):
    """What `load` takes for users' own files only."""

    fractions: tuple[float, ...] = DEFAULT_FRACTIONS
    seed: int = 0
    test: str | os.PathLike[str] | None = None

    def given(self) -> list[str]:
        """Return the names of the options that differ from their defaults."""
        default = FileOptions()
        return [name for name, value in vars(self).items() if value != getattr(default, name)]


def names() -> tuple[str, ...]:
    """Return the names that `load` knows.

    Examples
    --------
    >>> "mnist" in names()
    True
    """
    return tuple(LOADERS)


def is_named(name_or_path: str | os.PathLike[str]) -> bool:
    """Tell whether `load` takes something for the name of a data set, with or without a variant, and not for a path.

    Examples
    --------
    >>> is_named("Fashion-MNIST"), is_named("emnist_byclass:deformed"), is_named("./mnist")
    (True, True, False)
    """
    return isinstance(name_or_path, str) and _name_and_variant(name_or_path)[0] in LOADERS


def canonical_name(name_or_path: str) -> str:
    """Return the name of a data set as the catalog spells it, and anything else as it is.

    Examples
    --------
    >>> canonical_name("Fashion-MNIST"), canonical_name("Ratings:movie, tweet"), canonical_name("My.csv")
    ('fashion_mnist', 'ratings:movie,tweet', 'My.csv')
    """
    if not is_named(name_or_path):
        return name_or_path
    name, variant = _name_and_variant(name_or_path)
    return f"{name}:{','.join(_parts(variant))}" if variant else name


def load(
    name_or_path: str | os.PathLike[str],
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
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    test: str | os.PathLike[str] | None = None,
    download: bool = True,
    **options: Any,
) -> Dataset:
    """Load a named data set, or a file of your own.

    A named data set has fixed splits; its files are looked for in the folder that the environment variable
    HARDZERO_DATA names, then in the user's cache, and are fetched from their public address otherwise.

    A file is read by its ending: ``.csv``, ``.tsv`` or ``.tab``; ``.svmlight``, ``.libsvm`` or ``.svm``; ``.npz`` with
    arrays ``X`` and ``y``. Of ``.txt``, ``.data``, ``.dat`` or no ending the first line decides between table and
    svmlight. All but ``.npz`` may be packed (``.gz``). Features must be finite numbers; they become float32.

    Parameters
    ----------
    name_or_path : str or path-like
        One of `names`, or a path. A variant follows a colon: ``"ratings:movie,tweet"``, ``"reviews:imdb"``,
        ``"emnist_byclass:deformed"``.
    target : str, int, sequence of these, or None, default=None
        The target column by name, or by index from 0 (negative from the end); several for several targets. None takes
        the one column called target, label, class or y. For ``.npz`` the target array's name (None: ``y``).
    task : {"classification", "regression"} or None, default=None
        None infers it: texts are classes, but not among numbers with a fraction or if most are numbers with a decimal
        comma, which are refused; whole numbers are classes if there are at most 20 distinct ones and at most half as
        many as samples; other numbers are the values of a regression. Whole-number labels with leading zeros, or of
        2**53 or more, stay texts as they are written.
    text : str, int or None, default=None
        The column of raw text: `X` is then an array of str, and other columns are not used.
    ignore : iterable of str or int, default=()
        Columns to leave out, such as an identifier.
    categories : str, int, iterable of these, or mapping of str to list of str, default=()
        Columns of categories, which become a feature for each category, 1 where a row has it and 0 elsewhere, called
        ``column=category``; ``"all"``, unless a column is called so, takes every column of texts, besides others that
        are named. An empty field is a category, too. A mapping says which categories a column has; a warning tells of
        others, which have no feature.
    fill_missing : bool, default=False
        True reads a number that is missing (an empty field, or ``NA``, ``NaN``, ``null``, ``?`` and the like) as 0, and
        adds a feature ``column=`` that is 1 where this is so for each column in which it occurs. By default it is an
        error.
    delimiter : str or None, default=None
        None finds it from a first line such as ``sep=;``, or from the file's ending and first row.
    decimal : {".", ","}, default="."
        Before the decimals of numbers in a text file. With a comma they have no point, not between thousands either.
    encoding : str, default="utf-8"
    header : bool, default=True
        False if the first row is data; columns are then called column_1, column_2, …
    unlabeled : bool, default=False
        Accept samples without a target: an empty field, or -1 among whole-number labels. They go into the training
        split, marked as estimators expect (-1 for whole-number labels, None for text labels, NaN for values). By
        default a missing target is an error, and labels that include -1 are read as texts, so that none is taken for
        unlabeled.
    first_index : {0, 1} or None, default=None
        Where the indices of an svmlight file begin; None takes 0 if it occurs anywhere, and 1 otherwise.
    fractions : sequence of three floats, default=(0.6, 0.2, 0.2)
        Shares of train, validation and test for a file; enough is left to train on, and the two held-out parts are
        alike.
    seed : int, default=0
        Seed of a file's division, which is stratified by class for a classification.
    test : str or path-like, optional
        A file of the same kind that holds the test samples. All of the other file then serves training and validation,
        in the proportion of `fractions`. Its columns are found by name, and it may hold no other classes.
    download : bool, default=True
        False never fetches a named data set: what is not on this machine raises DatasetNotFound. The largest, norb, is
        6.2 GB.
    **options
        What a named data set takes: ``sources`` (reviews), ``domains`` (ratings), ``deformed`` (emnist_byclass).

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetNotFound
        If a named data set is neither on this machine nor can be fetched; a subclass of FileNotFoundError.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is unknown, or the file is at fault; the message names column and row (the header is row 1).

    Examples
    --------
    >>> from hardzero import datasets
    >>> digits = datasets.load("digits")
    >>> digits.train.X.shape
    (1077, 64)
    >>> datasets.load("wine.csv", target="quality")  # doctest: +SKIP
    """
    file_options = FileOptions(
        target if target is None or isinstance(target, str | int) else tuple(target),
        task,
        text,
        tuple(ignore),
        as_categories(categories),
        fill_missing,
        delimiter,
        decimal,
        encoding,
        header,
        unlabeled,
        first_index,
        tuple(fractions),
        seed,
        test,
    )
    if is_named(name_or_path):
        name, variant = _name_and_variant(str(name_or_path))
        with nullcontext() if download else without_fetching():
            return _load_named(name, file_options, _with_variant(name, options, variant))
    if options:
        raise TypeError(f"load() takes no option {', '.join(options)} for a file")
    _refuse_unknown_name(name_or_path)
    from hardzero.datasets.whole_files import load_file

    return load_file(name_or_path, file_options, file_options.fractions, file_options.seed, test)


def _name_and_variant(text: str) -> tuple[str, str]:
    """Return what stands before and after the colon of a name, spelt as in the catalog."""
    name, _, variant = text.lower().replace("-", "_").partition(":")
    return name, variant


def _parts(variant: str) -> list[str]:
    return [part.strip() for part in variant.split(",")]


def _load_named(name: str, file_options: FileOptions, options: dict[str, Any]) -> Dataset:
    """Load a data set of the catalog."""
    given = file_options.given()
    if given:
        parameters = ", ".join(f"{name}=" for name in given)
        raise ValueError(f"{parameters} cannot be chosen for the named data set {name!r}, only for files")
    loader = cast("Callable[..., Dataset]", getattr(import_module(f"hardzero.datasets.{name}"), LOADERS[name]))
    try:
        signature(loader).bind(**options)
    except TypeError as error:
        raise ValueError(f"the data set {name!r} does not take these options: {error}") from None
    return loader(**options)


def _with_variant(name: str, options: dict[str, Any], variant: str) -> dict[str, Any]:
    """Return the options with what follows the colon of a name."""
    if not variant:
        return options
    if name not in VARIANT_OPTIONS:
        raise ValueError(f"the data set {name!r} has no variants: leave out what follows the colon")
    return {**options, **VARIANT_OPTIONS[name](_parts(variant))}


def _refuse_unknown_name(name_or_path: str | os.PathLike[str]) -> None:
    """Raise ValueError for what is neither a file nor looks like a path to one."""
    path = Path(name_or_path).expanduser()
    if path.exists() or path.suffix or len(path.parts) > 1:
        return
    close = difflib.get_close_matches(_name_and_variant(path.name)[0], LOADERS, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"there is no data set or file {path.name!r}.{meant} Named data sets: {', '.join(LOADERS)}")
