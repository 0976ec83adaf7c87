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

        A constant column is shifted, not scaled.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_columns)

        Examples
        --------
        >>> LinearScaling.standardize(np.array([[1.0, 5.0], [3.0, 5.0]]))
        LinearScaling(shift=array([2., 5.]), scale=array([1., 1.]))
        """
        if not isinstance(X, np.ndarray):
            scale = np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
            return cls(np.zeros(X.shape[1]), np.where(scale > 0, scale, 1.0))
        shift = X.mean(axis=0, dtype=np.float64)
        squares = np.zeros(X.shape[1])
        for start in range(0, len(X), _ROWS):
            squares += np.square(X[start : start + _ROWS].astype(np.float64) - shift).sum(axis=0)
        scale = np.sqrt(squares / len(X))
        resolution = np.finfo(np.float32).eps * np.abs(shift)
        return cls(shift, np.where(scale > resolution, scale, 1.0))

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
