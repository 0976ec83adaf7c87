"""L-BFGS over the whole training set, by SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from hardzero.interruption import interrupted
from hardzero.losses import total_weight
from hardzero.network import PREDICTION_ROWS, Input, Network
from hardzero.ops import Ops
from hardzero.ops.updates import Gradient, Parameters
from hardzero.threads import ONE_BLAS_THREAD

Array = NDArray[np.float32]
Vector = NDArray[np.float64]


@dataclass
class FullBatchObjective:
    """Mean loss of a network over a training set, with penalties, and its gradient, given one vector.

    Attributes
    ----------
    network : Network
    ops : Ops
    X : ndarray or csr_array of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
    alpha : float
        L2 coefficient; the penalty is ``alpha / 2 / n_samples`` times the sum of squared weights.
    activation_l1 : sequence of float
    """

    network: Network
    ops: Ops
    X: Input
    targets: Array
    sample_weight: Array | None
    alpha: float
    activation_l1: Sequence[float]
    _gradient: Network = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._gradient = self.network.with_room_for_gradient()

    def pack(self) -> Vector:
        """Return the network's parameters as one vector."""
        return _concatenate(self.network.parameters)

    def unpack(self, vector: Vector) -> None:
        """Set the network's parameters from one vector."""
        start = 0
        for layer in self.network.parameters:
            for array in (layer.weights, layer.bias):
                array[...] = vector[start : start + array.size].reshape(array.shape)
                start += array.size

    # A loss that is not finite is reported at the end, not by warnings on the way.
    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, vector: Vector) -> tuple[float, Vector]:
        """Return the objective and its gradient at `vector`."""
        self.unpack(vector)
        n_samples = self.X.shape[0]
        weight_of_all = total_weight(n_samples, self.sample_weight)
        objective = 0.5 * self.alpha * self.network.sum_of_squares() / weight_of_all
        gradient = np.zeros_like(vector)
        for start in range(0, n_samples, PREDICTION_ROWS):
            loss, share, chunk_gradient = self._chunk(
                slice(start, min(start + PREDICTION_ROWS, n_samples)), weight_of_all
            )
            objective += loss * share
            gradient += chunk_gradient * share
        return objective, gradient

    def _chunk(self, samples: slice, weight_of_all: float) -> tuple[float, float, Vector]:
        """Return mean loss, share of the whole, and mean gradient of some samples."""
        network = self._gradient
        weights = None if self.sample_weight is None else self.sample_weight[samples]
        weight = total_weight(samples.stop - samples.start, weights)
        if weight == 0.0:
            return 0.0, 0.0, np.zeros(1)
        forward_pass = network.forward(self.ops, self.ops.rows(self.X, samples))
        targets = self.targets[samples]
        loss = network.loss.value(forward_pass.scores, targets, weights)
        loss += forward_pass.activation_penalty(self.activation_l1, weights)
        delta = network.loss.delta(forward_pass.scores, targets, weights)
        update = Gradient(self.alpha / weight_of_all)
        network.backward(self.ops, forward_pass, delta, update, self.activation_l1, weights)
        gradient = _concatenate(
            [Parameters(layer.weight_state[0], layer.bias_state[0]) for layer in network.parameters]
        )
        return loss, weight / weight_of_all, gradient


def minimize(objective: FullBatchObjective, max_iterations: int, max_function_calls: int, tol: float) -> Any:
    """Minimize the objective by L-BFGS and leave the minimum in its network.

    Returns
    -------
    object
        With the attributes ``x``, ``fun``, ``nit``, ``status`` and ``message`` of
        ``scipy.optimize.minimize(method="L-BFGS-B")``.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C came before the end of the first iteration: there is nothing to keep, the parameters are as before.

    Warns
    -----
    TrainingInterrupted
        If Ctrl-C interrupted the search; the best parameters so far are kept.
    """
    best = SimpleNamespace(x=objective.pack(), fun=np.inf, nit=0, status=0, message="interrupted")

    def remember(intermediate_result: Any) -> None:
        best.x, best.fun, best.nit = intermediate_result.x.copy(), intermediate_result.fun, best.nit + 1

    try:
        with ONE_BLAS_THREAD:
            result: Any = scipy.optimize.minimize(
                objective,
                best.x,
                method="L-BFGS-B",
                jac=True,
                callback=remember,
                options={"maxfun": max_function_calls, "maxiter": max_iterations, "gtol": tol},
            )
    except KeyboardInterrupt:
        objective.unpack(best.x)
        if not best.nit:
            raise
        interrupted(f"{best.nit} iterations; the best parameters are kept.")
        return best
    objective.unpack(result.x)
    return result


def _concatenate(layers: Sequence[Parameters]) -> Vector:
    arrays = [array.ravel() for layer in layers for array in (layer.weights, layer.bias)]
    return np.concatenate(arrays).astype(np.float64)
