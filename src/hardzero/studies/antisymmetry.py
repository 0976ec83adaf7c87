"""Section 3.1: how many rectifiers replace a tanh where the target is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardzero import analysis
from hardzero.analysis.antisymmetric_capacity import ODD_TARGETS, AntisymmetricCapacity
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison

if TYPE_CHECKING:
    import pandas as pd

WIDTHS: dict[Scale, list[int]] = {"quick": [2, 4, 8, 16, 32], "full": [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]}
STARTS: dict[Scale, int] = {"quick": 4, "full": 20}
ACTIVATIONS = ["relu", "tanh"]


class Antisymmetry(Study):
    """The width needed for equal error on odd functions, rectifier against tanh."""

    name = "antisymmetry"
    title = "Antisymmetric targets"
    claim = "Antisymmetric functions take about twice as many rectifiers as antisymmetric units (section 3.1)."

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Return one setting a target."""
        return [{"target": target, "widths": WIDTHS[scale], "starts": STARTS[scale]} for target in ODD_TARGETS]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Fit networks of all widths; return the best errors and the ratio of widths at equal error."""
        result = analysis.antisymmetric_capacity(
            targets=[settings["target"]],
            activations=ACTIVATIONS,
            widths=settings["widths"],
            n_repeats=settings["starts"],
            random_state=context.seed,
        )
        ratios = result.width_ratios(settings["target"])["ratio"]
        return {
            "width_ratio": float(ratios.median()) if len(ratios) else None,
            **{f"{name}_errors": result.errors[0, i].min(axis=1).tolist() for i, name in enumerate(ACTIVATIONS)},
        }

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return the ratio of widths by target."""
        measures = [Measure("width_ratio", "rectifiers a tanh, at equal error", 2)]
        paper = {(target,): {"width_ratio": "≈ 2"} for target in ODD_TARGETS}
        return [comparison(runs, "Width ratio", {"target": "target"}, measures, paper)]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw the best error against width."""
        widths = max(runs["widths"], key=len)
        kept = runs[runs["widths"].apply(len) == len(widths)]
        targets = [target for target in ODD_TARGETS if target in set(kept["target"])]
        n_seeds = kept.groupby("target").size().min()
        errors = np.array([[_errors(kept, target, name)[:, :n_seeds] for name in ACTIVATIONS] for target in targets])
        axes = AntisymmetricCapacity(targets, ACTIVATIONS, widths, errors).plot()
        return [Picture(axes, "Error of the best of several starts against the number of hidden units.")]


def _errors(runs: pd.DataFrame, target: str, activation: str) -> NDArray[np.float64]:
    """Return errors by width and seed."""
    return np.array(runs.loc[runs["target"] == target, f"{activation}_errors"].tolist(), dtype=float).T
