"""``hardzero predict``: predictions for new samples as CSV."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hardzero.cli.data_options import (
    DelimiterOption,
    NotedDecimalOption,
    NotedEncodingOption,
    NotedFirstIndexOption,
    NotedHeaderOption,
)
from hardzero.cli.guarded_training import warnings_shown_after
from hardzero.cli.model_input import noted_targets
from hardzero.cli.new_data import PredictingModel
from hardzero.cli.output_file import STANDARD_OUTPUT, ForceOption, check_kind, check_output, check_standard_output
from hardzero.cli.piped_input import as_file
from hardzero.cli.text_input import network_estimator
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
        Path, typer.Option("--output", "-o", help="CSV file to write, or .csv.gz; - is standard output.")
    ] = STANDARD_OUTPUT,
    force: ForceOption = False,
    text: Annotated[
        str | None, typer.Option(help="Column of raw text; by default the one that the model was trained on.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    delimiter: DelimiterOption = None,
    decimal: NotedDecimalOption = None,
    encoding: NotedEncodingOption = None,
    header: NotedHeaderOption = None,
    first_index: NotedFirstIndexOption = None,
    threads: Annotated[int | None, typer.Option(callback=check_threads, help="All cores by default.")] = None,
) -> None:
    """Predict with a saved model; one row of CSV a sample, in the order of the data.

    Columns are found by their names. Columns that the model does not know, such as the target, are not used; a
    column that it needs and the data lack is an error.
    """
    from hardzero.atomic_file import atomic_file

    if output == STANDARD_OUTPUT:
        check_standard_output(output_option=True)
    else:
        check_output(output, model, data)
        check_kind(output, "table of predictions", _holds_predictions, force=force)
    saved = PredictingModel.load(model)
    if proba and not hasattr(saved.estimator, "predict_proba"):
        raise ValueError(f"--proba: {model} is a regression, which has no classes; leave the option out")
    network_estimator(saved.estimator).set_params(n_jobs=threads)
    layout = {
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
        "header": header,
        "first_index": first_index,
    }
    with warnings_shown_after():
        X, _ = saved.read(as_file(data), layout, text=text)
        frame = _predictions(saved.estimator, X, saved.notes, proba)
    if output == STANDARD_OUTPUT:
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


def _predictions(estimator: Any, X: Any, notes: dict[str, Any], proba: bool) -> pd.DataFrame:
    """Return the table that is written."""
    import pandas as pd
    from scipy.sparse import issparse

    predicted = estimator.predict(X)
    predictions = cast(Any, predicted).toarray() if issparse(predicted) else predicted
    names: Any = getattr(estimator, "classes_", None)
    if predictions.ndim == 1:
        columns = {PREDICTION: predictions}
    else:
        n_targets, targets = predictions.shape[1], noted_targets(notes)
        if len(targets) == n_targets:
            names = targets
        elif names is None:
            names = range(1, n_targets + 1)
        columns = {f"{PREDICTION}_{name}": predictions[:, index] for index, name in enumerate(names)}
    if proba:
        probabilities = estimator.predict_proba(X)
        columns.update({f"{PROBABILITY}_{name}": probabilities[:, index] for index, name in enumerate(names)})
    return pd.DataFrame(columns)
