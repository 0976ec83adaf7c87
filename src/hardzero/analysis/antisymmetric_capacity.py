"""How many more hidden units a rectifier network needs than tanh for odd functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation, get_activation
from hardzero.analysis.activation_label import activation_label
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.result import Result
from hardzero.analysis.style import LINES, color, finish, marker, new_axes, two_way_legend, use_log_scale
from hardzero.full_batch import FullBatchObjective, minimize
from hardzero.losses import get_loss
from hardzero.network import Network
from hardzero.ops import get_ops

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


def _sine(x: Array) -> Array:
    return np.asarray(np.sin(2.0 * np.pi * x[:, 0]))


def _ridges(x: Array) -> Array:
    """Return a sum of smooth odd ridges of two inputs."""
    return np.asarray(np.sin(x @ [3.0, 1.0]) + np.sin(x @ [-2.0, 2.0]))


def _steps(x: Array) -> Array:
    """Return a sum of odd ramps between two plateaus, each the difference of two rectifiers."""
    ramps = x @ np.array([[4.0, 1.0, -2.0], [1.0, -3.0, -3.0]])
    return np.asarray(np.clip(ramps, -1.0, 1.0).sum(axis=1))


ODD_TARGETS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "sine": (_sine, 1),
    "ridges": (_ridges, 2),
    "steps": (_steps, 2),
}
"""Odd functions, f(-x) = -f(x), on [-1, 1]^d, and their number of inputs d."""


@dataclass(frozen=True)
class AntisymmetricCapacity(Result):
    """The result of `antisymmetric_capacity`.

    Attributes
    ----------
    targets, activations : list of str
    widths : list of int
    errors : ndarray of shape (n_targets, n_activations, n_widths, n_repeats)
        Root mean squared error on a test grid, relative to the standard deviation of the target.
    """

    targets: list[str]
    activations: list[str]
    widths: list[int]
    errors: Array

    def width_ratios(self, target: str, activation: str = "relu", against: str = "tanh") -> pd.DataFrame:
        """Return, for each width of one activation, the width of another at which errors are equal.

        Widths between those tried are interpolated, log error over log width, on the best error up to each
        width (a wider network can do all that a narrower one does).

        Returns
        -------
        pandas.DataFrame
            Columns ``against_width``, ``error``, ``width`` and ``ratio``; errors that the widest network did
            not reach, or the narrowest one did, are left out, and so are widths that gain less than 10 % on
            a narrower one: there optimization, not capacity, sets the error.
        """
        import pandas as pd

        t = self.targets.index(target)
        ours, theirs = (self._best(t, self.activations.index(name)) for name in (activation, against))
        rows, reached = [], np.inf
        for width, error in zip(self.widths, theirs, strict=True):
            if error < 0.9 * reached and ours[-1] <= error < ours[0]:
                descending, logs = np.log(ours)[::-1], np.log(self.widths)[::-1]
                equal = float(np.exp(np.interp(np.log(error), descending, logs)))
                rows.append({"against_width": width, "error": error, "width": equal, "ratio": equal / width})
            reached = min(error, reached)
        return pd.DataFrame(rows, columns=["against_width", "error", "width", "ratio"])

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each target, activation and width: median, best and worst error over repeats."""
        import pandas as pd

        return pd.DataFrame(
            {
                "target": target,
                "activation": activation,
                "width": width,
                "median_error": np.median(self.errors[i, j, k]),
                "best_error": self.errors[i, j, k].min(),
                "worst_error": self.errors[i, j, k].max(),
            }
            for i, target in enumerate(self.targets)
            for j, activation in enumerate(self.activations)
            for k, width in enumerate(self.widths)
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the best error over repeats against the width, a color for each activation."""
        ax = new_axes(ax)
        for i in range(len(self.targets)):
            for j in range(len(self.activations)):
                ax.plot(
                    self.widths,
                    self.errors[i, j].min(axis=1),
                    linestyle=LINES[i % len(LINES)],
                    marker=marker(i),
                    markersize=4.5,
                    linewidth=1.5,
                    color=color(j),
                )
        ax.set_xscale("log", base=2)
        use_log_scale(ax)
        ax.set_xticks(self.widths, [str(width) for width in self.widths])
        finish(ax, "hidden units", "best test error (standard deviations)", legend=False)
        return two_way_legend(ax, self.activations, self.targets)

    def _best(self, target: int, activation: int) -> Array:
        """Return the error of the best network up to each width: what that many units can represent."""
        return np.minimum.accumulate(np.maximum(self.errors[target, activation].min(axis=1), 1e-12))


def antisymmetric_capacity(
    *,
    targets: str | Sequence[str] = tuple(ODD_TARGETS),
    activations: str | Activation | Sequence[str | Activation] = ("relu", "tanh"),
    widths: int | Sequence[int] = (2, 4, 8, 16, 32),
    n_samples: int = 500,
    n_repeats: int = 5,
    max_iter: int = 500,
    random_state: int = 0,
) -> AntisymmetricCapacity:
    """Fit odd functions with one hidden layer of growing width.

    Glorot et al. (2011, section 3.1): a rectifier network needs about twice the hidden units of a network of
    antisymmetric units to represent an antisymmetric function. Networks are fitted by L-BFGS without a
    penalty, to noiseless samples, from weights as in `Network.initialize` and biases that put each unit's
    threshold through a random point of the domain. What counts is the best of several starts: capacity, not ease of
    training.

    Parameters
    ----------
    targets : str or sequence of str
        Of `ODD_TARGETS`.
    activations : str, Activation or sequence of them
    widths : int or sequence of int
        Hidden units.
    n_samples : int, default=500
        Training samples, uniform on [-1, 1]^d; the test set has 2000 others.
    n_repeats : int, default=5
        Random starts for each width.
    max_iter : int, default=500
        Iterations of L-BFGS.
    random_state : int, default=0

    Returns
    -------
    AntisymmetricCapacity

    Raises
    ------
    ValueError
        For an unknown target, or widths, samples or repeats below 1.

    Examples
    --------
    >>> result = antisymmetric_capacity(targets=["sine"], widths=[2, 8], n_repeats=2, max_iter=100)
    >>> result.errors.shape
    (1, 2, 2, 2)
    """
    targets, widths = as_list(targets), sorted(as_list(widths))
    unknown = [target for target in targets if target not in ODD_TARGETS]
    if unknown:
        raise ValueError(f"unknown target {unknown[0]!r}: choose from {', '.join(ODD_TARGETS)}")
    if min(*widths, n_samples, n_repeats, max_iter) < 1:
        raise ValueError("widths, n_samples, n_repeats and max_iter must be at least 1")
    functions = [get_activation(activation) for activation in as_list(activations)]
    errors = np.zeros((len(targets), len(functions), len(widths), n_repeats))
    for i, target in enumerate(targets):
        function, n_features = ODD_TARGETS[target]
        generator = np.random.default_rng([random_state, i])
        X, X_test = (generator.uniform(-1.0, 1.0, (n, n_features)) for n in (n_samples, 2000))
        y, y_test = function(X), function(X_test)
        for j, activation in enumerate(functions):
            for k, width in enumerate(widths):
                for repeat in range(n_repeats):
                    start = np.random.RandomState([random_state, i, j, k, repeat])
                    predict = _fit(X, y, width, activation, max_iter, start)
                    residual = predict(X_test) - y_test
                    errors[i, j, k, repeat] = np.sqrt(np.mean(np.square(residual))) / y_test.std()
    names = [activation_label(activation) for activation in functions]
    return AntisymmetricCapacity(targets, names, widths, errors)


def _fit(
    X: Array, y: Array, width: int, activation: Activation, max_iter: int, random_state: np.random.RandomState
) -> Callable[[Array], Array]:
    """Return the prediction of a network with one hidden layer fitted to (X, y)."""
    ops = get_ops(n_threads=1)
    layers, loss = [(width, activation)], get_loss("identity")
    # Units on one or two inputs are to bend within the range of these, however many they are.
    network = Network.initialize(ops, X.shape[1], layers, 1, loss, random_state, fan=lambda n_inputs, _: n_inputs)
    hidden = network.hidden_layers[0].parameters
    points = random_state.uniform(-1.0, 1.0, (width, X.shape[1]))
    hidden.bias[...] = -np.einsum("ij,ji->i", points, hidden.weights)
    targets = y.astype(np.float32)[:, np.newaxis]
    objective = FullBatchObjective(network, ops, X.astype(np.float32), targets, None, 0.0, [0.0])
    minimize(objective, max_iter, 10 * max_iter, 1e-9)
    return lambda inputs: network.predictions(ops, inputs.astype(np.float32))[:, 0].astype(np.float64)
