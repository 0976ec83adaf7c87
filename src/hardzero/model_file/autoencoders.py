"""Autoencoders in a model file: one encoder and decoder a layer, with parameters and the state of training."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from hardzero.activations import Activation, get_activation
from hardzero.autoencoders import AutoencoderEstimator, DenoisingAutoencoder, StackedDenoisingAutoencoder
from hardzero.corruption import Corruption
from hardzero.denoising_trainer import TrainingRecord
from hardzero.dictionary_training import TopK
from hardzero.model_file.container import Contents
from hardzero.model_file.network import Tensors, check_tensors, decode_notes, encode_notes
from hardzero.model_file.parameters import (
    decode_feature_names,
    decode_parameters,
    encode_feature_names,
    encode_parameters,
)
from hardzero.model_file.penalty_state import decode_penalty
from hardzero.model_file.values import decode_value, encode_activation, encode_value, is_number
from hardzero.network import Layer, Network
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters
from hardzero.reconstruction import DECODERS, ReconstructionHead, SigmoidReconstruction, get_reconstruction_head
from hardzero.sparse_autoencoder import SparseAutoencoder
from hardzero.tied_network import TiedNetwork
from hardzero.training import History


def pack_autoencoder(estimator: AutoencoderEstimator) -> Contents:
    """Return a fitted autoencoder as contents of a file.

    Raises
    ------
    ValueError
        If it is not fitted, its activation is not one of hardzero's, or parameters were set since that are invalid or
        ask for other layers, so that the file could not be loaded.
    """
    name = type(estimator).__name__
    if "networks_" not in vars(estimator):
        raise ValueError(f"cannot save this {name}: it is not fitted yet; call fit first")
    estimator._validate_params()
    estimator._check_same_layers()
    tensors: Tensors = {}
    for index, network in enumerate(estimator.networks_):
        for part, layer in zip(("encoder", "decoder"), network.parameters, strict=True):
            tensors[f"layers.{index}.{part}.weights"] = layer.weights
            tensors[f"layers.{index}.{part}.bias"] = layer.bias
    document: dict[str, Any] = {
        "parameters": encode_parameters(estimator),
        "architecture": {
            "n_features": int(estimator.n_features_in_),
            "layers": [_encode_layer(network) for network in estimator.networks_],
        },
        "training": {
            "n_iter_": int(estimator.n_iter_),
            "layers": [_encode_record(record) for record in estimator._records],
        },
        **encode_feature_names(estimator),
        **encode_notes(estimator.networks_[0]),
    }
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
    """Return an autoencoder that transforms, reconstructs and can go on training.

    Raises
    ------
    ValueError
        If parts of the contents do not fit each other.
    """
    document, tensors = contents.document, contents.tensors
    estimator = kind(**decode_parameters(kind, document.get("parameters")))
    estimator._validate_params()
    architecture: Any = document.get("architecture")
    architecture = architecture if isinstance(architecture, dict) else {}
    n_features = architecture.get("n_features")
    if type(n_features) is not int or n_features < 1:
        raise ValueError(f"the number of features is {n_features!r}")
    sizes = [n_features, *estimator._hidden_layer_sizes()]
    expected: dict[str, tuple[int, ...]] = {}
    for index, (n_inputs, n_units) in enumerate(pairwise(sizes)):
        expected[f"layers.{index}.encoder.weights"] = (n_inputs, n_units)
        expected[f"layers.{index}.encoder.bias"] = (n_units,)
        expected[f"layers.{index}.decoder.weights"] = (n_units, n_inputs)
        expected[f"layers.{index}.decoder.bias"] = (n_inputs,)
    check_tensors(expected, tensors)
    training = document.get("training")
    layers: Any = architecture.get("layers")
    records: Any = training.get("layers") if isinstance(training, dict) else None
    for name, part in (("the architecture", layers), ("the record of training", records)):
        if not isinstance(part, list) or len(part) != len(sizes) - 1:
            raise ValueError(f"{name} does not describe {len(sizes) - 1} layers")
    activation = get_activation(estimator.activation)
    networks = []
    for index, layer in enumerate(layers):
        encoder = Layer(_parameters(tensors, f"layers.{index}.encoder"), activation)
        head = _decode_layer(layer, encoder)
        network = TiedNetwork if estimator.tied_weights else Network
        networks.append(network([encoder], _parameters(tensors, f"layers.{index}.decoder"), head))
    decode_notes(networks[0], document)
    estimator._restore(networks, [_decode_record(record) for record in records])
    estimator._trainers = []
    estimator.n_features_in_ = n_features
    decode_feature_names(estimator, document)
    return estimator


def _parameters(tensors: Tensors, name: str) -> Parameters:
    return Parameters(padded_copy(tensors[f"{name}.weights"]), tensors[f"{name}.bias"].copy())


def _encode_layer(network: Network) -> dict[str, Any]:
    layer, head = network.hidden_layers[0], network.loss
    assert isinstance(head, ReconstructionHead)
    return {
        "n_units": layer.n_units,
        "activation": _encode_activation(layer.activation),
        "decoder": head.decoder,
        "scale": head.scale if isinstance(head, SigmoidReconstruction) else 1.0,
    }


def _encode_activation(activation: Activation) -> dict[str, Any]:
    if isinstance(activation, TopK):
        return {"name": TopK.name, "constants": activation.parameters()}
    return encode_activation(activation)


def _decode_layer(description: Any, encoder: Layer) -> ReconstructionHead:
    """Return the decoder of a layer whose encoder is known, after checks that both go together."""
    if not isinstance(description, dict) or description.get("decoder") not in DECODERS:
        raise ValueError(f"{description!r} does not describe a decoder")
    if description.get("n_units") != encoder.n_units:
        raise ValueError(f"a layer of {encoder.n_units} units is said to have {description.get('n_units')!r}")
    if description.get("activation") != _encode_activation(encoder.activation):
        raise ValueError(f"a layer of {encoder.activation.name} is said to have {description.get('activation')!r}")
    scale: Any = description.get("scale")
    if not is_number(scale) or scale <= 0:
        raise ValueError(f"a decoder has the scale {scale!r}")
    return get_reconstruction_head(description["decoder"], smallest=0.0, largest=float(scale))


def _encode_record(record: TrainingRecord) -> dict[str, Any]:
    history = {
        name: _plain(value) for name, value in asdict(record.history).items() if name in _HISTORY and _is_finite(value)
    }
    return {
        **history,
        "batch_size": record.batch_size,
        "corruption": encode_value(record.corruption),
        "seed": record.seed,
        "sampling_ratio": record.sampling_ratio,
        "penalty": record.penalty,
    }


def _decode_record(document: Any) -> TrainingRecord:
    if not isinstance(document, dict):
        raise ValueError("the record of training is damaged")
    history = History()
    for name, kind in _HISTORY.items():
        value = document.get(name, getattr(history, name))
        valid = {
            "curve": isinstance(value, list) and bool(value) and _are_numbers(value),
            "curves": isinstance(value, list) and bool(value) and all(_are_numbers(row, 1) for row in value),
            "number": is_number(value) or name not in document,
            "count": type(value) is int and value >= 0,
        }
        if not valid[kind]:
            raise ValueError(f"the record of training has an invalid {name!r}")
        setattr(history, name, value)
    corruption = decode_value(document.get("corruption"))
    batch_size, seed = document.get("batch_size"), document.get("seed")
    if type(batch_size) is not int or type(seed) is not int or batch_size < 1 or seed < 0:
        raise ValueError(f"the record of training has batch_size={batch_size!r} and seed={seed!r}")
    ratio = document.get("sampling_ratio")
    if ratio is not None and not (is_number(ratio) and ratio > 0):
        raise ValueError(f"the record of training has an invalid 'sampling_ratio': {ratio!r}")
    if corruption is not None and not isinstance(corruption, Corruption):
        raise ValueError(f"the record of training has an invalid 'corruption': {corruption!r}")
    return TrainingRecord(
        history=history,
        batch_size=batch_size,
        corruption=corruption,
        seed=seed,
        sampling_ratio=ratio,
        penalty=decode_penalty(document.get("penalty"), 1),
    )


_HISTORY = {
    "loss_curve": "curve",
    "sparsity_curve": "curves",
    "best_loss": "number",
    "n_epochs": "count",
    "n_passes": "count",
    "n_samples_seen": "count",
    "n_dead_units": "count",
    "n_revived_units": "count",
}
"""What is kept of a `History`, and what each value must be."""


def _plain(value: Any) -> Any:
    """Return numbers of NumPy, also within lists, as JSON values."""
    return np.asarray(value).tolist()


def _is_finite(value: Any) -> bool:
    return bool(np.isfinite(value).all())


def _are_numbers(values: Any, length: int | None = None) -> bool:
    """Tell whether `values` is a list of finite numbers, of that length where one is given."""
    return isinstance(values, list) and (length is None or len(values) == length) and all(map(is_number, values))
