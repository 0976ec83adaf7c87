"""Update rules against scikit-learn's and PyTorch's optimizers, and learning-rate schedules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.neural_network import _stochastic_optimizers as sklearn_optimizers

from hardzero.ops.layout import padded_zeros
from hardzero.ops.updates import Adam, Momentum, Parameters
from hardzero.optimizers import AdamOptimizer, GradientDescent, LearningRate

N_STEPS = 25
SHAPE = (7, 20)


def take_steps(ops, optimizer, decay=0.0):
    """Return the parameters after steps whose gradients are products of random rows and deltas, and these."""
    random = np.random.default_rng(0)
    weights = padded_zeros(*SHAPE)
    weights[...] = random.standard_normal(SHAPE)
    parameters = Parameters(weights, random.standard_normal(SHAPE[1]).astype(np.float32))
    start = weights.astype(np.float64), parameters.bias.astype(np.float64)
    optimizer.prepare([parameters])
    products = []
    for _ in range(N_STEPS):
        X = np.maximum(random.standard_normal((5, SHAPE[0])), 0).astype(np.float32)
        delta = random.standard_normal((5, SHAPE[1])).astype(np.float32)
        ops.backward(ops.rows(X), delta, parameters, optimizer.next_update(decay), input_delta=False)
        products.append((X.astype(float).T @ delta, delta.astype(float).sum(axis=0)))
    return parameters, start, products


def assert_agrees(parameters, weights, bias):
    assert np.allclose(parameters.weights, weights, rtol=2e-5, atol=2e-6)
    assert np.allclose(parameters.bias, bias, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.0, True), (0.9, False), (0.9, True), (1.0, True)])
def test_gradient_descent_steps_as_in_scikit_learn(ops, momentum, nesterov, decay):
    optimizer = GradientDescent(LearningRate("constant", 0.01), momentum, nesterov)
    parameters, (weights, bias), products = take_steps(ops, optimizer, decay)
    theirs = sklearn_optimizers.SGDOptimizer(
        [weights, bias], learning_rate_init=0.01, momentum=momentum, nesterov=nesterov
    )
    for weight_gradient, bias_gradient in products:
        theirs.update_params([weights, bias], [weight_gradient + decay * weights, bias_gradient])
    assert_agrees(parameters, weights, bias)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_steps_as_in_scikit_learn(ops, decay):
    optimizer = AdamOptimizer(LearningRate("constant", 0.01), 0.8, 0.99, 1e-6)
    parameters, (weights, bias), products = take_steps(ops, optimizer, decay)
    theirs = sklearn_optimizers.AdamOptimizer([weights, bias], 0.01, 0.8, 0.99, 1e-6)
    for weight_gradient, bias_gradient in products:
        theirs.update_params([weights, bias], [weight_gradient + decay * weights, bias_gradient])
    assert_agrees(parameters, weights, bias)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_gradient_descent_steps_as_in_pytorch(ops, momentum, nesterov):
    torch = pytest.importorskip("torch")
    optimizer = GradientDescent(LearningRate("constant", 0.01), momentum, nesterov)
    parameters, start, products = take_steps(ops, optimizer, decay=0.05)
    weights, bias = (torch.nn.Parameter(torch.tensor(array)) for array in start)
    groups = [{"params": [weights], "weight_decay": 0.05}, {"params": [bias]}]
    theirs = torch.optim.SGD(groups, lr=0.01, momentum=momentum, nesterov=nesterov)
    for gradients in products:
        weights.grad, bias.grad = (torch.tensor(gradient) for gradient in gradients)
        theirs.step()
    assert_agrees(parameters, weights.detach().numpy(), bias.detach().numpy())


def test_adam_steps_as_in_pytorch(ops):
    torch = pytest.importorskip("torch")
    optimizer = AdamOptimizer(LearningRate("constant", 0.01), epsilon=1e-8)
    parameters, start, products = take_steps(ops, optimizer)
    tensors = [torch.nn.Parameter(torch.tensor(array)) for array in start]
    theirs = torch.optim.Adam(tensors, lr=0.01)
    for gradients in products:
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = torch.tensor(gradient)
        theirs.step()
    assert_agrees(parameters, *(tensor.detach().numpy() for tensor in tensors))


def test_the_state_kept_is_no_more_than_the_rule_needs():
    rate = LearningRate("constant", 0.1)
    weights = padded_zeros(3, 4)
    for optimizer, n_states in [
        (GradientDescent(rate, momentum=0.0), 0),
        (GradientDescent(rate, momentum=0.5), 1),
        (AdamOptimizer(rate), 2),
    ]:
        parameters = Parameters(weights, np.zeros(4, dtype=np.float32))
        optimizer.prepare([parameters])
        assert len(parameters.weight_state) == len(parameters.bias_state) == n_states


def test_steps_are_counted_and_their_updates_carry_the_settings():
    descent = GradientDescent(LearningRate("constant", 0.1), 0.5, False)
    assert descent.next_update(decay=0.2) == Momentum(0.1, 0.5, False, 0.2)
    adam = AdamOptimizer(LearningRate("constant", 0.1), 0.8, 0.9, 1e-3)
    assert adam.next_update(decay=0.0) == Adam(pytest.approx(0.1 * math.sqrt(0.1) / 0.2), 0.8, 0.9, 1e-3, 0.0)
    adam.next_update(decay=0.0)
    assert adam.n_steps == 2


def test_inverse_scaling_follows_scikit_learn():
    ours = LearningRate("invscaling", 0.3, power_t=0.7)
    theirs = sklearn_optimizers.SGDOptimizer([], 0.3, "invscaling", power_t=0.7)
    for n_samples in (100, 200, 1000):
        ours.epoch_ends(n_samples)
        theirs.iteration_ends(n_samples)
        assert ours.current == pytest.approx(theirs.learning_rate)


def test_the_adaptive_rate_falls_by_five_until_it_is_too_small():
    rate = LearningRate("adaptive", 1e-5)
    assert not rate.progress_stopped()
    assert rate.current == pytest.approx(2e-6)
    assert not rate.progress_stopped()
    assert rate.progress_stopped()
    assert LearningRate("constant", 0.1).progress_stopped()


def test_the_cosine_rate_falls_to_zero_along_half_a_cosine():
    rate = LearningRate("cosine", 0.4)
    for progress, expected in [(0.0, 0.4), (0.5, 0.2), (1 / 3, 0.3), (1.0, 0.0), (1.5, 0.0)]:
        rate.follow(progress)
        assert rate.current == pytest.approx(expected, abs=1e-12)
    constant = LearningRate("constant", 0.4)
    constant.follow(0.5)
    assert constant.current == 0.4


def test_another_rate_takes_over_and_one_with_the_same_settings_is_left_as_it_is():
    optimizer, same, other = (
        GradientDescent(LearningRate(name, 0.1)) for name in ("adaptive", "adaptive", "invscaling")
    )
    optimizer.learning_rate.progress_stopped()
    same.go_on_from(optimizer, samples_seen=99)
    assert same.learning_rate.current == pytest.approx(0.02)
    other.go_on_from(same, samples_seen=99)
    assert other.learning_rate.current == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("fresh", "goes_on"),
    [
        (lambda rate: GradientDescent(rate, 0.5, False), True),
        (lambda rate: GradientDescent(rate, 0.0), False),
        (lambda rate: AdamOptimizer(rate), False),
    ],
)
def test_states_serve_on_under_the_same_rule_whatever_its_constants(fresh, goes_on):
    rate = LearningRate("constant", 0.1)
    previous, optimizer = GradientDescent(rate, 0.9), fresh(rate)
    previous.n_steps = 7
    assert optimizer.go_on_from(previous, samples_seen=99) is goes_on
    assert optimizer.n_steps == (7 if goes_on else 0)


def test_a_rate_that_falls_below_all_numbers_is_zero():
    rate = LearningRate("invscaling", 0.1, power_t=1e5)
    rate.epoch_ends(100)
    assert rate.current == 0.0
