"""What ``hardzero inspect`` shows of an autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def is_autoencoder(description: dict[str, Any]) -> bool:
    """Tell whether a model file holds an autoencoder, from what it says of itself."""
    return "layers" in description.get("training", {})


def corruption(description: dict[str, Any]) -> str:
    """Return how the input of the first layer was corrupted in training."""
    match description["training"]["layers"][0]["corruption"]:
        case {"corruption": [str() as name, dict() as constants]}:
            return f"{name}, {', '.join(f'{constant}={value:g}' for constant, value in constants.items())}"
    return "none"


def autoencoder_layers(description: dict[str, Any]) -> Table:
    """Return a table of encoders and decoders, with the state in which training left them."""
    from rich.table import Table

    table = Table("layer", box=None, padding=(0, 2, 0, 0))
    for heading in ("encoder", "decoder"):
        table.add_column(heading, overflow="fold")  # constants of activations are of use whole
    for heading in ("units", "parameters", "zeros", "dead units", "last loss"):
        table.add_column(heading, justify="right", no_wrap=heading in ("parameters", "last loss"))
    architecture, total = description["architecture"], 0
    n_inputs = architecture["n_features"]
    n_weights = 1 if description["parameters"].get("tied_weights") else 2
    layers = zip(architecture["layers"], description["training"]["layers"], strict=True)
    for index, (layer, training) in enumerate(layers, start=1):
        n_units, activation = layer["n_units"], layer["activation"]
        constants = ", ".join(f"{name}={value:g}" for name, value in activation["constants"].items())
        n_parameters = n_weights * n_inputs * n_units + n_units + n_inputs
        table.add_row(
            str(index),
            f"{activation['name']}({constants})" if constants else activation["name"],
            layer["decoder"],
            f"{n_units:,}",
            f"{n_parameters:,}",
            f"{training['sparsity_curve'][-1][0]:.1%}",
            f"{training['n_dead_units']:,}",
            f"{training['loss_curve'][-1]:.4g}",
        )
        n_inputs, total = n_units, total + n_parameters
    table.add_row("all", "", "", "", f"{total:,}")
    return table
