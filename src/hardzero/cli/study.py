"""``hardzero study``: list, run and report the paper's tables and figures."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hardzero.cli.errors import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from hardzero.studies.core.report import StudyReport
    from hardzero.studies.core.run_store import RunStore

FOLDER = Path("hardzero-studies")

RUN_EXAMPLES = """[bold]Examples[/]

hardzero study response-curves   (seconds)

hardzero study table1 --data mnist --seeds 3

hardzero study own.py --workers 4   (a study of one's own)
"""

REPORT_EXAMPLES = """[bold]Examples[/]

hardzero study report table1

hardzero study report table1 --scale full --markdown
"""

EXAMPLES = """[bold]Examples[/]

hardzero study list

hardzero study table1 --data mnist --seeds 3

hardzero study report table1
"""


class _StudyGroup(TyperGroup):
    """Takes the name of a study, or a file that holds one, for ``run`` with that name."""

    def resolve_command(self, context: Any, arguments: list[str]) -> Any:
        """Return the command that the first argument names, or ``run``."""
        if arguments and arguments[0] not in self.commands and not arguments[0].startswith("-"):
            arguments = ["run", *arguments]
        return super().resolve_command(context, arguments)


app = typer.Typer(
    cls=_StudyGroup,
    no_args_is_help=True,
    help="The paper's tables and figures: 'hardzero study list', 'hardzero study NAME', 'hardzero study report NAME'.",
    epilog=EXAMPLES,
    rich_markup_mode="rich",
)

Name = Annotated[str, typer.Argument(help="A study, as 'hardzero study list' shows them, or a .py file with one.")]
Folder = Annotated[Path, typer.Option("--store", help="Folder of the store of runs and of the reports.")]

LOG_WIDTH = 200
"""Columns of what goes into a file or a pipe: tables need not be folded there."""


@app.command("list")
def list_studies(folder: Folder = FOLDER) -> None:
    """Show all studies, what the paper claims in each, and the runs that the store has, those of your own too."""
    import rich
    from rich.table import Table
    from rich.text import Text

    from hardzero.studies import get_study, study_names
    from hardzero.studies.core.running import STORE_NAME, open_store

    store = open_store(folder, read_only=True) if (folder / STORE_NAME).exists() else None
    table = Table("study", "the paper's claim", "data", "finished runs")
    for name in study_names():
        study = get_study(name)
        finished = "–" if store is None else _finished(store, name)
        table.add_row(Text(name, style="bold"), Text(study.claim), Text(", ".join(study.data) or "–"), finished)
    if store is not None:
        for name in store.studies():
            if name not in study_names():
                table.add_row(Text(name, style="bold"), "a study of your own", "–", _finished(store, name))
    rich.print(table)


@app.command("run", epilog=RUN_EXAMPLES)
def run(
    name: Name,
    scale: Annotated[
        str, typer.Option(help="'quick' (minutes), 'full' (the paper's protocol); table1 also 'medium', between them.")
    ] = "quick",
    data: Annotated[list[str] | None, typer.Option(help="A data set in place of the study's own; repeatable.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds; the study's own by default.")] = None,
    workers: Annotated[int | None, typer.Option(help="Runs at a time; one a core by default.")] = None,
    backend: Annotated[str, typer.Option(help="'loky' (processes of this machine), 'dask' or 'ray'.")] = "loky",
    address: Annotated[str | None, typer.Option(help="Of the Dask or Ray cluster.")] = None,
    folder: Folder = FOLDER,
) -> None:
    """Run a study, or what is missing of it, and report it. 'run' may be left out."""
    from hardzero.studies.core.report import make_report
    from hardzero.studies.core.running import make_plan, open_store, take_up
    from hardzero.studies.core.workers import Workers

    places = Workers(backend, workers, address)
    plan = make_plan(name, scale, data or (), seeds)  # type: ignore[arg-type]
    for missing, reason in plan.missing_data.items():
        typer.echo(f"Without {missing}: {reason}", err=True)
    if not plan.specs:
        raise ValueError(f"none of the data sets of {name} can be used: name another one with --data")
    store = open_store(folder)
    take_up(store, plan)
    try:
        _carry_out(store, plan, places)
    except KeyboardInterrupt:
        typer.echo("\nInterrupted: finished runs are kept, and the same command goes on with the others.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    statuses = store.statuses([spec.key for spec in plan.specs])
    _show(make_report(store, name, scale=scale), folder, statuses)
    if "failed" in statuses.values():
        raise typer.Exit(FAILED)


@app.command("report", epilog=REPORT_EXAMPLES)
def report(
    name: Name,
    scale: Annotated[str | None, typer.Option(help="Of the runs; by default the largest with results.")] = None,
    version: Annotated[
        str | None, typer.Option(help="Version of hardzero whose runs count; 'all' puts versions side by side.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables as Markdown, write no files.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the page and the runs; that of the store by default.")
    ] = None,
    folder: Folder = FOLDER,
) -> None:
    """Print the tables of a study beside the paper's figures; write a page with plots, and all runs as CSV."""
    from hardzero.studies.core.report import make_report
    from hardzero.studies.core.running import STORE_NAME, open_store

    if not (folder / STORE_NAME).exists():
        raise ValueError(f"there is no store of runs in {folder}: run 'hardzero study {name}' first, or name --store")
    if markdown and output is not None:
        raise ValueError("--markdown writes no files: leave out --output, or --markdown")
    found = make_report(open_store(folder, read_only=True), name, scale=scale, version=version)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    written = folder if output is None else output
    if not markdown and not os.access(written, os.W_OK):
        raise ValueError(f"nothing can be written in {written}: name another folder with --output, or say --markdown")
    _show(found, written, markdown=markdown)


def _finished(store: RunStore, name: str) -> str:
    frame = store.frame(name)
    return f"{(frame['status'] == 'done').sum()} of {len(frame)}" if len(frame) else "–"


def _carry_out(store: RunStore, plan: Any, workers: Any) -> None:
    """Carry out a plan, showing progress; name each failure when it happens."""
    from rich.console import Console

    from hardzero.cli.study_view import StudyView
    from hardzero.studies.core.own_errors import reason_of
    from hardzero.studies.core.workers import carry_out

    keys = [spec.key for spec in plan.specs]

    def n_with(*wanted: str) -> int:
        return sum(status in wanted for status in store.statuses(keys).values())

    with StudyView(Console(stderr=True), plan.study.name, len(keys), n_with("done")) as view:

        def record(spec: Any, outcome: Any) -> None:
            view.run_ended(n_with("done", "failed"))
            if outcome.error is not None:
                view.run_failed(spec.settings, reason_of(outcome.error))

        carry_out(store, plan.study, plan.source, plan.specs, workers, record)


def _show(report: StudyReport, folder: Path, planned: Container[str] | None = None, *, markdown: bool = False) -> None:
    """Print a report and, unless as Markdown, write it; of failures those of planned runs, all by default."""
    from rich.console import Console
    from rich.text import Text

    if markdown:
        for table in report.tables:
            typer.echo(f"{table.title}\n\n{table.markdown()}\n")
    else:
        console = Console()
        if not console.is_terminal:
            console.width = LOG_WIDTH
        console.print(Text.assemble((report.study.title, "bold"), f" ({report.scale}): {report.study.claim}"))
        for table in report.tables:
            console.print(table.rich())
    for failure in report.failures:
        if planned is None or failure.key in planned:
            typer.echo(f"failed: {failure.settings}: {failure.reason}", err=True)
    typer.echo(f"{report.status}. {report.timing}", err=True)
    if not markdown:
        _write(report, folder)


def _write(report: StudyReport, folder: Path) -> None:
    from hardzero.studies.core.report import write_page, write_runs

    page = folder / f"{report.study.name}-{report.scale}.html"
    write_page(report, page)
    paths = [page, *write_runs(report, folder)]
    typer.echo("Wrote " + ", ".join(map(str, paths)), err=True)
