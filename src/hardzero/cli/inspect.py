"""``hardzero inspect``: what is in a model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardzero.cli.inspect_autoencoder import autoencoder_layers, corruption, is_autoencoder
from hardzero.cli.model_input import known_names, noted_targets
from hardzero.cli.output_file import check_standard_output

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """[bold]Examples[/]

hardzero inspect digits.safetensors

hardzero inspect digits.safetensors --json | jq .notes.test.error
"""

_MOST_NAMES = 12


def inspect(
    model: Annotated[Path, typer.Argument(help="A model file, from 'hardzero fit' or save().")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything the file says of itself as JSON.")] = False,
) -> None:
    """Show architecture, zeros, training and test results of a model."""
    from rich.console import Console
    from rich.text import Text

    from hardzero.model_file import describe, load

    if as_json:
        check_standard_output()
    description = describe(model)
    if as_json:
        typer.echo(json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False))
        return
    load(model)
    console = Console()
    heading = Text.assemble((str(model), "bold"), f", written by hardzero {description['hardzero_version']}")
    console.print(heading, soft_wrap=True)
    layers = autoencoder_layers if is_autoencoder(description) else _layers
    for table in (_summary(model, description), layers(description)):
        console.print()
        console.print(table, soft_wrap=not console.is_terminal)


def _summary(model: Path, description: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    notes, architecture = description["notes"], description.get("architecture", {})
    rows = {
        "kind": description["kind"],
        "file": f"{model.stat().st_size:,} bytes, format version {description['format_version']}",
        "features": _features(description),
        "classes": _listed([str(label) for label in description.get("classes", {}).get("values", [])]),
        "outputs": f"{architecture['n_outputs']}, {architecture['output_activation']}"
        if "n_outputs" in architecture
        else "",
        "corruption": corruption(description) if is_autoencoder(description) else "",
        "trained on": _origin(notes),
        "training": _training(description),
        "test": _test(notes.get("test")),
    }
    for name, text in rows.items():
        if text:
            # Names of columns and files may hold what rich takes for markup.
            table.add_row(name, Text(text))
    return table


def _layers(description: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("layer", box=None, padding=(0, 2, 0, 0))
    table.add_column("activation", overflow="fold")  # its constants are of use whole
    for heading in ("units", "parameters", "zeros", "dead units"):
        table.add_column(heading, justify="right")
    architecture, test = description["architecture"], description["notes"].get("test")
    test, n_layers = test if isinstance(test, dict) else {}, len(architecture["layers"])
    sparsity = description.get("training", {}).get("sparsity_")
    zeros = _of_layers(test.get("zeros"), n_layers) or _of_layers(sparsity, n_layers)
    dead = _of_layers(test.get("dead_units"), n_layers)
    n_inputs, total = architecture["n_features"], 0
    for index, layer in enumerate(architecture["layers"]):
        n_units, activation = layer["n_units"], layer["activation"]
        constants = ", ".join(f"{name}={value:g}" for name, value in activation["constants"].items())
        name = f"{activation['name']}({constants})" if constants else activation["name"]
        n_parameters = (n_inputs + 1) * n_units
        table.add_row(
            str(index + 1),
            name,
            f"{n_units:,}",
            f"{n_parameters:,}",
            f"{zeros[index]:.1%}" if zeros else "",
            str(dead[index]) if dead else "",
        )
        n_inputs, total = n_units, total + n_parameters
    n_parameters = (n_inputs + 1) * architecture["n_outputs"]
    table.add_row("output", architecture["output_activation"], f"{architecture['n_outputs']:,}", f"{n_parameters:,}")
    table.add_row("all", "", "", f"{total + n_parameters:,}")
    return table


def _of_layers(values: Any, n_layers: int) -> list[float]:
    """Return a figure for each hidden layer; nothing where notes of one's own are in the place of such figures."""
    from hardzero.model_file.values import is_number

    fits = isinstance(values, list) and len(values) == n_layers and all(map(is_number, values))
    return values if fits else []


def _features(description: dict[str, Any]) -> str:
    n_features = description.get("architecture", {}).get("n_features")
    names = known_names(description)
    return f"{n_features}" + (f": {_listed(names)}" if names else "")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown}, … ({len(names)} in all)" if len(names) > _MOST_NAMES else shown


def _origin(notes: dict[str, Any]) -> str:
    if "data" not in notes or not isinstance(notes.get("n_train"), int):
        return ""
    text = f"{notes['data']}, {notes['n_train']:,} samples"
    return f"{text}; target: {_listed(notes['targets'])}" if noted_targets(notes) else text


def _training(description: dict[str, Any]) -> str:
    training, parameters = description.get("training", {}), description.get("parameters", {})
    if "n_iter_" not in training:
        return ""
    text = f"{parameters.get('solver')}, {training['n_iter_']} epochs"
    if training.get("loss_") is not None:
        text += f", last loss {training['loss_']:.4g}"
    return text + (" (interrupted)" if description["notes"].get("interrupted") else "")


def _test(test: Any) -> str:
    from hardzero.analysis.regression_error import error_text
    from hardzero.model_file.values import is_number

    # Notes may hold anything under this name; these are what `hardzero fit` writes.
    known = {name: value for name, value in test.items() if is_number(value)} if isinstance(test, dict) else {}
    if known.keys() >= {"zeros_overall", "error", "n_errors", "n_samples"}:
        quality = f"error {known['error']:.2%} ({known['n_errors']} of {known['n_samples']:,})"
    elif known.keys() >= {"zeros_overall", "rmse"}:
        quality = f"RMSE {error_text(known['rmse'])}" + (f", R² {known['r2']:.4f}" if "r2" in known else "")
    else:
        return ""
    return f"{quality}, zeros {known['zeros_overall']:.1%}"
