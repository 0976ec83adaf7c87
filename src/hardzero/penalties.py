"""The L1 penalty on activations, and the controller that steers it to a target sparsity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REACHED = 0.01
"""Distance from the target, as a fraction of units, at which a layer's zeros count as reached."""


class ActivationPenalty(ABC):
    """Decides the coefficient of the L1 penalty on each hidden layer's activations, step by step.

    The penalty of a layer is its coefficient times the sum of absolute activations over units, averaged over
    samples (Glorot, Bordes and Bengio 2011, section 3.2).
    """

    coefficients: list[float]
    bias_shifts: Sequence[float] = ()
    """What each hidden layer's biases move by after a step; empty where they are left alone."""
    settled: bool = True
    """Whether the target stands still, so that the loss of one epoch can be compared with that of another."""

    @abstractmethod
    def observe(self, zeros: Floats, progress: float) -> None:
        """Learn the fraction of zeros per hidden layer in a minibatch, at `progress` of the run (0 to 1)."""


@dataclass
class FixedPenalty(ActivationPenalty):
    """The same coefficients throughout training."""

    coefficients: list[float]

    def observe(self, zeros: Floats, progress: float) -> None:
        """Do nothing: the coefficients are fixed."""


@dataclass
class SparsityController(ActivationPenalty):
    """Steers each hidden layer's fraction of zeros to its target.

    The set point moves from the zeros of the untrained network to the target over the first `ramp` of training:
    features form before they are thinned out, and the rest of the run is left to recover accuracy at the target.
    Two means follow it. The L1 coefficient is set by a proportional-integral controller on its logarithm, so that
    values over many orders of magnitude are found without tuning. It can only add zeros, and only while the
    learning rate moves weights; so a layer with too many zeros, and the last point or two after the ramp, are
    corrected by a common shift of the layer's biases, which works both ways.

    Parameters
    ----------
    targets : sequence of float
        Wanted fraction of zeros for each hidden layer.
    ramp : float, default=0.4
        Part of the run after which the set point equals the target.
    integral_gain : float, default=300.0
        Growth of the logarithm of a coefficient over the whole run for each unit of missing zeros. Counted over
        the run, not per step, so that short and long runs are steered alike.
    largest_step_gain : float, default=0.4
        Bound of the integral gain per step: the zeros answer with a delay of some steps, and in a run of few
        hundred steps the controller would overshoot.
    proportional_gain : float, default=5.0
        Immediate change of the logarithm per unit of missing zeros; damps the swings of the integral.
    bias_gain : float, default=0.1
        Shift of the biases per step and unit of missing zeros.
    smoothing : float, default=0.25
        Weight of a new minibatch in the running fraction of zeros.
    smallest, largest : float, default=1e-5, 1.0
        Bounds of the coefficients. Below the smallest there is no penalty at all, since Adam magnifies even the
        smallest one once the loss itself has vanished.
    """

    targets: Sequence[float]
    ramp: float = 0.4
    integral_gain: float = 300.0
    largest_step_gain: float = 0.4
    proportional_gain: float = 5.0
    bias_gain: float = 0.1
    smoothing: float = 0.25
    smallest: float = 1e-5
    largest: float = 1.0
    coefficients: list[float] = field(init=False)
    settled: bool = field(default=False, init=False)
    zeros: Floats = field(init=False)
    start: Floats | None = field(default=None, init=False)
    logs: Floats = field(init=False)
    last_progress: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.coefficients = [0.0] * len(self.targets)
        self.zeros = np.zeros(len(self.targets))
        self.logs = np.full(len(self.targets), np.log(self.smallest))

    def observe(self, zeros: Floats, progress: float) -> None:
        """Move coefficients and biases towards the set point for this part of the run."""
        targets = np.asarray(self.targets)
        if self.start is None:
            self.start = np.minimum(zeros, targets)
            self.zeros = zeros.copy()
        self.zeros += self.smoothing * (zeros - self.zeros)
        ramped = min(progress / self.ramp, 1.0)
        missing = self.start + (targets - self.start) * ramped - self.zeros
        self._move_coefficients(missing, progress)
        correct = missing if ramped == 1.0 else np.minimum(missing, 0.0)
        self.bias_shifts = (-self.bias_gain * correct).tolist()
        self.settled = ramped == 1.0 and bool(np.all(np.abs(missing) < REACHED))

    def _move_coefficients(self, missing: Floats, progress: float) -> None:
        gain = min(self.integral_gain * max(progress - self.last_progress, 0.0), self.largest_step_gain)
        self.last_progress = progress
        bounds = np.log(self.smallest), np.log(self.largest)
        self.logs = np.clip(self.logs + gain * missing, *bounds)
        logs = np.clip(self.logs + self.proportional_gain * missing, *bounds)
        self.coefficients = np.where(logs > bounds[0], np.exp(logs), 0.0).tolist()
