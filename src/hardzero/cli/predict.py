"""``hardzero predict``: predictions for new samples as CSV."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from hardzero.cli.data_options import DelimiterOption, NotedDecimalOption, NotedEncodingOption, NotedHeaderOption
from hardzero.cli.guarded_training import warnings_shown_after
from hardzero.cli.model_input import known_names, noted_targets, reading_as_noted, with_names
from hardzero.cli.output_file import ForceOption, check_kind, check_output
from hardzero.cli.piped_input import as_file
from hardzero.cli.text_input import network_estimator, takes_texts, texts_for
from hardzero.cli.threads_option import check_threads

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = """[bold]Examples[/]

hardzero predict wine.safetensors new.csv

hardzero predict wine.safetensors new.csv --proba --output predictions.csv

zcat new.csv.gz | hardzero predict wine.safetensors - | head

hardzero predict reviews.safetensors new.csv   (raw text, for a model trained on it)

hardzero predict digits.safetensors digits   (the test split of a named data set)
"""

PREDICTION = "prediction"
"""Name of the column of predictions, with which those of several targets begin."""

PROBABILITY = "probability"
"""With which the columns of probabilities begin."""

MOST_OF_HEADER = 1 << 20
"""Bytes by which a table is known."""


def predict(
    model: Annotated[Path, typer.Argument(help="A model file, from 'hardzero fit' or save().")],
    data: Annotated[
        str,
        typer.Argument(
            help="New samples: CSV, TSV, NPZ or svmlight, with or without the target; a named set; - reads from a pipe."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file to write, or .csv.gz; standard output by default.")
    ] = None,
    force: ForceOption = False,
    text: Annotated[
        str | None, typer.Option(help="Column of raw text; by default the one that the model was trained on.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    delimiter: DelimiterOption = None,
    decimal: NotedDecimalOption = None,
    encoding: NotedEncodingOption = None,
    header: NotedHeaderOption = None,
    first_index: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1,
            help="Where the indices of an svmlight file begin; as in the data of 'hardzero fit' by default.",
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(callback=check_threads, help="All cores by default.")] = None,
) -> None:
    """Predict with a saved model; one row of CSV a sample, in the order of the data.

    Columns are found by their names. Columns that the model does not know, such as the target, are not used; a
    column that it needs and the data lack is an error.
    """
    from hardzero.atomic_file import atomic_file
    from hardzero.model_file import describe, load

    if output is not None:
        check_output(output, model, data)
        check_kind(output, "table of predictions", _holds_predictions, force=force)
    description = describe(model)
    estimator = load(model)
    if not hasattr(estimator, "predict"):
        raise ValueError(
            f"{model} holds a {description['kind']}, which does not predict: give a classifier or regressor"
        )
    if proba and not hasattr(estimator, "predict_proba"):
        raise ValueError(f"--proba: {model} is a regression, which has no classes; leave the option out")
    network_estimator(estimator).set_params(n_jobs=threads)
    given = {
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
        "header": header,
        "first_index": first_index,
    }
    reading = reading_as_noted(description["notes"], given)
    options = {name: reading[name] for name in given if name in reading}
    data = as_file(data)
    if text is not None and not takes_texts(description):
        raise ValueError(f"--text: {model} takes numbers, not texts; leave the option out")
    with warnings_shown_after():
        if takes_texts(description):
            X = texts_for(data, text, description["notes"], **options)
        else:
            X = _read(data, model, estimator, description, **options)
        frame = _predictions(estimator, X, description["notes"], proba)
    if output is None:
        frame.to_csv(sys.stdout, index=False, lineterminator="\n")
        return
    with atomic_file(output) as file:
        compression: Any = "gzip" if output.suffix == ".gz" else None
        frame.to_csv(file, index=False, lineterminator="\n", compression=compression)
    typer.echo(f"Wrote {len(frame):,} predictions to {output}", err=True)


def _holds_predictions(path: Path) -> bool:
    """Tell whether a file has columns like the tables that this command writes, and no others."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.readline(MOST_OF_HEADER).decode(errors="replace")
        names = next(csv.reader([header]), [])
    except (OSError, EOFError, zlib.error, csv.Error):
        return False
    ours = (f"{PREDICTION}_", f"{PROBABILITY}_")
    known = [name == PREDICTION or name.startswith(ours) for name in names]
    return all(known) and header.removeprefix('"').startswith(PREDICTION)


def _read(data: str, model: Path, estimator: Any, description: dict[str, Any], **options: Any) -> Any:
    """Return the samples as the model takes them."""
    from hardzero import datasets
    from hardzero.datasets.catalog import is_named

    names = known_names(description)
    if is_named(data):
        dataset = datasets.load(data)
        if dataset.is_text:
            raise ValueError(f"{data} holds raw texts; {model} takes {estimator.n_features_in_} features")
        X = dataset.test.X
    else:
        table = datasets.read_table(
            data,
            feature_names=names,
            n_features=estimator.n_features_in_ if names is None else None,
            **options,
        )
        unused = [name for name in table.unused_columns if name not in noted_targets(description["notes"])]
        if unused:
            typer.echo(f"Columns that the model does not use: {', '.join(unused)}", err=True)
        X = table.X
    if X.ndim != 2 or X.shape[1] != estimator.n_features_in_:
        raise ValueError(f"{data} has samples of {X.shape[-1]} features; {model} takes {estimator.n_features_in_}")
    return with_names(X, description.get("feature_names"))


def _predictions(estimator: Any, X: Any, notes: dict[str, Any], proba: bool) -> pd.DataFrame:
    """Return the table that is written."""
    import pandas as pd

    predictions = estimator.predict(X)
    targets = noted_targets(notes)
    columns: dict[str, Any] = {}
    if predictions.ndim == 1:
        columns[PREDICTION] = predictions
    else:
        names = targets if len(targets) == predictions.shape[1] else range(1, predictions.shape[1] + 1)
        columns.update({f"{PREDICTION}_{name}": predictions[:, index] for index, name in enumerate(names)})
    if proba:
        probabilities = estimator.predict_proba(X)
        labels = estimator.classes_
        if predictions.ndim == 2 and len(targets) == len(labels):
            labels = np.array(targets, dtype=object)
        columns.update({f"{PROBABILITY}_{label}": probabilities[:, index] for index, label in enumerate(labels)})
    return pd.DataFrame(columns)
