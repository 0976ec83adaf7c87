"""A network written down a second time, in complex128, for derivatives by the complex step.

The imaginary part of ``f(x + ih) / h`` is the derivative of an analytic `f` to full precision for tiny `h`: no
differences, so nothing cancels (Squire and Trapp 1998). Piecewise functions branch on the real part.
"""

from __future__ import annotations

import numpy as np

from hardzero.ops.random_bits import keep_entries

STEP = 1e-30


class ComplexNetwork:
    """The loss of a `hardzero.network.Network` and its gradients, from its parameters alone."""

    def __init__(self, network) -> None:
        self.activations = [layer.activation for layer in network.hidden_layers]
        self.head = network.loss.output_activation
        self.parameters = [
            np.array(array, dtype=np.complex128)
            for layer in network.parameters
            for array in (layer.weights, layer.bias)
        ]

    def gradients(self, X, targets, **options) -> list[np.ndarray]:
        """Return the derivative of the loss by every parameter, in the order of `parameters`."""
        gradients = []
        for array in self.parameters:
            gradient = np.zeros(array.shape)
            for place in np.ndindex(*array.shape):
                array[place] += 1j * STEP
                gradient[place] = self.loss(X, targets, **options).imag / STEP
                array[place] = array[place].real
            gradients.append(gradient)
        return gradients

    def loss(self, X, targets, *, weights=None, dropout=None, activation_l1=None, decay=0.0) -> complex:
        """Return mean loss plus penalties."""
        n_samples = len(X)
        share = np.full(n_samples, 1 / n_samples) if weights is None else weights / weights.sum(dtype=float)
        hidden = np.asarray(X, dtype=np.complex128)
        if dropout:
            hidden = dropped(hidden, dropout.input, dropout.seed)
        total = 0.0
        for depth, activation in enumerate(self.activations):
            z = hidden @ self.parameters[2 * depth] + self.parameters[2 * depth + 1]
            hidden = activated(activation, z)
            if dropout:
                hidden = dropped(hidden, dropout.hidden, dropout.seed + depth + 1)
            if activation_l1:
                total += activation_l1[depth] * share @ (hidden * np.sign(hidden.real)).sum(axis=1)
        scores = hidden @ self.parameters[-2] + self.parameters[-1]
        total += share @ losses(self.head, scores, targets.astype(float))
        return total + 0.5 * decay * sum((array**2).sum() for array in self.parameters[::2])


def dropped(values, rate, seed):
    rows, columns = np.indices(values.shape)
    kept = keep_entries(rows.ravel(), columns.ravel(), values.shape[1], rate, seed)
    return values * kept.reshape(values.shape) / (1 - rate)


def activated(activation, z):
    positive = z.real > 0
    if activation.name == "relu":
        return z * positive
    if activation.name == "signed_relu":
        return z * positive * activation.signs(z.shape[1])
    if activation.name == "lif":
        ratio = (1 + np.where(positive, z, 1)) / np.where(positive, z, 1)
        return positive / (activation.refractory_time + np.log(ratio))
    return {
        "softplus": lambda: (
            np.log(1 + np.exp(activation.parameters().get("beta", 1) * z)) / activation.parameters().get("beta", 1)
        ),
        "tanh": lambda: np.tanh(z),
        "logistic": lambda: 1 / (1 + np.exp(-z)),
        "identity": lambda: z,
    }[activation.name]()


def losses(head, scores, targets):
    if head == "softmax":
        return np.log(np.exp(scores).sum(axis=1)) - (scores * targets).sum(axis=1)
    if head == "logistic":
        return (np.log(1 + np.exp(scores)) - scores * targets).sum(axis=1)
    if head == "identity":
        return 0.5 * ((scores - targets) ** 2).sum(axis=1)
    return (np.exp(scores) - targets * scores).sum(axis=1)
