"""Plots are complete: what explains the data is within the picture."""

from __future__ import annotations

import pytest

from hardzero.analysis.style import finish, new_axes


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
