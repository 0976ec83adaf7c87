"""How many threads to use."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

from threadpoolctl import threadpool_limits


def usable_cores() -> int:
    """Return the number of cores this process may use, at most ``OMP_NUM_THREADS`` where that is set.

    Affinity, a container's limit of processor time and ``LOKY_MAX_CPU_COUNT`` count as they do in joblib, whose workers
    get an ``OMP_NUM_THREADS``, so that nested parallelism does not crowd the cores.
    """
    cores = available_cores()
    # OpenMP takes a list, a number for each level of nesting.
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) > 0 else cores


def available_cores() -> int:
    """Return the number of cores that the system, a container and joblib's limit leave to this process."""
    affine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _cores_by_joblib(affine, os.environ.get("LOKY_MAX_CPU_COUNT"))


@cache
def _cores_by_joblib(n_cores: int, limit: str | None) -> int:
    """Return how many of so many cores joblib uses under its limit; kept, because finding out takes 0.1 ms."""
    from joblib import cpu_count

    return min(n_cores, int(cpu_count()))


def resolve_n_jobs(n_jobs: int | None) -> int:
    """Return a number of threads for scikit-learn's ``n_jobs``.

    Parameters
    ----------
    n_jobs : int or None
        None or -1 is all usable cores, -2 all but one, and so on; more than there are cores is as many as these.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> resolve_n_jobs(1)
    1
    """
    if n_jobs is None:
        return usable_cores()
    if n_jobs == 0:
        raise ValueError("n_jobs=0 has no meaning: use None for all cores, or a number of threads")
    if n_jobs > 0:
        # A model keeps the number of the machine that trained it, and more threads than cores hold each other up.
        return min(n_jobs, available_cores())
    return max(1, usable_cores() + 1 + n_jobs)


class _OneBlasThread:
    """Keeps BLAS to one thread, in the whole process, while any thread of Python is within.

    The last one to leave restores what the first one found: limits of their own would restore each other's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_within = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._n_within:
                self._limits = threadpool_limits(1, user_api="blas")
            self._n_within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_within -= 1
            if not self._n_within:
                self._limits.restore_original_limits()


ONE_BLAS_THREAD = _OneBlasThread()
"""For vectors too short to gain by BLAS's own threads, which would take cores from the engine's."""
