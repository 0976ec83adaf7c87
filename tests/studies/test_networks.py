"""Choosing a learning rate: which are tried, and which network is returned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_regression

from hardzero import RectifierClassifier, RectifierRegressor, datasets
from hardzero.activations import Softplus
from hardzero.checkpoint import CheckpointUnusable
from hardzero.studies.core.networks import (
    classification_metrics,
    fit,
    fit_best_rate,
    pretrained_stack,
    regression_metrics,
    train_classifier,
    validation_score,
)
from hardzero.studies.core.study import Context
from hardzero.training import Trainer, TrainingDiverged

SMALL = {"hidden_layer_sizes": (8, 3), "max_iter": 2}


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


def test_rates_are_chosen_by_validation_data():
    data = datasets.load("digits")
    estimator = SimpleNamespace(best_validation_score_=None, score=lambda X, y: float(X is data.validation.X))
    assert validation_score(estimator, Context(data, seed=0)) == 1.0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_is_trained_on_the_first_rows_with_the_seed_of_its_run():
    data = datasets.load("digits")
    trained = train_classifier({**SMALL, "train_samples": 100}, Context(data, seed=3))
    alone = RectifierClassifier(**SMALL, random_state=3).fit(data.train.X[:100], data.train.y[:100])
    np.testing.assert_array_equal(trained.coefs_[0], alone.coefs_[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_holds_out_rows_of_the_training_and_validation_data_together():
    data, settings = datasets.load("digits"), {**SMALL, "early_stopping": True}
    trained = train_classifier(settings, Context(data, seed=0))
    X, y = (np.concatenate([getattr(part, name) for part in (data.train, data.validation)]) for name in "Xy")
    alone = RectifierClassifier(**settings, random_state=0).fit(X, y)
    np.testing.assert_array_equal(trained.coefs_[0], alone.coefs_[0])


def test_zeros_are_those_of_all_hidden_units():
    data = datasets.load("digits")
    classifier = train_classifier(SMALL, Context(data, seed=0))
    units = np.hstack([classifier.transform(data.test.X, layer).toarray() for layer in (0, 1)])
    metrics = classification_metrics(classifier, Context(data, seed=0))
    assert metrics["zeros"] == pytest.approx(100 * np.mean(units == 0))
    assert metrics["test_error"] == pytest.approx(100 * (1 - classifier.score(data.test.X, data.test.y)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_without_hidden_layers_has_no_zeros_to_tell_of():
    context = Context(datasets.load("digits"), seed=0)
    metrics = classification_metrics(train_classifier({**SMALL, "hidden_layer_sizes": []}, context), context)
    assert (metrics["zeros"], metrics["zeros_by_layer"]) == (None, [])
    assert metrics["test_error"] < 90


def test_lbfgs_keeps_no_checkpoint(tmp_path):
    context = Context(datasets.load("digits"), seed=0, checkpoints=tmp_path)
    assert train_classifier({**SMALL, "solver": "lbfgs", "learning_rates": [0.1, 0.01]}, context).n_iter_ == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("settings", "message"), [
    ({"n_jobs": 1}, "n_jobs cannot be a setting"),
    ({"random_state": 3}, "random_state cannot be a setting"),
    ({"beta": 2.0, "activation": "relu"}, "beta is the hardness of softplus, and the activation is 'relu'"),
])  # fmt: skip
def test_settings_that_contradict_the_run_or_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        train_classifier({**SMALL, **settings}, Context(datasets.load("digits"), seed=0))


@pytest.mark.parametrize(("settings", "activation"), [
    ({"beta": 2.0}, Softplus(2.0)),
    ({"beta": 2.0, "activation": "softplus"}, Softplus(2.0)),
    ({"beta": None, "activation": "relu"}, "relu"),
])  # fmt: skip
def test_beta_is_the_hardness_of_softplus(settings, activation):
    trained = train_classifier({**SMALL, **settings, "train_samples": 50}, Context(datasets.load("digits"), seed=0))
    assert trained.activation == activation


def test_autoencoders_are_trained_with_the_penalty_of_the_network():
    settings = {"hidden_layer_sizes": [8], "activation": "relu", "activation_l1": 0.25, "pretraining_epochs": 1}
    X = datasets.load("digits").train.X[:50]
    assert pretrained_stack(settings, Context(None, seed=0), X).estimator.activation_l1 == 0.25


def test_a_killed_run_does_not_repeat_the_rates_that_it_has_tried(tmp_path, monkeypatch):
    data, settings = datasets.load("digits"), {**SMALL, "train_samples": 100, "learning_rates": [0.001, 0.01]}
    epochs, epoch = [], Trainer._epoch
    monkeypatch.setattr(Trainer, "_epoch", lambda *arguments: epochs.append(1) or epoch(*arguments))
    for _ in range(2):
        train_classifier(settings, Context(data, seed=0, checkpoints=tmp_path))
        assert len(epochs) == 4


@pytest.mark.parametrize("sparse", [False, True])
def test_a_killed_run_does_not_repeat_any_of_the_networks_that_it_has_trained(tmp_path, monkeypatch, sparse):
    data, context = datasets.load("digits"), Context(None, seed=0, checkpoints=tmp_path)
    networks = [(rows, rate) for rows in (slice(0, 100), slice(100, 200)) for rate in (0.0, 0.5)]
    epochs, epoch = [], Trainer._epoch
    monkeypatch.setattr(Trainer, "_epoch", lambda *arguments: epochs.append(1) or epoch(*arguments))
    for _ in range(2):
        for rows, rate in networks:
            X = csr_array(data.train.X[rows]) if sparse else data.train.X[rows]
            labels = data.train.y[rows].astype(str).astype(object)
            fit_best_rate(RectifierClassifier, {**SMALL, "hidden_dropout": rate}, context, X, labels)
        assert len(epochs) == SMALL["max_iter"] * len(networks)


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
