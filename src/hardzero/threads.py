"""How many threads to use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return the number of cores this process may run on, at most ``OMP_NUM_THREADS`` where that is set.

    joblib sets ``OMP_NUM_THREADS`` in its workers, so that nested parallelism does not crowd the cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdigit() and int(limit) > 0 else cores


def resolve_n_jobs(n_jobs: int | None) -> int:
    """Return a number of threads for scikit-learn's ``n_jobs``.

    Parameters
    ----------
    n_jobs : int or None
        None or -1 is all usable cores, -2 all but one, and so on.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> resolve_n_jobs(3)
    3
    """
    if n_jobs is None:
        return usable_cores()
    if n_jobs == 0:
        raise ValueError("n_jobs=0 has no meaning: use None for all cores, or a number of threads")
    return n_jobs if n_jobs > 0 else max(1, usable_cores() + 1 + n_jobs)
