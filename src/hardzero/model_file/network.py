"""A network in a model file: its architecture as JSON, its parameters as arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.losses import OUTPUT_HEADS, get_loss
from hardzero.model_file.container import Contents
from hardzero.model_file.values import decode_activation, encode_activation
from hardzero.network import Layer, Network
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters

Tensors = dict[str, NDArray[np.float32]]


def pack_network(network: Network) -> Contents:
    """Return a network as contents of a file.

    Raises
    ------
    ValueError
        If its output or an activation is not one that a file can name.
    """
    output = network.loss.output_activation
    if output not in OUTPUT_HEADS:
        raise ValueError(
            f"cannot save a network with {output} outputs: a model file holds networks with {', '.join(OUTPUT_HEADS)} "
            "outputs. Save the autoencoder that it is a part of"
        )
    document = {"architecture": architecture(network), **encode_notes(network)}
    return Contents("Network", network_tensors(network), document)


def unpack_network(contents: Contents) -> Network:
    """Return the network of `pack_network`.

    Raises
    ------
    ValueError
        If the arrays do not fit the architecture.
    """
    network = build_network(contents.document.get("architecture"), contents.tensors)
    decode_notes(network, contents.document)
    return network


def encode_notes(network: Network) -> dict[str, Any]:
    """Return the entry of a document that holds the notes a network was loaded with; none where there are none."""
    return {"notes": network.notes} if network.notes else {}


def decode_notes(network: Network, document: dict[str, Any]) -> None:
    """Give a network the notes of its document, which it has until a new fit replaces it.

    Raises
    ------
    ValueError
        If they are not an object.
    """
    notes = document.get("notes", {})
    if not isinstance(notes, dict):
        raise ValueError("its notes are not an object")
    network.notes = notes


def network_tensors(network: Network) -> Tensors:
    """Return weights and biases by name: ``layers.0.weights``, ``layers.0.bias``, …, the output layer last."""
    tensors = {}
    for index, layer in enumerate(network.parameters):
        tensors[f"layers.{index}.weights"] = layer.weights
        tensors[f"layers.{index}.bias"] = layer.bias
    return tensors


def architecture(network: Network) -> dict[str, Any]:
    """Return the description of a network from which, with its arrays, `build_network` makes it again."""
    return {
        "n_features": network.n_features,
        "layers": [
            {"n_units": layer.n_units, "activation": encode_activation(layer.activation)}
            for layer in network.hidden_layers
        ],
        "n_outputs": network.n_outputs,
        "output_activation": network.loss.output_activation,
    }


def build_network(description: Any, tensors: Tensors) -> Network:
    """Return the network of an architecture, with the parameters given.

    Raises
    ------
    ValueError
        If `description` is no architecture, or `tensors` are not exactly its parameters.
    """
    sizes = _sizes(description)
    activations = [decode_activation(layer["activation"]) for layer in description["layers"]]
    if not isinstance(description.get("output_activation"), str):
        raise ValueError("the architecture has no output activation")
    loss = get_loss(description["output_activation"])
    expected: dict[str, tuple[int, ...]] = {}
    for index, (n_inputs, n_units) in enumerate(pairwise(sizes)):
        expected[f"layers.{index}.weights"] = (n_inputs, n_units)
        expected[f"layers.{index}.bias"] = (n_units,)
    check_tensors(expected, tensors)
    parameters = [
        Parameters(padded_copy(tensors[f"layers.{index}.weights"]), tensors[f"layers.{index}.bias"].copy())
        for index in range(len(sizes) - 1)
    ]
    hidden_layers = [Layer(layer, activation) for layer, activation in zip(parameters[:-1], activations, strict=True)]
    return Network(hidden_layers, parameters[-1], loss)


def _sizes(description: Any) -> list[int]:
    """Return the number of features, of every hidden layer's units and of outputs."""
    layers = description.get("layers") if isinstance(description, dict) else None
    if not isinstance(layers, list) or not all(isinstance(layer, dict) and "activation" in layer for layer in layers):
        raise ValueError("it describes no architecture")
    sizes = [description.get("n_features"), *(layer.get("n_units") for layer in layers), description.get("n_outputs")]
    for size in sizes:
        if type(size) is not int or size < 1:
            raise ValueError(f"the architecture has a layer of size {size!r}")
    return sizes


def check_tensors(expected: dict[str, tuple[int, ...]], tensors: Tensors) -> None:
    """Raise unless exactly these arrays are there."""
    for name, shape in expected.items():
        if name not in tensors:
            raise ValueError(f"the array {name} is missing")
        if tensors[name].shape != shape:
            raise ValueError(f"{name} has shape {tensors[name].shape}, where the architecture says {shape}")
    unknown = sorted(set(tensors) - set(expected))
    if unknown:
        raise ValueError(f"the array {unknown[0]} belongs to no layer of the architecture")
