"""A text model to test."""

from __future__ import annotations

import pytest
from make_texts import make_texts

from hardzero import RectifierClassifier
from hardzero.text import TextModel


@pytest.fixture
def texts_and_labels():
    return make_texts(200)


@pytest.fixture
def model(texts_and_labels):
    """A fitted model."""
    estimator = RectifierClassifier((16,), solver="lbfgs", max_iter=50, random_state=0, n_jobs=1)
    return TextModel(estimator).fit(*texts_and_labels)
