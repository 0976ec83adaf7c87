"""Seconds of training to a test error, against PyTorch: each side at its own best setting."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hardzero.benchmarks.peers import Weights, minibatches, torch_training_step
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS
from hardzero.benchmarks.training import one_hot
from hardzero.benchmarks.workloads import Workload, untrained
from hardzero.ops import get_ops
from hardzero.optimizers import GradientDescent, LearningRate
from hardzero.penalties import FixedPenalty
from hardzero.training import Trainer, TrainingDiverged, TrainingSettings

Array = NDArray[np.float32]

DIVERGED = 0.5
"""Test error after an epoch at which a run is given up."""


@dataclass(frozen=True)
class Setting:
    """What each side of the race to an error may choose for itself."""

    batch_size: int
    learning_rate: float
    momentum: float = 0.0

    def __str__(self) -> str:
        """Return the setting as the table shows it."""
        momentum = f", momentum {self.momentum:g}" if self.momentum else ""
        return f"minibatch {self.batch_size}, rate {self.learning_rate:g}{momentum}"


@dataclass(frozen=True)
class Race:
    """Training from the same random weights until the test error reaches targets, evaluation not counted.

    Attributes
    ----------
    X, y, X_test, y_test : ndarray
    hidden : tuple of int
    targets : tuple of float
        Falling test errors.
    limit_seconds : float
        Training time after which a run is given up.
    """

    X: Array
    y: NDArray[np.int64]
    X_test: Array
    y_test: NDArray[np.int64]
    hidden: tuple[int, ...]
    targets: tuple[float, ...] = (0.020, 0.016)
    limit_seconds: float = 240.0

    def run(self, side: str, setting: Setting, limit: float, seed: int = 0) -> dict[float, float]:
        """Return the training seconds after which each target was reached, infinite for the others."""
        workload = untrained("relu", self.X, self.y, self.hidden)
        start = _our_run if side == OURS else _torch_run
        epoch, error = start(workload, self.X_test, self.y_test, setting, seed)
        reached = dict.fromkeys(self.targets, np.inf)
        seconds, n_epochs, best = 0.0, 0, 1.0
        while seconds < limit and best > self.targets[-1]:
            started = time.perf_counter()
            try:
                epoch()
            except TrainingDiverged:
                break
            seconds += time.perf_counter() - started
            n_epochs += 1
            present = error()
            best = min(best, present)
            reached.update({t: seconds for t in self.targets if best <= t and seconds < reached[t]})
            if present > DIVERGED:
                break
        print(f"  {side}, {setting}: {best:.2%} after {n_epochs} epochs, {seconds:.1f} s", file=sys.stderr, flush=True)
        return reached


def time_to_error_rows(
    race: Race,
    batch_sizes: tuple[int, ...] = (64, 128, 256, 32),
    steps: tuple[tuple[float, float], ...] = ((0.03, 0.9), (0.1, 0.0)),
    n_seeds: int = 3,
) -> Iterator[Row]:
    """Yield seconds of training until the test error reaches each target, each side at its best setting.

    Both sides run the whole grid of minibatch sizes and of steps, pairs of learning rate and Nesterov momentum; a run
    ends when it takes longer than the side's best so far, as it cannot win any more. At its best setting for a target
    each side then runs again in other orders of the samples, in turns; the median counts.
    """
    settings = [Setting(size, *step) for size in batch_sizes for step in steps]
    first = {side: _fastest(race, side, settings) for side in (OURS, "PyTorch")}
    for target in race.targets:
        seconds = {side: [fastest[target][1]] for side, fastest in first.items()}
        for seed in range(1, n_seeds):
            for side, fastest in first.items():
                alone = replace(race, targets=(target,))
                seconds[side].append(alone.run(side, fastest[target][0], race.limit_seconds, seed)[target])
        ours, theirs = (float(np.median(seconds[side])) for side in first)
        yield Row(
            f"seconds to {target:.1%} error",
            f"ours: {first[OURS][target][0]}; theirs: {first['PyTorch'][target][0]}; 2 threads",
            "PyTorch 2 threads",
            theirs,
            ours,
            "s",
            theirs / ours,
            f"median of {n_seeds} seeds; grid of minibatches {list(batch_sizes)} × rates and momenta {list(steps)}",
        )


def _fastest(race: Race, side: str, settings: list[Setting]) -> dict[float, tuple[Setting, float]]:
    """Return the setting that reaches each target soonest, and its seconds."""
    best = dict.fromkeys(race.targets, (settings[0], np.inf))
    for setting in settings:
        limit = min(race.limit_seconds, best[race.targets[-1]][1])
        for target, seconds in race.run(side, setting, limit).items():
            if seconds < best[target][1]:
                best[target] = (setting, seconds)
    return best


def _our_run(
    workload: Workload, X_test: Array, y_test: NDArray[np.int64], setting: Setting, seed: int
) -> tuple[Callable[[], object], Callable[[], float]]:
    network = workload.network
    trainer = Trainer(
        network,
        GradientDescent(LearningRate("constant", setting.learning_rate), setting.momentum, setting.momentum > 0),
        FixedPenalty([0.0] * len(network.hidden_layers)),
        TrainingSettings(max_epochs=1, batch_size=setting.batch_size),
        np.random.RandomState(seed),
    )
    ops = get_ops(2)
    X = ops.prepare(workload.X)
    targets = one_hot(workload.y, network.n_outputs)
    return (
        lambda: trainer.epoch(ops, X, targets),
        lambda: float(np.mean(network.scores(ops, X_test).argmax(axis=1) != y_test)),
    )


def _torch_run(
    workload: Workload, X_test: Array, y_test: NDArray[np.int64], setting: Setting, seed: int
) -> tuple[Callable[[], object], Callable[[], float]]:
    import torch

    torch.set_num_threads(2)
    step = torch_training_step(Weights.of(workload.network), "sgd", setting.learning_rate, setting.momentum)
    X = np.asarray(workload.X)
    order = minibatches(len(X), setting.batch_size, seed)
    n_steps = len(X) // setting.batch_size

    def epoch() -> None:
        for _ in range(n_steps):
            samples = next(order)
            step(X[samples], workload.y[samples])

    def error() -> float:
        with torch.inference_mode():
            scores = step.module(torch.from_numpy(X_test))  # type: ignore[attr-defined]
        return float(np.mean(scores.argmax(dim=1).numpy() != y_test))

    return epoch, error
