"""Counter-based random numbers: the draw for an entry is a hash of the seed and the entry's place.

No state is carried along, so any thread can draw for any entry in any order, or only for the non-zeros, and
every implementation of ops gets the same draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def mix(counter: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits for each counter: splitmix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = (counter + np.uint64(1)) * _GOLDEN + np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        return z ^ (z >> np.uint64(31))


def keep_threshold(rate: float) -> np.uint32:
    """Return the 32-bit threshold at or above which an entry is kept under dropout with `rate`."""
    return np.uint32(min(round(rate * 2.0**32), 2**32 - 1))


def keep_entries(
    rows: NDArray[np.integer], columns: NDArray[np.integer], n_columns: int, rate: float, seed: int
) -> NDArray[np.bool_]:
    """Tell for entries (row, column) of a matrix with `n_columns` columns which ones dropout keeps.

    Examples
    --------
    >>> kept = keep_entries(np.repeat(np.arange(100), 100), np.tile(np.arange(100), 100), 100, 0.3, seed=1)
    >>> bool(0.68 < kept.mean() < 0.72)
    True
    """
    counter = rows.astype(np.uint64) * np.uint64(n_columns) + columns.astype(np.uint64)
    high_bits = (mix(counter, seed) >> np.uint64(32)).astype(np.uint32)
    return high_bits >= keep_threshold(rate)
