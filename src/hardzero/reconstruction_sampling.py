"""Reconstruction sampling: train on the non-zeros and a sample of the zeros of sparse, high-dimensional input.

Y. Dauphin, X. Glorot, Y. Bengio. Large-Scale Learning of Embeddings with Reconstruction Sampling. ICML 2011. The sample
here is of columns, one for a whole minibatch: the columns in which any sample is non-zero, and a random part of the
others. The products then are those of a small autoencoder over these columns, which runs on the same kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hardzero.network import Layer, Network
from hardzero.ops import Ops
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters
from hardzero.reconstruction import ReconstructionHead

Array = NDArray[np.float32]
Columns = NDArray[np.intp]

TRANSPOSED_COLUMNS = 128
"""Columns moved at a time between decoder and partial decoder: a block that stays in the cache."""


@dataclass(frozen=True)
class ColumnSample:
    """The columns that a minibatch reconstructs.

    Attributes
    ----------
    nonzero : ndarray of int
        Columns with a non-zero, ascending.
    zero : ndarray of int
        The sampled columns without, ascending.
    weight : ndarray of shape (n_nonzero_columns + n_zero_columns,), float32
        Importance weights: 1, and the inverse of the probability with which a column without non-zeros is sampled.
    """

    nonzero: Columns
    zero: Columns
    weight: Array

    @property
    def columns(self) -> Columns:
        """All columns, those with non-zeros first."""
        return np.concatenate([self.nonzero, self.zero])


@dataclass(frozen=True)
class ReconstructionSampling:
    """How many columns without non-zeros are sampled.

    Parameters
    ----------
    ratio : float, default=1.0
        Sampled columns per column with a non-zero: as many zeros as non-zeros, as in the paper.

    Raises
    ------
    ValueError
        If `ratio` is not positive and finite.

    Examples
    --------
    >>> sample = ReconstructionSampling(ratio=0.5).draw(np.array([7, 2, 7, 3, 5]), n_columns=100, seed=0)
    >>> sample.nonzero, len(sample.zero), sample.weight[-1]
    (array([2, 3, 5, 7]), 2, np.float32(48.0))
    """

    ratio: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.ratio) and self.ratio > 0):
            raise ValueError(f"the ratio of sampled zeros must be positive and finite, got {self.ratio!r}")

    def draw(self, indices: NDArray[np.integer], n_columns: int, seed: int) -> ColumnSample:
        """Return the columns that occur in `indices`, and a sample of the others without replacement."""
        occurs = np.zeros(n_columns, dtype=bool)
        occurs[indices] = True
        nonzero, others = np.flatnonzero(occurs), np.flatnonzero(~occurs)
        n_sampled = min(max(round(self.ratio * len(nonzero)), 1), len(others))
        chosen = np.random.default_rng(seed).choice(len(others), n_sampled, replace=False, shuffle=False)
        weight = np.ones(len(nonzero) + n_sampled, dtype=np.float32)
        weight[len(nonzero) :] = len(others) / max(n_sampled, 1)
        return ColumnSample(nonzero, others[np.sort(chosen)], weight)


class PartialNetwork:
    """The part of an autoencoder that reconstructs the sampled columns of a minibatch.

    The weights of the part are copied out before a step and back after it, with what the optimizer remembers of
    them: momentum and moments of columns outside the sample stand still meanwhile. The decoder is kept transposed
    during training, so that a column is one piece of memory.

    Parameters
    ----------
    network : Network
        The autoencoder.
    sampling : ReconstructionSampling

    Attributes
    ----------
    decoder : list of ndarray of shape (n_features, n_units)
        The transposed output weights, and what the optimizer remembers of them.
    """

    def __init__(self, network: Network, sampling: ReconstructionSampling) -> None:
        self.network = network
        self.sampling = sampling
        self._sample: ColumnSample
        self._position = np.zeros(network.n_features, dtype=np.int32)
        output = network.output
        self.decoder = [padded_copy(array.T) for array in (output.weights, *output.weight_state)]
        output.weight_state = []

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the padded layout, and arrays that can be written to, as `Parameters` does."""
        self.__dict__.update(state)
        self._position = np.array(self._position)
        self.decoder = [padded_copy(array) for array in self.decoder]

    def take(self, ops: Ops, X: csr_array, seed: int) -> tuple[Network, csr_array, Array]:
        """Return the partial network for a minibatch, its input and its targets.

        Parameters
        ----------
        ops : Ops
        X : csr_array of shape (n_samples, n_features)
        seed : int
            Of the sample of columns.

        Returns
        -------
        network : Network
            From the columns with non-zeros to these and the sampled ones.
        inputs : csr_array of shape (n_samples, n_nonzero_columns)
        targets : ndarray of shape (n_samples, n_nonzero_columns + n_zero_columns)
        """
        sample = self._sample = self.sampling.draw(X.indices, X.shape[1], seed)
        self._position[sample.nonzero] = np.arange(len(sample.nonzero), dtype=np.int32)
        inputs = csr_array((X.data, self._position[X.indices], X.indptr), shape=(X.shape[0], len(sample.nonzero)))
        targets = np.zeros((X.shape[0], len(sample.weight)), dtype=np.float32)
        targets[:, : len(sample.nonzero)] = inputs.toarray()
        return self._partial_network(ops, sample), inputs, targets

    def give_back(self, part: Network) -> None:
        """Copy the parameters of the partial network, after a step, back to where they came from."""
        sample = self._sample
        encoder, output = self.network.hidden_layers[0].parameters, self.network.output
        taken = part.hidden_layers[0].parameters
        encoder.weights[sample.nonzero] = taken.weights
        for state, taken_state in zip(encoder.weight_state, taken.weight_state, strict=True):
            state[sample.nonzero] = taken_state
        for whole, piece in zip(self.decoder, (part.output.weights, *part.output.weight_state), strict=True):
            _put_rows(whole, sample.columns, piece)
        output.bias[sample.columns] = part.output.bias
        for state, taken_state in zip(output.bias_state, part.output.bias_state, strict=True):
            state[sample.columns] = taken_state

    def write_decoder(self) -> None:
        """Bring the network's output weights up to date."""
        _take_rows(self.decoder[0], np.arange(self.network.n_features), self.network.output.weights)

    def read_decoder(self) -> None:
        """Take the network's output weights over."""
        _put_rows(self.decoder[0], np.arange(self.network.n_features), self.network.output.weights)

    def _partial_network(self, ops: Ops, sample: ColumnSample) -> Network:
        layer, output = self.network.hidden_layers[0], self.network.output
        columns = sample.columns
        pieces = []
        for array in (layer.parameters.weights, *layer.parameters.weight_state):
            piece = ops.matrix(len(sample.nonzero), layer.n_units)
            piece[...] = array[sample.nonzero]
            pieces.append(piece)
        encoder = Parameters(pieces[0], layer.parameters.bias, pieces[1:], layer.parameters.bias_state)
        pieces = []
        for array in self.decoder:
            piece = ops.matrix(layer.n_units, len(columns))
            _take_rows(array, columns, piece)
            pieces.append(piece)
        decoder = Parameters(
            pieces[0], output.bias[columns], pieces[1:], [state[columns] for state in output.bias_state]
        )
        head = self.network.loss
        assert isinstance(head, ReconstructionHead)
        return Network([Layer(encoder, layer.activation)], decoder, head.with_entry_weight(sample.weight))


def _take_rows(array: Array, rows: Columns, transposed: Array) -> None:
    """Write the given rows of `array` into the columns of `transposed`."""
    for start in range(0, len(rows), TRANSPOSED_COLUMNS):
        block = slice(start, start + TRANSPOSED_COLUMNS)
        transposed[:, block] = array[rows[block]].T


def _put_rows(array: Array, rows: Columns, transposed: Array) -> None:
    """Write the columns of `transposed` into the given rows of `array`."""
    for start in range(0, len(rows), TRANSPOSED_COLUMNS):
        block = slice(start, start + TRANSPOSED_COLUMNS)
        array[rows[block]] = transposed[:, block].T
