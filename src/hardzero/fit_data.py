"""What a call of `fit` learns from, after validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.network import Input

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Samples:
    """Rows with their targets and weights.

    Attributes
    ----------
    X : ndarray or csr_array of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), or None
    """

    X: Input
    targets: Array
    sample_weight: Array | None = None

    def __post_init__(self) -> None:
        if self.sample_weight is not None and not self.sample_weight.any():
            raise ValueError("all sample weights are zero: nothing can be learned; give some a positive weight")

    def part(self, rows: NDArray[np.intp]) -> Samples:
        """Return the given rows of all."""
        weights = None if self.sample_weight is None else self.sample_weight[rows]
        return Samples(self.X[rows], self.targets[rows], weights)


@dataclass(frozen=True)
class FitData:
    """What one fit has: samples to learn from, and what the caller gave beside them.

    Attributes
    ----------
    samples : Samples
    held_out : Samples or None
        By which early stopping judges progress, where the caller chose them.
    all_rows : ndarray or csr_array, or None
        With the rows that have no label, where there is pre-training.
    """

    samples: Samples
    held_out: Samples | None = None
    all_rows: Input | None = None

    def parts(self) -> tuple[Any, ...]:
        """Return the arrays that fine-tuning depends on, in the order of a checkpoint's fingerprint."""
        held_out = None if self.held_out is None else (self.held_out.X, self.held_out.targets)
        return self.samples.X, self.samples.targets, self.samples.sample_weight, held_out
