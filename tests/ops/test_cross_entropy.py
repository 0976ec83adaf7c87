"""Property tests: the losses of both implementations, on every instruction set, are those of float64 formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit, log_softmax, softmax

from hardzero.ops import _native
from hardzero.ops.layout import padded_copy
from hardzero.ops.native import NativeOps
from hardzero.ops.reference import ReferenceOps
from padded_layout import whole_rows

few_examples = settings(max_examples=60, deadline=None)


@dataclass(frozen=True)
class Case:
    """Scores and what they should have been."""

    scores: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None

    @property
    def shares(self) -> np.ndarray:
        """The share of each sample in the mean."""
        weights = np.ones(len(self.scores)) if self.weights is None else self.weights.astype(np.float64)
        return weights / weights.sum()


@st.composite
def cases(draw):
    n_samples, n_outputs = draw(st.integers(1, 40)), draw(st.one_of(st.integers(1, 20), st.integers(1, 700)))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.0, 1e-3, 1.0, 10.0, 60.0, 1e4, 1e15]))
    scores = (scale * random.standard_normal((n_samples, n_outputs))).astype(np.float32)
    targets = {
        "one-hot": lambda: np.eye(n_outputs)[random.integers(n_outputs, size=n_samples)],
        "labels": lambda: random.integers(2, size=scores.shape),
        "shares": lambda: random.dirichlet(np.ones(n_outputs), size=n_samples),
    }[draw(st.sampled_from(["one-hot", "labels", "shares"]))]()
    weights = random.integers(4, size=n_samples).astype(np.float32) if draw(st.booleans()) else None
    if weights is not None:
        weights[0] = 1.5
    return Case(scores, targets.astype(np.float32), weights)


@pytest.fixture(params=["reference", *_native.runnable_instruction_sets()], scope="module")
def ops(request):
    return ReferenceOps() if request.param == "reference" else NativeOps(1, request.param)


def assert_loss(actual, losses, sizes, derivatives, case):
    """Compare with float64; `sizes` are the sums of absolute terms, to which rounding errors are relative."""
    value, delta = actual
    assert abs(value - losses @ case.shares) <= 1e-6 * (sizes @ case.shares) + 1e-7
    assert delta.dtype == np.float32
    assert_allclose(delta, derivatives * case.shares[:, None], rtol=2e-6, atol=5e-7 * case.shares.max())


@few_examples
@given(case=cases())
def test_softmax(ops, case):
    s, t = case.scores.astype(np.float64), case.targets.astype(np.float64)
    losses = -(t * log_softmax(s, axis=1)).sum(axis=1)
    sizes = (t * np.abs(s - s.max(axis=1, keepdims=True))).sum(axis=1) + t.sum(axis=1) * np.log(s.shape[1] + 1)
    assert_loss(ops.softmax_loss(case.scores, case.targets, case.weights), losses, sizes, softmax(s, axis=1) - t, case)


@few_examples
@given(case=cases())
def test_logistic(ops, case):
    s, t = case.scores.astype(np.float64), case.targets.astype(np.float64)
    losses = -(log_expit(-s) + t * s).sum(axis=1)
    sizes = (np.abs(s) * (1 + t) - log_expit(-np.abs(s))).sum(axis=1)
    assert_loss(ops.logistic_loss(case.scores, case.targets, case.weights), losses, sizes, expit(s) - t, case)


def test_probabilities_near_one_leave_their_small_loss(ops):
    scores = np.float32([[9.0], [15.0], [20.0]])
    for score in scores:
        value, delta = ops.logistic_loss(-score[None], np.float32([[0.0]]))
        assert_allclose(value, np.log1p(np.exp(-score.astype(np.float64)))[0], rtol=1e-5)
        assert_allclose(delta[0], expit(-score), rtol=1e-5)


def test_a_product_of_many_terms_does_not_overflow(ops):
    value, _ = ops.logistic_loss(np.zeros((1, 2000), dtype=np.float32), np.zeros((1, 2000), dtype=np.float32))
    assert value == pytest.approx(2000 * np.log(2), rel=1e-6)


def test_a_minibatch_without_samples(ops):
    empty = np.zeros((0, 7), dtype=np.float32)
    value, delta = ops.logistic_loss(empty, empty)
    assert value == 0.0
    assert delta.shape == (0, 7)


def test_denormal_derivatives_count_as_zero():
    scores, targets = np.float32([[0.0, -80.0]]).repeat(2048, axis=0), np.float32([[1.0, 0.0]]).repeat(2048, axis=0)
    _, delta = NativeOps().softmax_loss(scores, targets, np.float32([1.0]).repeat(2048))
    assert np.all((delta == 0) | (np.abs(delta) >= np.finfo(np.float32).tiny))
    assert not delta[:, 1].any()


@pytest.mark.parametrize("loss", ["softmax_loss", "logistic_loss"])
def test_what_is_not_finite_shows(ops, loss):
    for bad in (np.nan, np.inf, -np.inf):
        scores = np.zeros((3, 20), dtype=np.float32)
        scores[1, 17] = bad
        targets = np.eye(3, 20, k=16, dtype=np.float32)
        with np.errstate(invalid="ignore"):
            assert not np.isfinite(getattr(ops, loss)(scores, targets)[0])


@pytest.mark.parametrize("loss", ["softmax_loss", "logistic_loss"])
def test_layout_does_not_matter_and_padding_is_zero(ops, loss):
    random = np.random.default_rng(0)
    scores = random.standard_normal((9, 21)).astype(np.float32)
    targets = random.integers(2, size=scores.shape).astype(np.float32)
    # Nothing of the padding may be read as a score or a target.
    not_numbers, large, dirty = padded_copy(scores), padded_copy(scores), padded_copy(targets)
    whole_rows(not_numbers)[:, 21:], whole_rows(large)[:, 21:], whole_rows(dirty)[:, 21:] = np.nan, 1e30, 7
    results = [
        getattr(ops, loss)(s, t, w)
        for s, t, w in [
            (not_numbers, padded_copy(targets), np.ones(9, dtype=np.float32)),
            (large, dirty, None),
            (np.asfortranarray(scores), targets, None),
            (np.repeat(scores, 2, axis=1)[:, ::2], np.asfortranarray(targets), np.ones(18, dtype=np.float32)[::2]),
        ]
    ]
    for value, delta in results[1:]:
        assert value == pytest.approx(results[0][0], rel=1e-6)
        assert_allclose(delta, results[0][1], rtol=1e-6, atol=1e-8)
    if ops.name == "native":
        for _, delta in results:
            assert_array_equal(delta, results[0][1])
            assert not whole_rows(delta)[:, 21:32].any()


@pytest.mark.parametrize("loss", ["softmax_loss", "logistic_loss"])
def test_shapes_that_do_not_fit(loss):
    function, scores = getattr(NativeOps(), loss), np.zeros((3, 4), dtype=np.float32)
    with pytest.raises(ValueError, match="same shape"):
        function(scores, np.zeros((3, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="one weight a sample"):
        function(scores, scores, np.ones(4, dtype=np.float32))
