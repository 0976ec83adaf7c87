"""Seconds of training to a test error, against PyTorch: each side at its own best setting."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hardzero.benchmarks.peers import TorchTraining
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS
from hardzero.benchmarks.training import one_hot
from hardzero.benchmarks.workloads import Workload, untrained
from hardzero.interop.plain_layers import plain_layers
from hardzero.ops import get_ops
from hardzero.optimizers import GradientDescent, LearningRate
from hardzero.penalties import FixedPenalty
from hardzero.training import ChunkOfRun, Trainer, TrainingDiverged, TrainingSettings

Array = NDArray[np.float32]
TrainPart = Callable[[int], object]
Evaluate = Callable[[], float]

TORCH = "PyTorch"

PATIENCE = 1.5
"""How many times as long as the best setting so far another one may take in the first round before it is given up."""

DIVERGED = 0.5
"""Test error at which a run is given up."""

CANDIDATE_SEEDS = (1, 2, 3, 4)
FIRST_FINAL_SEED = 5
"""Orders of the samples of candidates and finalists; the first round's is 0."""

PARTS = 4
"""Parts of the data, one after the other in each epoch, after which the test error is looked at."""


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


GRID = tuple(Setting(*choices) for choices in product((128, 64, 256, 32), (0.1, 0.05, 0.2), (8, 12)))
"""The same for both sides. Likely winners come first, because they end the runs of others."""


@dataclass(frozen=True)
class Attempt:
    """One run from random weights.

    Attributes
    ----------
    seconds : float
        Of training, until the last target was reached or the run ended.
    reached : dict of float to float
        Seconds after which each target was reached, infinite for the others.
    """

    seconds: float
    reached: dict[float, float]


def seconds_with_restarts(attempts: Sequence[Attempt], target: float) -> float:
    """Return the seconds that a target takes on average if one starts again, with other samples first, where it fails.

    All seconds, those of runs that failed included, for each run that reached the target: the expected running time of
    Hansen, Auger, Ros, Mersmann, Tušar and Brockhoff, "COCO: a platform for comparing continuous optimizers in a
    black-box setting" (2021).

    Parameters
    ----------
    attempts : sequence of Attempt
    target : float

    Returns
    -------
    float
        Infinite if no run reached the target.

    Examples
    --------
    >>> attempts = [Attempt(4.0, {0.02: 4.0}), Attempt(6.0, {0.02: np.inf}), Attempt(5.0, {0.02: 5.0})]
    >>> seconds_with_restarts(attempts, 0.02)
    7.5
    """
    seconds = [min(attempt.seconds, attempt.reached[target]) for attempt in attempts]
    n_reached = sum(math.isfinite(attempt.reached[target]) for attempt in attempts)
    return sum(seconds) / n_reached if n_reached else math.inf


def ratio_interval(
    ours: Sequence[Attempt],
    theirs: Sequence[Attempt],
    target: float,
    *,
    confidence: float = 0.9,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return between which bounds the ratio of `seconds_with_restarts`, theirs to ours, lies in other draws of orders.

    The percentile bootstrap over orders of the samples, of which both sides have the same.

    Parameters
    ----------
    ours, theirs : sequence of Attempt
        One for each order.
    target : float
    confidence : float, default=0.9
        Share of the resamples whose ratio lies within the bounds.
    n_resamples : int, default=2000
        Those in which neither side reached the target say nothing and are left out.
    seed : int, default=0

    Returns
    -------
    low, high : float
        Zero or infinite where too many resamples lack a run of ours or of theirs that reached the target.

    Examples
    --------
    >>> ours = [Attempt(seconds, {0.02: seconds}) for seconds in (2.0, 2.0, 4.0, 4.0)]
    >>> theirs = [Attempt(6.0, {0.02: 6.0})] * 4
    >>> ratio_interval(ours, theirs, 0.02)
    (1.5, 3.0)
    """
    random = np.random.default_rng(seed)
    ratios = []
    for _ in range(n_resamples):
        drawn = random.integers(len(ours), size=len(ours))
        mine, other = (seconds_with_restarts([side[i] for i in drawn], target) for side in (ours, theirs))
        if math.isfinite(mine) or math.isfinite(other):
            ratios.append(other / mine)
    # Without interpolation, which has no result between infinite ratios.
    low, high = np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf")
    return float(low), float(high)


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

    def run(self, side: str, setting: Setting, limit: float, seed: int = 0) -> Attempt:
        """Train until the last target is reached, the setting's epochs are over, or `limit` seconds have passed."""
        workload = untrained("relu", self.X, self.y, self.hidden)
        start = _our_run if side == OURS else _torch_run
        train, error = start(workload, self.X_test, self.y_test, setting, seed)
        reached = dict.fromkeys(self.targets, math.inf)
        seconds, n_parts, best = 0.0, 0, 1.0
        while seconds < limit and best > self.targets[-1] and n_parts < PARTS * setting.n_epochs:
            started = time.perf_counter()
            try:
                train(n_parts)
            except TrainingDiverged:
                break
            finally:
                seconds += time.perf_counter() - started
            n_parts += 1
            present = error()
            if math.isnan(present):
                break
            best = min(best, present)
            reached.update({t: seconds for t in self.targets if best <= t and seconds < reached[t]})
            if n_parts >= PARTS and present > DIVERGED:
                break
        text = f"  {side}, {setting}, seed {seed}: {best:.2%} after {n_parts / PARTS:g} epochs, {seconds:.1f} s"
        print(text, file=sys.stderr, flush=True)
        return Attempt(seconds, reached)


def time_to_error_rows(
    race: Race, grid: tuple[Setting, ...] = GRID, n_candidates: int = 6, n_finalists: int = 2, n_seeds: int = 8
) -> Iterator[Row]:
    """Yield seconds of training until the test error reaches each target, each side at its best setting.

    Both sides run the whole grid once; a run ends when it takes half as long again as the side's fastest to the last
    target. For each target the fastest candidates of each side run in four more orders of the samples, the same for
    both sides, in turns; the finalists, best in these five runs, in others again, by which they are judged. Failures
    count (see `seconds_with_restarts`), so that a setting that was lucky once does not decide. A target that a side
    does not reach is named and left out.
    """
    first = {side: _first_round(race, side, grid) for side in (OURS, TORCH)}
    for target in race.targets:
        candidates = {side: _fastest(found, target)[:n_candidates] for side, found in first.items()}
        if not all(candidates.values()):
            print(f"  {target:.1%} was not reached by both sides", file=sys.stderr)
            continue
        to_target = replace(race, targets=(target,))
        more = _in_turns(to_target, candidates, CANDIDATE_SEEDS)
        expected = {
            (side, setting): seconds_with_restarts([first[side][setting], *attempts], target)
            for (side, setting), attempts in more.items()
        }
        finalists = {
            side: sorted(settings, key=lambda s: expected[side, s])[:n_finalists]
            for side, settings in candidates.items()
        }
        finals = _in_turns(to_target, finalists, range(FIRST_FINAL_SEED, FIRST_FINAL_SEED + n_seeds))
        expected = {run: seconds_with_restarts(attempts, target) for run, attempts in finals.items()}
        best = {side: min(settings, key=lambda s: expected[side, s]) for side, settings in finalists.items()}
        ours, theirs = (expected[side, best[side]] for side in (OURS, TORCH))
        if not math.isfinite(ours) or not math.isfinite(theirs):
            print(f"  {target:.1%} was not reached by both sides in other orders of the samples", file=sys.stderr)
            continue
        attempts = [finals[side, best[side]] for side in (OURS, TORCH)]
        successes = [sum(math.isfinite(attempt.reached[target]) for attempt in side) for side in attempts]
        low, high = ratio_interval(attempts[0], attempts[1], target)
        yield Row(
            f"seconds to {target:.1%} error",
            f"ours: {best[OURS]}; theirs: {best[TORCH]}; 2 threads",
            "PyTorch 2 threads",
            theirs,
            ours,
            "s",
            theirs / ours,
            f"restarts counted: ours reached it in {successes[0]} of {n_seeds} orders of the samples, theirs in "
            f"{successes[1]}; each side's best of {len(grid)} settings; ratio {low:.2f} to {high:.2f} in 90 % of "
            "resamples of these orders",
        )


def _first_round(race: Race, side: str, grid: tuple[Setting, ...]) -> dict[Setting, Attempt]:
    """Run every setting once."""
    found, limit = {}, race.limit_seconds
    for setting in grid:
        found[setting] = race.run(side, setting, limit)
        limit = min(limit, PATIENCE * found[setting].reached[race.targets[-1]])
    return found


def _fastest(found: dict[Setting, Attempt], target: float) -> list[Setting]:
    """Return the settings that reached a target, the fastest first."""
    reached = [setting for setting in found if math.isfinite(found[setting].reached[target])]
    return sorted(reached, key=lambda setting: found[setting].reached[target])


def _in_turns(
    race: Race, settings_of: dict[str, list[Setting]], seeds: Iterable[int]
) -> dict[tuple[str, Setting], list[Attempt]]:
    """Run settings of both sides in several orders of the samples."""
    found: dict[tuple[str, Setting], list[Attempt]] = {}
    for seed in seeds:
        for side, settings in settings_of.items():
            for setting in settings:
                found.setdefault((side, setting), []).append(race.run(side, setting, race.limit_seconds, seed))
    return found


def _rows_of_part(number: int, n_samples: int) -> slice:
    """Return the rows of the part of an epoch that comes after `number` others."""
    part = number % PARTS
    return slice(part * n_samples // PARTS, (part + 1) * n_samples // PARTS)


def _our_run(
    workload: Workload, X_test: Array, y_test: NDArray[np.int64], setting: Setting, seed: int
) -> tuple[TrainPart, Evaluate]:
    network = workload.network
    trainer = Trainer(
        network,
        GradientDescent(LearningRate("cosine", setting.learning_rate), setting.momentum, setting.momentum > 0),
        FixedPenalty([0.0] * len(network.hidden_layers)),
        TrainingSettings(max_epochs=setting.n_epochs, batch_size=setting.batch_size),
        np.random.RandomState(seed),
    )
    ops = get_ops(2)
    X, targets = ops.prepare(workload.X), one_hot(workload.y, network.n_outputs)
    n_parts = PARTS * setting.n_epochs

    def train(number: int) -> None:
        rows = _rows_of_part(number, len(targets))
        place = ChunkOfRun(number / n_parts, (number + 1) / n_parts, trainer.random_state)
        trainer.epoch(ops, X[rows], targets[rows], chunk=place)

    return train, lambda: float(np.mean(network.scores(ops, X_test).argmax(axis=1) != y_test))


def _torch_run(
    workload: Workload, X_test: Array, y_test: NDArray[np.int64], setting: Setting, seed: int
) -> tuple[TrainPart, Evaluate]:
    import torch

    torch.set_num_threads(2)
    training = TorchTraining(plain_layers(workload.network), "sgd", setting.learning_rate, setting.momentum)
    X = np.asarray(workload.X)
    random = np.random.RandomState(seed)
    n_parts = PARTS * setting.n_epochs

    def train(number: int) -> None:
        rows = _rows_of_part(number, len(X))
        order = np.arange(rows.start, rows.stop)
        random.shuffle(order)
        for start in range(0, len(order), setting.batch_size):
            progress = (number + start / len(order)) / n_parts
            training.set_rate(0.5 * setting.learning_rate * (1.0 + math.cos(math.pi * progress)))
            samples = order[start : start + setting.batch_size]
            training.step(X[samples], workload.y[samples])

    def error() -> float:
        with torch.inference_mode():
            scores = training.module(torch.from_numpy(X_test))
        if not torch.isfinite(scores).all():
            return math.nan
        return float(np.mean(scores.argmax(dim=1).numpy() != y_test))

    return train, error
