"""The L1 penalty on activations, and the controller that steers it to a target sparsity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ActivationPenalty(ABC):
    """Decides the coefficient of the L1 penalty on each hidden layer's activations, step by step.

    The penalty of a layer is its coefficient times the sum of absolute activations over units, averaged over
    samples (Glorot, Bordes and Bengio 2011, section 3.2).
    """

    coefficients: list[float]

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
    """Adapts the coefficients so that each layer's fraction of zeros reaches its target.

    An integral controller on the logarithm of each coefficient: the coefficient grows by a constant factor
    per step for each unit of missing zeros and shrinks likewise, so that coefficients over many orders of
    magnitude are found without tuning. The set point moves from the zeros of the untrained network to the
    target over the first `ramp` of training, so that features form before they are thinned out, and the rest
    of the run is left to recover accuracy at the target.

    Parameters
    ----------
    targets : sequence of float
        Wanted fraction of zeros for each hidden layer.
    ramp : float, default=0.5
        Part of the run after which the set point equals the target.
    gain : float, default=0.1
        Growth of the logarithm of a coefficient per step and unit of error.
    smoothing : float, default=0.05
        Weight of a new minibatch in the running fraction of zeros.
    """

    targets: Sequence[float]
    ramp: float = 0.5
    gain: float = 0.1
    smoothing: float = 0.05
    coefficients: list[float] = field(init=False)
    zeros: Floats = field(init=False)
    start: Floats | None = field(default=None, init=False)

    smallest: float = 1e-7
    largest: float = 1.0

    def __post_init__(self) -> None:
        self.coefficients = [self.smallest] * len(self.targets)
        self.zeros = np.zeros(len(self.targets))

    def observe(self, zeros: Floats, progress: float) -> None:
        """Move the coefficients towards the set point for this part of the run."""
        targets = np.asarray(self.targets)
        if self.start is None:
            self.start = np.minimum(zeros, targets)
            self.zeros = zeros.copy()
        self.zeros += self.smoothing * (zeros - self.zeros)
        set_point = self.start + (targets - self.start) * min(progress / self.ramp, 1.0)
        logs = np.log(self.coefficients) + self.gain * (set_point - self.zeros)
        self.coefficients = np.clip(np.exp(logs), self.smallest, self.largest).tolist()
