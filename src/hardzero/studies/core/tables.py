"""Tables of a study: settings in rows, our estimates beside the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hardzero.studies.core.statistics import differ, estimate

if TYPE_CHECKING:
    import pandas as pd
    import rich.table


@dataclass(frozen=True)
class Cell:
    """The text of a cell; bold marks the best of its column and what is statistically tied with it."""

    text: str
    bold: bool = False


@dataclass
class Table:
    """A titled table that can be shown in a terminal, in Markdown and in HTML.

    Attributes
    ----------
    title : str
    header : list of str
    rows : list of list of Cell
    note : str
        A line below the table.
    """

    title: str
    header: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    note: str = ""

    def add(self, *values: Any) -> None:
        """Append a row of values or cells."""
        self.rows.append([value if isinstance(value, Cell) else Cell(str(value)) for value in values])

    def markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        lines = ["| " + " | ".join(self.header) + " |", "|" + " --- |" * len(self.header)]
        for row in self.rows:
            texts = [f"**{cell.text}**" if cell.bold else cell.text for cell in row]
            lines.append("| " + " | ".join(texts) + " |")
        return "\n".join(lines) + (f"\n\n{self.note}" if self.note else "")

    def rich(self) -> rich.table.Table:
        """Return the table for a terminal."""
        import rich.table
        from rich.text import Text

        # As Text, in which neither square brackets nor colons have a meaning.
        caption = Text(self.note, style="table.caption") if self.note else None
        table = rich.table.Table(title=Text(self.title, style="table.title"), caption=caption, title_justify="left")
        for index, name in enumerate(self.header):
            table.add_column(Text(name), justify="left" if index == 0 else "right")
        for row in self.rows:
            table.add_row(*[Text(cell.text, style="bold" if cell.bold else "") for cell in row])
        return table


@dataclass(frozen=True)
class Measure:
    """A metric as a column.

    Attributes
    ----------
    metric : str
        Column of the runs.
    title : str
        Heading, with the unit.
    digits : int
        After the decimal point.
    best : {"lowest", "highest"} or None
        Which value is best; None where none is, and nothing is bold.
    """

    metric: str
    title: str
    digits: int = 2
    best: Literal["lowest", "highest"] | None = None


Paper = Mapping[tuple[Any, ...], Mapping[str, str]]
"""The paper's figures: for the values of a row's settings, the text for each metric it reports."""


def comparison(
    runs: pd.DataFrame,
    title: str,
    by: Mapping[str, str],
    measures: Sequence[Measure],
    paper: Paper | None = None,
) -> Table:
    """Summarize runs over seeds: a row for each combination of settings, a column for each measure.

    Data sets and versions become columns of their own where the runs have more than one. Bold marks the best
    value of a column within a data set, and every value that a paired test over seeds does not tell from it at
    p = 0.05.

    Parameters
    ----------
    runs : DataFrame
        Finished runs.
    title : str
    by : mapping of str to str
        Setting and heading of each column that names a row.
    measures : sequence of Measure
    paper : mapping, optional
        The paper's figures by the values of `by`, preceded by the data set where the key is one longer.

    Returns
    -------
    Table
    """
    measures = [measure for measure in measures if measure.metric in runs]
    extra = {name: name for name in ("data", "version") if name in runs and runs[name].nunique() > 1}
    names = {**extra, **by}
    quoted = [m.metric for m in measures if any(m.metric in figures for figures in (paper or {}).values())]
    header = [*names.values()]
    for measure in measures:
        header += [measure.title, "paper"] if measure.metric in quoted else [measure.title]
    table = Table(title, [*header, "runs"])
    groups = dict(list(runs.groupby(list(names), sort=False, dropna=False))) if len(runs) else {}
    bold = {measure.metric: _ties_with_best(groups, list(names), measure) for measure in measures}
    for values, group in groups.items():
        row: list[Any] = [_label(value) for value in values]
        figures = _paper_figures(paper or {}, group, list(by))
        for measure in measures:
            row.append(Cell(estimate(group[measure.metric]).text(measure.digits), values in bold[measure.metric]))
            if measure.metric in quoted:
                row.append(figures.get(measure.metric, "–"))
        table.add(*row, len(group))
    if any(bold.values()):
        table.note = "Mean ± 95 % interval over seeds. Bold: best, and not told from it by a paired test at p = 0.05."
    return table


def side_by_side(tables_of: Mapping[str, Sequence[Table]]) -> list[Table]:
    """Put tables of several versions together: those of one title and heading become one, with a column for versions.

    Parameters
    ----------
    tables_of : mapping of str to sequence of Table
        The tables of each version.

    Examples
    --------
    >>> old, new = Table("Errors", ["model", "error"]), Table("Errors", ["model", "error"])
    >>> old.add("a", "1.5"), new.add("a", "1.2")
    (None, None)
    >>> print(side_by_side({"0.1.0": [old], "0.2.0": [new]})[0].markdown())
    | version | model | error |
    | --- | --- | --- |
    | 0.1.0 | a | 1.5 |
    | 0.2.0 | a | 1.2 |
    """
    together: dict[tuple[str, ...], Table] = {}
    for version, tables in tables_of.items():
        for table in tables:
            empty = Table(table.title, ["version", *table.header])
            shared = together.setdefault((table.title, *table.header), empty)
            shared.note = shared.note or table.note
            shared.rows += [[Cell(version), *row] for row in table.rows]
    return list(together.values())


def _ties_with_best(groups: Mapping[Any, pd.DataFrame], names: Sequence[str], measure: Measure) -> set[tuple[Any, ...]]:
    """Return the groups whose value is the best of their data set and version, or tied with it."""
    if measure.best is None:
        return set()
    contests: dict[tuple[Any, ...], dict[tuple[Any, ...], pd.Series[float]]] = {}
    for values, group in groups.items():
        arena = tuple(value for name, value in zip(names, values, strict=True) if name in ("data", "version"))
        results = group.groupby("seed")[measure.metric].mean().dropna()
        if len(results):
            contests.setdefault(arena, {})[values] = results
    tied = set()
    for contest in contests.values():
        if len(contest) < 2:
            continue
        choose = min if measure.best == "lowest" else max
        best = choose(contest, key=lambda values: float(contest[values].mean()))
        tied |= {values for values in contest if values == best or differ(contest[values], contest[best]) is False}
    return tied


def _paper_figures(paper: Paper, group: pd.DataFrame, by: Sequence[str]) -> Mapping[str, str]:
    values = tuple(_plain(group[name].iloc[0]) for name in by)
    data = group["data"].iloc[0] if "data" in group else None
    return paper.get((data, *values)) or paper.get(values) or {}


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python value that a paper table would be keyed by."""
    return value.item() if hasattr(value, "item") else value


def _label(value: Any) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
