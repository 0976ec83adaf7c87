"""scikit-learn's own checks of its conventions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import estimator_checks
from sklearn.utils._testing import assert_allclose_dense_sparse
from sklearn.utils.estimator_checks import parametrize_with_checks

from hardzero import RectifierClassifier, RectifierRegressor

WEIGHT_CHECKS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
FLOAT32_TOLERANCE = 1e-4
"""What scikit-learn itself allows float32 results in ``sklearn.utils._testing.assert_allclose``."""


def beyond_float32(estimator):
    """Return the two checks that compare two fits to 1e-7, whatever the precision of the arithmetic.

    They are run below at the tolerance of float32 arithmetic.
    """
    return dict.fromkeys(WEIGHT_CHECKS, "compares two fits to 1e-7, beyond float32; run at 1e-4 in a test of its own")


@parametrize_with_checks(
    [RectifierClassifier(max_iter=100, n_jobs=1), RectifierRegressor(max_iter=100, n_jobs=1)],
    expected_failed_checks=beyond_float32,
)
def test_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", WEIGHT_CHECKS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", [RectifierClassifier, RectifierRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_are_equivalent_to_repetition_at_the_precision_of_float32(kind, solver, check, monkeypatch):
    compare = partial(assert_allclose_dense_sparse, rtol=FLOAT32_TOLERANCE, atol=1e-5)
    monkeypatch.setattr(estimator_checks, "assert_allclose_dense_sparse", compare)
    getattr(estimator_checks, check)(kind.__name__, kind(solver=solver, max_iter=100))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_networks_miss_that_tolerance_in_float32_as_well(kind):
    random = np.random.RandomState(42)
    X = random.rand(15, 30).astype(np.float32)
    y = random.randint(0, 3, size=15)
    weights = random.randint(0, 5, size=15)
    weighted = kind(max_iter=100, random_state=0).fit(X, y, weights)
    repeated = kind(max_iter=100, random_state=0).fit(X.repeat(weights, axis=0), y.repeat(weights))
    method = "predict_proba" if kind is MLPClassifier else "predict"
    first, second = getattr(weighted, method)(X), getattr(repeated, method)(X)
    assert first.dtype == np.float32
    assert not np.allclose(first, second, rtol=1e-7, atol=1e-9)
    assert np.allclose(first, second, rtol=FLOAT32_TOLERANCE, atol=1e-5)
