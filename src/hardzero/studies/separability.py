"""Section 2.2: how linearly separable classes are in the input and in each hidden layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hardzero import analysis
from hardzero.analysis.style import color, finish, marker, new_axes
from hardzero.studies.core.networks import classification_metrics, train_classifier
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison
from hardzero.studies.core.trained_networks import NETWORKS, network_grid

if TYPE_CHECKING:
    import pandas as pd

LABELS: dict[Scale, list[int]] = {"quick": [30, 100, 300], "full": [30, 100, 300, 1000, 3000]}
RESAMPLES: dict[Scale, int] = {"quick": 5, "full": 20}
PROBE_COLUMNS = ["layer", "labels", "score"]


class Separability(Study):
    """Accuracy of a linear probe on the input and on each hidden layer, at several numbers of labels."""

    name = "separability"
    title = "Linear separability"
    claim = "Sparse representations are more likely to be linearly separable (section 2.2)."
    data = ("mnist",)
    task = "classification"
    takes_text = False

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Return the networks to be compared."""
        return network_grid(scale, labels_of_probe=LABELS[scale], resamples=RESAMPLES[scale])

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Train a network; fit probes on validation rows, which it has not seen, and score them on test rows."""
        classifier = train_classifier(settings, context)
        data = context.require_data()
        budgets = [budget for budget in settings["labels_of_probe"] if budget <= len(data.validation)]
        probes = analysis.linear_separability(
            classifier,
            data.validation.X,
            data.validation.y,
            data.test.X,
            data.test.y,
            label_budgets=budgets,
            n_resamples=settings["resamples"],
            random_state=context.seed,
        ).to_frame()
        probes["score"] *= 100.0
        return {
            **classification_metrics(classifier, context),
            **{name: probes[name].tolist() for name in PROBE_COLUMNS},
        }

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return the accuracy of probes by network and layer, a table for each number of labels."""
        probes = _long(runs)
        measures = [Measure("score", "accuracy of the probe %", 1, "highest")]
        by = {"network": "network", "layer": "layer"}
        return [
            comparison(group, f"Probe with {labels:g} labels", by, measures)
            for labels, group in probes.groupby("labels")
        ]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw the accuracy on the last layer, and on the input, against the number of labels."""
        pictures = []
        for data, probes in _long(runs).groupby("data", sort=False):
            axes: Any = new_axes(None)
            on_input = probes[probes["layer"] == "input"].groupby("labels")["score"].mean()
            axes.plot(on_input.index, on_input, marker="x", color="#888888", label="input")
            last = probes[probes["layer"] == probes.loc[probes["layer"] != "input", "layer"].max()]
            for i, name in enumerate(NETWORKS):
                means = last[last["network"] == name].groupby("labels")["score"].mean()
                axes.plot(means.index, means, marker=marker(i), color=color(i), label=name)
            axes.set_xscale("log")
            axes.set_xticks(on_input.index, [f"{labels:,}" for labels in on_input.index])
            axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
            finish(axes, "labels the probe learns from", "test accuracy of the probe (%)")
            caption = f"{data}: a linear probe on the input and on the last hidden layer; means over seeds."
            pictures.append(Picture(axes, caption))
        return pictures


def _long(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each run, layer and number of labels."""
    return runs.explode(PROBE_COLUMNS, ignore_index=True).astype({"score": float, "labels": int})
