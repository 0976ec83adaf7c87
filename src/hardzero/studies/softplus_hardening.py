"""Section 3.2: softplus, hardened step by step into the rectifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardzero.analysis.style import color, finish, new_axes
from hardzero.studies.core.networks import classification_metrics, train_classifier
from hardzero.studies.core.statistics import estimate
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison
from hardzero.studies.sparsity_error import PROTOCOL as RECTIFIER_PROTOCOL

if TYPE_CHECKING:
    import pandas as pd

BETAS = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]
FULL = {name: value for name, value in RECTIFIER_PROTOCOL["full"].items() if name != "learning_rate_init"}
PROTOCOL: dict[Scale, Settings] = {
    "quick": RECTIFIER_PROTOCOL["quick"],
    "full": {**FULL, "learning_rates": [0.1, 0.01]},
}
"""As for figure 3; at full scale soft functions may need a smaller rate than rectifiers do."""


class SoftplusHardening(Study):
    """(1/β)·log(1 + exp(βx)) from β = 1 towards the rectifier."""

    name = "softplus-hardening"
    title = "From softplus to the rectifier"
    claim = "Hard zeros do not hurt: test error falls as softplus hardens into the rectifier (section 3.2 and 4.1)."
    data = ("mnist",)
    task = "classification"
    takes_text = False

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Return softplus of growing hardness, then the rectifier, all without a penalty."""
        softplus = [{"function": f"softplus, β = {beta:g}", "beta": beta, **PROTOCOL[scale]} for beta in BETAS]
        return [*softplus, {"function": "rectifier", "activation": "relu", "beta": None, **PROTOCOL[scale]}]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Train a network; return test error and zeros."""
        return classification_metrics(train_classifier(settings, context), context)

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return one row a function."""
        measures = [Measure("test_error", "test error %", 2, "lowest"), Measure("zeros", "exact zeros %", 1)]
        return [comparison(runs, "Test error by hardness", {"function": "function"}, measures)]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw test error against hardness, with the rectifier as a level line."""
        pictures = []
        for data, group in runs.groupby("data", sort=False):
            axes = new_axes(None)
            soft = group[group["beta"].notna()].groupby("beta")["test_error"].apply(estimate)
            if len(soft):
                means, bars = [value.mean for value in soft], [value.half_width for value in soft]
                axes.errorbar(soft.index, means, bars, marker="o", markersize=4, color=color(0), label="softplus")
            hard = estimate(group.loc[group["beta"].isna(), "test_error"])
            if hard.n:
                axes.axhline(hard.mean, color=color(1), label="rectifier")
                axes.axhspan(hard.mean - hard.half_width, hard.mean + hard.half_width, color=color(1), alpha=0.15)
            axes.set_xscale("log", base=2)
            axes.set_xticks(BETAS, [f"{beta:g}" for beta in BETAS])
            finish(axes, "hardness β", "test error (%)")
            caption = f"{data}: test error against the hardness of softplus; means and 95 % intervals over seeds."
            pictures.append(Picture(axes, caption))
        return pictures
