"""How a user's own file is read, whole or in chunks."""

from __future__ import annotations

from dataclasses import dataclass

from hardzero.datasets.categories import Categories
from hardzero.datasets.columns import ColumnKey, Targets


@dataclass(frozen=True)
class ReadingOptions:
    """What the columns of a file are for and how its text is read; each as for `hardzero.datasets.load`."""

    target: Targets = None
    task: str | None = None
    text: ColumnKey | None = None
    ignore: tuple[ColumnKey, ...] = ()
    categories: tuple[ColumnKey, ...] | Categories = ()
    fill_missing: bool = False
    delimiter: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    header: bool = True
    unlabeled: bool = False
    first_index: int | None = None
