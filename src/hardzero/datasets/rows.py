"""Rows of a data set, dense or sparse, put below one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import vstack


def stack_rows(parts: Sequence[Any]) -> Any:
    """Return the rows of several arrays, or of several sparse matrices, as one array or one CSR matrix.

    Parameters
    ----------
    parts : sequence of ndarray, or of sparse matrix
        All of one kind.

    Returns
    -------
    ndarray or CSR matrix

    Examples
    --------
    >>> import numpy as np
    >>> stack_rows([np.zeros((2, 3)), np.ones((1, 3))]).shape
    (3, 3)
    """
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else vstack(parts, format="csr")
