"""Figures as text: tables in Markdown, means with standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def markdown(frame: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers with three significant digits."""

    def text(value: Any) -> str:
        return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)

    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1]]
    rows += [[text(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def mean_and_deviation(values: Any, pattern: str = "{:.2f}") -> str:
    """Return the mean, and the standard deviation where there are several values."""
    deviation = f" ± {pattern.replace('+', '').format(np.std(values, ddof=1))}" if len(values) > 1 else ""
    return pattern.format(np.mean(values)) + deviation
