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
from hardzero.cli.model_input import noted_targets
from hardzero.cli.new_data import PredictingModel
from hardzero.cli.output_file import check_standard_output
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

    if as_json:
        check_standard_output()
    saved = PredictingModel.load(model)
    estimator = as_text_model(saved.estimator)
    layout = {
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
        "header": header,
        "first_index": first_index,
    }
    targets = _in_order_of_model(target or [], noted_targets(saved.notes))
    if not targets and not is_named(data):
        raise ValueError(f"name the target column of {data} with --target: {model} does not say what it predicts")
    wanted = (target or []) if is_named(data) else targets
    with warnings_shown_after():
        X, y = saved.read(as_file(data), layout, text=text, target=wanted, task=_task(estimator))
        assert y is not None
        if saved.takes_texts:
            X, estimator = estimator.transform_texts(X), estimator.estimator_
        estimator.set_params(n_jobs=threads)
        y = _checked_targets(y, estimator, data)
        plain = X.to_numpy() if hasattr(X, "to_numpy") else X
        predictions = estimator.predict(X)
        evaluation = measure(estimator, [plain], Split(plain, y), predictions)
        details = _details(estimator, y, predictions, targets)
    if Path(data).name == saved.notes.get("data") and not is_named(data):
        warn(f"{model} was fitted to a file called {Path(data).name}: if it is this one, most rows are not new to it")
    if as_json:
        typer.echo(json.dumps({**evaluation.to_dict(), **details}, indent=2))
        return
    from rich.console import Console

    from hardzero.cli.evaluation import results_table

    console = Console()
    console.print(results_table(evaluation), soft_wrap=not console.is_terminal)
    for rows in details.values():
        console.print()
        console.print(_details_table(rows), soft_wrap=not console.is_terminal)


def _in_order_of_model(given: list[str], noted: list[str]) -> list[str]:
    """Return the targets that are given, or else noted; in the order that the model has if they are the same."""
    return noted if not given or set(given) == set(noted) else given


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


def _details(estimator: Any, y: NDArray[Any], predictions: Any, targets: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of each class, or of each target where there are several; nothing for a single target."""
    from sklearn.base import is_classifier

    has_names = y.ndim == 2 and len(targets) == y.shape[1]
    if is_classifier(estimator):
        return {"classes": _by_class(y, predictions, targets if has_names else estimator.classes_.tolist())}
    if y.ndim == 1:
        return {}
    return {"targets": _by_target(y, predictions, targets if has_names else list(range(1, y.shape[1] + 1)))}


def _by_class(y: NDArray[Any], predictions: NDArray[Any], names: list[Any]) -> list[dict[str, Any]]:
    """Return samples, recall and precision of each class or label."""
    from sklearn.metrics import precision_recall_fscore_support

    labels = np.arange(y.shape[1]) if y.ndim == 2 else names
    measured = precision_recall_fscore_support(y, predictions, labels=labels, average=None, zero_division=np.nan)
    return [
        {"class": name, "samples": int(n_samples), "recall": _known(recall), "precision": _known(precision)}
        for name, precision, recall, _, n_samples in zip(names, *measured, strict=True)
    ]


def _by_target(y: NDArray[Any], predictions: NDArray[Any], names: list[Any]) -> list[dict[str, Any]]:
    """Return RMSE and R² of each target."""
    from sklearn.metrics import r2_score

    from hardzero.analysis.regression_error import root_mean_squared_error

    columns = zip(names, y.T, predictions.T, strict=True)
    return [
        {
            "target": name,
            "rmse": _known(root_mean_squared_error(truth, predicted)),
            "r2": _known(r2_score(truth, predicted)) if len(truth) > 1 else None,
        }
        for name, truth, predicted in columns
    ]


def _known(value: float) -> float | None:
    """Return a figure that JSON can hold, None for what is undefined."""
    return float(value) if np.isfinite(value) else None


_HEADS = {"recall": "recognized", "precision": "right when predicted", "rmse": "RMSE", "r2": "R²"}


def _details_table(rows: list[dict[str, Any]]) -> Table:
    """Return the table of classes, or of the worst where there are many, or of targets."""
    from rich.table import Table

    title, shown = None, rows
    if "recall" in rows[0] and len(rows) > MOST_CLASSES:
        shown = sorted(rows, key=lambda row: 1.0 if row["recall"] is None else row["recall"])[:MOST_CLASSES]
        title = f"the {MOST_CLASSES} classes of {len(rows)} that are recognized least"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    first, *others = rows[0]
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(_HEADS.get(name, name), justify="right")
    for row in shown:
        table.add_row(str(row[first]), *(_shown(name, row[name]) for name in others))
    return table


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in ("recall", "precision"):
        return f"{value:.1%}"
    return f"{value:,}" if name == "samples" else f"{value:.4g}"
