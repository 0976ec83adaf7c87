"""Fully connected networks: layers and parameters, forward and backward in terms of ops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation
from hardzero.csr_rows import stack_csr_rows
from hardzero.losses import Loss, shares, total_weight
from hardzero.ops import Ops, Rows
from hardzero.ops.layout import padded_zeros
from hardzero.ops.random_bits import mix
from hardzero.ops.updates import Parameters, Update

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float32]
Input: TypeAlias = "Array | csr_array"

PREDICTION_ROWS = 1024
"""Samples per minibatch when a network is evaluated: enough to reuse weights, few enough for caches."""

SMOOTH_PREDICTION_ROWS = 256
"""The same with units that NumPy computes: it passes over a layer's activations several times."""


def fan_of_inputs_or_units(n_inputs: int, n_units: int) -> float:
    """Return the number of inputs, or half the units where these are more than twice as many.

    Many units on few inputs have gradients that add up: with variances by their inputs alone a step of training
    changes their sum too much. Half the units is what the mean of inputs and units (Glorot and Bengio 2010) comes to.

    Examples
    --------
    >>> fan_of_inputs_or_units(784, 1000), fan_of_inputs_or_units(10, 256)
    (784, 128.0)
    """
    return max(n_inputs, n_units / 2)


@dataclass
class Layer:
    """A hidden layer: parameters and activation."""

    parameters: Parameters
    activation: Activation

    @property
    def n_units(self) -> int:
        """Number of units of the layer."""
        return int(self.parameters.weights.shape[1])


@dataclass(frozen=True)
class Dropout:
    """Probability that an input or a hidden unit is dropped in training (Srivastava et al. 2014)."""

    input: float = 0.0
    hidden: float = 0.0
    seed: int = 0

    @property
    def active(self) -> bool:
        """Whether anything is dropped."""
        return bool(self.input or self.hidden)

    def at(self, step: int) -> Dropout:
        """Return the same rates with the seed of training step `step`."""
        if not self.active:
            return self
        return Dropout(self.input, self.hidden, int(mix(np.array([step], dtype=np.uint64), self.seed)[0]))


NO_DROPOUT = Dropout()


@dataclass(frozen=True)
class ForwardPass:
    """What a forward pass leaves for the backward pass.

    Attributes
    ----------
    inputs : list of Rows
        The input of each layer: the minibatch, then the activations of every hidden layer.
    scores : ndarray of shape (n_samples, n_outputs)
        Pre-activations of the output layer.
    """

    inputs: list[Rows]
    scores: Array

    @property
    def hidden(self) -> list[Rows]:
        """Activations of the hidden layers."""
        return self.inputs[1:]

    def activation_penalty(self, coefficients: Sequence[float], sample_weight: Array | None = None) -> float:
        """Return the L1 penalty on the activations: sum over units, (weighted) mean over samples."""
        if not any(coefficients):
            return 0.0
        total = total_weight(len(self.scores), sample_weight)
        return sum(
            coefficient * rows.absolute_sum(sample_weight) / total
            for coefficient, rows in zip(coefficients, self.hidden, strict=True)
            if coefficient
        )


@dataclass
class Network:
    """Hidden layers and an output layer.

    Attributes
    ----------
    hidden_layers : list of Layer
    output : Parameters
        Of the linear output layer.
    loss : Loss
        The output head: the function from scores to predictions, and its loss.
    notes : dict
        Of the model file that it was read from; training that goes on keeps them with the network.
    """

    hidden_layers: list[Layer]
    output: Parameters
    loss: Loss
    n_features: int = field(init=False)
    notes: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.n_features = self.parameters[0].weights.shape[0]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickle, also of a version that had no notes."""
        self.__dict__.update({"notes": {}, **state})

    @classmethod
    def initialize(
        cls,
        ops: Ops,
        n_features: int,
        activations: Sequence[tuple[int, Activation]],
        n_outputs: int,
        loss: Loss,
        random_state: np.random.RandomState,
        fan: Callable[[int, int], float] = fan_of_inputs_or_units,
    ) -> Network:
        """Return a network with random weights and zero biases.

        Weights are uniform with variance ``gain / fan`` (He et al. 2015; see `Activation.gain`), so that the size of
        activations neither grows nor shrinks with depth. Biases of zero leave every unit at zero for half of a
        symmetric input: about 50 % zeros before training.

        Parameters
        ----------
        ops : Ops
            Provides the memory layout.
        n_features, n_outputs : int
        activations : sequence of (int, Activation)
            Units and activation of each hidden layer.
        loss : Loss
        random_state : numpy.random.RandomState
        fan : callable, default=fan_of_inputs_or_units
            From a hidden layer's numbers of inputs and of units; that of the output layer is its number of inputs.
        """
        hidden_layers = []
        n_inputs = n_features
        for n_units, activation in activations:
            variance = activation.gain / fan(n_inputs, n_units)
            parameters = _initial_parameters(ops, n_inputs, n_units, variance, random_state)
            hidden_layers.append(Layer(parameters, activation))
            n_inputs = n_units
        output = _initial_parameters(ops, n_inputs, n_outputs, 1.0 / n_inputs, random_state)
        return cls(hidden_layers, output, loss)

    def set_first_scores(self, mean: NDArray[np.float64], spread: NDArray[np.float64]) -> None:
        """Let the scores of a network that is not trained yet have a mean and, by factors, another spread."""
        self.output.bias[...] = mean
        self.output.weights[...] *= spread.astype(np.float32)

    @property
    def parameters(self) -> list[Parameters]:
        """Parameters of all layers, the output layer last."""
        return [layer.parameters for layer in self.hidden_layers] + [self.output]

    @property
    def n_outputs(self) -> int:
        """Number of scores a sample."""
        return int(self.output.weights.shape[1])

    def forward(self, ops: Ops, rows: Rows, dropout: Dropout = NO_DROPOUT, *, slopes: bool = True) -> ForwardPass:
        """Return the scores of a minibatch and, by default, all that `backward` needs."""
        inputs = list(self._inputs(ops, rows, dropout, slopes=slopes))
        return ForwardPass(inputs, ops.affine(inputs[-1], self.output.weights, self.output.bias))

    def backward(
        self,
        ops: Ops,
        forward_pass: ForwardPass,
        delta: Array,
        update: Update,
        activation_l1: Sequence[float] | None = None,
        sample_weight: Array | None = None,
    ) -> None:
        """Pass the derivative of the loss by the scores back, updating every layer on the way.

        Parameters
        ----------
        ops : Ops
        forward_pass : ForwardPass
        delta : ndarray of shape (n_samples, n_outputs)
            Derivative of the mean loss by the scores.
        update : Update
        activation_l1 : sequence of float, optional
            Coefficient of the L1 penalty on the activations of each hidden layer (sum over units, mean over
            samples).
        sample_weight : ndarray of shape (n_samples,), optional
            Weights of that mean; `delta` has them already.
        """
        share = shares(len(delta), sample_weight) if any(activation_l1 or ()) else None
        passed: Array | None = delta
        parameters = self.parameters
        penalties = [0.0, *(activation_l1 or [0.0] * len(self.hidden_layers))]
        for depth in range(len(self.hidden_layers), -1, -1):
            assert passed is not None
            penalty = penalties[depth]
            passed = ops.backward(
                forward_pass.inputs[depth],
                passed,
                parameters[depth],
                update,
                activation_l1=np.float32(penalty) * share if penalty and share is not None else 0.0,
                input_delta=depth > 0,
            )

    def scores(self, ops: Ops, X: Input) -> Array:
        """Return the scores of all rows of `X`, shape (n_samples, n_outputs)."""
        batches = [forward_pass.scores for forward_pass in self.evaluate(ops, X)]
        return np.concatenate(batches) if batches else np.zeros((0, self.n_outputs), dtype=np.float32)

    def predictions(self, ops: Ops, X: Input) -> Array:
        """Return the output activation of the scores of all rows of `X`."""
        return self.loss.predictions(self.scores(ops, X))

    def hidden(self, ops: Ops, X: Input, depth: int) -> csr_array:
        """Return the activations of hidden layer `depth` (0 is the first) for all rows of `X`, as CSR."""
        inputs = (self._inputs(ops, rows, slopes=False) for rows in self._minibatches(ops, X))
        return stack_csr_rows([next(islice(layers, depth + 1, None)).csr() for layers in inputs])

    def sparsity(self, ops: Ops, X: Input) -> NDArray[np.float64]:
        """Return the fraction of exact zeros of each hidden layer over all rows of `X`."""
        counts = np.zeros(len(self.hidden_layers))
        for forward_pass in self.evaluate(ops, X):
            counts += [rows.n_nonzero for rows in forward_pass.hidden]
        units = np.array([layer.n_units for layer in self.hidden_layers], dtype=float)
        return np.asarray(1.0 - counts / (units * X.shape[0]))

    def sum_of_squares(self) -> float:
        """Return the sum of the squares of all weights."""
        return sum(float(np.square(layer.weights, dtype=np.float64).sum()) for layer in self.parameters)

    def with_room_for_gradient(self) -> Network:
        """Return a network of the same parameters, not copied, whose state arrays take a gradient."""
        layers = [Layer(_with_room_for_gradient(layer.parameters), layer.activation) for layer in self.hidden_layers]
        return Network(layers, _with_room_for_gradient(self.output), self.loss)

    def copy_parameters(self) -> list[tuple[Array, Array]]:
        """Return a copy of the weights and the bias of every layer."""
        return [(layer.weights.copy(), layer.bias.copy()) for layer in self.parameters]

    def restore_parameters(self, saved: Sequence[tuple[Array, Array]]) -> None:
        """Set weights and biases to values returned by `copy_parameters`."""
        for layer, (weights, bias) in zip(self.parameters, saved, strict=True):
            layer.weights[...] = weights
            layer.bias[...] = bias

    def evaluate(self, ops: Ops, X: Input) -> Iterator[ForwardPass]:
        """Yield the forward passes of all rows of `X`, a minibatch at a time; `backward` cannot follow them."""
        for rows in self._minibatches(ops, X):
            yield self.forward(ops, rows, slopes=False)

    def _minibatches(self, ops: Ops, X: Input) -> Iterator[Rows]:
        """Yield the rows of `X` in pieces of the size at which the network is evaluated fastest."""
        is_smooth = any(not layer.activation.is_rectifier for layer in self.hidden_layers)
        n_rows = SMOOTH_PREDICTION_ROWS if is_smooth else PREDICTION_ROWS
        for start in range(0, X.shape[0], n_rows):
            yield ops.rows(X, slice(start, min(start + n_rows, X.shape[0])))

    def _inputs(self, ops: Ops, rows: Rows, dropout: Dropout = NO_DROPOUT, *, slopes: bool) -> Iterator[Rows]:
        """Yield the input of one layer after the other; none is computed before it is asked for."""
        rows = ops.dropout(rows, dropout.input, dropout.seed) if dropout.input else rows
        ops.catch_up(rows, self.parameters[0])
        yield rows
        for depth, layer in enumerate(self.hidden_layers, start=1):
            parameters = layer.parameters
            rows = ops.hidden(rows, parameters.weights, parameters.bias, layer.activation, slopes=slopes)
            if dropout.hidden:
                rows = ops.dropout(rows, dropout.hidden, dropout.seed + depth)
            yield rows


def _initial_parameters(
    ops: Ops, n_inputs: int, n_outputs: int, variance: float, random_state: np.random.RandomState
) -> Parameters:
    bound = np.sqrt(3.0 * variance)
    weights = ops.matrix(n_inputs, n_outputs)
    weights[...] = random_state.uniform(-bound, bound, (n_inputs, n_outputs))
    return Parameters(weights, np.zeros(n_outputs, dtype=np.float32))


def _with_room_for_gradient(parameters: Parameters) -> Parameters:
    """Return the same parameters, not copied, with state arrays of their own for a gradient."""
    return Parameters(
        parameters.weights,
        parameters.bias,
        [padded_zeros(*parameters.weights.shape)],
        [np.zeros_like(parameters.bias)],
    )
