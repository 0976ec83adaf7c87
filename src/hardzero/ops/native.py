"""`Ops` in C++: products that skip zeros, on several threads, updates fused into the backward pass, and losses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardzero.ops import _native
from hardzero.ops.random_bits import keep_threshold
from hardzero.ops.updates import Adam, Gradient, Momentum, Parameters, Update

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from hardzero.activations import Activation

Array = NDArray[np.float32]

CSR_DENSITY = 0.04
"""Dense input with a smaller share of non-zeros is kept as CSR: less to read than its zeros."""

DENSITY_ROWS = 128
"""Rows, spread evenly, by which the share of non-zeros is judged: counting all takes as long as a training step."""


class NativeRows:
    """A minibatch of activations in the engine's memory."""

    __slots__ = ("_engine", "_rows")

    def __init__(self, engine: _native.Engine, rows: _native.Rows) -> None:
        self._engine = engine
        self._rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and units."""
        return self._rows.shape

    @property
    def n_nonzero(self) -> int:
        """Number of entries that are not exactly zero."""
        return self._rows.n_nonzero

    def absolute_sum(self, weights: Array | None = None) -> float:
        """Return the sum of all absolute values, each row times its weight where weights are given."""
        return self._rows.absolute_sum(weights)

    def dense(self) -> Array:
        """Return the activations as an array."""
        return self._engine.dense(self._rows)

    def csr(self) -> csr_array:
        """Return the activations as CSR with sorted indices and no stored zero."""
        from scipy.sparse import csr_array

        row_starts, indices, values = self._engine.csr_parts(self._rows)
        return csr_array((values, indices, row_starts), shape=self.shape)


class NativeOps:
    """The engine (native/engine.h): one per Python thread.

    Parameters
    ----------
    n_threads : int, default=1
    instruction_set : str, optional
        One of `_native.runnable_instruction_sets()`; default: ``HARDZERO_SIMD``, else the best one.
    """

    name = "native"

    def __init__(self, n_threads: int = 1, instruction_set: str | None = None) -> None:
        self._engine = _native.Engine(n_threads, instruction_set)
        self._latest_update: tuple[Update, _native.Update] | None = None

    @property
    def n_threads(self) -> int:
        """Threads of the kernels."""
        return self._engine.n_threads

    @n_threads.setter
    def n_threads(self, n_threads: int) -> None:
        self._engine.n_threads = n_threads

    @property
    def instruction_set(self) -> str:
        """The instruction set in use."""
        return self._engine.instruction_set

    def matrix(self, n_rows: int, n_columns: int) -> Array:
        """Return a matrix of zeros in the padded layout, on huge pages where it is large."""
        return self._engine.matrix(n_rows, n_columns)

    def prepare(self, X: Array | csr_array) -> Array | csr_array:
        """Return `X` as a row-major array, or as canonical CSR if it is sparse or mostly zero."""
        if isinstance(X, np.ndarray):
            X = np.ascontiguousarray(X, dtype=np.float32)
            looked_at = X[:: -(-len(X) // DENSITY_ROWS) or 1]
            if np.count_nonzero(looked_at) >= CSR_DENSITY * looked_at.size:
                return X
        return _canonical_csr(X)

    def rows(self, X: Array | csr_array, samples: NDArray[np.intp] | slice | None = None) -> NativeRows:
        """Take a minibatch of network input; see `Ops.rows`."""
        first, last = 0, X.shape[0]
        if isinstance(samples, slice):
            first, last, step = samples.indices(last)
            last = max(first, last)
            samples = np.arange(first, last, step) if step != 1 else None
        if samples is not None:
            samples = np.ascontiguousarray(samples, dtype=np.int64)
        if isinstance(X, np.ndarray):
            if X.dtype != np.float32 or X.strides[1] != X.itemsize:
                X = np.ascontiguousarray(X, dtype=np.float32)
            return self._wrap(self._engine.take_dense(X, samples, first, last))
        X = _canonical_csr(X)
        return self._wrap(self._engine.take_csr(X.indptr, X.indices, X.data, X.shape[1], samples, first, last))

    def dropout(self, rows: NativeRows, rate: float, seed: int, scale: float | None = None) -> NativeRows:
        """Set entries to zero at random; see `Ops.dropout`."""
        if rate == 0.0:
            return rows
        scale = 1.0 / (1.0 - rate) if scale is None else scale
        seed &= 0xFFFFFFFFFFFFFFFF
        return self._wrap(self._engine.dropout(rows._rows, int(keep_threshold(rate)), scale, seed))

    def affine(self, rows: NativeRows, weights: Array, bias: Array) -> Array:
        """Return ``rows @ weights + bias``; see `Ops.affine`."""
        return self._engine.affine(rows._rows, weights, bias)

    def hidden(
        self, rows: NativeRows, weights: Array, bias: Array, activation: Activation, *, slopes: bool = True
    ) -> NativeRows:
        """Return the activations of a hidden layer; see `Ops.hidden`."""
        if activation.is_rectifier:
            return self._wrap(self._engine.rectified(rows._rows, weights, bias, activation.signs(weights.shape[1])))
        z = self.affine(rows, weights, bias)
        if not slopes:
            return self._wrap(self._engine.take_activations(np.ascontiguousarray(activation.value(z)), None))
        value, slope = activation.value_and_slope(z)
        return self._wrap(self._engine.take_activations(np.ascontiguousarray(value), np.ascontiguousarray(slope)))

    def backward(
        self,
        rows: NativeRows,
        delta: Array,
        parameters: Parameters,
        update: Update,
        *,
        activation_l1: float | Array = 0.0,
        input_delta: bool = True,
    ) -> Array | None:
        """Pass `delta` back through a layer and update it; see `Ops.backward`."""
        return self._engine.backward(
            rows._rows,
            delta,
            parameters.weights,
            parameters.bias,
            parameters.weight_state,
            parameters.bias_state,
            self._native_update(update),
            activation_l1,
            input_delta,
            parameters.lazy_rows,
        )

    def softmax_loss(self, scores: Array, targets: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """Return the cross-entropy of a softmax and its derivative; see `Ops.softmax_loss`."""
        return self._engine.softmax_loss(scores, targets, sample_weight)

    def logistic_loss(self, scores: Array, targets: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """Return the cross-entropy of logistic outputs and its derivative; see `Ops.logistic_loss`."""
        return self._engine.logistic_loss(scores, targets, sample_weight)

    @contextmanager
    def lazy_updates(self, parameters: Parameters) -> Iterator[None]:
        """Let the weights of idle input units miss updates; see `Ops.lazy_updates`."""
        assert parameters.lazy_rows is None, "lazy updates of one layer do not nest"
        lazy_rows = _native.LazyRows(parameters.weights.shape[0])
        try:
            parameters.lazy_rows = lazy_rows
            yield
        finally:
            try:
                self._engine.catch_up(None, parameters.weights, parameters.weight_state, lazy_rows)
            finally:
                parameters.lazy_rows = None

    @contextmanager
    def grouped_rows(self) -> Iterator[None]:
        """Let rows share work; see `Ops.grouped_rows`."""
        before = self._engine.groups_rows
        self._engine.groups_rows = True
        try:
            yield
        finally:
            self._engine.groups_rows = before

    def catch_up(self, rows: NativeRows, parameters: Parameters) -> None:
        """Bring the weights that `rows` meet up to date; see `Ops.catch_up`."""
        lazy_rows = parameters.lazy_rows
        if lazy_rows is not None:
            self._engine.catch_up(rows._rows, parameters.weights, parameters.weight_state, lazy_rows)

    def _native_update(self, update: Update) -> _native.Update:
        """Return the engine's form of an update, the latest one as it is: all layers of a step share it."""
        if self._latest_update is None or self._latest_update[0] is not update:
            self._latest_update = (update, _native_update(update))
        return self._latest_update[1]

    def _wrap(self, rows: _native.Rows) -> NativeRows:
        return NativeRows(self._engine, rows)


def _native_update(update: Update) -> _native.Update:
    if isinstance(update, Gradient):
        return _native.Update.gradient(update.decay)
    if isinstance(update, Momentum):
        return _native.Update.momentum(update.learning_rate, update.momentum, update.nesterov, update.decay)
    assert isinstance(update, Adam)
    return _native.Update.adam(update.learning_rate, update.beta_1, update.beta_2, update.epsilon, update.decay)


def _canonical_csr(X: Array | csr_array) -> csr_array:
    """Return `X` as float32 CSR with sorted, unique indices, unchanged if it is that already."""
    from scipy.sparse import csr_array

    matrix = X if isinstance(X, csr_array) else csr_array(X)
    if matrix.dtype != np.float32:
        matrix = matrix.astype(np.float32)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix
