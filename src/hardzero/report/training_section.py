"""How training went: loss, validation score and zeros over epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hardzero.analysis.style import color, finish, new_axes
from hardzero.report.figures import Figure, figure
from hardzero.report.section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def training_section(estimator: Any) -> Section | None:
    """Return learning curves and zeros over training; None where the model keeps no history."""
    if getattr(estimator, "loss_curves_", None):
        return Section("Training", "", figures=[_losses(estimator.loss_curves_)])
    loss = getattr(estimator, "loss_curve_", None)
    if not loss:
        return None
    figures = [_loss(loss)]
    scores = getattr(estimator, "validation_scores_", None)
    if scores:
        figures.append(_validation(scores))
    zeros = getattr(estimator, "sparsity_curve_", None)
    if zeros is not None and len(zeros):
        figures.append(_zeros(np.asarray(zeros), getattr(estimator, "target_sparsity", None)))
    return Section("Training", "", figures=figures)


def _loss(loss: list[float]) -> Figure:
    ax = new_axes(None)
    ax.plot(_epochs(len(loss)), loss, color=color(0), linewidth=1.8)
    if min(loss) > 0 and max(loss) > 20 * min(loss):
        ax.set_yscale("log")
    _finish(ax, "training loss", len(loss))
    alt = f"Line: the training loss falls from {loss[0]:.3g} to {loss[-1]:.3g} in {len(loss)} epochs."
    if loss[-1] > loss[0]:
        alt = f"Line: the training loss goes from {loss[0]:.3g} to {loss[-1]:.3g} in {len(loss)} epochs."
    return figure(ax, "Training loss of each epoch, penalties included.", alt)


def _losses(losses: list[list[float]]) -> Figure:
    """Draw the loss of each layer of a stack; layers differ in scale, so each is shown in parts of its first loss."""
    ax = new_axes(None)
    for depth, loss in enumerate(losses):
        parts = 100.0 * np.asarray(loss) / loss[0]
        ax.plot(_epochs(len(loss)), parts, color=color(depth), linewidth=1.8, label=f"layer {depth + 1}")
    _finish(ax, "training loss (% of the first epoch's)", max(map(len, losses)))
    ends = ", ".join(f"layer {depth + 1} {loss[-1]:.4g}" for depth, loss in enumerate(losses))
    return figure(
        ax, f"Reconstruction loss of each layer; at the end {ends}.", f"Lines: training loss, at the end {ends}."
    )


def _validation(scores: list[float]) -> Figure:
    ax = new_axes(None)
    best = int(np.argmax(scores))
    ax.plot(_epochs(len(scores)), scores, color=color(2), linewidth=1.8, label="validation")
    ax.plot(best + 1, scores[best], "o", color=color(4), label=f"best: {scores[best]:.4g} in epoch {best + 1}")
    _finish(ax, "validation score", len(scores))
    alt = f"Line: the validation score is best, {scores[best]:.4g}, in epoch {best + 1} of {len(scores)}."
    return figure(ax, "Score on the held-out part; the parameters of the best epoch are kept.", alt)


def _zeros(zeros: Any, target: Any) -> Figure:
    ax = new_axes(None)
    targets = [] if target is None else list(np.broadcast_to(target, zeros.shape[1]))
    for depth in range(zeros.shape[1]):
        ax.plot(
            _epochs(len(zeros)), 100 * zeros[:, depth], color=color(depth), linewidth=1.8, label=f"layer {depth + 1}"
        )
    for index, value in enumerate(dict.fromkeys(targets)):
        label = "target" if index == 0 else None
        ax.axhline(100 * value, color="#888888", linewidth=1.0, linestyle=":", label=label)
    ax.set_ylim(0.0, 102.0)
    _finish(ax, "exact zeros (%)", len(zeros))
    ends = ", ".join(f"layer {i + 1} {100 * value:.1f} %" for i, value in enumerate(zeros[-1]))
    starts = 100 * float(zeros[0].mean())
    alt = f"Lines: exact zeros over training, from {starts:.0f} % on average in the first epoch to {ends}."
    return figure(ax, "Exact zeros of each hidden layer, over the minibatches of each epoch.", alt)


def _finish(ax: Axes, label: str, n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    finish(ax, "epoch", label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if n_epochs == 1:
        ax.set_xticks([1])
        for line in ax.get_lines():
            line.set_marker("o")
    else:
        ax.set_xlim(1, n_epochs)


def _epochs(n: int) -> Any:
    return np.arange(1, n + 1)
