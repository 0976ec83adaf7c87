"""The one table that every benchmark fills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import pandas as pd


@dataclass(frozen=True)
class Row:
    """One peer in one setting.

    Attributes
    ----------
    work : str
        What is timed.
    setting : str
        Network, zeros, minibatch, threads.
    peer : str
    theirs, ours : float
        In `unit`; medians, or what `agree` says.
    unit : str
    ratio : float
        How many times faster hardzero is: median over the turns, or of medians where sides do not take turns.
    agree : str
        Whether the outputs agree, with the largest difference, or what else was compared.
    """

    work: str
    setting: str
    peer: str
    theirs: float
    ours: float
    unit: str
    ratio: float
    agree: str = ""


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return the rows as a data frame, one column a field."""
    return pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(Row)])


def print_table(rows: Iterable[Row], title: str) -> None:
    """Print the rows to the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in ("work", "setting", "peer"):
        table.add_column(name, overflow="fold")
    for name in ("theirs", "ours", "unit", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("outputs agree", overflow="fold")
    for row in rows:
        table.add_row(
            row.work,
            row.setting,
            row.peer,
            _figure(row.theirs),
            _figure(row.ours),
            row.unit,
            f"{row.ratio:.2f}×",
            row.agree,
        )
    Console(width=150).print(table)


def _figure(value: float) -> str:
    """Return four digits or, where a number has more before the point, all of these."""
    return f"{value:.4g}" if value < 999.5 else f"{value:,.0f}"
