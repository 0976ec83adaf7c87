"""Whether a fitted network is one that training may go on from."""

from __future__ import annotations

from collections.abc import Sequence

from hardzero.activations import Activation, get_activation
from hardzero.losses import Loss
from hardzero.network import Network


def check_same_architecture(
    network: Network, sizes: Sequence[int], activation: str | Activation, n_outputs: int, loss: Loss
) -> None:
    """Raise ValueError if a network does not fit the parameters or the targets with which it is to go on.

    Parameters
    ----------
    network : Network
    sizes : sequence of int
        Units that each hidden layer should have.
    activation : str or Activation
    n_outputs : int
    loss : Loss
    """
    present = [layer.n_units for layer in network.hidden_layers]
    if sizes != present:
        raise ValueError(
            f"hidden_layer_sizes={sizes} differs from the fitted network's {present}, which warm_start and "
            "partial_fit go on from: fit a new estimator, or set warm_start=False"
        )
    if n_outputs != network.n_outputs:
        raise ValueError(f"y has {n_outputs} target columns, the fitted network {network.n_outputs}")
    wanted = get_activation(activation)
    for layer in network.hidden_layers:
        if layer.activation != wanted:
            raise ValueError(
                f"activation={activation!r} differs from the fitted network's {layer.activation!r}, which "
                "warm_start and partial_fit go on from: fit a new estimator, or set warm_start=False"
            )
    if loss.output_activation != network.loss.output_activation:
        raise ValueError(
            f"the loss asks for {loss.output_activation} outputs, the fitted network has "
            f"{network.loss.output_activation} outputs: fit a new estimator, or set warm_start=False"
        )
