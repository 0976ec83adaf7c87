"""What the model is: kind, layers, parameters, score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hardzero.analysis.hidden_activations import network_of
from hardzero.analysis.regression_error import error_text, root_mean_squared_error
from hardzero.network import Network
from hardzero.ops.updates import Parameters
from hardzero.report.section import Section, TextTable


@dataclass(frozen=True)
class KeyFigure:
    """A number that sums the model up."""

    value: str
    meaning: str


def model_section(estimator: Any) -> Section:
    """Return the layers and the parameters that differ from their defaults."""
    rows = _autoencoder_rows(estimator) if is_autoencoder(estimator) else _layer_rows(network_of(estimator))
    tables = [TextTable(["layer", "units", "activation", "parameters"], rows)]
    settings = changed_parameters(estimator)
    if settings:
        tables.append(TextTable(["setting", "value"], [[name, value] for name, value in settings.items()]))
    return Section("The model", "", tables=tables)


def _layer_rows(network: Network) -> list[list[str]]:
    rows = []
    for depth, layer in enumerate(network.hidden_layers, start=1):
        rows.append(_row(f"layer {depth}", layer.n_units, layer.activation.name, _size(layer.parameters)))
    rows.append(_row("output", network.n_outputs, network.loss.output_activation, _size(network.output)))
    return rows


def _autoencoder_rows(estimator: Any) -> list[list[str]]:
    """Return the way of a sample: up through the encoders, down through the decoders."""
    encoders, decoders = [], []
    for depth, network in enumerate(estimator.networks_, start=1):
        layer, decoder = network.hidden_layers[0], network.output
        encoders.append(_row(f"encoder {depth}", layer.n_units, layer.activation.name, _size(layer.parameters)))
        n_own = decoder.bias.size if estimator.tied_weights else _size(decoder)
        decoders.append(_row(f"decoder {depth}", network.n_outputs, network.loss.decoder, n_own))
    return [*encoders, *reversed(decoders)]


def _row(name: str, n_units: int, activation: str, n_parameters: int) -> list[str]:
    return [name, f"{n_units:,}", activation, f"{n_parameters:,}"]


def _size(parameters: Parameters) -> int:
    return parameters.weights.size + parameters.bias.size


def _n_parameters(estimator: Any) -> int:
    """Return the number of weights and biases; of tied weights one of the two copies counts."""
    if not is_autoencoder(estimator):
        return sum(map(_size, network_of(estimator).parameters))
    total = sum(_size(layer) for network in estimator.networks_ for layer in network.parameters)
    tied = sum(network.output.weights.size for network in estimator.networks_) if estimator.tied_weights else 0
    return total - tied


def changed_parameters(estimator: Any) -> dict[str, str]:
    """Return the parameters of an estimator that are not at their default, as texts."""
    defaults = type(estimator)().get_params(deep=False)
    return {
        name: _short(value)
        for name, value in estimator.get_params(deep=False).items()
        if repr(value) != repr(defaults.get(name))
    }


def key_figures(estimator: Any, X: Any | None, y: Any | None, *, held_out: bool = True) -> list[KeyFigure]:
    """Return the error on labeled data, which training may have seen if it is not held out, zeros, and size."""
    from sklearn.base import is_classifier, is_regressor

    figures = []
    network = network_of(estimator)
    samples = "held-out samples" if held_out and y is not None else "samples"
    if X is not None and y is not None and len(y):
        if is_classifier(estimator):
            error = 100.0 * (1.0 - float(estimator.score(X, y)))
            figures.append(KeyFigure(f"{error:.2f} %", f"error on {len(y):,} {samples}"))
        elif is_regressor(estimator):
            rmse = root_mean_squared_error(y, estimator.predict(X))
            figures.append(KeyFigure(error_text(rmse), f"root mean squared error on {len(y):,} {samples}"))
            figures.append(KeyFigure(f"{float(estimator.score(X, y)):.3f}", "R² on the same"))
    if X is not None and is_autoencoder(estimator):
        error = float(estimator.reconstruction_error(X))
        figures.append(KeyFigure(f"{error:.4g}", f"mean squared error of reconstructions of {X.shape[0]:,} {samples}"))
    if network.hidden_layers:
        figures += _zeros(estimator, X)
    figures.append(KeyFigure(_thousands(_n_parameters(estimator)), "parameters"))
    return figures


def _zeros(estimator: Any, X: Any | None) -> list[KeyFigure]:
    """Return the part of zeros over all hidden units, if it is known."""
    network, meaning = network_of(estimator), "of hidden activations are exactly zero"
    zeros: Any
    if X is not None:
        zeros = network.sparsity(estimator._ops(), estimator._validate_X(X))
    else:
        zeros, meaning = getattr(estimator, "sparsity_", None), f"{meaning} (training data)"
    if zeros is None:
        return []
    overall = np.average(zeros, weights=[layer.n_units for layer in network.hidden_layers])
    return [KeyFigure(f"{100 * overall:.1f} %", meaning)]


def is_autoencoder(estimator: Any) -> bool:
    """Tell whether a model reconstructs its input."""
    return hasattr(estimator, "reconstruct")


def _thousands(number: int) -> str:
    if number >= 1_000_000:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 10_000 else f"{number:,}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "…"
