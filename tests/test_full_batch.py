"""The objective of L-BFGS: its value and gradient against an independent formulation, in chunks as in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info, threadpool_limits

from complex_network import ComplexNetwork
from hardzero import full_batch
from hardzero.activations import get_activation
from hardzero.full_batch import FullBatchObjective, minimize
from hardzero.losses import get_loss
from hardzero.network import Network


def make_objective(ops, *, weights=None, sparse=False, alpha=0.3, activation_l1=(0.0, 0.0)):
    hidden = [(8, get_activation("relu")), (5, get_activation("tanh"))]
    network = Network.initialize(ops, 4, hidden, 3, get_loss("softmax"), np.random.RandomState(0))
    random = np.random.default_rng(0)
    X = random.standard_normal((30, 4)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[random.integers(3, size=30)]
    data = csr_array(X) if sparse else X
    objective = FullBatchObjective(network, ops, data, targets, weights, alpha, list(activation_l1))
    return objective, X, targets


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chunk", [7, 1024])
def test_value_and_gradient_are_right_in_chunks_of_any_size(ops, monkeypatch, chunk, weighted, sparse):
    monkeypatch.setattr(full_batch, "PREDICTION_ROWS", chunk)
    weights = np.linspace(0, 2, 30, dtype=np.float32) if weighted else None
    objective, X, targets = make_objective(ops, weights=weights, sparse=sparse)
    value, gradient = objective(objective.pack())
    total_weight = 30.0 if weights is None else float(weights.sum())
    oracle = ComplexNetwork(objective.network)
    options = {"weights": weights, "decay": 0.3 / total_weight}
    assert value == pytest.approx(oracle.loss(X, targets, **options).real, rel=1e-6)
    expected = np.concatenate([array.ravel() for array in oracle.gradients(X, targets, **options)])
    assert np.abs(gradient - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("chunk", [7, 1024])
def test_the_penalty_on_activations_is_part_of_both(ops, monkeypatch, chunk):
    monkeypatch.setattr(full_batch, "PREDICTION_ROWS", chunk)
    objective, X, targets = make_objective(ops, alpha=0.0, activation_l1=(0.2, 0.1))
    value, gradient = objective(objective.pack())
    oracle = ComplexNetwork(objective.network)
    assert value == pytest.approx(oracle.loss(X, targets, activation_l1=[0.2, 0.1]).real, rel=1e-6)
    expected = oracle.gradients(X, targets, activation_l1=[0.2, 0.1])
    expected = np.concatenate([array.ravel() for array in expected])
    assert np.abs(gradient - expected).max() < 1e-5 * np.abs(expected).max()


def test_packing_and_unpacking_are_inverse(ops):
    objective, _, _ = make_objective(ops)
    vector = objective.pack()
    shifted = (vector + 0.5).astype(np.float32).astype(np.float64)
    objective.unpack(shifted)
    assert np.array_equal(objective.pack(), shifted)


def test_minimizing_leaves_the_minimum_in_the_network(ops):
    objective, _, _ = make_objective(ops)
    start, _ = objective(objective.pack())
    result = minimize(objective, max_iterations=40, max_function_calls=100, tol=1e-4)
    assert result.fun < start
    assert objective(objective.pack())[0] == pytest.approx(result.fun, rel=1e-5)
    assert minimize(objective, 3, 1000, 0.0).nit <= 3


def test_the_engine_shares_the_cores_with_no_threads_of_blas(ops, monkeypatch):
    threads, measure = set(), FullBatchObjective.__call__

    def look(objective, vector):
        threads.update(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return measure(objective, vector)

    monkeypatch.setattr(FullBatchObjective, "__call__", look)
    with threadpool_limits(2, user_api="blas"):
        minimize(make_objective(ops)[0], max_iterations=2, max_function_calls=10, tol=1e-4)
    assert threads == {1}
