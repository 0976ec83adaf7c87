"""How many bytes a sparse representation takes, and whether it follows the information in the input."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardzero.analysis.hidden_activations import checked_input, dense, subject_of
from hardzero.analysis.result import Result
from hardzero.analysis.style import color, finish, name_places, new_axes
from hardzero.unusable_targets import refuse_unusable_targets

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

VALUE_BYTES = 4
"""A float32 activation."""
INDEX_BYTES = 4
"""An int32 column index, or row pointer, of CSR."""


@dataclass(frozen=True)
class RepresentationSize(Result):
    """The result of `representation_size`.

    Attributes
    ----------
    n_units : dict of str to int
        Units of each layer.
    active_units : dict of str to ndarray of shape (n_samples,)
        Active units of each layer for each input.
    classes : ndarray of shape (n_samples,) or None
        Class of each input.
    input_bytes : ndarray of shape (n_samples,)
        Size of each input at 8 bits an entry after lossless compression (DEFLATE): a rough measure of the
        information in it.
    """

    n_units: dict[str, int]
    active_units: dict[str, NDArray[np.int64]]
    classes: NDArray[Any] | None
    input_bytes: NDArray[np.int64]

    def csr_bytes(self, layer: str) -> NDArray[np.int64]:
        """Return the bytes of each row as CSR: a value and an index per active unit, and a row pointer."""
        return self.active_units[layer] * (VALUE_BYTES + INDEX_BYTES) + INDEX_BYTES

    def packed_bytes(self, layer: str) -> NDArray[np.int64]:
        """Return the bytes of each input's row packed: a value per active unit, and one bit per unit."""
        return self.active_units[layer] * VALUE_BYTES + -(-self.n_units[layer] // 8)

    def dense_bytes(self, layer: str) -> int:
        """Return the bytes of a dense row."""
        return self.n_units[layer] * VALUE_BYTES

    def information_correlation(self, layer: str) -> float:
        """Return Spearman's rank correlation of active units with `input_bytes`; NaN if one is constant."""
        from scipy.stats import spearmanr

        active = self.active_units[layer]
        if len(np.unique(active)) < 2 or len(np.unique(self.input_bytes)) < 2:
            return float("nan")
        return float(spearmanr(active, self.input_bytes).statistic)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each layer and class, and one for ``all`` inputs of each layer.

        Bytes are means per input; ``csr_ratio`` and ``packed_ratio`` are parts of the dense size.
        """
        import pandas as pd

        rows = []
        for layer in self.active_units:
            for name, chosen in self._groups():
                active = self.active_units[layer][chosen]
                csr, packed = self.csr_bytes(layer)[chosen].mean(), self.packed_bytes(layer)[chosen].mean()
                rows.append(
                    {
                        "layer": layer,
                        "class": name,
                        "inputs": len(active),
                        "active_mean": active.mean(),
                        "active_5th_percentile": np.percentile(active, 5),
                        "active_95th_percentile": np.percentile(active, 95),
                        "csr_bytes": csr,
                        "packed_bytes": packed,
                        "dense_bytes": self.dense_bytes(layer),
                        "csr_ratio": csr / self.dense_bytes(layer),
                        "packed_ratio": packed / self.dense_bytes(layer),
                        "input_bytes": self.input_bytes[chosen].mean(),
                    }
                )
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean size as CSR by class, in percent of dense; bars span the middle 90 % of inputs."""
        ax = new_axes(ax)
        groups = self._groups() if self.classes is None else self._groups()[1:]
        positions = np.arange(len(groups))
        for index, layer in enumerate(self.active_units):
            ratios = [100.0 * self.csr_bytes(layer)[chosen] / self.dense_bytes(layer) for _, chosen in groups]
            middle = np.array([ratio.mean() for ratio in ratios])
            low, high = (np.array([np.percentile(ratio, q) for ratio in ratios]) for q in (5, 95))
            shift = (index + 0.5) / len(self.active_units) - 0.5
            ax.errorbar(
                positions + 0.6 * shift,
                middle,
                np.maximum([middle - low, high - middle], 0.0),
                fmt="o",
                markersize=4.5,
                linewidth=1.6,
                color=color(index),
                label=f"{layer} ({self.n_units[layer]} units)",
            )
        ax.axhline(100.0, color="#888888", linewidth=1.0, linestyle=":", label="dense")
        name_places(ax, [name for name, _ in groups])
        ax.set_ylim(bottom=0.0)
        return finish(ax, "class of the input", "size as CSR (% of dense)")

    def _groups(self) -> list[tuple[str, Any]]:
        groups: list[tuple[str, Any]] = [("all", slice(None))]
        if self.classes is not None:
            groups += [(str(label), self.classes == label) for label in np.unique(self.classes)]
        return groups


def representation_size(
    model: Any, X: Any, y: ArrayLike | None = None, *, max_samples: int | None = 10_000, random_state: int = 0
) -> RepresentationSize:
    """Measure the size of each input's hidden representation as CSR and packed, against dense.

    Glorot et al. (2011, section 2.2): sparse representations are of variable size, and inputs that hold more
    information can use more active units.

    Parameters
    ----------
    model : fitted hardzero estimator, hardzero.network.Network or torch.nn.Module
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), optional
        Classes, to compare the sizes of.
    max_samples : int or None, default=10000
        Inputs drawn at random from `X`.
    random_state : int, default=0

    Returns
    -------
    RepresentationSize

    Raises
    ------
    ValueError
        If `y` does not have one class for each row of `X`, none of them missing, or `X` does not suit the model.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = RectifierClassifier((64,), max_iter=20, tol=0, random_state=0).fit(X / 16, y)
    >>> representation_size(classifier, X / 16, y).dense_bytes("layer 1")
    256
    """
    subject = subject_of(model)
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    refuse_unusable_targets(y, is_classifier=True, remedy="leave these samples out, of X also, or name their class")
    classes = None if y is None else np.asarray(y)
    if classes is not None and classes.shape != (n_samples,):
        raise ValueError(f"y needs one class a row of X, shape ({n_samples},), got {classes.shape}")
    checked, chosen = checked_input(subject, X, max_samples, random_state)
    active: dict[str, list[NDArray[np.int64]]] = {}
    n_units: dict[str, int] = {}
    for _, hidden in subject.batches(checked):
        for name, activity in hidden.items():
            n_units[name] = activity.shape[1]
            active.setdefault(name, []).append(np.count_nonzero(activity, axis=1))
    return RepresentationSize(
        n_units,
        {name: np.concatenate(parts) for name, parts in active.items()},
        None if classes is None else classes[chosen],
        _compressed_bytes(checked),
    )


def _compressed_bytes(X: Any) -> NDArray[np.int64]:
    """Return the size of each row at 8 bits an entry, over the range of all entries, after DEFLATE."""
    low, high = float(X.min()), float(X.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    sizes = []
    for start in range(0, X.shape[0], 1024):
        rounded = np.rint((dense(X[start : start + 1024]) - low) * scale).astype(np.uint8)
        sizes += [len(zlib.compress(row.tobytes(), 9)) for row in rounded]
    return np.array(sizes, dtype=np.int64)
