"""Warnings name the line of the user's program."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from hardzero import RectifierClassifier, RectifierRegressor

X = np.random.default_rng(0).random((60, 4)).astype(np.float32)
Y = (X[:, 0] > 0.5).astype(int)


def press_control_c(report):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: RectifierClassifier((8,), max_iter=2).fit(X, Y), "Maximum iterations"),
        (lambda: RectifierClassifier((8,), max_iter=2, batch_size=1000).fit(X, Y), "Got `batch_size`"),
        (lambda: RectifierClassifier((8,), target_sparsity=0.99, max_iter=1).fit(X, Y), "was not reached"),
        (lambda: RectifierClassifier((8,), solver="lbfgs", max_iter=1).fit(X, Y), "lbfgs failed to converge"),
        (lambda: RectifierRegressor(hidden_layer_sizes=8).fit(X, X[:, 0], callback=press_control_c), "interrupted"),
        (lambda: RectifierClassifier((8,)).fit_chunks([(X, Y)], n_samples=7, classes=[0, 1]), "not n_samples=7"),
        (lambda: RectifierClassifier((8,)).fit_chunks([(X[:30], Y[:30] * 0), (X[30:], Y[30:] * 0 + 1)]), "Shuffle"),
        (lambda: GridSearchCV(RectifierClassifier((8,), max_iter=2), {}, cv=2).fit(X, Y), "Maximum iterations"),
    ],
)
def test_a_warning_names_the_line_that_called_fit(fit, message):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    places = {(warning.filename, warning.lineno) for warning in caught if message in str(warning.message)}
    assert places == {(__file__, fit.__code__.co_firstlineno)}
