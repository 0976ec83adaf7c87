"""The lean prediction path gives what the network gives."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix

from hardzero.activations import ACTIVATIONS, Logistic, Rectifier, Softplus, get_activation
from hardzero.losses import OUTPUT_HEADS, get_loss
from hardzero.network import Network
from hardzero.ops import _native
from hardzero.ops.reference import ReferenceOps
from hardzero.predictor import Predictor

LARGEST_DIFFERENCE = {"float32": 1e-5, "bfloat16": 2e-2, "int8": 4e-2}


def make_network(widths, activation="relu", output="softmax", seed=0):
    random = np.random.RandomState(seed)
    layers = [(width, get_activation(activation)) for width in widths[1:-1]]
    network = Network.initialize(ReferenceOps(), widths[0], layers, widths[-1], get_loss(output), random)
    for parameters in network.parameters:
        parameters.bias += random.uniform(-0.1, 0.1, parameters.bias.shape).astype(np.float32)
    return network


def make_input(n_samples, n_features, density=0.5, seed=1):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_samples, n_features), dtype=np.float32)
    X[random.random(X.shape) >= density] = 0
    return X


@pytest.mark.parametrize("precision", LARGEST_DIFFERENCE)
@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.integers(1, 150), min_size=2, max_size=4),
    n_samples=st.integers(1, 9),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    activation=st.sampled_from(["relu", "signed_relu"]),
)
def test_scores_agree_with_the_reference(precision, widths, n_samples, density, activation):
    network = make_network(widths, activation)
    X = make_input(n_samples, widths[0], density)
    expected = network.scores(ReferenceOps(), X)
    scale = max(1.0, float(np.abs(expected).max()))
    scores = Predictor(network, precision=precision).scores(X)
    assert np.abs(scores - expected).max() <= LARGEST_DIFFERENCE[precision] * scale * len(widths)


@pytest.mark.parametrize("instruction_set", _native.runnable_instruction_sets())
@pytest.mark.parametrize("precision", LARGEST_DIFFERENCE)
def test_every_instruction_set_agrees(instruction_set, precision, monkeypatch):
    monkeypatch.setenv("HARDZERO_SIMD", instruction_set)
    network = make_network([33, 129, 65, 7])
    X = make_input(3, 33)
    scores = Predictor(network, precision=precision).scores(X)
    np.testing.assert_allclose(
        scores, network.scores(ReferenceOps(), X), atol=10 * LARGEST_DIFFERENCE[precision], rtol=0
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_samples", [1, 20])
def test_every_activation(activation, n_samples):
    network = make_network([20, 30, 40, 3], activation)
    X = make_input(n_samples, 20)
    np.testing.assert_allclose(Predictor(network).scores(X), network.scores(ReferenceOps(), X), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("output", OUTPUT_HEADS)
def test_every_output_function(output):
    network = make_network([20, 30, 3], output=output)
    X = make_input(5, 20)
    np.testing.assert_allclose(Predictor(network)(X), network.predictions(ReferenceOps(), X), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("precision", LARGEST_DIFFERENCE)
def test_one_sample_at_a_time_gives_the_bits_of_a_minibatch(precision):
    predictor = Predictor(make_network([50, 100, 100, 10]), precision=precision, n_threads=2)
    X = make_input(40, 50)
    one_by_one = np.vstack([predictor.scores(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(predictor.scores(X), one_by_one)


@pytest.mark.parametrize("n_samples", [1, 7, 40])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_csr_gives_what_dense_gives(n_samples, density, activation):
    predictor = Predictor(make_network([150, 100, 10], activation))
    X = make_input(n_samples, 150, density)
    np.testing.assert_allclose(predictor.scores(csr_array(X)), predictor.scores(X), rtol=1e-5, atol=1e-6)


def test_more_samples_than_one_minibatch_holds():
    predictor = Predictor(make_network([20, 30, 3]), n_threads=2)
    X = make_input(2500, 20)
    parts = [predictor.scores(X[first : first + 500]) for first in range(0, 2500, 500)]
    np.testing.assert_array_equal(predictor.scores(X), np.vstack(parts))
    np.testing.assert_allclose(predictor.scores(csr_array(X)), predictor.scores(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("n_samples", [300, 511, 513, 800])
@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_any_number_of_threads_gives_the_same_bits(n_threads, n_samples, kind):
    network = make_network([150, 130, 70, 10])
    X = kind(make_input(n_samples, 150, 0.1))
    alone, shared = (Predictor(network, n_threads=n)(X) for n in (1, n_threads))
    np.testing.assert_array_equal(shared, alone)


@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.integers(1, 300), min_size=2, max_size=4),
    density=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 5),
)
def test_bytes_multiplied_as_whole_numbers_give_what_floats_give(widths, density, seed):
    network = make_network(widths, "signed_relu", seed=seed)
    X = make_input(2, widths[0], density, seed)
    scores = []
    for instruction_set in _native.runnable_instruction_sets():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HARDZERO_SIMD", instruction_set)
            scores.append(Predictor(network, precision="int8").scores(X))
    scale = max(1.0, float(np.abs(scores[0]).max()))
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], rtol=0, atol=2e-3 * scale)


@pytest.mark.parametrize("precision", LARGEST_DIFFERENCE)
@pytest.mark.parametrize("culprit", [np.nan, np.inf])
def test_what_is_not_finite_stays_visible(precision, culprit):
    X = make_input(1, 20)
    X[0, 3] = culprit
    assert not np.isfinite(Predictor(make_network([20, 30, 3], "identity"), precision=precision).scores(X)).any()


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("n_samples", [1, 20])
def test_input_of_another_shape_is_refused(activation, n_samples):
    predictor = Predictor(make_network([20, 30, 3], activation))
    X = make_input(n_samples, 21)
    for wrong in (X, csr_array(X)):
        with pytest.raises(ValueError, match="21 columns, the network takes 20"):
            predictor(wrong)
    invalid = csr_array(X[:, :20])
    invalid.indices[0] = 25
    with pytest.raises(ValueError, match=r"not a valid CSR matrix|indices must be < 20"):
        predictor(invalid)
    with pytest.raises(TypeError, match="no real numbers"):
        predictor(X[:, :20].astype(complex))
    with pytest.raises(TypeError, match="no real numbers"):
        predictor([["a"] * 20])
    with pytest.raises(ValueError, match=r"one sample is X.reshape\(1, -1\)"):
        predictor(X[0, :20])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_dates_and_durations_are_no_numbers(activation):
    predictor = Predictor(make_network([2, 30, 3], activation))
    dates = np.array([["2020-01-01", "2020-01-02"]] * 20, dtype="datetime64[D]")
    for values in (dates, dates - dates[0, 0]):
        for X in (values, values.tolist(), pd.DataFrame(values)):
            for call in (predictor, predictor.scores, predictor.cost):
                with pytest.raises(TypeError, match="no real numbers"):
                    call(X)


def test_lists_frames_and_foreign_types_are_converted():
    predictor = Predictor(make_network([20, 30, 3], "relu"))
    X = make_input(5, 20)
    expected = predictor.scores(X)
    for other in (X.tolist(), pd.DataFrame(X), X.astype(">f4"), X.astype(object), X.astype(np.longdouble)):
        np.testing.assert_allclose(predictor.scores(other), expected, atol=1e-6)


def test_what_a_predictor_cannot_do_is_said():
    network = make_network([20, 30, 3], "relu")
    for n_threads in (1.5, "2", None, 0):
        with pytest.raises(ValueError, match="n_threads must be a whole number of at least 1"):
            Predictor(network, n_threads=n_threads)
        with pytest.raises(ValueError, match="n_threads must be a whole number of at least 1"):
            Predictor(network).n_threads = n_threads
    with pytest.raises(TypeError, match="save the model, and call to_predictor"):
        pickle.dumps(Predictor(network))


def test_a_frame_may_have_a_column_called_format():
    predictor = Predictor(make_network([2, 30, 3]))
    X = make_input(5, 2)
    frame = pd.DataFrame(X, columns=["format", "size"])
    np.testing.assert_array_equal(predictor.scores(frame), predictor.scores(X))


@pytest.mark.parametrize("kind", [Logistic, Softplus, Rectifier])
@pytest.mark.parametrize("precision", LARGEST_DIFFERENCE)
def test_activations_in_python_are_refused(kind, precision):
    class Steep(kind):
        def value(self, z):
            return super().value(4 * z)

    network = make_network([20, 30, 3], Steep())
    with pytest.raises(ValueError, match=r"own activations only .*Steep\(.*\): use the model's predict"):
        Predictor(network, precision=precision)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("n_samples", [2, 1500])
def test_other_layouts_and_types_give_the_same(activation, n_samples):
    predictor = Predictor(make_network([20, 30, 3], activation))
    X = make_input(n_samples, 20)
    expected = predictor.scores(X)
    unsorted = csr_array(X)
    for row in range(n_samples):
        part = slice(unsorted.indptr[row], unsorted.indptr[row + 1])
        unsorted.indices[part], unsorted.data[part] = unsorted.indices[part][::-1], unsorted.data[part][::-1]
    unsorted.has_sorted_indices = unsorted.has_canonical_format = False
    long = csr_array(X)
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    others = [np.asfortranarray(X), X.astype(np.float64), csr_array(X).astype(np.float64), unsorted, long, csc_array(X)]
    for other in others:
        np.testing.assert_allclose(predictor.scores(other), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 8])
def test_denormal_numbers_count_as_zero(n_samples):
    predictor = Predictor(make_network([20, 30, 3]))
    assert not predictor.cost(np.full((n_samples, 20), 1e-40, dtype=np.float32)).active[:, 0].any()


def test_smooth_networks_predict_a_sample_alone_as_in_a_minibatch_but_for_rounding():
    predictor = Predictor(make_network([50, 100, 100, 10], "tanh"))
    X = make_input(40, 50)
    one_by_one = np.vstack([predictor.scores(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(predictor.scores(X), one_by_one, rtol=1e-5, atol=1e-5)


def test_minibatches_of_smooth_networks_go_to_numpy_where_they_are_large_enough_for_its_calls(monkeypatch):
    predictor, taken = Predictor(make_network([5, 100, 100, 3], "tanh")), []
    run = predictor._run_smooth
    monkeypatch.setattr(
        predictor, "_run_smooth", lambda network, X, *args: taken.append(len(X)) or run(network, X, *args)
    )
    for n_samples in (1, 8, 24, 25, 300):
        predictor(make_input(n_samples, 5))
    assert taken == [25, 300]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_no_samples_give_no_scores(activation):
    assert Predictor(make_network([5, 6, 3], activation)).scores(np.zeros((0, 5), dtype=np.float32)).shape == (0, 3)


@pytest.mark.parametrize(
    ("precision", "activation"), [*((precision, "relu") for precision in LARGEST_DIFFERENCE), ("float32", "tanh")]
)
def test_several_threads_may_call_at_once(precision, activation):
    predictor = Predictor(make_network([64, 200, 200, 10], activation), precision=precision, n_threads=2)
    other = Predictor(make_network([300, 20, 4], seed=5))
    inputs = [make_input(n, 64, seed=n) for n in (1, 2, 3, 17, 64)] * 8
    other_input = make_input(3, 300)
    expected = [predictor.scores(X) for X in inputs]
    other_expected = other.scores(other_input)

    def call(i):
        np.testing.assert_array_equal(other.scores(other_input), other_expected)
        return predictor.scores(inputs[i])

    with ThreadPoolExecutor(4) as pool:
        for result, right in zip(pool.map(call, range(len(inputs))), expected, strict=True):
            np.testing.assert_array_equal(result, right)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_later_training_does_not_change_a_predictor(activation):
    network = make_network([5, 6, 3], activation)
    X = make_input(20, 5)
    predictor = Predictor(network)
    before = predictor.scores(X)
    for parameters in network.parameters:
        parameters.weights += 1
    np.testing.assert_array_equal(predictor.scores(X), before)


def test_cost_counts_active_units():
    network = make_network([30, 40, 50, 6])
    X = make_input(8, 30, density=0.3)
    cost = Predictor(network).cost(X)
    ops = ReferenceOps()
    expected = [np.count_nonzero(X, axis=1)]
    expected += [np.diff(network.hidden(ops, X, depth).indptr) for depth in range(2)]
    np.testing.assert_array_equal(cost.active, np.stack(expected, axis=1))
    np.testing.assert_array_equal(cost.multiply_adds, cost.active * np.array([40, 50, 6]))
    np.testing.assert_array_equal(cost.dense_multiply_adds, [30 * 40, 40 * 50, 50 * 6])
    assert (cost.share < 1).all()


@pytest.mark.parametrize("as_sparse", [csr_matrix, csr_array, csc_array])
def test_cost_of_sparse_input_is_that_of_dense(as_sparse):
    predictor = Predictor(make_network([30, 40, 50, 6]))
    X = make_input(8, 30, density=0.3)
    expected, cost = predictor.cost(X), predictor.cost(as_sparse(X))
    np.testing.assert_array_equal(cost.active, expected.active)
    np.testing.assert_array_equal(cost.multiply_adds, expected.multiply_adds)
    with_zeros = csr_array((np.append(1.0, np.zeros(29)), np.arange(30), [0, 30]), shape=(1, 30))
    assert predictor.cost(as_sparse(with_zeros)).active[0, 0] == 1
    assert with_zeros.nnz == 30
    assert predictor.cost(as_sparse(X[:0])).active.shape == (0, 3)
    with pytest.raises(ValueError, match="29 columns, the network takes 30"):
        predictor.cost(as_sparse(X[:, :29]))
    broken = csr_array(X)
    broken.indices[3] = 900
    with pytest.raises(ValueError, match="indices must be < 30"):
        predictor.cost(broken)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("n_samples", [1, 20])
@pytest.mark.parametrize("as_sparse", [csr_matrix, csr_array, csc_array, coo_array])
def test_sparse_input_of_foreign_types_is_converted(activation, n_samples, as_sparse):
    predictor = Predictor(make_network([20, 30, 3], activation))
    X = as_sparse(make_input(n_samples, 20))
    expected, active = predictor.scores(X), predictor.cost(X).active
    for dtype in (">f4", ">f8", np.longdouble):
        X.data = X.data.astype(dtype)
        np.testing.assert_allclose(predictor.scores(X), expected, atol=1e-6)
        np.testing.assert_array_equal(predictor.cost(X).active, active)
    for dtype in (complex, object, "S8"):
        X.data = X.data.astype(dtype)
        for call in (predictor, predictor.scores, predictor.cost):
            with pytest.raises(TypeError, match=f"no real numbers: dtype {np.dtype(dtype)}"):
                call(X)


def test_a_sparse_vector_is_refused():
    predictor = Predictor(make_network([20, 30, 3]))
    for vector in (coo_array(np.ones(20)), csr_array(coo_array(np.ones(20)))):
        for call in (predictor, predictor.cost):
            with pytest.raises(ValueError, match=r"one sample is X.reshape\(1, -1\)"):
                call(vector)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_narrow_weights_take_less_memory(activation):
    network = make_network([500, 1000, 1000, 10], activation)
    full, half, quarter = (Predictor(network, precision=p).n_bytes for p in LARGEST_DIFFERENCE)
    assert half < 0.6 * full
    assert quarter < 0.35 * full


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((2, 4), dtype=np.float32),
        np.zeros(5, dtype=np.float32),
        csr_array(np.zeros((2, 4), dtype=np.float32)),
    ],
    ids=["too few columns", "one dimension", "CSR with too few columns"],
)
def test_wrong_input_is_refused(X):
    with pytest.raises((ValueError, TypeError)):
        Predictor(make_network([5, 6, 3]))(X)


def test_broken_csr_is_refused():
    X = csr_array(np.ones((2, 5), dtype=np.float32))
    X.indices[3] = 900
    with pytest.raises(ValueError, match="CSR"):
        Predictor(make_network([5, 6, 3]))(X)
    X = csr_array(np.eye(2, 5, dtype=np.float32))
    X.indptr[-1] = 3
    with pytest.raises(ValueError, match="CSR"):
        Predictor(make_network([5, 6, 3]))(X)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("n_samples", [1, 8])
def test_spare_places_behind_the_last_row_of_csr_are_not_read(activation, n_samples):
    predictor = Predictor(make_network([20, 30, 3], activation))
    X = csr_array(make_input(n_samples, 20))
    expected = predictor.scores(X)
    X.indices, X.data = np.append(X.indices, np.int32(-1)), np.append(X.data, np.float32(np.nan))
    np.testing.assert_array_equal(predictor.scores(X), expected)


@pytest.mark.parametrize("arguments", [{"precision": "float16"}, {"n_threads": 0}])
def test_wrong_settings_are_named(arguments):
    with pytest.raises(ValueError, match=r"precision|n_threads"):
        Predictor(make_network([5, 6, 3]), **arguments)
