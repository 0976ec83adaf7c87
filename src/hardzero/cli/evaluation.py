"""How good, how sparse and how fast a trained model is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table

    from hardzero.datasets import Split


@dataclass(frozen=True)
class Evaluation:
    """Measurements on the test split.

    Attributes
    ----------
    n_samples : int
    error : float or None
        Fraction of wrong predictions (of samples with any wrong label where there are several), for classes.
    n_errors : int or None
    rmse, r2 : float or None
        For a regression, in the target's units; the RMSE over all samples and targets.
    zeros : list of float
        Fraction of exact zeros of each hidden layer.
    zeros_overall : float
        The same over all hidden units.
    dead_units : list of int
        Units of each hidden layer that are zero for every training sample.
    units : list of int
    microseconds : float
        Median time of a prediction for one sample, on one thread.
    dense_microseconds : float
        The same with dense arithmetic (NumPy's BLAS) on the same weights.
    """

    n_samples: int
    error: float | None
    n_errors: int | None
    rmse: float | None
    r2: float | None
    zeros: list[float]
    zeros_overall: float
    dead_units: list[int]
    units: list[int]
    microseconds: float
    dense_microseconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return what there is as JSON values."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and not (isinstance(value, float) and not math.isfinite(value))
        }


def evaluate(estimator: Any, train: Iterable[Any], test: Split, predictions: Any) -> Evaluation:
    """Measure a fitted estimator.

    Parameters
    ----------
    estimator : RectifierClassifier or RectifierRegressor
    train : iterable of ndarray or csr_array
        Chunks of the training samples; they decide which units are dead.
    test : Split
    predictions : ndarray or csr_array
        Of the estimator for `test`.
    """
    from sklearn.base import is_classifier
    from sklearn.metrics import r2_score

    from hardzero.analysis import prediction_cost
    from hardzero.analysis.regression_error import root_mean_squared_error
    from hardzero.dead_units import count_dead

    network, ops = estimator.network_, estimator._ops()
    units = [layer.n_units for layer in network.hidden_layers]
    n_errors = error = rmse = r2 = None
    if is_classifier(estimator):
        wrong = np.asarray(predictions != test.y)
        n_errors = int(wrong.reshape(len(wrong), -1).any(axis=1).sum())
        error = n_errors / len(test)
    else:
        rmse = root_mean_squared_error(test.y, predictions)
        r2 = float(r2_score(test.y, predictions)) if len(test) > 1 else None
    zeros = network.sparsity(ops, test.X)
    cost = prediction_cost(network, test.X, batch_sizes=(1,))
    return Evaluation(
        n_samples=len(test),
        error=error,
        n_errors=n_errors,
        rmse=rmse,
        r2=r2,
        zeros=zeros.tolist(),
        zeros_overall=float(np.average(zeros, weights=units)),
        dead_units=count_dead(network, ops, train),
        units=units,
        microseconds=float(np.median(cost.engine)),
        dense_microseconds=float(np.median(cost.dense)),
    )


def results_table(evaluation: Evaluation, training: dict[str, Any] | None = None) -> Table:
    """Return the table that ends ``hardzero fit`` and ``hardzero evaluate``.

    Parameters
    ----------
    evaluation : Evaluation
    training : dict, optional
        ``epochs``, ``best_epoch``, ``seconds`` and ``samples_per_second``; the latter three may be None.
    """
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in _rows(evaluation, training):
        table.add_row(name, text)
    return table


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927).

    Examples
    --------
    >>> low, high = wilson_interval(6, 360)
    >>> f"{low:.2%} to {high:.2%}"
    '0.77% to 3.59%'
    """
    z = 1.959964
    center, spread = successes + z * z / 2, z * math.sqrt(successes * (n - successes) / n + z * z / 4)
    return (center - spread) / (n + z * z), (center + spread) / (n + z * z)


def _rows(evaluation: Evaluation, training: dict[str, Any] | None) -> list[tuple[str, str]]:
    from hardzero.analysis.regression_error import error_text

    rows = []
    if evaluation.error is not None and evaluation.n_errors is not None:
        low, high = wilson_interval(evaluation.n_errors, evaluation.n_samples)
        text = f"{evaluation.error:.2%} ({evaluation.n_errors} of {evaluation.n_samples:,}; 95 % interval "
        rows.append(("test error", f"{text}{low:.2%} to {high:.2%})"))
    elif evaluation.rmse is not None:
        rows.append(("test RMSE", f"{error_text(evaluation.rmse)} ({evaluation.n_samples:,} samples)"))
        if evaluation.r2 is not None:
            rows.append(("test R²", f"{evaluation.r2:.4f}"))
    for index, (zeros, dead, units) in enumerate(
        zip(evaluation.zeros, evaluation.dead_units, evaluation.units, strict=True), start=1
    ):
        silent = "dead" if training else "zero in all samples"
        rows.append((f"layer {index}", f"{zeros:.1%} zeros, {dead} of {units} units {silent}"))
    rows.append(("zeros overall", f"{evaluation.zeros_overall:.1%}"))
    ratio = evaluation.dense_microseconds / evaluation.microseconds
    compared = f"{ratio:.1f} times as fast as" if ratio >= 1 else f"{1 / ratio:.1f} times as slow as"
    rows.append(
        (
            "one prediction",
            f"{evaluation.microseconds:.3g} µs, {compared} dense arithmetic ({evaluation.dense_microseconds:.3g} µs); "
            "one thread",
        )
    )
    return rows if training is None else [*rows, ("training", _training_text(training))]


def _training_text(training: dict[str, Any]) -> str:
    text = f"{training['epochs']} epochs"
    if training.get("best_epoch"):
        text += f", the best one {training['best_epoch']}"
    if training.get("seconds"):
        text += f", in {training['seconds']:.1f} s"
    if training.get("samples_per_second"):
        text += f": {training['samples_per_second']:,.0f} samples/s"
    return text
