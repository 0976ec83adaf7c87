"""Whether chunks differ in their classes by more than chance, as those of data sorted by class do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hardzero.user_warnings import warn_user

SORTED_ASSOCIATION = 0.5
"""Association of class and chunk (Cramér's V, from 0 to 1) above which a fit warns that the data are sorted."""


def warn_if_sorted(class_counts: list[NDArray[np.intp]]) -> None:
    """Warn if chunks differ far more in their classes than chance makes them.

    Parameters
    ----------
    class_counts : list of ndarray of shape (n_classes,)
        Of each chunk.
    """
    if len(class_counts) > 1 and association(np.stack(class_counts)) > SORTED_ASSOCIATION:
        warn_user(
            "the chunks hold different classes, as those of a file sorted by class do: training on one forgets the "
            "classes of the others. Shuffle the rows first",
        )


def association(counts: NDArray[np.intp]) -> float:
    """Return Cramér's V of a table of counts without the part that chance adds (Bergsma 2013), from 0 to 1.

    Examples
    --------
    >>> association(np.array([[50, 0], [0, 50]])) > 0.95, association(np.array([[50, 0], [50, 0]]))
    (True, 0.0)
    """
    counts = counts[:, counts.sum(axis=0) > 0]
    n_samples, (n_rows, n_columns) = int(counts.sum()), counts.shape
    if min(n_rows, n_columns) < 2:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n_samples
    phi_squared = float((np.square(counts - expected) / expected).sum()) / n_samples
    by_chance = (n_rows - 1) * (n_columns - 1) / (n_samples - 1)
    rows, columns = (size - (size - 1) ** 2 / (n_samples - 1) for size in (n_rows, n_columns))
    return float(np.sqrt(max(0.0, phi_squared - by_chance) / max(min(rows, columns) - 1, 1e-9)))
