"""Calibration: the fraction of zeros of a trained network, met by thresholds alone."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from scipy.sparse import csr_array

from hardzero import RectifierClassifier
from hardzero.activations import LeakyIntegrateAndFire, Rectifier, SignedRectifier
from hardzero.calibration import CALIBRATION_SAMPLES, LARGEST_CHANGE, calibrate, keep_out
from hardzero.losses import get_loss
from hardzero.network import Network
from hardzero.ops import get_ops

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


RELU = Rectifier()


@pytest.fixture(scope="module")
def digits(digits):
    """The first 600 of them, which are enough here."""
    X, y = digits
    return X[:600], y[:600]


def untrained(ops, activation=RELU, widths=(40, 30)):
    layers = [(width, activation) for width in widths]
    return Network.initialize(ops, 20, layers, 3, get_loss("softmax"), np.random.RandomState(0))


def inputs(n_samples):
    return np.random.default_rng(0).standard_normal((n_samples, 20)).astype(np.float32)


@pytest.mark.parametrize(
    "activation",
    [Rectifier(), SignedRectifier(), LeakyIntegrateAndFire(), LeakyIntegrateAndFire(resting_potential=0.4)],
    ids=["relu", "signed_relu", "lif", "lif with a threshold"],
)
def test_the_wanted_zeros_are_met_layer_by_layer(activation):
    ops, X = get_ops(1), inputs(1500)
    network = untrained(ops, activation)
    before = network.sparsity(ops, X)
    wanted = 1.0 - (1.0 - before) * [1.3, 0.7]
    first = network.hidden_layers[0].parameters
    weights, biases = first.weights.copy(), first.bias.copy()
    reached = calibrate(network, ops, X, [wanted[0], 0.9])
    assert np.array_equal(first.weights, weights)
    assert np.ptp(first.bias - biases) < 1e-6
    assert reached[0] == pytest.approx(wanted[0], abs=0.001)
    assert np.allclose(network.sparsity(ops, X), reached, atol=1e-9)


def test_only_as_much_is_changed_as_a_trained_network_bears():
    ops, X = get_ops(1), inputs(1500)
    few, many = untrained(ops, widths=(200,)), untrained(ops, widths=(200,))
    active = 1.0 - few.sparsity(ops, X)[0]
    assert 1.0 - calibrate(few, ops, X, [0.99])[0] == pytest.approx(active / LARGEST_CHANGE, abs=0.001)
    assert 1.0 - calibrate(many, ops, X, [0.0])[0] == pytest.approx(active * LARGEST_CHANGE, abs=0.001)


def test_a_layer_that_the_shifts_before_it_wake_is_silenced_again():
    ops, X = get_ops(1), inputs(1500)
    network = untrained(ops, widths=(40, 300))
    second = network.hidden_layers[1].parameters
    second.weights[...] = -np.abs(second.weights)
    z = ops.affine(network.forward(ops, ops.rows(X)).hidden[0], second.weights, second.bias)
    second.bias -= np.float32(np.quantile(z, 0.9))
    wanted = [1.0 - (1.0 - network.sparsity(ops, X)[0]) / 1.4, 0.9]
    woken = deepcopy(network)
    calibrate(woken, ops, X, [wanted[0], 0.0])
    assert 1.0 - woken.sparsity(ops, X)[1] == pytest.approx(0.1 * LARGEST_CHANGE, abs=0.002)
    calibrate(network, ops, X, wanted)
    assert np.allclose(network.sparsity(ops, X), wanted, atol=0.002)


def test_a_sample_of_sorted_rows_stands_for_all_of_them():
    ops = get_ops(1)
    X = inputs(4 * CALIBRATION_SAMPLES)
    X = X[np.argsort(X[:, 0])]
    network = untrained(ops)
    calibrate(network, ops, csr_array(X), [0.6, 0.6])
    assert np.allclose(network.sparsity(ops, X), 0.6, atol=0.01)


def test_training_ends_at_the_target_and_says_so(digits):
    X, y = digits
    settings = {"max_iter": 12, "batch_size": 32, "learning_rate": "cosine", "n_iter_no_change": 100}
    model = RectifierClassifier((64, 32), target_sparsity=[0.6, 0.8], random_state=0, **settings).fit(X, y)
    assert np.allclose(model.sparsity_, [0.6, 0.8], atol=0.005)
    assert np.allclose(model.sparsity_curve_[-1], model.sparsity_, atol=0.005)


def test_a_training_that_is_ended_early_is_left_as_it_is(digits):
    X, y = digits
    model = RectifierClassifier((64, 32), target_sparsity=0.9, max_iter=50, random_state=0)
    with pytest.warns(UserWarning, match="target_sparsity was not reached"):
        model.fit(X, y, callback=lambda report: True)
    assert model.sparsity_.max() < 0.8


def test_the_target_is_met_on_held_out_rows_where_there_are_some(digits):
    X, y = digits
    validation = X[400:], y[400:]
    settings = {"max_iter": 30, "batch_size": 32, "n_iter_no_change": 100, "early_stopping": True}
    model = RectifierClassifier((64, 32), target_sparsity=0.7, random_state=0, **settings)
    model.fit(X[:400], y[:400], validation=validation)
    assert np.allclose(model.measure_sparsity(X[400:]), 0.7, atol=0.001)
    assert not np.allclose(model.sparsity_, 0.7, atol=0.001)


@pytest.mark.parametrize(
    "learn",
    [
        lambda model, X, y, **held_out: model.set_params(early_stopping=True).fit(X, y, **held_out),
        lambda model, X, y, **held_out: model.fit_chunks([(X, y)], passes=model.max_iter, **held_out),
    ],
    ids=["fit", "fit_chunks"],
)
@pytest.mark.filterwarnings("ignore:target_sparsity was not reached")  # on the few rows, where fit_chunks measures it
def test_few_held_out_rows_do_not_decide_the_zeros(digits, learn):
    X, y = digits
    settings = {"max_iter": 20, "batch_size": 32, "n_iter_no_change": 100, "random_state": 0}
    model = learn(RectifierClassifier((64,), target_sparsity=0.8, **settings), X, y, validation=(5 * X[:10], y[:10]))
    assert model.measure_sparsity(X)[0] == pytest.approx(0.8, abs=0.002)


def test_rows_are_kept_out_of_training_where_there_are_many():
    rows, kept_out = keep_out(10_000)
    assert len(kept_out) == 500
    assert np.array_equal(np.sort(np.concatenate([rows, kept_out])), np.arange(10_000))
    assert len(keep_out(9_999)[1]) == 0


def test_an_overfitted_network_meets_the_target_on_rows_it_has_not_seen():
    random = np.random.RandomState(0)
    X = random.standard_normal((12_000, 40)).astype(np.float32)
    y = random.randint(2, size=len(X))
    settings = {"batch_size": 50, "max_iter": 10, "n_iter_no_change": 100, "learning_rate_init": 0.003}
    model = RectifierClassifier((64,), target_sparsity=0.8, random_state=0, **settings).fit(X[:11_000], y[:11_000])
    unseen, (_, kept_out) = X[11_000:], keep_out(11_000)
    assert np.allclose(model.measure_sparsity(unseen), 0.8, atol=0.01)
    assert np.allclose(model.measure_sparsity(X[kept_out]), 0.8, atol=0.001)
    assert model.t_ == 10 * 10_500
    assert abs(model.measure_sparsity(X[:11_000])[0] - 0.8) > 0.001


def test_rows_kept_out_are_not_trained_on_where_a_minibatch_holds_all_rows():
    X = np.random.RandomState(0).standard_normal((10_000, 3)).astype(np.float32)
    y = X[:, 0] > 0
    _, kept_out = keep_out(len(X))
    X[:, 2] = 0
    X[kept_out, 2] = 1
    settings = {"batch_size": 10_000, "alpha": 0.0, "max_iter": 3, "target_sparsity": 0.5, "random_state": 0}
    untrained, trained = (
        RectifierClassifier((8,), learning_rate_init=rate, **settings).fit(X, y) for rate in (1e-30, 0.01)
    )
    assert trained.t_ == 3 * 9_500
    assert not np.array_equal(trained.coefs_[0][:2], untrained.coefs_[0][:2])
    assert np.array_equal(trained.coefs_[0][2], untrained.coefs_[0][2])


def test_the_target_is_met_on_all_rows_where_some_are_equal():
    random = np.random.RandomState(0)
    X = random.standard_normal((200, 20)).astype(np.float32)
    y = random.randint(2, size=200)
    X[100:], y[100:] = X[0], y[0]
    model = RectifierClassifier((64,), target_sparsity=0.8, max_iter=600, random_state=0).fit(X, y)
    assert np.allclose(model.measure_sparsity(X), 0.8, atol=0.01)
    assert np.allclose(model.sparsity_curve_[-1], model.sparsity_)


def test_without_a_target_all_rows_are_trained_on():
    X = np.random.RandomState(0).standard_normal((10_000, 3)).astype(np.float32)
    model = RectifierClassifier((4,), max_iter=1, random_state=0).fit(X, X[:, 0] > 0)
    assert model.t_ == 10_000
