"""Early stopping by validation data of the caller's."""

import warnings

import numpy as np
import pytest

from hardzero import RectifierClassifier, RectifierRegressor

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def fit(estimator, *data, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(*data, **keywords)


def test_scores_are_those_of_the_given_data():
    classifier = RectifierClassifier((16,), max_iter=15, early_stopping=True, random_state=0)
    fit(classifier, X[:80], y[:80], validation=(X[80:], y[80:]))
    assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    assert classifier.score(X[80:], y[80:]) == pytest.approx(classifier.best_validation_score_)
    assert classifier.t_ == 80 * classifier.n_iter_


def test_regression():
    regressor = RectifierRegressor("squared_error", (16,), max_iter=15, early_stopping=True, random_state=0)
    fit(regressor, X[:80], X[:80, 0], validation=(X[80:], X[80:, 0]))
    assert regressor.score(X[80:], X[80:, 0]) == pytest.approx(regressor.best_validation_score_, abs=1e-5)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 4.0, 2: 9.0}])
def test_classes_weigh_there_as_in_training(class_weight):
    held_out = slice(80, 120)
    classifier = RectifierClassifier((8,), max_iter=1, early_stopping=True, class_weight=class_weight, random_state=0)
    fit(classifier, X[:80], y[:80], validation=(X[held_out], y[held_out]))
    counts = np.bincount(y[:80])
    by_class = 80 / 3 / counts if class_weight == "balanced" else np.array([1.0, 4.0, 9.0])
    expected = classifier.score(X[held_out], y[held_out], by_class[y[held_out]])
    assert classifier.best_validation_score_ == pytest.approx(expected)
    assert expected != pytest.approx(classifier.score(X[held_out], y[held_out]))


def test_classes_weigh_there_as_in_training_of_chunks():
    held_out, by_class = (X[80:], y[80:]), np.array([1.0, 4.0, 9.0])
    classifier = RectifierClassifier((8,), class_weight=dict(enumerate(by_class)), random_state=0)
    classifier.fit_chunks([(X[:80], y[:80])], validation=held_out)
    expected = classifier.score(*held_out, by_class[y[80:]])
    assert classifier.best_validation_score_ == pytest.approx(expected)
    assert expected != pytest.approx(classifier.score(*held_out))


@pytest.mark.parametrize(
    "learn",
    [
        lambda classifier, held_out: classifier.set_params(early_stopping=True).fit(X, y, validation=held_out),
        lambda classifier, held_out: classifier.fit_chunks([(X, y)], validation=held_out),
    ],
)
def test_validation_data_of_classes_without_weight_are_refused(learn):
    classifier = RectifierClassifier((8,), class_weight={0: 0.0, 1: 1.0, 2: 1.0}, random_state=0)
    with pytest.raises(ValueError, match="class_weight is 0 for all classes in y of validation"):
        learn(classifier, (X[y == 0], y[y == 0]))


def test_misuse():
    with pytest.raises(ValueError, match="early_stopping=True"):
        RectifierClassifier().fit(X, y, validation=(X, y))
    with pytest.raises(ValueError, match="classes not in"):
        RectifierClassifier(early_stopping=True).fit(X, y, validation=(X, y + 5))
    with pytest.raises(ValueError, match="3 features"):
        RectifierClassifier(early_stopping=True).fit(X, y, validation=(X[:, :3], y))
