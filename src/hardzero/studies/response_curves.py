"""Figures 1 and 2: what neurons and activation functions answer to their input."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hardzero import analysis
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Table

if TYPE_CHECKING:
    import pandas as pd

BETAS = [1.0, 2.0, 4.0, 8.0]


class ResponseCurves(Study):
    """The rectifier, softplus, tanh and the logistic function beside a leaky integrate-and-fire neuron."""

    name = "response-curves"
    title = "Response curves"
    claim = (
        "The rectifier is closer to a biological neuron than sigmoid or tanh: one-sided, zero below threshold, "
        "rarely saturating (section 2.1, figure 1)."
    )
    seeds = MappingProxyType({"quick": 1, "full": 1})

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Return the one setting there is: the curves have no free parameter."""
        return [{"betas": BETAS}]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Return what sets the curves apart."""
        properties = analysis.response_curves(betas=settings["betas"]).properties()
        return {str(name): column.tolist() for name, column in properties.items()}

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return one row a curve."""
        table = Table("Responses", ["function", "at rest", "part of range at 0", "antisymmetric", "saturates"])
        for _, run in runs.head(1).iterrows():
            columns = [run[name] for name in ("curve", "at_rest", "zero_part", "antisymmetric", "saturates")]
            for curve, at_rest, zero_part, odd, saturates in zip(*columns, strict=True):
                yes = {True: "yes", False: "no"}
                table.add(curve, f"{at_rest:.3g}", f"{100 * zero_part:.0f} %", yes[bool(odd)], yes[bool(saturates)])
        return [table]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw the curves."""
        axes = analysis.response_curves(betas=BETAS).plot()
        caption = "Activation functions (left) and the firing rate of a leaky integrate-and-fire neuron (right)."
        return [Picture(axes, caption)]
