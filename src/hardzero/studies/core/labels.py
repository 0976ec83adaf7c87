"""Settings as short texts that tell them apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def json_text(value: Any) -> str:
    """Return what identifies a value: its JSON, in which 1, 1.0 and true differ; the text of what has none."""
    return json.dumps(value, sort_keys=True, default=str)


def labels(values: Sequence[Any]) -> list[str]:
    """Return a short text for each value; JSON in place of one that would stand for several values.

    Parameters
    ----------
    values : sequence
        Of JSON values.

    Examples
    --------
    >>> labels([0.5, True, None, [100, 100], "relu"])
    ['0.5', 'yes', '–', '100, 100', 'relu']
    >>> labels([1, 1.0, [1], 2.0])
    ['1', '1.0', '[1]', '2']
    """
    short = [_label(value) for value in values]
    exact = [json_text(value) for value in values]
    meanings: dict[str, set[str]] = {}
    for label, text in zip(short, exact, strict=True):
        meanings.setdefault(label, set()).add(text)
    return [label if len(meanings[label]) == 1 else text for label, text in zip(short, exact, strict=True)]


def _label(value: Any) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else str(value)
    if isinstance(value, list | tuple) and value:
        return ", ".join(f"[{_label(part)}]" if isinstance(part, list | tuple) else _label(part) for part in value)
    return json_text(value) if isinstance(value, dict) else str(value)
