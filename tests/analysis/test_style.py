"""Plots are complete: what explains the data is within the picture."""

from __future__ import annotations

import warnings
from itertools import pairwise

import pytest

from hardzero.analysis.style import finish, name_places, new_axes, use_log_scale


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
        ["layer 1 (99 units)", "layer 2 (50 units)", "layer 3 (20 units)", "layer 4 (10 units)"],
        ["a network", "knee at 88.1 %", "the paper's 85 %", "biological neurons"],
    ],
)
def test_a_legend_stays_within_the_picture(labels):
    ax = new_axes(None)
    for label in labels:
        ax.plot([0, 1], [0, 1], label=label)
    finish(ax, "units", "zeros (%)")
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x1 <= ax.figure.bbox.x1
    assert ax.get_window_extent().width > 0.75 * ax.figure.bbox.width


@pytest.mark.parametrize("names", [
    [str(digit) for digit in range(10)],
    ["automobile", "helicopter", "motorcycle", "restaurant", "strawberry", "university", "watermelon"],
    [str(number) for number in range(62)],
])  # fmt: skip
def test_names_of_places_do_not_overlap(names):
    ax = new_axes(None)
    ax.plot(range(len(names)), range(len(names)))
    name_places(ax, names)
    ax.figure.draw_without_rendering()
    extents = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in pairwise(extents))
    assert [names[int(place)] for place in ax.get_xticks()] == [label.get_text() for label in ax.get_xticklabels()]


def test_long_names_leave_room_and_differ():
    names = [f"a class with a name that is not short, number {number}" for number in range(10)]
    ax = new_axes(None)
    name_places(ax, names)
    with warnings.catch_warnings(action="error"):  # of a picture without room
        ax.figure.draw_without_rendering()
    assert ax.get_window_extent().height > 0.5 * ax.figure.bbox.height
    assert len({label.get_text() for label in ax.get_xticklabels()}) == len(names)
