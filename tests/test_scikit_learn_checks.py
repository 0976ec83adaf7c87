"""scikit-learn's own checks of its conventions."""

from __future__ import annotations

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from hardzero import RectifierClassifier, RectifierRegressor


@parametrize_with_checks([RectifierClassifier(max_iter=100, n_jobs=1), RectifierRegressor(max_iter=100, n_jobs=1)])
def test_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("container", ["dense", "sparse"])
@pytest.mark.parametrize("settings", [{"solver": "sgd"}, {"activation_l1": 0.01}, {"activation": "tanh", "alpha": 0.1}])
@pytest.mark.parametrize("kind", [RectifierClassifier, RectifierRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_are_equivalent_to_repetition(kind, settings, container):
    check = getattr(estimator_checks, f"check_sample_weight_equivalence_on_{container}_data")
    check(kind.__name__, kind(max_iter=100, **settings))
