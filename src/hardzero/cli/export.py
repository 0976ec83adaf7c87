"""``hardzero export``: a model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hardzero.cli.output_file import ForceOption, beside, check_kind, check_output
from hardzero.cli.text_input import takes_texts

EXAMPLES = """[bold]Examples[/]

hardzero export digits.safetensors   (writes digits.onnx)

hardzero export wine.safetensors --output served/wine.onnx
"""


def export(
    model: Annotated[Path, typer.Argument(help="A model file, from 'hardzero fit' or save().")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="ONNX file to write; the name of the model by default.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Write a classifier or regressor as an ONNX file, which other runtimes and languages execute.

    Its input X has the features in the order of the model; scaling that 'hardzero fit' did is in the weights.
    """
    from hardzero.estimators import RectifierClassifier, RectifierRegressor
    from hardzero.interop import to_onnx
    from hardzero.model_file import describe, load

    output = beside(model, ".onnx") if output is None else output
    check_output(output, model)
    description = describe(model)
    if takes_texts(description):
        raise ValueError(
            f"{model} takes raw texts, whose words an ONNX file could not count; in Python, hardzero.interop.to_onnx "
            "writes its network alone, the estimator_ of a TextModel"
        )
    estimator = load(model)
    if not isinstance(estimator, RectifierClassifier | RectifierRegressor):
        raise ValueError(f"{model} holds a {description['kind']}: give a classifier or regressor")
    check_kind(output, "ONNX model", _is_onnx, force=force)
    to_onnx(estimator, output)
    typer.echo(f"Wrote {output}")


def _is_onnx(path: Path) -> bool:
    """Tell whether a file is an ONNX model."""
    from hardzero.interop.optional_package import optional_package

    onnx = optional_package("onnx")
    try:
        return bool(onnx.load(path).graph.node)
    except Exception:  # of protobuf, whose errors have no common name across its versions
        return False
