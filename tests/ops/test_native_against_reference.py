"""Property tests: the native engine gives what the readable specification gives, on every instruction set."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

from hardzero.activations import get_activation
from hardzero.ops import _native
from hardzero.ops.layout import padded_copy
from hardzero.ops.native import NativeOps
from hardzero.ops.reference import ReferenceOps
from hardzero.ops.updates import Adam, Gradient, Momentum, Parameters
from padded_layout import whole_rows

INSTRUCTION_SETS = _native.runnable_instruction_sets()

PRODUCT_ROUNDING = 3e-6
"""Rounding error of a sum of products, relative to the sum of their absolute values."""

VALUE_ROUNDING = 1e-5
"""Rounding error of a result, relative to itself."""

few_examples = settings(max_examples=40, deadline=None)


@dataclass(frozen=True)
class Case:
    """A minibatch, a layer and what comes back to it."""

    X: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    delta: np.ndarray
    seed: int

    @property
    def magnitude(self) -> np.ndarray:
        """Sum of absolute products of each pre-activation: what rounding errors are relative to."""
        return np.abs(self.X) @ np.abs(self.weights) + np.abs(self.bias)


def make_case(n_samples, n_inputs, n_outputs, density, *, zero_rows_and_columns, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_inputs)) * (rng.random((n_samples, n_inputs)) < density)
    if zero_rows_and_columns:
        X[rng.random(n_samples) < 0.3] = 0
        X[:, rng.random(n_inputs) < 0.3] = 0
    return Case(
        X.astype(np.float32),
        rng.normal(size=(n_inputs, n_outputs)).astype(np.float32),
        rng.normal(size=n_outputs).astype(np.float32),
        rng.normal(size=(n_samples, n_outputs)).astype(np.float32),
        seed,
    )


@st.composite
def cases(draw, most_samples=70, most_units=300):
    n_samples = draw(st.integers(1, most_samples))
    n_inputs = draw(st.integers(1, most_units))
    n_outputs = draw(st.one_of(st.integers(1, 17), st.integers(1, most_units)))  # few have kernels of their own
    density = draw(st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.45, 0.6, 0.8, 0.97, 1.0]))
    seed = draw(st.integers(0, 2**31))
    return make_case(n_samples, n_inputs, n_outputs, density, zero_rows_and_columns=draw(st.booleans()), seed=seed)


activations = st.sampled_from(["relu", "signed_relu", "softplus", "tanh", "logistic", "identity", "lif"]).map(
    get_activation
)
decays = st.sampled_from([0.0, 0.01])
updates = st.one_of(
    st.builds(Gradient, decays),
    st.builds(Momentum, st.just(0.05), momentum=st.sampled_from([0.0, 0.9]), nesterov=st.booleans(), decay=decays),
    st.builds(Adam, st.just(0.01), decay=decays),
)


@pytest.fixture(params=INSTRUCTION_SETS, scope="module")
def native(request):
    return NativeOps(2, request.param)


@pytest.fixture(scope="module")
def reference():
    return ReferenceOps()


def assert_close(actual, expected, magnitude):
    """Compare with a tolerance relative to the size of the summed products."""
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    tolerance = PRODUCT_ROUNDING * np.maximum(magnitude, 1.0) + VALUE_ROUNDING * np.abs(expected)
    excess = np.abs(actual - expected) - tolerance
    assert np.all(excess <= 0), f"off by {np.abs(actual - expected).max()}"


def parameters_of(case, update, as_matrix=padded_copy):
    rng = np.random.default_rng(case.seed + 1)
    n_inputs, n_outputs = case.weights.shape
    weight_state = [as_matrix(rng.uniform(0.5, 1.5, (n_inputs, n_outputs))) for _ in range(update.n_states)]
    bias_state = [rng.uniform(0.5, 1.5, n_outputs).astype(np.float32) for _ in range(update.n_states)]
    return Parameters(as_matrix(case.weights), case.bias.copy(), weight_state, bias_state)


def arrays_of(parameters):
    return [parameters.weights, parameters.bias, *parameters.weight_state, *parameters.bias_state]


@few_examples
@given(case=cases(), sparse=st.booleans(), grouped=st.booleans())
def test_affine(native, reference, case, sparse, grouped):
    X = csr_array(case.X) if sparse else case.X
    with native.grouped_rows() if grouped else nullcontext():
        actual = native.affine(native.rows(X), padded_copy(case.weights), case.bias)
    assert_close(actual, reference.affine(reference.rows(X), case.weights, case.bias), case.magnitude)


@pytest.mark.parametrize("n_samples", [16, 17, 18, 100, 300])
@pytest.mark.parametrize("n_outputs", [64, 200, 1000])
def test_grouped_rows_have_the_same_bits_for_any_number_of_threads(n_samples, n_outputs):
    rng = np.random.default_rng(n_samples)
    X = (rng.normal(size=(n_samples, 150)) * (rng.random((n_samples, 150)) < 0.45)).astype(np.float32)
    weights, bias = rng.normal(size=(150, n_outputs)).astype(np.float32), np.ones(n_outputs, np.float32)
    for instruction_set in INSTRUCTION_SETS:
        engines = [NativeOps(n_threads, instruction_set) for n_threads in (1, 2, 5, 16)]
        results = []
        for ops in engines:
            with ops.grouped_rows():
                results.append(ops.affine(ops.rows(X), padded_copy(weights), bias))
        assert_close(results[0], X @ weights + bias, np.abs(X) @ np.abs(weights) + 1)
        for other in results[1:]:
            assert_array_equal(results[0], other)


@pytest.mark.parametrize("density", [0.03, 0.2, 0.45, 0.6, 0.9])
def test_a_row_has_the_same_bits_alone_and_in_a_minibatch(native, density):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(60, 150)) * (rng.random((60, 150)) < density)).astype(np.float32)
    weights, bias = padded_copy(rng.normal(size=(150, 200)).astype(np.float32)), np.ones(200, np.float32)
    together = native.affine(native.rows(X), weights, bias)
    alone = [native.affine(native.rows(X[i : i + 1]), weights, bias) for i in range(len(X))]
    assert_array_equal(together, np.vstack(alone))


def test_denormal_numbers_count_as_zero_in_the_engine_alone(native):
    smallest = np.float32(1e-44)
    X = np.full((64, 300), smallest)
    product = native.affine(
        native.rows(X), padded_copy(np.full((300, 300), 1e30, np.float32)), np.zeros(300, np.float32)
    )
    assert not product.any()
    assert np.all(X * np.float32(2) > X), "the mode of the processor must be restored"


def assert_activations_close(actual, case, activation, reference):
    """Compare with the activations at the ends of the interval in which rounding may put a pre-activation.

    Just above its threshold a leaky integrate-and-fire neuron is infinitely steep: no multiple of the rounding error
    of the pre-activation bounds that of the rate. As every activation is monotonic, the ends of the interval do.
    """
    pre_activations = reference.affine(reference.rows(case.X), case.weights, case.bias)
    error = (PRODUCT_ROUNDING * np.maximum(case.magnitude, 1.0)).astype(np.float32)
    ends = [activation.value(pre_activations - error), activation.value(pre_activations + error)]
    low, high = np.minimum(*ends), np.maximum(*ends)
    assert actual.shape == low.shape
    assert actual.dtype == np.float32
    assert np.all(actual >= low - VALUE_ROUNDING * np.abs(low))
    assert np.all(actual <= high + VALUE_ROUNDING * np.abs(high))


@few_examples
@example(  # a pre-activation of 4e-6, just above the threshold, where the rate has a slope of 1,750
    case=make_case(36, 117, 94, 0.02, zero_rows_and_columns=False, seed=428038), activation=get_activation("lif")
)
@given(case=cases(), activation=activations)
def test_hidden_layer(native, reference, case, activation):
    actual = native.hidden(native.rows(case.X), padded_copy(case.weights), case.bias, activation)
    expected = reference.hidden(reference.rows(case.X), case.weights, case.bias, activation)
    assert_activations_close(actual.dense(), case, activation, reference)
    stored = actual.csr()
    assert_array_equal(stored.toarray(), actual.dense())
    assert stored.nnz == actual.n_nonzero == np.count_nonzero(actual.dense())
    assert np.all(stored.data != 0)
    assert stored.has_sorted_indices
    weights = np.linspace(0.5, 2.0, len(case.X), dtype=np.float32)
    for rows in (actual, expected):
        sums = np.abs(rows.dense()).sum(axis=1, dtype=float)
        np.testing.assert_allclose(rows.absolute_sum(), sums.sum(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(rows.absolute_sum(weights), sums @ weights, rtol=1e-5, atol=1e-6)
    next_weights, next_bias = padded_copy(np.ones((case.weights.shape[1], 3), np.float32)), np.zeros(3, np.float32)
    for ops, rows, weights in ((native, actual, padded_copy(case.weights)), (reference, expected, case.weights)):
        lean = ops.hidden(ops.rows(case.X), weights, case.bias, activation, slopes=False)
        assert_array_equal(lean.dense(), rows.dense())
        assert lean.n_nonzero == rows.n_nonzero
        assert_array_equal(lean.csr().toarray(), rows.dense())
        assert_array_equal(ops.affine(lean, next_weights, next_bias), ops.affine(rows, next_weights, next_bias))


@few_examples
@given(case=cases(), update=updates, sparse=st.booleans(), input_delta=st.booleans())
def test_backward_through_input(native, reference, case, update, sparse, input_delta):
    X = csr_array(case.X) if sparse else case.X
    backward(native, reference, case, update, native.rows(X), reference.rows(X), input_delta)


@few_examples
@given(
    case=cases(),
    update=updates,
    activation=activations,
    rate=st.sampled_from([0.0, 0.2, 0.5]),
    n_units=st.integers(1, 200),
)
def test_backward_through_hidden_layer(native, reference, case, update, activation, rate, n_units):
    rng = np.random.default_rng(case.seed + 2)
    # Sixteenths make every product and sum exact, so that no pre-activation falls on the other side of a threshold.
    X = np.round(case.X * 16) / 16
    weights = (np.round(rng.normal(size=(X.shape[1], n_units)) * 16) / 16).astype(np.float32)
    bias = (np.round(rng.normal(size=n_units) * 16) / 16).astype(np.float32)
    native_rows = native.hidden(native.rows(X), padded_copy(weights), bias, activation)
    hidden = reference.hidden(reference.rows(X), weights, bias, activation)
    assert_array_equal(native_rows.dense(), hidden.dense())
    native_rows = native.dropout(native_rows, rate, case.seed)
    hidden = reference.dropout(hidden, rate, case.seed)
    next_weights = rng.normal(size=(n_units, case.weights.shape[1])).astype(np.float32)
    case = Case(hidden.dense(), next_weights, case.bias, case.delta, case.seed)
    backward(native, reference, case, update, native_rows, hidden, True)


def backward(native, reference, case, update, native_rows, reference_rows, input_delta):
    ours, theirs = parameters_of(case, update), parameters_of(case, update)
    penalties = np.linspace(0.25, 0, len(case.delta), dtype=np.float32)
    settings = {"activation_l1": penalties, "input_delta": input_delta}
    actual = native.backward(native_rows, case.delta, ours, update, **settings)
    expected = reference.backward(reference_rows, case.delta, theirs, update, **settings)
    if input_delta:
        passed = (np.abs(case.delta) @ np.abs(case.weights).T + 0.25) * np.maximum(np.abs(reference_rows.slopes()), 1)
        assert_close(actual, expected, 4 * passed)
        assert_array_equal(actual[np.asarray(reference_rows.slopes()) == 0], 0)
    else:
        assert actual is None
    gradient = np.abs(case.X).T @ np.abs(case.delta) + np.abs(case.weights)
    bias_gradient = np.abs(case.delta).sum(axis=0)
    squared = 4 * (1 + gradient.max(initial=1.0)) if isinstance(update, Adam) else 4
    for ours_, theirs_ in zip(arrays_of(ours), arrays_of(theirs), strict=True):
        assert_close(ours_, theirs_, squared * (gradient if ours_.ndim == 2 else bias_gradient))


@pytest.mark.parametrize("betas", [(0.9, 0.999), (1 - 1e-6, 1 - 1e-6), (0.9, 1 - 1e-8), (0.9, 1 - 1e-12)])
def test_moments_that_hardly_fade_take_their_share_of_a_gradient(native, reference, betas):
    case = make_case(5, 4, 3, 1.0, zero_rows_and_columns=False, seed=0)
    update = Adam(1e-4, *betas)
    ours, theirs = (
        Parameters(
            padded_copy(case.weights),
            case.bias.copy(),
            [padded_copy(np.zeros_like(case.weights)) for _ in range(2)],
            [np.zeros_like(case.bias) for _ in range(2)],
        )
        for _ in range(2)
    )
    for ops, parameters in ((native, ours), (reference, theirs)):
        ops.backward(ops.rows(case.X), case.delta, parameters, update, input_delta=False)
    for ours_, theirs_ in zip(arrays_of(ours), arrays_of(theirs), strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=1e-4)


@few_examples
@given(case=cases(), update=updates)
def test_padding_stays_zero(native, case, update):
    parameters = parameters_of(case, update)
    passed = native.backward(native.rows(case.X), case.delta, parameters, update)
    whole_rows(passed)[...] = 7  # memory that the next call uses again
    del passed
    passed = native.backward(native.rows(case.X), case.delta, parameters, update)
    for matrix in [passed, parameters.weights, *parameters.weight_state]:
        assert not whole_rows(matrix)[:, matrix.shape[1] :].any()


@few_examples
@given(case=cases(), update=updates, order=st.sampled_from("CF"))
def test_arrays_in_any_layout(native, case, update, order):
    """Contiguous, column-major and strided arrays give the same bits as the padded layout."""

    def foreign(matrix):
        strided = np.zeros((matrix.shape[0], 2 * matrix.shape[1]), dtype=np.float32)[:, ::2]
        strided[...] = matrix
        return np.array(matrix, dtype=np.float32, order=order) if case.seed % 2 else strided

    results = []
    for as_matrix in (padded_copy, foreign):
        parameters = parameters_of(case, update, as_matrix)
        X, delta = as_matrix(case.X), as_matrix(case.delta)
        z = native.affine(native.rows(X), parameters.weights, parameters.bias)
        passed = native.backward(native.rows(X), delta, parameters, update, activation_l1=0.1)
        results.append([z, passed, *arrays_of(parameters)])
    for padded, unpadded in zip(*results, strict=True):
        assert_array_equal(padded, unpadded)


@pytest.mark.parametrize("density", [0.1, 0.5, 0.9])
@settings(max_examples=3, deadline=None)
@given(
    n_samples=st.integers(140, 300),
    n_inputs=st.integers(1, 100),
    n_outputs=st.integers(1000, 1100),
    update=updates,
    input_delta=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_backward_over_several_tiles_of_rows(
    native, reference, density, n_samples, n_inputs, n_outputs, update, input_delta, seed
):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n_samples, n_inputs)) * (rng.random((n_samples, n_inputs)) < density)).astype(np.float32)
    weights = rng.normal(size=(n_inputs, n_outputs)).astype(np.float32)
    delta = rng.normal(size=(n_samples, n_outputs)).astype(np.float32)
    case = Case(X, weights, np.zeros(n_outputs, dtype=np.float32), delta, seed)
    backward(native, reference, case, update, native.rows(X), reference.rows(X), input_delta)


@settings(max_examples=15, deadline=None)
@given(
    case=cases(most_samples=300, most_units=400),
    update=updates,
    activation=activations,
    rate=st.sampled_from([0.0, 0.5]),
)
def test_same_bits_for_any_number_of_threads(case, update, activation, rate):
    results = []
    for n_threads in (1, 2, 3, 16):
        ops = NativeOps(n_threads)
        parameters = parameters_of(case, update)
        hidden = ops.hidden(ops.rows(case.X), parameters.weights, parameters.bias, activation)
        rows = ops.dropout(ops.rows(case.X), rate, case.seed)
        passed = ops.backward(rows, case.delta, parameters, update, activation_l1=0.1)
        results.append([hidden.dense(), passed, *arrays_of(parameters)])
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            assert_array_equal(one, other)


@few_examples
@given(
    case=cases(),
    rate=st.sampled_from([0.1, 0.5, 0.9]),
    sparse=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
    scale=st.sampled_from([None, 1.0]),
)
def test_dropout_drops_the_same_entries(native, reference, case, rate, sparse, seed, scale):
    X = csr_array(case.X) if sparse else case.X
    dropped = native.dropout(native.rows(X), rate, seed, scale)
    expected = reference.dropout(reference.rows(X), rate, seed, scale)
    assert_array_equal(dropped.dense(), expected.dense())
    assert_array_equal(dropped.csr().toarray(), expected.dense())
    assert dropped.n_nonzero == np.count_nonzero(expected.dense())
    weights = padded_copy(case.weights)
    assert_close(
        native.affine(dropped, weights, case.bias),
        reference.affine(expected, case.weights, case.bias),
        case.magnitude / (1 - rate),
    )


@few_examples
@given(case=cases(), sparse=st.booleans(), long_indices=st.booleans(), data=st.data())
def test_samples_of_the_input(native, case, sparse, long_indices, data):
    n_samples = case.X.shape[0]
    X = csr_array(case.X) if sparse else case.X
    if sparse and long_indices:
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    samples = np.array(data.draw(st.lists(st.integers(0, n_samples - 1), max_size=20)), dtype=np.intp)
    assert_array_equal(native.rows(X, samples).dense(), case.X[samples])
    part = slice(data.draw(st.integers(0, n_samples)), data.draw(st.integers(0, n_samples + 3)))
    assert_array_equal(native.rows(X, part).dense(), case.X[part])
    assert_array_equal(native.rows(native.prepare(X)).dense(), case.X)


def test_density_is_judged_by_rows_from_everywhere(native):
    X = np.zeros((1000, 30), dtype=np.float32)
    X[500:] = 1
    assert isinstance(native.prepare(X), np.ndarray)
    X[500:, 1:] = 0
    assert isinstance(native.prepare(X), csr_array)
    assert_array_equal(native.prepare(X).toarray(), X)


def test_explicit_zeros_and_duplicates_of_csr_input(native):
    X = csr_array((np.float32([1, 0, 2, 3, 4]), np.array([3, 2, 1, 1, 0]), np.array([0, 3, 5])), shape=(2, 5))
    rows = native.rows(X)
    assert_array_equal(rows.dense(), X.toarray())
    assert rows.n_nonzero == 4


@pytest.mark.parametrize("n_outputs", [3, 16, 70])
@pytest.mark.parametrize("sparse", [False, True])
def test_nan_is_not_hidden(native, n_outputs, sparse):
    """A diverged network must show: NaN counts as not zero and reaches outputs and gradients."""
    X = np.zeros((30, 200), dtype=np.float32)
    X[4, 7] = np.nan
    X[5, 8] = 1.0
    weights, bias = padded_copy(np.ones((200, n_outputs))), np.zeros(n_outputs, dtype=np.float32)
    rows = native.rows(csr_array(X) if sparse else X)
    assert np.isnan(native.affine(rows, weights, bias)[4]).all()
    hidden = native.hidden(rows, weights, bias, get_activation("relu"))
    assert np.isnan(hidden.dense()[4]).all()
    assert hidden.n_nonzero == 2 * n_outputs
    assert hidden.csr().shape == (30, n_outputs)
    again = native.hidden(
        hidden, padded_copy(np.ones((n_outputs, 33))), np.zeros(33, np.float32), get_activation("relu")
    )
    assert np.isnan(again.dense()[4]).all()
    assert np.isfinite(again.dense()[5]).all()
    parameters = Parameters(weights, bias)
    delta = np.ones((30, n_outputs), dtype=np.float32)
    passed = native.backward(rows, delta, parameters, Momentum(0.1))
    assert np.isnan(parameters.weights[7]).all()
    assert np.isfinite(np.delete(parameters.weights, 7, axis=0)).all()
    assert np.isnan(passed[4, 7])


def test_minibatch_without_samples(native):
    rows = native.rows(np.zeros((5, 20), dtype=np.float32), np.array([], dtype=np.intp))
    weights, bias = native.matrix(20, 7), np.zeros(7, dtype=np.float32)
    assert native.affine(rows, weights, bias).shape == (0, 7)
    for activation in ("relu", "tanh"):
        hidden = native.hidden(rows, weights, bias, get_activation(activation))
        assert hidden.csr().shape == (0, 7)
        parameters = Parameters(padded_copy(np.ones((7, 3))), np.zeros(3, dtype=np.float32))
        native.backward(hidden, np.zeros((0, 3), dtype=np.float32), parameters, Momentum(0.1, decay=0.5))
        assert_array_equal(parameters.weights, np.float32(0.95))


@pytest.mark.parametrize(
    ("weights", "bias", "delta"),
    [((21, 7), 7, (5, 7)), ((20, 7), 6, (5, 7)), ((20, 7), 7, (4, 7)), ((20, 7), 7, (5, 8))],
)
def test_shapes_that_do_not_fit(native, weights, bias, delta):
    rows = native.rows(np.ones((5, 20), dtype=np.float32))
    parameters = Parameters(native.matrix(*weights), np.zeros(bias, dtype=np.float32))
    with pytest.raises(ValueError, match="must have"):
        native.backward(rows, np.zeros(delta, dtype=np.float32), parameters, Momentum(0.1))


def test_samples_out_of_range(native):
    for X in (np.ones((5, 20), dtype=np.float32), csr_array(np.ones((5, 20), dtype=np.float32))):
        with pytest.raises(IndexError):
            native.rows(X, np.array([0, 5]))


def test_unknown_instruction_set():
    with pytest.raises(ValueError, match="HARDZERO_SIMD"):
        NativeOps(1, "abacus")
