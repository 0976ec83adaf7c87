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
