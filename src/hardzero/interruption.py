"""What Ctrl-C does to a training: its state is kept with a warning, or the whole program stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hardzero.user_warnings import warn_user

_raised = ContextVar("_raised", default=False)


class TrainingInterrupted(UserWarning):
    """Ctrl-C ended a training early; what it had learned is kept."""


@contextmanager
def interruption_raised() -> Iterator[None]:
    """Let Ctrl-C raise `KeyboardInterrupt` where `fit` would keep its state with a warning.

    For programs that train several networks, or go on with a trained one: a half-trained network must not pass for a
    trained one there. An interrupted `fit` leaves its estimator as it was before; one that goes on with a network
    (`warm_start`) has trained it in place.

    Examples
    --------
    >>> import numpy as np
    >>> from hardzero import RectifierRegressor
    >>> def press_control_c(report):
    ...     raise KeyboardInterrupt
    >>> X, y = np.eye(4), np.arange(4.0)
    >>> try:
    ...     with interruption_raised():
    ...         RectifierRegressor(hidden_layer_sizes=(8,)).fit(X, y, callback=press_control_c)
    ... except KeyboardInterrupt:
    ...     print("stopped")
    stopped
    """
    token = _raised.set(True)
    try:
        yield
    finally:
        _raised.reset(token)


def interrupted(kept: str) -> None:
    """Warn that Ctrl-C has ended a training, or raise `KeyboardInterrupt` within `interruption_raised`.

    Parameters
    ----------
    kept : str
        How far training came, and what of it is kept.
    """
    if _raised.get():
        raise KeyboardInterrupt
    warn_user(f"Training interrupted by user after {kept}", TrainingInterrupted)
