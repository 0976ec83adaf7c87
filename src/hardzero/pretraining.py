"""Denoising autoencoders, and stacks of them trained greedily: how a network learns from unlabeled data.

A denoising autoencoder (Vincent et al. 2008) is a network with one hidden layer, the encoder, whose output layer,
the decoder, reconstructs the clean input from a corrupted one. It runs on the same ops and in the same fit loop as
supervised training, so that zeros of input and code save the same time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hardzero.activations import Activation
from hardzero.checkpoint import TrainingFile
from hardzero.codes import encode
from hardzero.corruption import Corruption, SaltAndPepper, get_corruption
from hardzero.denoising_trainer import DenoisingTrainer, TrainingRecord
from hardzero.interruption import interruption_raised
from hardzero.network import Input, Network
from hardzero.ops import Ops
from hardzero.ops.random_bits import mix
from hardzero.optimizers import Optimizer
from hardzero.penalties import ActivationPenalty
from hardzero.reconstruction import ReconstructionHead, get_reconstruction_head
from hardzero.reconstruction_sampling import ReconstructionSampling
from hardzero.tied_network import TiedNetwork
from hardzero.training import Callback, TrainingSettings


@dataclass(frozen=True)
class AutoencoderSettings:
    """How autoencoders are trained, whatever their size.

    Attributes
    ----------
    training : TrainingSettings
    optimizer : callable
        Returns a fresh optimizer.
    penalty : callable
        Returns a fresh activation penalty for the autoencoder at a depth, 0 for the first.
    corruption : str, Corruption or None
        See `hardzero.corruption.get_corruption`.
    corruption_level : float
    decoder : str
        See `hardzero.reconstruction.get_reconstruction_head`.
    tied_weights : bool
    sampling : ReconstructionSampling or None
        For the first autoencoder of a stack; codes are reconstructed in full.
    """

    training: TrainingSettings
    optimizer: Callable[[], Optimizer]
    penalty: Callable[[int], ActivationPenalty]
    corruption: str | Corruption | None = "masking"
    corruption_level: float = 0.25
    decoder: str = "auto"
    tied_weights: bool = False
    sampling: ReconstructionSampling | None = None

    def trainer(
        self,
        ops: Ops,
        X: Input,
        n_units: int,
        activation: Activation,
        random_state: np.random.RandomState,
        depth: int = 0,
        phase: str = "training",
    ) -> DenoisingTrainer:
        """Return an untrained autoencoder for input like `X`, with what trains it."""
        smallest, largest = float(X.min()), float(X.max())
        corruption = get_corruption(self.corruption, self.corruption_level)
        if self.corruption == SaltAndPepper.name:
            corruption = SaltAndPepper(self.corruption_level, smallest, largest)
        head = get_reconstruction_head(self.decoder, smallest=smallest, largest=largest)
        network = initialize_autoencoder(ops, X, n_units, activation, head, random_state, tied=self.tied_weights)
        self._prepare(network)
        return self._trainer_of(
            network,
            random_state,
            depth,
            replace(self.training, phase=phase, batch_size=min(self.training.batch_size, X.shape[0])),
            corruption=corruption,
            seed=int(random_state.randint(2**31)),
            sampling=self.sampling if depth == 0 else None,
        )

    def resumed_trainer(self, network: Network, record: TrainingRecord, depth: int) -> DenoisingTrainer:
        """Return a trainer that goes on from a record, with new noise and the optimizer's moments at zero."""
        seed = int(mix(np.array([record.history.n_samples_seen], dtype=np.uint64), record.seed)[0] >> np.uint64(33))
        trainer = self._trainer_of(
            network,
            np.random.RandomState(seed),
            depth,
            replace(self.training, batch_size=record.batch_size),
            corruption=record.corruption,
            seed=seed,
            sampling=None if record.sampling_ratio is None else ReconstructionSampling(record.sampling_ratio),
        )
        trainer.history = copy.deepcopy(record.history)
        if trainer.penalty.has_target:
            trainer.penalty.restore(record.penalty)
        return trainer

    def refresh(self, trainer: DenoisingTrainer, depth: int, n_samples: int) -> None:
        """Let a trainer go on by these settings; see `Trainer.go_on_with`."""
        batch_size = min(self.training.batch_size, n_samples)
        trainer.settings = replace(self.training, phase=trainer.settings.phase, batch_size=batch_size)
        trainer.go_on_with(self.optimizer(), self.penalty(depth))

    def _prepare(self, network: Network) -> None:
        """Do nothing; the point where dictionaries normalize their atoms before training."""

    def _trainer_of(
        self,
        network: Network,
        random_state: np.random.RandomState,
        depth: int,
        training: TrainingSettings,
        **noise: Any,
    ) -> DenoisingTrainer:
        make = self._kind_of_trainer()
        return make(network, self.optimizer(), self.penalty(depth), training, random_state, **noise)

    def _kind_of_trainer(self) -> Callable[..., DenoisingTrainer]:
        """Return what makes a trainer; dictionaries have one of their own."""
        return DenoisingTrainer


def initialize_autoencoder(
    ops: Ops,
    X: Input,
    n_units: int,
    activation: Activation,
    head: ReconstructionHead,
    random_state: np.random.RandomState,
    *,
    tied: bool = False,
) -> Network:
    """Return an autoencoder with random weights whose reconstruction starts near the mean of `X`.

    Parameters
    ----------
    ops : Ops
    X : ndarray or csr_array of shape (n_samples, n_features)
        Only its shape and its mean are used.
    n_units : int
        Units of the code.
    activation : Activation
        Of the encoder.
    head : ReconstructionHead
    random_state : numpy.random.RandomState
    tied : bool, default=False
        Whether the decoder's weights are the transpose of the encoder's.

    Returns
    -------
    Network
    """
    n_features = X.shape[1]
    network = Network.initialize(ops, n_features, [(n_units, activation)], n_features, head, random_state)
    network.output.bias[...] = head.scores_at(np.asarray(X.mean(axis=0), dtype=np.float32).ravel())
    return TiedNetwork(network.hidden_layers, network.output, head) if tied else network


def pretrain_stack(
    ops: Ops,
    X: Input,
    layers: Sequence[tuple[int, Activation]],
    settings: AutoencoderSettings,
    random_state: np.random.RandomState,
    callback: Callback | None = None,
    checkpoint: TrainingFile | None = None,
) -> list[DenoisingTrainer]:
    """Train a stack of autoencoders greedily: each learns to reconstruct the codes of the one before.

    Parameters
    ----------
    ops : Ops
    X : ndarray or csr_array of shape (n_samples, n_features), float32
        No labels are needed.
    layers : sequence of (int, Activation)
        Units and activation of each encoder.
    settings : AutoencoderSettings
    random_state : numpy.random.RandomState
        Draws weights, the order of samples and the seeds of the corruption.
    callback : callable, optional
        Called with an `EpochReport` after each epoch, its phase ``pre-training layer 1 of 3`` and so on; a true
        return value ends the present layer.
    checkpoint : TrainingFile, optional
        Where the state is saved, and from where training goes on if it was saved before.

    Returns
    -------
    list of DenoisingTrainer
        One a layer, each holding its `network`.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C ended the training of a layer that others build on, or of the last one within its first epoch. Later,
        in the last layer, it is a warning, and the layer keeps what it has learned.

    References
    ----------
    P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. Extracting and Composing Robust Features with Denoising
    Autoencoders. ICML 2008.
    """
    trainers: list[DenoisingTrainer] = []
    for depth, (n_units, activation) in enumerate(layers):
        phase = f"pre-training layer {depth + 1} of {len(layers)}"
        trainer = settings.trainer(ops, X, n_units, activation, random_state, depth, phase)
        is_last = depth + 1 == len(layers)
        with nullcontext() if is_last else interruption_raised():
            trainer.run(ops, X, None, callback=callback, checkpoint=checkpoint)
        if checkpoint is not None:
            checkpoint.stage_ends()
        trainers.append(trainer)
        if not is_last:
            X = encode(ops, trainer.network, X)
    return trainers
