"""Linear scaling of features and targets, and its disappearance into a trained network.

A network whose first layer sees ``(x - shift) / scale`` equals one with other weights that sees ``x``. So data can be
scaled for training and the scaling folded into the weights afterwards: the model then takes and gives values in
their own units, needs no pre-processing, and skips the zeros of the raw input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hardzero.network import Network

Floats = NDArray[np.float64]

_ROWS = 8192

_LARGEST_ERROR = 0.05
"""Largest error of a scaled value by rounding the unscaled one to float32, as networks see it after folding."""


@dataclass(frozen=True)
class LinearScaling:
    """The map from ``x`` to ``(x - shift) / scale``, column by column.

    Attributes
    ----------
    shift, scale : ndarray of shape (n_columns,), float64
    """

    shift: Floats
    scale: Floats

    @classmethod
    def standardize(cls, X: Any) -> LinearScaling:
        """Return the scaling to mean 0 and variance 1; sparse input keeps its zeros and gets maximum 1 instead.

        A column that is constant, up to the rounding of its type, is shifted, not scaled. One of zeros and ones stays
        as it is: a rare category would otherwise be the largest of inputs.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_columns)

        Examples
        --------
        >>> LinearScaling.standardize(np.array([[1.0, 5.0], [3.0, 5.0]]))
        LinearScaling(shift=array([2., 5.]), scale=array([1., 1.]))
        """
        if not isinstance(X, np.ndarray):
            return cls._to_maximum(_largest_values(X))
        shift = X.mean(axis=0, dtype=np.float64)
        squares, is_indicator = np.zeros(X.shape[1]), np.ones(X.shape[1], dtype=bool)
        with np.errstate(over="ignore"):  # too_large_columns names them
            for start in range(0, len(X), _ROWS):
                rows = X[start : start + _ROWS]
                squares += np.square(rows.astype(np.float64) - shift).sum(axis=0)
                is_indicator &= _are_indicators(rows)
        return cls._to_variance(shift, squares / len(X), len(X), _rounding(X), is_indicator)

    @classmethod
    def where_needed(cls, X: Any) -> LinearScaling | None:
        """Return `standardize` of `X`, or None if no value lies beyond -1 and 1: such features stay as they are."""
        return None if abs(X).max() <= 1 else cls.standardize(X)

    @classmethod
    def _to_variance(
        cls, mean: Floats, variance: Floats, n_rows: int, rounding: float, is_indicator: NDArray[np.bool_]
    ) -> LinearScaling:
        scale = np.sqrt(variance)
        smallest = max(rounding, n_rows * np.finfo(np.float64).eps) * np.abs(mean)  # the sum is rounded as well
        varies = (scale > smallest) & ~is_indicator
        return cls(np.where(is_indicator, 0.0, mean), np.where(varies, scale, 1.0))

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
            scaled[start : start + _ROWS] = (X[start : start + _ROWS].astype(np.float64) - self.shift) / self.scale
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
        first.weights[...] = weights

    def fold_into_output(self, network: Network) -> None:
        """Change the last layer of a network trained on scaled targets so that it predicts them unscaled."""
        network.output.weights[...] = network.output.weights * self.scale
        network.output.bias[...] = network.output.bias * self.scale + self.shift


class ChunkedStandardization:
    """`LinearScaling.standardize` for data of which a chunk is seen at a time.

    Attributes
    ----------
    largest : float
        The largest absolute value seen.

    Examples
    --------
    >>> standardization = ChunkedStandardization()
    >>> for chunk in (np.array([[1.0, 5.0]]), np.array([[3.0, 5.0]])):
    ...     standardization.add(chunk)
    >>> standardization.scaling()
    LinearScaling(shift=array([2., 5.]), scale=array([1., 1.]))
    """

    def __init__(self) -> None:
        self.largest = 0.0
        self._n_rows = 0
        self._rounding = 0.0
        self._mean: Any = 0.0
        self._squares: Any = 0.0
        self._largest_values: Any = None
        self._is_indicator: Any = True

    def add(self, X: Any) -> None:
        """Take a chunk into account, an ndarray or csr_array of shape (n_rows, n_columns)."""
        self.largest = max(self.largest, float(abs(X).max()))
        if not isinstance(X, np.ndarray):
            seen = 0.0 if self._largest_values is None else self._largest_values
            self._largest_values = np.maximum(seen, _largest_values(X))
            return
        # Chan, Golub and LeVeque (1979): means and squares of parts combine without loss of precision.
        values = X.astype(np.float64)
        mean, n_rows = values.mean(axis=0), self._n_rows + len(values)
        between = np.square(mean - self._mean) * self._n_rows * len(values) / n_rows
        self._squares = self._squares + np.square(values - mean).sum(axis=0) + between
        self._mean = self._mean + (mean - self._mean) * len(values) / n_rows
        self._n_rows = n_rows
        self._rounding = max(self._rounding, _rounding(X))
        self._is_indicator = self._is_indicator & _are_indicators(X)

    def scaling(self) -> LinearScaling:
        """Return the scaling of all chunks together."""
        if self._largest_values is not None:
            return LinearScaling._to_maximum(self._largest_values)
        variance = self._squares / self._n_rows
        return LinearScaling._to_variance(self._mean, variance, self._n_rows, self._rounding, self._is_indicator)


def _are_indicators(X: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which columns hold zeros and ones only."""
    return np.asarray(((X == 0) | (X == 1)).all(axis=0), dtype=bool)


def _rounding(X: NDArray[Any]) -> float:
    """Return the part of a value that the type of `X` rounds away."""
    return float(np.finfo(X.dtype).eps) if X.dtype.kind == "f" else 0.0


def _largest_values(X: Any) -> Floats:
    """Return the largest absolute value of each column of a sparse matrix."""
    return np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
