"""Reconstruction heads: how an autoencoder's decoder turns scores into a reconstruction, and its cost.

The four decoders of Glorot, Bordes and Bengio (2011), section 3.3. The cost of a sample is the sum over its
entries; squared errors are halved.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation, logistic
from hardzero.losses import Loss

if TYPE_CHECKING:
    from hardzero.ops import Ops

Array = NDArray[np.float32]

DECODERS = ("softplus", "sigmoid", "linear", "rectifier")


@dataclass(frozen=True)
class ReconstructionHead(Loss):
    """A decoder's output function together with its reconstruction cost.

    Parameters
    ----------
    entry_weight : ndarray of shape (n_outputs,), optional
        Factor of each output's cost: the importance weights of reconstruction sampling.
    """

    entry_weight: Array | None = None
    decoder: ClassVar[str]

    @abstractmethod
    def cost_and_derivative(self, scores: Array, targets: Array) -> tuple[Array, Array]:
        """Return the cost of each entry and its derivative by the score, both of the shape of `scores`."""

    @abstractmethod
    def scores_at(self, reconstruction: Array) -> Array:
        """Return finite scores whose predictions are near `reconstruction`: where a decoder's bias starts."""

    def derivative(self, scores: Array, targets: Array) -> Array:
        """Return the derivative of `per_sample` by the scores, shape (n_samples, n_outputs)."""
        return self._weighted(self.cost_and_derivative(scores, targets)[1])

    def per_sample(self, scores: Array, targets: Array) -> NDArray[np.float64]:
        """Return the cost of each sample, summed over its entries."""
        return self._sum(self.cost_and_derivative(scores, targets)[0])

    def value_and_delta(
        self, ops: Ops, scores: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[float, Array]:
        """Return the mean cost and its derivative by the scores, from one pass over the entries."""
        cost, derivative = self.cost_and_derivative(scores, targets)
        value = float(np.average(self._sum(cost), weights=sample_weight))
        return value, self.mean_over_samples(self._weighted(derivative), sample_weight)

    def with_entry_weight(self, entry_weight: Array) -> ReconstructionHead:
        """Return the same head with importance weights."""
        return replace(self, entry_weight=entry_weight)

    def _weighted(self, entries: Array) -> Array:
        return entries if self.entry_weight is None else entries * self.entry_weight

    def _sum(self, cost: Array) -> NDArray[np.float64]:
        if self.entry_weight is not None:
            return np.asarray(cost.astype(np.float64) @ self.entry_weight.astype(np.float64))
        return np.asarray(cost.sum(axis=1, dtype=np.float64))


@dataclass(frozen=True)
class SoftplusReconstruction(ReconstructionHead):
    """Softplus decoder, half the squared error: never stuck, for inputs that are not negative.

    Examples
    --------
    >>> SoftplusReconstruction().predictions(np.float32([[0.0, 50.0]]))
    array([[ 0.6931472, 50.       ]], dtype=float32)
    """

    name: ClassVar[str] = "squared_error"
    output_activation: ClassVar[str] = "softplus"
    decoder: ClassVar[str] = "softplus"

    def predictions(self, scores: Array) -> Array:
        """Return log(1 + exp(scores)) without overflow."""
        return np.maximum(scores, np.float32(0)) + np.log1p(np.exp(-np.abs(scores)))

    def cost_and_derivative(self, scores: Array, targets: Array) -> tuple[Array, Array]:
        """Return half the squared error and ``(softplus(s) - x) * logistic(s)``."""
        decay = np.exp(-np.abs(scores))
        error = np.maximum(scores, np.float32(0)) + np.log1p(decay) - targets
        return np.float32(0.5) * np.square(error), error * logistic(scores, decay)

    def scores_at(self, reconstruction: Array) -> Array:
        """Return log(exp(x) - 1), at least -3: below, the slope is too small to learn from."""
        x = np.maximum(reconstruction.astype(np.float64), 0.05)
        return (x + np.log(-np.expm1(-x))).astype(np.float32)


@dataclass(frozen=True)
class SigmoidReconstruction(ReconstructionHead):
    """Sigmoid decoder, cross-entropy against targets scaled into [0, 1].

    Parameters
    ----------
    scale : float, default=1.0
        The largest value of the layer's input; targets are divided by it, reconstructions multiplied. Larger
        targets count as `scale`.
    """

    scale: float = 1.0
    name: ClassVar[str] = "log_loss"
    output_activation: ClassVar[str] = "scaled_logistic"
    decoder: ClassVar[str] = "sigmoid"

    def predictions(self, scores: Array) -> Array:
        """Return `scale` times the logistic function of the scores."""
        return np.float32(self.scale) * logistic(scores)

    def cost_and_derivative(self, scores: Array, targets: Array) -> tuple[Array, Array]:
        """Return the cross-entropy and ``logistic(s) - x / scale``."""
        scaled = np.clip(targets * np.float32(1.0 / self.scale), np.float32(0), np.float32(1))
        decay = np.exp(-np.abs(scores))
        cost = np.maximum(scores, np.float32(0)) - scores * scaled + np.log1p(decay)
        return cost, logistic(scores, decay) - scaled

    def scores_at(self, reconstruction: Array) -> Array:
        """Return the logit of ``x / scale``, for x kept 1e-4 of the scale away from both ends."""
        share = np.clip(reconstruction.astype(np.float64) / self.scale, 1e-4, 1 - 1e-4)
        return np.log(share / (1 - share)).astype(np.float32)


@dataclass(frozen=True)
class LinearReconstruction(ReconstructionHead):
    """Linear decoder, half the squared error: for inputs of either sign."""

    name: ClassVar[str] = "squared_error"
    output_activation: ClassVar[str] = "identity"
    decoder: ClassVar[str] = "linear"

    def predictions(self, scores: Array) -> Array:
        """Return the scores."""
        return scores

    def cost_and_derivative(self, scores: Array, targets: Array) -> tuple[Array, Array]:
        """Return half the squared error and the error."""
        error = scores - targets
        return np.float32(0.5) * np.square(error), error

    def scores_at(self, reconstruction: Array) -> Array:
        """Return the reconstruction."""
        return reconstruction


@dataclass(frozen=True)
class RectifierReconstruction(ReconstructionHead):
    """Rectifier decoder, half the squared error: exact zeros, but no gradient for an output stuck at 0."""

    name: ClassVar[str] = "squared_error"
    output_activation: ClassVar[str] = "relu"
    decoder: ClassVar[str] = "rectifier"

    def predictions(self, scores: Array) -> Array:
        """Return max(0, scores)."""
        return np.maximum(scores, np.float32(0))

    def cost_and_derivative(self, scores: Array, targets: Array) -> tuple[Array, Array]:
        """Return half the squared error and the error where the score is positive, else 0."""
        error = np.maximum(scores, np.float32(0)) - targets
        return np.float32(0.5) * np.square(error), error * (scores > 0)

    def scores_at(self, reconstruction: Array) -> Array:
        """Return the reconstruction, at least 0.05, so that outputs start with a gradient."""
        return np.maximum(reconstruction, np.float32(0.05))


_HEADS: dict[str, type[ReconstructionHead]] = {
    kind.decoder: kind
    for kind in (SoftplusReconstruction, SigmoidReconstruction, LinearReconstruction, RectifierReconstruction)
}


def get_reconstruction_head(decoder: str, *, smallest: float, largest: float) -> ReconstructionHead:
    """Return the head of a decoder for a layer's input.

    Parameters
    ----------
    decoder : {"auto", "softplus", "sigmoid", "linear", "rectifier"}
        ``auto`` is ``softplus`` for input that is not negative, else ``linear``.
    smallest, largest : float
        Range of the layer's input.

    Raises
    ------
    ValueError
        If the decoder is unknown, or cannot produce the input's negative values.

    Examples
    --------
    >>> get_reconstruction_head("auto", smallest=-1.0, largest=1.0).decoder
    'linear'
    """
    if decoder == "auto":
        decoder = "linear" if smallest < 0 else "softplus"
    if decoder not in _HEADS:
        raise ValueError(f"unknown decoder {decoder!r}: choose one of auto, {', '.join(_HEADS)}")
    if decoder != "linear" and smallest < 0:
        raise ValueError(
            f"decoder={decoder!r} cannot reconstruct negative input (the smallest value is {smallest:g}): "
            "use decoder='linear', or scale the input into [0, 1], for example with "
            "sklearn.preprocessing.MinMaxScaler"
        )
    if decoder == "sigmoid":
        return SigmoidReconstruction(scale=float(largest) if largest > 0 else 1.0)
    return _HEADS[decoder]()


def check_codes(decoder: str, layers: Sequence[tuple[int, Activation]]) -> None:
    """Raise a `ValueError` if a decoder cannot reconstruct the codes of a layer that another one is to learn from."""
    if decoder in ("auto", "linear"):
        return
    for number, (n_units, activation) in enumerate(layers[:-1], start=1):
        z = np.repeat(np.linspace(-8, 8, 65, dtype=np.float32)[:, np.newaxis], n_units, axis=1)
        if activation.value(z).min() < 0:
            raise ValueError(
                f"decoder={decoder!r} cannot reconstruct the codes of layer {number}, which activation "
                f"{activation.name!r} makes negative: use decoder='auto', which is linear for negative input"
            )
