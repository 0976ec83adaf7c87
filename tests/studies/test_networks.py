"""Choosing a learning rate: which are tried, and which network is returned."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from sklearn.datasets import make_regression

from hardzero import RectifierRegressor
from hardzero.checkpoint import CheckpointUnusable
from hardzero.studies.core.networks import fit, fit_best_rate, regression_metrics
from hardzero.studies.core.study import Context
from hardzero.training import TrainingDiverged


class Learner:
    """Scores as a table says, by learning rate; diverges where that says None."""

    scores: ClassVar[dict[float, float | None]]
    tried: ClassVar[list[float]]

    @classmethod
    def _get_param_names(cls):
        return ["learning_rate_init"]

    def __init__(self, learning_rate_init, random_state, n_jobs):
        self.learning_rate_init = learning_rate_init

    def fit(self, X, y, checkpoint=None):
        self.tried.append(self.learning_rate_init)
        self.best_validation_score_ = self.scores[self.learning_rate_init]
        if self.best_validation_score_ is None:
            raise TrainingDiverged("training diverged")


def chosen_and_tried(scores):
    kind = type("LearnerOfScores", (Learner,), {"scores": scores, "tried": []})
    best = fit_best_rate(kind, {"learning_rates": list(scores)}, Context(None, seed=0), None, None)
    return best.learning_rate_init, kind.tried


@pytest.mark.parametrize(
    ("scores", "chosen", "tried"),
    [
        ({0.1: 0.9, 0.01: 0.8, 0.001: 0.95}, 0.1, [0.1, 0.01]),
        ({0.1: 0.8, 0.01: 0.9, 0.001: 0.7, 0.0001: 0.6}, 0.01, [0.1, 0.01, 0.001]),
        ({0.1: None, 0.01: 0.9, 0.001: 0.9, 0.0001: 0.91}, 0.0001, [0.1, 0.01, 0.001, 0.0001]),
        ({0.1: 0.5}, 0.1, [0.1]),
    ],
    ids=["falls at once", "rises, then falls", "diverges, then rises", "one rate"],
)
def test_rates_are_tried_until_one_does_worse_than_the_one_before(scores, chosen, tried):
    assert chosen_and_tried(scores) == (chosen, tried)


def test_a_column_of_targets_has_the_error_of_the_same_targets_in_one_axis():
    X, y = make_regression(60, 5, random_state=0)
    regressor = RectifierRegressor(hidden_layer_sizes=8, solver="lbfgs", max_iter=5, random_state=0).fit(X, y)
    column = regression_metrics(regressor, X, y[:, np.newaxis])
    assert column["rmse"] == regression_metrics(regressor, X, y)["rmse"]


def test_divergence_at_every_rate_is_an_error():
    with pytest.raises(ValueError, match="training failed at every learning rate: training diverged"):
        chosen_and_tried({0.1: None, 0.01: None})


def test_an_error_that_is_no_divergence_does_not_pass_for_a_bad_rate():
    class Broken(Learner):
        scores: ClassVar = {0.1: 0.9, 0.01: 0.8}
        tried: ClassVar = []

        def fit(self, X, y, checkpoint=None):
            if self.learning_rate_init == 0.1:
                raise ValueError("there is no folder")
            super().fit(X, y)

    with pytest.raises(ValueError, match=r"^there is no folder"):
        fit_best_rate(Broken, {"learning_rates": [0.1, 0.01]}, Context(None, seed=0), None, None)


def test_a_checkpoint_of_another_version_is_replaced(tmp_path, monkeypatch):
    X, y = make_regression(60, 5, random_state=0)

    def fitted(path):
        regressor = RectifierRegressor(hidden_layer_sizes=8, max_iter=3, random_state=0)
        fit(regressor, X, y, path)
        return regressor.coefs_[0]

    path = tmp_path / "run" / "rate"
    with monkeypatch.context() as patch:
        patch.setattr("hardzero.checkpoint.FORMAT", "hardzero checkpoint 1")
        fitted(path)
    before = path.read_bytes()
    np.testing.assert_array_equal(fitted(path), fitted(None))
    assert path.read_bytes() != before


def test_runs_that_share_an_unusable_checkpoint_may_delete_it_at_once(tmp_path):
    class Deleted:
        """Finds the checkpoint unusable, and another run deletes it meanwhile."""

        def fit(self, X, y, checkpoint):
            if checkpoint.path.exists():
                checkpoint.path.unlink()
                raise CheckpointUnusable("of another version")
            self.fitted_ = True

    (tmp_path / "shared").write_bytes(b"leftover")
    estimator = Deleted()
    fit(estimator, None, None, tmp_path / "shared")
    assert estimator.fitted_
