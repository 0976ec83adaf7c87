"""Figure 4: few labels, many unlabeled examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import train_test_split

from hardzero.analysis.style import LINES, color, finish, marker, new_axes, use_log_scale
from hardzero.estimators import RectifierClassifier
from hardzero.studies.core.networks import classification_metrics, fit_best_rate
from hardzero.studies.core.statistics import estimate
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison
from hardzero.studies.table1 import PRETRAINING, penalty_of

if TYPE_CHECKING:
    import pandas as pd

LABELS: dict[Scale, list[int]] = {"quick": [100, 500, 1000, 5000], "full": [100, 300, 1000, 3000, 10_000, 50_000]}
PROTOCOL: dict[Scale, Settings] = {
    "quick": {
        "hidden_layer_sizes": [500] * 3,
        "solver": "sgd",
        "learning_rate": "cosine",
        "learning_rates": [0.1, 0.02],
        "batch_size": 20,
        "steps": 3000,
        "tol": 0.0,
        "n_iter_no_change": 100_000,
        "alpha": 0.0,
        "unlabeled_samples": 10_000,
        "pretraining_epochs": 10,
    },
    "full": {
        "hidden_layer_sizes": [1000] * 3,
        "solver": "sgd",
        "learning_rate": "cosine",
        "learning_rates": [0.1, 0.01, 0.001],
        "batch_size": 10,
        "steps": 50_000,
        "tol": 0.0,
        "n_iter_no_change": 100_000,
        "alpha": 0.0,
        "pretraining_epochs": 50,
    },
}


class SemiSupervised(Study):
    """Fine-tuning on growing numbers of labels, with and without pre-training on all inputs."""

    name = "semi-supervised"
    title = "Few labels, many unlabeled examples"
    claim = "Pre-training helps where labels are few, and the less the more labels there are (figure 4, NORB)."
    revision = 2
    data = ("mnist",)
    data_at_full_scale = ("norb",)
    task = "classification"
    takes_text = False

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Combine rectifier and tanh, with and without pre-training, with numbers of labels."""
        return [
            {
                "labels": labels,
                "activation": activation,
                "pretrained": pretrained,
                "activation_l1": penalty_of(activation, scale),
                **PROTOCOL[scale],
            }
            for labels in LABELS[scale]
            for activation in ("signed_relu", "tanh")
            for pretrained in PRETRAINING
        ]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Keep the labels of some rows, drawn by class; train; return test error and zeros.

        Fine-tuning takes the same number of steps whatever the number of labels. Fewer rows than labels are an error,
        because the run would be reported with labels that it did not have.
        """
        train = context.require_data().train
        n_rows = min(settings.get("unlabeled_samples") or len(train), len(train))
        if settings["labels"] > n_rows:
            raise ValueError(f"there are only {n_rows:,} training rows, too few for {settings['labels']:,} labels")
        X, y = train.X[:n_rows], train.y[:n_rows]
        labeled = draw_labeled(y, settings["labels"], context.seed)
        if settings["pretrained"]:
            no_label: Any = -1 if y.dtype.kind in "iu" else None
            y = np.where(np.isin(np.arange(n_rows), labeled), y, no_label)
        else:
            X, y = X[labeled], y[labeled]
        epochs = -(-settings["steps"] * settings["batch_size"] // len(labeled))
        batch_size = min(settings["batch_size"], len(labeled))
        chosen = {**settings, "max_iter": epochs, "batch_size": batch_size}
        classifier = fit_best_rate(RectifierClassifier, chosen, context, X, y)
        return classification_metrics(classifier, context)

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return test errors, a table for each number of labels."""
        measures = [Measure("test_error", "test error %", 2, "lowest"), Measure("zeros", "zeros %", 1)]
        by = {"activation": "activation", "pretrained": "pre-trained"}
        return [comparison(group, f"{labels} labels", by, measures) for labels, group in runs.groupby("labels")]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw test error against labels."""
        pictures = []
        for data, of_data in runs.groupby("data", sort=False):
            axes: Any = new_axes(None)
            for i, (activation, of_activation) in enumerate(of_data.groupby("activation", sort=False)):
                for j, (pretrained, label) in enumerate(PRETRAINING.items()):
                    group = of_activation[of_activation["pretrained"] == pretrained]
                    cells = group.groupby("labels")["test_error"].apply(estimate)
                    if not len(cells):
                        continue
                    means, bars = [cell.mean for cell in cells], [cell.half_width for cell in cells]
                    style = {"color": color(i), "linestyle": LINES[j], "marker": marker(j), "capsize": 3}
                    axes.errorbar(cells.index, means, bars, label=f"{activation}, {label}", **style)
            axes.set_xscale("log")
            use_log_scale(axes)
            budgets = sorted(of_data["labels"].unique())
            axes.set_xticks(budgets, [f"{labels:,.0f}" for labels in budgets])
            axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
            finish(axes, "labels", "test error (%)")
            pictures.append(Picture(axes, f"{data}: test error against the number of labels; 95 % intervals."))
        return pictures


def draw_labeled(y: Any, n_labels: int, seed: int) -> Any:
    """Return the indices of rows that keep their label, each class in its proportion."""
    indices = np.arange(len(y))
    if n_labels >= len(y):
        return indices
    kept, _ = train_test_split(indices, train_size=n_labels, stratify=y, random_state=seed)
    return np.sort(kept)
