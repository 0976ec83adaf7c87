"""How training went: loss, validation score and zeros over epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hardzero.analysis.style import color, finish, new_axes, use_log_scale
from hardzero.report.figures import Figure, figure
from hardzero.report.section import Section
from hardzero.training import kept_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEARLY_ALL = 80.0
"""Percentage of zeros from which on the axis shows only the part where the curves are."""


def training_section(estimator: Any) -> Section | None:
    """Return learning curves and zeros over training; None where the model keeps no history."""
    if getattr(estimator, "loss_curves_", None):
        target = getattr(estimator, "target_sparsity", None)
        figures = [_losses(estimator.loss_curves_), _zeros(estimator.sparsity_curves_, target)]
        return Section("Training", "", figures=figures)
    loss = getattr(estimator, "loss_curve_", None)
    if not loss:
        return None
    figures = [_loss(loss)]
    scores = getattr(estimator, "validation_scores_", None)
    if scores:
        kept: Any = getattr(estimator, "best_validation_score_", None)
        figures.append(_validation(scores, estimator.n_iter_, max(scores) if kept is None else kept))
    zeros = getattr(estimator, "sparsity_curve_", None)
    if zeros is not None and np.size(zeros):
        figures.append(_zeros(np.transpose(zeros).tolist(), getattr(estimator, "target_sparsity", None)))
    return Section("Training", "", figures=figures)


def _loss(loss: list[float]) -> Figure:
    ax = new_axes(None)
    ax.plot(_epochs(len(loss)), loss, color=color(0), linewidth=1.8)
    if min(loss) > 0 and max(loss) > 20 * min(loss):
        use_log_scale(ax)
    _finish(ax, "training loss", len(loss))
    alt = f"Line: the training loss falls from {loss[0]:.3g} to {loss[-1]:.3g} in {len(loss)} epochs."
    if loss[-1] > loss[0]:
        alt = f"Line: the training loss goes from {loss[0]:.3g} to {loss[-1]:.3g} in {len(loss)} epochs."
    return figure(ax, "Training loss of each epoch, penalties included.", alt)


def _losses(losses: list[list[float]]) -> Figure:
    """Draw the loss of each layer of a stack; layers differ in scale, so each is shown in parts of its first loss."""
    ax = new_axes(None)
    has_parts = all(loss[0] for loss in losses)  # of nothing there are none
    for depth, loss in enumerate(losses):
        shown = 100.0 * np.asarray(loss) / loss[0] if has_parts else loss
        ax.plot(_epochs(len(loss)), shown, color=color(depth), linewidth=1.8, label=f"layer {depth + 1}")
    label = "training loss (% of the first epoch's)" if has_parts else "training loss"
    _finish(ax, label, max(map(len, losses)))
    ends = ", ".join(f"layer {depth + 1} {loss[-1]:.4g}" for depth, loss in enumerate(losses))
    caption = f"Training loss of each layer, penalties included; at the end {ends}."
    return figure(ax, caption, f"Lines: training loss, at the end {ends}.")


def _validation(scores: list[float], n_latest: int, kept: float) -> Figure:
    """Draw the scores of all epochs and, among those of the latest fit, the one that is kept."""
    ax = new_axes(None)
    ax.plot(_epochs(len(scores)), scores, color=color(2), linewidth=1.8, label="validation")
    alt, caption = f"Line: the validation score of {len(scores)} epochs", "Score on the held-out part; "
    latest = scores[-n_latest:]
    if kept in latest:
        epoch = len(scores) - len(latest) + kept_epoch(latest, kept)
        ax.plot(epoch, kept, "o", color=color(4), label=f"kept: {kept:.4g} in epoch {epoch}")
        alt += f", of which epoch {epoch} is kept, with {kept:.4g}."
        caption += (
            "the parameters of the best epoch are kept, with a target for the zeros of those after it is in force."
        )
    else:
        alt += f"; the network before the last {len(latest)} is kept, with {kept:.4g}."
        caption += f"the network before the last {len(latest)} epochs is kept, which scores {kept:.4g} on their part."
    _finish(ax, "validation score", len(scores))
    return figure(ax, caption, alt)


def _zeros(curves: Sequence[Sequence[float]], target: Any) -> Figure:
    """Draw the zeros of each layer, given by epoch; layers trained one by one may have taken different numbers."""
    ax = new_axes(None)
    targets = [] if target is None else list(np.broadcast_to(target, len(curves)))
    for depth, zeros in enumerate(curves):
        percent = 100 * np.asarray(zeros)
        ax.plot(_epochs(len(zeros)), percent, color=color(depth), linewidth=1.8, label=f"layer {depth + 1}")
    for index, value in enumerate(dict.fromkeys(targets)):
        label = "target" if index == 0 else None
        ax.axhline(100 * value, color="#888888", linewidth=1.0, linestyle=":", label=label)
    fewest = 100 * min([*map(min, curves), *targets])
    lowest = fewest - 0.1 * (100 - fewest) if NEARLY_ALL <= fewest < 100 else 0.0
    ax.set_ylim(lowest, 100 + 0.02 * (100 - lowest))
    _finish(ax, "exact zeros (%)", max(map(len, curves)))
    ends = ", ".join(f"layer {depth + 1} {100 * zeros[-1]:.1f} %" for depth, zeros in enumerate(curves))
    starts = 100 * float(np.mean([zeros[0] for zeros in curves]))
    alt = f"Lines: exact zeros over training, from {starts:.0f} % on average in the first epoch to {ends}."
    caption = "Exact zeros of each hidden layer, over the minibatches of each epoch."
    if targets:
        caption += " The end of a fit is measured on clean rows, after the shift of the biases toward the target."
    return figure(ax, caption, alt)


def _finish(ax: Axes, label: str, n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for line in ax.get_lines():
        if np.size(line.get_xdata()) == 1:  # a line of one point does not show, and half of its mark lies at an edge
            line.set(marker="o", clip_on=False)
    finish(ax, "epoch", label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if n_epochs == 1:
        ax.set_xticks([1])
    else:
        ax.set_xlim(1, n_epochs)


def _epochs(n: int) -> Any:
    return np.arange(1, n + 1)
