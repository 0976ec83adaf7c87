"""What a section of the page is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hardzero.report.figures import Figure, Thumbnail

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TextTable:
    """A table of texts; the first column names the row."""

    header: list[str]
    rows: list[list[str]]
    caption: str = ""


@dataclass(frozen=True)
class ImageCard:
    """Small images that belong together; the first stands a little apart from the others."""

    title: str
    images: list[Thumbnail]


@dataclass(frozen=True)
class ImageGroup:
    """Image cards under one heading; cards of a single image each become a gallery."""

    title: str
    cards: list[ImageCard]

    @property
    def is_gallery(self) -> bool:
        """Whether no card has more than one image."""
        return all(len(card.images) == 1 for card in self.cards)


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading.

    Attributes
    ----------
    title : str
    text : str
        What to look for; may be empty.
    figures : list of Figure
    tables : list of TextTable
    images : list of ImageGroup
    """

    title: str
    text: str = ""
    figures: list[Figure] = field(default_factory=list)
    tables: list[TextTable] = field(default_factory=list)
    images: list[ImageGroup] = field(default_factory=list)


def table(frame: pd.DataFrame, columns: dict[str, tuple[str, str]], caption: str = "") -> TextTable:
    """Return some columns of a table as texts.

    Parameters
    ----------
    frame : pandas.DataFrame
    columns : dict of str to (str, str)
        For each column its heading and the format of its entries, such as ``{:.1f} %``. NaN is shown as a dash.
    caption : str
    """
    formats = {name: form for name, (_, form) in columns.items()}
    rows = [
        ["–" if _is_nan(row[name]) else formats[name].format(row[name]) for name in columns] for row in _records(frame)
    ]
    return TextTable([heading for heading, _ in columns.values()], rows, caption)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
