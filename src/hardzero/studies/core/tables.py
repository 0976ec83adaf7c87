"""Tables of a study: settings in rows, our estimates beside the paper's figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hardzero.studies.core.labels import json_text, labels
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
        lines = [_markdown_row(self.header), "|" + " --- |" * len(self.header)]
        for row in self.rows:
            lines.append(_markdown_row([f"**{cell.text}**" if cell.bold else cell.text for cell in row]))
        return "\n".join(lines) + (f"\n\n{self.note}" if self.note else "")

    def rich(self) -> rich.table.Table:
        """Return the table for a terminal."""
        import rich.table
        from rich.text import Text

        # As Text, in which neither square brackets nor colons have a meaning.
        caption = Text(self.note, style="table.caption") if self.note else None
        table = rich.table.Table(title=Text(self.title, style="table.title"), caption=caption, title_justify="left")
        for index, name in enumerate(self.header):
            table.add_column(Text(name), justify="left" if index == 0 else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*[Text(cell.text, style="bold" if cell.bold else "") for cell in row])
        return table


def _markdown_row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", r"\|") for text in texts) + " |"


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

    The data set is a column where the runs have one, so that tables of several versions have it in common, and the
    version where there are several. Bold marks the best value of a column within a data set, and every value that a
    paired test over seeds does not tell from it at p = 0.05.

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
    extra = [name for name, fewest in (("data", 1), ("version", 2)) if name in runs and runs[name].nunique() >= fewest]
    names = {**dict(zip(extra, extra, strict=True)), **by}
    quoted = [m.metric for m in measures if any(m.metric in figures for figures in (paper or {}).values())]
    header = [*names.values()]
    for measure in measures:
        header += [measure.title, "paper"] if measure.metric in quoted else [measure.title]
    table = Table(title, [*header, "runs"])
    groups = _groups(runs, list(names), measures) if len(runs) else []
    bold = {measure.metric: _ties_with_best(groups, extra, measure) for measure in measures}
    columns = [labels([group.values[name] for group in groups]) for name in names]
    for i, group in enumerate(groups):
        row: list[Any] = [column[i] for column in columns]
        figures = _paper_figures(paper or {}, group, list(by))
        for measure in measures:
            text = estimate(group.results[measure.metric]).text(measure.digits)
            row.append(Cell(text, bold=i in bold[measure.metric]))
            if measure.metric in quoted:
                row.append(figures.get(measure.metric, "–"))
        table.add(*row, group.n_runs)
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


@dataclass(frozen=True)
class _Group:
    """The runs of a row: its settings, data set and version; the result of each seed by metric."""

    values: dict[str, Any]
    data: Any
    results: dict[str, pd.Series[float]]
    n_runs: str


def _groups(runs: pd.DataFrame, names: Sequence[str], measures: Sequence[Measure]) -> list[_Group]:
    """Group runs by the JSON of what names a row, in the order in which they come."""
    columns = {name: _values(runs, name) for name in names}
    rows: dict[str, list[int]] = {}
    for i, values in enumerate(zip(*columns.values(), strict=True)):
        rows.setdefault(json_text(values), []).append(i)
    groups = []
    for places in rows.values():
        group = runs.iloc[places]
        results = {measure.metric: group[measure.metric].astype(float) for measure in measures}
        groups.append(
            _Group(
                values={name: column[places[0]] for name, column in columns.items()},
                data=group["data"].iloc[0] if "data" in group else None,
                results={metric: values.groupby(group["seed"]).mean() for metric, values in results.items()},
                n_runs=_n_averaged(list(results.values())),
            )
        )
    return groups


def _values(runs: pd.DataFrame, name: str) -> list[Any]:
    """Return the values of a column as the settings have them, where pandas has made whole numbers real ones."""
    values = [_plain(value) for value in runs[name]]
    if "settings" not in runs:
        return values
    settings = {text: json.loads(text) for text in runs["settings"].unique()}
    exact = [settings[text].get(name) for text in runs["settings"]]
    return [own if own == value else value for own, value in zip(exact, values, strict=True)]


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as a Python value, and a missing one as None."""
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else value


def _n_averaged(results: Sequence[pd.Series[float]]) -> str:
    """Return how many runs have a result; where this differs by measure, the least and the most."""
    counts = sorted({int(values.count()) for values in results} - {0}) or [0]
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _ties_with_best(groups: Sequence[_Group], arena: Sequence[str], measure: Measure) -> set[int]:
    """Return the places of groups whose value is the best of their data set and version, or tied with it."""
    if measure.best is None:
        return set()
    contests: dict[str, dict[int, pd.Series[float]]] = {}
    for i, group in enumerate(groups):
        results = group.results[measure.metric].dropna()
        if len(results):
            contests.setdefault(json_text([group.values[name] for name in arena]), {})[i] = results
    tied = set()
    for contest in contests.values():
        if len(contest) < 2:
            continue
        choose = min if measure.best == "lowest" else max
        best = choose(contest, key=lambda i: float(contest[i].mean()))
        tied |= {i for i in contest if i == best or differ(contest[i], contest[best]) is False}
    return tied


def _paper_figures(paper: Paper, group: _Group, by: Sequence[str]) -> Mapping[str, str]:
    values = tuple(_hashable(group.values[name]) for name in by)
    return paper.get((group.data, *values)) or paper.get(values) or {}


def _hashable(value: Any) -> Any:
    """Return a list as the tuple that a paper table would be keyed by."""
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return json_text(value) if isinstance(value, dict) else value
