"""What a backward pass does with a layer's gradient: keep it, or step along it at once.

An update is applied inside the backward pass, while a weight row is in cache, so that the engine reads and
writes each weight once per minibatch. In all rules the gradient of the weights is ``G + decay * W`` with
``G`` the mean gradient of the minibatch; biases are not decayed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.ops.layout import padded_copy

if TYPE_CHECKING:
    from hardzero.ops._native import LazyRows

Array = NDArray[np.float32]


@dataclass
class Parameters:
    """One layer's parameters and what its optimizer remembers of each of them.

    Attributes
    ----------
    weights : ndarray of shape (n_inputs, n_outputs), float32
        In the padded layout of `hardzero.ops.layout`.
    bias : ndarray of shape (n_outputs,), float32
    weight_state, bias_state : list of ndarray
        One array per quantity that the update rule keeps (`Momentum`: the velocity; `Adam`: first and second
        moment), each of the shape and layout of its parameter.
    lazy_rows : LazyRows or None
        Within `Ops.lazy_updates`: which rows of the weights have yet to take which steps.
    """

    weights: Array
    bias: Array
    weight_state: list[Array] = field(default_factory=list)
    bias_state: list[Array] = field(default_factory=list)
    lazy_rows: LazyRows | None = field(default=None, init=False, repr=False, compare=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the padded layout, which neither pickling nor copying keeps, and arrays that can be written to."""
        self.__dict__.update(state)
        self.weights = padded_copy(self.weights)
        self.weight_state = [padded_copy(array) for array in self.weight_state]
        # joblib maps the arrays of a file read-only where it is asked to.
        self.bias = np.array(self.bias)
        self.bias_state = [np.array(array) for array in self.bias_state]


@dataclass(frozen=True)
class Gradient:
    """Keep the parameters; write the gradient into the first state array of each parameter."""

    decay: float = 0.0
    n_states: int = field(default=1, init=False)


@dataclass(frozen=True)
class Momentum:
    """Stochastic gradient descent: ``v = momentum*v - learning_rate*g``; ``W += v``.

    With `nesterov` the step is ``momentum*v - learning_rate*g`` for the new ``v``. With ``momentum=0`` no
    velocity is kept: ``W -= learning_rate*g``.
    """

    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.0

    @property
    def n_states(self) -> int:
        """Number of state arrays per parameter."""
        return 1 if self.momentum else 0


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015), with the bias correction folded into `learning_rate`.

    ``m = beta_1*m + (1-beta_1)*g``; ``s = beta_2*s + (1-beta_2)*g*g``;
    ``W -= learning_rate * m / (sqrt(s) + epsilon)``.
    """

    learning_rate: float
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.0
    n_states: int = field(default=2, init=False)


Update = Gradient | Momentum | Adam


def apply_update(update: Update, parameter: Array, gradient: Array, state: list[Array]) -> None:
    """Apply an update rule to one parameter array, in place.

    Parameters
    ----------
    update : Update
    parameter : ndarray
        Changed in place, except by `Gradient`.
    gradient : ndarray of the shape of `parameter`
        Decay included, where there is any: ``update.decay`` is not looked at.
    state : list of ndarray
        The ``update.n_states`` arrays that the rule keeps of `parameter`, changed in place.
    """
    if isinstance(update, Gradient):
        state[0][...] = gradient
    elif isinstance(update, Momentum):
        step = -np.float32(update.learning_rate) * gradient
        if update.momentum:
            momentum = np.float32(update.momentum)
            velocity = state[0]
            velocity[...] = momentum * velocity + step
            step = momentum * velocity + step if update.nesterov else velocity
        parameter += step
    elif isinstance(update, Adam):
        first, second = state
        first += np.float32(1 - update.beta_1) * (gradient - first)
        second += np.float32(1 - update.beta_2) * (np.square(gradient) - second)
        parameter -= np.float32(update.learning_rate) * first / (np.sqrt(second) + np.float32(update.epsilon))
