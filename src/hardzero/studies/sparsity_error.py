"""Figure 3: test error against sparsity, over networks with different L1 penalties on their activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import QuantileRegressor

from hardzero.analysis.style import BIOLOGICAL_ACTIVE, color, finish, new_axes
from hardzero.studies.core.networks import classification_metrics, train_classifier
from hardzero.studies.core.statistics import estimate
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Table

if TYPE_CHECKING:
    import pandas as pd

PROTOCOL: dict[Scale, Settings] = {
    "quick": {
        "hidden_layer_sizes": [500] * 3,
        "solver": "sgd",
        "learning_rate": "cosine",
        "learning_rate_init": 0.05,
        "batch_size": 100,
        "max_iter": 20,
        "tol": 0.0,
        "n_iter_no_change": 1000,
        "alpha": 0.0,
        "train_samples": 20_000,
    },
    "full": {
        "hidden_layer_sizes": [1000] * 3,
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "momentum": 0.0,
        "batch_size": 10,
        "max_iter": 100,
        "alpha": 0.0,
        "early_stopping": True,
        "validation_fraction": 1 / 6,
    },
}
"""At full scale validation data preferred the rate 0.1 to 0.01 for every rectifier network of table 1."""

N_COEFFICIENTS: dict[Scale, int] = {"quick": 20, "full": 40}
BINS = [0, 50, 60, 70, 80, 85, 90, 95, 97, 98, 99, 100]


class SparsityError(Study):
    """Networks over a range of L1 coefficients: how sparse a network may be before it errs more."""

    name = "sparsity-error"
    title = "Test error against sparsity"
    claim = "Nothing is lost until about 85 % of the units are zero (section 4.1, figure 3: 200 networks on MNIST)."
    data = ("mnist",)
    task = "classification"
    takes_text = False

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Combine the protocol with coefficients from 0 to 0.01, evenly spaced on a logarithmic scale."""
        coefficients = [0.0, *np.geomspace(1e-5, 1e-2, N_COEFFICIENTS[scale] - 1)]
        return [
            {"activation": "relu", "activation_l1": float(f"{value:.4g}"), **PROTOCOL[scale]} for value in coefficients
        ]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Train a network; return test error and zeros."""
        return classification_metrics(train_classifier(settings, context), context)

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return the knee, and the test error of networks by their zeros."""
        return [_knees(runs), *(_by_zeros(group, str(data)) for data, group in runs.groupby("data", sort=False))]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw a dot for each network."""
        from matplotlib.ticker import LogLocator, NullLocator

        pictures = []
        for data, group in runs.groupby("data", sort=False):
            axes = new_axes(None)
            axes.scatter(group["zeros"], group["test_error"], s=16, alpha=0.7, color=color(0), label="a network")
            found = knee(group["zeros"].to_numpy(), group["test_error"].to_numpy())
            if found is not None:
                axes.axvline(found, color=color(1), linewidth=1.4, label=f"knee at {found:.1f} %")
            axes.axvline(85.0, color="#888888", linestyle=":", label="the paper's 85 %")
            active = [100.0 * (1.0 - share) for share in BIOLOGICAL_ACTIVE]
            axes.axvspan(min(active), max(active), color=color(2), alpha=0.15, label="biological neurons")
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
            finish(axes, "exact zeros (%)", "test error (%)")
            caption = f"{data}: test error (logarithmic scale) of {len(group)} networks against their zeros."
            pictures.append(Picture(axes, caption))
        return pictures


def knee(zeros: NDArray[Any], errors: NDArray[Any]) -> float | None:
    """Return the zeros (percent) from which on errors rise, or None where that cannot be told.

    A level line that turns upwards at the knee is fitted to the logarithm of the errors by least absolute deviations,
    which a network that has collapsed does not move; the rise is linear in the logarithm of the active part, in which
    the last percents before 100 have room.

    Examples
    --------
    >>> zeros = np.linspace(50, 99, 50)
    >>> errors = 2 * np.maximum(1, 10 / (100 - zeros))
    >>> round(knee(zeros, errors))
    90
    """
    if len(zeros) < 8 or not errors.any():
        return None
    inactive = -np.log(np.maximum(100.0 - zeros.astype(float), 1e-3))
    log_errors = np.log(np.maximum(errors, errors[errors > 0].min() / 2))
    best, place = np.inf, None
    for candidate in np.quantile(inactive, np.linspace(0.05, 0.95, 91)):
        beyond = np.maximum(0.0, inactive - candidate)[:, np.newaxis]
        line = QuantileRegressor(quantile=0.5, alpha=0.0).fit(beyond, log_errors)
        deviation = float(np.abs(line.predict(beyond) - log_errors).sum())
        if line.coef_[0] > 0 and deviation < best:
            best, place = deviation, float(candidate)
    return None if place is None else 100.0 - float(np.exp(-place))


def _knees(runs: pd.DataFrame) -> Table:
    table = Table(
        "The knee",
        ["data", "networks", "knee at zeros %", "paper", "error without penalty %", "least error %", "at zeros %"],
        note="The knee: where the best fit of a level line that turns upwards to the logarithm of the errors turns.",
    )
    for data, group in runs.groupby("data", sort=False):
        found = knee(group["zeros"].to_numpy(), group["test_error"].to_numpy())
        by_coefficient = group.groupby("activation_l1")[["test_error", "zeros"]].mean()
        least = by_coefficient.sort_values("test_error").iloc[0]
        plain = estimate(group.loc[group["activation_l1"] == 0.0, "test_error"])
        table.add(
            data,
            len(group),
            "–" if found is None else f"{found:.1f}",
            "≈ 85" if data == "mnist" else "–",
            plain.text(2),
            f"{least['test_error']:.2f}",
            f"{least['zeros']:.1f}",
        )
    return table


def _by_zeros(runs: pd.DataFrame, data: str) -> Table:
    import pandas as pd

    table = Table(
        f"Test error by zeros, {data}",
        ["zeros %", "test error %", "L1 coefficients", "networks"],
        note="Mean ± 95 % interval over networks, whatever their seed: each is taken for an independent draw.",
    )
    for interval, group in runs.groupby(pd.cut(runs["zeros"], BINS), observed=True):
        coefficients = group["activation_l1"]
        span = f"{coefficients.min():.2g} to {coefficients.max():.2g}"
        label = f"{interval.left:g} to {interval.right:g}"
        table.add(label, estimate(group["test_error"]).text(2), span, len(group))
    return table
