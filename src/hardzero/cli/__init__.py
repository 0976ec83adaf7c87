"""The command line: one file a command, registered here.

A command imports what it needs when it runs, so that ``hardzero --help`` is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hardzero.cli import bench, config, evaluate, export, fit, inspect, predict, report, study, sweep
from hardzero.cli.errors import ErrorReportingGroup

app = typer.Typer(
    cls=ErrorReportingGroup,
    name="hardzero",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed (training diverged, disk full), 2 wrong usage or bad input, 130 interrupted.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from hardzero import __version__

        typer.echo(f"hardzero {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Deep sparse rectifier networks: train, inspect and use them; every exact zero saves time.

    [bold]hardzero fit digits[/] trains on data that need no download. [bold]hardzero COMMAND --help[/] has examples.
    """
    context.obj = {"debug": debug}


app.command("fit", epilog=fit.EXAMPLES)(fit.fit)
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("inspect", epilog=inspect.EXAMPLES)(inspect.inspect)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("sweep", epilog=sweep.EXAMPLES)(sweep.sweep)
app.add_typer(study.app, name="study")
app.command("bench", epilog=bench.EXAMPLES)(bench.bench)
app.command("config")(config.config)
