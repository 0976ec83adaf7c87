"""Training throughput against PyTorch and scikit-learn: same network, same minibatches, same optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from hardzero.benchmarks.peers import Weights, minibatches, torch_training_step
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS, alternate
from hardzero.benchmarks.workloads import Workload
from hardzero.estimators import RectifierClassifier
from hardzero.network import Network
from hardzero.ops import get_ops
from hardzero.optimizers import AdamOptimizer, GradientDescent, LearningRate
from hardzero.penalties import FixedPenalty
from hardzero.training import Trainer, TrainingSettings

Array = NDArray[np.float32]

TINY_RATE = 1e-6
"""Learning rate of throughput runs: every step does all its work, and the state keeps its zeros."""

LEAST_SAMPLES = 2048


def one_hot(y: NDArray[np.int64], n_classes: int) -> Array:
    """Return targets as rows of zeros with a one."""
    return np.eye(n_classes, dtype=np.float32)[y]


def our_epoch(
    workload: Workload, optimizer: str, batch_size: int, n_threads: int, momentum: float = 0.0
) -> Callable[[], object]:
    """Return a function that trains for one pass over the workload's samples."""
    network: Network = deepcopy(workload.network)
    rate = LearningRate("constant", TINY_RATE)
    steps = AdamOptimizer(rate) if optimizer == "adam" else GradientDescent(rate, momentum, momentum > 0)
    trainer = Trainer(
        network,
        steps,
        FixedPenalty([0.0] * len(network.hidden_layers)),
        TrainingSettings(max_epochs=1, batch_size=batch_size),
        np.random.RandomState(0),
    )
    ops = get_ops(n_threads)
    X = ops.prepare(workload.X)
    targets = one_hot(workload.y, network.n_outputs)
    return lambda: trainer.epoch(ops, X, targets)


def torch_epoch(
    workload: Workload, optimizer: str, batch_size: int, n_threads: int, momentum: float = 0.0
) -> Callable[[], object]:
    """Return the same pass in eager PyTorch on dense input."""
    import torch

    step = torch_training_step(Weights.of(workload.network), optimizer, TINY_RATE, momentum)
    X = workload.X.toarray() if issparse(workload.X) else np.asarray(workload.X)
    order = minibatches(len(X), batch_size)
    n_steps = len(X) // batch_size

    def epoch() -> None:
        torch.set_num_threads(n_threads)
        for _ in range(n_steps):
            samples = next(order)
            step(X[samples], workload.y[samples])

    return epoch


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
    described = f"{optimizer}{f' momentum {momentum:g}' if momentum else ''}, minibatch {batch_size}"
    return Row(
        "training",
        f"{workload.described}, {described}, 2 threads",
        f"{peer} thread{'s' * (peer[-1] > '1')}",
        n_samples / times.median(peer),
        n_samples / times.median(OURS),
        "samples/s",
        times.ratio(peer),
        "gradients: see tests/test_network.py",
    )


def scikit_learn_rows(
    X: Array, y: NDArray[np.int64], hidden: tuple[int, ...], solver: str, n_epochs: int = 6, n_turns: int = 3
) -> Iterator[Row]:
    """Yield the time of `fit` from scratch, network set-up included, against `MLPClassifier.fit`.

    Without and with a target sparsity: the zeros of a fit without one grow slowly from half of the units.
    """
    from sklearn.neural_network import MLPClassifier

    settings = {
        "hidden_layer_sizes": hidden,
        "solver": solver,
        "learning_rate_init": 0.01 if solver == "sgd" else 0.001,
        "batch_size": 128,
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
            f"{shape}, {len(y)} samples, {solver}, minibatch 128, {name}, {zeros:.1%} zeros on average",
            "scikit-learn",
            times.median("scikit-learn"),
            times.median(name),
            "s",
            times.ratio("scikit-learn", name),
            "",
        )
