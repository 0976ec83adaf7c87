"""Denoising autoencoders, and stacks of them trained greedily: how a network learns from unlabeled data.

A denoising autoencoder (Vincent et al. 2008) is a network with one hidden layer, the encoder, whose output layer,
the decoder, reconstructs the clean input from a corrupted one. It runs on the same ops and in the same fit loop as
supervised training, so that zeros of input and code save the same time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from sklearn.utils import gen_batches

from hardzero.activations import Activation, Identity
from hardzero.checkpoint import TrainingFile
from hardzero.corruption import Corruption, SaltAndPepper, get_corruption
from hardzero.interruption import interruption_raised
from hardzero.network import PREDICTION_ROWS, ForwardPass, Input, Layer, Network
from hardzero.ops import Ops, Rows
from hardzero.ops.layout import padded_zeros
from hardzero.ops.random_bits import mix
from hardzero.ops.updates import Gradient, Parameters, Update, apply_update
from hardzero.optimizers import Optimizer
from hardzero.penalties import ActivationPenalty
from hardzero.reconstruction import ReconstructionHead, get_reconstruction_head
from hardzero.reconstruction_sampling import PartialNetwork, ReconstructionSampling
from hardzero.training import Callback, History, Minibatch, Trainer, TrainingSettings

Array = NDArray[np.float32]

CODE_SAMPLES = 10_000
"""Rows on which the size of codes is measured."""


@dataclass
class TiedNetwork(Network):
    """A network with one hidden layer whose output weights are the transpose of its hidden weights.

    Both are kept, so that each product runs over rows in memory. A step costs, beyond that of free weights, two
    passes over a weight matrix and two transpositions, whatever the number of zeros.
    """

    _gradient: Network = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.output.weights[...] = self.hidden_layers[0].parameters.weights.T
        self._make_room_for_gradient()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the gradient: a copy must share its parameters with this copy's network."""
        return {name: value for name, value in vars(self).items() if name != "_gradient"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore parameters and make room for their gradient."""
        self.__dict__.update(state)
        self._make_room_for_gradient()

    def _make_room_for_gradient(self) -> None:
        layer = self.hidden_layers[0]
        self._gradient = Network(
            [Layer(_with_room_for_gradient(layer.parameters), layer.activation)],
            _with_room_for_gradient(self.output),
            self.loss,
        )

    def backward(
        self,
        ops: Ops,
        forward_pass: ForwardPass,
        delta: Array,
        update: Update,
        activation_l1: Sequence[float] | None = None,
        sample_weight: Array | None = None,
    ) -> None:
        """Pass `delta` back, step along the sum of both layers' gradients, and copy the transpose."""
        self._gradient.backward(ops, forward_pass, delta, Gradient(), activation_l1, sample_weight)
        encoder, decoder = self.parameters
        by_encoder, by_decoder = self._gradient.parameters
        gradient = by_encoder.weight_state[0]
        gradient += by_decoder.weight_state[0].T
        if update.decay:
            gradient += np.float32(update.decay) * encoder.weights
        apply_update(update, encoder.weights, gradient, encoder.weight_state)
        apply_update(update, encoder.bias, by_encoder.bias_state[0], encoder.bias_state)
        apply_update(update, decoder.bias, by_decoder.bias_state[0], decoder.bias_state)
        decoder.weights[...] = encoder.weights.T


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
        if self.sampling is not None:
            self._part = PartialNetwork(self.network, self.sampling)

    def state_arrays(self) -> dict[str, Array]:
        """Return the arrays that training changes; those of sampled decoders beside the network's."""
        arrays = super().state_arrays()
        if self._part is not None:
            arrays.update({f"decoder_state.{j}": array for j, array in enumerate(self._part.decoder)})
        return arrays

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
            self._fired += np.bincount(forward_pass.hidden[0].csr().indices, minlength=len(self._fired))

    def _epoch_ends(self) -> None:
        if self._part is not None:
            self._part.write_decoder()
        if self.network.hidden_layers[0].activation.makes_zeros:
            dead = np.flatnonzero(self._fired == 0)
            self._fired[...] = 0
            self.history.n_dead_units = len(dead)
            self._found_dead(dead)

    def _found_dead(self, dead: NDArray[np.intp]) -> None:
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
        trainer.penalty.restore(record.penalty)
        return trainer

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
        If Ctrl-C ended the training of a layer that others build on. In the last layer it is a warning, and the layer
        keeps what it has learned.

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


def encode(ops: Ops, network: Network, X: Input) -> Input:
    """Return the codes of `X`, in the form in which the next layer takes them fastest."""
    return _activations(ops, network.hidden_layers[0], X)


def code_sizes(ops: Ops, layers: Sequence[Layer], X: Input) -> list[float]:
    """Return the root mean square of the activations of each layer, over the first 10,000 rows of `X`."""
    X, sizes = X[:CODE_SAMPLES], []
    for layer in layers:
        X = _activations(ops, layer, X)
        sizes.append(_root_mean_square(X))
    return sizes


def scale_codes(ops: Ops, layers: Sequence[Layer], X: Input, sizes: Sequence[float]) -> None:
    """Scale weights and biases of each layer so that its activations have the given root mean square.

    Each layer takes the scaled codes of the one before for what they were, so that all codes change by a factor only.

    Parameters
    ----------
    ops : Ops
    layers : sequence of Layer
        Changed in place.
    X : ndarray or csr_array of shape (n_samples, n_features)
    sizes : sequence of float
        As from `code_sizes`. Layers without activity stay as they are.

    Raises
    ------
    ValueError
        If scaling would change an activation function's shape.
    """
    X, factor = X[:CODE_SAMPLES], np.float32(1)
    for layer, wanted in zip(layers, sizes, strict=True):
        if not (layer.activation.is_rectifier or isinstance(layer.activation, Identity)):
            raise ValueError(
                f"code_scale='initial' needs activation relu, signed_relu or identity, not {layer.activation.name}: "
                "set code_scale='trained'"
            )
        layer.parameters.weights[...] /= factor
        X = _activations(ops, layer, X)
        present = _root_mean_square(X)
        factor = np.float32(wanted / present if present > 0 and wanted > 0 else 1.0)
        layer.parameters.weights[...] *= factor
        layer.parameters.bias[...] *= factor
        X = X * factor


def decode(ops: Ops, network: Network, codes: Input) -> Array:
    """Return the reconstructions that belong to codes of shape (n_samples, n_units)."""
    batches = [
        network.loss.predictions(ops.affine(ops.rows(codes, rows), network.output.weights, network.output.bias))
        for rows in gen_batches(codes.shape[0], PREDICTION_ROWS)
    ]
    return np.concatenate(batches)


def _activations(ops: Ops, layer: Layer, X: Input) -> Input:
    """Return the activations of a layer: CSR where the function makes zeros, else an array."""
    batches: list[Any] = []
    for rows in gen_batches(X.shape[0], PREDICTION_ROWS):
        codes = ops.hidden(ops.rows(X, rows), layer.parameters.weights, layer.parameters.bias, layer.activation)
        batches.append(codes.csr() if layer.activation.makes_zeros else codes.dense())
    if not layer.activation.makes_zeros:
        return np.concatenate(batches)
    stacked = csr_array(vstack(batches, format="csr"))
    if stacked.nnz < 2**31:
        stacked.indices, stacked.indptr = stacked.indices.astype(np.int32), stacked.indptr.astype(np.int32)
    return stacked


def _root_mean_square(X: Input) -> float:
    values = X if isinstance(X, np.ndarray) else X.data
    return float(np.sqrt(np.square(values, dtype=np.float64).sum() / np.prod(X.shape)))


def _with_room_for_gradient(parameters: Parameters) -> Parameters:
    """Return the same parameters, not copied, with state arrays of their own for a gradient."""
    return Parameters(
        parameters.weights,
        parameters.bias,
        [padded_zeros(*parameters.weights.shape)],
        [np.zeros_like(parameters.bias)],
    )
