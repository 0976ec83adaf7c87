"""The lean prediction path: a trained network packed for microsecond calls."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import ACTIVATIONS, SOFTPLUS_REACH, Activation, LeakyIntegrateAndFire, Softplus, is_built_in
from hardzero.network import Layer, Network
from hardzero.ops import MOST_THREADS, Ops, _native, get_ops
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float32]

PRECISIONS = ("float32", "bfloat16", "int8")

LEAST_ACTIVATIONS = 5000
"""Units times samples from which on NumPy's functions, quicker a value and slower a call, are quicker on the whole."""


@dataclass(frozen=True)
class Cost:
    """What predictions cost, sample by sample; see `Predictor.cost`.

    Attributes
    ----------
    active : ndarray of shape (n_samples, n_layers), int32
        Non-zero inputs of each layer: features first, then the units of each hidden layer.
    multiply_adds : ndarray of shape (n_samples, n_layers), int64
        Multiply-adds of each layer: active inputs times outputs.
    dense_multiply_adds : ndarray of shape (n_layers,), int64
        Multiply-adds if no zero were skipped.
    """

    active: NDArray[np.int32]
    multiply_adds: NDArray[np.int64]
    dense_multiply_adds: NDArray[np.int64]

    @property
    def share(self) -> NDArray[np.float64]:
        """Part of the dense multiply-adds that each sample needs, shape (n_samples,)."""
        return np.asarray(self.multiply_adds.sum(axis=1) / self.dense_multiply_adds.sum())


class Predictor:
    """A network packed for prediction: arrays in, scores out.

    A copy: later training does not change it. Calls check nothing but shape and dtype, keep their scratch memory,
    and may come from several threads at once. A sample (as CSR with sorted indices) has the same bits alone and in a
    minibatch if all hidden units are rectifiers; with others, minibatches take NumPy's functions, from weights kept
    beside the packed ones.

    Parameters
    ----------
    network : Network
    precision : {"float32", "bfloat16", "int8"}, default="float32"
        How weights are stored. A single sample waits for weights to arrive from memory, so halving them
        (``bfloat16``, three significant digits) or quartering them (``int8``, one scale per row) saves time. Sums are
        float32 in any case. Narrow weights serve single samples; minibatches are fastest in ``float32``.
    n_threads : int, default=1
        Threads that share the samples of one call; a single sample always uses one.

    Raises
    ------
    ValueError
        If the precision is unknown, `n_threads` is not positive, or an activation is not one of hardzero's own.

    Examples
    --------
    >>> import numpy as np
    >>> from hardzero import RectifierClassifier
    >>> X = np.eye(4, dtype=np.float32)
    >>> classifier = RectifierClassifier(8, solver="lbfgs", random_state=0).fit(X, [0, 1, 2, 0])
    >>> predict = classifier.to_predictor()
    >>> bool(np.allclose(predict(X), classifier.predict_proba(X), atol=1e-6))
    True
    """

    def __init__(self, network: Network, *, precision: str = "float32", n_threads: int = 1) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
        self.precision = precision
        self.n_threads = n_threads
        self.n_features = network.n_features
        self._packed = _native.Predictor(precision, network.loss.output_activation)
        for layer in network.hidden_layers:
            name, constants = _function(layer.activation)
            self._packed.add_layer(layer.parameters.weights, layer.parameters.bias, name, constants)
        self._packed.add_layer(network.output.weights, network.output.bias, None, [])
        # NumPy computes tanh and its like many times faster than the C library does, one value at a time.
        rectifiers = all(layer.activation.is_rectifier for layer in network.hidden_layers)
        self._smooth_network = None if rectifiers or precision != "float32" else _frozen(network)
        self._per_thread = threading.local()
        shapes = [layer.weights.shape for layer in network.parameters]
        self._n_units = sum(n_outputs for _, n_outputs in shapes[:-1])
        self._n_outputs = np.array([n_outputs for _, n_outputs in shapes], dtype=np.int64)
        self._dense = np.array([n_inputs * n_outputs for n_inputs, n_outputs in shapes], dtype=np.int64)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Refuse to be pickled: packed weights have no form but the model's."""
        raise TypeError("a Predictor cannot be pickled: save the model, and call to_predictor() where it is loaded")

    @property
    def n_bytes(self) -> int:
        """Memory of the packed weights, and of those kept beside them for minibatches of smooth units."""
        smooth = self._smooth_network.parameters if self._smooth_network is not None else []
        return self._packed.bytes + sum(layer.weights.nbytes + layer.bias.nbytes for layer in smooth)

    def __call__(self, X: Any) -> Array:
        """Return predictions: probabilities of classes or labels, or targets.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features) or CSR matrix without duplicates
            Fastest as C-contiguous float32; anything else is converted.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs), float32
            The output function of the scores; for two classes one column, the probability of the second.

        Raises
        ------
        ValueError or TypeError
            If the shape does not fit, or the values are no real numbers.
        """
        return self._run(X, True)

    def scores(self, X: Any) -> Array:
        """Return what `__call__` does before the output function (softmax, logistic or exponential)."""
        return self._run(X, False)

    def cost(self, X: Any) -> Cost:
        """Return how many units are active and how many multiply-adds are done, for each sample and layer.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features) or CSR matrix
            Converted to float32; stored zeros are no active features.

        Returns
        -------
        Cost

        Raises
        ------
        ValueError or TypeError
            If the shape does not fit, or the values are no real numbers.
        """
        if _is_sparse(X):
            rows = _as_csr(X).copy()
            rows.sum_duplicates()
            rows.eliminate_zeros()
            active = self._packed.active_units_csr(*_csr_parts(rows), self._n_threads)
        else:
            active = self._packed.active_units(np.ascontiguousarray(_as_array(X)), self._n_threads)
        return Cost(active, active.astype(np.int64) * self._n_outputs, self._dense)

    @property
    def n_threads(self) -> int:
        """Threads that share the work of a call."""
        return self._n_threads

    @n_threads.setter
    def n_threads(self, n_threads: int) -> None:
        if not isinstance(n_threads, int | np.integer) or n_threads < 1:
            raise ValueError(f"n_threads must be a whole number of at least 1, got {n_threads!r}")
        self._n_threads = min(int(n_threads), MOST_THREADS)

    def _run(self, X: Any, predictions: bool) -> Array:
        if not isinstance(X, np.ndarray):
            if not _is_sparse(X):
                X = _as_array(X)
            elif cast(Any, X).format != "csr":
                X = _as_csr(X)
        if self._smooth_network is not None and self._is_minibatch(X):
            return self._run_smooth(self._smooth_network, X, predictions)
        if isinstance(X, np.ndarray):
            try:
                return self._packed.run(X, predictions, self._n_threads)
            except TypeError:
                return self._packed.run(_as_array(X), predictions, self._n_threads)
        try:
            return self._run_csr(X, predictions)
        except (TypeError, IndexError):
            return self._run_csr(_as_csr(X), predictions)

    def _run_csr(self, X: Any, predictions: bool) -> Array:
        return self._packed.run_csr(*_csr_parts(X), predictions, self._n_threads)

    def _is_minibatch(self, X: Any) -> bool:
        """Tell whether `X` has several samples and is what the native code would accept; it names what it refuses."""
        is_real = X.dtype.kind in "fiub" and X.dtype.isnative
        if not is_real or X.ndim != 2 or X.shape[1] != self.n_features:
            return False
        n_samples: int = X.shape[0]
        return n_samples >= _native.LEAST_MINIBATCH and n_samples * self._n_units >= LEAST_ACTIVATIONS

    def _run_smooth(self, network: Network, X: Any, predictions: bool) -> Array:
        ops = self._ops()
        if isinstance(X, np.ndarray):
            X = np.ascontiguousarray(X, dtype=np.float32)
        else:
            from scipy.sparse import csr_array

            X = csr_array(X)
            X.check_format()
            X = ops.prepare(X)
        scores = network.scores(ops, X)
        return network.loss.predictions(scores) if predictions else scores

    def _ops(self) -> Ops:
        """Return the calling thread's own: they keep scratch memory."""
        if not hasattr(self._per_thread, "ops"):
            self._per_thread.ops = get_ops(self._n_threads, "native")
        ops = cast(Ops, self._per_thread.ops)
        ops.n_threads = self._n_threads
        return ops


def _csr_parts(X: Any) -> tuple[NDArray[np.int32], NDArray[np.int32], Array, int]:
    """Return CSR input as the native code takes it."""
    indptr, indices = X.indptr, X.indices
    if indptr.dtype != np.int32 or indices.dtype != np.int32:
        indptr, indices = indptr.astype(np.int32), indices.astype(np.int32)
    return indptr, indices, X.data, X.shape[1]


def _as_array(X: Any) -> Array:
    """Return input that the native code does not take as it is as an array that it takes."""
    try:
        values = np.asarray(X)
        if values.dtype.kind in "cmM":
            raise TypeError(f"dtype {values.dtype}")
        array = values.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise TypeError(f"X holds values that are no real numbers: {error}") from None
    _check_dimensions(array)
    return array


def _is_sparse(X: Any) -> bool:
    """Tell whether `X` is a sparse matrix, without importing SciPy, the slowest part of a start, where it is none."""
    # Who has made a sparse matrix has imported it.
    if isinstance(X, np.ndarray) or "scipy.sparse" not in sys.modules:
        return False
    from scipy.sparse import issparse

    return bool(issparse(X))


def _as_csr(X: Any) -> csr_array:
    """Return sparse input of another format, dtype or byte order as what the native code takes."""
    _check_dimensions(X)
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X holds values that are no real numbers: dtype {X.dtype}")
    from scipy.sparse import csr_array

    rows = csr_array(X.astype(np.float32, copy=False))
    rows.check_format()
    return rows


def _check_dimensions(X: Any) -> None:
    if X.ndim != 2:
        raise ValueError(f"X has {X.ndim} dimensions; a sample a row is expected: one sample is X.reshape(1, -1)")


def _frozen(network: Network) -> Network:
    """Return a copy without what optimizers remember."""

    def copy(parameters: Parameters) -> Parameters:
        return Parameters(padded_copy(parameters.weights), parameters.bias.copy())

    layers = [Layer(copy(layer.parameters), layer.activation) for layer in network.hidden_layers]
    return Network(layers, copy(network.output), network.loss)


def _function(activation: Activation) -> tuple[str, list[float]]:
    """Return the name and the constants by which the native code knows an activation.

    Raises
    ------
    ValueError
        If it is not one of hardzero's own: native code does not call Python.
    """
    if not is_built_in(activation):
        raise ValueError(
            f"a predictor computes hardzero's own activations only ({', '.join(ACTIVATIONS)}), not {activation!r}: "
            "use the model's predict or predict_proba, which call its Python code"
        )
    if isinstance(activation, Softplus):
        return activation.name, [activation.beta, float(SOFTPLUS_REACH)]
    if isinstance(activation, LeakyIntegrateAndFire):
        offset = activation.resting_potential - activation.threshold_potential
        gap = activation.threshold_potential - activation.reset_potential
        return activation.name, [
            activation.refractory_time,
            activation.time_constant,
            offset,
            gap,
            activation.resistance,
        ]
    return activation.name, []
