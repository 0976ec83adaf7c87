"""What the model is: kind, layers, parameters, score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hardzero.analysis.hidden_activations import network_of
from hardzero.report.section import Section, TextTable


@dataclass(frozen=True)
class KeyFigure:
    """A number that sums the model up."""

    value: str
    meaning: str


def model_section(estimator: Any) -> Section:
    """Return the layers and the parameters that differ from their defaults."""
    network = network_of(estimator)
    rows = []
    n_inputs = network.n_features
    for depth, layer in enumerate(network.hidden_layers, start=1):
        n_parameters = (n_inputs + 1) * layer.n_units
        rows.append([f"layer {depth}", f"{layer.n_units:,}", layer.activation.name, f"{n_parameters:,}"])
        n_inputs = layer.n_units
    n_parameters = (n_inputs + 1) * network.n_outputs
    rows.append(["output", f"{network.n_outputs:,}", network.loss.output_activation, f"{n_parameters:,}"])
    tables = [TextTable(["layer", "units", "activation", "parameters"], rows)]
    settings = changed_parameters(estimator)
    if settings:
        tables.append(TextTable(["setting", "value"], [[name, value] for name, value in settings.items()]))
    return Section("The model", "", tables=tables)


def changed_parameters(estimator: Any) -> dict[str, str]:
    """Return the parameters of an estimator that are not at their default, as texts."""
    defaults = type(estimator)().get_params(deep=False)
    return {
        name: _short(value)
        for name, value in estimator.get_params(deep=False).items()
        if repr(value) != repr(defaults.get(name))
    }


def key_figures(estimator: Any, X: Any | None, y: Any | None) -> list[KeyFigure]:
    """Return the error on labelled data, zeros, and size."""
    from sklearn.base import is_classifier, is_regressor

    figures = []
    network = network_of(estimator)
    if X is not None and y is not None and len(y):
        if is_classifier(estimator):
            error = 100.0 * (1.0 - float(estimator.score(X, y)))
            figures.append(KeyFigure(f"{error:.2f} %", f"error on {len(y):,} held-out samples"))
        elif is_regressor(estimator):
            rmse = float(np.sqrt(np.mean(np.square(estimator.predict(X) - y))))
            figures.append(KeyFigure(f"{rmse:.4g}", f"root mean squared error on {len(y):,} held-out samples"))
            figures.append(KeyFigure(f"{float(estimator.score(X, y)):.3f}", "R² on the same"))
    if X is not None and is_autoencoder(estimator):
        error = float(estimator.reconstruction_error(X))
        figures.append(
            KeyFigure(f"{error:.4g}", f"mean squared error of reconstructions of {X.shape[0]:,} held-out samples")
        )
    if X is not None:
        zeros = np.average(network.sparsity(estimator._ops(), estimator._validate_X(X)), weights=_units(estimator))
        figures.append(KeyFigure(f"{100 * zeros:.1f} %", "of hidden activations are exactly zero"))
    elif getattr(estimator, "sparsity_", None) is not None:
        zeros = np.average(estimator.sparsity_, weights=_units(estimator))
        figures.append(KeyFigure(f"{100 * zeros:.1f} %", "of hidden activations are exactly zero (training data)"))
    n_parameters = sum(layer.weights.size + layer.bias.size for layer in network.parameters)
    figures.append(KeyFigure(_thousands(n_parameters), "parameters"))
    return figures


def is_autoencoder(estimator: Any) -> bool:
    """Tell whether a model reconstructs its input."""
    return hasattr(estimator, "reconstruct")


def _units(estimator: Any) -> list[int]:
    return [layer.n_units for layer in network_of(estimator).hidden_layers]


def _thousands(number: int) -> str:
    if number >= 1_000_000:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 10_000 else f"{number:,}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "…"
