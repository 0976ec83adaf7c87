"""Scaling folded into a network leaves its function as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from hardzero.activations import Rectifier
from hardzero.losses import get_loss
from hardzero.network import Network
from hardzero.ops import get_ops
from hardzero.scaling import ChunkedStandardization, LinearScaling

OPS = get_ops(name="reference")


def network(n_features, n_outputs=2):
    random_state = np.random.RandomState(0)
    return Network.initialize(OPS, n_features, [(7, Rectifier())], n_outputs, get_loss("identity"), random_state)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-100, 100))
def test_folding_into_both_ends(seed, scale, shift):
    random = np.random.default_rng(seed)
    X = (random.normal(size=(50, 3)) * scale + shift).astype(np.float32)
    features = LinearScaling.standardize(X)
    targets = LinearScaling(random.normal(size=2), random.uniform(0.1, 10, size=2))
    net = network(3)
    expected = net.scores(OPS, features.apply(X)) * targets.scale + targets.shift
    features.fold_into_input(net)
    targets.fold_into_output(net)
    tolerance = 1e-4 * (1 + abs(shift) / scale) * targets.scale.max()
    np.testing.assert_allclose(net.scores(OPS, X), expected, atol=tolerance)


def test_standardized_columns():
    X = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32) * [1, 1e3, 1e-3] + [0, 1e4, 5]
    scaled = LinearScaling.standardize(X).apply(X)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-2)


def test_constant_columns_stay_finite():
    X = np.full((10, 2), 0.1, dtype=np.float32)
    scaling = LinearScaling.standardize(X)
    assert np.isfinite(scaling.apply(X + 1)).all()
    np.testing.assert_allclose(scaling.apply(X), 0, atol=1e-7)


@pytest.mark.parametrize("value", [0.1, 1e5 / 3, -7e-9])
def test_rounding_in_long_sums_makes_no_column_vary(value):
    X = np.full((200_000, 1), value)
    chunked = ChunkedStandardization()
    for chunk in np.array_split(X, 3):
        chunked.add(chunk)
    assert [LinearScaling.standardize(X).scale, chunked.scaling().scale] == [1.0, 1.0]


@pytest.mark.parametrize("spread", [0.02, 0.005, 1e-8])
def test_columns_that_vary_too_little_for_single_precision_are_named_however_little(spread):
    X = np.array([[1e5 - spread], [1e5 + spread]])
    chunked = ChunkedStandardization()
    chunked.add(X)
    for scaling in (LinearScaling.standardize(X), chunked.scaling()):
        assert scaling.imprecise_columns().tolist() == [0]


def test_sparse_input_stays_sparse():
    X = csr_array(
        random_array((40, 5), density=0.2, format="csr", rng=np.random.default_rng(0)).astype(np.float32) * 30
    )
    scaling = LinearScaling.standardize(X)
    scaled = scaling.apply(X)
    assert scaled.nnz == X.nnz
    assert abs(scaled).max() <= 1.000001
    net = network(5)
    expected = net.scores(OPS, scaled)
    scaling.fold_into_input(net)
    np.testing.assert_allclose(net.scores(OPS, X), expected, atol=1e-4)


@pytest.mark.parametrize("as_sparse", [False, True])
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 1000))
@settings(deadline=None)
def test_chunks_are_standardized_as_the_whole(as_sparse, sizes, seed):
    random = np.random.default_rng(seed)
    X = (random.normal(size=(sum(sizes), 4)) * [1, 1e3, 1e-3, 0] + [0, 1e4, 5, 7]).astype(np.float32)
    if as_sparse:
        X = csr_array(np.where(random.random(X.shape) < 0.7, 0, X))
    standardization = ChunkedStandardization()
    for start, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True):
        standardization.add(X[start : start + size])
    found, expected = standardization.scaling(), LinearScaling.standardize(X)
    np.testing.assert_allclose(found.shift, expected.shift, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)
    assert standardization.is_needed == (LinearScaling.where_needed(X) is not None)


def test_only_values_of_the_right_size_and_mostly_zero_stay_as_they_are():
    random = np.random.default_rng(0)
    pixels = np.where(random.random((200, 6)) < 0.5, 0, random.random((200, 6)))
    indicators = np.eye(5)[random.integers(0, 5, 200)]
    assert LinearScaling.where_needed(pixels) is None
    assert LinearScaling.where_needed(indicators) is None
    assert LinearScaling.where_needed(csr_array(pixels)) is None
    for X in (
        pixels * 1.01 / pixels.max(),
        csr_array(pixels * 2),
        random.random((200, 6)),
        1e-3 * random.random((200, 6)),
    ):
        assert LinearScaling.where_needed(X) is not None
    assert LinearScaling.where_needed(np.hstack([indicators, random.random((200, 2))])) is not None
    lacks = random.random(200) < 0.5
    half_missing = np.column_stack([np.where(lacks, 0, random.random(200)), lacks])
    assert LinearScaling.where_needed(half_missing) is None
    assert LinearScaling.where_needed(half_missing, ((0, 1),)) is not None


@given(st.integers(0, 1000), st.floats(0, 1))
@settings(deadline=None)
def test_missing_values_are_the_mean_to_the_network(seed, density):
    random = np.random.default_rng(seed)
    X = (random.normal(size=(60, 4)) * 3 + [2000, 5, -20, 0]).astype(np.float32)
    lacks = random.random((60, 2)) > density
    X[:, 3], X[lacks[:, 0], 0] = lacks[:, 0], 0
    pairs = ((0, 3),)
    scaling, chunked = LinearScaling.standardize(X, pairs), ChunkedStandardization(pairs)
    for chunk in np.split(X, 3):
        chunked.add(chunk)
    present = X[~lacks[:, 0], 0].astype(np.float64)
    for found in (scaling, chunked.scaling()):
        scaled = found.apply(X)
        assert (scaled[lacks[:, 0], 0] == 0).all()
        np.testing.assert_array_equal(scaled[:, 3], X[:, 3])
        if len(present):
            np.testing.assert_allclose(found.shift[0], present.mean(), rtol=1e-9)
        if len(present) > 1:
            np.testing.assert_allclose(found.scale[0], present.std(), rtol=1e-5)
    net = network(4)
    expected = net.scores(OPS, scaling.apply(X))
    scaling.fold_into_input(net)
    np.testing.assert_allclose(net.scores(OPS, X), expected, atol=2e-2)


def test_columns_of_zeros_and_ones_stay_as_they_are():
    random = np.random.default_rng(0)
    X = np.column_stack([np.arange(300) == 7, np.ones(300), np.zeros(300), random.normal(5, 2, 300)]).astype(np.float32)
    chunked = ChunkedStandardization()
    for chunk in np.split(X, 3):
        chunked.add(chunk)
    for scaling in (LinearScaling.standardize(X), chunked.scaling()):
        np.testing.assert_array_equal(scaling.apply(X)[:, :3], X[:, :3])
        np.testing.assert_allclose(scaling.apply(X)[:, 3].mean(), 0, atol=1e-5)
    nearly = np.where(X == 1, 1.5, X)
    assert (LinearScaling.standardize(nearly).shift[:2] != 0).all()
