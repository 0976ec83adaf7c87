"""Clusters of Dask and Ray: how they are reached, and given tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from hardzero.studies.core.own_errors import first_line

WORKER_SECONDS = 120.0
"""How long a Dask cluster may take to bring up its first worker."""


class DaskCluster:
    """A `hardzero.studies.core.pool.Pool` of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def n_slots(self) -> int:
        """Threads of the workers that are there at present."""
        return sum(self._client.nthreads().values())

    def submit(self, call: Callable[[Any], Any], task: Any) -> Any:
        """Begin a call."""
        return self._client.submit(call, task, pure=False)

    def ended(self, calls: Sequence[Any], timeout: float | None) -> Sequence[Any]:
        """Wait until some of these calls have ended, or for so many seconds, and return those that have."""
        from distributed import wait

        wait_for: Any = wait  # without annotations
        try:
            return list(wait_for(calls, timeout, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return []
        except CancelledError as error:
            raise _lost() from error

    def result(self, call: Any) -> Any:
        """Return the result of a call that has ended; None if workers died with it, which Dask tries several times."""
        from distributed import KilledWorker

        try:
            return call.result()
        except KilledWorker:
            return None
        except CancelledError as error:
            raise _lost() from error
        except Exception as error:
            raise _refused(error) from error

    def cancel(self, calls: Sequence[Any]) -> None:
        """Give up calls that have not begun; the others go on to their end, and nobody waits for them."""
        if self._client.status == "running":
            self._client.cancel(list(calls))


class RayCluster:
    """A `hardzero.studies.core.pool.Pool` of a Ray cluster, in which a call takes one CPU."""

    def __init__(self) -> None:
        import ray

        self._ray: Any = ray
        # Whether to try again is the store's to decide.
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(_called)

    @property
    def n_slots(self) -> int:
        """CPUs of the cluster."""
        return int(self._ray.cluster_resources().get("CPU", 1))

    def submit(self, call: Callable[[Any], Any], task: Any) -> Any:
        """Begin a call."""
        return self._remote.remote(call, task)

    def ended(self, calls: Sequence[Any], timeout: float | None) -> Sequence[Any]:
        """Wait until some of these calls have ended, or for so many seconds, and return those that have."""
        ended: Sequence[Any] = self._ray.wait(list(calls), num_returns=1, timeout=timeout)[0]
        return ended

    def result(self, call: Any) -> Any:
        """Return the result of a call that has ended; None if the worker or its machine died with it."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(call)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError, errors.ObjectLostError):
            return None
        except Exception as error:
            raise _refused(getattr(error, "cause", None) or error) from error

    def cancel(self, calls: Sequence[Any]) -> None:
        """End these calls."""
        for call in calls:
            self._ray.cancel(call, force=True)


def _called(call: Callable[[Any], Any], task: Any) -> Any:
    return call(task)


def _lost() -> ValueError:
    return ValueError("the connection to the Dask cluster was lost: the same command goes on with what is missing")


def _refused(error: Exception) -> ValueError:
    """Return what to say of an error that is not the task's own, which is part of its result."""
    return ValueError(
        f"a worker of the cluster could not carry out a run ({first_line(error)}): give all machines the same hardzero "
        "and the same packages"
    )


@contextmanager
def dask_cluster(address: str | None) -> Iterator[DaskCluster]:
    """Connect to a Dask cluster, or start one on this machine.

    Raises
    ------
    ValueError
        If Dask is not installed, or the cluster has no worker for `WORKER_SECONDS`.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError("backend 'dask' needs Dask: pip install 'hardzero[dask]'") from error
    connect: Any = Client  # without annotations
    with connect(address) as client:
        _await_worker(client)
        yield DaskCluster(client)


def _await_worker(client: Any) -> None:
    """Wait for a worker by giving it something to do, because an adaptive cluster starts none before."""
    if client.nthreads():
        return
    try:
        client.submit(int, pure=False).result(timeout=WORKER_SECONDS)
    except TimeoutError as error:
        if client.nthreads():
            return
        raise ValueError(
            f"the Dask cluster at {client.scheduler.address} has had no worker for {WORKER_SECONDS:g} s: start some, "
            f"with 'dask worker {client.scheduler.address}' for example"
        ) from error


@contextmanager
def ray_cluster(address: str | None) -> Iterator[RayCluster]:
    """Connect to a Ray cluster, unless this program is connected, or start one on this machine.

    Raises
    ------
    ValueError
        If Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise ValueError("backend 'ray' needs Ray: pip install 'hardzero[ray]'") from error
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(address=address, log_to_driver=False)
    try:
        yield RayCluster()
    finally:
        if started_here:
            ray.shutdown()
