"""Updates that idle weights miss for a while end where the dense rule ends, whatever the gaps between their words."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from hardzero.activations import get_activation
from hardzero.ops import _native
from hardzero.ops.native import NativeOps
from hardzero.ops.reference import ReferenceOps
from hardzero.ops.updates import Adam, Gradient, Momentum, Parameters

N_WORDS, N_UNITS, N_TEXTS = 60, 19, 3

RULES = {
    "sgd": Momentum(0.05),
    "sgd with decay": Momentum(0.05, decay=0.01),
    "momentum": Momentum(0.02, 0.9),
    "momentum with decay": Momentum(0.02, 0.9, decay=0.01),
    "Nesterov's momentum": Momentum(0.02, 0.95, nesterov=True),
    "Nesterov's momentum with decay": Momentum(0.02, 0.9, nesterov=True, decay=0.01),
    "Adam": Adam(0.003),
    "Adam with short memory": Adam(0.003, beta_1=0.5, beta_2=0.99),
    "Adam without momentum": Adam(0.003, beta_1=0.0),
    "Adam with large epsilon": Adam(0.003, epsilon=0.1),
    "Adam with decay": Adam(0.003, decay=0.01),
    "Adam with fast second moment": Adam(0.003, beta_2=0.8),
}

MISSES_STEPS = [rule for rule in RULES if rule not in ("sgd", "Adam with decay", "Adam with fast second moment")]


@pytest.fixture(params=_native.runnable_instruction_sets(), scope="module")
def native(request):
    return NativeOps(2, request.param)


def layer(ops, update, seed=0, tiny=False):
    """Return a layer after some steps: moments of all sizes, or, with `tiny`, about the square of epsilon."""
    rng = np.random.default_rng(seed)
    weights = ops.matrix(N_WORDS, N_UNITS)
    weights[...] = rng.normal(size=weights.shape)
    states = []
    for index in range(update.n_states):
        state = ops.matrix(N_WORDS, N_UNITS)
        size = 10.0 ** rng.uniform(-10 if tiny else -3, -6 if tiny else 0, state.shape)
        state[...] = rng.normal(size=state.shape) * size if index == 0 else np.square(size)
        state[:10] = 0
        states.append(state)
    return Parameters(weights, np.zeros(N_UNITS, np.float32), states, [np.zeros(N_UNITS, np.float32) for _ in states])


def minibatch(rng, n_words=N_WORDS):
    """Return a few texts of few words, some without any, and what comes back to them."""
    X = (rng.random((N_TEXTS, N_WORDS)) < 0.05) * rng.normal(size=(N_TEXTS, N_WORDS))
    X[:, n_words:] = 0
    return csr_array(X.astype(np.float32)), rng.normal(size=(N_TEXTS, N_UNITS)).astype(np.float32)


def steps_of(update, gaps, seed):
    """Yield the minibatch and the update of each step: after each gap of empty minibatches, one with words."""
    rng = np.random.default_rng(seed)
    empty = csr_array((N_TEXTS, N_WORDS), dtype=np.float32), np.ones((N_TEXTS, N_UNITS), dtype=np.float32)
    for gap in gaps:
        for missed in range(gap + 1):
            rate = update.learning_rate * rng.uniform(0.1, 1.0)
            decay = update.decay * rng.uniform(0.5, 1.0)
            X, delta = minibatch(rng) if missed == gap else empty
            yield X, delta, replace(update, learning_rate=rate, decay=decay)


def train(ops, parameters, steps, *, lazily=True):
    with ops.lazy_updates(parameters) if lazily else nullcontext():
        for X, delta, update in steps:
            rows = ops.rows(X)
            ops.catch_up(rows, parameters)
            ops.backward(rows, delta, parameters, update, input_delta=False)
    return parameters


def exact(parameters, steps):
    """Return weights and states by the dense rule in double precision, from single-precision constants."""
    weights = parameters.weights.astype(np.float64)
    states = [state.astype(np.float64) for state in parameters.weight_state]
    for X, delta, update in steps:
        gradient = X.T.astype(np.float64) @ delta + np.float32(update.decay) * weights
        rate = np.float64(np.float32(update.learning_rate))
        if isinstance(update, Adam):
            betas = update.beta_1, update.beta_2
            for state, beta, target in zip(states, betas, (gradient, gradient**2), strict=True):
                state += np.float64(np.float32(1 - beta)) * (target - state)
            weights -= rate * states[0] / (np.sqrt(states[1]) + np.float32(update.epsilon))
        elif update.momentum:
            momentum = np.float64(np.float32(update.momentum))
            states[0] *= momentum
            states[0] -= rate * gradient
            weights += momentum * states[0] - rate * gradient if update.nesterov else states[0]
        else:
            weights -= rate * gradient
    return [weights, *states]


gaps = st.lists(st.one_of(st.integers(0, 5), st.integers(1, 1000)), min_size=1, max_size=6)
some_examples = settings(max_examples=8, deadline=None)


@pytest.mark.parametrize("rule", RULES)
@some_examples
@given(gaps=gaps, seed=st.integers(0, 2**31))
def test_weights_and_states_are_those_of_the_dense_rule(rule, native, gaps, seed):
    update = RULES[rule]
    parameters = layer(native, update, seed)
    expected = exact(parameters, steps_of(update, gaps, seed))
    lazy = train(native, parameters, steps_of(update, gaps, seed))
    # Near 0 decay is the whole gradient, of which Adam makes a step: rounding shows, with float32 in NumPy as well.
    absolute = 0.01 * 0.003 if rule == "Adam with decay" else 1e-5
    for actual, wanted in zip([lazy.weights, *lazy.weight_state], expected, strict=True):
        assert_allclose(actual, wanted, rtol=1e-4, atol=absolute)


@some_examples
@given(rule=st.sampled_from(list(RULES)), gaps=gaps, seed=st.integers(0, 2**31))
def test_native_and_reference_agree(native, rule, gaps, seed):
    update = RULES[rule]
    steps = list(steps_of(update, gaps, seed))
    lazy, dense = (train(ops, layer(ops, update, seed), steps) for ops in (native, ReferenceOps()))
    for actual, wanted in zip([lazy.weights, lazy.bias], [dense.weights, dense.bias], strict=True):
        assert_allclose(actual, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.99), (0.99, 0.9999)])
@some_examples
@given(gap=st.integers(1, 1000), seed=st.integers(0, 2**31))
def test_the_role_of_epsilon_in_missed_steps(betas, native, gap, seed):
    """The movement is off by a sixteenth of the square of ``(1 - beta_2) / (1 - beta_1)``, where moments are tiny."""
    update = Adam(0.01, *betas)
    parameters = layer(native, update, seed, tiny=True)
    parameters.weights[...] = 0
    empty = csr_array((1, N_WORDS), dtype=np.float32), np.zeros((1, N_UNITS), dtype=np.float32), update
    expected = exact(parameters, [empty] * gap)[0]
    bound = ((1 - betas[1]) / (1 - betas[0])) ** 2 / 16
    # The log of 512 steps is settled once or twice: each time a rounding more.
    assert_allclose(train(native, parameters, [empty] * gap).weights, expected, rtol=1.1 * bound + 2e-6)


@pytest.mark.parametrize("rule", MISSES_STEPS)
def test_absent_words_stand_still_until_they_are_met_or_the_context_ends(native, rule):
    update = RULES[rule]
    parameters = layer(native, update)
    before = [array.copy() for array in (parameters.weights, *parameters.weight_state)]
    present, late = [11, 40], [12, 41]

    def meet(words):
        X = csr_array(np.isin(np.arange(N_WORDS), words).astype(np.float32)[None])
        rows = native.rows(X)
        native.catch_up(rows, parameters)
        return rows

    def moved():
        return [not np.array_equal(row, old) for row, old in zip(parameters.weights, before[0], strict=True)]

    with native.lazy_updates(parameters):
        for _ in range(3):
            native.backward(meet(present), np.ones((1, N_UNITS), np.float32), parameters, update, input_delta=False)
        for array, old in zip((parameters.weights, *parameters.weight_state), before, strict=True):
            absent = np.setdiff1d(np.arange(N_WORDS), present)
            assert_array_equal(array[absent], old[absent])
        assert np.flatnonzero(moved()).tolist() == present
        meet(late)
        idle_weights_move = rule != "Adam without momentum"
        assert np.flatnonzero(moved()).tolist() == sorted(present + (late if idle_weights_move else []))
    assert sum(moved()) == (N_WORDS if update.decay else N_WORDS - 10 if idle_weights_move else len(present))


@pytest.mark.parametrize("rule", MISSES_STEPS)
def test_words_without_state_keep_their_weights_bit_for_bit(native, rule):
    update = replace(RULES[rule], decay=0.0)
    parameters = layer(native, update)
    before = parameters.weights.copy()
    rng = np.random.default_rng(1)
    steps = [(*minibatch(rng), update) for _ in range(600)]
    words = np.unique(np.concatenate([X.indices for X, _, _ in steps]))
    for X, _, _ in steps:
        X.data[X.indices < 10] = 0
    train(native, parameters, steps)
    assert len(words) == N_WORDS
    assert_array_equal(parameters.weights[:10], before[:10])
    assert (parameters.weights[10:] != before[10:]).all()


@some_examples
@given(rules=st.lists(st.sampled_from(list(RULES)), min_size=2, max_size=6), seed=st.integers(0, 2**31))
def test_rules_and_dense_minibatches_may_alternate(native, rules, seed):
    """What a rule has left undone is done before another rule, a gradient or a dense minibatch meets the weights."""
    rng = np.random.default_rng(seed)
    parameters, dense = layer(native, Adam(0.1), seed), layer(native, Adam(0.1), seed)
    with native.lazy_updates(parameters):
        for rule, n_steps in zip(rules, itertools.cycle([3, 1]), strict=False):
            for _ in range(n_steps):
                X, delta = minibatch(rng)
                X = X.toarray() if rng.random() < 0.2 else X
                update = Gradient() if rng.random() < 0.2 else RULES[rule]
                for each in (parameters, dense):
                    rows = native.rows(X)
                    native.catch_up(rows, each)
                    native.backward(rows, delta, each, update, input_delta=bool(rng.integers(2)))
    for actual, wanted in zip(parameters.weight_state, dense.weight_state, strict=True):
        assert_allclose(actual, wanted, rtol=1e-4, atol=1e-5)
    assert_allclose(parameters.weights, dense.weights, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rule", MISSES_STEPS)
def test_same_bits_for_any_number_of_threads(rule):
    update = RULES[rule]
    rng = np.random.default_rng(0)
    n_words, n_units = 3000, 150
    weights = rng.normal(size=(n_words, n_units)).astype(np.float32)
    steps = []
    for _ in range(12):
        X = csr_array((rng.random((20, n_words)) < 0.03).astype(np.float32))
        steps.append((X, rng.normal(size=(20, n_units)).astype(np.float32), update))
    results = []
    for n_threads in (1, 2, 3):
        ops = NativeOps(n_threads)
        matrices = [ops.matrix(n_words, n_units) for _ in range(1 + update.n_states)]
        matrices[0][...] = weights
        biases = [np.zeros(n_units, dtype=np.float32) for _ in range(1 + update.n_states)]
        results.append(train(ops, Parameters(matrices[0], biases[0], matrices[1:], biases[1:]), steps))
    for other in results[1:]:
        assert_array_equal(results[0].weights, other.weights)
        for one, another in zip(results[0].weight_state, other.weight_state, strict=True):
            assert_array_equal(one, another)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_weights_are_up_to_date_however_the_context_is_left(native, error):
    update = RULES["Adam"]
    steps = list(steps_of(update, [0, 3, 2], 5))
    complete = train(native, layer(native, update), steps)
    parameters = layer(native, update)

    def interrupted():
        yield from steps
        raise error

    with pytest.raises(error):
        train(native, parameters, interrupted())
    assert parameters.lazy_rows is None
    assert_array_equal(parameters.weights, complete.weights)
    for one, other in zip(parameters.weight_state, complete.weight_state, strict=True):
        assert_array_equal(one, other)


def test_arrays_in_any_layout(native):
    update = RULES["Nesterov's momentum with decay"]
    padded, foreign = layer(native, update), layer(native, update)
    foreign.weights = np.asfortranarray(foreign.weights)
    foreign.weight_state = [np.ascontiguousarray(state) for state in foreign.weight_state]
    for parameters in (padded, foreign):
        train(native, parameters, steps_of(update, [2, 0, 4], 3))
    assert_array_equal(padded.weights, foreign.weights)
    assert_array_equal(padded.weight_state[0], foreign.weight_state[0])


@pytest.mark.parametrize("rule", MISSES_STEPS)
def test_padding_stays_zero(native, rule):
    parameters = train(native, layer(native, RULES[rule]), steps_of(RULES[rule], [3, 1], 0))
    for matrix in [parameters.weights, *parameters.weight_state]:
        whole = np.lib.stride_tricks.as_strided(matrix, (matrix.shape[0], matrix.strides[0] // 4))
        assert not whole[:, matrix.shape[1] :].any()


def test_lazy_rows_of_another_matrix(native):
    parameters = layer(native, RULES["Adam"])
    parameters.lazy_rows = _native.LazyRows(N_WORDS + 1)
    rows = native.rows(csr_array((1, N_WORDS), dtype=np.float32))
    with pytest.raises(ValueError, match="another matrix"):
        native.catch_up(rows, parameters)
    with pytest.raises(ValueError, match="another matrix"):
        native.backward(rows, np.zeros((1, N_UNITS), np.float32), parameters, RULES["Adam"], input_delta=False)


def test_hidden_layer_sees_weights_up_to_date(native):
    """The forward pass after `catch_up` is that of the dense rule's weights, for words just met again."""
    update, relu = RULES["Adam"], get_activation("relu")
    steps = list(steps_of(update, [0, 7], 2))
    lazy, dense = layer(native, update), layer(native, update)
    train(native, dense, steps, lazily=False)
    X = csr_array(np.eye(N_WORDS, dtype=np.float32))
    with native.lazy_updates(lazy):
        for X_step, delta, update_of_step in steps:
            native.backward(native.rows(X_step), delta, lazy, update_of_step, input_delta=False)
        for word in (12, 30, 59):
            rows = native.rows(X, np.array([word]))
            native.catch_up(rows, lazy)
            ours, theirs = (native.hidden(rows, each.weights, each.bias, relu).dense() for each in (lazy, dense))
            assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
