"""What the user sees while a network trains: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner

    from hardzero.training import EpochReport

SECONDS_BETWEEN_LINES = 2.0
"""Plain output shows the first and the last epoch, and others at least this far apart."""


@dataclass
class TrainingView:
    """Shows the progress of training; a callback of ``fit``, used as a context manager.

    Parameters
    ----------
    console : rich.console.Console
        Of standard error; whether it is a terminal decides between a live display and plain lines.
    title : str
    is_classification : bool
        Whether scores are accuracies, shown as errors, or R².
    widths : tuple of int
        Units of each hidden layer.
    best : callable
        Returns score and number of the epoch that training would keep, or None; asked at the end of each epoch, as
        training that fails leaves nothing to ask.
    """

    console: Console
    title: str
    is_classification: bool
    widths: tuple[int, ...]
    best: Callable[[], tuple[float, int] | None]
    last_line: float = field(default=0.0, init=False)
    started: float = field(default=0.0, init=False)
    spent: float = field(default=0.0, init=False)
    report: EpochReport | None = field(default=None, init=False)
    kept: tuple[float, int] | None = field(default=None, init=False)
    epochs_before: int = field(default=0, init=False)
    last_shown: int = field(default=0, init=False)
    live: Live | None = field(default=None, init=False)
    spinner: Spinner | None = field(default=None, init=False)

    def __enter__(self) -> TrainingView:
        """Begin the display."""
        self.started = time.perf_counter()
        if self.console.is_terminal:
            from rich.live import Live
            from rich.spinner import Spinner

            self.spinner = Spinner("dots")
            self.live = Live(get_renderable=self._render, console=self.console, refresh_per_second=8)
            self.live.start()
        else:
            self.console.print(self.title, soft_wrap=True, highlight=False, markup=False, emoji=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display; what it shows last stays."""
        if self.live is not None:
            self.live.stop()
        elif self.report is not None and self.last_shown != self.report.epoch:
            self._print_line(self.report)

    def __call__(self, report: EpochReport) -> None:
        """Show an epoch."""
        now = time.perf_counter()
        self.spent = now - self.started
        if self.report is None:
            self.epochs_before = report.epoch - 1
        self.kept = self.best()
        self.report = report
        if self.live is None and (report.epoch == 1 or now - self.last_line >= SECONDS_BETWEEN_LINES):
            self._print_line(report)

    def _print_line(self, report: EpochReport) -> None:
        self.last_line = time.perf_counter()
        self.last_shown = report.epoch
        parts = [
            f"{self._phase(report)}epoch {report.epoch}/{report.max_epochs}",
            f"loss {report.loss:.4g}",
            *self._score(report),
            f"zeros {self._zeros(report):.1%}",
            f"{report.n_samples / max(report.seconds, 1e-9):,.0f} samples/s",
            f"{duration(self._left(report))} left",
        ]
        self.console.print("  ".join(parts), soft_wrap=True, highlight=False)

    def _render(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        report = self.report
        head = Table.grid(padding=(0, 2))
        elapsed = duration(time.perf_counter() - self.started)
        if report is None:
            head.add_row(self.spinner, f"first epoch … {elapsed}")
            return Group(Text(self.title, style="bold"), head)
        bar = ProgressBar(total=report.max_epochs, completed=report.epoch, width=30)
        head.add_row(
            f"{self._phase(report)}epoch {report.epoch}/{report.max_epochs}",
            bar,
            f"{elapsed} spent, {duration(self._left(report))} left",
        )
        rate = report.n_samples / max(report.seconds, 1e-9)
        details = Text("  ".join([f"loss {report.loss:.4g}", *self._score(report), f"{rate:,.0f} samples/s"]))
        layers = ", ".join(f"{part:.1%}" for part in report.zeros)
        zeros = Text(f"zeros {self._zeros(report):.1%}", style="green")
        if len(report.zeros) > 1:
            zeros.append(f"  by layer {layers}", style="default")
        return Group(Text(self.title, style="bold"), head, details, zeros)

    def _phase(self, report: EpochReport) -> str:
        return "" if report.phase == "training" else f"{report.phase}, "

    def _score(self, report: EpochReport) -> list[str]:
        if report.validation_score is None or self.kept is None:
            return []
        score, epoch = self.kept
        if self.is_classification:
            return [f"validation error {1 - report.validation_score:.2%} (best {1 - score:.2%}, epoch {epoch})"]
        return [f"validation R² {report.validation_score:.4f} (best {score:.4f}, epoch {epoch})"]

    def _zeros(self, report: EpochReport) -> float:
        """Return the fraction of zeros over all hidden units."""
        return sum(float(zeros) * width for zeros, width in zip(report.zeros, self.widths, strict=True)) / sum(
            self.widths
        )

    def _left(self, report: EpochReport) -> float:
        # A run that goes on from a checkpoint has spent no time on the epochs before.
        return self.spent / (report.epoch - self.epochs_before) * (report.max_epochs - report.epoch)


def duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours where there are some.

    Examples
    --------
    >>> duration(7), duration(75), duration(4000)
    ('0:07', '1:15', '1:06:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
