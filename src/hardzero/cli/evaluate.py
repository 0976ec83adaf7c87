"""``hardzero evaluate``: how good a saved model is on samples whose target is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from hardzero.cli.class_labels import labels_as_fitted, unknown_label
from hardzero.cli.data_options import (
    DelimiterOption,
    NotedDecimalOption,
    NotedEncodingOption,
    NotedFirstIndexOption,
    NotedHeaderOption,
    TargetOption,
)
from hardzero.cli.errors import warn
from hardzero.cli.guarded_training import warnings_shown_after
from hardzero.cli.model_input import layout_as_noted, noted_targets
from hardzero.cli.new_data import PredictingModel
from hardzero.cli.piped_input import as_file
from hardzero.cli.threads_option import check_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.table import Table

EXAMPLES = """[bold]Examples[/]

hardzero evaluate wine.safetensors wine-test.csv

hardzero evaluate wine.safetensors labeled.csv --target quality --json

hardzero evaluate digits.safetensors digits   (the test split of a named data set)
"""

MOST_CLASSES = 20
"""Of more classes only the worst are listed."""


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file, from 'hardzero fit' or save().")],
    data: Annotated[
        str, typer.Argument(help="Samples with their target: CSV, TSV, NPZ or svmlight; a named set; - reads a pipe.")
    ],
    target: TargetOption = None,
    text: Annotated[
        str | None, typer.Option(help="Column of raw text; by default the one that the model was trained on.")
    ] = None,
    delimiter: DelimiterOption = None,
    decimal: NotedDecimalOption = None,
    encoding: NotedEncodingOption = None,
    header: NotedHeaderOption = None,
    first_index: NotedFirstIndexOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures for programs.")] = False,
    threads: Annotated[int | None, typer.Option(callback=check_threads, help="All cores by default.")] = None,
) -> None:
    """Measure a saved model on all rows of a file, or on the test split of a named data set.

    Error with its 95 % interval and the classes one by one, or RMSE and R²; zeros; time of a prediction. The target is
    the column that the model was fitted to, unless --target names another.
    """
    from hardzero.cli.evaluation import evaluate as measure
    from hardzero.datasets import Split
    from hardzero.datasets.catalog import is_named
    from hardzero.text import as_text_model

    saved = PredictingModel.load(model)
    estimator = as_text_model(saved.estimator)
    given = {
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
        "header": header,
        "first_index": first_index,
    }
    options = layout_as_noted(saved.notes, given)
    if not is_named(data):
        wanted = target or noted_targets(saved.notes)
        if not wanted:
            raise ValueError(f"name the target column of {data} with --target: {model} does not say what it predicts")
        options |= {"target": wanted, "task": _task(estimator)}
    with warnings_shown_after():
        X, y = saved.read(as_file(data), text=text, **options)
        assert y is not None
        if saved.takes_texts:
            X, estimator = estimator.transform_texts(X), estimator.estimator_
        estimator.set_params(n_jobs=threads)
        y = _checked_targets(y, estimator, data)
        plain = X.to_numpy() if hasattr(X, "to_numpy") else X
        evaluation = measure(estimator, [plain], Split(plain, y), X)
        details = _by_class(estimator, X, y, noted_targets(saved.notes))
    if Path(data).name == saved.notes.get("data") and not is_named(data):
        warn(f"{model} was fitted to a file called {Path(data).name}: if it is this one, most rows are not new to it")
    if as_json:
        typer.echo(json.dumps({**evaluation.to_dict(), "classes": details}, indent=2))
        return
    from rich.console import Console

    from hardzero.cli.evaluation import results_table

    console = Console()
    console.print(results_table(evaluation), soft_wrap=not console.is_terminal)
    if details:
        console.print()
        console.print(_classes_table(details), soft_wrap=not console.is_terminal)


def _task(estimator: Any) -> str:
    from sklearn.base import is_classifier

    return "classification" if is_classifier(estimator) else "regression"


def _checked_targets(y: NDArray[Any], estimator: Any, source: str) -> NDArray[Any]:
    """Return the targets in the type of those that the model was fitted to.

    Parameters
    ----------
    y : ndarray
    estimator : RectifierClassifier or RectifierRegressor
    source : str
        Named in errors.

    Raises
    ------
    ValueError
        If they are not as many columns as the model predicts, or hold a class that it does not know.
    """
    classes = getattr(estimator, "classes_", None)
    predicts_one = estimator.n_outputs_ == 1 or (classes is not None and not estimator._has_several_labels())
    n_targets, n_expected = 1 if y.ndim == 1 else y.shape[1], 1 if predicts_one else estimator.n_outputs_
    if n_targets != n_expected:
        raise ValueError(f"{source} has {n_targets} targets, and the model predicts {n_expected}: see --target")
    if classes is None or y.ndim == 2:
        return y
    y = labels_as_fitted(y, classes, source)
    unknown = np.flatnonzero(~np.isin(y, classes))
    if len(unknown):
        raise unknown_label(y[unknown[0]].item(), classes, source)
    return y


def _by_class(estimator: Any, X: Any, y: NDArray[Any], targets: list[str]) -> list[dict[str, Any]]:
    """Return samples, recall and precision of each class; nothing for a regression."""
    from sklearn.base import is_classifier
    from sklearn.metrics import precision_recall_fscore_support

    if not is_classifier(estimator):
        return []
    classes = estimator.classes_
    labels = np.arange(y.shape[1]) if y.ndim == 2 else classes
    names = targets if y.ndim == 2 and len(targets) == y.shape[1] else classes.tolist()
    measured = precision_recall_fscore_support(
        y, estimator.predict(X), labels=labels, average=None, zero_division=np.nan
    )
    return [
        {
            "class": name,
            "samples": int(n_samples),
            "recall": None if np.isnan(recall) else round(float(recall), 6),
            "precision": None if np.isnan(precision) else round(float(precision), 6),
        }
        for name, precision, recall, _, n_samples in zip(names, *measured, strict=True)
    ]


def _classes_table(details: list[dict[str, Any]]) -> Table:
    """Return the table of classes, or of the worst where there are many."""
    from rich.table import Table

    title, shown = None, details
    if len(details) > MOST_CLASSES:
        shown = sorted(details, key=lambda row: 1.0 if row["recall"] is None else row["recall"])[:MOST_CLASSES]
        title = f"the {MOST_CLASSES} classes of {len(details)} that are recognized least"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("class", no_wrap=True)
    for name in ("samples", "recognized", "right when predicted"):
        table.add_column(name, justify="right")
    for row in shown:
        shares = ("–" if row[name] is None else f"{row[name]:.1%}" for name in ("recall", "precision"))
        table.add_row(str(row["class"]), f"{row['samples']:,}", *shares)
    return table
