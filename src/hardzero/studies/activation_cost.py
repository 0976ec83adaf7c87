"""Section 3.1: what activation functions cost, and what zeros save."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hardzero import analysis
from hardzero.activations import get_activation
from hardzero.analysis.style import color, finish, new_axes
from hardzero.losses import get_loss
from hardzero.network import Network
from hardzero.ops import get_ops
from hardzero.ops.updates import Momentum
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison

if TYPE_CHECKING:
    import pandas as pd

ACTIVATIONS = ["relu", "signed_relu", "softplus", "tanh", "logistic"]
COSTS = {
    "numpy_forward": "value, NumPy",
    "numpy_slope": "slope, NumPy",
    "engine_layer": "layer with one input, engine",
}
ZEROS = [0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98]
SIZES: dict[Scale, Settings] = {
    "quick": {"layers": [1000, 1000, 1000], "features": 784, "rounds": 10},
    "full": {"layers": [1000, 1000, 1000], "features": 784, "rounds": 50},
}
BATCH = 128


class ActivationCost(Study):
    """Time per activation; time per prediction and per training step against zeros, on one thread."""

    name = "activation-cost"
    title = "What activations cost and zeros save"
    claim = "Rectifiers are cheaper to compute than tanh, and zeros can be skipped (section 3.1)."
    timed = True

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Time each activation function, then a network with tanh, then rectifier networks of growing sparsity."""
        activations = [
            {"part": "activation", "activation": name, "rounds": SIZES[scale]["rounds"]} for name in ACTIVATIONS
        ]
        tanh = {"part": "network", "activation": "tanh", "unit_zeros": 0.0, **SIZES[scale]}
        rectifiers = [{"part": "network", "activation": "relu", "unit_zeros": share, **SIZES[scale]} for share in ZEROS]
        return [*activations, tanh, *rectifiers]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Return nanoseconds per element, or microseconds per sample."""
        if settings["part"] == "network":
            return time_network(settings, context.seed)
        cost = analysis.activation_cost(
            [settings["activation"]], n_rounds=settings["rounds"], random_state=context.seed
        ).to_frame()
        return {name: float(cost[name].iloc[0]) for name in COSTS}

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return the cost of activations, then that of networks."""
        costs = [Measure(name, f"{title}, ns", 2, "lowest") for name, title in COSTS.items()]
        steps = [
            Measure("zeros", "zeros %", 1),
            Measure("single_microseconds", "one prediction, µs", 1, "lowest"),
            Measure("batch_microseconds", f"prediction in batches of {BATCH}, µs a sample", 2, "lowest"),
            Measure("step_microseconds", "training step, µs a sample", 2, "lowest"),
        ]
        by_network = {"activation": "activation", "unit_zeros": "zeros set"}
        return [
            comparison(runs[runs["part"] == "activation"], "An element", {"activation": "activation"}, costs),
            comparison(runs[runs["part"] == "network"], "A network of 784-1000-1000-1000-10", by_network, steps),
        ]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw the times of rectifier networks against zeros, as multiples of the speed at the fewest zeros."""
        networks = runs[(runs["part"] == "network") & (runs["activation"] == "relu")]
        if "zeros" not in networks or networks["zeros"].nunique() < 2:
            return []
        means = networks.groupby("unit_zeros")[
            ["zeros", "single_microseconds", "batch_microseconds", "step_microseconds"]
        ].mean()
        axes: Any = new_axes(None)
        labels = ["one prediction", f"prediction, batches of {BATCH}", f"training step, minibatch of {BATCH}"]
        for i, (name, label) in enumerate(zip(means.columns[1:], labels, strict=True)):
            axes.plot(means["zeros"], means[name].iloc[0] / means[name], marker="o", color=color(i), label=label)
        finish(axes, "exact zeros (%)", "times faster than at the fewest zeros")
        return [Picture(axes, "How the speed of a rectifier network grows with its zeros, on one thread.")]


def time_network(settings: Settings, seed: int) -> Metrics:
    """Time a random network whose biases are set so that a given part of each layer is zero."""
    random_state = np.random.RandomState(seed)
    ops = get_ops(n_threads=1)
    activation = get_activation(settings["activation"])
    layers = [(size, activation) for size in settings["layers"]]
    network = Network.initialize(ops, settings["features"], layers, 10, get_loss("softmax"), random_state)
    X = random_state.uniform(size=(BATCH, settings["features"])).astype(np.float32)
    X *= random_state.uniform(size=X.shape) < 0.2
    set_zeros(network, ops, X, settings["unit_zeros"])
    one = np.ascontiguousarray(X[:1])
    delta = (random_state.normal(size=(BATCH, 10)) / BATCH).astype(np.float32)
    still = Momentum(learning_rate=0.0)
    rounds = settings["rounds"]
    return {
        "zeros": 100.0 * float(network.sparsity(ops, X).mean()),
        "single_microseconds": _median_microseconds(lambda: network.scores(ops, one), 20 * rounds),
        "batch_microseconds": _median_microseconds(lambda: network.scores(ops, X), rounds) / BATCH,
        "step_microseconds": _median_microseconds(
            lambda: network.backward(ops, network.forward(ops, ops.rows(X)), delta, still), rounds
        )
        / BATCH,
    }


def set_zeros(network: Network, ops: Any, X: Any, share: float) -> None:
    """Shift the biases of each layer so that units are zero for that share of the samples."""
    for depth, layer in enumerate(network.hidden_layers):
        if not layer.activation.makes_zeros:
            continue
        rows = network.forward(ops, ops.rows(X)).inputs[depth]
        z = ops.affine(rows, layer.parameters.weights, layer.parameters.bias)
        layer.parameters.bias -= np.quantile(z, share, axis=0).astype(np.float32)


def _median_microseconds(call: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1e6 * float(np.median(times[1:]))
