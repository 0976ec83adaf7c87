"""Samples in the form that a saved model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def with_names(X: Any, names: Sequence[str] | None) -> Any:
    """Return dense samples with named columns as a data frame, others as they are."""
    if names is None or not isinstance(X, np.ndarray):
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=list(names), copy=False)


def columns_by_name(X: Any, names: Sequence[str], wanted: Sequence[str], source: str) -> Any:
    """Return the columns that a model takes, in its order.

    Parameters
    ----------
    X : ndarray or csr_array
    names : sequence of str
        Of the columns of `X`.
    wanted : sequence of str
        Those of the model.
    source : str
        Where `X` comes from, for the error.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    from hardzero.datasets.columns import with_blanks_of

    if list(names) == list(wanted):
        return X
    positions = {name: position for position, name in enumerate(with_blanks_of(wanted, names))}
    missing = [name for name in wanted if name not in positions]
    if missing:
        raise ValueError(f"{source} lacks columns that the model takes: {', '.join(missing)}")
    return X[:, [positions[name] for name in wanted]]


def known_names(description: dict[str, Any]) -> list[str] | None:
    """Return the names of the features that a model file holds, or that `hardzero fit` noted of sparse samples."""
    if "feature_names" in description:
        return list(description["feature_names"])
    noted = description["notes"].get("feature_names")
    n_features = description.get("architecture", {}).get("n_features")
    is_known = isinstance(noted, list) and len(noted) == n_features and all(isinstance(name, str) for name in noted)
    return noted if is_known else None


def noted_targets(notes: dict[str, Any]) -> list[str]:
    """Return the targets that `hardzero fit` noted; notes of one's own may hold anything under this name."""
    targets = notes.get("targets")
    return targets if isinstance(targets, list) and all(isinstance(name, str) for name in targets) else []


def noted_chunk_rows(notes: dict[str, Any]) -> int | None:
    """Return in chunks of how many rows `hardzero fit` read its file; None if it held it in memory."""
    rows = notes.get("chunk_rows")
    return rows if isinstance(rows, int) and not isinstance(rows, bool) and rows > 0 else None


def noted_reading(notes: dict[str, Any]) -> dict[str, Any]:
    """Return how `hardzero fit` read and divided its file, as options of `hardzero.datasets.load`."""
    reading = notes.get("reading")
    kinds: dict[str, Any] = {
        "task": str,
        "text": (str, type(None)),
        "ignore": list,
        "categories": dict,
        "delimiter": (str, type(None)),
        "decimal": str,
        "encoding": str,
        "header": bool,
        "first_index": (int, type(None)),
        "seed": int,
    }
    if not isinstance(reading, dict):
        return {}
    return {name: reading[name] for name, kind in kinds.items() if name in reading and isinstance(reading[name], kind)}


def reading_as_noted(notes: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return how a file is read: as `hardzero fit` read its own, but for the options that are given, not None."""
    return {**noted_reading(notes), **{name: value for name, value in given.items() if value is not None}}


def layout_as_noted(notes: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return how the text of a file is read, of the options that are given or noted."""
    reading = reading_as_noted(notes, given)
    return {name: reading[name] for name in given if name in reading}
