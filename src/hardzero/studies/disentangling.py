"""Section 2.2: small changes of the input barely change which units are active."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hardzero import analysis
from hardzero.analysis.style import LINES, color, finish, marker, new_axes, two_way_legend
from hardzero.studies.core.networks import classification_metrics, train_classifier
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison
from hardzero.studies.core.trained_networks import NETWORKS, network_grid

if TYPE_CHECKING:
    import pandas as pd

PERTURBATIONS = {"noise": [0.1, 0.25, 0.5, 1.0], "masking": [0.05, 0.1, 0.25, 0.5]}
POINT_COLUMNS = ["perturbation", "layer", "size", "input_change", "overlap", "chance_overlap", "change"]
SAMPLES: dict[Scale, int] = {"quick": 500, "full": 5000}


class Disentangling(Study):
    """Overlap of active sets, and change of the representation, under perturbed inputs."""

    name = "disentangling"
    title = "Stability of active sets"
    claim = "In a sparse representation small input changes roughly conserve the set of active units (section 2.2)."
    revision = 2
    data = ("mnist",)
    task = "classification"
    takes_text = False

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Return the networks to be compared."""
        return network_grid(scale, perturbations=PERTURBATIONS, samples=SAMPLES[scale])

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Train a network; perturb test inputs and compare its layers before and after."""
        classifier = train_classifier(settings, context)
        points = analysis.active_set_overlap(
            classifier,
            context.require_data().test.X,
            perturbations=settings["perturbations"],
            max_samples=settings["samples"],
            random_state=context.seed,
        ).to_frame()
        return {
            **classification_metrics(classifier, context),
            **{name: points[name].tolist() for name in POINT_COLUMNS},
        }

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return overlap and change of the last layer by network and perturbation."""
        points = last_layer(runs)
        measures = [
            Measure("input_change", "change of input", 2),
            Measure("overlap", "overlap of active sets", 2),
            Measure("chance_overlap", "of two inputs", 2),
            Measure("change", "change of layer", 2, "lowest"),
        ]
        tables = []
        for (kind, size), group in points.groupby(["perturbation", "size"], sort=False):
            title = f"{kind} of size {size:g}, last hidden layer"
            tables.append(comparison(group, title, {"network": "network"}, measures))
        return tables

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw overlap and change against the change of the input."""
        overlap = "overlap of active sets (Jaccard) in the last hidden layer; without zeros it is always 1."
        change = "relative change of the last hidden layer; below the dotted line the layer damps the change."
        return [
            _picture(points, measure, f"{data}: {caption}")
            for data, points in last_layer(runs).groupby("data", sort=False)
            for measure, caption in (("overlap", overlap), ("change", change))
        ]


def last_layer(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each run, perturbation and size, of the last hidden layer."""
    points = runs.explode(POINT_COLUMNS, ignore_index=True)
    numbers = [name for name in POINT_COLUMNS if name not in ("perturbation", "layer")]
    points[numbers] = points[numbers].astype(float)
    last = points.groupby("key")["layer"].transform("max")
    return points[points["layer"] == last]


def _picture(points: pd.DataFrame, measure: str, caption: str) -> Picture:
    axes: Any = new_axes(None)
    kinds = list(points["perturbation"].unique())
    for j, kind in enumerate(kinds):
        of_kind = points[points["perturbation"] == kind]
        for i, name in enumerate(NETWORKS):
            means = of_kind[of_kind["network"] == name].groupby("size")[["input_change", measure]].mean()
            axes.plot(means["input_change"], means[measure], LINES[j], marker=marker(j), color=color(i), label=name)
    if measure == "change":
        axes.axline((0, 0), slope=1, color="#888888", linewidth=1.0, linestyle=":")
    axes.set_ylim(bottom=0.0)
    two_way_legend(axes, [*NETWORKS], kinds)
    finish(axes, "change of the input, |x′ − x| / |x|", f"{measure} (mean over seeds)", legend=False)
    return Picture(axes, caption)
