import numpy as np
import pandas as pd
import pytest

from hardzero import RectifierRegressor
from hardzero.analysis import linear_separability
from hardzero.analysis.linear_separability import _draw

from .conftest import network_of

GENERATOR = np.random.default_rng(0)


def exclusive_or(n):
    X = GENERATOR.uniform(-1, 1, (n, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


# Units x+y, -x-y, x-y and y-x make the sign of xy = ((x+y)² - (x-y)²)/4 linear in |x+y| - |x-y|.
SEPARATOR = network_of([[1, -1, 1, -1], [1, -1, -1, 1]])


@pytest.mark.parametrize("probe", ["ridge", "logistic"])
def test_a_layer_that_separates_exactly_is_told_from_an_input_that_does_not(probe):
    result = linear_separability(
        SEPARATOR, *exclusive_or(300), *exclusive_or(500), label_budgets=[200], n_resamples=3, probe=probe
    )
    frame = result.to_frame().set_index("layer")
    assert frame.loc["layer 1", "score"] > 0.95
    assert frame.loc["input", "score"] < 0.65
    assert frame.loc["layer 1", "low"] <= frame.loc["layer 1", "score"] <= frame.loc["layer 1", "high"]


def test_real_targets_are_scored_by_r2():
    X = GENERATOR.uniform(-1, 1, (400, 2))
    y = np.abs(X[:, 0] + X[:, 1])
    result = linear_separability(SEPARATOR, X[:200], y[:200], X[200:], y[200:], label_budgets=[100], n_resamples=2)
    assert result.score_name == "R²"
    assert result.scores[1].min() > 0.99
    assert result.scores[0].max() < 0.2


def test_whole_numbers_are_real_targets_of_a_regressor_and_classes_of_other_models():
    X = GENERATOR.uniform(-1, 1, (60, 2))
    ratings = np.round(2 * X[:, 0] + 3)
    regressor = RectifierRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=5, random_state=0).fit(X, ratings)
    names = {}
    for model in (regressor, SEPARATOR):
        result = linear_separability(model, X, ratings, X, ratings, label_budgets=[30], n_resamples=2)
        names[type(model).__name__] = result.score_name
    assert names == {"RectifierRegressor": "R²", "Network": "accuracy"}


def test_more_classes_than_the_pool_has_rows_for_are_told_so():
    X, y = GENERATOR.uniform(-1, 1, (30, 2)), np.arange(30)
    message = r"X needs at least 60 rows \(2 a class\), got 30: divide y by its standard deviation if"
    with pytest.raises(ValueError, match=message):
        linear_separability(SEPARATOR, X, y, X, y)
    with pytest.raises(ValueError, match=r"X needs at least 3 rows \(for real targets\), got 2$"):
        linear_separability(SEPARATOR, X[:2], y[:2] + 0.5, X, y)


def test_scale_of_the_input_does_not_matter(digits):
    X, y = digits
    scores = []
    for scale in (1.0, 1000.0):
        network = network_of(np.eye(64) / scale)
        result = linear_separability(
            network, X[:500] * scale, y[:500], X[500:900] * scale, y[500:900], label_budgets=[100], n_resamples=2
        )
        scores.append(result.scores)
    np.testing.assert_allclose(*scores, atol=0.01)


def test_interval_is_students_t():
    result = linear_separability(
        SEPARATOR, *exclusive_or(300), *exclusive_or(300), label_budgets=[20, 100], n_resamples=5, confidence=0.9
    )
    low, high = result.interval()
    scores = result.scores[1, 0]
    half = 2.1318 * scores.std(ddof=1) / np.sqrt(5)
    assert high[1, 0] - low[1, 0] == pytest.approx(2 * half, rel=1e-3)
    assert result.plot().get_xlabel().startswith("labels")


def test_draws_are_balanced_and_random():
    y = np.repeat([0, 1, 2], [100, 50, 3])
    drawn = _draw(y, 23, True, np.random.default_rng(0))
    assert np.bincount(y[drawn]).tolist() == [10, 10, 3]
    assert len(set(drawn)) == 23
    assert set(drawn) != set(_draw(y, 23, True, np.random.default_rng(1)))


def test_probes_are_scored_on_the_first_of_many_test_rows():
    pool, (X, y) = exclusive_or(40), exclusive_or(60)
    settings = {"label_budgets": [20], "n_resamples": 2}
    limited = linear_separability(SEPARATOR, *pool, X, y, max_test_samples=25, **settings)
    first = linear_separability(SEPARATOR, *pool, X[:25], y[:25], **settings)
    np.testing.assert_array_equal(limited.scores, first.scores)


def test_one_budget_may_be_a_number():
    result = linear_separability(SEPARATOR, *exclusive_or(40), *exclusive_or(10), label_budgets=20, n_resamples=2)
    assert result.label_budgets == [20]


@pytest.mark.parametrize(("probe", "least"), [("ridge", 4), ("logistic", 6)])
def test_the_least_budget_is_enough(probe, least):
    result = linear_separability(
        SEPARATOR, *exclusive_or(40), *exclusive_or(40), label_budgets=least, n_resamples=20, probe=probe
    )
    assert np.isfinite(result.scores).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label_budgets": [2]}, r"label_budgets must lie from 4 \(2 a class\) to 300"),
        ({"label_budgets": [5], "probe": "logistic"}, r"label_budgets must lie from 6 \(3 a class\) to 300"),
        ({"label_budgets": [301]}, "label_budgets"),
        ({"label_budgets": 301}, "label_budgets"),
        ({"max_test_samples": 0}, "max_test_samples must be at least 1"),
        ({"n_resamples": 1}, "n_resamples"),
        ({"confidence": 1.0}, "confidence"),
        ({"probe": "forest"}, "unknown probe"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        linear_separability(SEPARATOR, *exclusive_or(300), *exclusive_or(10), **change)


def test_bad_targets():
    X, y = exclusive_or(30)
    with pytest.raises(ValueError, match="one class"):
        linear_separability(SEPARATOR, X, np.zeros(30), X, y)
    with pytest.raises(ValueError, match="y_test needs one target"):
        linear_separability(SEPARATOR, X, y, X, y[:3])
    with pytest.raises(ValueError, match="y contains infinity"):
        linear_separability(SEPARATOR, X, np.full(30, np.inf), X, y)


@pytest.mark.parametrize(
    "labels",
    [["a", float("nan"), "b"] * 10, ["a", None, "b"] * 10, pd.Series(["a", None, "b"] * 10), [1.0, np.nan, 0.0] * 10],
)
def test_missing_targets_are_no_class(labels):
    X, y = exclusive_or(30)
    for targets, name in (((labels, X, y), "y"), ((y, X, labels), "y_test")):
        with pytest.raises(ValueError, match=f"Input {name} contains missing values, the first in row 1"):
            linear_separability(SEPARATOR, X, *targets)
