"""How sparse a network is: by layer, by input and by unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.analysis.hidden_activations import subject_of
from hardzero.analysis.measures import Floats, hoyer, mean_of_defined, treves_rolls, treves_rolls_from_sums
from hardzero.analysis.result import Result
from hardzero.analysis.style import BIOLOGICAL_ACTIVE, color, finish, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_BINS, FEWEST_BINS = 50, 20
"""Bins that fill the axis of active units: about so many, and so many of the widest ones, of layers with few units."""


@dataclass(frozen=True)
class LayerSparsity:
    """The sparsity of one hidden layer.

    Attributes
    ----------
    name : str
    n_units : int
    active_units : ndarray of shape (n_samples,), int
        Units that are not exactly 0, for each input.
    population_treves_rolls, population_hoyer : ndarray of shape (n_samples,)
        Sparsity over units for each input; NaN for an input with no active unit.
    firing_fraction : ndarray of shape (n_units,)
        Fraction of inputs for which each unit is active.
    lifetime_sparsity : ndarray of shape (n_units,)
        Treves–Rolls sparsity over inputs of each unit; NaN for a dead unit.
    largest : float
        Largest absolute activation.
    """

    name: str
    n_units: int
    active_units: NDArray[np.int64]
    population_treves_rolls: Floats
    population_hoyer: Floats
    firing_fraction: Floats
    lifetime_sparsity: Floats
    largest: float

    @property
    def zeros(self) -> float:
        """Fraction of exact zeros."""
        return float(1.0 - self.active_units.mean() / self.n_units)

    @property
    def dead_units(self) -> NDArray[np.intp]:
        """Indices of units that no input activates."""
        return np.flatnonzero(self.firing_fraction == 0)

    @property
    def always_on_units(self) -> NDArray[np.intp]:
        """Indices of units that every input activates."""
        return np.flatnonzero(self.firing_fraction == 1)


@dataclass(frozen=True)
class SparsityProfile(Result):
    """The result of `sparsity_profile`.

    Attributes
    ----------
    layers : list of LayerSparsity
        From the first hidden layer to the last.
    n_samples : int
    """

    layers: list[LayerSparsity]
    n_samples: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row a layer: fractions of zeros and active units, mean sparsities, counts of odd units.

        ``times_biological`` is the fraction of active units over the upper end, 4 %, of what is found in
        cortex: 1 or less is as sparse as a brain.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "layer": layer.name,
                "units": layer.n_units,
                "zeros": layer.zeros,
                "active": 1.0 - layer.zeros,
                "times_biological": (1.0 - layer.zeros) / BIOLOGICAL_ACTIVE[1],
                "treves_rolls": mean_of_defined(layer.population_treves_rolls),
                "hoyer": mean_of_defined(layer.population_hoyer),
                "lifetime_treves_rolls": mean_of_defined(layer.lifetime_sparsity),
                "dead_units": len(layer.dead_units),
                "always_on_units": len(layer.always_on_units),
                "silent_inputs": int(np.count_nonzero(layer.active_units == 0)),
                "largest_activation": layer.largest,
            }
            for layer in self.layers
        )

    def units_frame(self) -> pd.DataFrame:
        """Return one row a unit: its layer, index, firing fraction and lifetime sparsity."""
        import pandas as pd

        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "layer": layer.name,
                        "unit": np.arange(layer.n_units),
                        "firing_fraction": layer.firing_fraction,
                        "lifetime_treves_rolls": layer.lifetime_sparsity,
                    }
                )
                for layer in self.layers
            ],
            ignore_index=True,
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution over inputs of the fraction of active units, with the biological range."""
        ax = new_axes(ax)
        fractions = [100.0 * layer.active_units / layer.n_units for layer in self.layers]
        top = max(5.0, float(max(part.max() for part in fractions)))
        low, high = BIOLOGICAL_ACTIVE
        ax.axvspan(100 * low, 100 * high, color="#888888", alpha=0.3, lw=0, label="cortex: 1–4 %")
        for index, (layer, part) in enumerate(zip(self.layers, fractions, strict=True)):
            label = f"{layer.name}: {100 * layer.zeros:.1f} % zeros"
            weights = np.full(len(part), 100.0 / len(part))
            bins = _bins_around_counts(layer, top)
            style: dict[str, Any] = {"color": color(index), "label": label}
            ax.hist(part, bins, weights=weights, histtype="stepfilled", alpha=0.2, color=color(index))
            ax.hist(part, bins, weights=weights, histtype="step", linewidth=1.6, **style)
        ax.set_xlim(-0.03 * top, 1.03 * top)
        return finish(ax, "active units for an input (% of layer)", "inputs (%)")

    def plot_units(self, ax: Axes | None = None) -> Axes:
        """Draw how often each unit fires, units in order: dead ones lie at 0 %, always-on ones at 100 %."""
        ax = new_axes(ax)
        for index, layer in enumerate(self.layers):
            firing = 100.0 * np.sort(layer.firing_fraction)[::-1]
            label = f"{layer.name}: {len(layer.dead_units)} dead, {len(layer.always_on_units)} always on"
            position = 100.0 * (np.arange(layer.n_units) + 0.5) / layer.n_units
            marker = "o" if layer.n_units == 1 else ""  # a line of one point does not show
            ax.plot(position, firing, marker=marker, color=color(index), linewidth=1.8, label=label)
        ax.set_xlim(0.0, 100.0)
        ax.set_ylim(-2.0, 102.0)
        return finish(ax, "units, most active first (% of layer)", "inputs that activate it (%)")


def sparsity_profile(model: Any, X: Any) -> SparsityProfile:
    """Measure the exact zeros of every hidden layer.

    Population sparsity is measured over the units for each input, lifetime sparsity over the inputs for each
    unit (Willmore and Tolhurst 2001), by the measures of Treves and Rolls (1991) and Hoyer (2004).

    Parameters
    ----------
    model : fitted hardzero estimator, hardzero.network.Network or torch.nn.Module
    X : array-like or sparse matrix of shape (n_samples, n_features)
        For a PyTorch module any array with the samples first.

    Returns
    -------
    SparsityProfile

    Raises
    ------
    ValueError
        If `X` does not suit the model or the model has no hidden layer.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = RectifierClassifier((64,), max_iter=20, tol=0, random_state=0).fit(X / 16, y)
    >>> sparsity_profile(classifier, X / 16).to_frame()["units"].tolist()
    [64]
    """
    subject = subject_of(model)
    X = subject.check(X)
    counters: dict[str, _Counter] = {}
    for _, hidden in subject.batches(X):
        for name, activity in hidden.items():
            counters.setdefault(name, _Counter(activity.shape[1])).add(activity)
    return SparsityProfile([counter.result(name) for name, counter in counters.items()], X.shape[0])


def _bins_around_counts(layer: LayerSparsity, top: float) -> list[float]:
    """Return edges, in percent of the layer, of bins around the counts of units up to `top`, with gaps between few."""
    axis = layer.n_units * top / 100.0
    units = max(1, round(axis / MOST_BINS))
    centers = np.arange(0, layer.active_units.max() + 1, units) + (units - 1) / 2.0
    half = min(units, axis / FEWEST_BINS) / 2.0
    edges = np.unique([centers - half, centers + half])  # neighbors without a gap share an edge
    percent: list[float] = (100.0 * edges / layer.n_units).tolist()
    return percent


class _Counter:
    """Gathers the measures of one layer, minibatch by minibatch."""

    def __init__(self, n_units: int) -> None:
        self.firing = np.zeros(n_units, dtype=np.int64)
        self.absolute_sum = np.zeros(n_units)
        self.square_sum = np.zeros(n_units)
        self.per_input: list[tuple[NDArray[np.int64], Floats, Floats]] = []
        self.n_samples = 0
        self.largest = 0.0

    def add(self, activity: NDArray[np.float32]) -> None:
        active = activity != 0
        absolute = np.abs(activity).astype(np.float64)
        self.firing += active.sum(axis=0)
        self.absolute_sum += absolute.sum(axis=0)
        self.square_sum += np.square(absolute).sum(axis=0)
        self.per_input.append((active.sum(axis=1), treves_rolls(absolute), hoyer(absolute)))
        self.n_samples += len(activity)
        self.largest = max(self.largest, float(absolute.max()))

    def result(self, name: str) -> LayerSparsity:
        active_units, by_treves_rolls, by_hoyer = (np.concatenate(parts) for parts in zip(*self.per_input, strict=True))
        return LayerSparsity(
            name=name,
            n_units=len(self.firing),
            active_units=active_units,
            population_treves_rolls=by_treves_rolls,
            population_hoyer=by_hoyer,
            firing_fraction=self.firing / self.n_samples,
            lifetime_sparsity=treves_rolls_from_sums(self.absolute_sum, self.square_sum, self.n_samples),
            largest=self.largest,
        )
