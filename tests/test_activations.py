"""Activations against 60-digit decimal arithmetic, and slopes against the values' differences."""

from __future__ import annotations

import warnings
from decimal import Decimal, localcontext

import numpy as np
import pytest

from hardzero.activations import (
    ACTIVATIONS,
    Identity,
    LeakyIntegrateAndFire,
    Logistic,
    Rectifier,
    SignedRectifier,
    Softplus,
    Tanh,
    get_activation,
)

FLOAT32 = np.finfo(np.float32)
NEGLIGIBLE = 1e-33
"""What softplus may count as zero, because products with it are denormal numbers."""

SUBNORMAL = np.float32(1e-45)
POINTS = np.float32([0.0, 1e-45, 1e-38, 1e-8, 1e-4, 0.1, 0.5, 1.0, 2.0, 5.0, 9.0, 17.0, 40.0, 80.0, 87.0])
POINTS = np.concatenate([-POINTS[::-1], POINTS])

EVERY = [
    Rectifier(),
    SignedRectifier(),
    Softplus(),
    Softplus(beta=7.0),
    Softplus(beta=0.25),
    Tanh(),
    Logistic(),
    Identity(),
    LeakyIntegrateAndFire(),
    LeakyIntegrateAndFire(
        refractory_time=0.2,
        time_constant=3.0,
        resting_potential=-1.0,
        reset_potential=-2.0,
        threshold_potential=0.5,
        resistance=2.0,
    ),
]
SMOOTH = [activation for activation in EVERY if not activation.is_rectifier]


def exact(function, z):
    """Return `function` of each entry, in 60 digits, rounded once."""
    with localcontext() as context:
        context.prec = 60
        return np.array([float(function(Decimal(float(entry)))) for entry in z])


def exact_softplus(beta):
    beta = Decimal(beta)
    return lambda z: (1 + (beta * z).exp()).ln() / beta


def exact_softplus_slope(beta):
    return lambda z: 1 / (1 + (-Decimal(beta) * z).exp())


def exact_tanh(z):
    return (z.exp() - (-z).exp()) / (z.exp() + (-z).exp())


def exact_tanh_slope(z):
    return 4 / (z.exp() + (-z).exp()) ** 2


def exact_logistic(z):
    return 1 / (1 + (-z).exp())


def exact_logistic_slope(z):
    return 1 / (2 + z.exp() + (-z).exp())


def exact_lif(lif):
    """The firing rate as printed in the paper (Glorot et al. 2011, section 2.1)."""

    def rate(current):
        potential = Decimal(lif.resting_potential) + Decimal(lif.resistance) * current
        if potential <= Decimal(lif.threshold_potential):
            return Decimal(0)
        ratio = (potential - Decimal(lif.reset_potential)) / (potential - Decimal(lif.threshold_potential))
        return 1 / (Decimal(lif.refractory_time) + Decimal(lif.time_constant) * ratio.ln())

    return rate


@pytest.mark.parametrize(
    ("computed", "expected"),
    [
        (Softplus().value, exact_softplus(1)),
        (Softplus(beta=7.0).value, exact_softplus(7)),
        (Softplus(beta=0.25).value, exact_softplus(0.25)),
        (Softplus().slope, exact_softplus_slope(1)),
        (Tanh().value, exact_tanh),
        (Tanh().slope, exact_tanh_slope),
        (Logistic().value, exact_logistic),
        (Logistic().slope, exact_logistic_slope),
        (EVERY[-2].value, exact_lif(EVERY[-2])),
        (EVERY[-1].value, exact_lif(EVERY[-1])),
    ],
)
def test_values_and_slopes_are_right_to_float32_rounding(computed, expected):
    wanted = exact(expected, POINTS)
    negligible = NEGLIGIBLE if isinstance(computed.__self__, Softplus) else float(FLOAT32.tiny)
    normal = np.abs(wanted) >= negligible
    # exp(x) carries the rounding of its argument: |x| half-units in the last place.
    tolerance = np.maximum(4.0, 2.0 * np.abs(POINTS)) * float(FLOAT32.eps)
    error = np.abs(computed(POINTS).astype(np.float64) - wanted)
    assert (error[normal] <= (tolerance * np.abs(wanted))[normal]).all()
    assert (error[~normal] <= negligible).all()


def test_a_rectifier_keeps_positive_inputs_and_zeroes_the_others():
    z = np.float32([-np.inf, -1.0, -SUBNORMAL, -0.0, 0.0, SUBNORMAL, 1.0, np.inf])
    assert np.array_equal(Rectifier().value(z), np.float32([0, 0, 0, 0, 0, SUBNORMAL, 1, np.inf]))
    assert np.array_equal(Rectifier().slope(z), np.float32([0, 0, 0, 0, 0, 1, 1, 1]))


def test_a_signed_rectifier_negates_every_second_unit():
    z = np.tile(np.float32([-2.0, -2.0, 0.0, 0.0, SUBNORMAL, SUBNORMAL, 3.0, 3.0]), (2, 1))
    value, slope = SignedRectifier().value(z), SignedRectifier().slope(z)
    assert np.array_equal(value[0], np.float32([0, 0, 0, 0, SUBNORMAL, -SUBNORMAL, 3, -3]))
    assert np.array_equal(slope[0], np.float32([0, 0, 0, 0, 1, -1, 1, -1]))
    assert value.dtype == slope.dtype == np.float32


def test_a_layer_of_signed_rectifiers_has_a_mean_near_zero():
    z = np.random.default_rng(0).standard_normal((100, 1000)).astype(np.float32)
    assert Rectifier().value(z).mean() > 0.35
    assert abs(SignedRectifier().value(z).mean()) < 0.01


def test_hard_softplus_makes_no_denormal_numbers():
    z = np.linspace(-5, 5, 2001, dtype=np.float32)
    assert Softplus().value(np.float32(0)) == np.float32(np.log(2))
    for computed in (Softplus(beta=128.0).value(z), Softplus(beta=128.0).slope(z)):
        assert not np.any((computed != 0) & (np.abs(computed) < FLOAT32.tiny))
    assert Softplus(beta=128.0).value(np.float32([-1.0])) == Softplus(beta=128.0).slope(np.float32([-1.0])) == 0


def test_softplus_tends_to_the_rectifier_as_beta_grows():
    z = np.linspace(-3, 3, 101, dtype=np.float32)
    gaps = [np.abs(Softplus(beta=beta).value(z) - Rectifier().value(z)).max() for beta in (1, 10, 100)]
    assert np.allclose(gaps, np.log(2) / np.array([1, 10, 100]), rtol=1e-5)


def test_a_lif_neuron_is_silent_at_and_below_threshold_and_saturates_at_the_refractory_rate():
    lif = LeakyIntegrateAndFire()
    assert np.array_equal(lif.value(np.float32([-np.inf, -1.0, -SUBNORMAL, 0.0])), np.zeros(4))
    assert np.array_equal(lif.slope(np.float32([-np.inf, -1.0, -SUBNORMAL, 0.0])), np.zeros(4))
    assert lif.value(np.float32([FLOAT32.max]))[0] == pytest.approx(20.0)
    assert 0 < lif.value(np.float32([SUBNORMAL]))[0] < 0.01


def test_the_slope_of_a_lif_neuron_is_cut_near_its_threshold():
    slope = LeakyIntegrateAndFire(largest_slope=3.0).slope(np.float32([SUBNORMAL, 1e-20, 1e-5]))
    assert np.array_equal(slope, np.float32([3, 3, 3]))


@pytest.mark.parametrize("activation", EVERY, ids=repr)
def test_no_finite_or_infinite_input_warns_or_gives_nan(activation):
    z = np.float32([-np.inf, FLOAT32.min, -1e30, -1e4, -SUBNORMAL, 0, SUBNORMAL, 1e4, 1e30, FLOAT32.max, np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, slope = activation.value(z), activation.slope(z)
    assert not np.isnan(value).any()
    assert np.isfinite(slope).all()
    assert np.isfinite(value[1:-1]).all()


@pytest.mark.parametrize("activation", EVERY, ids=repr)
def test_values_and_slopes_keep_shape_and_float32(activation):
    z = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    before = z.copy()
    for result in (activation.value(z), activation.slope(z)):
        assert result.shape == z.shape
        assert result.dtype == np.float32
        assert not np.shares_memory(result, z)
    assert np.array_equal(z, before)


@pytest.mark.parametrize("activation", EVERY, ids=repr)
def test_nan_stays_nan(activation):
    assert np.isnan(activation.value(np.float32([[np.nan, np.nan]]))).all()


@pytest.mark.parametrize("activation", [Softplus(), Softplus(16.0), Logistic(), LeakyIntegrateAndFire()])
def test_value_and_slope_together_have_the_bits_of_each(activation):
    z = np.concatenate([np.linspace(-100, 100, 4001), [0.0, -0.0, 1e-30, 1e30, -1e30]]).astype(np.float32)
    value, slope = activation.value_and_slope(z)
    np.testing.assert_array_equal(value, activation.value(z))
    np.testing.assert_array_equal(slope, activation.slope(z))


@pytest.mark.parametrize("activation", SMOOTH, ids=repr)
def test_slopes_are_the_differences_of_the_values(activation):
    z = np.linspace(-4.03, 4.11, 63, dtype=np.float32)
    step = np.float32(2.0**-7)
    slope = activation.slope(z).astype(np.float64)
    difference = activation.value(z + step).astype(np.float64) - activation.value(z - step)
    away_from_threshold = np.abs(activation.slope(z + step) - activation.slope(z - step)) < 0.05
    difference = difference / (2 * float(step))
    assert away_from_threshold.sum() > 50
    assert np.allclose(slope[away_from_threshold], difference[away_from_threshold], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("activation", EVERY, ids=repr)
def test_exact_zeros_are_made_where_promised_and_nowhere_else(activation):
    z = np.linspace(-3.01, 3.0, 200, dtype=np.float32)
    zeros = np.count_nonzero(activation.value(z) == 0)
    assert zeros >= 99 if activation.makes_zeros else zeros == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_name_gives_its_activation_and_its_parameters_give_it_back(name):
    activation = get_activation(name)
    assert activation.name == name
    assert get_activation(name, **activation.parameters()) == activation
    assert get_activation(activation) is activation


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: get_activation("rectifier"), "choose one of relu"),
        (lambda: get_activation("relu", beta=2.0), "relu"),
        (lambda: Softplus(beta=0.0), "beta must be a positive number, got 0.0"),
        (lambda: Softplus(beta=float("nan")), "beta"),
        (lambda: Softplus(beta=float("inf")), "beta"),
        (lambda: LeakyIntegrateAndFire(refractory_time=-1.0), "refractory_time must be positive"),
        (lambda: LeakyIntegrateAndFire(resistance=float("nan")), "resistance must be positive"),
        (lambda: LeakyIntegrateAndFire(time_constant=float("inf")), "time_constant"),
        (lambda: LeakyIntegrateAndFire(resting_potential=float("nan")), "resting_potential"),
        (lambda: LeakyIntegrateAndFire(reset_potential=1.0, threshold_potential=1.0), "below"),
    ],
)
def test_impossible_constants_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
