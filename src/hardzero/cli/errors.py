"""How commands fail: one message on standard error and an exit code that scripts can use."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from collections.abc import Collection
from functools import partial
from typing import Any

import typer
from typer.core import TyperGroup

from hardzero.cli.option_names import option_for, option_names, with_option_names
from hardzero.cli.piped_input import with_pipe_names
from hardzero.data_fault import DataFault

FAILED = 1
"""The command was right, but could not be carried out: training diverged, the disk is full."""

BAD_INPUT = 2
"""Wrong usage, or a file that cannot be used."""

INTERRUPTED = 130


class ErrorReportingGroup(TyperGroup):
    """Turns the exceptions of all commands into messages and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; report an error in a line, or with ``--debug`` with its traceback."""
        try:
            return super().invoke(ctx)
        except (
            ValueError,
            TypeError,
            OSError,
            MemoryError,
            ImportError,
            ArithmeticError,
            sqlite3.Error,
        ) as error:
            if isinstance(error, BrokenPipeError):
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            options = option_names(self.get_command(ctx, ctx.invoked_subcommand or ""))
            message = with_option_names(_message(error, options), options)
            typer.secho(f"hardzero: {with_pipe_names(message)}", fg=typer.colors.RED, err=True)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            typer.echo("hardzero: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error.

    Examples
    --------
    >>> exit_code(ValueError("no such column")), exit_code(MemoryError())
    (2, 1)
    """
    if type(error).__name__ == "TrainingDiverged":
        return FAILED
    return BAD_INPUT if isinstance(error, ValueError | FileNotFoundError | IsADirectoryError) else FAILED


def warn(message: str) -> None:
    """Show a warning on standard error."""
    typer.secho(f"warning: {with_pipe_names(message)}", fg=typer.colors.YELLOW, err=True)


def _message(error: BaseException, options: Collection[str]) -> str:
    if isinstance(error, DataFault):
        return str(error.for_caller(partial(option_for, options=options)))
    # A package of an extra that is missing is told with the remedy.
    if isinstance(error, ValueError) or type(error) is ImportError:
        return str(error)
    if isinstance(error, FileNotFoundError):
        return str(error) if error.filename is None else f"there is no file {error.filename}"
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}"
    if isinstance(error, sqlite3.Error):
        return f"the store of runs cannot be used: {error}. Is the disk full, or the file of another program?"
    if isinstance(error, MemoryError):
        return "not enough memory: use fewer samples or features, or a smaller network"
    return f"{type(error).__name__}: {error}. Run again with 'hardzero --debug {' '.join(sys.argv[1:])}' for details"
