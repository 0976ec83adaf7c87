"""Carrying out the runs of a study: claims from the store, measurements by workers, results back to the store."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

import hardzero
from hardzero.interruption import interruption_raised
from hardzero.studies import get_study, study_code
from hardzero.studies.core.clusters import dask_cluster, ray_cluster
from hardzero.studies.core.own_errors import first_line
from hardzero.studies.core.plain_metrics import plain_metrics
from hardzero.studies.core.pool import POLL_SECONDS, Pool, call_in_pool
from hardzero.studies.core.processes import Processes, affordable_processes
from hardzero.studies.core.run_store import WITH_UNLABELED, RunSpec, RunStore
from hardzero.studies.core.study import CHECKPOINTS, SHARED_CHECKPOINTS, Context, Metrics, Study
from hardzero.studies.core.study_data import load_data
from hardzero.threads import usable_cores

if TYPE_CHECKING:
    from hardzero.datasets.dataset import Dataset

BACKENDS = ("loky", "dask", "ray")


@dataclass(frozen=True)
class Outcome:
    """A finished or failed run, as a worker returns it; of an error first the reason in a line, then the traceback."""

    key: str
    metrics: Metrics | None
    error: str | None
    seconds: float


Progress = Callable[[RunSpec, Outcome], None]


@dataclass(frozen=True)
class Workers:
    """Where runs are carried out.

    Attributes
    ----------
    backend : {"loky", "dask", "ray"}
        ``loky``: processes of this machine. ``dask`` and ``ray``: an existing cluster, whose workers need
        hardzero and the data.
    count : int or None
        Runs at a time. By default all cores of this machine, or all slots of the cluster.
    address : str or None
        Of the cluster's scheduler; by default Dask's and Ray's own settings, or a cluster on this machine.

    Raises
    ------
    ValueError
        If the backend is unknown or not installed, or the count is not positive.
    """

    backend: str = "loky"
    count: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(f"unknown backend {self.backend!r}: choose one of {', '.join(BACKENDS)}")
        if self.count is not None and self.count < 1:
            raise ValueError(f"the number of workers must be positive, got {self.count}")
        if self.backend == "loky" and self.address is not None:
            raise ValueError("an address needs backend 'dask' or 'ray'; loky's processes are local")

    @property
    def local(self) -> bool:
        """Whether workers share this machine and its disk."""
        return self.backend == "loky"

    @contextmanager
    def start(self, n_runs: int, *, one_at_a_time: bool = False) -> Iterator[tuple[Pool, int, int]]:
        """Connect to these workers; give their pool, their number and the threads that each may use.

        Threads times workers never exceeds the cores of this machine, unless more workers than cores were asked for;
        a slot of a cluster is one thread.
        """
        if self.backend == "loky":
            cores = usable_cores()
            count = 1 if one_at_a_time else affordable_processes(max(1, min(self.count or cores, n_runs)))
            threads = max(1, cores // count)
            processes = Processes(threads)
            try:
                yield processes, count, threads
            finally:
                processes.stop()
        else:
            connect: Any = dask_cluster if self.backend == "dask" else ray_cluster
            with connect(self.address) as cluster:
                yield cluster, 1 if one_at_a_time else self.count or max(1, cluster.n_slots), 1


def carry_out(
    store: RunStore,
    study: Study,
    source: str,
    specs: Sequence[RunSpec],
    workers: Workers,
    on_outcome: Progress | None = None,
) -> None:
    """Measure all runs that have no result yet, together with any other process that works on the store.

    Returns when every run is done or failed, in this process or another.

    Parameters
    ----------
    store : RunStore
        Where `specs` are planned.
    study : Study
    source : str
        Name or file of the study; workers are given what the file holds.
    specs : sequence of RunSpec
        In order of preference.
    workers : Workers
    on_outcome : callable, optional
        Called in this process with each run that it has recorded.
    """
    keys = [spec.key for spec in specs]
    statuses = store.statuses(keys)
    n_open = sum(statuses[key] in ("pending", "running") for key in keys)
    if not n_open:
        return
    code = study_code(source)
    with workers.start(n_open, one_at_a_time=study.timed) as (pool, count, threads):
        checkpoints = store.path.parent / CHECKPOINTS if workers.local else None
        while True:
            _Shift(store, keys, source, code, pool, count, threads, checkpoints, on_outcome).work()
            if not any(status in ("pending", "running") for status in store.statuses(keys).values()):
                break
            time.sleep(POLL_SECONDS)
    if checkpoints is not None and not store.has_open_runs(hardzero.__version__):
        _remove_shared(checkpoints)


def _remove_shared(checkpoints: Path) -> None:
    """Remove what runs have shared; the folder stays, in which another process may be about to save."""
    for path in (checkpoints / SHARED_CHECKPOINTS).glob("*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@dataclass
class _Shift:
    """One pass over all runs that can be claimed."""

    store: RunStore
    keys: Sequence[str]
    source: str
    code: bytes | None
    pool: Pool
    count: int
    threads: int
    checkpoints: Path | None
    on_outcome: Progress | None
    in_flight: dict[str, RunSpec] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """Claim, measure and record until nothing is free."""
        heartbeat = threading.Thread(target=self._keep_claims, daemon=True)
        heartbeat.start()
        try:
            with closing(self._outcomes()) as outcomes:
                for outcome in outcomes:
                    self._record(outcome)
        except BaseException:
            self.over.set()
            # Not only what is in flight: Ctrl-C may come between a claim and its note.
            self.store.release(self.keys)
            raise
        finally:
            self.over.set()
            heartbeat.join()

    def _outcomes(self) -> Generator[Outcome, None, None]:
        measure = partial(
            measure_run, self.source, n_threads=self.threads, checkpoints=self.checkpoints, code=self.code
        )
        for spec, outcome in call_in_pool(self.pool, self.count, self._claim, measure):
            if outcome is None:
                self.store.release([spec.key], died=True)
                del self.in_flight[spec.key]
            else:
                yield outcome

    def _claim(self) -> RunSpec | None:
        """Claim a run when a worker is free."""
        spec = self.store.claim(self.keys)
        if spec is not None:
            self.in_flight[spec.key] = spec
        return spec

    def _record(self, outcome: Outcome) -> None:
        spec = self.in_flight[outcome.key]
        if outcome.metrics is not None:
            kept = self.store.finish(outcome.key, outcome.metrics, outcome.seconds)
        else:
            kept = self.store.fail(outcome.key, outcome.error or "", outcome.seconds)
        del self.in_flight[outcome.key]
        if kept and outcome.metrics is not None and self.checkpoints is not None:
            shutil.rmtree(self.checkpoints / outcome.key, ignore_errors=True)
        if kept and self.on_outcome is not None:
            self.on_outcome(spec, outcome)

    def _keep_claims(self) -> None:
        while not self.over.wait(self.store.lease_seconds / 3):
            # Another program may hold the store, or the disk be full, until the next beat.
            with suppress(sqlite3.Error):
                self.store.renew(list(self.in_flight))


def measure_run(
    source: str, spec: RunSpec, n_threads: int, checkpoints: Path | None, code: bytes | None = None
) -> Outcome:
    """Carry out one run in a worker; an error becomes part of the outcome.

    Parameters
    ----------
    source : str
        Name or file of the study.
    spec : RunSpec
    n_threads : int
        Threads that the run may use, its linear algebra included.
    checkpoints : Path or None
        Folder for the checkpoints of all runs.
    code : bytes, optional
        What the study's file holds; by default the worker reads it itself.
    """
    started = time.perf_counter()
    folder = None if checkpoints is None else checkpoints / spec.key
    try:
        with threadpool_limits(n_threads):
            study = get_study(source, code)
            _check_planned(study, spec)
            data, unlabeled = _load(spec, study)
            context = Context(data, spec.seed, n_threads, folder, unlabeled)
            with interruption_raised():
                metrics = plain_metrics(study, spec.settings, study.measure(dict(spec.settings), context))
    except (Exception, SystemExit) as error:
        told = f"{first_line(error)}\n\n{traceback.format_exc()}"
        return Outcome(spec.key, None, told, time.perf_counter() - started)
    return Outcome(spec.key, metrics, None, time.perf_counter() - started)


def _check_planned(study: Study, spec: RunSpec) -> None:
    """Refuse a run of which this worker would measure another version, and record it as the planned one."""
    for name, own, planned in (
        ("version of hardzero", hardzero.__version__, spec.version),
        (f"revision of the study {study.name}", study.revision, spec.revision),
    ):
        if own != planned:
            raise ValueError(
                f"the {name} is {own} on this worker, and {planned} in the plan: give all machines the same hardzero, "
                "and start the workers anew"
            )


def _load(spec: RunSpec, study: Study) -> tuple[Dataset | None, Dataset | None]:
    """Return the data set of a run, and the unlabeled one if the run was planned with it."""
    if spec.data is None or spec.data_checksum is None:
        return None, None
    own, _, of_unlabeled = spec.data_checksum.partition(WITH_UNLABELED)
    data = _checked(spec.data, own)
    if not of_unlabeled or study.unlabeled_data is None:
        return data, None
    return data, _checked(study.unlabeled_data, of_unlabeled)


def _checked(name: str, checksum: str) -> Dataset:
    data = load_data(name)
    if data.checksum != checksum:
        raise ValueError(
            f"the data set {name!r} is not what it was when the study was planned: give the command again if it has "
            "changed, or all machines the same data"
        )
    return data
