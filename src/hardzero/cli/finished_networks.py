"""The finished networks of a sweep: on disk, so that an interrupted one goes on, and behind a progress bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from hardzero.analysis.sparsity_frontier import FrontierPoint, SparsityFrontier
from hardzero.cli.output_file import unfinished


class FinishedNetworks:
    """The networks that are finished, among them those that the same sweep left when it was interrupted.

    Parameters
    ----------
    path : Path
        Of the whole result.
    wanted : iterable of (float, int)
        Target and seed of every network.
    error_name : str
    made_from : str
        A hash of data and settings: what was left goes on where it has the same one.
    """

    def __init__(self, path: Path, wanted: Iterable[tuple[float, int]], error_name: str, made_from: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.wanted = list(wanted)
        self.error_name, self.made_from = error_name, made_from
        self.unfinished = unfinished(path, self._goes_on)
        self.points: list[FrontierPoint] = []
        if self.unfinished is not None and self.unfinished.exists():
            self.points = SparsityFrontier.load(self.unfinished).points
            there = f"{len(self.points)} of {len(self.wanted)} networks are there"
            typer.echo(f"Going on from {self.unfinished}, {there}; to train all anew delete it", err=True)
        text = TextColumn("{task.description}")
        console = Console(stderr=True)
        self.bar = Progress(text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
        self.task = self.bar.add_task("networks", total=len(self.wanted), completed=len(self.points))

    def _goes_on(self, path: Path) -> bool:
        """Return whether a file holds networks of this sweep alone, so that none is lost with it in the end."""
        try:
            left = SparsityFrontier.load(path)
        except ValueError:
            return False
        return left.made_from == self.made_from and set(map(_place, left.points)) <= set(self.wanted)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress bar."""
        self.bar.start()
        try:
            yield
        finally:
            self.bar.stop()

    def add(self, point: FrontierPoint) -> None:
        """Save one more network, and name its figures."""
        self.points.append(point)
        self.keep()
        zeros = sum(point.zeros) / len(point.zeros)
        description = f"target {100 * point.target:g} %: {100 * zeros:.1f} % zeros, error {point.error:.3g}"
        self.bar.update(self.task, advance=1, description=description)

    def keep(self) -> Path | None:
        """Save what there is beside the place of the whole result; nothing, if that is a device or a pipe."""
        if self.unfinished is not None:
            self.frontier().save(self.unfinished)
        return self.unfinished

    def replace_by(self, path: Path) -> None:
        """Save the whole result in its place."""
        self.frontier().save(path)
        if self.unfinished is not None:
            self.unfinished.unlink(missing_ok=True)

    def frontier(self) -> SparsityFrontier:
        """Return the result so far, in the order of the whole."""
        points = sorted(self.points, key=lambda point: self.wanted.index(_place(point)))
        return SparsityFrontier(points, self.error_name, self.made_from)


def _place(point: FrontierPoint) -> tuple[float, int]:
    return point.target, point.seed
