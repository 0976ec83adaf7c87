"""Gradients against complex-step derivatives of an independent formulation and against PyTorch's autograd."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array

from complex_network import ComplexNetwork
from hardzero.activations import LeakyIntegrateAndFire, Softplus, get_activation
from hardzero.losses import get_loss
from hardzero.network import Dropout, Network
from hardzero.ops import get_ops
from hardzero.ops.layout import padded_zeros
from hardzero.ops.updates import Gradient
from padded_layout import is_padded

ACTIVATIONS = [
    get_activation("relu"),
    get_activation("signed_relu"),
    Softplus(beta=3.0),
    get_activation("tanh"),
    get_activation("logistic"),
    get_activation("identity"),
    LeakyIntegrateAndFire(largest_slope=1e6),
]
HEADS = ["softmax", "logistic", "identity", "exp"]
RELATIVE = 1e-5


def make_network(ops, activation, head, sizes=(6, 9, 8, 4), seed=0):
    random_state = np.random.RandomState(seed)
    hidden = [(size, activation) for size in sizes[1:-1]]
    network = Network.initialize(ops, sizes[0], hidden, sizes[-1], get_loss(head), random_state)
    for layer in network.parameters:
        layer.bias[...] = random_state.uniform(-0.3, 0.3, layer.bias.shape)
    return network


def make_data(head, n_samples=12, n_features=6, n_outputs=4, seed=3):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_samples, n_features)) * (random.random((n_samples, n_features)) < 0.7)
    targets = {
        "softmax": np.eye(n_outputs)[random.integers(n_outputs, size=n_samples)],
        "logistic": random.integers(2, size=(n_samples, n_outputs)),
        "identity": random.standard_normal((n_samples, n_outputs)),
        "exp": random.poisson(2.0, size=(n_samples, n_outputs)),
    }[head]
    return X.astype(np.float32), targets.astype(np.float32)


def gradients(
    ops, network, X, targets, *, weights=None, dropout=None, activation_l1=None, decay=0.0
) -> list[np.ndarray]:
    """Return the gradients of the weights and the bias of each layer, in turn."""
    for layer in network.parameters:
        layer.weight_state = [padded_zeros(*layer.weights.shape)]
        layer.bias_state = [np.zeros_like(layer.bias)]
    forward_pass = network.forward(ops, ops.rows(X), dropout or Dropout())
    delta = network.loss.delta(forward_pass.scores, targets, weights)
    network.backward(ops, forward_pass, delta, Gradient(decay), activation_l1, weights)
    return [state[0] for layer in network.parameters for state in (layer.weight_state, layer.bias_state)]


def assert_close(computed, expected, relative=RELATIVE):
    for array, oracle in zip(computed, expected, strict=True):
        assert array.shape == oracle.shape
        assert np.abs(array - oracle).max() <= relative * max(np.abs(oracle).max(), 1e-3)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation.name)
def test_gradients_of_every_activation(ops, activation, sparse):
    network = make_network(ops, activation, "softmax")
    X, targets = make_data("softmax")
    computed = gradients(ops, network, csr_array(X) if sparse else X, targets)
    assert_close(computed, ComplexNetwork(network).gradients(X, targets))


@pytest.mark.parametrize("head", HEADS)
def test_gradients_of_every_loss_with_sample_weights(ops, head):
    network = make_network(ops, get_activation("relu"), head)
    X, targets = make_data(head)
    weights = np.linspace(0, 2, len(X), dtype=np.float32)
    computed = gradients(ops, network, X, targets, weights=weights)
    assert_close(computed, ComplexNetwork(network).gradients(X, targets, weights=weights))


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation.name)
def test_gradients_with_penalties_and_decay(ops, activation, weighted):
    network = make_network(ops, activation, "identity")
    X, targets = make_data("identity")
    weights = np.linspace(0, 2, len(X), dtype=np.float32) if weighted else None
    options = {"activation_l1": [0.05, 0.2], "decay": 0.3, "weights": weights}
    computed = gradients(ops, network, X, targets, **options)
    assert_close(computed, ComplexNetwork(network).gradients(X, targets, **options))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("name", ["relu", "signed_relu", "tanh"])
def test_gradients_with_dropout(ops, name, sparse):
    network = make_network(ops, get_activation(name), "softmax")
    X, targets = make_data("softmax")
    options = {"dropout": Dropout(input=0.2, hidden=0.4, seed=11), "activation_l1": [0.1, 0.1]}
    computed = gradients(ops, network, csr_array(X) if sparse else X, targets, **options)
    assert_close(computed, ComplexNetwork(network).gradients(X, targets, **options))


@pytest.mark.parametrize("sizes", [(6, 4), (6, 1, 4), (6, 17, 33, 5, 4)], ids=str)
def test_gradients_at_any_depth_and_width(ops, sizes):
    network = make_network(ops, get_activation("relu"), "softmax", sizes)
    X, targets = make_data("softmax")
    assert_close(gradients(ops, network, X, targets), ComplexNetwork(network).gradients(X, targets))


@pytest.mark.parametrize(
    "activation", [*ACTIVATIONS[:-1], LeakyIntegrateAndFire(largest_slope=1.0)], ids=lambda activation: activation.name
)
@pytest.mark.parametrize("head", HEADS)
def test_gradients_agree_with_autograd(ops, activation, head):
    torch = pytest.importorskip("torch")
    network = make_network(ops, activation, head, (40, 130, 70, 5), seed=4)
    X, targets = make_data(head, n_samples=64, n_features=40, n_outputs=5)
    alpha, penalties = 0.01, [0.002, 0.004]
    computed = gradients(ops, network, X, targets, decay=alpha, activation_l1=penalties)

    leaves = [
        torch.tensor(np.ascontiguousarray(array), dtype=torch.float64, requires_grad=True)
        for layer in network.parameters
        for array in (layer.weights, layer.bias)
    ]
    hidden, loss = torch.tensor(X, dtype=torch.float64), 0.0
    for weights, bias, penalty in zip(leaves[:-2:2], leaves[1:-2:2], penalties, strict=True):
        hidden = torch_activation(torch, activation, hidden @ weights + bias)
        loss = loss + penalty * hidden.abs().sum() / len(X)
    scores = hidden @ leaves[-2] + leaves[-1]
    loss = loss + torch_loss(torch, head, scores, torch.tensor(targets, dtype=torch.float64))
    loss = loss + 0.5 * alpha * sum((weights**2).sum() for weights in leaves[::2])
    loss.backward()
    assert_close(computed, [leaf.grad.numpy() for leaf in leaves])


def torch_activation(torch, activation, z):
    if activation.name == "lif":
        return torch_lif(torch, activation, z)
    return {
        "relu": torch.relu,
        "signed_relu": lambda z: torch.relu(z) * torch.tensor(activation.signs(z.shape[1]), dtype=z.dtype),
        "softplus": lambda z: torch.nn.functional.softplus(z, beta=activation.parameters().get("beta", 1)),
        "tanh": torch.tanh,
        "logistic": torch.sigmoid,
        "identity": lambda z: z,
    }[activation.name](z)


def torch_lif(torch, lif, z):
    """The firing rate with its slope cut; written for the default potentials and time constant."""
    fires = z > 0
    excess = torch.where(fires, z, 1.0)
    rate = 1 / (lif.refractory_time + torch.log1p(1 / excess))
    cut = rate.detach() + lif.largest_slope * (z - z.detach())
    too_steep = rate**2 / (excess * (excess + 1)) > lif.largest_slope
    return torch.where(fires, torch.where(too_steep, cut, rate), 0.0)


def torch_loss(torch, head, scores, targets):
    functional = torch.nn.functional
    return {
        "softmax": lambda: functional.cross_entropy(scores, targets),
        "logistic": lambda: functional.binary_cross_entropy_with_logits(scores, targets, reduction="sum") / len(scores),
        "identity": lambda: 0.5 * functional.mse_loss(scores, targets, reduction="sum") / len(scores),
        "exp": lambda: functional.poisson_nll_loss(scores, targets, reduction="sum") / len(scores),
    }[head]()


@pytest.mark.parametrize("name", ["relu", "signed_relu", "lif"])
@pytest.mark.parametrize("sizes", [(64, 500, 500, 500, 10), (5000, 200, 200, 2)], ids=str)
def test_about_half_of_a_new_networks_units_are_zero(ops, name, sizes):
    hidden = [(size, get_activation(name)) for size in sizes[1:-1]]
    network = Network.initialize(ops, sizes[0], hidden, sizes[-1], get_loss("softmax"), np.random.RandomState(0))
    X = np.random.default_rng(0).standard_normal((300, sizes[0])).astype(np.float32)
    zeros = network.sparsity(ops, X)
    assert zeros.shape == (len(hidden),)
    assert (np.abs(zeros - 0.5) < 0.06).all()


def test_rectifier_layers_keep_the_scale_of_their_input_at_any_depth(ops):
    hidden = [(400, get_activation("relu"))] * 8
    network = Network.initialize(ops, 100, hidden, 2, get_loss("softmax"), np.random.RandomState(1))
    X = np.random.default_rng(1).standard_normal((200, 100)).astype(np.float32)
    squares = [np.square(network.hidden(ops, X, depth).data).sum() / (200 * 400) for depth in range(8)]
    assert 0.3 < squares[-1] / squares[0] < 3.0


def test_evaluation_in_minibatches_gives_one_answer(ops):
    network = make_network(ops, get_activation("relu"), "softmax")
    X = np.random.default_rng(5).standard_normal((2500, 6)).astype(np.float32)
    scores = network.scores(ops, X)
    assert scores.shape == (2500, 4)
    assert np.allclose(scores[1500:1600], network.scores(ops, X[1500:1600]), rtol=1e-5, atol=1e-6)
    hidden = network.hidden(ops, X, 1)
    assert hidden.shape == (2500, 8)
    assert (hidden.data != 0).all()
    assert network.sparsity(ops, X)[1] == pytest.approx(1 - hidden.nnz / (2500 * 8))
    assert network.scores(ops, X[:0]).shape == (0, 4)


def test_no_layer_beyond_the_one_asked_for_is_computed(ops, monkeypatch):
    network = make_network(ops, get_activation("relu"), "softmax")
    X, _ = make_data("softmax")
    expected, widths, hidden = network.forward(ops, ops.rows(X)).hidden[0].dense(), [], ops.hidden

    def counted(rows, weights, bias, activation, **options):
        widths.append(len(bias))
        return hidden(rows, weights, bias, activation, **options)

    monkeypatch.setattr(ops, "hidden", counted)
    assert np.array_equal(network.hidden(ops, X, 0).toarray(), expected)
    assert widths == [network.hidden_layers[0].n_units]


def test_dropout_differs_between_steps_and_not_between_runs():
    dropout = Dropout(0.1, 0.5, seed=7)
    assert dropout.at(1) == dropout.at(1)
    assert dropout.at(1).seed != dropout.at(2).seed
    assert Dropout().at(3) == Dropout()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_and_pickles_keep_values_and_layout(ops, duplicate):
    network = make_network(ops, get_activation("relu"), "softmax")
    twin = duplicate(network)
    X, _ = make_data("softmax")
    assert np.array_equal(twin.scores(ops, X), network.scores(ops, X))
    for layer in twin.parameters:
        assert is_padded(layer.weights)
        layer.weights[...] = 0
    assert network.parameters[0].weights.any()


def test_saved_parameters_come_back(ops):
    network = make_network(ops, get_activation("relu"), "softmax")
    X, _ = make_data("softmax")
    scores, saved = network.scores(ops, X), network.copy_parameters()
    for layer in network.parameters:
        layer.weights += 1
        layer.bias -= 1
    network.restore_parameters(saved)
    assert np.array_equal(network.scores(ops, X), scores)


def test_results_have_the_same_bits_for_any_number_of_threads():
    X, targets = make_data("softmax", n_samples=300, n_features=90, n_outputs=7)
    results = []
    for n_threads in (1, 2, 3):
        ops = get_ops(n_threads)
        network = make_network(ops, get_activation("relu"), "softmax", (90, 150, 200, 7))
        results.append(gradients(ops, network, X, targets, activation_l1=[0.1, 0.1], decay=0.1))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize(("n_inputs", "n_units", "fan"), [(100, 50, 100), (100, 200, 100), (100, 1000, 500)])
def test_weights_start_with_a_variance_by_their_inputs_or_in_wide_layers_by_their_units(n_inputs, n_units, fan):
    layers, random_state = [(n_units, get_activation("relu"))], np.random.RandomState(0)
    network = Network.initialize(get_ops(), n_inputs, layers, 300, get_loss("softmax"), random_state)
    assert np.var(network.hidden_layers[0].parameters.weights) == pytest.approx(2 / fan, rel=0.05)
    assert np.var(network.output.weights) == pytest.approx(1 / n_units, rel=0.05)
    assert not network.output.bias.any()
