"""The L1 penalty on activations, and the controller that steers it to a target sparsity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log, sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLOSE = 0.2
"""Distance from the target, in the logarithm of the active part, within which losses of epochs can be compared."""

OBSERVED_SAMPLES = 64
"""Samples between two looks at the zeros in a long run: looks at every few samples cost time and add noise."""

LEAST_ACTIVE = 1e-4
"""Active part that a layer with fewer active units is taken to have, so that the logarithm stays finite."""


CONTROLLER_STATE = ("coefficients", "logs", "zeros", "log_start", "n_steps", "last_progress")
"""What a `SparsityController` learns."""


class ActivationPenalty(ABC):
    """Decides the coefficient of the L1 penalty on each hidden layer's activations, step by step.

    The penalty of a layer is its coefficient times the sum of absolute activations over units, averaged over
    samples (Glorot, Bordes and Bengio 2011, section 3.2).
    """

    coefficients: list[float]
    bias_shifts: Sequence[float] = ()
    """What each hidden layer's biases move by after a step; empty where they are left alone."""
    has_target: ClassVar[bool] = False
    """Whether a fraction of zeros is asked for."""

    @property
    def settled(self) -> bool:
        """Whether the target stands still, so that the loss of one epoch can be compared with that of another."""
        return True

    @property
    def final_zeros(self) -> Sequence[float] | None:
        """The fraction of zeros that each hidden layer should have if training ended now; None if none is asked for."""
        return None

    @property
    @abstractmethod
    def wanted(self) -> tuple[str, list[float]]:
        """What was asked for: ``coefficients`` or ``targets``, with the values."""

    @abstractmethod
    def observe(self, zeros: Floats, progress: float, n_samples: int) -> bool:
        """Learn the fraction of zeros per hidden layer in a minibatch, at `progress` of the run (0 to 1).

        Return whether biases are to be moved by `bias_shifts`.
        """

    def state(self) -> dict[str, Any]:
        """Return what has been learned so far, by name: numbers and lists of numbers, one a layer."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name, value in state.items():
            setattr(self, name, value)


@dataclass
class FixedPenalty(ActivationPenalty):
    """The same coefficients throughout training."""

    coefficients: list[float]

    @property
    def wanted(self) -> tuple[str, list[float]]:
        """The coefficients."""
        return "coefficients", list(self.coefficients)

    def observe(self, zeros: Floats, progress: float, n_samples: int) -> bool:
        """Do nothing: the coefficients are fixed."""
        return False


@dataclass
class SparsityController(ActivationPenalty):
    """Steers each hidden layer's fraction of zeros to its target.

    Everything is counted in the logarithm of the active part, 1 - zeros: from 4 % active to 2 % is as far as from
    40 % to 20 %. In this measure the set point moves from the untrained network to the target over the first `ramp` of
    training, with the square root of the time: the first zeros come easily, the last ones change the features and need
    more of it. It is early, so that the network finds its sparse features while the learning rate is high, but takes
    no fewer than `fewest_steps` steps, in which a few units that are always on would take over the work of all.

    The L1 coefficient is set by a proportional-integral controller on its own logarithm, so that values over
    many orders of magnitude are found without tuning. The penalty can only add zeros. A layer that has too many of
    them without any penalty is woken by a common shift of its biases. Biases are not shifted otherwise: shifts that
    make up for each overshoot of the penalty let it grow tenfold, at a loss of accuracy. What is missing at the end of
    training, when weights hardly move any more, is left to `hardzero.calibration.calibrate`.

    In long runs on small minibatches the controller looks at the zeros once in `OBSERVED_SAMPLES` samples.

    Parameters
    ----------
    targets : sequence of float
        Wanted fraction of zeros for each hidden layer.
    ramp : float, default=0.3
        Part of the run after which the set point equals the target.
    fewest_steps : int, default=300
        Least number of steps of the ramp.
    longest_ramp : float, default=0.7
        Part of the run after which the set point equals the target even if these are fewer than `fewest_steps` steps.
    integral_gain : float, default=120.0
        Growth of the logarithm of a coefficient over the whole run for each unit of superfluous activity in the
        logarithm. Counted over the run, not per step, so that short and long runs are steered alike. On MNIST half
        of the default does as well.
    largest_step_gain : float, default=0.13
        Bound of the integral gain per look: the zeros answer with a delay of some steps, and in a run of few
        hundred steps the controller would overshoot.
    proportional_gain : float, default=2.0
        Immediate change of the logarithm of a coefficient; damps the swings of the integral.
    bias_gain : float, default=0.05
        Shift of the biases per look where zeros are too many without a penalty.
    smoothing : float, default=0.25
        Weight of a new minibatch in the running fraction of zeros.
    smallest, largest : float, default=1e-5, 1.0
        Bounds of the coefficients. Below the smallest there is no penalty at all, since Adam magnifies even the
        smallest one once the loss itself has vanished.
    """

    targets: Sequence[float]
    ramp: float = 0.3
    fewest_steps: int = 300
    longest_ramp: float = 0.7
    integral_gain: float = 120.0
    largest_step_gain: float = 0.13
    proportional_gain: float = 2.0
    bias_gain: float = 0.05
    smoothing: float = 0.25
    smallest: float = 1e-5
    largest: float = 1.0
    coefficients: list[float] = field(init=False)
    bias_shifts: list[float] = field(init=False)
    has_target: ClassVar[bool] = True
    zeros: list[float] = field(init=False)
    log_start: list[float] = field(init=False)
    logs: list[float] = field(init=False)
    n_steps: int = field(default=0, init=False)
    last_progress: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.coefficients = [0.0] * len(self.targets)
        self.zeros, self.log_start = [], []
        self.bias_shifts = [0.0] * len(self.targets)
        self._bounds = log(self.smallest), log(self.largest)
        # A longer pause would run into the bound of the gain: short runs are looked at in every step.
        self._longest_pause = self.largest_step_gain / self.integral_gain
        self._log_targets = [log(max(1.0 - target, LEAST_ACTIVE)) for target in self.targets]
        self.logs = [self._bounds[0]] * len(self.targets)

    @property
    def wanted(self) -> tuple[str, list[float]]:
        """The targets."""
        return "targets", list(self.targets)

    @property
    def settled(self) -> bool:
        """Whether the set point equals the target, and all layers are close to it."""
        layers = range(len(self.targets))
        return self.final_zeros is not None and all(abs(self._excess(layer, 1.0)) < CLOSE for layer in layers)

    @property
    def final_zeros(self) -> Sequence[float] | None:
        """The targets, once the set point equals them."""
        return self.targets if self._ramped(self.last_progress) == 1.0 else None

    def state(self) -> dict[str, Any]:
        """Return what has been learned so far; the rest are settings."""
        return {name: getattr(self, name) for name in CONTROLLER_STATE if getattr(self, name)}

    # Plain numbers: for a handful of layers they take a fraction of the time of NumPy's, which small networks notice.
    def observe(self, zeros: Floats, progress: float, n_samples: int) -> bool:
        """Move coefficients, and biases where they must help, towards the set point for this part of the run."""
        self.n_steps += 1
        enough_samples = self.n_steps * n_samples % OBSERVED_SAMPLES < n_samples
        if not enough_samples and progress - self.last_progress < self._longest_pause:
            return False
        observed = [max(layer_zeros, 0.0) for layer_zeros in zeros.tolist()]
        if not self.zeros:
            self.log_start = [log(max(1.0 - zeros, LEAST_ACTIVE)) for zeros in map(min, observed, self.targets)]
            self.zeros = observed
        # Training that goes on after its end keeps the target.
        progress = max(progress, self.last_progress)
        ramped = self._ramped(progress)
        gain = min(self.integral_gain * (progress - self.last_progress), self.largest_step_gain)
        self.last_progress = progress
        for layer, layer_zeros in enumerate(observed):
            self._steer(layer, layer_zeros, ramped, gain)
        return any(self.bias_shifts)

    def _ramped(self, progress: float) -> float:
        """Return how much of its way, from 0 to 1, the set point has come."""
        by_steps = min(progress / self.ramp, (self.n_steps - 1) / self.fewest_steps)
        return sqrt(min(max(by_steps, progress / self.longest_ramp), 1.0))

    def _excess(self, layer: int, ramped: float) -> float:
        """Return the logarithm of a layer's active part over the set point."""
        wanted = self.log_start[layer] * (1.0 - ramped) + self._log_targets[layer] * ramped
        return log(max(1.0 - self.zeros[layer], LEAST_ACTIVE)) - wanted

    def _steer(self, layer: int, zeros: float, ramped: float, gain: float) -> None:
        """Set a layer's coefficient and shift."""
        self.zeros[layer] += self.smoothing * (zeros - self.zeros[layer])
        excess = self._excess(layer, ramped)
        lower, upper = self._bounds
        integral = self.logs[layer] = min(max(self.logs[layer] + gain * excess, lower), upper)
        logarithm = min(integral + self.proportional_gain * excess, upper)
        active = logarithm > lower
        self.coefficients[layer] = exp(logarithm) if active else 0.0
        self.bias_shifts[layer] = 0.0 if active or excess > 0.0 else -self.bias_gain * excess
