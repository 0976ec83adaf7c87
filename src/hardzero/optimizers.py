"""Optimizers: which update each training step applies, and how the learning rate moves."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hardzero.ops.layout import padded_zeros
from hardzero.ops.updates import Adam, Momentum, Parameters, Update

LEARNING_RATES = ("constant", "invscaling", "adaptive", "cosine")

ADAPTIVE_DIVISOR = 5.0
SMALLEST_ADAPTIVE_RATE = 1e-6


@dataclass
class LearningRate:
    """The learning rate over training.

    Parameters
    ----------
    schedule : {"constant", "invscaling", "adaptive", "cosine"}
        ``invscaling`` divides by ``(t + 1) ** power_t`` with t the samples seen; ``adaptive`` divides by 5
        whenever progress stops; ``cosine`` falls from `initial` to 0 over the run along half a cosine.
    initial : float
    power_t : float
        Exponent of ``invscaling``.

    Attributes
    ----------
    current : float
        The rate of the next step; two rates are equal where the rest is.
    """

    schedule: str
    initial: float
    power_t: float = 0.5
    current: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        self.current = self.initial

    def follow(self, progress: float) -> None:
        """Set the rate for a point of the run, `progress` from 0 (start) to 1 (end)."""
        if self.schedule == "cosine":
            self.current = 0.5 * self.initial * (1.0 + math.cos(math.pi * min(progress, 1.0)))

    def epoch_ends(self, samples_seen: int) -> None:
        """Set the rate after an epoch that ended with `samples_seen` samples in all."""
        if self.schedule == "invscaling":
            try:
                self.current = self.initial / (samples_seen + 1) ** self.power_t
            except OverflowError:
                self.current = 0.0

    def progress_stopped(self) -> bool:
        """React to a lack of progress; return whether training should stop."""
        if self.schedule != "adaptive" or self.current <= SMALLEST_ADAPTIVE_RATE:
            return True
        self.current /= ADAPTIVE_DIVISOR
        return False


@dataclass
class Optimizer(ABC):
    """Chooses the update of each step.

    Attributes
    ----------
    learning_rate : LearningRate
    n_steps : int
        Steps taken so far.
    """

    learning_rate: LearningRate
    n_steps: int = field(default=0, init=False)

    @property
    def n_states(self) -> int:
        """Number of state arrays per parameter that the update rule keeps."""
        return self.update(decay=0.0).n_states

    def prepare(self, parameters: Sequence[Parameters]) -> None:
        """Give every parameter the state arrays that the update rule keeps, all zero."""
        for layer in parameters:
            layer.weight_state = [padded_zeros(*layer.weights.shape) for _ in range(self.n_states)]
            layer.bias_state = [np.zeros_like(layer.bias) for _ in range(self.n_states)]

    def go_on_from(self, previous: Optimizer, samples_seen: int) -> bool:
        """Take the place of another optimizer after `samples_seen` samples; return whether its states serve on.

        They do under the same rule, whatever its constants. A learning rate with the same settings stays where it is.
        """
        if self.learning_rate == previous.learning_rate:
            self.learning_rate = previous.learning_rate
        else:
            self.learning_rate.epoch_ends(samples_seen)
        if type(self) is not type(previous) or self.n_states != previous.n_states:
            return False
        self.n_steps = previous.n_steps
        return True

    def next_update(self, decay: float) -> Update:
        """Count a step and return its update, with weight decay `decay` in the gradient."""
        self.n_steps += 1
        return self.update(decay)

    @abstractmethod
    def update(self, decay: float) -> Update:
        """Return the update of step `n_steps`."""


@dataclass
class GradientDescent(Optimizer):
    """Stochastic gradient descent with momentum, plain or Nesterov's (Sutskever et al. 2013)."""

    momentum: float = 0.9
    nesterov: bool = True

    def update(self, decay: float) -> Momentum:
        """Return the update of the present step."""
        return Momentum(self.learning_rate.current, self.momentum, self.nesterov, decay)


@dataclass
class AdamOptimizer(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1, with the bias correction folded into the learning rate)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def update(self, decay: float) -> Adam:
        """Return the update of the present step."""
        step = max(self.n_steps, 1)
        correction = math.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        return Adam(self.learning_rate.current * correction, self.beta_1, self.beta_2, self.epsilon, decay)
