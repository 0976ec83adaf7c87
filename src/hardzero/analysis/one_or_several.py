"""Arguments that are one value or a sequence of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def as_list(values: Any) -> list[Any]:
    """Return values as a list; a single one, such as a number or a name, as a list of one."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [values]
    return list(values)
