"""Training throughput against PyTorch and scikit-learn: same network, same minibatches, same optimizer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from hardzero.benchmarks.peers import TorchTraining, minibatches
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS, alternate
from hardzero.benchmarks.workloads import Workload
from hardzero.estimators import RectifierClassifier
from hardzero.interop.plain_layers import plain_layers
from hardzero.network import Input, Network
from hardzero.ops import get_ops
from hardzero.optimizers import AdamOptimizer, GradientDescent, LearningRate
from hardzero.penalties import FixedPenalty
from hardzero.training import Trainer, TrainingSettings

Array = NDArray[np.float32]

TINY_RATE = 1e-6
"""Learning rate of throughput runs: every step does all its work, and the state keeps its zeros."""

THROUGHPUT_SAMPLES = 2048
"""Samples of an epoch whose throughput is measured: two minibatches of the largest size that is timed."""

MOST_COMPARED_STEPS = 5
"""After how many steps the scores of both sides are compared, where there are samples for so many."""

COMPARED_RATE = 1e-3
"""Learning rate of these steps, which moves the scores."""


def one_hot(y: NDArray[np.int64], n_classes: int) -> Array:
    """Return targets as rows of zeros with a one."""
    return np.eye(n_classes, dtype=np.float32)[y]


def our_epoch(
    workload: Workload, optimizer: str, batch_size: int, n_threads: int, momentum: float = 0.0
) -> Callable[[], object]:
    """Return a function that trains for one pass over the workload's samples."""
    trainer = _trainer(workload.network, optimizer, TINY_RATE, momentum, TrainingSettings(1, batch_size))
    ops = get_ops(n_threads)
    X = ops.prepare(workload.X)
    targets = one_hot(workload.y, workload.network.n_outputs)
    return lambda: trainer.epoch(ops, X, targets)


def _trainer(
    network: Network, optimizer: str, learning_rate: float, momentum: float, settings: TrainingSettings
) -> Trainer:
    """Return what trains a copy of the network without a penalty."""
    rate = LearningRate("constant", learning_rate)
    steps = AdamOptimizer(rate) if optimizer == "adam" else GradientDescent(rate, momentum, momentum > 0)
    penalty = FixedPenalty([0.0] * len(network.hidden_layers))
    return Trainer(deepcopy(network), steps, penalty, settings, np.random.RandomState(0))


def torch_epoch(
    workload: Workload, optimizer: str, batch_size: int, n_threads: int, momentum: float = 0.0
) -> Callable[[], object]:
    """Return the same pass in eager PyTorch on dense input."""
    import torch

    training = TorchTraining(plain_layers(workload.network), optimizer, TINY_RATE, momentum)
    X = _dense(workload.X)
    order = minibatches(len(X), batch_size)
    n_steps = len(X) // batch_size

    def epoch() -> None:
        torch.set_num_threads(n_threads)
        for _ in range(n_steps):
            samples = next(order)
            training.step(X[samples], workload.y[samples])

    return epoch


def difference_after_equal_steps(
    workload: Workload, optimizer: str, batch_size: int, momentum: float = 0.0
) -> tuple[float, int]:
    """Return by how much scores differ at most after the same steps from the same weights, and how many steps.

    PyTorch adds Adam's epsilon to the root of the corrected second moment, scikit-learn and hardzero to that of the
    uncorrected one; where a trained network's gradients are as small as epsilon, this is another step. So PyTorch is
    given the epsilon, step by step, that makes it the same.
    """
    import torch

    n_steps = min(MOST_COMPARED_STEPS, len(workload.y) // batch_size)
    count = n_steps * batch_size
    X, y = _dense(workload.X[:count]), workload.y[:count]
    theirs = TorchTraining(plain_layers(workload.network), optimizer, COMPARED_RATE, momentum)
    for number, start in enumerate(range(0, count, batch_size), 1):
        if optimizer == "adam":
            theirs.set_epsilon(AdamOptimizer.epsilon / math.sqrt(1.0 - AdamOptimizer.beta_2**number))
        theirs.step(X[start : start + batch_size], y[start : start + batch_size])
    with torch.inference_mode():
        scores = theirs.module(torch.from_numpy(X)).numpy()
    ours = scores_after_steps(workload, optimizer, batch_size, n_steps, momentum)
    return float(np.abs(ours - scores).max()), n_steps


def scores_after_steps(
    workload: Workload, optimizer: str, batch_size: int, n_steps: int, momentum: float = 0.0
) -> Array:
    """Return our scores of the first samples after steps on them, in their order, at `COMPARED_RATE`."""
    count = n_steps * batch_size
    X, y = workload.X[:count], workload.y[:count]
    settings = TrainingSettings(1, batch_size, shuffle=False)
    trainer = _trainer(workload.network, optimizer, COMPARED_RATE, momentum, settings)
    ops = get_ops()
    trainer.epoch(ops, ops.prepare(X), one_hot(y, workload.network.n_outputs))
    return trainer.network.scores(ops, X)


def _dense(X: Input) -> Array:
    return X.toarray() if issparse(X) else np.asarray(X)


def training_row(
    workload: Workload, optimizer: str, batch_size: int, *, momentum: float = 0.0, n_turns: int = 7
) -> Row:
    """Return samples per second of a pass, against the faster of PyTorch with 1 and 2 threads."""
    n_samples = len(workload.y) // batch_size * batch_size
    contestants = {OURS: our_epoch(workload, optimizer, batch_size, 2, momentum)}
    for n_threads in (1, 2):
        contestants[f"PyTorch {n_threads}"] = torch_epoch(workload, optimizer, batch_size, n_threads, momentum)
    times = alternate(contestants, n_turns=n_turns)
    peer = min(("PyTorch 1", "PyTorch 2"), key=times.median)
    difference, n_steps = difference_after_equal_steps(workload, optimizer, batch_size, momentum)
    described = f"{optimizer}{f' momentum {momentum:g}' if momentum else ''}, minibatch {batch_size}"
    return Row(
        "training",
        f"{workload.described}, {described}, 2 threads",
        f"{peer} thread{'s' * (peer[-1] > '1')}",
        n_samples / times.median(peer),
        n_samples / times.median(OURS),
        "samples/s",
        times.ratio(peer),
        f"scores after {n_steps} equal steps differ by at most {difference:.1e}",
    )


def scikit_learn_rows(
    X: Array,
    y: NDArray[np.int64],
    hidden: tuple[int, ...],
    solver: str,
    batch_size: int,
    n_epochs: int = 6,
    n_turns: int = 3,
) -> Iterator[Row]:
    """Yield the time of `fit` from scratch, network set-up included, against `MLPClassifier.fit`.

    Without and with a target sparsity: the zeros of a fit without one grow slowly from half of the units.
    """
    from sklearn.neural_network import MLPClassifier

    settings = {
        "hidden_layer_sizes": hidden,
        "solver": solver,
        "learning_rate_init": 0.01 if solver == "sgd" else 0.001,
        "batch_size": batch_size,
        "max_iter": n_epochs,
        "random_state": 0,
    }

    def fit(estimator: object) -> Callable[[], object]:
        def call() -> object:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                return estimator.fit(X, y)  # type: ignore[attr-defined]

        return call

    ours = {
        f"target_sparsity={target}": RectifierClassifier(target_sparsity=target, **settings)  # type: ignore[arg-type]
        for target in (None, 0.9)
    }
    contestants = {name: fit(estimator) for name, estimator in ours.items()}
    times = alternate({**contestants, "scikit-learn": fit(MLPClassifier(**settings))}, n_turns=n_turns)
    shape = "-".join(map(str, (X.shape[1], *hidden, int(y.max()) + 1)))
    for name, estimator in ours.items():
        zeros = float(np.mean(estimator.sparsity_curve_))
        yield Row(
            f"fit, {n_epochs} epochs",
            f"{shape}, {len(y)} samples, {solver}, minibatch {batch_size}, {name}, {zeros:.1%} zeros on average",
            "scikit-learn",
            times.median("scikit-learn"),
            times.median(name),
            "s",
            times.ratio("scikit-learn", name),
            "",
        )
