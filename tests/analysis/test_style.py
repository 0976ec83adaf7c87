"""Plots are complete: what explains the data is within the picture."""

from __future__ import annotations

import pytest

from hardzero.analysis.style import finish, new_axes, use_log_scale


@pytest.mark.parametrize(("lowest", "highest"), [(1.65, 1.93), (0.3, 40.0), (0.002, 900.0)])
def test_a_logarithmic_scale_has_plain_numbers(lowest, highest):
    ax = new_axes(None)
    ax.plot([0, 1], [lowest, highest])
    use_log_scale(ax)
    ax.figure.draw_without_rendering()
    labels = [label.get_text() for which in ("major", "minor") for label in ax.get_yticklabels(which=which)]
    within = [float(label) for label in labels if label and lowest <= float(label) <= highest]
    assert len(within) >= 2


@pytest.mark.parametrize(
    "labels",
    [
        ["layer 1", "layer 2", "layer 3", "target"],
        ["layer 1: 84.5 % zeros", "layer 2: 84.2 % zeros", "cortex: 1–4 %"],
        ["layer 1: 139 dead, 100 always on", "layer 2: 139 dead, 100 always on", "layer 3: 139 dead, 100 always on"],
    ],
)
def test_a_legend_stays_within_the_picture(labels):
    ax = new_axes(None)
    for label in labels:
        ax.plot([0, 1], [0, 1], label=label)
    finish(ax, "units", "zeros (%)")
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x1 <= ax.figure.bbox.x1
