"""Dead units: found, and given a threshold that inputs reach."""

from __future__ import annotations

import numpy as np
import pytest

from hardzero.activations import LeakyIntegrateAndFire, Rectifier
from hardzero.dead_units import FIRING_SHARE, active_counts, count_dead, revive
from hardzero.losses import get_loss
from hardzero.network import Network

X = np.random.default_rng(0).standard_normal((1000, 20)).astype(np.float32)


def network(ops, bias=0.0, activation=Rectifier()):  # noqa: B008
    made = Network.initialize(ops, 20, [(30, activation)], 3, get_loss("softmax"), np.random.RandomState(0))
    made.hidden_layers[0].parameters.bias[...] = bias
    made.hidden_layers[0].parameters.bias[:4] = -1000
    return made


def test_dead_units_fire_again_and_the_others_are_left_alone(ops):
    revived, before = network(ops), active_counts(network(ops), ops, X)[0]
    assert revive(revived, ops, X) == np.count_nonzero(before == 0) == 4
    after = active_counts(revived, ops, X)[0]
    assert np.allclose(after[:4] / len(X), FIRING_SHARE, atol=0.002)
    assert np.array_equal(after[4:], before[4:])
    assert revive(revived, ops, X) == 0


def test_dead_neurons_reach_their_own_threshold(ops):
    revived = network(ops, activation=LeakyIntegrateAndFire(resting_potential=0.5))
    before = active_counts(revived, ops, X)[0]
    assert revive(revived, ops, X) == np.count_nonzero(before == 0)
    assert np.allclose(active_counts(revived, ops, X)[0][:4] / len(X), FIRING_SHARE, atol=0.002)


def test_in_a_sparse_layer_they_fire_no_more_than_the_others(ops):
    sparse = network(ops, bias=-3.0)
    before = active_counts(sparse, ops, X)[0]
    usual = before[before > 0].mean() / len(X)
    assert usual < FIRING_SHARE
    revive(sparse, ops, X)
    assert np.allclose(active_counts(sparse, ops, X)[0][:4] / len(X), usual, atol=0.002)


def test_a_layer_that_is_dead_altogether_comes_back(ops):
    silent = network(ops, bias=-1000.0)
    assert revive(silent, ops, X) == 30
    assert active_counts(silent, ops, X)[0] / len(X) == pytest.approx(np.full(30, FIRING_SHARE), abs=0.002)


def test_units_are_dead_that_no_chunk_makes_fire(ops):
    sparse = network(ops, bias=-3.0)
    dead = np.count_nonzero(active_counts(sparse, ops, X)[0] == 0)
    few = np.count_nonzero(active_counts(sparse, ops, X[:50])[0] == 0)
    assert few > dead == 4
    assert count_dead(sparse, ops, (X[start : start + 50] for start in range(0, 1000, 50))) == [dead]


def test_one_forward_pass_counts_all_layers(ops, monkeypatch):
    sizes = [(30, Rectifier()), (20, Rectifier()), (10, Rectifier())]
    deep = Network.initialize(ops, 20, sizes, 3, get_loss("softmax"), np.random.RandomState(0))
    expected = [np.count_nonzero(deep.hidden(ops, X, depth).toarray(), axis=0) for depth in range(3)]
    calls, forward = [], Network.forward
    monkeypatch.setattr(
        Network, "forward", lambda *arguments, **options: calls.append(1) or forward(*arguments, **options)
    )
    counts = active_counts(deep, ops, X)
    assert len(calls) == 1
    for ours, wanted in zip(counts, expected, strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_no_more_chunks_are_read_than_needed(ops):
    alive = network(ops, bias=3.0)
    alive.hidden_layers[0].parameters.bias[:4] = 3
    chunks = iter([X, X])
    assert count_dead(alive, ops, chunks) == [0]
    assert next(chunks) is X
