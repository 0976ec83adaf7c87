from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from hardzero import DenoisingAutoencoder, RectifierClassifier
from hardzero.activations import Logistic
from hardzero.analysis import prediction_cost
from hardzero.analysis.prediction_cost import PredictionCost, _dense_scores
from hardzero.ops import get_ops
from hardzero.sparse_autoencoder import SparseAutoencoder


def test_work_counts_the_non_zeros(signs):
    # Inputs (2, 3), (0, 1): three non-zero entries meet 4 units; two and one active units meet 1 output.
    cost = prediction_cost(signs, [[2.0, 3.0], [0.0, 1.0]], n_rounds=2)
    assert cost.dense_multiply_adds.tolist() == [8, 4]
    np.testing.assert_allclose(cost.done_multiply_adds, [1.5 * 4, 1.5])
    assert cost.work_frame()["part_done"].tolist() == [0.75, 0.375]
    assert cost.batch_sizes == [1]


def test_dense_and_engine_compute_the_same(classifier, digits):
    network, ops = classifier.network_, get_ops()
    X = digits[0][:50]
    np.testing.assert_allclose(_dense_scores(network)(X), network.scores(ops, X), rtol=1e-3, atol=1e-4)


def test_times_are_per_input_and_speedup_is_their_ratio(classifier, digits):
    cost = prediction_cost(classifier, digits[0], batch_sizes=(1, 64, 100_000), n_rounds=3)
    assert cost.batch_sizes == [1, 64]
    assert cost.engine.shape == cost.dense.shape == (2, 3)
    assert (cost.to_frame()[["engine_microseconds", "dense_microseconds"]] > 0).all(axis=None)
    known = PredictionCost([], np.array([]), np.array([]), [1], np.array([[1.0, 2, 4]]), np.array([[3.0, 4, 4]]))
    assert known.speedup.tolist() == [2.0]


def test_an_input_takes_the_same_time_in_a_batch_of_any_size(signs, monkeypatch):
    now = 0.0

    def scores_in(microseconds):
        def scores(rows):
            nonlocal now
            now += 1e-6 * microseconds * len(rows)

        return lambda network: scores

    module = import_module("hardzero.analysis.prediction_cost")
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now))
    monkeypatch.setattr(module, "_engine_scores", scores_in(2.0))
    monkeypatch.setattr(module, "_dense_scores", scores_in(6.0))
    frame = prediction_cost(signs, np.ones((40, 2)), batch_sizes=(1, 4, 40), n_rounds=2).to_frame()
    np.testing.assert_allclose(frame["engine_microseconds"], 2.0)
    np.testing.assert_allclose(frame["dense_microseconds"], 6.0)
    np.testing.assert_allclose(frame["speedup"], 3.0)


def test_one_batch_size_may_be_a_number(signs):
    assert prediction_cost(signs, [[2.0, 3.0], [0.0, 1.0]], batch_sizes=2, n_rounds=1).batch_sizes == [2]


@pytest.mark.parametrize("decoder", ["softplus", "sigmoid", "linear", "rectifier"])
def test_an_autoencoder_has_a_cost_whatever_its_decoder(digits, decoder):
    autoencoder = DenoisingAutoencoder(8, decoder=decoder, max_iter=1, random_state=0).fit(digits[0][:100])
    cost = prediction_cost(autoencoder, digits[0][:100], n_rounds=1)
    assert cost.dense_multiply_adds.tolist() == [64 * 8, 8 * 64]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning")
def test_activations_that_no_predictor_knows_have_a_cost(digits):
    class Own(Logistic):
        pass

    X, y = digits[0][:100], digits[1][:100]
    dictionary = SparseAutoencoder(8, target_activity=0.5, selection="top_k", max_iter=1, random_state=0).fit(X)
    classifier = RectifierClassifier((8,), Own(), max_iter=1, random_state=0).fit(X, y)
    for model in (dictionary, classifier):
        cost = prediction_cost(model, X, n_rounds=1)
        assert (cost.engine > 0).all()


def test_plot(classifier, digits):
    ax = prediction_cost(classifier, digits[0], n_rounds=1).plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["layer 1", "layer 2", "output"]


def test_bad_arguments(classifier, digits):
    with pytest.raises(ValueError, match="at least 1"):
        prediction_cost(classifier, digits[0], batch_sizes=(0,))
    with pytest.raises(ValueError, match="at least 1"):
        prediction_cost(classifier, digits[0], batch_sizes=())
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="hardzero's own"):
        prediction_cost(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()), digits[0])
