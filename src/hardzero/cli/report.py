"""``hardzero report``: a page about a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardzero.cli.chunked_test import ChunkedTest
from hardzero.cli.data_options import as_target
from hardzero.cli.model_input import (
    columns_by_name,
    known_names,
    noted_chunk_rows,
    noted_reading,
    noted_targets,
    with_names,
)
from hardzero.cli.output_file import check_page_output, page_beside
from hardzero.cli.piped_input import as_file

if TYPE_CHECKING:
    from hardzero.datasets import Dataset

EXAMPLES = """[bold]Examples[/]

hardzero report digits.safetensors digits

hardzero report wine.safetensors wine.csv --output wine.html

hardzero report digits.safetensors digits --sweep digits-sweep.json   (after 'hardzero sweep digits')
"""


def report(
    model: Annotated[Path, typer.Argument(help="A model file, from 'hardzero fit' or save().")],
    data: Annotated[
        str | None,
        typer.Argument(help="A data set by name, a file, or - for a pipe; its test part shows what the model does."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page; by default beside the model, ending in .html.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Column of a data file to predict; by default those the model was fitted to."),
    ] = None,
    sweep: Annotated[
        Path | None, typer.Option(help="Result of 'hardzero sweep', for the trade-off of sparsity, accuracy and speed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no page of hardzero.")] = False,
) -> None:
    """Write one self-contained HTML page about a model.

    It has learning curves and zeros over training; with data also active units, units by class, for images the weights
    of the first layer, and cost against dense arithmetic. It needs no network and no script.
    """
    from hardzero.datasets.catalog import is_named
    from hardzero.model_file import describe, load
    from hardzero.report import write_report

    page = output or page_beside(model)
    check_page_output(page, model, data, sweep, force=force)
    description = describe(model)
    estimator = load(model)
    if data is None:
        write_report(estimator, page, None, sweep)
    else:
        notes, data = description["notes"], as_file(data)
        targets = target or noted_targets(notes) or None
        takes_text = hasattr(estimator, "transform_texts")
        chunk_rows = noted_chunk_rows(notes)
        dataset: Dataset | ChunkedTest
        if chunk_rows is not None and Path(data).is_file() and not is_named(data):
            dataset = ChunkedTest.read(data, chunk_rows, targets, noted_reading(notes))
        else:
            dataset = _load(data, targets, noted_reading(notes))
        if dataset.is_text and not takes_text:
            raise ValueError(f"{data} holds raw text; a page needs the numbers that the model was fitted to")
        write_page(estimator, page, dataset, known_names(description), sweep)
    typer.echo(f"Wrote {page}", err=True)


def write_page(
    estimator: Any,
    page: Path,
    dataset: Dataset | ChunkedTest,
    feature_names: Sequence[str] | None,
    sweep: Path | None = None,
) -> None:
    """Write the page about a model on the test part of a data set, of which it takes the named columns."""
    from hardzero.report import write_report

    X, names = dataset.test.X, dataset.feature_names
    if names is not None and feature_names is not None:
        X = columns_by_name(X, names, feature_names, dataset.name)
        X = with_names(X, getattr(estimator, "feature_names_in_", None))
    write_report(
        estimator,
        page,
        (X, dataset.test.y),
        sweep,
        title=f"{type(estimator).__name__} on {dataset.name}",
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
    )


def _load(data: str, targets: list[str] | None, reading: dict[str, Any]) -> Dataset:
    """Read data as the model's own were read and divided, so that its test part is unseen."""
    from hardzero import datasets
    from hardzero.datasets.catalog import is_named

    options: dict[str, Any] = {}
    if not is_named(data):
        options = {**reading, "target": as_target(targets)}
    return datasets.load(data, **options)
