"""Expected values of numeric classes."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from hardzero import RectifierClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)).astype(np.float32)


def fitted(y):
    return RectifierClassifier((8,), solver="lbfgs", max_iter=20, random_state=0).fit(X, y)


@pytest.mark.parametrize("labels", [[1, 2, 5], [-4.0, 1.0, 4.0], [0, 1]])
def test_expectation_weighs_classes_by_their_probabilities(labels):
    classifier = fitted(np.array(labels)[np.arange(60) % len(labels)])
    by_hand = [sum(p * label for p, label in zip(row, labels, strict=True)) for row in classifier.predict_proba(X)]
    expected = classifier.predict_expectation(X)
    assert expected.dtype == np.float64
    np.testing.assert_allclose(expected, by_hand, rtol=1e-5, atol=1e-6)
    assert expected.min() >= min(labels)
    assert expected.max() <= max(labels)


def test_expectation_stays_within_classes_far_from_zero():
    expected = fitted(2_000_000_000 + np.arange(60) % 3).predict_expectation(X)
    assert expected.min() >= 2_000_000_000
    assert expected.max() <= 2_000_000_002


def test_expectation_beats_the_most_probable_class_on_noisy_ratings():
    samples = RANDOM.normal(size=(600, 4)).astype(np.float32)
    stars = np.clip(np.round(3 + samples[:, 0] + RANDOM.normal(size=600)), 1, 5)
    classifier = RectifierClassifier((8,), max_iter=30, alpha=1.0, random_state=0)
    with pytest.warns(ConvergenceWarning):
        classifier.fit(samples[:400], stars[:400])
    errors = [
        np.mean((predict(samples[400:]) - stars[400:]) ** 2)
        for predict in (classifier.predict_expectation, classifier.predict)
    ]
    assert errors[0] < errors[1]


def test_names_have_no_expectation():
    with pytest.raises(ValueError, match="classes that are numbers"):
        fitted(np.array(["bad", "good"])[np.arange(60) % 2]).predict_expectation(X)


def test_independent_labels_have_no_expectation():
    with pytest.raises(ValueError, match="one numeric class"):
        fitted(np.eye(3, dtype=int)[np.arange(60) % 3]).predict_expectation(X)
