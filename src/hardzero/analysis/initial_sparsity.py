"""How sparse networks are before any training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation, get_activation
from hardzero.analysis.activation_label import activation_label
from hardzero.analysis.hidden_activations import NetworkSubject, subject_of
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.result import Result
from hardzero.analysis.style import color, finish, marker, new_axes
from hardzero.losses import get_loss
from hardzero.network import Network
from hardzero.ops import get_ops
from hardzero.threads import resolve_n_jobs

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Initialization = Callable[[np.random.Generator, int, int], Array]


def _uniform(bound: float, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
    return generator.uniform(-bound, bound, shape)


def _orthogonal(generator: np.random.Generator, n_inputs: int, n_units: int) -> Array:
    size = max(n_inputs, n_units)
    factor, triangle = np.linalg.qr(generator.standard_normal((size, min(n_inputs, n_units))))
    factor *= np.sign(np.diag(triangle))
    return np.asarray(np.sqrt(2.0) * (factor if n_inputs >= n_units else factor.T))


INITIALIZATIONS: dict[str, Initialization] = {
    "he_uniform": lambda rng, n, m: _uniform(np.sqrt(6.0 / n), rng, (n, m)),
    "he_normal": lambda rng, n, m: rng.normal(0.0, np.sqrt(2.0 / n), (n, m)),
    "glorot_uniform": lambda rng, n, m: _uniform(np.sqrt(6.0 / (n + m)), rng, (n, m)),
    "lecun_uniform": lambda rng, n, m: _uniform(np.sqrt(3.0 / n), rng, (n, m)),
    "orthogonal": _orthogonal,
}
"""Symmetric initializations of weights with zero biases: He et al. 2015, Glorot and Bengio 2010, LeCun et al.
1998, Saxe et al. 2014 (gain sqrt 2)."""


@dataclass(frozen=True)
class InitialSparsity(Result):
    """The result of `initial_sparsity`.

    Attributes
    ----------
    activations, initializations : list of str
    zeros : ndarray of shape (n_activations, n_initializations, n_repeats, n_layers)
        Fraction of exact zeros.
    """

    activations: list[str]
    initializations: list[str]
    zeros: Array

    def to_frame(self) -> pd.DataFrame:
        """Return mean and standard deviation over repeats (NaN for one) by activation, initialization and layer."""
        import pandas as pd

        return pd.DataFrame(
            {
                "activation": activation,
                "initialization": initialization,
                "layer": f"layer {depth + 1}",
                "zeros": self.zeros[i, j, :, depth].mean(),
                "standard_deviation": self.zeros[i, j, :, depth].std(ddof=1) if self.zeros.shape[2] > 1 else np.nan,
            }
            for i, activation in enumerate(self.activations)
            for j, initialization in enumerate(self.initializations)
            for depth in range(self.zeros.shape[3])
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the zeros of each layer, a series for each activation; a dot is one random network."""
        ax = new_axes(ax)
        n_activations, n_initializations, n_repeats, n_layers = self.zeros.shape
        for i, activation in enumerate(self.activations):
            for j in range(n_initializations):
                shift = (i * n_initializations + j + 0.5) / (n_activations * n_initializations) - 0.5
                position = np.arange(1, n_layers + 1) + 0.7 * shift
                ax.plot(
                    np.repeat(position[np.newaxis], n_repeats, axis=0).ravel(),
                    100.0 * self.zeros[i, j].ravel(),
                    marker(j),
                    color=color(i),
                    markersize=4,
                    alpha=0.8,
                    label=activation if j == 0 else None,
                )
        ax.axhline(50.0, color="#888888", linewidth=1.0, linestyle=":")
        ax.set_ylim(-4.0, 104.0)
        ax.set_xticks(np.arange(1, n_layers + 1))
        return finish(ax, "hidden layer", "exact zeros before training (%)")


def initial_sparsity(
    model: Any,
    X: Any,
    *,
    activations: str | Activation | Sequence[str | Activation] = ("relu", "signed_relu", "lif", "softplus", "tanh"),
    initializations: str | Sequence[str] = tuple(INITIALIZATIONS),
    n_repeats: int = 5,
    random_state: int = 0,
) -> InitialSparsity:
    """Measure the exact zeros of random networks: about half for rectifiers (Glorot et al. 2011, 3.1).

    Parameters
    ----------
    model : sequence of int, or a model
        Units of each hidden layer, or a model (see `sparsity_profile`) whose layer sizes are taken.
    X : array-like or sparse matrix of shape (n_samples, n_features), or what the model takes
    activations : str, Activation or sequence of them
    initializations : str or sequence of str
        Of `INITIALIZATIONS`; biases are 0 in all of them. Each has random networks of its own, the same whichever
        others are named.
    n_repeats : int, default=5
        Random networks for each combination.
    random_state : int, default=0

    Returns
    -------
    InitialSparsity

    Raises
    ------
    ValueError
        For an unknown initialization or activation, layer sizes or repeats below 1, or bad `X`.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(100, 20))
    >>> result = initial_sparsity((500,), X, activations=("relu",), initializations=("he_uniform",))
    >>> bool(abs(result.zeros.mean() - 0.5) < 0.05)
    True
    """
    initializations = as_list(initializations)
    unknown = [name for name in initializations if name not in INITIALIZATIONS]
    if unknown:
        raise ValueError(f"unknown initialization {unknown[0]!r}: choose from {', '.join(INITIALIZATIONS)}")
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be at least 1, got {n_repeats}")
    sizes, X = _layer_sizes(model, X)
    functions = [get_activation(activation) for activation in as_list(activations)]
    zeros = np.zeros((len(functions), len(initializations), n_repeats, len(sizes)))
    for i, activation in enumerate(functions):
        for j, name in enumerate(initializations):
            for repeat in range(n_repeats):
                generator = np.random.default_rng([random_state, i, list(INITIALIZATIONS).index(name), repeat])
                subject = _random_network(X, sizes, activation, INITIALIZATIONS[name], generator)
                zeros[i, j, repeat] = subject.network.sparsity(subject.ops, subject.check(X))
    return InitialSparsity([activation_label(activation) for activation in functions], initializations, zeros)


def _layer_sizes(model: Any, X: Any) -> tuple[list[int], Any]:
    """Return the units of each hidden layer, and `X` as a given model checks it: texts are words then."""
    if not isinstance(model, (list, tuple, np.ndarray)):
        subject = subject_of(model)
        X = subject.check(X)
        return [part.shape[1] for part in subject.hidden(X[:1]).values()], X
    if not len(model) or any(int(size) != size or size < 1 for size in model):
        raise ValueError(f"layer sizes must be whole numbers of at least 1, one a hidden layer, got {model}")
    return [int(size) for size in model], X


def _random_network(
    X: Any, sizes: list[int], activation: Activation, draw: Initialization, generator: np.random.Generator
) -> NetworkSubject:
    """Return an untrained network for `X` with weights from `draw`."""
    ops = get_ops(resolve_n_jobs(None))
    n_features = np.shape(X)[1] if np.ndim(X) == 2 or hasattr(X, "tocsr") else 0
    if not n_features:
        raise ValueError(f"X needs shape (n_samples, n_features), got {np.shape(X)}")
    network = Network.initialize(
        ops,
        n_features,
        [(size, activation) for size in sizes],
        1,
        get_loss("identity"),
        np.random.RandomState(0),
    )
    for layer in network.hidden_layers:
        weights = layer.parameters.weights
        weights[...] = draw(generator, *weights.shape)
    return NetworkSubject(network, ops)
