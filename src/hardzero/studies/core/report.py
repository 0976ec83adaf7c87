"""The result of a study: tables, plots, a page, and files of all runs."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import hardzero
from hardzero.atomic_file import atomic_file
from hardzero.studies import get_study, study_names
from hardzero.studies.core.labels import json_text, labels
from hardzero.studies.core.own_errors import errors_named, reason_of
from hardzero.studies.core.run_store import WITH_UNLABELED, RunStore
from hardzero.studies.core.study import Picture, Study, check_scale
from hardzero.studies.core.tables import Table, side_by_side

if TYPE_CHECKING:
    import pandas as pd

EVERY_VERSION = "all"

Shown = TypeVar("Shown", Table, Picture)


class Failure(NamedTuple):
    """A run that failed: its key, its settings as a text, and the reason, the first line of its error."""

    key: str
    settings: str
    reason: str


@dataclass
class StudyReport:
    """What the store knows about a study, summarized.

    Attributes
    ----------
    study : Study
    scale : str
    runs : DataFrame
        All planned runs of the versions reported, of one revision of the study.
    tables : list of Table
    pictures : list of Picture
    left_out : list of str
        Versions that have only runs of another revision of the study.
    """

    study: Study
    scale: str
    runs: pd.DataFrame
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def finished(self) -> pd.DataFrame:
        """Runs with a result; settings and metrics of other runs are missing values."""
        return self.runs[self.runs["status"] == "done"]

    @property
    def status(self) -> str:
        """How many runs are finished, and what became of the others."""
        counts = self.runs["status"].value_counts()
        text = f"{counts.get('done', 0)} of {len(self.runs)} runs finished"
        rest = [f"{counts[name]} {name}" for name in ("failed", "running", "pending") if counts.get(name)]
        text = f"{text} ({', '.join(rest)})" if rest else text
        if self.left_out:
            text += f"; without version {', '.join(self.left_out)}, whose runs are of another revision of the study"
        revision = self.runs["revision"].iloc[0]
        if revision != self.study.revision:
            text += f"; of revision {revision} of the study, which has revision {self.study.revision} now"
        return text

    @property
    def timing(self) -> str:
        """Time a run takes, and the overhead of carrying it out."""
        finished = self.finished
        if not len(finished):
            return ""
        overhead = finished["overhead_seconds"].dropna()
        mean, total = finished["seconds"].mean(), finished["seconds"].sum()
        text = f"{mean:{'.3g' if mean < 999 else ',.0f'}} s a run on average, {total:,.0f} s in all"
        return f"{text}; {1000 * overhead.median():.0f} ms median overhead a run" if len(overhead) else text

    @property
    def failures(self) -> list[Failure]:
        """The runs that failed."""
        failed = self.runs[self.runs["status"] == "failed"]
        return [
            Failure(
                run["key"],
                f"{run['data'] or ''} seed {run['seed']}: {run['settings']}",
                reason_of(str(run["failure"])),
            )
            for _, run in failed.iterrows()
        ]

    @property
    def protocol(self) -> dict[str, str]:
        """Settings by name: the value, or the values over which they range."""
        values: dict[str, dict[str, Any]] = {}
        for text in self.runs["settings"]:
            for name, value in json.loads(text).items():
                values.setdefault(name, {})[json_text(value)] = value
        return {name: " · ".join(labels([*found.values()])) for name, found in values.items()}


def make_report(store: RunStore, source: str, *, scale: str | None = None, version: str | None = None) -> StudyReport:
    """Summarize the runs of a study that are in a store, of which any may be missing.

    Parameters
    ----------
    store : RunStore
    source : str
        Name or file of the study.
    scale : {"quick", "medium", "full"}, optional
        By default the largest that has finished runs of the version and of the study's revision or, where no run is of
        that one, of the latest.
    version : str, optional
        Version of hardzero whose runs count; ``all`` puts versions side by side. By default the present
        version, or the one whose run was finished last.

    Returns
    -------
    StudyReport

    Raises
    ------
    ValueError
        If the store has no runs of the study, or none at that scale or of that version.
    """
    study = get_study(source)
    if scale is not None:
        check_scale(study, scale)
    scales = [scale] if scale is not None else [*reversed(study.scales)]
    frames = {name: store.frame(study.name, name) for name in scales}
    frames = {name: frame for name, frame in frames.items() if len(frame)}
    if not frames:
        at_scale, asked = (f" at scale {scale}", f" --scale {scale}") if scale else ("", "")
        command = f"hardzero study {source}{asked} --store {store.path.parent}"
        raise ValueError(f"{store.path} has no runs of {study.name}{at_scale}: run '{command}' first")
    frames = _of_version(frames, version, store.last_version(study.name, scale))
    of_revision = _of_revision(frames, study.revision)
    has_results = (name for name, frame in of_revision.items() if (frame["status"] == "done").any())
    chosen = next(has_results, next(iter(of_revision)))
    report = StudyReport(study, chosen, _tell_data_apart(of_revision[chosen].reset_index(drop=True)))
    versions = frames[chosen]["version"].unique()
    report.left_out = [version for version in versions if version not in set(report.runs["version"])]
    if len(report.finished):
        _summarize(report)
    return report


def _summarize(report: StudyReport) -> None:
    """Let the study make its tables and plots of each version on its own, and put these side by side."""
    study, versions = report.study, dict(list(report.finished.groupby("version", sort=False)))
    with errors_named(study, "tables"):
        tables = {str(version): _listed(study.tables(runs), Table) for version, runs in versions.items()}
    with errors_named(study, "pictures"):
        pictures = {str(version): _listed(study.pictures(runs), Picture) for version, runs in versions.items()}
    if len(versions) == 1:
        ((report.tables,), (report.pictures,)) = tables.values(), pictures.values()
        return
    report.tables = side_by_side(tables)
    report.pictures = [
        replace(picture, caption=f"Version {version}. {picture.caption}")
        for version, made in pictures.items()
        for picture in made
    ]


def _listed(returned: Any, kind: type[Shown]) -> list[Shown]:
    """Return what a study's method has returned, after making sure that it is a list of tables or pictures."""
    parts = list(returned) if isinstance(returned, Iterable) else None
    if parts is None or not all(isinstance(part, kind) for part in parts):
        raise TypeError(f"it must return a list of {kind.__name__} objects, and returned {returned!r:.100}")
    return parts


def write_page(report: StudyReport, path: str | os.PathLike[str]) -> None:
    """Write a report as one HTML file that needs nothing else."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hardzero.studies.core", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = [(_data_url(picture), picture.caption) for picture in report.pictures]
    page = environment.get_template("page.html.j2").render(
        report=report,
        study=report.study,
        of_the_paper=report.study.name in study_names(),
        pictures=pictures,
    )
    with atomic_file(path) as file:
        file.write(page.encode())


def write_runs(report: StudyReport, folder: str | os.PathLike[str]) -> list[Path]:
    """Write all runs as CSV and, where pyarrow is installed, as Parquet; return the paths.

    Lists and dicts are JSON text in the CSV. Parquet keeps them, but for a column of values of several types, such as
    numbers and lists: there all of its values are JSON text.
    """
    import pandas as pd

    stem = Path(folder) / f"{report.study.name}-{report.scale}"
    flat = report.runs.map(lambda value: json.dumps(value) if isinstance(value, list | dict) else value)
    paths = [Path(f"{stem}.csv")]
    with atomic_file(paths[0]) as file:
        flat.to_csv(file, index=False)
    if find_spec("pyarrow") is not None:
        paths.append(Path(f"{stem}.parquet"))
        with atomic_file(paths[1]) as file:
            uniform = pd.DataFrame({name: _of_one_type(column) for name, column in report.runs.items()})
            uniform.to_parquet(file, index=False)
    return paths


def _of_one_type(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as Parquet can hold it: as JSON text where its values have no type in common."""
    try:
        column.to_frame().to_parquet(BytesIO())
    except (TypeError, ValueError, NotImplementedError, OverflowError):
        return column.map(json.dumps, na_action="ignore")
    return column


def _of_version(frames: dict[str, pd.DataFrame], version: str | None, last: str | None) -> dict[str, pd.DataFrame]:
    """Return the runs of a version at each scale that has some."""
    versions = list(dict.fromkeys(version for frame in frames.values() for version in frame["version"]))
    if version == EVERY_VERSION:
        return frames
    if version is None:
        present = hardzero.__version__
        version = present if present in versions or last is None else last
    if version not in versions:
        raise ValueError(f"there are no runs of version {version}: the store has {', '.join(versions)}")
    return _where(frames, "version", version)


def _of_revision(frames: dict[str, pd.DataFrame], revision: int) -> dict[str, pd.DataFrame]:
    """Return the runs of a revision of the study at each scale that has some; of the latest where there are none."""
    own = _where(frames, "revision", revision)
    return own or _where(frames, "revision", max(frame["revision"].max() for frame in frames.values()))


def _where(frames: dict[str, pd.DataFrame], column: str, value: Any) -> dict[str, pd.DataFrame]:
    """Return the rows with a value at each scale that has some."""
    kept = {name: frame[frame[column] == value] for name, frame in frames.items()}
    return {name: frame for name, frame in kept.items() if len(frame)}


def _tell_data_apart(runs: pd.DataFrame) -> pd.DataFrame:
    """Name data sets by their checksum too where one name stands for several contents."""
    contents = runs.groupby("data")["data_checksum"].nunique()
    ambiguous = runs["data"].isin(contents.index[contents > 1])
    if not ambiguous.any():
        return runs
    named = runs["data"] + " (" + runs["data_checksum"].map(_shortened, na_action="ignore") + ")"
    return runs.assign(data=runs["data"].where(~ambiguous, named))


def _shortened(checksum: str) -> str:
    return WITH_UNLABELED.join(part[:6] for part in checksum.split(WITH_UNLABELED))


def _data_url(picture: Picture) -> str:
    buffer = BytesIO()
    picture.figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return "data:image/svg+xml;base64," + b64encode(buffer.getvalue()).decode()
