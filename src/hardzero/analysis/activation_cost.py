"""What each activation function costs to compute."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation, get_activation
from hardzero.analysis.activation_label import activation_label
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.result import Result
from hardzero.analysis.style import color, finish, new_axes
from hardzero.ops import get_ops

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MEASURES = {
    "numpy_forward": "NumPy, value",
    "numpy_slope": "NumPy, slope",
    "engine_layer": "engine, layer with one input",
    "engine_affine": "engine, the same without activation",
}


@dataclass(frozen=True)
class ActivationCost(Result):
    """The result of `activation_cost`.

    Attributes
    ----------
    activations : list of str
    nanoseconds : dict of str to ndarray of shape (n_activations, n_rounds)
        Time per element of ``numpy_forward``, ``numpy_slope``, ``engine_layer`` and ``engine_affine``.
    engine : str
        The ops timed, ``native`` or ``reference``.
    n_elements : int
    """

    activations: list[str]
    nanoseconds: dict[str, NDArray[np.float64]]
    engine: str
    n_elements: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row an activation: median nanoseconds per element of each measure.

        ``engine_activation`` is ``engine_layer`` less ``engine_affine``: value, slope and, for rectifiers,
        the list of non-zeros. It is below 0 where the engine saves memory traffic by fusing them.
        """
        import pandas as pd

        medians = {name: np.median(times, axis=1) for name, times in self.nanoseconds.items()}
        difference = self.nanoseconds["engine_layer"] - self.nanoseconds["engine_affine"]
        return pd.DataFrame(
            {"activation": self.activations, **medians, "engine_activation": np.median(difference, axis=1)}
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the median time per element of each measure; lines span the quartiles over rounds."""
        ax = new_axes(ax, height=0.55 * len(self.activations) + 1.6)
        for index, (name, label) in enumerate(MEASURES.items()):
            low, middle, high = np.percentile(self.nanoseconds[name], [25, 50, 75], axis=1)
            position = np.arange(len(self.activations)) + 0.18 * (index - 1.5)
            ax.barh(position, middle, height=0.16, color=color(index), label=label.replace("engine", self.engine))
            ax.hlines(position, low, high, color="#888888", linewidth=1.2)
        ax.set_yticks(np.arange(len(self.activations)), self.activations)
        ax.invert_yaxis()
        finish(ax, "nanoseconds an element", "")
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", alpha=0.25, linewidth=0.6)
        return ax


def activation_cost(
    activations: str | Activation | Sequence[str | Activation] = (
        "relu",
        "signed_relu",
        "softplus",
        "tanh",
        "logistic",
        "lif",
    ),
    *,
    n_samples: int = 1024,
    n_units: int = 1024,
    n_rounds: int = 15,
    random_state: int = 0,
) -> ActivationCost:
    """Time value and slope of activations per element, in NumPy and in the engine, on one thread.

    The engine has no call for an activation alone: it is part of a layer's product. A layer with one input is
    timed, whose product is one multiply-add an element, beside the same product without an activation.
    Measures take turns in each round, so that a busy moment of the machine harms all of them alike.

    Parameters
    ----------
    activations : str, Activation or sequence of them
    n_samples, n_units : int, default=1024
        Shape of the standard normal pre-activations; 4 MB by default, about the size of an L2 cache.
    n_rounds : int, default=15
        Timings of each measure, after one that does not count; medians are reported.
    random_state : int, default=0

    Returns
    -------
    ActivationCost

    Raises
    ------
    ValueError
        For an unknown activation or a number below 1.

    Examples
    --------
    >>> cost = activation_cost(("relu", "tanh"), n_samples=64, n_units=64, n_rounds=3)
    >>> cost.to_frame()["activation"].tolist()
    ['relu', 'tanh']
    """
    if min(n_samples, n_units, n_rounds) < 1:
        raise ValueError("n_samples, n_units and n_rounds must be at least 1")
    functions = [get_activation(activation) for activation in as_list(activations)]
    generator = np.random.default_rng(random_state)
    z = generator.standard_normal((n_samples, n_units)).astype(np.float32)
    ops = get_ops(n_threads=1)
    rows = ops.rows(generator.standard_normal((n_samples, 1)).astype(np.float32))
    weights = ops.matrix(1, n_units)
    weights[...] = generator.standard_normal((1, n_units))
    bias = np.zeros(n_units, dtype=np.float32)
    calls: dict[str, Callable[[Activation], object]] = {
        "numpy_forward": lambda activation: activation.value(z),
        "numpy_slope": lambda activation: activation.slope(z),
        "engine_layer": lambda activation: ops.hidden(rows, weights, bias, activation),
        "engine_affine": lambda activation: ops.affine(rows, weights, bias),
    }
    nanoseconds = {name: np.zeros((len(functions), n_rounds)) for name in calls}
    for current in range(-1, n_rounds):
        for index, activation in enumerate(functions):
            for name, call in calls.items():
                started = time.perf_counter_ns()
                call(activation)
                if current >= 0:
                    nanoseconds[name][index, current] = (time.perf_counter_ns() - started) / z.size
    return ActivationCost([activation_label(activation) for activation in functions], nanoseconds, ops.name, z.size)
