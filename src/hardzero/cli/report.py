"""``hardzero report``: a page about a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardzero.cli.chunked_test import ChunkedTest
from hardzero.cli.class_labels import labels_as_fitted
from hardzero.cli.data_options import (
    DATA,
    CategoriesOption,
    DelimiterOption,
    FirstIndexOption,
    IgnoreOption,
    NotedDecimalOption,
    NotedEncodingOption,
    NotedHeaderOption,
    as_target,
)
from hardzero.cli.errors import warn
from hardzero.cli.guarded_training import warnings_shown_after
from hardzero.cli.model_input import (
    columns_by_name,
    known_names,
    noted_chunk_rows,
    noted_reading,
    noted_targets,
    reading_as_noted,
    with_names,
)
from hardzero.cli.output_file import ForceOption, beside, check_page_output
from hardzero.cli.piped_input import as_file
from hardzero.cli.text_input import in_words_of, text_column

if TYPE_CHECKING:
    from hardzero.datasets import Dataset

EXAMPLES = """[bold]Examples[/]

hardzero report digits.safetensors digits

hardzero report wine.safetensors wine.csv --output wine.html

hardzero report autoencoder.safetensors new.csv --ignore id   (needs no target)

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
    sweep: Annotated[
        Path | None, typer.Option(help="Result of 'hardzero sweep', for the trade-off of sparsity, accuracy and speed.")
    ] = None,
    force: ForceOption = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="Column to predict; by default those the model was fitted to. An autoencoder needs none.",
            rich_help_panel=DATA,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="Column of raw text; by default the one the model was fitted to.", rich_help_panel=DATA),
    ] = None,
    ignore: IgnoreOption = None,
    categories: CategoriesOption = None,
    delimiter: DelimiterOption = None,
    decimal: NotedDecimalOption = None,
    encoding: NotedEncodingOption = None,
    header: NotedHeaderOption = None,
    first_index: FirstIndexOption = None,
    test: Annotated[
        Path | None,
        typer.Option(help="File of test samples that 'hardzero fit' was given besides DATA.", rich_help_panel=DATA),
    ] = None,
) -> None:
    """Write one self-contained HTML page about a model.

    It has learning curves and zeros over training; with data also active units, units by class, for images the weights
    of the first layer, and cost against dense arithmetic. It needs no network and no script.

    A file is read and divided as the one that 'hardzero fit' trained the model on, unless options say otherwise.
    """
    from hardzero.datasets.catalog import is_named
    from hardzero.datasets.file_format import CSV, existing_file, file_format
    from hardzero.model_file import describe, load
    from hardzero.report import write_report
    from hardzero.text import as_text_model

    page = output or beside(model, ".html")
    check_page_output(page, model, data, sweep, test, force=force)
    description = describe(model)
    estimator = as_text_model(load(model))
    if data is None:
        if test is not None:
            raise ValueError("--test goes with the data to train on: give these too, or the test file in their place")
        write_report(estimator, page, None, sweep)
    else:
        notes, data = description["notes"], as_file(data)
        if test is not None and (is_named(data) or noted_chunk_rows(notes) is not None):
            raise ValueError(f"--test: {data} has test samples of its own for {model}; leave the option out")
        given: dict[str, Any] = {
            "text": text,
            "ignore": ignore,
            "categories": categories,
            "delimiter": delimiter,
            "decimal": decimal,
            "encoding": encoding,
            "header": header,
            "first_index": first_index,
            "test": test,
        }
        noted = notes if is_named(data) or file_format(existing_file(data)) == CSV else _without_columns(notes)
        reading = {"task": _task(estimator), **reading_as_noted(noted, given)}
        if text is not None and not _takes_texts(estimator):
            raise ValueError(f"--text: {model} takes numbers, not texts; leave the option out")
        if _takes_texts(estimator) and not is_named(data):
            reading["text"] = text_column(reading.get("text"), notes, data)
        with warnings_shown_after():
            dataset = _read(data, target or noted_targets(notes) or None, reading, noted_chunk_rows(notes), estimator)
        if dataset is None:
            if test is not None:
                raise ValueError(f"{data} has no target, and all of it is on the page: leave out --test")
            with warnings_shown_after():
                _write_page_without_target(estimator, page, data, description.get("feature_names"), reading, sweep)
        else:
            held_out = is_named(data) or _is_as_fitted(dataset, notes, estimator)
            if not held_out:
                among = "samples on the page may be among those it was trained on"
                if test is None and "test_file" in notes:
                    warn(f"{model} was fitted with --test {notes['test_file']}: give that too; otherwise {among}")
                else:
                    warn(
                        f"{data} has changed since {model} was fitted, is another file, or is read in another way: "
                        f"{among}"
                    )
            dataset = _with_labels_as_fitted(dataset, estimator)
            write_page(estimator, page, dataset, known_names(description), sweep, held_out=held_out)
    typer.echo(f"Wrote {page}", err=True)


def write_page(
    estimator: Any,
    page: Path,
    dataset: Dataset | ChunkedTest,
    feature_names: Sequence[str] | None,
    sweep: Path | None = None,
    *,
    held_out: bool = True,
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
        held_out=held_out,
    )


def _read(
    data: str, targets: list[str] | None, reading: dict[str, Any], chunk_rows: int | None, estimator: Any
) -> Dataset | ChunkedTest | None:
    """Return data with a test part; None for a file without a target, where the model needs none."""
    from hardzero.datasets.catalog import is_named
    from hardzero.datasets.columns import TargetNotFound
    from hardzero.report.model_section import is_autoencoder

    dataset: Dataset | ChunkedTest
    if chunk_rows is not None and Path(data).is_file() and not is_named(data):
        dataset = ChunkedTest.read(data, chunk_rows, targets, reading)
    else:
        try:
            dataset = _load(data, targets, reading)
        except TargetNotFound:
            if targets or not is_autoencoder(estimator):
                raise
            return None
    if dataset.is_text and not _takes_texts(estimator):
        raise ValueError(f"{data} holds raw text; a page needs the numbers that the model was fitted to")
    return dataset


def _is_as_fitted(dataset: Dataset | ChunkedTest, notes: dict[str, Any], estimator: Any) -> bool:
    """Tell whether data are those that `hardzero fit` noted, so that their test part is unseen; True without a note."""
    noted = notes.get("checksum")
    if not isinstance(noted, str):
        return True
    if not isinstance(dataset, ChunkedTest) and dataset.is_text:
        dataset = in_words_of(estimator, dataset)
    return dataset.checksum == noted


def _without_columns(notes: dict[str, Any]) -> dict[str, Any]:
    """Return notes without what says what the columns of a table are for: arrays have none."""
    reading = noted_reading(notes)
    return {**notes, "reading": {name: reading[name] for name in reading.keys() - {"ignore", "categories"}}}


def _load(data: str, targets: list[str] | None, reading: dict[str, Any]) -> Dataset:
    """Read data as the model's own were read and divided, so that its test part is unseen."""
    from hardzero import datasets
    from hardzero.datasets.catalog import is_named

    options: dict[str, Any] = {}
    if not is_named(data):
        options = {**reading, "target": as_target(targets)}
    return datasets.load(data, **options)


def _with_labels_as_fitted(dataset: Any, estimator: Any) -> Any:
    """Return data with the labels of their test part in the type of the model's classes, if it has such."""
    from hardzero.datasets import Split

    test, classes = dataset.test, getattr(estimator, "classes_", None)
    if classes is None or test.y.ndim != 1:
        return dataset
    y = labels_as_fitted(test.y, classes, dataset.name)
    # Names of the classes stand in the order of the labels as they were read.
    return dataset if y is test.y else replace(dataset, test=Split(test.X, y), class_names=None)


def _write_page_without_target(
    estimator: Any,
    page: Path,
    data: str,
    feature_names: Sequence[str] | None,
    reading: dict[str, Any],
    sweep: Path | None,
) -> None:
    """Write the page about an autoencoder on all of a file."""
    from hardzero import datasets
    from hardzero.report import write_report

    table = datasets.read_table(
        data,
        feature_names=feature_names,
        n_features=estimator.n_features_in_ if feature_names is None else None,
        **{name: value for name, value in reading.items() if name not in ("task", "text", "seed", "test")},
    )
    write_report(
        estimator,
        page,
        (with_names(table.X, feature_names), None),
        sweep,
        title=f"{type(estimator).__name__} on {Path(data).name}",
        image_shape=table.image_shape,
    )


def _takes_texts(estimator: Any) -> bool:
    return hasattr(estimator, "transform_texts")


def _task(estimator: Any) -> str | None:
    """Return what the model does with targets; None for an autoencoder."""
    from sklearn.base import is_classifier, is_regressor

    if is_classifier(estimator):
        return "classification"
    return "regression" if is_regressor(estimator) else None
