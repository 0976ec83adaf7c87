"""What the hidden units do: how many fire, which, and for what class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.analysis import sparsity_profile
from hardzero.analysis.hidden_activations import subject_of
from hardzero.analysis.sparsity_profile import SparsityProfile
from hardzero.analysis.style import new_axes, shortened
from hardzero.report.figures import Figure, figure
from hardzero.report.section import Section, table

MOST_CLASSES = 40
"""Rows of an activity map that remain readable; the most frequent classes are shown."""


def activity_section(estimator: Any, X: Any) -> Section:
    """Return zeros per layer, the distribution of active units, and dead and always-on units."""
    profile = sparsity_profile(estimator, X)
    frame = profile.to_frame()
    frame["zeros"], frame["active"] = 100 * frame["zeros"], 100 * frame["active"]
    columns = {
        "layer": ("layer", "{}"),
        "units": ("units", "{:,}"),
        "zeros": ("zeros", "{:.1f} %"),
        "times_biological": ("times 4 %", "{:.1f}"),
        "treves_rolls": ("Treves–Rolls", "{:.2f}"),
        "hoyer": ("Hoyer", "{:.2f}"),
        "dead_units": ("dead", "{:,}"),
        "always_on_units": ("always on", "{:,}"),
    }
    note = (
        f"On {profile.n_samples:,} samples. “Times 4 %”: active units over the most that is found in cortex. "
        "Treves–Rolls and Hoyer: mean population sparsity, 0 (all units equal) to 1 (one unit alone)."
    )
    return Section(
        "Active units",
        _verdict(profile),
        figures=[_histogram(profile), _firing(profile)],
        tables=[table(frame, columns, note)],
    )


def class_section(estimator: Any, X: Any, y: NDArray[Any], class_names: Sequence[str] | None) -> Section | None:
    """Return the map of units by class for each layer of which units fire; None for one class, or without a map."""
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) < 2:
        return None
    names = _names_of(labels, getattr(estimator, "classes_", labels), class_names)
    shown = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    firing = _firing_by_class(estimator, X, y, labels[shown])
    shown_names = [names[index] for index in shown]
    figures = [_map(layer, part, shown_names) for layer, part in firing.items() if part.any()]
    if not figures:
        return None
    text = (
        "How often each unit fires for each class. Units stand in the order of the class they prefer; a unit that "
        "fires for one class alone is a bright spot in a dark column."
    )
    if len(shown) < len(labels):
        text += f" The {MOST_CLASSES} most frequent of {len(labels)} classes are shown."
    return Section("Units by class", text, figures=figures)


def _names_of(labels: NDArray[Any], classes: NDArray[Any], class_names: Sequence[str] | None) -> list[str]:
    """Return the name of each label: that of the class it is among the model's, or among `labels`, or itself."""
    for named in (classes, labels):
        if class_names is not None and len(class_names) == len(named):
            known = dict(zip(named.tolist(), class_names, strict=True))
            return [str(known.get(label, label)) for label in labels.tolist()]
    return [str(label) for label in labels]


def _verdict(profile: SparsityProfile) -> str:
    dead = [
        f"{len(layer.dead_units)} of {layer.n_units} in {layer.name}"
        for layer in profile.layers
        if len(layer.dead_units)
    ]
    if not dead:
        return "No unit is dead on these data: each fires for some input."
    return f"Dead units, which no sample activates: {', '.join(dead)}. They cost memory and do nothing."


def _histogram(profile: SparsityProfile) -> Figure:
    parts = [
        f"{layer.name} has between {layer.active_units.min()} and {layer.active_units.max()} of {layer.n_units} "
        f"units active, on average {100 * (1 - layer.zeros):.1f} %"
        for layer in profile.layers
    ]
    return figure(
        profile.plot(),
        "Active units for an input, over all inputs; the gray band is the 1–4 % of cortex.",
        f"Histogram of active units for each input: {'; '.join(parts)}.",
    )


def _firing(profile: SparsityProfile) -> Figure:
    parts = [
        f"{layer.name}: the median unit fires for {100 * np.median(layer.firing_fraction):.1f} % of inputs"
        for layer in profile.layers
    ]
    return figure(
        profile.plot_units(),
        "How often each unit fires. A curve that reaches 0 shows dead units, a flat top at 100 ones always on.",
        f"Units in the order of how often they fire. {'; '.join(parts)}.",
    )


def _firing_by_class(estimator: Any, X: Any, y: NDArray[Any], labels: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Return, for each layer, the fraction of each class's samples that activate each unit."""
    subject = subject_of(estimator)
    checked = subject.check(X)
    firing: dict[str, NDArray[np.float64]] = {}
    membership = (y[:, np.newaxis] == labels).astype(np.float64)
    for rows, hidden in subject.batches(checked):
        for name, activity in hidden.items():
            fired = membership[rows].T @ (activity != 0)
            firing[name] = firing.get(name, 0.0) + fired
    return {name: fired / membership.sum(axis=0)[:, np.newaxis] for name, fired in firing.items()}


def _map(layer: str, firing: NDArray[np.float64], names: list[str]) -> Figure:
    alive = firing.max(axis=0) > 0
    preferred = firing.argmax(axis=0)
    order = np.lexsort((-firing.max(axis=0), preferred))
    order = order[alive[order]]
    ax = new_axes(None, height=1.3 + 0.2 * len(names))
    image = ax.imshow(100 * firing[:, order], aspect="auto", cmap="viridis", vmin=0, vmax=100, interpolation="nearest")
    ax.set_yticks(np.arange(len(names)), shortened(names), parse_math=False)
    ax.set_xlabel(f"units of {layer}, by the class they prefer")
    ax.set_xticks([])
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.9)
    bar.set_label("fires for (%)")  # short, as a map of two classes is not high
    bar.outline.set_visible(False)
    selectivity = firing.max(axis=0) - (firing.sum(axis=0) - firing.max(axis=0)) / (len(names) - 1)
    best = int(selectivity.argmax())
    alt = (
        f"Map of {len(order)} units of {layer} by class. The most selective, unit {best}, fires for "
        f"{100 * firing[preferred[best], best]:.0f} % of class {names[preferred[best]]} and for "
        f"{100 * np.delete(firing[:, best], preferred[best]).mean():.0f} % of the others on average."
    )
    caption = (
        f"{layer.capitalize()}: how often each unit fires for each class ({len(order)} of {len(alive)} units fire)."
    )
    return figure(ax, caption, alt)
