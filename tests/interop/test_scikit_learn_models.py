"""`from_scikit_learn`: a perceptron of scikit-learn predicts the same as an estimator of hardzero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hardzero
from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.interop import from_scikit_learn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)

LABELS = {
    "two classes": np.where(X[:, 0] > 0, "yes", "no"),
    "three classes": np.digitize(X[:, 0], [-0.5, 0.5]) * 10,
    "several labels": (X[:, :3] > 0).astype(int),
}


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("labels", LABELS)
def test_a_classifier_predicts_the_same(labels, activation):
    model = MLPClassifier((9, 7), activation=activation, max_iter=20, random_state=0).fit(X, LABELS[labels])
    ours = from_scikit_learn(model)
    assert isinstance(ours, RectifierClassifier)
    np.testing.assert_array_equal(ours.classes_, model.classes_)
    np.testing.assert_array_equal(ours.predict(X), model.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("hidden", [(9,), ()])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_regressor_predicts_the_same(loss, hidden):
    y = np.abs(X[:, :2])
    model = MLPRegressor(loss=loss, hidden_layer_sizes=hidden, max_iter=20, random_state=0).fit(X, y)
    ours = from_scikit_learn(model)
    assert isinstance(ours, RectifierRegressor)
    np.testing.assert_allclose(ours.predict(X), model.predict(X), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.to_predictor()(X), model.predict(X), rtol=1e-5, atol=1e-5)


def test_parameters_and_names_of_features_come_along(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = MLPRegressor(hidden_layer_sizes=(9,), alpha=0.5, solver="sgd", max_iter=20, random_state=3)
    model.fit(frame, X[:, 0])
    ours = from_scikit_learn(model)
    assert {name: ours.get_params()[name] for name in model.get_params()} == model.get_params()
    ours.save(tmp_path / "model.safetensors")
    loaded = hardzero.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(frame), ours.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[list("edcba")])


def test_training_goes_on_from_the_weights():
    model = MLPClassifier((20,), max_iter=200, random_state=0).fit(X, LABELS["two classes"])
    ours = from_scikit_learn(model)
    before = [weights.copy() for weights in ours.coefs_]
    ours.set_params(learning_rate_init=1e-4).partial_fit(X, LABELS["two classes"])
    step = max(np.abs(after - weights).max() for after, weights in zip(ours.coefs_, before, strict=True))
    assert 0 < step < 1e-3
    ours.set_params(warm_start=True, target_sparsity=0.8, max_iter=300, learning_rate_init=3e-3, tol=0)
    assert ours.fit(X, LABELS["two classes"]).sparsity_[0] > 0.75


def test_what_it_cannot_take_is_refused():
    with pytest.raises(NotFittedError):
        from_scikit_learn(MLPClassifier())
    with pytest.raises(ValueError, match="Ridge"):
        from_scikit_learn(Ridge())
    with pytest.raises(ValueError, match="last step"):
        from_scikit_learn(make_pipeline(StandardScaler(), MLPRegressor()).fit(X, X[:, 0]))
    with pytest.raises(ValueError, match="single class"):
        from_scikit_learn(MLPClassifier(max_iter=1).fit(X, np.zeros(len(X), dtype=int)))
    model = MLPRegressor(max_iter=1).fit(X, X[:, 0])
    model.coefs_[0] = np.full((5, 100), 1e200)
    with pytest.raises(ValueError, match="layer 1 holds values"):
        from_scikit_learn(model)
