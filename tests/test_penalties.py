"""The L1 penalty and the controller of sparsity, on layers whose answer to a coefficient is known."""

from __future__ import annotations

import numpy as np
import pytest

from hardzero.penalties import FixedPenalty, SparsityController


class Layer:
    """Zeros that follow the L1 coefficient along a curve, with some delay, and shift with the biases."""

    def __init__(self, half_way, at_start=0.5, delay=5.0):
        self.half_way, self.at_start, self.delay = half_way, at_start, delay
        self.zeros, self.shift = at_start, 0.0

    def step(self, coefficient, bias_shift):
        self.shift -= bias_shift
        answer = self.at_start + (0.99 - self.at_start) * coefficient / (coefficient + self.half_way)
        self.zeros += (np.clip(answer + self.shift, 0, 1) - self.zeros) / self.delay
        return self.zeros


def steer(controller, layers, n_steps, n_samples=64, noise=0.01):
    random = np.random.default_rng(0)
    zeros = np.array([layer.zeros for layer in layers])
    for step in range(n_steps):
        observed = np.clip(zeros + noise * random.standard_normal(len(layers)), 0, 1)
        observes = controller.observe(observed, step / n_steps, n_samples)
        shifts = controller.bias_shifts if observes else [0.0] * len(layers)
        zeros = np.array(
            [
                layer.step(coefficient, shift)
                for layer, coefficient, shift in zip(layers, controller.coefficients, shifts, strict=True)
            ]
        )
    return zeros


@pytest.mark.parametrize(("n_steps", "n_samples"), [(400, 64), (2000, 64), (400, 16), (8000, 16)])
@pytest.mark.parametrize("target", [0.6, 0.85, 0.95])
@pytest.mark.parametrize("half_way", [1e-4, 1e-2])
def test_targets_are_reached_over_orders_of_magnitude_of_coefficients(half_way, target, n_steps, n_samples):
    controller = SparsityController([target])
    assert steer(controller, [Layer(half_way)], n_steps, n_samples)[0] == pytest.approx(target, abs=0.03)


@pytest.mark.parametrize(
    ("n_steps", "n_samples", "steps_a_look"), [(8000, 16, 4), (8000, 1, 8), (300, 16, 1), (8000, 64, 1), (8000, 100, 1)]
)
def test_zeros_of_small_minibatches_are_looked_at_less_often_in_long_runs(n_steps, n_samples, steps_a_look):
    controller = SparsityController([0.8])
    looks = 0
    for step in range(n_steps):
        before = list(controller.zeros)
        controller.observe(np.array([0.5 + 0.3 * step / n_steps]), step / n_steps, n_samples)
        looks += controller.zeros != before
    assert looks == pytest.approx(n_steps / steps_a_look, rel=0.05)


def test_biases_move_only_when_the_zeros_are_looked_at():
    controller = SparsityController([0.3])
    assert [controller.observe(np.array([0.6]), step / 8000, 16) for step in range(8)] == [False] * 3 + [True] + [
        False
    ] * 3 + [True]


def test_each_layer_has_its_own_target():
    controller = SparsityController([0.6, 0.9])
    zeros = steer(controller, [Layer(1e-3), Layer(1e-3)], 2000)
    assert np.allclose(zeros, [0.6, 0.9], atol=0.03)
    assert controller.coefficients[0] < controller.coefficients[1]


def test_a_layer_with_more_zeros_than_wanted_is_woken_by_its_biases():
    controller = SparsityController([0.3])
    zeros = steer(controller, [Layer(1e-3, at_start=0.6)], 2000)
    assert controller.coefficients[0] < 1e-3
    assert zeros[0] == pytest.approx(0.3, abs=0.03)


def test_the_target_is_not_approached_before_features_form():
    controller = SparsityController([0.9])
    controller.observe(np.array([0.5]), 0.0, 64)
    assert controller.coefficients[0] < 1e-3
    assert not controller.settled


def test_biases_are_left_alone_where_the_penalty_can_act():
    controller = SparsityController([0.9])
    for step in range(1000):
        controller.observe(np.array([0.5 if step < 900 else 0.95]), step / 1000, 64)
        assert not np.any(controller.bias_shifts)


def test_the_first_half_of_the_way_takes_a_quarter_of_the_ramp():
    controller, layer = SparsityController([0.95]), Layer(1e-3)
    n_steps = 20_000
    for step in range(round(0.25 * controller.ramp * n_steps)):
        controller.observe(np.array([layer.zeros]), step / n_steps, 64)
        layer.step(controller.coefficients[0], 0.0)
    half_way = 1 - np.sqrt(0.5 * 0.05)
    assert half_way - 0.1 < layer.zeros < half_way


def test_short_runs_approach_the_target_slowly():
    def ramp(n_steps):
        controller = SparsityController([0.8])
        for step in range(n_steps):
            controller.observe(np.array([0.8]), step / n_steps, 64)
            if controller.final_zeros is not None:
                return step / n_steps

    assert ramp(2000) == pytest.approx(0.3, abs=0.01)
    assert ramp(600) == pytest.approx(0.5, abs=0.01)
    assert ramp(100) == pytest.approx(0.7, abs=0.01)


def test_zeros_are_asked_of_the_finished_network_only_where_the_target_stands():
    controller = SparsityController([0.6, 0.9])
    controller.observe(np.array([0.5, 0.5]), 0.0, 64)
    assert controller.final_zeros is None
    controller.observe(np.array([0.5, 0.5]), 1.0, 64)
    assert controller.final_zeros == [0.6, 0.9]
    assert FixedPenalty([0.1]).final_zeros is None


def test_coefficients_stay_within_their_bounds():
    controller = SparsityController([0.99])
    for step in range(3000):
        controller.observe(np.array([0.5]), step / 3000, 64)
    assert controller.coefficients == [controller.largest]


def test_it_settles_once_the_target_stands_still_and_is_met():
    controller = SparsityController([0.8])
    for step in range(1000):
        controller.observe(np.array([0.8]), step / 1000, 64)
        assert controller.settled == (step / 1000 >= controller.ramp)
    for _ in range(20):
        controller.observe(np.array([0.6]), 1.0, 64)
    assert not controller.settled


def test_a_fixed_penalty_stays_as_it_is():
    penalty = FixedPenalty([0.1, 0.2])
    penalty.observe(np.array([0.9, 0.1]), 0.5, 64)
    assert penalty.coefficients == [0.1, 0.2]
    assert penalty.settled
    assert not penalty.bias_shifts
