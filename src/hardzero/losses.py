"""Output heads: the function that turns scores into predictions, and the loss it is trained with.

Every head pairs an output activation with its canonical loss, so that the derivative of the loss by the
scores is ``prediction - target``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import logistic

if TYPE_CHECKING:
    from hardzero.ops import Ops

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

FIRST_SPREAD = 0.3
"""Of the scores of a regression before training, in standard deviations of the targets: less to unlearn."""


class Loss(ABC):
    """An output activation together with its canonical loss.

    Attributes
    ----------
    name : str
        ``log_loss``, ``squared_error`` or ``poisson``.
    output_activation : str
        Name of the function from scores to predictions, as in scikit-learn's ``out_activation_``.
    """

    name: ClassVar[str]
    output_activation: ClassVar[str]

    @abstractmethod
    def predictions(self, scores: Array) -> Array:
        """Return predictions for scores of shape (n_samples, n_outputs)."""

    @abstractmethod
    def per_sample(self, scores: Array, targets: Array) -> NDArray[np.float64]:
        """Return the loss of each sample, summed over its outputs."""

    def value(self, scores: Array, targets: Array, sample_weight: Array | None = None) -> float:
        """Return the mean loss, weighted by `sample_weight` where given."""
        losses = self.per_sample(scores, targets)
        return float(np.average(losses, weights=sample_weight))

    def first_scores(self, targets: Array, sample_weight: Array | None = None) -> tuple[Floats, Floats]:
        """Return the mean of scores before training, and by what factor their spread differs from that of others.

        Each of shape (n_outputs,). Classes start from 0, as likely as each other.
        """
        return np.zeros(targets.shape[1]), np.ones(targets.shape[1])

    def derivative(self, scores: Array, targets: Array) -> Array:
        """Return the derivative of `per_sample` by the scores; for a canonical loss, the prediction's error."""
        return self.predictions(scores) - targets

    def delta(self, scores: Array, targets: Array, sample_weight: Array | None = None) -> Array:
        """Return the derivative of `value` by the scores, shape (n_samples, n_outputs)."""
        return self.mean_over_samples(self.derivative(scores, targets), sample_weight)

    def value_and_delta(
        self, ops: Ops, scores: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[float, Array]:
        """Return `value`, to the precision of float32 at least, and `delta`; some heads do both at once in `ops`."""
        return self.value(scores, targets, sample_weight), self.delta(scores, targets, sample_weight)

    @staticmethod
    def mean_over_samples(derivative: Array, sample_weight: Array | None) -> Array:
        """Return each sample's share in the derivative of the (weighted) mean."""
        if sample_weight is None:
            return derivative / np.float32(len(derivative))
        return derivative * shares(len(derivative), sample_weight)[:, None]


def _moments(targets: Array, sample_weight: Array | None) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column, 1 for a constant one, to the last bit for repeated rows."""
    weight = np.ones(len(targets)) if sample_weight is None else sample_weight.astype(np.float64)
    total, columns = math.fsum(weight), targets.astype(np.float64).T
    mean = np.array([math.fsum(weight * column) / total for column in columns])
    squares = np.array([math.fsum(weight * np.square(column)) / total for column in columns])
    deviation = np.sqrt(np.maximum(squares - np.square(mean), 0.0))
    return mean, np.where(deviation > 1e-6 * np.abs(mean), deviation, 1.0)


def total_weight(n_samples: int, sample_weight: Array | None) -> float:
    """Return what the weights of samples sum to, which float32 may not hold; without weights each counts one."""
    return float(n_samples if sample_weight is None else sample_weight.sum(dtype=np.float64))


def shares(n_samples: int, sample_weight: Array | None) -> Array:
    """Return the share of each sample in a mean, weighted by `sample_weight` where given; they sum to one."""
    if sample_weight is None:
        return np.full(n_samples, 1.0 / n_samples, dtype=np.float32)
    return np.asarray(sample_weight / total_weight(n_samples, sample_weight), dtype=np.float32)


class SoftmaxLoss(Loss):
    """Cross-entropy of a softmax over mutually exclusive classes; targets are one-hot rows."""

    name = "log_loss"
    output_activation = "softmax"

    def predictions(self, scores: Array) -> Array:
        """Return class probabilities."""
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)

    def per_sample(self, scores: Array, targets: Array) -> NDArray[np.float64]:
        """Return -log of the probability of the true class."""
        shifted = (scores - scores.max(axis=1, keepdims=True)).astype(np.float64)
        log_total = np.log(np.exp(shifted).sum(axis=1))
        return np.asarray(log_total * targets.sum(axis=1) - (shifted * targets).sum(axis=1))

    def value_and_delta(
        self, ops: Ops, scores: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[float, Array]:
        """Return `value` to the precision of float32, and `delta`, of one exponential."""
        return ops.softmax_loss(scores, targets, sample_weight)


class LogisticLoss(Loss):
    """Cross-entropy of independent logistic outputs: two classes, or several labels a sample.

    Parameters
    ----------
    label_weight : ndarray of shape (2, n_outputs), optional
        What each label counts where it is absent, and where it is present; by default one.
    """

    name = "log_loss"
    output_activation = "logistic"

    label_weight: Array | None = None

    def __init__(self, label_weight: Array | None = None) -> None:
        if label_weight is not None:
            self.label_weight = label_weight

    def predictions(self, scores: Array) -> Array:
        """Return the probability of each label."""
        return logistic(scores)

    def per_sample(self, scores: Array, targets: Array) -> NDArray[np.float64]:
        """Return the sum over labels of -log of the probability of the true value."""
        scores = scores.astype(np.float64)
        losses = np.maximum(scores, 0) - scores * targets + np.log1p(np.exp(-np.abs(scores)))
        return np.asarray(self._weighted(losses, targets).sum(axis=1))

    def derivative(self, scores: Array, targets: Array) -> Array:
        """Return the prediction's error, weighted by label."""
        return np.asarray(self._weighted(super().derivative(scores, targets), targets))

    def value_and_delta(
        self, ops: Ops, scores: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[float, Array]:
        """Return `value` to the precision of float32, and `delta`, of one exponential where labels count alike."""
        if self.label_weight is not None:
            return super().value_and_delta(ops, scores, targets, sample_weight)
        return ops.logistic_loss(scores, targets, sample_weight)

    def _weighted(self, entries: Any, targets: Array) -> Any:
        if self.label_weight is None:
            return entries
        absent, present = self.label_weight
        return entries * np.where(targets > 0, present, absent)


class SquaredError(Loss):
    """Half the squared error, summed over outputs."""

    name = "squared_error"
    output_activation = "identity"

    def first_scores(self, targets: Array, sample_weight: Array | None = None) -> tuple[Floats, Floats]:
        """Return the mean of the targets, and a part of their standard deviation."""
        mean, deviation = _moments(targets, sample_weight)
        return mean, FIRST_SPREAD * deviation

    def predictions(self, scores: Array) -> Array:
        """Return the scores."""
        return scores

    def per_sample(self, scores: Array, targets: Array) -> NDArray[np.float64]:
        """Return half the sum of squared errors."""
        return np.asarray(0.5 * np.square(scores.astype(np.float64) - targets).sum(axis=1))


class PoissonLoss(Loss):
    """Half the Poisson deviance up to a constant of the targets: ``exp(s) - y*s`` plus ``y*log(y) - y``."""

    name = "poisson"
    output_activation = "exp"

    def first_scores(self, targets: Array, sample_weight: Array | None = None) -> tuple[Floats, Floats]:
        """Return the logarithm of the targets' mean, and a small spread."""
        mean, _ = _moments(targets, sample_weight)
        return np.log(np.maximum(mean, np.finfo(np.float32).tiny)), np.full(len(mean), FIRST_SPREAD)

    def predictions(self, scores: Array) -> Array:
        """Return exp(scores), cut below the overflow of float32."""
        return np.exp(np.minimum(scores, np.float32(88.0)))

    def per_sample(self, scores: Array, targets: Array) -> NDArray[np.float64]:
        """Return half the Poisson deviance."""
        targets = targets.astype(np.float64)
        scores = np.minimum(scores.astype(np.float64), 88.0)
        logs = targets * np.log(np.where(targets > 0, targets, 1.0))
        return np.asarray((np.exp(scores) - targets * scores + logs - targets).sum(axis=1))


OUTPUT_HEADS: dict[str, type[Loss]] = {
    kind.output_activation: kind for kind in (SoftmaxLoss, LogisticLoss, SquaredError, PoissonLoss)
}


def get_loss(output_activation: str) -> Loss:
    """Return the head with that output activation.

    Parameters
    ----------
    output_activation : {"softmax", "logistic", "identity", "exp"}

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> get_loss("softmax").name
    'log_loss'
    """
    if output_activation not in OUTPUT_HEADS:
        raise ValueError(f"unknown output activation {output_activation!r}: choose one of {', '.join(OUTPUT_HEADS)}")
    return OUTPUT_HEADS[output_activation]()
