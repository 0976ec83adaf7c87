"""Columns of a table by name: which is the target, which are features, and clear errors when one is not there."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hardzero.datasets.categories import Categories, categories_of, with_categories

USUAL_TARGETS = ("target", "label", "class", "y")
"""Column names taken for the target when none is given."""

MOST_LISTED = 20

ColumnKey = str | int
Targets = ColumnKey | Sequence[ColumnKey] | None
CategoryColumns = ColumnKey | Iterable[ColumnKey] | Mapping[str, Iterable[str]]
"""Columns of categories, or the categories of columns by their names."""


class TargetNotFound(ValueError):
    """A file has no target where it was looked for."""


@dataclass(frozen=True)
class Selection:
    """Which columns of a table are read as what.

    A column with categories has a feature for each of them (`hardzero.datasets.categories`). The features are those
    that a model takes, or all that there are.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]
    text: str | None
    unused: tuple[str, ...]
    categories: Categories = field(default_factory=dict)
    of_model: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns that are read as texts, whose fields may be empty."""
        return (*self.categories, *self.targets) if self.text is None else (self.text, *self.targets)


def find_column(names: Sequence[str], wanted: ColumnKey, what: str, source: str) -> str:
    """Return the name of the column that `wanted` means.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    wanted : str or int
        A name, or an index from 0 (negative from the end); a str that is no name but a whole number is an index.
    what, source : str
        What the column is for and where it was looked for, for errors.

    Raises
    ------
    ValueError
        If there is no such column; the message lists the columns and suggests the closest.
    """
    if isinstance(wanted, str) and wanted in names:
        return wanted
    try:
        index = int(wanted)
    except ValueError:
        raise ValueError(f"{source} has no column {wanted!r} for {what}.{_suggestion(str(wanted), names)}") from None
    if not -len(names) <= index < len(names):
        raise ValueError(
            f"{source} has no column {index} for {what}: its {len(names)} columns count from 0 or back from -1"
        )
    return names[index]


def select_columns(
    names: Sequence[str],
    source: str,
    *,
    target: Targets = None,
    text: ColumnKey | None = None,
    ignore: Iterable[ColumnKey] = (),
    feature_names: Sequence[str] | None = None,
    n_features: int | None = None,
    target_required: bool = True,
) -> Selection:
    """Decide what each column is for.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    source : str
        Named in errors.
    target : str, int, sequence of these, or None
        Target columns; None for a table read without a target.
    text : str, int or None
        The column of raw text; the other columns are then not used.
    ignore : iterable of str or int
        Columns left out.
    feature_names : sequence of str or None
        Features that must be there, in this order, as columns or as categories of one; other columns are not used.
        None takes every column that is neither target nor ignored.
    n_features : int or None
        How many features are expected, where their names are not known.
    target_required : bool
        False reads a table without the target column, too. An index means no target where there are fewer columns,
        where that column is one of `feature_names`, or where all columns are as many as the features.

    Raises
    ------
    ValueError
        If a column is missing, or none is left for features.
    """
    ignored = {find_column(names, column, "ignore=", source) for column in ignore}
    wanted = as_keys(target)
    if not target_required:
        kept = _without(names, ignored)
        expected = feature_names if feature_names is not None else kept if len(kept) == n_features else ()
        wanted = tuple(key for key in wanted if _is_target(names, key, expected))
    targets = _target_columns(names, source, wanted)
    both = [name for name in targets if name in ignored]
    if both:
        raise ValueError(f"column {both[0]!r} of {source} is both the target and ignored")
    if text is not None:
        text = find_column(names, text, "text=", source)
        if text in targets:
            raise ValueError(f"column {text!r} of {source} is both the text and the target")
        return Selection((), targets, text, _without(names, {*targets, text}))
    categories: Categories = {}
    if feature_names is not None:
        categories = categories_of(feature_names, names)
        features = _expected_features(names, feature_names, categories, source)
    else:
        features = _without(names, {*targets, *ignored})
    if not features:
        raise ValueError(f"{source} has no column left for features: its columns are {listed(names)}")
    unused = _without(names, {*targets, *features, *categories})
    return Selection(features, targets, None, unused, categories, of_model=feature_names is not None)


def usual_target(names: Sequence[str], source: str) -> str:
    """Return the column that is the target by its name: target, label, class or y.

    Raises
    ------
    TargetNotFound
        If no column has such a name.
    ValueError
        If more than one has.
    """
    found = [name for name in names if name.casefold() in USUAL_TARGETS]
    if len(found) == 1:
        return found[0]
    columns = f"Its columns are {listed(names)}"
    if found:
        raise ValueError(
            f"name the target column of {source}: several columns could be the target ({listed(found)}). {columns}"
        )
    raise TargetNotFound(f"name the target column of {source}: none of its columns is called target. {columns}")


def has_features(names: Sequence[str], expected: Sequence[str]) -> bool:
    """Tell whether all the features that are expected are columns, or categories of one."""
    return not _missing_features(names, expected, categories_of(expected, names))


def with_blanks_of(expected: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return names, with the blanks around them that they have among those that are expected where this is unique.

    Examples
    --------
    >>> with_blanks_of(["a", " b ", "c", " c"], ["c", "b", "d"])
    ('c', ' b ', 'd')
    """
    present, count = set(names), Counter(name.strip() for name in expected)
    blank = {name.strip(): name for name in expected if name not in present and count[name.strip()] == 1}
    return tuple(blank.get(name, name) for name in names)


def as_keys(columns: ColumnKey | Iterable[ColumnKey] | None) -> tuple[ColumnKey, ...]:
    """Return columns that are given as one, several or none."""
    if columns is None:
        return ()
    return (columns,) if isinstance(columns, str | int) else tuple(columns)


def as_categories(columns: CategoryColumns) -> tuple[ColumnKey, ...] | Categories:
    """Return columns of categories, or the categories of columns, in the form that reading takes."""
    if not isinstance(columns, Mapping):
        return as_keys(columns)
    for column, values in columns.items():
        if isinstance(values, str) or not list(values):
            raise ValueError(f"categories of column {column!r} are {values!r}: give a list of them")
    return {column: tuple(dict.fromkeys(map(str, values))) for column, values in columns.items()}


def listed(names: Sequence[str]) -> str:
    """Return names as a list for an error, cut after 20."""
    shown = ", ".join(names[:MOST_LISTED])
    return shown if len(names) <= MOST_LISTED else f"{shown}, … ({len(names)} in all)"


def _without(names: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in taken)


def _is_target(names: Sequence[str], wanted: ColumnKey, features: Sequence[str]) -> bool:
    """Tell whether a table has a target, by its name or by an index that does not mean a feature."""
    if wanted in names:
        return True
    try:
        return find_column(names, wanted, "the target", "") not in features
    except ValueError:
        return False


def _target_columns(names: Sequence[str], source: str, wanted: Sequence[ColumnKey]) -> tuple[str, ...]:
    found = tuple(find_column(names, key, "the target", source) for key in wanted)
    if len(set(found)) < len(found):
        raise ValueError(f"the targets {listed(found)} name a column of {source} twice")
    return found


def _expected_features(
    names: Sequence[str], expected: Sequence[str], categories: Categories, source: str
) -> tuple[str, ...]:
    """Return `expected` if all are among `names` or the categories of a column."""
    missing = _missing_features(names, expected, categories)
    if missing:
        suggestion = _suggestion(missing[0], names)
        raise ValueError(
            f"{source} lacks {len(missing)} of the {len(expected)} feature columns of the model: "
            f"{listed(missing)}.{suggestion}"
        )
    return tuple(expected)


def _missing_features(names: Sequence[str], expected: Sequence[str], categories: Categories) -> list[str]:
    present = {*names, *with_categories(list(categories), categories)}
    return [name for name in expected if name not in present]


def _suggestion(wanted: str, names: Sequence[str]) -> str:
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(wanted.casefold(), list(by_folded), n=1)
    meant = f" Did you mean {by_folded[close[0]]!r}?" if close else ""
    return f"{meant} Its columns are {listed(names)}"
