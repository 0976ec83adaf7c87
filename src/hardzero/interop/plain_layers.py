"""A network as plain arrays, the form in which it goes from one library to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation, Rectifier, SignedRectifier
from hardzero.losses import Loss
from hardzero.network import Layer, Network
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters

Array = NDArray[np.floating]


@dataclass(frozen=True)
class PlainLayer:
    """An affine map, and the function that follows it.

    Attributes
    ----------
    weights : ndarray of shape (n_inputs, n_units)
        In single precision, or in double precision on the way to a network.
    bias : ndarray of shape (n_units,)
    activation : Activation or None
        None for the output layer.
    """

    weights: Array
    bias: Array
    activation: Activation | None = None


def plain_layers(network: Network) -> list[PlainLayer]:
    """Return copies of the layers of a network, the output layer last.

    Signed rectifiers become plain ones: their signs go into the weights that follow, which changes no bit of the
    scores.
    """
    layers, signs = [], None
    activations: list[Activation | None] = [*(layer.activation for layer in network.hidden_layers), None]
    for parameters, activation in zip(network.parameters, activations, strict=True):
        weights = np.array(parameters.weights, order="C")
        if signs is not None:
            weights *= signs[:, None]
        signs = None if activation is None else activation.signs(weights.shape[1])
        if isinstance(activation, SignedRectifier):
            activation = Rectifier()
        layers.append(PlainLayer(weights, parameters.bias.copy(), activation))
    return layers


def network_of(layers: Sequence[PlainLayer], loss: Loss) -> Network:
    """Return a network with copies of the layers.

    Raises
    ------
    ValueError
        If the layers do not fit each other, or a value is infinite or not a number in single precision.
    """
    for number, (layer, following) in enumerate(pairwise(layers), 1):
        n_units, n_inputs = layer.weights.shape[1], following.weights.shape[0]
        if n_units != n_inputs:
            raise ValueError(f"layer {number} has {n_units} units, and layer {number + 1} takes {n_inputs} inputs")
    parameters = []
    for number, layer in enumerate(layers, 1):
        weights, bias = single_precision(layer.weights), single_precision(layer.bias)
        if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
            raise ValueError(f"layer {number} holds values that are infinite or not a number in single precision")
        parameters.append(Parameters(padded_copy(weights), bias.copy()))
    hidden_layers = [
        Layer(layer_parameters, layer.activation)
        for layer_parameters, layer in zip(parameters, layers, strict=True)
        if layer.activation is not None
    ]
    return Network(hidden_layers, parameters[-1], loss)


def single_precision(values: Any) -> NDArray[np.float32]:
    """Return values as float32, without a warning for those that become infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)
