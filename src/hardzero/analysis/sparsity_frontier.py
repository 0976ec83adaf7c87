"""What sparsity costs in accuracy and buys in speed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.prediction_cost import prediction_cost
from hardzero.analysis.regression_error import root_mean_squared_error
from hardzero.analysis.result import Result
from hardzero.analysis.style import color, finish
from hardzero.atomic_file import atomic_file
from hardzero.interruption import interruption_raised

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FORMAT = "hardzero sparsity frontier 1"
CLASSIFICATION_ERROR, REGRESSION_ERROR = "test error (%)", "test RMSE"


@dataclass(frozen=True)
class FrontierPoint:
    """One trained network.

    Attributes
    ----------
    target : float
        Wanted fraction of zeros; 0 is no penalty.
    seed : int
    zeros : list of float
        Exact zeros of each hidden layer on the test data.
    error : float
        Test error in percent, or root mean squared error.
    prediction_microseconds : float
        Median time of a single prediction on one thread.
    speedup : float
        Times faster than dense arithmetic on the same weights.
    training_seconds : float
    """

    target: float
    seed: int
    zeros: list[float]
    error: float
    prediction_microseconds: float
    speedup: float
    training_seconds: float


@dataclass(frozen=True)
class SparsityFrontier(Result):
    """The result of `sparsity_frontier`.

    Attributes
    ----------
    points : list of FrontierPoint
    error_name : str
        ``test error (%)`` or ``test RMSE``.
    made_from : str, optional
        A hash of data and settings: points of two results with the same one belong together.
    """

    points: list[FrontierPoint]
    error_name: str
    made_from: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Return one row a target: means over seeds, and the standard deviation of the error (NaN for one seed)."""
        grouped = self.runs_frame().groupby("target")
        return grouped.agg(
            networks=("seed", "size"),
            zeros=("zeros", "mean"),
            error=("error", "mean"),
            error_deviation=("error", "std"),
            prediction_microseconds=("prediction_microseconds", "mean"),
            speedup=("speedup", "mean"),
            training_seconds=("training_seconds", "mean"),
        ).reset_index()

    def runs_frame(self) -> pd.DataFrame:
        """Return one row a network; zeros are the mean over its layers."""
        import pandas as pd

        return pd.DataFrame([{**vars(point), "zeros": float(np.mean(point.zeros))} for point in self.points])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the error against zeros; in a new figure also, below it, the time of a prediction."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, (ax, below) = plt.subplots(
                2, 1, figsize=(5.4, 5.2), layout="constrained", sharex=True, height_ratios=(3, 2)
            )
            self.plot_time(below)
            self._error(ax)
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
            return ax
        return self._error(ax)

    def plot_time(self, ax: Axes | None = None) -> Axes:
        """Draw the time of a single prediction against zeros."""
        from hardzero.analysis.style import new_axes

        ax = new_axes(ax)
        frame, runs = self.to_frame().sort_values("zeros"), self.runs_frame()
        ax.plot(100 * runs["zeros"], runs["prediction_microseconds"], "o", color=color(4), alpha=0.35, markersize=4)
        ax.plot(100 * frame["zeros"], frame["prediction_microseconds"], color=color(4), linewidth=1.6)
        ax.set_ylim(0.0, 1.1 * runs["prediction_microseconds"].max())
        return finish(ax, "exact zeros (%)", "one prediction (µs)")

    def _error(self, ax: Axes) -> Axes:
        frame, runs = self.to_frame().sort_values("zeros"), self.runs_frame()
        ax.plot(100 * runs["zeros"], runs["error"], "o", color=color(0), alpha=0.35, markersize=4, label="a network")
        ax.errorbar(
            100 * frame["zeros"],
            frame["error"],
            frame["error_deviation"],
            color=color(0),
            linewidth=1.6,
            capsize=2.5,
            label="mean ± standard deviation" if frame["error_deviation"].notna().any() else "mean",
        )
        return finish(ax, "exact zeros (%)", self.error_name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the points as JSON; the file appears complete or not at all."""
        content = {"format": FORMAT, **asdict(self)}
        with atomic_file(path) as file:
            file.write(json.dumps(content, indent=1).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SparsityFrontier:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is missing, or is something else.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise KeyError(content["format"])
            points = [FrontierPoint(**point) for point in content["points"]]
            return cls(points, str(content["error_name"]), str(content.get("made_from", "")))
        except OSError as error:
            raise ValueError(f"cannot read the sweep {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} holds no sweep: write one with 'hardzero sweep' or SparsityFrontier.save"
            ) from error


def sparsity_frontier(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    X_test: Any,
    y_test: ArrayLike,
    *,
    target_sparsity: float | Sequence[float] = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98),
    n_seeds: int = 3,
    on_point: Callable[[FrontierPoint], object] | None = None,
    known: Iterable[FrontierPoint] = (),
) -> SparsityFrontier:
    """Train an estimator at several sparsities, and measure error, zeros and time of prediction.

    Parameters
    ----------
    estimator : RectifierClassifier or RectifierRegressor
        Its parameters but `target_sparsity`, `activation_l1` and `random_state` hold for all networks. It is
        not changed.
    X, y
        Training data.
    X_test, y_test
        Data on which error, zeros and time are measured.
    target_sparsity : float or sequence of float
        Wanted fractions of zeros; 0 trains without a penalty.
    n_seeds : int, default=3
        Networks for each target.
    on_point : callable, optional
        Called with each `FrontierPoint` when it is known.
    known : iterable of FrontierPoint, optional
        What an interrupted call with the same estimator and data gave to `on_point`: these networks are not trained
        again.

    Returns
    -------
    SparsityFrontier

    Raises
    ------
    ValueError
        If the estimator is neither classifier nor regressor or takes no `target_sparsity`, there is no target, a
        target lies outside [0, 1), or `n_seeds` is below 1.
    KeyboardInterrupt
        If Ctrl-C ended a training: `on_point` has seen the networks that are finished.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> estimator = RectifierClassifier((64,), max_iter=10, tol=0)
    >>> frontier = sparsity_frontier(
    ...     estimator, X[:900] / 16, y[:900], X[900:] / 16, y[900:], target_sparsity=[0, 0.8], n_seeds=1
    ... )
    >>> frontier.to_frame()["target"].tolist()
    [0.0, 0.8]
    """
    from sklearn.base import clone, is_classifier, is_regressor

    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise ValueError(
            f"sparsity_frontier weighs sparsity against test error, which a {type(estimator).__name__} does not have: "
            "give a RectifierClassifier or RectifierRegressor"
        )
    if "target_sparsity" not in estimator.get_params(deep=False):
        raise ValueError(
            f"sparsity_frontier sets target_sparsity, which a {type(estimator).__name__} does not take: give the "
            "RectifierClassifier or RectifierRegressor in it, and data as that is given them"
        )
    targets = [float(target) for target in as_list(target_sparsity)]
    if not targets or not all(0 <= target < 1 for target in targets):
        raise ValueError(f"target_sparsity needs fractions in [0, 1), got {as_list(target_sparsity)}")
    if n_seeds < 1:
        raise ValueError(f"n_seeds must be at least 1, got {n_seeds}")
    points = []
    known_points = {(point.target, point.seed): point for point in known}
    for target in targets:
        for seed in range(n_seeds):
            if (target, seed) in known_points:
                points.append(known_points[target, seed])
                continue
            network = clone(estimator).set_params(target_sparsity=target or None, activation_l1=0.0, random_state=seed)
            started = time.perf_counter()
            with interruption_raised():
                network.fit(X, y)
            seconds = time.perf_counter() - started
            point = _measure(network, target, seed, seconds, X_test, np.asarray(y_test))
            points.append(point)
            if on_point is not None:
                on_point(point)
    return SparsityFrontier(points, CLASSIFICATION_ERROR if is_classifier(estimator) else REGRESSION_ERROR)


def _measure(fitted: Any, target: float, seed: int, seconds: float, X_test: Any, y_test: Any) -> FrontierPoint:
    from sklearn.base import is_classifier

    if is_classifier(fitted):
        error = 100.0 * (1.0 - fitted.score(X_test, y_test))
    else:
        error = root_mean_squared_error(y_test, fitted.predict(X_test))
    cost = prediction_cost(fitted, X_test, batch_sizes=(1,)).to_frame().iloc[0]
    return FrontierPoint(
        target=target,
        seed=seed,
        zeros=[float(value) for value in fitted.measure_sparsity(X_test)],
        error=float(error),
        prediction_microseconds=float(cost["engine_microseconds"]),
        speedup=float(cost["speedup"]),
        training_seconds=seconds,
    )
