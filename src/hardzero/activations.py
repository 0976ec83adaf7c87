"""Activation functions: value, slope, and whether they make exact zeros."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SOFTPLUS_REACH = np.float32(80)
"""Value of beta·z from which on softplus and its slope are those of the rectifier."""


def logistic(z: Array, decay: Array | None = None) -> Array:
    """Return 1 / (1 + exp(-z)) without overflow; callers that have ``decay = exp(-|z|)`` already pass it on."""
    if decay is None:
        decay = np.exp(-np.abs(z))
    return np.asarray(np.where(z < 0, decay, np.float32(1)) / (1 + decay), dtype=np.float32)


@dataclass(frozen=True)
class Activation(ABC):
    """An elementwise function of a layer's pre-activations.

    Attributes
    ----------
    name : str
        The name by which estimators and model files know the function.
    makes_zeros : bool
        Whether a range of inputs maps to exactly 0 by definition, so that a fraction of zeros can be asked for.
    is_rectifier : bool
        Whether the function is ``s * max(0, z)`` with a sign ``s`` fixed per unit. The slope at an active
        unit is then the sign of its value, and the engine keeps nothing but the non-zeros.
    gain : float
        Variance gain of the initialization: weights have variance ``gain / fan`` (2 for rectifiers, He
        et al. 2015, because they zero half of a symmetric input; 1 otherwise).
    """

    name: ClassVar[str]
    makes_zeros: ClassVar[bool] = False
    is_rectifier: ClassVar[bool] = False
    gain: ClassVar[float] = 1.0

    @abstractmethod
    def value(self, z: Array) -> Array:
        """Return the function of pre-activations `z` of shape (..., n_units)."""

    @abstractmethod
    def slope(self, z: Array) -> Array:
        """Return the derivative at pre-activations `z` of shape (..., n_units)."""

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return `value` and `slope`; functions that share work between the two do it once."""
        return self.value(z), self.slope(z)

    @property
    def threshold(self) -> float:
        """The pre-activation up to which the value is exactly 0, of a function that makes zeros."""
        return 0.0

    def signs(self, n_units: int) -> Array | None:
        """Return the sign per unit that a rectifier multiplies its output by; None if all are +1."""
        return None

    def parameters(self) -> dict[str, Any]:
        """Return the constants of the function, as stored in model files."""
        return asdict(self)


@dataclass(frozen=True)
class Rectifier(Activation):
    """The rectifier, max(0, z) (Glorot, Bordes and Bengio 2011, section 3); slope 0 at 0.

    Examples
    --------
    >>> Rectifier().value(np.float32([-1.0, 0.0, 2.0]))
    array([0., 0., 2.], dtype=float32)
    """

    name: ClassVar[str] = "relu"
    makes_zeros: ClassVar[bool] = True
    is_rectifier: ClassVar[bool] = True
    gain: ClassVar[float] = 2.0

    def value(self, z: Array) -> Array:
        """Return max(0, z)."""
        return np.maximum(z, np.float32(0))

    def slope(self, z: Array) -> Array:
        """Return 1 where z > 0, else 0."""
        return (z > 0).astype(np.float32)


@dataclass(frozen=True)
class SignedRectifier(Activation):
    """The rectifier with every second unit multiplied by -1, so that a layer's mean is near 0.

    Glorot, Bordes and Bengio (2011), section 4.1. Units with an even index keep their sign.

    Examples
    --------
    >>> SignedRectifier().value(np.float32([3.0, 3.0, -3.0, -3.0]))
    array([ 3., -3.,  0., -0.], dtype=float32)
    """

    name: ClassVar[str] = "signed_relu"
    makes_zeros: ClassVar[bool] = True
    is_rectifier: ClassVar[bool] = True
    gain: ClassVar[float] = 2.0

    def signs(self, n_units: int) -> Array:
        """Return +1 for units with an even index, -1 for the others."""
        signs = np.ones(n_units, dtype=np.float32)
        signs[1::2] = -1
        return signs

    def value(self, z: Array) -> Array:
        """Return s * max(0, z)."""
        return np.maximum(z, np.float32(0)) * self.signs(z.shape[-1])

    def slope(self, z: Array) -> Array:
        """Return s where z > 0, else 0."""
        return (z > 0) * self.signs(z.shape[-1])


@dataclass(frozen=True)
class Softplus(Activation):
    """Softplus, (1/beta)·log(1 + exp(beta·z)): a rectifier without the hard zero.

    Where beta·z is beyond 80 on either side, it is the rectifier, with its exact zeros: it differs by less than
    1e-34 / beta, and products with such numbers would be denormal, which processors take a hundred times as long for.

    Parameters
    ----------
    beta : float, default=1.0
        Hardness; the function tends to the rectifier as `beta` grows (Glorot et al. 2011, section 3.2).

    Raises
    ------
    ValueError
        If `beta` is not a positive finite number.

    Examples
    --------
    >>> Softplus(beta=2.0).value(np.float32([0.0, 100.0]))
    array([  0.3465736, 100.       ], dtype=float32)
    """

    beta: float = 1.0
    name: ClassVar[str] = "softplus"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise ValueError(f"softplus beta must be a positive number, got {self.beta!r}")

    def value(self, z: Array) -> Array:
        """Return (1/beta)·log(1 + exp(beta·z)) without overflow."""
        return self._value(z, self._decay(z))

    def slope(self, z: Array) -> Array:
        """Return the logistic function of beta·z."""
        return logistic(z, self._decay(z))

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return both from one exponential."""
        decay = self._decay(z)
        return self._value(z, decay), logistic(z, decay)

    def _decay(self, z: Array) -> Array:
        """Return exp(-beta·|z|), exactly 0 beyond the reach."""
        with np.errstate(over="ignore"):
            distance = np.abs(z) * np.float32(self.beta)
        decay = np.exp(-np.minimum(distance, np.float32(SOFTPLUS_REACH)))
        return np.where(distance > SOFTPLUS_REACH, np.float32(0), decay)

    def _value(self, z: Array, decay: Array) -> Array:
        return np.asarray(np.maximum(z, np.float32(0)) + np.log1p(decay) / np.float32(self.beta), dtype=np.float32)


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent."""

    name: ClassVar[str] = "tanh"

    def value(self, z: Array) -> Array:
        """Return tanh(z)."""
        return np.tanh(z)

    def slope(self, z: Array) -> Array:
        """Return 1 - tanh(z)², accurate for large z of either sign, where the difference would cancel."""
        decay = np.square(np.exp(-np.abs(z)))
        return np.asarray(4 * decay / np.square(1 + decay), dtype=np.float32)

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return the value t and 1 - t², which is accurate to the precision of t: a quarter of the time."""
        value = np.tanh(z)
        slope = np.square(value)
        return value, np.subtract(np.float32(1), slope, out=slope)


@dataclass(frozen=True)
class Logistic(Activation):
    """The logistic sigmoid 1 / (1 + exp(-z))."""

    name: ClassVar[str] = "logistic"

    def value(self, z: Array) -> Array:
        """Return 1 / (1 + exp(-z)) without overflow."""
        return logistic(z)

    def slope(self, z: Array) -> Array:
        """Return the derivative, exp(-|z|) / (1 + exp(-|z|))²."""
        return self._slope(np.exp(-np.abs(z)))

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return both from one exponential."""
        decay = np.exp(-np.abs(z))
        return logistic(z, decay), self._slope(decay)

    def _slope(self, decay: Array) -> Array:
        return np.asarray(decay / np.square(1 + decay), dtype=np.float32)


@dataclass(frozen=True)
class Identity(Activation):
    """The identity: a linear layer."""

    name: ClassVar[str] = "identity"

    def value(self, z: Array) -> Array:
        """Return z."""
        return z.copy()

    def slope(self, z: Array) -> Array:
        """Return 1."""
        return np.ones_like(z)


@dataclass(frozen=True)
class LeakyIntegrateAndFire(Activation):
    """Firing rate of a leaky integrate-and-fire neuron, exactly 0 at and below its threshold.

    ``f(I) = 1 / (refractory_time + time_constant · log((E + R·I - V_reset) / (E + R·I - V_threshold)))``
    for ``E + R·I > V_threshold``, else 0 (Glorot et al. 2011, section 2.1).

    Parameters
    ----------
    refractory_time : float, default=0.05
        Least time between two spikes; the rate saturates at its inverse.
    time_constant : float, default=1.0
        Membrane time constant, in the unit of time of `refractory_time`.
    resting_potential : float, default=1.0
        E. The default sits on the threshold, so that the neuron fires for I > 0 and a symmetric input leaves
        half of the units at zero, as a rectifier does.
    reset_potential, threshold_potential : float, default=0.0, 1.0
        V_reset, below V_threshold.
    resistance : float, default=1.0
        R, potential per unit of input current.
    largest_slope : float, default=10.0
        The true slope grows without bound towards the threshold; the cut keeps training finite.

    Raises
    ------
    ValueError
        If a constant is not finite, a time, the resistance or the largest slope is not positive, or the reset
        potential is not below the threshold.
    """

    refractory_time: float = 0.05
    time_constant: float = 1.0
    resting_potential: float = 1.0
    reset_potential: float = 0.0
    threshold_potential: float = 1.0
    resistance: float = 1.0
    largest_slope: float = 10.0
    name: ClassVar[str] = "lif"
    makes_zeros: ClassVar[bool] = True
    gain: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        positive = ("refractory_time", "time_constant", "resistance", "largest_slope")
        for name, value in asdict(self).items():
            if name in positive and not value > 0:
                raise ValueError(f"lif {name} must be positive, got {value!r}")
            if not np.isfinite(value):
                raise ValueError(f"lif {name} must be finite, got {value!r}")
        if not self.reset_potential < self.threshold_potential:
            raise ValueError("lif reset_potential must lie below threshold_potential")

    @property
    def threshold(self) -> float:
        """The largest input current at which the neuron is silent."""
        return (self.threshold_potential - self.resting_potential) / self.resistance

    def value(self, z: Array) -> Array:
        """Return the firing rate for input current `z`."""
        excess, fires = self._excess(z)
        return np.where(fires, self._rate(excess), 0.0).astype(np.float32)

    def slope(self, z: Array) -> Array:
        """Return the derivative of the firing rate, at most `largest_slope`."""
        return self.value_and_slope(z)[1]

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return both from one logarithm."""
        excess, fires = self._excess(z)
        rate, gap = self._rate(excess), self.threshold_potential - self.reset_potential
        steepness = self.time_constant * self.resistance * gap / excess / (excess + gap)
        slope = np.minimum(np.square(rate) * steepness, self.largest_slope)
        return np.where(fires, rate, 0.0).astype(np.float32), np.where(fires, slope, 0.0).astype(np.float32)

    def _excess(self, z: Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the potential above threshold (a harmless 1 where silent) and where the neuron fires."""
        potential = self.resting_potential - self.threshold_potential + self.resistance * z.astype(np.float64)
        fires = ~(potential <= 0)
        return np.where(fires, potential, 1.0), fires

    def _rate(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = self.threshold_potential - self.reset_potential
        return 1.0 / (self.refractory_time + self.time_constant * np.log1p(gap / excess))


ACTIVATIONS: dict[str, type[Activation]] = {
    kind.name: kind for kind in (Rectifier, SignedRectifier, Softplus, Tanh, Logistic, Identity, LeakyIntegrateAndFire)
}


def is_built_in(activation: Activation) -> bool:
    """Tell whether an activation is one of hardzero's own, which its name and constants describe."""
    return ACTIVATIONS.get(activation.name) is type(activation)


def get_activation(activation: str | Activation, **parameters: Any) -> Activation:
    """Return the activation of that name, or the instance given.

    Parameters
    ----------
    activation : str or Activation
        One of ``relu``, ``signed_relu``, ``softplus``, ``tanh``, ``logistic``, ``identity``, ``lif``.
    **parameters
        Constants for the named function, such as ``beta`` of ``softplus``.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If the name is unknown or a parameter does not belong to the function.

    Examples
    --------
    >>> get_activation("softplus", beta=4.0)
    Softplus(beta=4.0)
    """
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}: choose one of {', '.join(ACTIVATIONS)}")
    try:
        return ACTIVATIONS[activation](**parameters)
    except TypeError as error:
        raise ValueError(f"activation {activation!r} takes no such parameters: {error}") from error
