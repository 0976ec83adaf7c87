"""Which weights of words a step moves, and that momentum and Adam follow the dense rule."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from hardzero import RectifierClassifier
from hardzero.ops import get_ops
from hardzero.ops.updates import Adam, Momentum, Parameters

N_WORDS, N_UNITS, N_TEXTS = 40, 9, 6

RULES = {
    "sgd": Momentum(0.1),
    "sgd with decay": Momentum(0.1, decay=0.01),
    "momentum": Momentum(0.1, 0.9),
    "Nesterov's momentum": Momentum(0.1, 0.9, nesterov=True, decay=0.01),
    "Adam": Adam(0.01),
    "Adam with decay": Adam(0.01, decay=0.01),
}


def bags(seed):
    random = np.random.default_rng(seed)
    dense = (random.random((N_TEXTS, N_WORDS)) < 0.1).astype(np.float32)
    return csr_array(dense), random.normal(size=(N_TEXTS, N_UNITS)).astype(np.float32)


def layer(ops, update):
    weights = ops.matrix(N_WORDS, N_UNITS)
    weights[...] = np.random.default_rng(0).normal(size=weights.shape)
    states = [ops.matrix(N_WORDS, N_UNITS) for _ in range(update.n_states)]
    return Parameters(weights, np.zeros(N_UNITS, np.float32), states, [np.zeros(N_UNITS, np.float32) for _ in states])


def test_plain_sgd_leaves_the_weights_of_absent_words_bit_for_bit(ops):
    parameters = layer(ops, RULES["sgd"])
    before = parameters.weights.copy()
    X, delta = bags(1)
    ops.backward(ops.rows(X), delta, parameters, RULES["sgd"], input_delta=False)
    present = np.unique(X.indices)
    absent = np.setdiff1d(np.arange(N_WORDS), present)
    assert len(absent) > 5
    np.testing.assert_array_equal(parameters.weights[absent], before[absent])
    assert (parameters.weights[present] != before[present]).all()
    np.testing.assert_allclose(parameters.weights, before - 0.1 * (X.T @ delta), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_sparse_input_steps_as_dense_input_does(rule):
    """Three steps in CSR equal the textbook's rule in NumPy on the dense gradient, absent words included."""
    update, ops = RULES[rule], get_ops(name="native")
    ours = layer(ops, update)
    weights = ours.weights.astype(np.float64)
    state = [np.zeros_like(weights) for _ in range(2)]
    for step in range(3):
        X, delta = bags(step)
        ops.backward(ops.rows(X), delta, ours, update, input_delta=False)
        gradient = X.toarray().T.astype(np.float64) @ delta + update.decay * weights
        weights += dense_step(update, gradient, state)
    np.testing.assert_allclose(ours.weights, weights, rtol=1e-4, atol=1e-5)


def dense_step(update, gradient, state):
    if isinstance(update, Adam):
        state[0] = update.beta_1 * state[0] + (1 - update.beta_1) * gradient
        state[1] = update.beta_2 * state[1] + (1 - update.beta_2) * gradient**2
        return -update.learning_rate * state[0] / (np.sqrt(state[1]) + update.epsilon)
    state[0] = update.momentum * state[0] - update.learning_rate * gradient
    if update.nesterov:
        return update.momentum * state[0] - update.learning_rate * gradient
    return state[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_word_that_never_occurs_keeps_its_initial_weights_under_plain_sgd():
    X = csr_array(bags(2)[0].toarray() * (np.arange(N_WORDS) < 20))
    y = np.arange(N_TEXTS) % 2
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": 2, "random_state": 0}
    one, many = (RectifierClassifier((N_UNITS,), max_iter=epochs, **settings).fit(X, y) for epochs in (1, 5))
    np.testing.assert_array_equal(one.coefs_[0][20:], many.coefs_[0][20:])
    assert (one.coefs_[0][:20] != many.coefs_[0][:20]).any()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_default_weight_decay_moves_words_that_never_occur_under_adam():
    """Adam divides the decay by its own size, however small; without decay such words stay bit for bit."""
    X = csr_array(bags(2)[0].toarray() * (np.arange(N_WORDS) < 20))
    y = np.arange(N_TEXTS) % 2
    settings = {"solver": "adam", "batch_size": 2, "random_state": 0}
    fitted = {
        (alpha, epochs): RectifierClassifier((N_UNITS,), max_iter=epochs, tol=0, alpha=alpha, **settings).fit(X, y)
        for alpha in (0.0, 1e-4)
        for epochs in (1, 40)
    }
    unseen = {key: classifier.coefs_[0][20:] for key, classifier in fitted.items()}
    np.testing.assert_array_equal(unseen[0.0, 40], unseen[0.0, 1])
    assert np.linalg.norm(unseen[1e-4, 40]) < 0.8 * np.linalg.norm(unseen[1e-4, 1])
