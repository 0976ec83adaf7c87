"""Codes: what the encoders of autoencoders make of their input, and how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from hardzero.activations import Identity
from hardzero.csr_rows import stack_csr_rows
from hardzero.network import PREDICTION_ROWS, Input, Layer, Network
from hardzero.ops import Ops

Array = NDArray[np.float32]

CODE_SAMPLES = 10_000
"""Rows on which the size of codes is measured."""


def encode(ops: Ops, network: Network, X: Input) -> Input:
    """Return the codes of `X`, in the form in which the next layer takes them fastest."""
    return _activations(ops, network.hidden_layers[0], X)


def decode(ops: Ops, network: Network, codes: Input) -> Array:
    """Return the reconstructions that belong to codes of shape (n_samples, n_units)."""
    batches = [
        network.loss.predictions(ops.affine(ops.rows(codes, rows), network.output.weights, network.output.bias))
        for rows in gen_batches(codes.shape[0], PREDICTION_ROWS)
    ]
    return np.concatenate(batches)


def code_sizes(ops: Ops, layers: Sequence[Layer], X: Input) -> list[float]:
    """Return the root mean square of the activations of each layer, over the first 10,000 rows of `X`."""
    X, sizes = X[:CODE_SAMPLES], []
    for layer in layers:
        X = _activations(ops, layer, X)
        sizes.append(_root_mean_square(X))
    return sizes


def scale_codes(ops: Ops, layers: Sequence[Layer], X: Input, sizes: Sequence[float]) -> None:
    """Scale weights and biases of each layer so that its activations have the given root mean square.

    Each layer takes the scaled codes of the one before for what they were, so that all codes change by a factor only.

    Parameters
    ----------
    ops : Ops
    layers : sequence of Layer
        Changed in place.
    X : ndarray or csr_array of shape (n_samples, n_features)
    sizes : sequence of float
        As from `code_sizes`. Layers without activity stay as they are.

    Raises
    ------
    ValueError
        If scaling would change an activation function's shape.
    """
    X, factor = X[:CODE_SAMPLES], np.float32(1)
    for layer, wanted in zip(layers, sizes, strict=True):
        if not (layer.activation.is_rectifier or isinstance(layer.activation, Identity)):
            raise ValueError(
                f"code_scale='initial' needs activation relu, signed_relu or identity, not {layer.activation.name}: "
                "set code_scale='trained'"
            )
        layer.parameters.weights[...] /= factor
        X = _activations(ops, layer, X)
        present = _root_mean_square(X)
        factor = np.float32(wanted / present if present > 0 and wanted > 0 else 1.0)
        layer.parameters.weights[...] *= factor
        layer.parameters.bias[...] *= factor
        X = X * factor


def _activations(ops: Ops, layer: Layer, X: Input) -> Input:
    """Return the activations of a layer: CSR where the function makes zeros, else an array."""
    batches: list[Any] = []
    for rows in gen_batches(X.shape[0], PREDICTION_ROWS):
        codes = ops.hidden(ops.rows(X, rows), layer.parameters.weights, layer.parameters.bias, layer.activation)
        batches.append(codes.csr() if layer.activation.makes_zeros else codes.dense())
    return stack_csr_rows(batches) if layer.activation.makes_zeros else np.concatenate(batches)


def _root_mean_square(X: Input) -> float:
    values = X if isinstance(X, np.ndarray) else X.data
    return float(np.sqrt(np.square(values, dtype=np.float64).sum() / np.prod(X.shape)))
