"""Means with intervals over seeds, and the paired test behind the bold figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-9
"""Relative difference below which values count as equal: gaps that vary by less have no measurable spread."""

SIGNIFICANCE = 0.05
"""The paper's level for its pairwise test."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with the half width of its 95 % interval (nan for a single value and an infinite mean)."""

    mean: float
    half_width: float
    n: int

    def text(self, digits: int) -> str:
        """Return ``mean ± half width`` with that many digits after the point."""
        if not self.n:
            return "–"
        if not np.isfinite(self.half_width):
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} ± {self.half_width:.{digits}f}"


def estimate(values: Sequence[float] | pd.Series[float]) -> Estimate:
    """Return mean and 95 % interval by Student's t distribution, missing values left out; infinite ones count.

    Examples
    --------
    >>> estimate([1.0, 2.0, 3.0]).text(2)
    '2.00 ± 2.48'
    """
    from scipy.stats import t as student_t

    kept = np.asarray(values, dtype=float)
    kept = kept[~np.isnan(kept)]
    n = len(kept)
    if n < 2 or np.isinf(kept).any():
        # A sum of Python: infinities of both signs give nan, without a warning.
        return Estimate(sum(kept.tolist()) / n if n else np.nan, np.nan, n)
    standard_error = kept.std(ddof=1) / np.sqrt(n)
    return Estimate(float(kept.mean()), float(student_t.ppf(0.975, n - 1) * standard_error), n)


def differ(first: pd.Series[float], second: pd.Series[float]) -> bool | None:
    """Test whether two settings differ, by a paired t-test over their common pairs.

    Parameters
    ----------
    first, second : Series
        A result for each pair (seed and data set) as index.

    Returns
    -------
    bool or None
        None with fewer than two common pairs, or an infinite result in one of them, where nothing can be said.

    Examples
    --------
    >>> import pandas as pd
    >>> a = pd.Series([1.0, 1.1, 0.9, 1.0])
    >>> differ(a, a + [0.5, 0.51, 0.49, 0.5])
    True
    """
    import pandas as pd
    from scipy.stats import ttest_1samp

    pairs = pd.concat([first, second], axis=1, join="inner").dropna().to_numpy(dtype=float)
    if len(pairs) < 2 or np.isinf(pairs).any():
        return None
    gap = pairs[:, 0] - pairs[:, 1]
    if np.ptp(gap) <= ROUNDING * np.abs(pairs).max():
        return bool(np.abs(gap).max() > ROUNDING * np.abs(pairs).max())
    return bool(ttest_1samp(gap, 0.0).pvalue < SIGNIFICANCE)
