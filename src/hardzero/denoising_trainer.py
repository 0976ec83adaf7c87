"""The training of one denoising autoencoder, and what a model file keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hardzero.checkpoint import TrainingFile
from hardzero.corruption import Corruption
from hardzero.network import ForwardPass, Input
from hardzero.ops import Ops, Rows
from hardzero.ops.random_bits import mix
from hardzero.reconstruction_sampling import PartialNetwork, ReconstructionSampling
from hardzero.training import History, Minibatch, Trainer

Array = NDArray[np.float32]


@dataclass
class DenoisingTrainer(Trainer):
    """Trains an autoencoder: the targets are the clean minibatch, the input is corrupted.

    Attributes
    ----------
    corruption : Corruption or None
    seed : int
        Of the corruption and of the sampled outputs; the draws of a step are a function of it and of the step.
    sampling : ReconstructionSampling or None
        Reconstructs the non-zeros and a sample of the zeros of CSR input; None reconstructs every entry.
    """

    corruption: Corruption | None = None
    seed: int = 0
    sampling: ReconstructionSampling | None = None
    _part: PartialNetwork | None = field(default=None, init=False, repr=False)
    _fired: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._fired = np.zeros(self.network.hidden_layers[0].n_units, dtype=np.intp)

    def _start_optimizer(self) -> None:
        super()._start_optimizer()
        if self.sampling is not None:
            self._part = PartialNetwork(self.network, self.sampling)

    def state_arrays(self) -> dict[str, Array]:
        """Return the arrays that training changes; those of sampled decoders beside the network's."""
        arrays = super().state_arrays()
        if self._part is not None:
            arrays.update({f"decoder_state.{j}": array for j, array in enumerate(self._part.decoder)})
        return arrays

    def restore_arrays(self, saved: Mapping[str, Array]) -> None:
        """Put saved arrays into their places; a sampled decoder follows the network's, of which it is a copy."""
        super().restore_arrays(saved)
        if self._part is not None:
            self._part.read_decoder()

    def _stopped(self, checkpoint: TrainingFile | None, kept: str) -> None:
        """Say that Ctrl-C ended a run; raise it where no epoch is complete: there is nothing to keep."""
        if not self.history.loss_curve:
            raise KeyboardInterrupt
        super()._stopped(checkpoint, kept)

    def _minibatch(self, ops: Ops, X: Input, samples: NDArray[np.intp], targets: Array | None) -> Minibatch:
        seed = int(mix(np.array([self.optimizer.n_steps], dtype=np.uint64), self.seed)[0])
        if self._part is None:
            clean = ops.rows(X, samples)
            return Minibatch(self.network, self._corrupt(ops, clean, seed), clean.dense())
        network, inputs, dense_targets = self._part.take(ops, csr_array(X[samples]), seed)
        return Minibatch(network, self._corrupt(ops, ops.rows(inputs), seed), dense_targets)

    def _step_ends(self, minibatch: Minibatch, forward_pass: ForwardPass) -> None:
        if self._part is not None:
            self._part.give_back(minibatch.network)
        if self.network.hidden_layers[0].activation.makes_zeros:
            fired = np.bincount(forward_pass.hidden[0].csr().indices, minlength=len(self._fired))
            self._fired = self._fired + fired
            self._found_used(np.flatnonzero(fired))

    def _put_in_order(self) -> None:
        if self._part is not None:
            self._part.write_decoder()

    def _epoch_ends(self, ops: Ops, X: Input) -> None:
        if self.network.hidden_layers[0].activation.makes_zeros:
            dead = np.flatnonzero(self._fired == 0)
            self._fired = np.zeros_like(self._fired)
            self.history.n_dead_units = len(dead)
            self._found_dead(ops, X, dead)

    def _found_used(self, used: NDArray[np.intp]) -> None:
        """Do nothing; the point where dictionaries normalize the atoms of units that fired in a step."""

    def _found_dead(self, ops: Ops, X: Input, dead: NDArray[np.intp]) -> None:
        """Do nothing; the point where dictionaries revive units that fired for no sample of the epoch."""

    def _corrupt(self, ops: Ops, rows: Rows, seed: int) -> Rows:
        return rows if self.corruption is None else self.corruption.corrupt(ops, rows, seed)


@dataclass(frozen=True)
class TrainingRecord:
    """What a model file keeps of the training of one autoencoder, so that it can go on.

    Attributes
    ----------
    history : History
    batch_size : int
        As it was cut to the number of samples.
    corruption : Corruption or None
    seed : int
        Of the corruption.
    sampling_ratio : float or None
    penalty : dict
        State of a `SparsityController`; empty for a fixed penalty.
    """

    history: History
    batch_size: int
    corruption: Corruption | None
    seed: int
    sampling_ratio: float | None
    penalty: dict[str, Any]

    @classmethod
    def of(cls, trainer: DenoisingTrainer) -> TrainingRecord:
        """Return the record of a trainer."""
        return cls(
            history=trainer.history,
            batch_size=trainer.settings.batch_size,
            corruption=trainer.corruption,
            seed=trainer.seed,
            sampling_ratio=None if trainer.sampling is None else trainer.sampling.ratio,
            penalty=trainer.penalty.state(),
        )
