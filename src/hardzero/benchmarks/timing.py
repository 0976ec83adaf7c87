"""Fair timings on noisy machines: contestants take turns in one run, and ratios are medians over the turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OURS = "hardzero"

REST = 0.1
"""Seconds of sleep before each turn: threads that have run out of work spin for a while before they sleep, and would
take the next contestant's cores."""


@dataclass(frozen=True)
class Comparison:
    """Times of several contestants over the same turns.

    Attributes
    ----------
    seconds : dict of str to ndarray of shape (n_turns,)
        Seconds per call of each contestant in each turn.
    """

    seconds: dict[str, NDArray[np.float64]]

    def median(self, name: str) -> float:
        """Return the median seconds per call."""
        return float(np.median(self.seconds[name]))

    def ratio(self, peer: str, ours: str = OURS) -> float:
        """Return the median over turns of the peer's time divided by ours."""
        return float(np.median(self.seconds[peer] / self.seconds[ours]))


def alternate(
    contestants: dict[str, Callable[[], object]], *, n_turns: int = 9, least_seconds: float = 0.1
) -> Comparison:
    """Time the contestants in turns.

    Parameters
    ----------
    contestants : dict of str to callable
    n_turns : int, default=9
        Turns each contestant gets; odd, so that the median is a measured value.
    least_seconds : float, default=0.1
        A turn repeats the call until at least this much time has passed, so that the clock's resolution and
        waking of threads do not count.

    Returns
    -------
    Comparison
    """
    repeats = {}
    for name, call in contestants.items():
        call()
        started = time.perf_counter()
        call()
        once = max(time.perf_counter() - started, 1e-7)
        repeats[name] = max(1, round(least_seconds / once))
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(n_turns):
        for name, call in contestants.items():
            time.sleep(REST)
            started = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            seconds[name].append((time.perf_counter() - started) / repeats[name])
    return Comparison({name: np.array(times) for name, times in seconds.items()})
