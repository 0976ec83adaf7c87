"""Output heads: values against closed forms in float64, derivatives against differences of the values."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax, xlogy
from sklearn.metrics import log_loss, mean_poisson_deviance

from hardzero.losses import OUTPUT_HEADS, LogisticLoss, PoissonLoss, SoftmaxLoss, SquaredError, get_loss
from hardzero.ops import get_ops

HEADS = [SoftmaxLoss(), LogisticLoss(), SquaredError(), PoissonLoss()]
BY_NAME = {"ids": [head.output_activation for head in HEADS]}


@pytest.fixture(params=["native", "reference"])
def ops(request):
    return get_ops(name=request.param)


def scores_and_targets(head, n_samples=6, n_outputs=4, seed=0):
    random = np.random.default_rng(seed)
    scores = (2 * random.standard_normal((n_samples, n_outputs))).astype(np.float32)
    targets = {
        "softmax": np.eye(n_outputs)[random.integers(n_outputs, size=n_samples)],
        "logistic": random.integers(2, size=scores.shape),
        "identity": random.standard_normal(scores.shape),
        "exp": random.poisson(2.0, size=scores.shape),
    }[head.output_activation]
    return scores, targets.astype(np.float32)


@pytest.mark.parametrize("head", HEADS, **BY_NAME)
def test_predictions_are_the_output_activation(head):
    scores, _ = scores_and_targets(head)
    function = {
        "softmax": lambda s: softmax(s, axis=1),
        "logistic": expit,
        "identity": lambda s: s,
        "exp": np.exp,
    }[head.output_activation]
    predictions = head.predictions(scores)
    assert predictions.dtype == np.float32
    assert np.allclose(predictions, function(scores.astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize("head", HEADS, **BY_NAME)
def test_the_loss_of_a_sample_is_the_sum_over_its_outputs(head):
    scores, targets = scores_and_targets(head)
    s, t = scores.astype(np.float64), targets.astype(np.float64)
    expected = {
        "softmax": lambda: -(t * log_softmax(s, axis=1)),
        "logistic": lambda: -(xlogy(t, expit(s)) + xlogy(1 - t, expit(-s))),
        "identity": lambda: 0.5 * (s - t) ** 2,
        "exp": lambda: np.exp(s) - t - t * s + xlogy(t, t),
    }[head.output_activation]()
    assert np.allclose(head.per_sample(scores, targets), expected.sum(axis=1), rtol=1e-6)


def test_values_agree_with_scikit_learns_metrics():
    scores, targets = scores_and_targets(SoftmaxLoss())
    assert SoftmaxLoss().value(scores, targets) == pytest.approx(
        log_loss(targets.argmax(axis=1), softmax(scores.astype(float), axis=1), labels=range(4))
    )
    scores, targets = scores_and_targets(PoissonLoss(), n_outputs=1)
    deviance = mean_poisson_deviance(targets.ravel(), np.exp(scores.astype(float)).ravel())
    assert 2 * PoissonLoss().value(scores, targets) == pytest.approx(deviance, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("head", HEADS, **BY_NAME)
def test_delta_is_the_derivative_of_the_mean_loss(head, weighted):
    scores, targets = scores_and_targets(head, seed=1)
    weights = np.float32([0.5, 0.0, 2.0, 1.0, 3.0, 0.25]) if weighted else None
    delta = head.delta(scores, targets, weights)
    assert delta.dtype == np.float32
    step = np.float32(2.0**-9)
    for place in np.ndindex(*scores.shape):
        up, down = scores.copy(), scores.copy()
        up[place] += step
        down[place] -= step
        rise = head.value(up, targets, weights) - head.value(down, targets, weights)
        assert delta[place] == pytest.approx(rise / (2 * step), rel=2e-4, abs=2e-6)


@pytest.mark.parametrize("head", HEADS, **BY_NAME)
def test_a_sample_weight_counts_like_repetition(head):
    scores, targets = scores_and_targets(head)
    counts = np.array([1, 0, 2, 3, 1, 4])
    repeated = np.repeat(np.arange(6), counts)
    weights = counts.astype(np.float32)
    value = head.value(scores, targets, weights)
    assert value == pytest.approx(head.value(scores[repeated], targets[repeated]))
    delta = np.zeros_like(scores)
    np.add.at(delta, repeated, head.delta(scores[repeated], targets[repeated]))
    assert np.allclose(head.delta(scores, targets, weights), delta, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("head", HEADS, **BY_NAME)
@pytest.mark.parametrize("weights", [None, np.arange(1, 7, dtype=np.float32)], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_outputs", [1, None])
def test_value_and_delta_come_together(head, weights, n_outputs, ops):
    scores, targets = (array[:, :n_outputs] for array in scores_and_targets(head))
    before = scores.copy(), targets.copy()
    value, delta = head.value_and_delta(ops, scores, targets, weights)
    assert value == pytest.approx(head.value(scores, targets, weights), rel=1e-6, abs=1e-7)
    assert np.allclose(delta, head.delta(scores, targets, weights), rtol=1e-6, atol=1e-8)
    assert np.array_equal(scores, before[0])
    assert np.array_equal(targets, before[1])


@pytest.mark.parametrize("head", HEADS, **BY_NAME)
def test_very_large_scores_give_finite_results_without_warnings(head, ops):
    scores = np.float32([[1e15, -1e15], [-1e15, 1e15], [88.0, -104.0]])
    targets = np.float32([[0, 1], [0, 1], [1, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(head.predictions(scores)).all()
        assert np.isfinite(head.value(scores, targets))
        assert np.isfinite(head.delta(scores, targets)).all()
        value, delta = head.value_and_delta(ops, scores, targets)
        assert np.isfinite(value)
        assert np.isfinite(delta).all()


def test_cross_entropy_is_exact_where_probabilities_vanish():
    scores, target = np.float32([[0.0, 1000.0]]), np.float32([[1, 0]])
    assert SoftmaxLoss().value(scores, target) == 1000.0
    assert LogisticLoss().value(np.float32([[-1000.0]]), np.float32([[1]])) == 1000.0
    assert SoftmaxLoss().value(np.float32([[0.0, 0.0]]), target) == pytest.approx(np.log(2))


def test_poisson_loss_is_zero_for_a_perfect_prediction_and_allows_zero_counts():
    targets = np.float32([[1.0], [2.0], [7.0]])
    assert PoissonLoss().value(np.log(targets), targets) == pytest.approx(0.0, abs=1e-6)
    assert PoissonLoss().value(np.float32([[-20.0]]), np.float32([[0.0]])) == pytest.approx(0.0, abs=1e-6)


def test_heads_are_found_by_their_output_activation():
    assert all(get_loss(name).output_activation == name for name in OUTPUT_HEADS)
    with pytest.raises(ValueError, match="unknown output activation 'sigmoid': choose one of softmax"):
        get_loss("sigmoid")


@given(st.lists(st.tuples(st.floats(0.125, 1e6, width=32), st.integers(1, 5)), min_size=2, max_size=30))
def test_scores_start_from_the_targets_as_if_weights_were_repeated_rows(targets_and_weights):
    targets, weight = (np.array(column, dtype=np.float32) for column in zip(*targets_and_weights, strict=True))
    repeated = np.repeat(targets, weight.astype(int))[:, np.newaxis]
    for head in (SquaredError(), PoissonLoss()):
        found = head.first_scores(targets[:, np.newaxis], weight)
        for value, expected in zip(found, head.first_scores(repeated), strict=True):
            np.testing.assert_array_equal(value, expected)


def test_scores_start_from_mean_and_spread_of_the_targets():
    targets = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)
    mean, spread = SquaredError().first_scores(targets)
    np.testing.assert_allclose(mean, [2, 5])
    np.testing.assert_allclose(spread, [0.3, 0.3])  # a constant target says nothing of the spread
    np.testing.assert_allclose(SquaredError().first_scores(1000 * targets)[1][0], 300)
    np.testing.assert_allclose(PoissonLoss().first_scores(targets)[0], np.log([2, 5]))
    assert np.isfinite(PoissonLoss().first_scores(0 * targets)[0]).all()
    assert [part.tolist() for part in SoftmaxLoss().first_scores(targets)] == [[0, 0], [1, 1]]
