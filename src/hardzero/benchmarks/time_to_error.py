"""Seconds of training to a test error, against PyTorch: each side at its own best setting."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hardzero.benchmarks.peers import TorchTraining, Weights, minibatches
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS
from hardzero.benchmarks.training import one_hot
from hardzero.benchmarks.workloads import Workload, untrained
from hardzero.ops import get_ops
from hardzero.optimizers import GradientDescent, LearningRate
from hardzero.penalties import FixedPenalty
from hardzero.training import ChunkOfRun, Trainer, TrainingDiverged, TrainingSettings

Array = NDArray[np.float32]
Epoch = Callable[[int], object]
Evaluate = Callable[[], float]

TORCH = "PyTorch"

PATIENCE = 1.25
"""How much longer than the best setting so far another one may take in the first round before it is given up."""

DIVERGED = 0.5
"""Test error after an epoch at which a run is given up."""


@dataclass(frozen=True)
class Setting:
    """What each side of the race to an error may choose for itself.

    Attributes
    ----------
    batch_size : int
    learning_rate : float
        At the start; it falls to zero along half a cosine.
    n_epochs : int
        Length of the run.
    momentum : float
        Nesterov's.
    """

    batch_size: int
    learning_rate: float
    n_epochs: int
    momentum: float = 0.9

    def __str__(self) -> str:
        """Return the setting as the table shows it."""
        rate = f"rate {self.learning_rate:g} to 0 in {self.n_epochs} epochs"
        return f"minibatch {self.batch_size}, {rate}, momentum {self.momentum:g}"


GRID = tuple(Setting(*choices) for choices in product((128, 64, 256, 32), (0.1, 0.2, 0.03), (8, 6)))
"""The same for both sides. Likely winners come first, because they end the runs of others."""


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
        while seconds < limit and best > self.targets[-1] and n_epochs < setting.n_epochs:
            started = time.perf_counter()
            try:
                epoch(n_epochs)
            except TrainingDiverged:
                break
            seconds += time.perf_counter() - started
            n_epochs += 1
            present = error()
            best = min(best, present)
            reached.update({t: seconds for t in self.targets if best <= t and seconds < reached[t]})
            if present > DIVERGED:
                break
        text = f"  {side}, {setting}, seed {seed}: {best:.2%} after {n_epochs} epochs, {seconds:.1f} s"
        print(text, file=sys.stderr, flush=True)
        return reached


def time_to_error_rows(
    race: Race, grid: tuple[Setting, ...] = GRID, n_finalists: int = 3, n_seeds: int = 5
) -> Iterator[Row]:
    """Yield seconds of training until the test error reaches each target, each side at its best setting.

    Both sides run the whole grid once; a run ends when it takes a quarter longer than the side's fastest to the last
    target. For each target the finalists of each side, which were fastest, then run in other orders of the samples, in
    turns; the best median of these runs counts, so that a setting that was lucky once does not decide. A target that a
    side does not reach is named and left out.
    """
    first = {side: _first_round(race, side, grid) for side in (OURS, TORCH)}
    for target in race.targets:
        finalists = {side: _fastest(found, target)[:n_finalists] for side, found in first.items()}
        if not all(finalists.values()):
            print(f"  {target:.1%} was not reached by both sides", file=sys.stderr)
            continue
        finals = _finals(replace(race, targets=(target,)), finalists, n_seeds)
        best = {side: min(found, key=lambda s: found[s]) for side, found in finals.items()}
        ours, theirs = (finals[side][best[side]] for side in (OURS, TORCH))
        if not math.isfinite(ours) or not math.isfinite(theirs):
            print(f"  {target:.1%} was not reached by both sides in most orders of the samples", file=sys.stderr)
            continue
        yield Row(
            f"seconds to {target:.1%} error",
            f"ours: {best[OURS]}; theirs: {best[TORCH]}; 2 threads",
            "PyTorch 2 threads",
            theirs,
            ours,
            "s",
            theirs / ours,
            f"median of {n_seeds} orders of the samples; each side's best of {len(grid)} settings",
        )


def _first_round(race: Race, side: str, grid: tuple[Setting, ...]) -> dict[Setting, dict[float, float]]:
    """Run every setting once; return the seconds to each target."""
    found, limit = {}, race.limit_seconds
    for setting in grid:
        found[setting] = race.run(side, setting, limit)
        limit = min(limit, PATIENCE * found[setting][race.targets[-1]])
    return found


def _fastest(found: dict[Setting, dict[float, float]], target: float) -> list[Setting]:
    """Return the settings that reached a target, the fastest first."""
    reached = [setting for setting in found if math.isfinite(found[setting][target])]
    return sorted(reached, key=lambda setting: found[setting][target])


def _finals(race: Race, finalists: dict[str, list[Setting]], n_seeds: int) -> dict[str, dict[Setting, float]]:
    """Return each finalist's median of the seconds to the race's one target, over other orders of the samples."""
    times: dict[tuple[str, Setting], list[float]] = {}
    for seed in range(1, n_seeds + 1):
        for side, settings in finalists.items():
            for setting in settings:
                seconds = race.run(side, setting, race.limit_seconds, seed)[race.targets[0]]
                times.setdefault((side, setting), []).append(seconds)
    return {
        side: {setting: float(np.median(times[side, setting])) for setting in settings}
        for side, settings in finalists.items()
    }


def _our_run(
    workload: Workload, X_test: Array, y_test: NDArray[np.int64], setting: Setting, seed: int
) -> tuple[Epoch, Evaluate]:
    network = workload.network
    trainer = Trainer(
        network,
        GradientDescent(LearningRate("cosine", setting.learning_rate), setting.momentum, setting.momentum > 0),
        FixedPenalty([0.0] * len(network.hidden_layers)),
        TrainingSettings(max_epochs=setting.n_epochs, batch_size=setting.batch_size),
        np.random.RandomState(seed),
    )
    ops = get_ops(2)
    X = ops.prepare(workload.X)
    targets = one_hot(workload.y, network.n_outputs)

    def epoch(number: int) -> None:
        part = ChunkOfRun(number / setting.n_epochs, (number + 1) / setting.n_epochs, trainer.random_state)
        trainer.epoch(ops, X, targets, chunk=part)

    return epoch, lambda: float(np.mean(network.scores(ops, X_test).argmax(axis=1) != y_test))


def _torch_run(
    workload: Workload, X_test: Array, y_test: NDArray[np.int64], setting: Setting, seed: int
) -> tuple[Epoch, Evaluate]:
    import torch

    torch.set_num_threads(2)
    training = TorchTraining(Weights.of(workload.network), "sgd", setting.learning_rate, setting.momentum)
    X = np.asarray(workload.X)
    order = minibatches(len(X), setting.batch_size, seed)
    n_steps = len(X) // setting.batch_size

    def epoch(number: int) -> None:
        for i in range(n_steps):
            progress = (number + i / n_steps) / setting.n_epochs
            training.set_rate(0.5 * setting.learning_rate * (1.0 + math.cos(math.pi * progress)))
            samples = next(order)
            training.step(X[samples], workload.y[samples])

    def error() -> float:
        with torch.inference_mode():
            scores = training.module(torch.from_numpy(X_test))
        return float(np.mean(scores.argmax(dim=1).numpy() != y_test))

    return epoch, error
