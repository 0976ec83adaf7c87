"""Worker processes of this machine: each may die alone, and is then replaced."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

from hardzero.user_warnings import warn_user

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
"""What limits the threads of linear algebra, and the workers that joblib would start within a process."""

WATCH_SECONDS = 1.0
"""How often a process looks whether the one that started it is still there."""

MORE_FILES = 64
FILES_OF_PROCESS = 8
"""What a program opens by itself beside the files that are open already, and for each process, at most."""


class Processes:
    """A `hardzero.studies.core.pool.Pool` of processes, which are started as there are tasks for them.

    Parameters
    ----------
    n_threads : int
        Threads that each may use.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads
        self._started: list[_Process] = []
        self._free: list[_Process] = []
        self._busy: dict[Future[Any], _Process] = {}

    def submit(self, call: Callable[[Any], Any], task: Any) -> Future[Any]:
        """Begin a call in a process that is free, or in a new one."""
        if not self._free:
            self._started.append(_Process(self._n_threads))
            self._free.append(self._started[-1])
        process = self._free.pop()
        future = process.submit(call, task)
        self._busy[future] = process
        return future

    def ended(self, calls: Sequence[Future[Any]], timeout: float | None) -> Sequence[Future[Any]]:
        """Wait until some of these calls have ended, or for so many seconds, and return those that have."""
        return list(wait(calls, timeout, return_when=FIRST_COMPLETED).done)

    def result(self, call: Future[Any]) -> Any:
        """Return the result of a call that has ended; None if the process died with it."""
        self._free.append(self._busy.pop(call))
        try:
            return call.result()
        except BrokenProcessPool:
            return None

    def cancel(self, calls: Sequence[Future[Any]]) -> None:
        """End the processes of these calls."""
        for call in calls:
            self._busy[call].stop()
            del self._busy[call]

    def stop(self) -> None:
        """End all processes, also one that an interruption came upon while it was given a call."""
        for process in self._started:
            process.stop()


def affordable_processes(n_wanted: int) -> int:
    """Return how many of the processes wanted the limit of open files has room for, with a warning if not for all.

    Where the system lets the limit be raised, it is. There is always room for one process.
    """
    try:
        import resource
    except ImportError:  # Windows
        return n_wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    own = open_files() + MORE_FILES
    needed = own + FILES_OF_PROCESS * n_wanted
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return n_wanted
    limit = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (OSError, ValueError):  # macOS has a limit below the one that it tells
        limit = soft
    n_affordable = max(1, min(n_wanted, (limit - own) // FILES_OF_PROCESS))
    if n_affordable < n_wanted:
        warn_user(
            f"only {n_affordable} of {n_wanted} workers are started, because a process may open {limit} files here: "
            f"raise the limit, with 'ulimit -Hn {needed}' for example"
        )
    return n_affordable


def open_files() -> int:
    """Return how many files this process has open, 0 where the system does not tell."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return 0


class _Process:
    """A pool of one process, because a pool of several breaks as a whole when one of them dies."""

    def __init__(self, n_threads: int) -> None:
        self._environment = dict.fromkeys(THREAD_VARIABLES, str(n_threads))
        self._start()

    def _start(self) -> None:
        self._pool: Any = ProcessPoolExecutor(1, env=self._environment, initializer=_end_with, initargs=(os.getpid(),))

    def submit(self, call: Callable[[Any], Any], task: Any) -> Future[Any]:
        try:
            future: Future[Any] = self._pool.submit(call, task)
        except BrokenProcessPool:
            self._start()
            future = self._pool.submit(call, task)
        return future

    def stop(self) -> None:
        self._pool.shutdown(kill_workers=True)


def _end_with(parent: int) -> None:
    """Let this process end soon after its parent: an orphan would go on with a run that another process then claims."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
