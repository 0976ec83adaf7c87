"""``hardzero report``: a page about a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    data: Annotated[
        str | None, typer.Argument(help="A data set by name, or a file; its test part shows what the model does.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page; by default beside the model, ending in .html.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of a data file to predict.")] = None,
    sweep: Annotated[
        Path | None, typer.Option(help="Result of 'hardzero sweep', for the trade-off of sparsity and accuracy.")
    ] = None,
) -> None:
    """Write one self-contained HTML page about a model."""
    import hardzero
    from hardzero import datasets
    from hardzero.report import write_report

    estimator = hardzero.load(model)
    dataset = None if data is None else datasets.load(data, target=target)
    page = output or model.with_suffix(".html")
    write_report(estimator, page, dataset, sweep)
    typer.echo(f"Wrote {page}")
