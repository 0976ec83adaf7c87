"""From a study's name to its runs in the store."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import hardzero
from hardzero.datasets.catalog import canonical_name
from hardzero.studies import get_study
from hardzero.studies.core.own_errors import errors_named
from hardzero.studies.core.run_store import WITH_UNLABELED, RunSpec, RunStore, check_keys, check_names
from hardzero.studies.core.study import CHECKPOINTS, Scale, Settings, Study, check_scale, default_seeds
from hardzero.studies.core.study_data import checksum_of
from hardzero.studies.core.workers import Progress, Workers, carry_out

STORE_NAME = "runs.sqlite"
DEFAULT_FOLDER = Path("hardzero-studies")


@dataclass
class Plan:
    """The runs of a study at a scale, and the data sets that could not be had or do not suit it.

    Attributes
    ----------
    study : Study
    source : str
    scale : {"quick", "medium", "full"}
    specs : list of RunSpec
        Each once, also where the grid has it twice.
    missing_data : dict of str to str
        Reason by data set.
    """

    study: Study
    source: str
    scale: Scale
    specs: list[RunSpec] = field(default_factory=list)
    missing_data: dict[str, str] = field(default_factory=dict)


def open_store(folder: str | os.PathLike[str] = DEFAULT_FOLDER, *, read_only: bool = False) -> RunStore:
    """Return the store of runs in a folder, made where there is none; to look at it alone, it need not be writable.

    Raises
    ------
    ValueError
        If `folder` is a file, or the store in it is none, or cannot be written.
    """
    if Path(folder).is_file():
        raise ValueError(f"{folder} is a file; the store of runs and its reports need a folder: name another one")
    return RunStore(Path(folder) / STORE_NAME, read_only=read_only)


def make_plan(source: str, scale: Scale = "quick", data: Sequence[str] = (), n_seeds: int | None = None) -> Plan:
    """List the runs of a study.

    Parameters
    ----------
    source : str
        Name or file of the study.
    scale : {"quick", "medium", "full"}
    data : sequence of str, optional
        Data sets in place of the study's own.
    n_seeds : int, optional
        Seeds 0, 1, …; the study's own number by default.

    Returns
    -------
    Plan
        Seeds vary slowest, so that an interrupted study has all settings at the first seeds.

    Raises
    ------
    ValueError
        If the study is unknown or has no such scale, the number of seeds is not positive, or data are named for a
        study without.
    """
    study = get_study(source)
    check_scale(study, scale)
    n_seeds = default_seeds(study, scale) if n_seeds is None else n_seeds
    if n_seeds < 1:
        raise ValueError(f"the number of seeds must be positive, got {n_seeds}")
    if data and not study.data:
        raise ValueError(f"study {study.name} uses no data set")
    plan = Plan(study, source, scale)
    defaults = [*study.data, *(study.data_at_full_scale if scale == "full" else ())]
    choices: list[str | None] = [*dict.fromkeys(map(canonical_name, data or defaults))] or [None]
    checksums: dict[str | None, str | None] = {None: None}
    for name in filter(None, choices):
        try:
            checksums[name] = checksum_of(name, study)
        except (OSError, ValueError) as error:
            plan.missing_data[name] = str(error)
    if study.unlabeled_data is not None and len(checksums) > 1:
        try:
            unlabeled = checksum_of(study.unlabeled_data)
            checksums = {name: name and f"{own}{WITH_UNLABELED}{unlabeled}" for name, own in checksums.items()}
        except (OSError, ValueError) as error:
            plan.missing_data[study.unlabeled_data] = str(error)
    for seed, choice in product(range(n_seeds), choices):
        if choice in checksums:
            plan.specs += [
                RunSpec(study.name, study.revision, settings, choice, checksums[choice], hardzero.__version__, seed)
                for settings in _grid(study, scale, choice)
            ]
    plan.specs = list({spec.key: spec for spec in plan.specs}.values())
    return plan


def _grid(study: Study, scale: Scale, data: str | None) -> list[Settings]:
    """Return the settings of a study's runs, after making sure that they are some and can be kept."""
    with errors_named(study, "grid"):
        grid = list(study.grid(scale, data))
        for settings in grid:
            if not isinstance(settings, dict):
                raise TypeError(f"each setting must be a dict of values by name, and {settings!r} is none")
        json.dumps(grid, allow_nan=False)
        check_keys(grid)
        for settings in grid:
            check_names(settings, "a setting")
    if not grid:
        raise ValueError(f"grid of the study {study.name} returns no settings at scale {scale}")
    return grid


def take_up(store: RunStore, plan: Plan) -> None:
    """Make the runs of a plan known to a store, and remove checkpoints that no run goes on from any more."""
    store.plan(plan.study.name, plan.scale, plan.specs)
    # By their keys alone: the folder may hold what is not the store's.
    for key in store.given_up(plan.study.name, plan.study.revision, hardzero.__version__):
        shutil.rmtree(store.path.parent / CHECKPOINTS / key, ignore_errors=True)


def run_study(
    source: str,
    scale: Scale = "quick",
    *,
    data: Sequence[str] = (),
    n_seeds: int | None = None,
    folder: str | os.PathLike[str] = DEFAULT_FOLDER,
    workers: Workers | None = None,
    on_outcome: Progress | None = None,
) -> RunStore:
    """Run a study to its end; runs that the store already has are not repeated.

    Parameters
    ----------
    source, scale, data, n_seeds
        As for `make_plan`.
    folder : path-like
        Where the store of runs lies.
    workers : Workers, optional
        By default one process per core.
    on_outcome : callable, optional
        Called with each finished run and its outcome.

    Returns
    -------
    RunStore

    Examples
    --------
    >>> import tempfile
    >>> store = run_study("response-curves", folder=tempfile.mkdtemp(), workers=Workers(count=1))
    >>> set(store.counts())
    {'done'}
    """
    plan = make_plan(source, scale, data, n_seeds)
    store = open_store(folder)
    take_up(store, plan)
    carry_out(store, plan.study, source, plan.specs, workers or Workers(), on_outcome)
    return store
