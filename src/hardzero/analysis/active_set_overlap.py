"""How stable the set of active units is when the input changes a little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hardzero.analysis.hidden_activations import checked_input, dense, subject_of
from hardzero.analysis.image_shape import check_image_shape
from hardzero.analysis.measures import jaccard, mean_of_defined, relative_change, standard_error
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.perturbations import DEFAULT_SIZES, perturbation
from hardzero.analysis.result import Result
from hardzero.analysis.style import LINES, color, finish, marker, new_axes, two_way_legend

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class OverlapPoint:
    """The effect on one layer of a perturbation of one size.

    Attributes
    ----------
    perturbation, layer : str
    size : float
        Noise in standard deviations of the data, masked fraction, or pixels.
    input_change : float
        Mean relative change of the input, ``|x' - x| / |x|``.
    overlap, overlap_error : float
        Mean Jaccard overlap of the active sets before and after, and its standard error (NaN for a single input).
    chance_overlap : float
        Mean overlap of each input with another one, drawn at random: what is left when the input is another one
        altogether.
    change : float
        Mean relative change of the representation, ``|h' - h| / |h|``.
    """

    perturbation: str
    layer: str
    size: float
    input_change: float
    overlap: float
    overlap_error: float
    chance_overlap: float
    change: float


@dataclass(frozen=True)
class ActiveSetOverlap(Result):
    """The result of `active_set_overlap`.

    Attributes
    ----------
    points : list of OverlapPoint
    n_samples : int
    """

    points: list[OverlapPoint]
    n_samples: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each perturbation, size and layer; columns as in `OverlapPoint`."""
        import pandas as pd

        return pd.DataFrame([vars(point) for point in self.points])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the overlap against the relative change of the input."""
        ax = self._lines(ax, "overlap")
        ax.set_ylim(-0.02, 1.02)
        return finish(ax, "change of the input, |x′ − x| / |x|", "overlap of active sets (Jaccard)", legend=False)

    def plot_change(self, ax: Axes | None = None) -> Axes:
        """Draw the relative change of the representation against that of the input."""
        ax = self._lines(ax, "change")
        top = max(point.input_change for point in self.points)
        ax.plot([0, top], [0, top], color="#888888", linewidth=1.0, linestyle=(0, (1, 2)))
        return finish(ax, "change of the input, |x′ − x| / |x|", "change of the layer, |h′ − h| / |h|", legend=False)

    def _lines(self, ax: Axes | None, measure: str) -> Axes:
        ax = new_axes(ax)
        layers = list(dict.fromkeys(point.layer for point in self.points))
        kinds = list(dict.fromkeys(point.perturbation for point in self.points))
        for i, layer in enumerate(layers):
            for j, kind in enumerate(kinds):
                points = [point for point in self.points if (point.layer, point.perturbation) == (layer, kind)]
                ax.plot(
                    [point.input_change for point in points],
                    [getattr(point, measure) for point in points],
                    linestyle=LINES[j % len(LINES)],
                    marker=marker(j),
                    markersize=4,
                    linewidth=1.5,
                    color=color(i),
                )
        ax.set_xlim(left=0.0)
        return two_way_legend(ax, layers, kinds)


def active_set_overlap(
    model: Any,
    X: Any,
    *,
    perturbations: str | Sequence[str] | Mapping[str, float | Sequence[float]] | None = None,
    image_shape: tuple[int, ...] | None = None,
    max_samples: int | None = 1000,
    random_state: int = 0,
) -> ActiveSetOverlap:
    """Measure how far small changes of the input change which units are active, and how much.

    Glorot et al. (2011, section 2.2) expect of a sparse representation that the set of active units is
    roughly conserved by small changes of the input. For an activation without exact zeros the overlap is 1
    throughout; compare its relative change.

    Parameters
    ----------
    model : fitted hardzero estimator, hardzero.network.Network or torch.nn.Module
    X : array-like or sparse matrix of shape (n_samples, n_features)
    perturbations : str, sequence of str, mapping of str to a size or sizes, or None, default=None
        ``noise`` (Gaussian; size in standard deviations of the data), ``masking`` (fraction of entries set to
        0), ``shift`` (whole pixels in one of four directions; needs `image_shape`). Names alone take the
        sizes of `hardzero.analysis.perturbations.DEFAULT_SIZES`. None takes ``noise`` and ``masking`` and, given
        `image_shape`, ``shift``.
    image_shape : tuple of int, optional
        (height, width) or (channels, height, width) of each row.
    max_samples : int or None, default=1000
        Inputs drawn at random from `X`; enough for a standard error of overlaps below 0.01.
    random_state : int, default=0

    Returns
    -------
    ActiveSetOverlap

    Raises
    ------
    ValueError
        For an unknown perturbation, sizes out of range, a shape that does not fit, or bad `X`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = RectifierClassifier((64,), max_iter=20, tol=0, random_state=0).fit(X / 16, y)
    >>> frame = active_set_overlap(classifier, X / 16, perturbations={"noise": [0.0, 0.5]}).to_frame()
    >>> float(frame["overlap"][0])
    1.0
    """
    subject = subject_of(model)
    checked, _ = checked_input(subject, X, max_samples, random_state)
    clean = dense(checked)
    if image_shape is not None:
        check_image_shape(image_shape, clean.shape[1:])
    if perturbations is None:
        perturbations = ("noise", "masking") if image_shape is None else ("noise", "masking", "shift")
    before = subject.all_hidden(clean)
    order = np.random.default_rng(random_state).permutation(len(clean))
    chance = {name: _chance_overlap(activity[order]) for name, activity in before.items()}
    points: list[OverlapPoint] = []
    for kind, sizes in _sizes(perturbations).items():
        perturb = perturbation(kind, image_shape)
        for size in sizes:
            changed = perturb(clean, size, np.random.default_rng([random_state, len(points)]))
            input_change = relative_change(_flat(clean), _flat(changed))
            for name, after in subject.all_hidden(changed).items():
                overlap = jaccard(before[name], after)
                points.append(
                    OverlapPoint(
                        perturbation=kind,
                        layer=name,
                        size=float(size),
                        input_change=mean_of_defined(input_change),
                        overlap=float(overlap.mean()),
                        overlap_error=standard_error(overlap),
                        chance_overlap=chance[name],
                        change=mean_of_defined(relative_change(before[name], after)),
                    )
                )
    return ActiveSetOverlap(points, len(clean))


def _sizes(perturbations: str | Sequence[str] | Mapping[str, float | Sequence[float]]) -> dict[str, list[float]]:
    if not isinstance(perturbations, Mapping):
        perturbations = {kind: DEFAULT_SIZES.get(kind, ()) for kind in as_list(perturbations)}
    sizes = {kind: sorted(float(size) for size in as_list(values)) for kind, values in perturbations.items()}
    for kind, values in sizes.items():
        if any(not np.isfinite(size) or size < 0 for size in values):
            raise ValueError(f"sizes of {kind!r} must be finite and not negative, got {values}")
        if kind == "masking" and any(size > 1 for size in values):
            raise ValueError(f"sizes of 'masking' are fractions from 0 to 1, got {values}")
        if kind == "shift" and any(size != int(size) for size in values):
            raise ValueError(f"sizes of 'shift' are whole pixels, got {values}")
    return sizes


def _chance_overlap(activity: Any) -> float:
    """Return the mean overlap of each row with the one before it."""
    return float(jaccard(activity, np.roll(activity, 1, axis=0)).mean()) if len(activity) > 1 else float("nan")


def _flat(X: Any) -> Any:
    return X.reshape(len(X), -1)
