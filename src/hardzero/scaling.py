"""Linear scaling of features and targets, and its disappearance into a trained network.

A network whose first layer sees ``(x - shift) / scale`` equals one with other weights that sees ``x``. So data can be
scaled for training and the scaling folded into the weights afterwards: the model then takes and gives values in
their own units, needs no pre-processing, and skips the zeros of the raw input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hardzero.network import Network

Floats = NDArray[np.float64]

Pairs = Sequence[tuple[int, int]]
"""Columns that lack some values, each with the column that says where."""

_ROWS = 8192

_LEAST_ZEROS = 0.25
"""Part of the values that must be 0 for features between -1 and 1 to stay as they are."""

_LARGEST_ERROR = 0.05
"""Largest error of a scaled value by rounding the unscaled one to float32, as networks see it after folding."""


@dataclass(frozen=True)
class LinearScaling:
    """The map from ``x`` to ``(x - shift) / scale``, column by column, and to 0 where a value is missing.

    Attributes
    ----------
    shift, scale : ndarray of shape (n_columns,), float64
    missing : sequence of (int, int)
        Columns that hold 0 where a value is missing, each with the column that is 1 there.
    """

    shift: Floats
    scale: Floats
    missing: Pairs = ()

    @classmethod
    def standardize(cls, X: Any, missing: Pairs = ()) -> LinearScaling:
        """Return the scaling to mean 0 and variance 1; sparse input keeps its zeros and gets maximum 1 instead.

        A column that is constant, up to the rounding of its type, is shifted, not scaled. One of zeros and ones stays
        as it is: a rare category would otherwise be the largest of inputs.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_columns)
        missing : sequence of (int, int)
            Columns that lack some values, and hold 0 there, each with the column that is 1 in such rows.

        Examples
        --------
        >>> scaling = LinearScaling.standardize(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> scaling.shift.tolist(), scaling.scale.tolist()
        ([2.0, 5.0], [1.0, 1.0])
        """
        return _standardization(X, missing).scaling()

    @classmethod
    def where_needed(cls, X: Any, missing: Pairs = ()) -> LinearScaling | None:
        """Return `standardize` of `X`, or None if no value lies beyond -1 and 1 and a quarter or more of them are 0.

        Such features, as the pixels of digits, stay as they are: they have the size that training wants, and their
        zeros save time.
        """
        standardization = _standardization(X, missing)
        return standardization.scaling() if standardization.is_needed else None

    @classmethod
    def _to_maximum(cls, largest: Floats) -> LinearScaling:
        return cls(np.zeros(len(largest)), np.where(largest > 0, largest, 1.0))

    def apply(self, X: Any) -> Any:
        """Return scaled `X`, float32.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_columns)
        """
        if not isinstance(X, np.ndarray):
            return csr_array(X.multiply(1.0 / self.scale)).astype(np.float32)
        scaled = np.empty(X.shape, dtype=np.float32)
        for start in range(0, len(X), _ROWS):
            values = X[start : start + _ROWS].astype(np.float64)
            for column, indicator in self.missing:
                values[:, column] += self.shift[column] * values[:, indicator]
            scaled[start : start + _ROWS] = (values - self.shift) / self.scale
        return scaled

    def imprecise_columns(self) -> NDArray[np.intp]:
        """Return the columns whose differences are lost in single precision: they lie too far from 0 for their spread.

        Examples
        --------
        >>> LinearScaling(np.array([2020.0, 1e15]), np.array([5.0, 100.0])).imprecise_columns().tolist()
        [1]
        """
        return np.flatnonzero(np.finfo(np.float32).eps * np.abs(self.shift) > _LARGEST_ERROR * self.scale)

    def too_large_columns(self) -> NDArray[np.intp]:
        """Return the columns whose values do not fit float32.

        Examples
        --------
        >>> LinearScaling(np.array([0.0, 0.0]), np.array([1e30, 1e300])).too_large_columns().tolist()
        [1]
        """
        return np.flatnonzero(np.abs(self.shift) + self.scale > np.finfo(np.float32).max)

    def fold_into_input(self, network: Network) -> None:
        """Change the first layer of a network trained on scaled features so that it takes them unscaled."""
        first = network.parameters[0]
        weights = first.weights.astype(np.float64) / self.scale[:, None]
        first.bias[...] = first.bias - self.shift @ weights
        for column, indicator in self.missing:
            weights[indicator] += self.shift[column] * weights[column]
        first.weights[...] = weights

    def fold_into_output(self, network: Network) -> None:
        """Change the last layer of a network trained on scaled targets so that it predicts them unscaled."""
        network.output.weights[...] = network.output.weights * self.scale
        network.output.bias[...] = network.output.bias * self.scale + self.shift


class ChunkedStandardization:
    """`LinearScaling.standardize` for data of which a chunk is seen at a time.

    Parameters
    ----------
    missing : sequence of (int, int)
        As for `LinearScaling.standardize`.

    Examples
    --------
    >>> standardization = ChunkedStandardization()
    >>> for chunk in (np.array([[1.0, 5.0]]), np.array([[3.0, 5.0]])):
    ...     standardization.add(chunk)
    >>> standardization.scaling().shift.tolist()
    [2.0, 5.0]
    """

    def __init__(self, missing: Pairs = ()) -> None:
        self._missing = missing
        self._largest = 0.0
        self._n_zeros: Any = 0
        self._n_rows: Any = 0
        self._rounding = 0.0
        self._mean: Any = 0.0
        self._squares: Any = 0.0
        self._largest_values: Any = None
        self._is_indicator: Any = True

    def add(self, X: Any) -> None:
        """Take a chunk into account, an ndarray or csr_array of shape (n_rows, n_columns)."""
        self._largest = max(self._largest, float(abs(X).max()))
        if not isinstance(X, np.ndarray):
            seen = 0.0 if self._largest_values is None else self._largest_values
            self._largest_values = np.maximum(seen, _largest_values(X))
            return
        with np.errstate(over="ignore"):  # too_large_columns names them
            self._add_moments(X.astype(np.float64))
        self._rounding = max(self._rounding, _rounding(X))
        self._is_indicator = self._is_indicator & _are_indicators(X)

    @property
    def is_needed(self) -> bool:
        """Whether a value lies beyond -1 and 1, or dense columns that are scaled hold less than a quarter of zeros."""
        if self._largest > 1 or self._largest_values is not None:
            return self._largest > 1
        zeros = (self._n_zeros / np.maximum(self._n_rows, 1))[~self._is_indicator]
        return bool(len(zeros) and zeros.mean() < _LEAST_ZEROS)

    def scaling(self) -> LinearScaling:
        """Return the scaling of all chunks together."""
        if self._largest_values is not None:
            return LinearScaling._to_maximum(self._largest_values)
        scale = np.sqrt(self._squares / np.maximum(self._n_rows, 1))
        # The sum is rounded as well.
        smallest = np.maximum(self._rounding, self._n_rows * np.finfo(np.float64).eps) * np.abs(self._mean)
        varies = (scale > smallest) & ~self._is_indicator
        shift = np.where(self._is_indicator, 0.0, self._mean)
        return LinearScaling(shift, np.where(varies, scale, 1.0), self._missing)

    def _add_moments(self, values: Floats) -> None:
        """Take count, zeros, mean and squares of a chunk into account; `values` is changed."""
        is_missing = {column: values[:, indicator] == 1 for column, indicator in self._missing}
        count = np.full(values.shape[1], len(values))
        n_zeros = np.count_nonzero(values == 0, axis=0)
        for column, rows in is_missing.items():
            n_missing = np.count_nonzero(rows)
            count[column] -= n_missing
            n_zeros[column] -= n_missing
        self._n_zeros = self._n_zeros + n_zeros
        mean = values.sum(axis=0) / np.maximum(count, 1)
        for column, rows in is_missing.items():
            values[rows, column] = mean[column]
        # Chan, Golub and LeVeque (1979): means and squares of parts combine without loss of precision.
        n_rows = self._n_rows + count
        share = count / np.maximum(n_rows, 1)
        difference = mean - self._mean
        self._squares = self._squares + np.square(values - mean).sum(axis=0)
        self._squares += np.square(difference * np.sqrt(self._n_rows * share))
        self._mean = self._mean + difference * share
        self._n_rows = n_rows


def _standardization(X: Any, missing: Pairs) -> ChunkedStandardization:
    """Return what standardizes all rows of `X`."""
    standardization = ChunkedStandardization(missing)
    if isinstance(X, np.ndarray):
        for start in range(0, len(X), _ROWS):
            standardization.add(X[start : start + _ROWS])
    else:
        standardization.add(X)
    return standardization


def _are_indicators(X: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which columns hold zeros and ones only."""
    return np.asarray(((X == 0) | (X == 1)).all(axis=0), dtype=bool)


def _rounding(X: NDArray[Any]) -> float:
    """Return the part of a value that the type of `X` rounds away."""
    return float(np.finfo(X.dtype).eps) if X.dtype.kind == "f" else 0.0


def _largest_values(X: Any) -> Floats:
    """Return the largest absolute value of each column of a sparse matrix."""
    return np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
