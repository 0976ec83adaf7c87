"""What a prediction costs, against the same network computed densely."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import is_built_in
from hardzero.analysis.hidden_activations import NetworkSubject, checked_input, dense, subject_of
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.result import Result
from hardzero.analysis.style import color, finish, new_axes
from hardzero.losses import get_loss
from hardzero.network import Input, Network
from hardzero.ops import get_ops

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float32]


@dataclass(frozen=True)
class PredictionCost(Result):
    """The result of `prediction_cost`.

    Attributes
    ----------
    layers : list of str
        The hidden layers, then ``output``.
    dense_multiply_adds : ndarray of shape (n_layers,), int
        Multiply-adds of each layer for an input, zeros included.
    done_multiply_adds : ndarray of shape (n_layers,)
        Mean number with a non-zero factor: what is left when zeros are skipped.
    batch_sizes : list of int
    engine, dense : ndarray of shape (n_batch_sizes, n_rounds)
        Microseconds an input, by the lean prediction path and by dense NumPy (BLAS).
    """

    layers: list[str]
    dense_multiply_adds: NDArray[np.int64]
    done_multiply_adds: NDArray[np.float64]
    batch_sizes: list[int]
    engine: NDArray[np.float64]
    dense: NDArray[np.float64]

    @property
    def speedup(self) -> NDArray[np.float64]:
        """Median over rounds of dense time over the engine's, for each batch size."""
        return np.asarray(np.median(self.dense / self.engine, axis=1))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a batch size: median microseconds an input, and times faster than dense."""
        import pandas as pd

        return pd.DataFrame(
            {
                "batch_size": self.batch_sizes,
                "engine_microseconds": np.median(self.engine, axis=1),
                "dense_microseconds": np.median(self.dense, axis=1),
                "speedup": self.speedup,
            }
        )

    def work_frame(self) -> pd.DataFrame:
        """Return one row a layer: multiply-adds of an input, dense and done, and the part done."""
        import pandas as pd

        return pd.DataFrame(
            {
                "layer": self.layers,
                "dense_multiply_adds": self.dense_multiply_adds,
                "done_multiply_adds": self.done_multiply_adds,
                "part_done": self.done_multiply_adds / self.dense_multiply_adds,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the multiply-adds of each layer, dense and done."""
        ax = new_axes(ax, height=0.45 * len(self.layers) + 1.5)
        position = np.arange(len(self.layers))
        ax.barh(position, self.dense_multiply_adds / 1e3, color="#888888", alpha=0.35, label="dense")
        ax.barh(position, self.done_multiply_adds / 1e3, height=0.45, color=color(0), label="zeros skipped")
        ax.set_yticks(position, self.layers)
        ax.invert_yaxis()
        finish(ax, "thousand multiply-adds an input", "")
        ax.grid(axis="y", visible=False)
        return ax


def prediction_cost(
    model: Any,
    X: Any,
    *,
    batch_sizes: int | Sequence[int] = (1, 128),
    n_rounds: int = 15,
    random_state: int = 0,
) -> PredictionCost:
    """Time predictions with zeros skipped against dense arithmetic on the same weights, both on one thread.

    Zeros are skipped by `hardzero.Predictor`, or as in training if an activation is not one that it computes. The two
    take turns, so that a busy moment of the machine harms both alike. Dense means NumPy's BLAS in float32 with nothing
    else in the way.

    Parameters
    ----------
    model : fitted hardzero estimator or hardzero.network.Network
    X : array-like or sparse matrix of shape (n_samples, n_features)
    batch_sizes : int or sequence of int, default=(1, 128)
        Inputs predicted at a time; sizes beyond the rows of `X` are left out, but for the smallest.
    n_rounds : int, default=15
        Timings of each, after one that does not count; each covers at least 10 calls for single inputs.
    random_state : int, default=0
        Draws the inputs.

    Returns
    -------
    PredictionCost

    Raises
    ------
    ValueError
        For numbers below 1 or bad `X`.
    TypeError
        For a PyTorch module, which hardzero does not predict with.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = RectifierClassifier((64,), max_iter=20, tol=0, random_state=0).fit(X / 16, y)
    >>> prediction_cost(classifier, X / 16, n_rounds=3).dense_multiply_adds.tolist()
    [4096, 640]
    """
    batch_sizes = as_list(batch_sizes)
    if not batch_sizes or min(*batch_sizes, n_rounds) < 1:
        raise ValueError("batch_sizes and n_rounds must be at least 1")
    subject = subject_of(model)
    if not isinstance(subject, NetworkSubject):
        raise TypeError(f"prediction_cost takes hardzero's own models, not a {type(model).__name__}")
    # Scores alone are timed, and predictors do not know the output functions of autoencoders.
    network = replace(subject.network, loss=get_loss("identity"))
    X, _ = checked_input(subject, X, max(*batch_sizes, 256), random_state)
    sizes = [size for size in batch_sizes if size <= X.shape[0]] or [X.shape[0]]
    engine, by_blas = _time(network, X, sizes, n_rounds)
    names = [f"layer {depth}" for depth in range(1, len(network.hidden_layers) + 1)]
    forward_pass = network.forward(subject.ops, subject.ops.rows(X))
    active = np.array([rows.n_nonzero / X.shape[0] for rows in forward_pass.inputs])
    widths = np.array([layer.weights.shape for layer in network.parameters], dtype=np.int64)
    return PredictionCost(
        layers=[*names, "output"],
        dense_multiply_adds=widths.prod(axis=1),
        done_multiply_adds=active * widths[:, 1],
        batch_sizes=sizes,
        engine=engine,
        dense=by_blas,
    )


def _time(
    network: Network, X: Input, sizes: list[int], n_rounds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from threadpoolctl import threadpool_limits

    calls = [_engine_scores(network), _dense_scores(network)]
    times = np.zeros((2, len(sizes), n_rounds))
    with threadpool_limits(1):
        for current in range(-1, n_rounds):
            for j, size in enumerate(sizes):
                n_calls = max(1, 10 // size)
                # A few rows at a time: all of them would take the memory of samples × vocabulary.
                batches = [dense(X[np.arange(k * size, (k + 1) * size) % X.shape[0]]) for k in range(n_calls)]
                for i, call in enumerate(calls):
                    started = time.perf_counter()
                    for batch in batches:
                        call(batch)
                    if current >= 0:
                        times[i, j, current] = 1e6 * (time.perf_counter() - started) / (n_calls * size)
    return times[0], times[1]


def _engine_scores(network: Network) -> Callable[[Array], object]:
    """Return the scores as a function by the lean prediction path, or by the selected ops where it cannot be."""
    ops = get_ops(n_threads=1)
    packs = ops.name == "native" and all(is_built_in(layer.activation) for layer in network.hidden_layers)
    if not packs:
        return lambda rows: network.scores(ops, rows)
    from hardzero.predictor import Predictor

    return Predictor(network).scores


def _dense_scores(network: Network) -> Callable[[Array], Array]:
    """Return the scores of a network as a function in plain NumPy, on contiguous copies of its weights."""
    layers = [
        (np.ascontiguousarray(layer.parameters.weights), layer.parameters.bias, layer.activation)
        for layer in network.hidden_layers
    ]
    weights, bias = np.ascontiguousarray(network.output.weights), network.output.bias

    def scores(X: Array) -> Array:
        for matrix, offset, activation in layers:
            X = activation.value(X @ matrix + offset)
        return np.asarray(X @ weights + bias)

    return scores
