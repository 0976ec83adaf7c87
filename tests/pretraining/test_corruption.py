"""Corruption of minibatches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import random_array

from hardzero.corruption import GaussianNoise, MaskingNoise, SaltAndPepper, get_corruption
from hardzero.ops import get_ops


@pytest.fixture(params=["native", "reference"])
def ops(request):
    return get_ops(1, request.param)


@pytest.fixture
def batch():
    return np.random.default_rng(0).uniform(0.1, 1.0, size=(200, 300)).astype(np.float32)


def test_masking_sets_a_share_to_zero_and_keeps_the_rest(ops, batch):
    corrupted = MaskingNoise(0.25).corrupt(ops, ops.rows(batch), seed=1).dense()
    zero = corrupted == 0
    assert zero.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(corrupted[~zero], batch[~zero])


def test_masking_of_csr_drops_the_same_entries_as_of_dense(ops):
    X = random_array((50, 80), density=0.1, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    masked = MaskingNoise(0.5).corrupt(ops, ops.rows(X), seed=3)
    np.testing.assert_array_equal(masked.dense(), MaskingNoise(0.5).corrupt(ops, ops.rows(X.toarray()), seed=3).dense())
    assert 0 < masked.n_nonzero < X.nnz


def test_gaussian_noise_has_mean_zero_and_its_deviation(ops, batch):
    noise = GaussianNoise(0.3).corrupt(ops, ops.rows(batch), seed=5).dense() - batch
    assert noise.mean() == pytest.approx(0.0, abs=0.005)
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert np.mean(np.abs(noise) < 0.3) == pytest.approx(0.683, abs=0.01)


def test_salt_and_pepper_takes_both_ends_equally(ops, batch):
    corrupted = SaltAndPepper(0.2, low=-1.0, high=2.0).corrupt(ops, ops.rows(batch), seed=5).dense()
    assert np.mean(corrupted == -1) == pytest.approx(0.1, abs=0.01)
    assert np.mean(corrupted == 2) == pytest.approx(0.1, abs=0.01)
    untouched = (corrupted != -1) & (corrupted != 2)
    np.testing.assert_array_equal(corrupted[untouched], batch[untouched])


@pytest.mark.parametrize("name", ["masking", "gaussian", "salt_and_pepper"])
def test_draws_are_a_function_of_the_seed(ops, batch, name):
    corruption = get_corruption(name, 0.3)
    first, second, other = (corruption.corrupt(ops, ops.rows(batch), seed).dense() for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize(("name", "level"), [("masking", 1.0), ("gaussian", -1.0), ("salt_and_pepper", 1.5)])
def test_levels_out_of_range_are_refused(name, level):
    with pytest.raises(ValueError, match="level of"):
        get_corruption(name, level)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="choose one of masking"):
        get_corruption("dust")
