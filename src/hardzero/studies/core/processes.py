"""Worker processes of this machine: each may die alone, and is then replaced."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeVar

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

from hardzero.user_warnings import warn_user

Task = TypeVar("Task")
Result = TypeVar("Result")

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

POLL_SECONDS = 0.5
"""How often it is asked whether there is a task again, such as a run that another program has given back."""

WATCH_SECONDS = 1.0
"""How often a process looks whether the one that started it is still there."""

MORE_FILES = 64
FILES_OF_PROCESS = 8
"""What a program opens by itself beside the files that are open already, and for each process, at most."""


def call_in_processes(
    next_task: Callable[[], Task | None], call: Callable[[Task], Result], n_processes: int, n_threads: int
) -> Iterator[tuple[Task, Result | None]]:
    """Call a function with one task after the other in each of several processes.

    Parameters
    ----------
    next_task : callable
        Asked for a task each time a process is free, and again every `POLL_SECONDS` while it stays so; None if there is
        none at that moment.
    call : callable
    n_processes, n_threads : int
        Processes, which are started as there are tasks for them, and threads that each may use.

    Yields
    ------
    tuple
        A task and its result, in the order in which they end; None if the process died with the task. The end comes
        when there is neither a task nor a call that might bring one about.
    """
    started: list[_Process] = []
    free: list[_Process] = []
    busy: dict[Future[Result], tuple[_Process, Task]] = {}
    try:
        while True:
            while len(busy) < n_processes and (task := next_task()) is not None:
                if not free:
                    started.append(_Process(n_threads))
                    free.append(started[-1])
                process = free.pop()
                busy[process.submit(call, task)] = process, task
            if not busy:
                return
            timeout = POLL_SECONDS if len(busy) < n_processes else None
            for future in wait(busy, timeout, return_when=FIRST_COMPLETED).done:
                process, task = busy.pop(future)
                free.append(process)
                yield task, _result(future)
    finally:
        for process in started:
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

    def submit(self, call: Callable[[Task], Result], task: Task) -> Future[Result]:
        try:
            future: Future[Result] = self._pool.submit(call, task)
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


def _result(future: Future[Result]) -> Result | None:
    try:
        return future.result()
    except BrokenProcessPool:
        return None
