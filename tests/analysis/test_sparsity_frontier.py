import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.datasets import make_regression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hardzero import DenoisingAutoencoder, RectifierClassifier, RectifierRegressor, TextModel
from hardzero.analysis import sparsity_frontier
from hardzero.analysis.sparsity_frontier import FrontierPoint, SparsityFrontier
from hardzero.cli.sweep import _table
from hardzero.training import Trainer


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_zeros_follow_the_targets_and_the_estimator_stays_as_it_was(digits):
    X, y = digits
    estimator = RectifierClassifier((64,), max_iter=30, n_iter_no_change=100, learning_rate_init=0.005)
    seen = []
    frontier = sparsity_frontier(
        estimator,
        X[:1200],
        y[:1200],
        X[1200:],
        y[1200:],
        target_sparsity=[0, 0.8],
        n_seeds=2,
        on_point=seen.append,
    )
    assert seen == frontier.points
    frame = frontier.to_frame().set_index("target")
    assert frame.loc[0.8, "zeros"] == pytest.approx(0.8, abs=0.05)
    assert frame.loc[0.0, "zeros"] < 0.7
    assert (frame["error"] < 15).all()
    assert frame["networks"].tolist() == [2, 2]
    assert not hasattr(estimator, "network_")
    assert estimator.target_sparsity is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_points_are_those_of_networks_fitted_alone_with_the_target_as_the_only_penalty(digits):
    X, y = digits
    train, test = (X[:300], y[:300]), (X[300:600], y[300:600])
    settings = {"hidden_layer_sizes": (16,), "max_iter": 2}
    estimator = RectifierClassifier(**settings, activation_l1=0.5)
    points = sparsity_frontier(estimator, *train, *test, target_sparsity=[0, 0.5], n_seeds=2).points
    assert [(point.target, point.seed) for point in points] == [(0, 0), (0, 1), (0.5, 0), (0.5, 1)]
    for point in points:
        alone = RectifierClassifier(**settings, target_sparsity=point.target or None, random_state=point.seed)
        alone.fit(*train)
        assert point.error == pytest.approx(100 * np.mean(alone.predict(test[0]) != test[1]))
        assert point.zeros == alone.measure_sparsity(test[0]).tolist()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_regression_is_judged_by_rmse():
    X, y = make_regression(100, 5, random_state=0)
    estimator = RectifierRegressor(hidden_layer_sizes=(16,), max_iter=3)
    frontier = sparsity_frontier(estimator, X[:70], y[:70], X[70:], y[70:], target_sparsity=[0], n_seeds=1)
    fitted = RectifierRegressor(hidden_layer_sizes=(16,), max_iter=3, random_state=0).fit(X[:70], y[:70])
    expected = np.sqrt(np.mean((fitted.predict(X[70:]) - y[70:]) ** 2))
    assert frontier.error_name == "test RMSE"
    assert frontier.points[0].error == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("column", [lambda y: y[:, np.newaxis], lambda y: pd.DataFrame({"target": y})])
def test_a_column_of_targets_has_the_error_of_the_same_targets_in_one_axis(column):
    X, y = make_regression(60, 5, random_state=0)
    estimator = RectifierRegressor(hidden_layer_sizes=(8,), max_iter=2)
    errors = [
        sparsity_frontier(estimator, X, y, X, targets, target_sparsity=[0], n_seeds=1).points[0].error
        for targets in (y, column(y))
    ]
    assert errors[0] == errors[1]


def test_control_c_ends_it_and_a_half_trained_network_is_no_point(digits, monkeypatch):
    X, y = digits
    step, seen = Trainer._step, []

    def interrupted(self, *arguments):
        if seen:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    estimator = RectifierClassifier((16,), max_iter=2, learning_rate="cosine")
    with pytest.raises(KeyboardInterrupt):
        sparsity_frontier(estimator, X, y, X, y, target_sparsity=[0], n_seeds=3, on_point=seen.append)
    assert [point.seed for point in seen] == [0]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_known_networks_are_not_trained_again(digits):
    X, y = digits[0][:100], digits[1][:100]
    known = [FrontierPoint(0.5, 1, [0.4], 1.5, 10.0, 2.0, 1.0), FrontierPoint(0.7, 0, [0.4], 1.5, 10.0, 2.0, 1.0)]
    seen = []
    estimator = RectifierClassifier((8,), max_iter=1)
    frontier = sparsity_frontier(
        estimator, X, y, X, y, target_sparsity=[0.5], n_seeds=3, on_point=seen.append, known=known
    )
    assert frontier.points == [seen[0], known[0], seen[1]]
    assert [point.seed for point in seen] == [0, 2]


def test_table_of_known_points_and_a_round_trip(tmp_path):
    points = [FrontierPoint(0.5, seed, [0.4, 0.6], error, 10.0, 2.0, 1.0) for seed, error in enumerate([1.0, 3.0])]
    frontier = SparsityFrontier(points, "test error (%)")
    row = frontier.to_frame().iloc[0]
    assert (row["zeros"], row["error"]) == (0.5, 2.0)
    assert row["error_deviation"] == pytest.approx(np.sqrt(2))
    frontier.save(tmp_path / "sweep.json")
    assert SparsityFrontier.load(tmp_path / "sweep.json") == frontier
    figure = frontier.plot().figure
    assert [ax.get_ylabel() for ax in figure.axes] == ["test error (%)", "one prediction (µs)"]


def test_nearly_equal_times_are_drawn_within_the_picture():
    points = [FrontierPoint(zeros, 0, [zeros], 1.5, time, 2.0, 1.0) for zeros, time in ((0.0, 10.0), (0.5, 10.01))]
    low, high = SparsityFrontier(points, "test error (%)").plot_time().get_ylim()
    assert low == 0
    assert high > 10.5


def test_the_spread_of_one_seed_is_not_known():
    frontier = SparsityFrontier([FrontierPoint(0.5, 0, [0.4, 0.6], 1.5, 10.0, 2.0, 1.0)], "test error (%)")
    assert np.isnan(frontier.to_frame()["error_deviation"][0])
    assert "mean" in frontier.plot().get_legend_handles_labels()[1]
    console = Console(file=io.StringIO(), width=200)
    console.print(_table(frontier))
    assert " 1.5 " in console.file.getvalue()
    assert "±" not in console.file.getvalue()


@pytest.mark.parametrize("content", ["", "[]", '{"format": "other"}', '{"format": "hardzero sparsity frontier 1"}'])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(ValueError, match="holds no sweep"):
        SparsityFrontier.load(tmp_path / "sweep.json")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_target_may_be_a_number(digits):
    X, y = digits
    estimator = RectifierClassifier((8,), max_iter=1)
    frontier = sparsity_frontier(estimator, X[:100], y[:100], X[:100], y[:100], target_sparsity=0.5, n_seeds=1)
    assert [point.target for point in frontier.points] == [0.5]


def test_what_has_no_test_error_is_refused_before_it_is_trained(digits):
    X, y = digits
    with pytest.raises(ValueError, match="give a RectifierClassifier or RectifierRegressor"):
        sparsity_frontier(DenoisingAutoencoder(8), X, y, X, y)


def test_what_only_holds_a_network_is_refused_before_it_is_trained(digits):
    X, y = digits
    for holder in (TextModel(RectifierClassifier((8,))), make_pipeline(StandardScaler(), RectifierClassifier((8,)))):
        with pytest.raises(ValueError, match=f"target_sparsity, which a {type(holder).__name__} does not take"):
            sparsity_frontier(holder, X, y, X, y)


def test_bad_arguments(digits):
    X, y = digits
    for change, message in [
        ({"target_sparsity": []}, "fractions"),
        ({"target_sparsity": [1.0]}, "fractions"),
        ({"target_sparsity": 1.0}, "fractions"),
        ({"n_seeds": 0}, "n_seeds"),
    ]:
        with pytest.raises(ValueError, match=message):
            sparsity_frontier(RectifierClassifier(), X, y, X, y, **change)
