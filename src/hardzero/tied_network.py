"""An autoencoder's network whose two layers share their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.network import ForwardPass, Network
from hardzero.ops import Ops
from hardzero.ops.updates import Gradient, Update, apply_update

Array = NDArray[np.float32]


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
        self._gradient = self.with_room_for_gradient()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the gradient: a copy must share its parameters with this copy's network."""
        return {name: value for name, value in vars(self).items() if name != "_gradient"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore parameters and make room for their gradient."""
        super().__setstate__(state)
        self._gradient = self.with_room_for_gradient()

    def sum_of_squares(self) -> float:
        """Return the sum of the squares of the weights, which both layers share."""
        return super().sum_of_squares() / 2

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
