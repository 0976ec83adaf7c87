"""The readable specification of `Ops`, in NumPy and SciPy."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from hardzero.ops.layout import padded_zeros
from hardzero.ops.random_bits import keep_entries
from hardzero.ops.updates import Parameters, Update, apply_update

if TYPE_CHECKING:
    from hardzero.activations import Activation

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ReferenceRows:
    """A minibatch of activations.

    Attributes
    ----------
    values : ndarray or csr_array of shape (n_samples, n_units), float32
    slope : ndarray of shape (n_samples, n_units) or float
        Derivative of each entry by its pre-activation. A number stands for a rectifier: that number times
        the sign of the entry.
    """

    values: Array | csr_array
    slope: Array | float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and units."""
        rows, columns = self.values.shape
        return rows, columns

    @property
    def n_nonzero(self) -> int:
        """Number of entries that are not exactly zero."""
        return int(self.values.nnz if isinstance(self.values, csr_array) else np.count_nonzero(self.values))

    def absolute_sum(self, weights: Array | None = None) -> float:
        """Return the sum of all absolute values, each row times its weight where weights are given."""
        sums = np.asarray(abs(self.csr()).sum(axis=1, dtype=np.float64)).ravel()
        return float(sums.sum() if weights is None else sums @ weights)

    def dense(self) -> Array:
        """Return the activations as an array."""
        return self.values.toarray() if isinstance(self.values, csr_array) else self.values

    def csr(self) -> csr_array:
        """Return the activations as CSR."""
        return self.values if isinstance(self.values, csr_array) else csr_array(self.values)

    def sign(self) -> Array:
        """Return the sign of each entry; NaN stays NaN."""
        return np.sign(self.dense())

    def slopes(self) -> Array:
        """Return the slope of each entry as an array."""
        if isinstance(self.slope, np.ndarray):
            return self.slope
        return np.float32(self.slope) * self.sign()


class ReferenceOps:
    """NumPy and SciPy, one line per formula; the oracle of the tests."""

    name = "reference"

    def __init__(self, n_threads: int = 1) -> None:
        self.n_threads = n_threads

    def matrix(self, n_rows: int, n_columns: int) -> Array:
        """Return a matrix of zeros; see `Ops.matrix`."""
        return padded_zeros(n_rows, n_columns)

    def prepare(self, X: Array | csr_array) -> Array | csr_array:
        """Return `X` as it is; see `Ops.prepare`."""
        return csr_array(X) if issparse(X) else X

    def rows(self, X: Array | csr_array, samples: NDArray[np.intp] | slice | None = None) -> ReferenceRows:
        """Take a minibatch of network input; see `Ops.rows`."""
        X = self.prepare(X)
        return ReferenceRows(X if samples is None else X[samples])

    def dropout(self, rows: ReferenceRows, rate: float, seed: int, scale: float | None = None) -> ReferenceRows:
        """Set entries to zero at random; see `Ops.dropout`."""
        if rate == 0.0:
            return rows
        n_samples, n_units = rows.shape
        scale = 1.0 / (1.0 - rate) if scale is None else scale
        if isinstance(rows.values, csr_array):
            entries = rows.values.tocoo()
            keep = keep_entries(entries.row, entries.col, n_units, rate, seed)
            kept = csr_array(
                (entries.data[keep] * np.float32(scale), (entries.row[keep], entries.col[keep])),
                shape=rows.shape,
            )
            return replace(rows, values=kept, slope=rows.slope * scale)
        sample, unit = np.indices((n_samples, n_units), sparse=True)
        factor = keep_entries(sample, unit, n_units, rate, seed) * np.float32(scale)
        return replace(rows, values=rows.values * factor, slope=rows.slope * factor)

    def affine(self, rows: ReferenceRows, weights: Array, bias: Array) -> Array:
        """Return ``rows @ weights + bias``; see `Ops.affine`."""
        return np.asarray(rows.values @ weights + bias, dtype=np.float32)

    def hidden(
        self, rows: ReferenceRows, weights: Array, bias: Array, activation: Activation, *, slopes: bool = True
    ) -> ReferenceRows:
        """Return the activations of a hidden layer; see `Ops.hidden`."""
        z = self.affine(rows, weights, bias)
        if activation.is_rectifier:
            return ReferenceRows(csr_array(activation.value(z)))
        return ReferenceRows(*activation.value_and_slope(z)) if slopes else ReferenceRows(activation.value(z))

    def backward(
        self,
        rows: ReferenceRows,
        delta: Array,
        parameters: Parameters,
        update: Update,
        *,
        activation_l1: float | Array = 0.0,
        input_delta: bool = True,
    ) -> Array | None:
        """Pass `delta` back through a layer and update it; see `Ops.backward`."""
        passed_back = None
        if input_delta:
            by_activation = delta @ parameters.weights.T + _column(activation_l1) * rows.sign()
            passed_back = by_activation * rows.slopes()
        gradient = rows.values.T @ delta + np.float32(update.decay) * parameters.weights
        apply_update(update, parameters.weights, gradient, parameters.weight_state)
        apply_update(update, parameters.bias, delta.sum(axis=0), parameters.bias_state)
        return passed_back

    def softmax_loss(self, scores: Array, targets: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """Return the cross-entropy of a softmax and its derivative; see `Ops.softmax_loss`."""
        shifted = scores - scores.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(axis=1, keepdims=True)
        losses = np.log(totals[:, 0]) * targets.sum(axis=1) - (shifted * targets).sum(axis=1)
        return _mean(losses, exponentials / totals - targets, sample_weight)

    def logistic_loss(self, scores: Array, targets: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """Return the cross-entropy of logistic outputs and its derivative; see `Ops.logistic_loss`."""
        decay = np.exp(-np.abs(scores))
        losses = np.maximum(scores, 0) - scores * targets + np.log1p(decay)
        predictions = np.where(scores < 0, decay, np.float32(1)) / (1 + decay)
        return _mean(losses.sum(axis=1), predictions - targets, sample_weight)

    def lazy_updates(self, parameters: Parameters) -> AbstractContextManager[None]:
        """Leave every update as it is; see `Ops.lazy_updates`."""
        return nullcontext()

    def grouped_rows(self) -> AbstractContextManager[None]:
        """Change nothing; see `Ops.grouped_rows`."""
        return nullcontext()

    def catch_up(self, rows: ReferenceRows, parameters: Parameters) -> None:
        """Do nothing: no row is ever behind."""


def _mean(losses: Array, derivatives: Array, sample_weight: Array | None) -> tuple[float, Array]:
    """Return the weighted mean over samples of their losses, and its derivative given those of each loss."""
    weights = np.ones(len(losses)) if sample_weight is None else sample_weight.astype(np.float64)
    shares = weights / weights.sum()
    return float(losses @ shares), derivatives * _column(shares)


def _column(per_sample: float | NDArray[np.floating]) -> Array:
    """Return one number, or one for each sample, as a factor of rows."""
    return np.asarray(per_sample, dtype=np.float32).reshape(-1, 1)
