"""One look for all plots: colors that color-blind readers tell apart, few lines, legends beside the data."""

from __future__ import annotations

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
    longest = max(map(len, labels))
    ax.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        # What fits into the width of a plot.
        ncols=1 if longest > 26 else 2 if longest > 18 else min(4, len(labels)),
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
        handlelength=1.8,
        columnspacing=1.2,
    )
