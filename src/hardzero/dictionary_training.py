"""Training of sparse dictionaries: atoms of unit norm, few active units a sample, no unit left dead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation
from hardzero.denoising_trainer import DenoisingTrainer
from hardzero.network import Input, Network
from hardzero.ops import Ops
from hardzero.pretraining import AutoencoderSettings
from hardzero.training import REVIVAL_PART, REVIVAL_SAMPLES

Array = NDArray[np.float32]


@dataclass(frozen=True)
class TopK(Activation):
    """A rectifier that keeps only the `k` largest activations of each sample (Makhzani and Frey 2014).

    Parameters
    ----------
    k : int
        Most units active at once.

    Raises
    ------
    ValueError
        If `k` is less than 1.

    Examples
    --------
    >>> TopK(2).value(np.float32([[3.0, -1.0, 1.0, 2.0]]))
    array([[3., 0., 0., 2.]], dtype=float32)
    """

    k: int
    name: ClassVar[str] = "top_k"
    makes_zeros: ClassVar[bool] = True
    gain: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"top_k needs k of at least 1, got {self.k!r}")

    def value(self, z: Array) -> Array:
        """Return max(0, z) at the `k` largest entries of each row, else 0."""
        return np.where(self._kept(z), z, np.float32(0))

    def slope(self, z: Array) -> Array:
        """Return 1 at the entries that are kept, else 0."""
        return self._kept(z).astype(np.float32)

    def _kept(self, z: Array) -> NDArray[np.bool_]:
        if self.k >= z.shape[-1]:
            return z > 0
        largest = np.argpartition(z, -self.k, axis=-1)[..., -self.k :]
        kept = np.zeros(z.shape, dtype=np.bool_)
        np.put_along_axis(kept, largest, True, axis=-1)
        return kept & (z > 0)


@dataclass
class DictionaryTrainer(DenoisingTrainer):
    """Trains an autoencoder whose decoder's rows are a dictionary.

    The atoms that a minibatch used are brought back to unit norm after the step, all of them after the epoch: L1 on
    the code could otherwise be escaped by small codes and large atoms.

    Attributes
    ----------
    revive_dead_atoms : bool
        Whether an atom that no sample used in an epoch of the first three quarters of training is replaced by the
        normalized residual of a sample that is reconstructed poorly (Bricken et al. 2023).
    activity : float
        Part of the samples that a revived unit fires on at first.
    """

    revive_dead_atoms: bool = True
    activity: float = 0.01

    def _found_used(self, used: NDArray[np.intp]) -> None:
        normalize_rows(self.network.output.weights, used)

    def _put_in_order(self) -> None:
        super()._put_in_order()
        normalize_rows(self.network.output.weights, np.arange(self.network.hidden_layers[0].n_units))

    def _found_dead(self, ops: Ops, X: Input, dead: NDArray[np.intp]) -> None:
        early = self.history.n_passes < REVIVAL_PART * self.settings.max_epochs
        if self.revive_dead_atoms and early and len(dead):
            self._revive(ops, X, dead)

    def _revive(self, ops: Ops, X: Input, dead: NDArray[np.intp]) -> None:
        """Replace atoms by residuals of samples drawn with probability proportional to their squared error.

        Two atoms never get the same one: they would stay the same for ever. Where samples are fewer, some atoms wait.
        """
        chosen = self.random_state.choice(X.shape[0], min(REVIVAL_SAMPLES, X.shape[0]), replace=False)
        clean = ops.rows(X, np.sort(chosen)).dense()
        residual = clean - self.network.predictions(ops, clean)
        squares = np.square(residual).sum(axis=1, dtype=np.float64)
        _, distinct = np.unique(residual, axis=0, return_index=True)
        shares = np.zeros(len(squares))
        shares[distinct] = squares[distinct]
        dead = dead[: np.count_nonzero(shares)]
        if not len(dead):
            return
        samples = self.random_state.choice(len(residual), len(dead), replace=False, p=shares / shares.sum())
        encoder, decoder = self.network.parameters
        decoder.weights[dead] = residual[samples]
        normalize_rows(decoder.weights, dead)
        encoder.weights[:, dead] = decoder.weights[dead].T
        projections = clean @ decoder.weights[dead].T
        encoder.bias[dead] = -np.quantile(projections, 1.0 - self.activity, axis=0)
        for state in encoder.weight_state:
            state[:, dead] = 0
        for state in decoder.weight_state:
            state[dead] = 0
        for state in encoder.bias_state:
            state[dead] = 0
        self.history.n_revived_units += len(dead)


@dataclass(frozen=True)
class DictionarySettings(AutoencoderSettings):
    """How dictionaries are trained.

    Attributes
    ----------
    revive_dead_atoms : bool
    activity : float
        Wanted part of units active at once.
    """

    revive_dead_atoms: bool = True
    activity: float = 0.01

    def refresh(self, trainer: DenoisingTrainer, depth: int, n_samples: int) -> None:
        """Let a trainer go on by these settings."""
        super().refresh(trainer, depth, n_samples)
        assert isinstance(trainer, DictionaryTrainer)
        trainer.revive_dead_atoms, trainer.activity = self.revive_dead_atoms, self.activity

    def _prepare(self, network: Network) -> None:
        encoder, decoder = network.parameters
        decoder.weights[...] = encoder.weights.T
        normalize_rows(decoder.weights, np.arange(len(decoder.weights)))
        encoder.weights[...] = decoder.weights.T
        encoder.bias[...] = -decoder.bias @ encoder.weights

    def _kind_of_trainer(self) -> Callable[..., DictionaryTrainer]:
        return partial(DictionaryTrainer, revive_dead_atoms=self.revive_dead_atoms, activity=self.activity)


def normalize_rows(matrix: Array, rows: NDArray[np.intp]) -> None:
    """Bring the given rows of `matrix` to unit Euclidean norm, in place; rows of zeros stay."""
    chosen = matrix[rows]
    norms = np.sqrt(np.einsum("ij,ij->i", chosen, chosen))
    matrix[rows] = chosen / np.where(norms > 0, norms, 1)[:, None]
