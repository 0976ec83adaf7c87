"""One look for all plots: colors that color-blind readers tell apart, few lines, legends beside the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8A6FDF")
"""Okabe and Ito (2008) without black and yellow, which vanish on dark or light paper, and a violet."""

LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

BIOLOGICAL_ACTIVE = (0.01, 0.04)
"""Fraction of neurons active at once (Lennie 2003, as cited in Glorot et al. 2011, section 2.1)."""

LONGEST_NAME = 17
"""Letters of a name at an axis; names of classes may be sentences."""


def color(index: int) -> str:
    """Return the color of series `index`."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """Return the marker of series `index`."""
    return MARKERS[index % len(MARKERS)]


def new_axes(ax: Axes | None, width: float = 5.4, height: float = 3.2) -> Axes:
    """Return `ax`, or the axes of a new figure of that size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def use_log_scale(ax: Axes) -> None:
    """Give the vertical axis a logarithmic scale, with numbers such as 1.5 in place of powers of ten."""
    from matplotlib.ticker import LogFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(LogFormatter())


def finish(ax: Axes, x_label: str, y_label: str, *, legend: bool = True) -> Axes:
    """Label the axes, take away needless lines, and set a legend above the data."""
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    handles, labels = ax.get_legend_handles_labels()
    if legend and handles:
        _legend_above(ax, handles, labels)
    return ax


def two_way_legend(ax: Axes, colored: Sequence[str], styled: Sequence[str]) -> Axes:
    """Explain colors and, apart from them, line styles with markers; series combine the two."""
    from matplotlib.lines import Line2D

    shades = [Line2D([], [], color=color(index), linewidth=3.0) for index in range(len(colored))]
    styles = [
        Line2D([], [], color="#888888", linestyle=LINES[index % len(LINES)], marker=marker(index), markersize=4)
        for index in range(len(styled))
    ]
    _legend_above(ax, [*shades, *styles], [*colored, *styled])
    return ax


def _legend_above(ax: Axes, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Set a legend of as many columns as fit into the width of the axes, at most four."""
    for n_columns in range(min(4, len(labels)), 0, -1):
        legend = ax.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=n_columns,
            frameon=False,
            fontsize="small",
            borderaxespad=0.2,
            handlelength=1.8,
            columnspacing=1.2,
        )
        if legend.get_window_extent().width <= ax.get_window_extent().width:
            break


def shortened(names: Sequence[str]) -> list[str]:
    """Return names that leave room for the data beside them: of long ones, the beginning and the last letters.

    Examples
    --------
    >>> shortened(["comp.graphics", "talk.politics.mideast", "talk.politics.misc"])
    ['comp.graphics', 'talk.politic…east', 'talk.politic…misc']
    """
    return [name if len(name) <= LONGEST_NAME else f"{name[:12]}…{name[-4:]}" for name in names]


def name_places(ax: Axes, names: Sequence[str]) -> None:
    """Name the places 0, 1, … of the horizontal axis: upwards where names are too wide, and only some of too many."""
    names = shortened(names)
    ax.set_xticks(range(len(names)), names, parse_math=False)
    extents = [label.get_window_extent() for label in ax.get_xticklabels()]
    room = ax.get_window_extent().width / len(names)
    if max(extent.width for extent in extents) < room:
        return
    step = math.ceil(max(extent.height for extent in extents) / room)
    ax.set_xticks(range(0, len(names), step), names[::step], rotation="vertical", parse_math=False)
