"""What a study is: a grid of settings, what is measured at each point, and how the result is shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hardzero.datasets.dataset import Dataset
    from hardzero.studies.core.tables import Table

Scale = Literal["quick", "medium", "full"]
Settings = dict[str, Any]
Metrics = dict[str, Any]

CHECKPOINTS = "checkpoints"
"""Name of the folder beside the store in which each run has one for its checkpoints."""

SHARED_CHECKPOINTS = "shared"
"""Name of the folder, among those of the runs, for what they share."""


@dataclass(frozen=True)
class Context:
    """What a measurement is given besides its settings.

    Attributes
    ----------
    data : Dataset or None
        None for studies without data.
    seed : int
        For everything drawn at random.
    n_jobs : int
        Threads that this run may use.
    checkpoints : Path or None
        Folder for the state of long trainings, so that a killed run goes on where it stopped; None where the
        worker shares no disk with the store. Removed when the run is finished.
    unlabeled : Dataset or None
        The study's `unlabeled_data`, of which only the inputs are to be used.
    """

    data: Dataset | None
    seed: int
    n_jobs: int = 1
    checkpoints: Path | None = None
    unlabeled: Dataset | None = None

    @property
    def shared_checkpoints(self) -> Path | None:
        """Folder for the state of trainings that several runs start from; removed when all runs are finished."""
        return None if self.checkpoints is None else self.checkpoints.parent / SHARED_CHECKPOINTS

    def require_data(self) -> Dataset:
        """Return the data set of a study that has one."""
        if self.data is None:
            raise ValueError("this study needs a data set: name one with --data")
        return self.data


@dataclass(frozen=True)
class Picture:
    """A plot with the sentence that says what to see in it."""

    axes: Axes
    caption: str

    @property
    def figure(self) -> Figure:
        """The whole figure that the axes are part of."""
        return cast("Figure", self.axes.get_figure(root=True))


class Study(ABC):
    """A table or a figure as a protocol; one short file each.

    Attributes
    ----------
    name : str
        As the command line knows it.
    title : str
    claim : str
        What the paper says, or what a study of one's own is to show, in a sentence.
    data : sequence of str
        Data sets it runs on by default; empty for a study without data.
    data_at_full_scale : sequence of str
        Data sets that scale ``full`` adds by default.
    unlabeled_data : str or None
        A data set whose inputs serve pre-training, where it is at hand.
    task : {"classification", "regression"} or None
        The task of the data sets that it can be run on; None takes any.
    takes_text : bool or None
        Whether these are raw texts, or numbers; None takes both.
    scales : sequence of str
        ``quick`` fits into minutes and ``full`` is the paper's protocol; a study may have ``medium`` between them: the
        paper's networks and data, trained for less long.
    seeds : mapping of str to int
        Default number of seeds for each scale; for one that is left out, that of other studies.
    timed : bool
        Whether it measures time, and therefore runs one run at a time.
    revision : int
        To be raised when the protocol changes, so that earlier results are not taken for the new ones.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    claim: ClassVar[str]
    data: ClassVar[Sequence[str]] = ()
    data_at_full_scale: ClassVar[Sequence[str]] = ()
    unlabeled_data: ClassVar[str | None] = None
    task: ClassVar[str | None] = None
    takes_text: ClassVar[bool | None] = None
    scales: ClassVar[Sequence[Scale]] = ("quick", "full")
    seeds: ClassVar[Mapping[Scale, int]] = {"quick": 3, "medium": 3, "full": 5}
    timed: ClassVar[bool] = False
    revision: ClassVar[int] = 1

    @abstractmethod
    def grid(self, scale: Scale, data: str | None) -> Iterable[Settings]:
        """Return the settings of every run, for one seed and data set; plain JSON values."""

    @abstractmethod
    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Carry out one run and return numbers (or lists of numbers) by name; NumPy's will do."""

    @abstractmethod
    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Summarize finished runs, of which any may be missing."""

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Plot finished runs, of which any may be missing."""
        return []


def check_scale(study: Study, scale: str) -> None:
    """Raise a `ValueError` if a study has no such scale."""
    if scale not in study.scales:
        raise ValueError(f"unknown scale {scale!r} of {study.name}: choose one of {', '.join(study.scales)}")


def default_seeds(study: Study, scale: Scale) -> int:
    """Return the number of seeds at a scale: the study's own or, where it has none, that of other studies."""
    seeds = {**Study.seeds, **study.seeds}
    if scale not in seeds:
        raise ValueError(f"seeds of {study.name} has no number for scale {scale}: add it, or give the number of seeds")
    return seeds[scale]


def check_data(study: Study, data: Dataset) -> None:
    """Raise a `ValueError` if a study cannot be run on a data set."""
    if study.task not in (None, data.task):
        raise ValueError(f"{study.name} needs data for {study.task}, and these are for {data.task}")
    if study.takes_text not in (None, data.is_text):
        needed, given = ("texts", "numbers") if study.takes_text else ("numbers", "texts")
        raise ValueError(f"{study.name} learns from {needed}, and these data are {given}")
