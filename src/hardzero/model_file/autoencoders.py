"""Autoencoders in a model file: one encoder and decoder a layer, with the estimator's parameters."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from hardzero.activations import get_activation
from hardzero.autoencoders import AutoencoderEstimator, DenoisingAutoencoder, StackedDenoisingAutoencoder
from hardzero.model_file.container import Contents
from hardzero.model_file.estimators import _decode_parameters, _encode_parameters
from hardzero.model_file.network import Tensors, _check_tensors
from hardzero.network import Layer, Network
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters
from hardzero.reconstruction import DECODERS, ReconstructionHead, SigmoidReconstruction, get_reconstruction_head
from hardzero.sparse_autoencoder import SparseAutoencoder


def pack_autoencoder(estimator: AutoencoderEstimator) -> Contents:
    """Return a fitted autoencoder as contents of a file.

    Raises
    ------
    ValueError
        If it is not fitted.
    """
    name = type(estimator).__name__
    if "networks_" not in vars(estimator):
        raise ValueError(f"cannot save this {name}: it is not fitted yet; call fit first")
    tensors: Tensors = {}
    heads = []
    for index, network in enumerate(estimator.networks_):
        for part, layer in zip(("encoder", "decoder"), network.parameters, strict=True):
            tensors[f"layers.{index}.{part}.weights"] = layer.weights
            tensors[f"layers.{index}.{part}.bias"] = layer.bias
        head = network.loss
        assert isinstance(head, ReconstructionHead)
        scale = head.scale if isinstance(head, SigmoidReconstruction) else 1.0
        heads.append({"decoder": head.decoder, "scale": scale})
    document: dict[str, Any] = {
        "parameters": _encode_parameters(estimator),
        "n_features": int(estimator.n_features_in_),
        "heads": heads,
        "sparsity": [float(value) for value in estimator.sparsity_],
        "loss_curves": [[float(value) for value in curve] for curve in estimator.loss_curves_],
    }
    if "feature_names_in_" in vars(estimator):
        document["feature_names"] = [str(feature) for feature in estimator.feature_names_in_]
    return Contents(name, tensors, document)


def unpack_denoising(contents: Contents) -> DenoisingAutoencoder:
    """Return the denoising autoencoder of `pack_autoencoder`."""
    estimator: DenoisingAutoencoder = _unpack(DenoisingAutoencoder, contents)
    return estimator


def unpack_stack(contents: Contents) -> StackedDenoisingAutoencoder:
    """Return the stack of `pack_autoencoder`."""
    estimator: StackedDenoisingAutoencoder = _unpack(StackedDenoisingAutoencoder, contents)
    return estimator


def unpack_dictionary(contents: Contents) -> SparseAutoencoder:
    """Return the sparse dictionary of `pack_autoencoder`."""
    estimator: SparseAutoencoder = _unpack(SparseAutoencoder, contents)
    return estimator


def _unpack(kind: type[Any], contents: Contents) -> Any:
    """Return an autoencoder that transforms and reconstructs; it cannot go on training.

    Raises
    ------
    ValueError
        If parts of the contents do not fit each other.
    """
    document, tensors = contents.document, contents.tensors
    estimator = kind(**_decode_parameters(kind, document.get("parameters")))
    estimator._validate_params()
    n_features = document.get("n_features")
    if type(n_features) is not int or n_features < 1:
        raise ValueError(f"the number of features is {n_features!r}")
    sizes = [n_features, *estimator._hidden_layer_sizes()]
    expected: dict[str, tuple[int, ...]] = {}
    for index, (n_inputs, n_units) in enumerate(pairwise(sizes)):
        expected[f"layers.{index}.encoder.weights"] = (n_inputs, n_units)
        expected[f"layers.{index}.encoder.bias"] = (n_units,)
        expected[f"layers.{index}.decoder.weights"] = (n_units, n_inputs)
        expected[f"layers.{index}.decoder.bias"] = (n_inputs,)
    _check_tensors(expected, tensors)
    heads, n_layers = document.get("heads"), len(sizes) - 1
    if not isinstance(heads, list) or len(heads) != n_layers:
        raise ValueError(f"the file does not describe {n_layers} decoders")
    activation = get_activation(estimator.activation)
    estimator.networks_ = [
        Network(
            [Layer(_parameters(tensors, f"layers.{index}.encoder"), activation)],
            _parameters(tensors, f"layers.{index}.decoder"),
            _head(head),
        )
        for index, head in enumerate(heads)
    ]
    curves, sparsity = document.get("loss_curves"), document.get("sparsity")
    if not _numbers(sparsity, n_layers) or not isinstance(curves, list) or not all(_numbers(c) for c in curves):
        raise ValueError("the record of training is damaged")
    estimator.sparsity_ = np.array(sparsity)
    estimator.loss_curves_ = curves
    estimator.n_iter_ = max(map(len, curves), default=0)
    estimator.n_features_in_ = n_features
    estimator._n_features_out = sizes[-1]
    estimator._trainers = []
    if "feature_names" in document:
        names = document["feature_names"]
        if not isinstance(names, list) or len(names) != n_features or not all(isinstance(n, str) for n in names):
            raise ValueError(f"the feature names are not {n_features} strings")
        estimator.feature_names_in_ = np.array(names, dtype=object)
    return estimator


def _parameters(tensors: Tensors, name: str) -> Parameters:
    return Parameters(padded_copy(tensors[f"{name}.weights"]), tensors[f"{name}.bias"].copy())


def _head(description: Any) -> ReconstructionHead:
    if not isinstance(description, dict) or description.get("decoder") not in DECODERS:
        raise ValueError(f"{description!r} does not describe a decoder")
    scale: Any = description.get("scale")
    if not _numbers([scale]) or scale <= 0:
        raise ValueError(f"a decoder has the scale {scale!r}")
    return get_reconstruction_head(description["decoder"], smallest=0.0, largest=float(scale))


def _numbers(values: Any, length: int | None = None) -> bool:
    """Tell whether `values` is a list of finite numbers, of that length where one is given."""
    return (
        isinstance(values, list)
        and (length is None or len(values) == length)
        and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    )
