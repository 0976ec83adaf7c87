"""What the model costs against dense arithmetic, and what other sparsities would give."""

from __future__ import annotations

from typing import Any

import numpy as np

from hardzero.analysis import prediction_cost, representation_size
from hardzero.analysis.prediction_cost import PredictionCost
from hardzero.analysis.sparsity_frontier import SparsityFrontier
from hardzero.report.figures import figure
from hardzero.report.section import Section, table


def cost_section(estimator: Any, X: Any, y: Any | None) -> tuple[Section, PredictionCost]:
    """Return work and time of predictions and bytes of representations, against dense."""
    cost = prediction_cost(estimator, X)
    work = cost.work_frame()
    work["part_done"] *= 100
    size = representation_size(estimator, X, y)
    sizes = size.to_frame()
    sizes = sizes[sizes["class"] == "all"]
    sizes = sizes.assign(packed_ratio=100 * sizes["packed_ratio"], csr_ratio=100 * sizes["csr_ratio"])
    saved = 100 * (1 - cost.done_multiply_adds.sum() / cost.dense_multiply_adds.sum())
    tables = [
        table(
            cost.to_frame(),
            {
                "batch_size": ("inputs at a time", "{:,.0f}"),
                "engine_microseconds": ("hardzero", "{:.1f} µs"),
                "dense_microseconds": ("dense", "{:.1f} µs"),
                "speedup": ("times faster", "{:.2f}"),
            },
            "Median time an input, one thread, against NumPy's BLAS on the same weights.",
        ),
        table(
            work,
            {
                "layer": ("layer", "{}"),
                "dense_multiply_adds": ("dense", "{:,.0f}"),
                "done_multiply_adds": ("done", "{:,.0f}"),
                "part_done": ("part", "{:.1f} %"),
            },
            "Multiply-adds an input.",
        ),
        table(
            sizes,
            {
                "layer": ("layer", "{}"),
                "active_mean": ("active units", "{:.1f}"),
                "dense_bytes": ("dense", "{:,.0f} B"),
                "csr_ratio": ("as CSR", "{:.0f} %"),
                "packed_ratio": ("packed", "{:.0f} %"),
            },
            "Bytes of a hidden representation: CSR keeps a value and an index for each active unit, packed a value and "
            "one bit for each unit.",
        ),
    ]
    alt = f"Bars: multiply-adds of each layer. Skipping zeros leaves out {saved:.0f} % of the dense work."
    figures = [figure(cost.plot(), "Multiply-adds an input: dense, and those left when zeros are skipped.", alt)]
    if size.classes is not None and len(np.unique(size.classes)) > 1:
        alt = "Points: size of hidden representations as CSR, in percent of dense, for each class."
        figures.append(figure(size.plot(), "Size of representations as CSR by class; lines span 90 % of inputs.", alt))
    return Section("Cost against dense", "", figures=figures, tables=tables), cost


def frontier_section(frontier: SparsityFrontier) -> Section:
    """Return error and speed against sparsity from a sweep."""
    frame = frontier.to_frame()
    best = frame.sort_values("error").iloc[0]
    sparsest = frame.sort_values("zeros").iloc[-1]
    alt = (
        f"Points and lines: {frontier.error_name} against exact zeros. Least error {best['error']:.3g} at "
        f"{100 * best['zeros']:.0f} % zeros; {sparsest['error']:.3g} at {100 * sparsest['zeros']:.0f} %."
    )
    frame[["target", "zeros"]] *= 100
    columns = {
        "target": ("target", "{:g} %"),
        "zeros": ("zeros", "{:.1f} %"),
        "error": (frontier.error_name, "{:.3g}"),
        "error_deviation": ("±", "{:.2g}"),
        "prediction_microseconds": ("prediction", "{:.1f} µs"),
        "speedup": ("times dense", "{:.2f}"),
    }
    caption = f"Means over {int(frame['networks'].min())} networks for each target; ± is the standard deviation."
    drawing = figure(frontier.plot(), "Error and time of a prediction against zeros; a dot is one network.", alt)
    return Section("Sparsity, accuracy and speed", "", figures=[drawing], tables=[table(frame, columns, caption)])
