"""Networks whose activations can be worked out by hand."""

import numpy as np
import pytest

from hardzero.activations import Rectifier
from hardzero.losses import get_loss
from hardzero.network import Layer, Network
from hardzero.ops.layout import padded_copy
from hardzero.ops.updates import Parameters


def network_of(*weights, bias=None):
    """Return a rectifier network with the given hidden weights, zero biases and one output."""
    layers = []
    for matrix in weights:
        matrix = np.asarray(matrix, dtype=np.float32)
        zeros = np.zeros(matrix.shape[1], dtype=np.float32)
        layers.append(Layer(Parameters(padded_copy(matrix), zeros if bias is None else bias), Rectifier()))
    n_last = layers[-1].n_units if layers else 2
    output = Parameters(padded_copy(np.ones((n_last, 1))), np.zeros(1, dtype=np.float32))
    return Network(layers, output, get_loss("identity"))


@pytest.fixture
def signs():
    """Two inputs, four units: x0, -x0, x1, and a unit that nothing activates."""
    return network_of([[1, -1, 0, 0], [0, 0, 1, 0]])


@pytest.fixture(scope="session")
def classifier(digits):
    from hardzero import RectifierClassifier

    X, y = digits
    return RectifierClassifier(
        (48, 32), max_iter=15, learning_rate_init=0.003, n_iter_no_change=100, random_state=0, n_jobs=1
    ).fit(X[:1000], y[:1000])
