"""Section 3.1: a rectifier network is sparse from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardzero import analysis
from hardzero.analysis.initial_sparsity import INITIALIZATIONS, InitialSparsity
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison

if TYPE_CHECKING:
    import pandas as pd

ACTIVATIONS = ["relu", "signed_relu", "softplus", "tanh"]
SAMPLES: dict[Scale, int] = {"quick": 1000, "full": 10_000}
PAPER = {("relu", name): {"zeros": "≈ 50"} for name in INITIALIZATIONS}


class InitialSparsityStudy(Study):
    """Exact zeros of untrained networks, by activation function and initialization."""

    name = "initial-sparsity"
    title = "Sparsity before training"
    claim = "After a symmetric initialization about half of a rectifier network's units are exactly zero (section 3.1)."
    revision = 2
    data = ("mnist",)
    takes_text = False

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Combine activation functions and initializations."""
        return [
            {"activation": activation, "initialization": name, "layers": [1000] * 3, "samples": SAMPLES[scale]}
            for activation in ACTIVATIONS
            for name in INITIALIZATIONS
        ]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Return the zeros of each layer of a random network, in percent."""
        X = context.require_data().train.X[: settings["samples"]]
        result = analysis.initial_sparsity(
            settings["layers"],
            X,
            activations=[settings["activation"]],
            initializations=[settings["initialization"]],
            n_repeats=1,
            random_state=context.seed,
        )
        zeros = 100.0 * result.zeros[0, 0, 0]
        return {"zeros": float(zeros.mean()), "zeros_by_layer": zeros.tolist()}

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return one row for each activation and initialization."""
        by = {"activation": "activation", "initialization": "initialization"}
        return [comparison(runs, "Zeros before training", by, [Measure("zeros", "zeros %", 1)], PAPER)]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw the zeros of each layer for every data set."""
        pictures = []
        for data, group in runs.groupby("data", sort=False):
            zeros, activations, names = _grid(group)
            axes = InitialSparsity(activations, names, zeros).plot()
            caption = f"{data}: zeros of each layer before training; a dot is a random network."
            pictures.append(Picture(axes, caption))
        return pictures


def _grid(runs: pd.DataFrame) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Return zeros by activation, initialization, seed and layer; missing runs are nan."""
    activations = [name for name in ACTIVATIONS if name in set(runs["activation"])]
    names = [name for name in INITIALIZATIONS if name in set(runs["initialization"])]
    n_layers = len(runs["zeros_by_layer"].iloc[0])
    zeros = np.full((len(activations), len(names), int(runs["seed"].max()) + 1, n_layers), np.nan)
    for _, run in runs.iterrows():
        place = activations.index(run["activation"]), names.index(run["initialization"]), run["seed"]
        zeros[place] = np.asarray(run["zeros_by_layer"]) / 100.0
    return zeros, activations, names
