"""What the user sees while a study runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from hardzero.cli.training_view import SECONDS_BETWEEN_LINES, duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class StudyView:
    """Shows how many runs of a study are finished; used as a context manager.

    Parameters
    ----------
    console : rich.console.Console
        Of standard error; whether it is a terminal decides between a bar and plain lines.
    name : str
        Of the study.
    n_runs, n_finished : int
        In all, and from earlier commands.
    """

    def __init__(self, console: Console, name: str, n_runs: int, n_finished: int) -> None:
        self.console, self.name, self.n_runs, self.n_finished = console, name, n_runs, n_finished
        self.started = self.last_line = time.perf_counter()
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> StudyView:
        """Begin the display."""
        if self.console.is_terminal:
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            columns = [
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            ]
            self.bar = Progress(*columns, TimeRemainingColumn(), console=self.console)
            self.task = self.bar.add_task(self.name, total=self.n_runs, completed=self.n_finished)
            self.bar.start()
        else:
            self._print_line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display; what it shows last stays."""
        if self.bar is not None:
            self.bar.stop()

    def run_ended(self, n_finished: int) -> None:
        """Show how many runs are finished now."""
        self.n_finished = n_finished
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=n_finished)
        elif n_finished == self.n_runs or time.perf_counter() - self.last_line >= SECONDS_BETWEEN_LINES:
            self._print_line()

    def run_failed(self, settings: object, reason: str) -> None:
        """Name a run that failed."""
        from rich.text import Text

        self.console.print(Text.assemble(("failed", "red"), f" {settings}: {reason}"), soft_wrap=True)

    def _print_line(self) -> None:
        self.last_line = time.perf_counter()
        spent = duration(self.last_line - self.started)
        line = f"{self.name}: {self.n_finished} of {self.n_runs} runs finished, {spent} spent"
        self.console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)
