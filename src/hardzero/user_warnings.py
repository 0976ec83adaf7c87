"""Warnings that name the line of the user's program, however deep in the package their cause is noticed."""

from __future__ import annotations

import sys
import warnings

PASSED_OVER = ("hardzero", "sklearn", "joblib")
"""Packages whose lines are not the user's; scikit-learn wraps ``fit``, and searches call it by joblib."""


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning at the innermost line outside hardzero, scikit-learn and joblib.

    Parameters
    ----------
    message : str
    category : type of Warning, default=UserWarning
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package(frame.f_globals) in PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(module: dict[str, object]) -> str:
    return str(module.get("__name__", "")).partition(".")[0]
