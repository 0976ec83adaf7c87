"""Reconstruction heads: values, gradients, and where their biases start."""

from __future__ import annotations

import numpy as np
import pytest

from hardzero.ops import get_ops
from hardzero.reconstruction import DECODERS, SigmoidReconstruction, get_reconstruction_head


@pytest.fixture
def scores_and_targets():
    random = np.random.default_rng(0)
    scores = random.normal(scale=2.0, size=(4, 6)).astype(np.float32)
    scores[np.abs(scores) < 0.05] = 0.5
    return scores, random.uniform(0, 1, size=(4, 6)).astype(np.float32)


def head_of(decoder, largest=1.0):
    return get_reconstruction_head(decoder, smallest=0.0, largest=largest)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decoder", DECODERS)
def test_delta_is_the_derivative_of_value(decoder, weighted, scores_and_targets):
    scores, targets = scores_and_targets
    head = head_of(decoder)
    if weighted:
        head = head.with_entry_weight(np.float32([1, 2, 3, 0.5, 4, 1]))
    sample_weight = np.float32([1, 0.5, 2, 1])
    value, delta = head.value_and_delta(get_ops(), scores, targets, sample_weight)
    assert value == pytest.approx(head.value(scores, targets, sample_weight))
    step = 1e-2
    for index in np.ndindex(scores.shape):
        above, below = scores.copy(), scores.copy()
        above[index] += step
        below[index] -= step
        slope = (head.value(above, targets, sample_weight) - head.value(below, targets, sample_weight)) / (2 * step)
        assert delta[index] == pytest.approx(slope, rel=2e-3, abs=2e-4)


@pytest.mark.parametrize("decoder", DECODERS)
def test_heads_agree_with_autograd(decoder, scores_and_targets):
    torch = pytest.importorskip("torch")
    scores, targets = scores_and_targets
    scale = 1.5
    s = torch.tensor(scores, requires_grad=True)
    x = torch.tensor(targets)
    functional = torch.nn.functional
    if decoder == "sigmoid":
        cost = functional.binary_cross_entropy_with_logits(s, x / scale, reduction="sum")
    else:
        output = {"softplus": functional.softplus, "linear": lambda s: s, "rectifier": torch.relu}[decoder](s)
        cost = 0.5 * (output - x).square().sum()
    (cost / len(scores)).backward()
    value, delta = head_of(decoder, scale).value_and_delta(get_ops(), scores, targets)
    assert value == pytest.approx(float(cost.detach()) / len(scores), rel=1e-5)
    np.testing.assert_allclose(delta, s.grad.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("decoder", DECODERS)
def test_bias_starts_at_the_mean(decoder):
    mean = np.float32([0.1, 0.4, 0.9])
    head = head_of(decoder)
    np.testing.assert_allclose(head.predictions(head.scores_at(mean)[None])[0], mean, rtol=1e-4)
    assert np.isfinite(head.scores_at(np.float32([0.0, 1.0]))).all()


@pytest.mark.parametrize("decoder", DECODERS)
def test_large_scores_stay_finite(decoder):
    scores = np.float32([[-1e4, 1e4]])
    value, delta = head_of(decoder).value_and_delta(get_ops(), scores, np.float32([[0.0, 1.0]]))
    assert np.isfinite(value)
    assert np.isfinite(delta).all()


def test_sigmoid_scales_targets_by_the_largest_value():
    head = get_reconstruction_head("sigmoid", smallest=0.0, largest=4.0)
    assert head == SigmoidReconstruction(scale=4.0)
    assert head.predictions(np.float32([[100.0]])) == pytest.approx(4.0)


@pytest.mark.parametrize("decoder", ["softplus", "sigmoid", "rectifier"])
def test_decoders_without_negative_output_refuse_negative_input(decoder):
    with pytest.raises(ValueError, match="use decoder='linear'"):
        get_reconstruction_head(decoder, smallest=-0.5, largest=1.0)
