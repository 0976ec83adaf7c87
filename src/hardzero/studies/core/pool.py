"""One task after the other for every worker of a pool, wherever the workers are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

POLL_SECONDS = 0.5
"""How often it is asked whether there is a task again, such as a run that another program has given back."""


class Pool(Protocol):
    """Workers that may be given tasks; what `submit` returns is theirs."""

    def submit(self, call: Callable[[Any], Any], task: Any) -> Any:
        """Begin a call."""

    def ended(self, calls: Sequence[Any], timeout: float | None) -> Sequence[Any]:
        """Wait until some of these calls have ended, or for so many seconds, and return those that have."""

    def result(self, call: Any) -> Any:
        """Return the result of a call that has ended; None if the worker died with it."""

    def cancel(self, calls: Sequence[Any]) -> None:
        """Give up calls that have not ended."""


def call_in_pool(
    pool: Pool, n_workers: int, next_task: Callable[[], Task | None], call: Callable[[Task], Result]
) -> Iterator[tuple[Task, Result | None]]:
    """Call a function with one task after the other in each of several workers.

    Parameters
    ----------
    pool : Pool
    n_workers : int
        Calls at a time.
    next_task : callable
        Asked for a task each time a worker is free, and again every `POLL_SECONDS` while it stays so; None if there is
        none at that moment.
    call : callable

    Yields
    ------
    tuple
        A task and its result, in the order in which they end; None if the worker died with the task. The end comes
        when there is neither a task nor a call that might bring one about.
    """
    busy: dict[Any, Task] = {}
    try:
        while True:
            while len(busy) < n_workers and (task := next_task()) is not None:
                busy[pool.submit(call, task)] = task
            if not busy:
                return
            for ended in pool.ended(list(busy), POLL_SECONDS if len(busy) < n_workers else None):
                task = busy.pop(ended)
                yield task, pool.result(ended)
    finally:
        pool.cancel(list(busy))
