"""How training time follows width, density and minibatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from hardzero.benchmarks.timing import alternate
from hardzero.ops import get_ops
from hardzero.ops.updates import Momentum, Parameters

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ScalingPoint:
    """One layer's training step: product forward, products backward, update.

    Attributes
    ----------
    varied : str
        What changes along the series: ``width``, ``density`` or ``minibatch``.
    width, batch_size : int
        Inputs and outputs of the square layer; samples.
    n_active : float
        Active units a sample.
    ours, dense : float
        Seconds a step, ours and NumPy's BLAS on the same layer, medians of alternating runs.
    """

    varied: str
    width: int
    batch_size: int
    n_active: float
    ours: float
    dense: float

    @property
    def ratio(self) -> float:
        """Return how many times faster than dense the step is."""
        return self.dense / self.ours


def scaling_points(n_threads: int = 2) -> Iterator[ScalingPoint]:
    """Yield the three series: width at 100 active units, density at width 1024, minibatch at 10 % density."""
    for width in (256, 512, 1024, 2048, 4096, 8192):
        yield _measure("width", width, 128, 100 / width, n_threads)
    for density in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        yield _measure("density", 1024, 128, density, n_threads)
    for batch_size in (1, 4, 16, 64, 256, 1024, 4096):
        yield _measure("minibatch", 1024, batch_size, 0.1, n_threads)


def _measure(varied: str, width: int, batch_size: int, density: float, n_threads: int) -> ScalingPoint:
    random = np.random.default_rng(0)
    H = random.random((batch_size, width), dtype=np.float32)
    H[random.random(H.shape) >= density] = 0
    delta = random.standard_normal((batch_size, width), dtype=np.float32)
    with threadpool_limits(n_threads, user_api="blas"):
        times = alternate(
            {"ours": _our_step(H, delta, n_threads), "dense": _dense_step(H, delta)},
            n_turns=5,
            least_seconds=0.05,
        )
    n_active = np.count_nonzero(H) / batch_size
    return ScalingPoint(varied, width, batch_size, n_active, times.median("ours"), times.median("dense"))


def _our_step(H: Array, delta: Array, n_threads: int) -> Callable[[], object]:
    ops = get_ops(n_threads)
    width = H.shape[1]
    parameters = Parameters(ops.matrix(width, width), np.zeros(width, dtype=np.float32))
    parameters.weights[...] = 0.01
    padded_delta = ops.matrix(*delta.shape)
    padded_delta[...] = delta
    sparse = csr_array(H)
    update = Momentum(1e-9)

    def step() -> None:
        rows = ops.rows(sparse)
        with ops.grouped_rows():
            ops.affine(rows, parameters.weights, parameters.bias)
        ops.backward(rows, padded_delta, parameters, update)

    return step


def _dense_step(H: Array, delta: Array) -> Callable[[], object]:
    weights = np.full((H.shape[1], H.shape[1]), 0.01, dtype=np.float32)

    def step() -> None:
        _ = H @ weights
        _ = delta @ weights.T
        gradient = H.T @ delta
        gradient *= 1e-9
        np.subtract(weights, gradient, out=weights)

    return step
