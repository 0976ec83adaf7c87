"""Measure how `target_sparsity` is reached, and what it costs; print the figures as Markdown.

``HARDZERO_DATA=… python benchmarks/target_sparsity.py reached`` and so on, one part at a time. Networks are trained by
the recipe of ``hardzero fit``, except where a part says otherwise. With ``--results FILE`` each network's figures are
kept in the file, one JSON object a line, and a later call goes on from there.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from figures_as_text import markdown, mean_and_deviation
from hardzero import RectifierClassifier, datasets
from hardzero.cli import recipe
from hardzero.dead_units import active_counts
from hardzero.network import ForwardPass
from hardzero.penalties import SparsityController
from hardzero.text import bag_of_words
from hardzero.training import Trainer
from kept_results import Results

TARGETS = (None, 0.5, 0.7, 0.85, 0.9, 0.95, 0.98)
SMALL = (256, 256)
LARGE = (1000, 1000, 1000)
LARGE_EPOCHS = 10
TRAINING_ROWS = 10_000
FRAGILE = (((16, 16, 16, 16), 0.02), ((24, 24, 24, 24, 24), 0.03), ((256, 256), 0.001))
"""Networks on which units are revived: two narrow ones that a high learning rate hurts, and a healthy one."""
FIRST_SEED = 100
"""Of the revival; smaller seeds chose the networks, on validation data."""

Arguments = argparse.Namespace


@cache
def data_set(name: str) -> dict[str, tuple[Any, Any]]:
    """Return rows and targets of the splits; texts as bags of their 5000 most frequent words."""
    data = datasets.load(name)
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    if not data.is_text:
        return {split: (part.X, part.y) for split, part in splits.items()}
    words = bag_of_words().fit(data.train.X)
    return {split: (words.transform(part.X), part.y) for split, part in splits.items()}


def train(
    data: str, hidden: tuple[int, ...], target: float | None, seed: int, epochs: int | None = None, **settings: Any
) -> Any:
    """Return a network trained by the recipe of ``hardzero fit``."""
    X, y = data_set(data)["train"]
    batch_size = recipe.batch_size(len(y))
    epochs = epochs or recipe.epochs(len(y), batch_size)
    parameters = {
        "batch_size": batch_size,
        "max_iter": epochs,
        "n_iter_no_change": epochs,
        "learning_rate": "cosine",
        "learning_rate_init": recipe.LEARNING_RATE,
        "hidden_dropout": recipe.CLASSIFICATION_DROPOUT,
        **settings,
    }
    network = RectifierClassifier(hidden, target_sparsity=target, random_state=seed, **parameters)
    return network.fit(X, y, validation=data_set(data)["validation"] if network.early_stopping else None)


def measure(
    data: str, hidden: tuple[int, ...], target: float | None, seed: int, epochs: int | None = None, **settings: Any
) -> dict[str, Any]:
    """Train a network; return its error and zeros on the test data, and its dead units, all but these in percent."""
    network = train(data, hidden, target, seed, epochs, **settings)
    X, _ = data_set(data)["train"]
    X_test, y_test = data_set(data)["test"]
    counts = active_counts(network.network_, network._ops(), network._validate_X(X[:TRAINING_ROWS]))
    return {
        "zeros": (100.0 * network.measure_sparsity(X_test)).tolist(),
        "error": 100.0 * (1.0 - network.score(X_test, y_test)),
        "dead": [int((count == 0).sum()) for count in counts],
    }


@dataclass
class TrainedNetworks:
    """Figures of trained networks, as `measure` returns them, trained now or before."""

    results: Results

    def __call__(self, *network: Any, **settings: Any) -> dict[str, Any]:
        """Return what `measure` does."""
        figures: dict[str, Any] = self.results.get(
            json.dumps([network, settings]), lambda: measure(*network, **settings)
        )
        return figures


def reached(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield zeros on held-out data against targets, per layer and overall, and the error beside them."""
    results = TrainedNetworks(Results(arguments.results))
    settings = {"early_stopping": True} if arguments.early_stopping else {}
    for data in arguments.data:
        rows = []
        for target in TARGETS:
            figures = [results(data, SMALL, target, seed, **settings) for seed in range(arguments.seeds)]
            zeros = np.array([one["zeros"] for one in figures])
            miss = np.abs(zeros - 100.0 * (target or 0.0))
            rows.append(
                {
                    "data": data,
                    "target": wanted(target),
                    **{f"layer {layer + 1} %": f"{mean:.1f}" for layer, mean in enumerate(zeros.mean(axis=0))},
                    "all %": f"{zeros.mean():.1f}",
                    "largest miss, one layer": "" if target is None else f"{miss.max():.2f}",
                    "overall": "" if target is None else f"{miss_of_means(zeros, target):.2f}",
                    "test error %": mean_and_deviation([one["error"] for one in figures]),
                }
            )
        yield pd.DataFrame(rows)


def miss_of_means(zeros: np.ndarray, target: float) -> float:
    """Return the largest distance of a network's zeros over all layers, of equal width, from the target."""
    return float(np.abs(zeros.mean(axis=1) - 100.0 * target).max())


def frontier(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield the error of 784-1000-1000-1000-10 on MNIST against its zeros, seed by seed against no penalty."""
    results = TrainedNetworks(Results(arguments.results))
    seeds = {None: arguments.seeds, 0.95: arguments.seeds, 0.97: 2, 0.98: 2, 0.99: 2}
    rows = []
    for target, n_seeds in seeds.items():
        figures, without = [], []
        for seed in range(min(n_seeds, arguments.seeds)):
            figures.append(results("mnist", LARGE, target, seed, LARGE_EPOCHS))
            without.append(results("mnist", LARGE, None, seed, LARGE_EPOCHS)["error"])
        errors = [one["error"] for one in figures]
        rows.append(
            {
                "zeros wanted": wanted(target),
                "networks": len(figures),
                "zeros % in layers 1, 2, 3": per_layer([one["zeros"] for one in figures], "{:.1f}"),
                "dead units": per_layer([one["dead"] for one in figures], "{:.0f}"),
                "test error %": mean_and_deviation(errors),
                "more than without": ""
                if target is None
                else mean_and_deviation(np.subtract(errors, without), "{:+.2f}"),
            }
        )
    yield pd.DataFrame(rows)


def cost(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield the time of what only a target asks for, as a part of the time of training."""
    rows = []
    for data in arguments.data:
        with Stopwatch() as watch:
            started = time.perf_counter()
            train(data, SMALL, 0.9, 0, arguments.epochs)
            total = time.perf_counter() - started
        shares = {name: f"{100 * seconds / total:.2f}" for name, seconds in watch.seconds.items()}
        everything = f"{100 * sum(watch.seconds.values()) / total:.2f}"
        rows.append({"data": data, "training s": f"{total:.1f}", **shares, "all %": everything})
    yield pd.DataFrame(rows)


TIMED = {
    "controller %": (SparsityController, "observe"),
    "penalty in the loss %": (ForwardPass, "activation_penalty"),
    "calibration %": (Trainer, "calibrate"),
}
"""The parts of a training that a target for the zeros brings with it."""


class Stopwatch:
    """Adds up the time spent in the calls of `TIMED`."""

    def __enter__(self) -> Stopwatch:
        self.seconds = dict.fromkeys(TIMED, 0.0)
        self.patches = [
            patch.object(owner, method, self._timed(name, getattr(owner, method)))
            for name, (owner, method) in TIMED.items()
        ]
        for one in self.patches:
            one.start()
        return self

    def __exit__(self, *error: object) -> None:
        for one in self.patches:
            one.stop()

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*positional: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*positional, **named)
            finally:
                self.seconds[name] += time.perf_counter() - started

        return timed


def revival(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield dead units and errors on digits with `revive_dead_units` and without, seed by seed."""
    results = TrainedNetworks(Results(arguments.results))
    rows = []
    for hidden, rate in FRAGILE:
        settings = {"learning_rate_init": rate, "hidden_dropout": 0.0, "batch_size": 32}
        without, revived = (
            [
                results("digits", hidden, None, FIRST_SEED + seed, 25, revive_dead_units=revive, **settings)
                for seed in range(arguments.seeds)
            ]
            for revive in (False, True)
        )
        errors = [[one["error"] for one in figures] for figures in (without, revived)]
        difference = np.subtract(errors[1], errors[0])
        uncertainty = np.std(difference, ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.nan
        rows.append(
            {
                "hidden layers": "-".join(map(str, hidden)),
                "learning rate": f"{rate:g}",
                "networks": len(difference),
                "dead units a layer": per_layer([one["dead"] for one in without], "{:.1f}"),
                "dead, revived": per_layer([one["dead"] for one in revived], "{:.1f}"),
                "test error %": mean_and_deviation(errors[0]),
                "error, revived": mean_and_deviation(errors[1]),
                "difference ± standard error": f"{difference.mean():+.2f} ± {uncertainty:.2f}",
            }
        )
    yield pd.DataFrame(rows)


def wanted(target: float | None) -> str:
    """Return a target as text."""
    return "none" if target is None else f"{100 * target:.0f} %"


def per_layer(values: list[list[float]], pattern: str) -> str:
    """Return the means of the layers as text."""
    return ", ".join(pattern.format(mean) for mean in np.mean(values, axis=0))


PARTS = {"reached": reached, "cost": cost, "frontier": frontier, "revival": revival}


def main() -> None:
    """Measure the part that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", nargs="+", default=["mnist", "digits", "reviews"], help="of reached and cost")
    parser.add_argument("--seeds", type=int, default=1, help="networks behind each figure")
    parser.add_argument("--early-stopping", action="store_true", help="reached: keep the best epoch on held-out data")
    parser.add_argument("--epochs", type=int, help="epochs of the networks of cost; by default those of the recipe")
    parser.add_argument("--results", type=Path, help="file in which the figures of trained networks are kept")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    for frame in PARTS[arguments.part](arguments):
        print(markdown(frame), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
