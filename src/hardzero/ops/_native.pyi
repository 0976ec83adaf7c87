"""The compiled engine (native/bindings.cpp, native/bind_losses.cpp, native/bind_predictor.cpp)."""

from typing import overload

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LEAST_MINIBATCH: int
"""Samples of a prediction from which on weights are reused across them."""

def compiled_instruction_sets() -> list[str]:
    """Return the instruction sets that this build has kernels for, plainest first."""

def runnable_instruction_sets() -> list[str]:
    """Return those of them that this processor can run."""

def chosen_instruction_set() -> str:
    """Return the one in use: ``HARDZERO_SIMD``, or the best that this processor can run."""

class Update:
    """An update rule (hardzero.ops.updates)."""

    @staticmethod
    def gradient(decay: float) -> Update: ...
    @staticmethod
    def momentum(learning_rate: float, momentum: float, nesterov: bool, decay: float) -> Update: ...
    @staticmethod
    def adam(learning_rate: float, beta_1: float, beta_2: float, epsilon: float, decay: float) -> Update: ...

class Rows:
    """A minibatch of activations."""

    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def n_nonzero(self) -> int: ...
    def absolute_sum(self, weights: NDArray[np.float32] | None = None) -> float: ...

class LazyRows:
    """Which weight rows are behind, and by which steps."""

    def __init__(self, n_rows: int) -> None: ...

class Engine:
    """Products of layers over minibatches, updates and losses; one per Python thread."""

    groups_rows: bool

    def __init__(self, n_threads: int, instruction_set: str | None = None) -> None: ...
    n_threads: int
    @property
    def instruction_set(self) -> str: ...
    def matrix(self, n_rows: int, n_columns: int) -> Array: ...
    def take_dense(self, X: Array, samples: NDArray[np.int64] | None, first: int, last: int) -> Rows: ...
    @overload
    def take_csr(
        self,
        row_start: NDArray[np.int32],
        index: NDArray[np.int32],
        value: Array,
        n_columns: int,
        samples: NDArray[np.int64] | None,
        first: int,
        last: int,
    ) -> Rows: ...
    @overload
    def take_csr(
        self,
        row_start: NDArray[np.int64],
        index: NDArray[np.int64],
        value: Array,
        n_columns: int,
        samples: NDArray[np.int64] | None,
        first: int,
        last: int,
    ) -> Rows: ...
    def take_activations(self, values: Array, slope: Array | None) -> Rows: ...
    def affine(self, rows: Rows, weights: Array, bias: Array) -> Array: ...
    def rectified(self, rows: Rows, weights: Array, bias: Array, signs: Array | None) -> Rows: ...
    def dropout(self, rows: Rows, threshold: int, scale: float, seed: int) -> Rows: ...
    def csr_parts(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int32], Array]: ...
    def dense(self, rows: Rows) -> Array: ...
    def backward(
        self,
        rows: Rows,
        delta: Array,
        weights: Array,
        bias: Array,
        weight_state: list[Array],
        bias_state: list[Array],
        update: Update,
        activation_l1: float | Array,
        input_delta: bool,
        lazy: LazyRows | None,
    ) -> Array | None: ...
    def softmax_loss(self, scores: Array, targets: Array, sample_weight: Array | None) -> tuple[float, Array]: ...
    def logistic_loss(self, scores: Array, targets: Array, sample_weight: Array | None) -> tuple[float, Array]: ...
    def catch_up(self, rows: Rows | None, weights: Array, weight_state: list[Array], lazy: LazyRows) -> None: ...

class Predictor:
    """A network packed for prediction, in one of three precisions; safe to use from several threads."""

    @property
    def bytes(self) -> int: ...
    def __init__(self, precision: str, output_activation: str, instruction_set: str | None = None) -> None: ...
    def add_layer(self, weights: Array, bias: Array, activation: str | None, parameters: list[float]) -> None: ...
    def run(self, X: Array, predictions: bool, n_threads: int) -> Array: ...
    def run_csr(
        self,
        row_start: NDArray[np.int32],
        index: NDArray[np.int32],
        value: Array,
        n_columns: int,
        predictions: bool,
        n_threads: int,
    ) -> Array: ...
    def active_units(self, X: Array, n_threads: int) -> NDArray[np.int32]: ...
    def active_units_csr(
        self,
        row_start: NDArray[np.int32],
        index: NDArray[np.int32],
        value: Array,
        n_columns: int,
        n_threads: int,
    ) -> NDArray[np.int32]: ...
