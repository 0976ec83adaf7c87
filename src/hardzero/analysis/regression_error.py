"""How far predictions of real targets are off."""

from __future__ import annotations

from typing import Any

import numpy as np


def root_mean_squared_error(y: Any, predictions: Any) -> float:
    """Return the root mean squared error of predictions over all samples and outputs.

    A single target may be one column or one axis, whichever shape the predictions have.
    """
    from sklearn.metrics import mean_squared_error

    return float(np.sqrt(mean_squared_error(y, predictions)))


def error_text(error: float) -> str:
    """Return an error with four digits or, where it has more before the point, with all of these.

    Examples
    --------
    >>> error_text(0.123456), error_text(53210.7)
    ('0.1235', '53,211')
    """
    return f"{error:.4g}" if abs(error) < 9999.5 else f"{error:,.0f}"
