"""Samples in the form that a saved model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def with_names(X: Any, names: Sequence[str] | None) -> Any:
    """Return dense samples with named columns as a data frame, others as they are."""
    if names is None or not isinstance(X, np.ndarray):
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=list(names), copy=False)


def noted_targets(notes: dict[str, Any]) -> list[str]:
    """Return the targets that `hardzero fit` noted; notes of one's own may hold anything under this name."""
    targets = notes.get("targets")
    return targets if isinstance(targets, list) and all(isinstance(name, str) for name in targets) else []
