"""Pre-training by the estimators, and rows without a label."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

from hardzero import RectifierClassifier, RectifierRegressor, StackedDenoisingAutoencoder
from hardzero.activations import Softplus

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def short_stack(**parameters):
    return StackedDenoisingAutoencoder(max_iter=3, **parameters)


def test_unlabeled_rows_serve_pretraining_only(digits):
    X, y = digits
    y = np.where(np.arange(len(y)) < 300, y, -1)
    classifier = RectifierClassifier((40, 20), pretraining=short_stack(), max_iter=5, random_state=0).fit(X, y)
    assert classifier.classes_.tolist() == list(range(10))
    assert classifier.t_ == 5 * 300
    assert classifier.pretraining_._trainers[0].history.n_samples_seen == 3 * len(X)


def test_fine_tuning_starts_from_the_encoders(digits):
    X, y = digits
    stack = StackedDenoisingAutoencoder((40, 20), max_iter=3, random_state=0).fit(X)
    frozen = FrozenEstimator(stack)
    classifier = RectifierClassifier(
        (40, 20), pretraining=frozen, solver="sgd", learning_rate_init=1e-12, max_iter=1, random_state=0
    ).fit(X, y)
    np.testing.assert_allclose(
        classifier.transform(X[:20]).toarray(), stack.transform(X[:20]).toarray(), rtol=1e-5, atol=1e-6
    )


def test_a_fit_without_pretraining_keeps_no_stack_of_an_earlier_one(digits):
    X, y = digits
    classifier = RectifierClassifier((10,), pretraining="denoising", max_iter=1, random_state=0).fit(X[:100], y[:100])
    assert hasattr(classifier, "pretraining_")
    assert not hasattr(classifier.set_params(pretraining=None).fit(X[:100], y[:100]), "pretraining_")


def test_the_stack_that_is_given_stays_as_it_is(digits):
    X, y = digits
    stack = short_stack()
    before = stack.get_params()
    RectifierClassifier(10, pretraining=stack, max_iter=1, random_state=0).fit(X[:100], y[:100])
    assert stack.get_params() == before
    assert not hasattr(stack, "networks_")


def test_pretraining_by_name_takes_the_parameters_of_the_network(digits):
    X, y = digits
    parameters = {"activation": "signed_relu", "activation_l1": 0.25, "n_jobs": 1}
    classifier = RectifierClassifier(10, pretraining="denoising", max_iter=1, **parameters).fit(X[:100], y[:100])
    ours = classifier.pretraining_.get_params()
    assert {name: ours[name] for name in parameters} == parameters


def test_verbose_prints_both_phases(digits, capsys):
    X, y = digits
    RectifierClassifier(10, pretraining=short_stack(), max_iter=2, verbose=True).fit(X[:100], y[:100])
    starts = [line.split(", loss")[0] for line in capsys.readouterr().out.splitlines()]
    epochs = [f"Pre-training layer 1 of 1, iteration {epoch}" for epoch in (1, 2, 3)]
    assert starts == [*epochs, "Iteration 1", "Iteration 2"]


def test_minus_one_is_a_label_without_pretraining(digits):
    X, y = digits
    classifier = RectifierClassifier(20, max_iter=2).fit(X, np.where(y < 5, -1, 1))
    assert classifier.classes_.tolist() == [-1, 1]


@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("make", [list, lambda labels: np.array(labels, dtype=object)], ids=["list", "array"])
def test_missing_string_labels_are_unlabeled(digits, missing, make):
    X, y = digits
    labels = make([f"digit {value}" if row < 100 else missing for row, value in enumerate(y)])
    classifier = RectifierClassifier(20, pretraining=short_stack(), max_iter=2, random_state=0).fit(X, labels)
    assert classifier.t_ == 2 * 100
    assert len(classifier.classes_) == 10
    assert set(classifier.predict(X[:50])) <= set(classifier.classes_)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_numbers_among_missing_labels_stay_numbers_and_are_left_alone(digits, missing):
    X, y = digits
    labels = np.array([int(value) if row < 100 else missing for row, value in enumerate(y)], dtype=object)
    before = labels.tolist()
    classifier = RectifierClassifier(20, pretraining=short_stack(), max_iter=1, random_state=0).fit(X, labels)
    assert classifier.classes_.tolist() == list(range(10))
    assert all(now is then for now, then in zip(labels, before, strict=True))


def test_labels_of_several_types_are_refused(digits):
    labels = np.array(["one", 2, None] * 20, dtype=object)
    with pytest.raises(ValueError, match="y mixes labels of types int, str"):
        RectifierClassifier(20, pretraining=short_stack(), max_iter=1).fit(digits[0][:60], labels)


def test_missing_targets_of_the_regressor_are_unlabeled(digits):
    X, y = digits
    y = np.where(np.arange(len(y)) < 200, y, np.nan)
    regressor = RectifierRegressor(hidden_layer_sizes=20, pretraining="denoising", max_iter=2).fit(X, y)
    assert regressor.t_ == 2 * 200


def test_sample_weights_belong_to_rows_of_x(digits):
    X, y = digits
    labeled = np.arange(len(y)) % 3 == 0
    weight = np.random.default_rng(0).uniform(0.1, 2.0, len(y))
    stack = FrozenEstimator(StackedDenoisingAutoencoder(20, max_iter=1, random_state=0).fit(X))
    settings = {"hidden_layer_sizes": 20, "max_iter": 2, "random_state": 0, "pretraining": stack}
    masked = RectifierClassifier(**settings).fit(X, np.where(labeled, y, -1), weight)
    subset = RectifierClassifier(**settings).fit(X[labeled], y[labeled], weight[labeled])
    np.testing.assert_array_equal(masked.coefs_[0], subset.coefs_[0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(50, -1), "all 50 rows are unlabeled"),
        (np.where(np.arange(50) < 10, 3, -1), "every labeled row is of class"),
    ],
)
def test_too_few_labels_give_a_clear_error(digits, y, message):
    with pytest.raises(ValueError, match=message):
        RectifierClassifier(10, pretraining="denoising").fit(digits[0][:50], y)


def test_all_targets_missing_gives_a_clear_error(digits):
    with pytest.raises(ValueError, match="all 50 rows are unlabeled"):
        RectifierRegressor(hidden_layer_sizes=10, pretraining="denoising").fit(digits[0][:50], np.full(50, np.nan))


def test_label_matrices_may_be_sparse(digits):
    X, y = digits
    labels = np.eye(10, dtype=int)[y]
    labels[500:] = -1
    settings = {"hidden_layer_sizes": 20, "pretraining": "denoising", "max_iter": 2, "random_state": 0}
    dense, sparse = (RectifierClassifier(**settings).fit(X, Y) for Y in (labels, csr_matrix(labels)))
    assert sparse.t_ == 2 * 500
    np.testing.assert_array_equal(sparse.predict_proba(X), dense.predict_proba(X))
    assert issparse(sparse.predict(X))
    np.testing.assert_array_equal(sparse.predict(X).toarray(), dense.predict(X))


@pytest.mark.parametrize(
    ("kind", "missing"), [(RectifierClassifier, -1), (RectifierClassifier, None), (RectifierRegressor, np.nan)]
)
def test_a_row_is_labeled_wholly_or_not_at_all(digits, kind, missing):
    X, y = digits
    Y = np.stack([y % 2, y // 5], axis=1).astype(float if missing is np.nan else object)
    Y[3], Y[7, 1] = missing, missing
    with pytest.raises(ValueError, match="row 7 of y is labeled in part: a row is labeled wholly or not at all"):
        kind(hidden_layer_sizes=10, pretraining="denoising").fit(X, Y)


def test_partial_fit_does_not_pretrain(digits):
    X, y = digits
    classifier = RectifierClassifier(10, pretraining="denoising", max_iter=1)
    with pytest.raises(ValueError, match="call fit first"):
        classifier.partial_fit(X, y, classes=np.arange(10))


@pytest.mark.parametrize(
    "parameter",
    [
        {"solver": "SGD"},
        {"learning_rate": "cosin"},
        {"code_scale": "inital"},
        {"max_iter": 0},
        {"batch_size": 0},
        {"corruption": "maskin"},
    ],
    ids=str,
)
def test_wrong_parameters_of_the_stack_are_named(digits, parameter):
    X, y = digits
    (name,) = parameter
    with pytest.raises(ValueError, match=f"The '{name}' parameter of StackedDenoisingAutoencoder must be"):
        RectifierClassifier(10, pretraining=StackedDenoisingAutoencoder(**parameter), max_iter=1).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"target_sparsity": 0.5, "activation_l1": 0.1}, "not both"),
        ({"target_sparsity": 0.5, "activation": "tanh"}, "makes exact zeros"),
        ({"activation_l1": [0.1, 0.2]}, "activation_l1 has 2 values for 1"),
        ({"target_sparsity": 0.5, "solver": "lbfgs"}, "target_sparsity needs solver"),
        ({"hidden_dropout": 0.5, "solver": "lbfgs"}, "hidden_dropout need solver"),
        ({"early_stopping": True, "validation_fraction": 0.001}, "validation set is too small"),
    ],
)
def test_what_fine_tuning_cannot_use_is_told_before_pretraining(digits, parameters, message):
    X, y = digits
    reports = []
    classifier = RectifierClassifier(10, pretraining=short_stack(), max_iter=1, random_state=0, **parameters)
    with pytest.raises(ValueError, match=message):
        classifier.fit(X[:100], y[:100], callback=reports.append)
    assert not reports


def test_a_frozen_stack_wants_the_features_that_it_was_fitted_to():
    X = pd.DataFrame(np.random.default_rng(0).random((30, 3)), columns=["a", "b", "c"])
    y = np.arange(30) % 2
    stack = StackedDenoisingAutoencoder((4,), max_iter=1, random_state=0).fit(X)
    classifier = RectifierClassifier((4,), pretraining=FrozenEstimator(stack), max_iter=1, random_state=0)
    classifier.fit(X, y)
    for other in (X[["b", "a", "c"]], X.rename(columns={"c": "d"})):
        with pytest.raises(ValueError, match="the stack in pretraining was fitted to other features"):
            classifier.fit(other, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but StackedDenoisingAutoencoder"):
        classifier.fit(X.to_numpy(), y)


def test_the_stack_of_an_estimator_has_its_feature_names():
    X = pd.DataFrame(np.random.default_rng(0).random((30, 3)), columns=["a", "b", "c"])
    classifier = RectifierClassifier((4,), pretraining=short_stack(), max_iter=1, random_state=0)
    assert classifier.fit(X, np.arange(30) % 2).pretraining_.feature_names_in_.tolist() == ["a", "b", "c"]
    assert not hasattr(classifier.fit(X.to_numpy(), np.arange(30) % 2).pretraining_, "feature_names_in_")


def test_stack_of_other_sizes_is_refused(digits):
    X, y = digits
    frozen = FrozenEstimator(StackedDenoisingAutoencoder(10, max_iter=1).fit(X))
    with pytest.raises(ValueError, match="pre-trained layers have shapes"):
        RectifierClassifier(20, pretraining=frozen).fit(X, y)


@pytest.mark.parametrize(
    ("present", "wanted", "message"),
    [
        ("tanh", "relu", "have activation tanh, but this network has relu"),
        (Softplus(2.0), "softplus", r"have activation Softplus\(beta=2.0\), but this network has Softplus\(beta=1.0\)"),
    ],
)
def test_stack_of_another_activation_is_refused(digits, present, wanted, message):
    X, y = digits
    frozen = FrozenEstimator(StackedDenoisingAutoencoder(10, present, max_iter=1).fit(X))
    with pytest.raises(ValueError, match=message):
        RectifierClassifier(10, wanted, pretraining=frozen, max_iter=1).fit(X, y)


def test_callback_hears_both_phases(digits):
    X, y = digits
    phases = []
    classifier = RectifierClassifier((20, 10), pretraining=short_stack(), max_iter=2, random_state=0)
    classifier.fit(X, y, callback=lambda report: phases.append((report.phase, report.epoch)) and None)
    layers = [(f"pre-training layer {layer} of 2", epoch) for layer in (1, 2) for epoch in (1, 2, 3)]
    assert phases == [*layers, ("training", 1), ("training", 2)]


@pytest.mark.usefixtures("several_cores")
def test_threads_do_not_change_the_bits(digits):
    X, y = digits
    fits = [
        RectifierClassifier((32, 16), pretraining=short_stack(), max_iter=2, random_state=3, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2)
    ]
    for one, two in zip(fits[0].coefs_, fits[1].coefs_, strict=True):
        np.testing.assert_array_equal(one, two)


def test_clone_keeps_the_configured_stack():
    classifier = clone(RectifierClassifier(pretraining=StackedDenoisingAutoencoder(corruption_level=0.4)))
    assert classifier.get_params()["pretraining__corruption_level"] == 0.4


def test_pretraining_helps_with_few_labels(digits):
    X, y = digits
    X = np.concatenate([X, X + np.random.default_rng(0).normal(scale=0.05, size=X.shape).astype(np.float32)])
    labels = np.full(len(X), -1)
    labels[:60] = y[:60]
    errors = {}
    for pretraining in (None, StackedDenoisingAutoencoder(max_iter=20, decoder="linear")):
        scores = []
        for seed in range(3):
            classifier = RectifierClassifier((100,), pretraining=pretraining, max_iter=60, random_state=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                rows = slice(None) if pretraining is not None else slice(60)
                classifier.fit(X[rows], labels[rows])
            scores.append(1 - classifier.score(X[500:1797], y[500:]))
        errors[pretraining is not None] = np.mean(scores)
    assert errors[True] < errors[False]


def test_the_settings_of_pretraining_are_in_the_model_file(digits, tmp_path):
    import hardzero

    X, y = digits
    stack = StackedDenoisingAutoencoder(decoder="sigmoid", corruption_level=0.4, max_iter=2)
    classifier = RectifierClassifier((20, 10), pretraining=stack, max_iter=2, random_state=0).fit(X, y)
    classifier.save(tmp_path / "model.safetensors")
    loaded = hardzero.load(tmp_path / "model.safetensors")
    assert loaded.get_params()["pretraining__decoder"] == "sigmoid"
    assert repr(loaded.pretraining) == repr(stack)
    np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))
    np.testing.assert_array_equal(clone(loaded).fit(X, y).coefs_[0], classifier.coefs_[0])
    frozen = RectifierClassifier((20, 10), pretraining=FrozenEstimator(classifier.pretraining_), max_iter=1).fit(X, y)
    with pytest.warns(UserWarning, match="keeps its settings, not its weights"):
        frozen.save(tmp_path / "frozen.safetensors")
    assert hardzero.load(tmp_path / "frozen.safetensors").pretraining.decoder == "sigmoid"


@pytest.mark.parametrize("activation", ["relu", "signed_relu", "identity"])
def test_initial_code_scale_changes_codes_by_a_factor_only(digits, activation):
    X = digits[0].astype(np.float32)
    settings = {
        "solver": "sgd",
        "learning_rate_init": 1e-12,
        "max_iter": 1,
        "random_state": 0,
        "activation": activation,
    }
    random = RectifierClassifier((40, 20), **settings).fit(*digits)
    stack = StackedDenoisingAutoencoder((40, 20), activation, decoder="linear", max_iter=3, random_state=0).fit(X)
    trained = stack.transform(X).toarray()
    stack.set_params(code_scale="initial")
    started = RectifierClassifier((40, 20), pretraining=FrozenEstimator(stack), **settings).fit(*digits)
    for layer in (0, 1):
        ours, theirs = (np.sqrt(np.mean(model.transform(X, layer).power(2))) for model in (started, random))
        np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    codes = started.transform(X).toarray()
    np.testing.assert_allclose(codes * (np.linalg.norm(trained) / np.linalg.norm(codes)), trained, rtol=1e-3, atol=1e-4)


def test_initial_code_scale_needs_codes_that_can_be_scaled(digits):
    stack = StackedDenoisingAutoencoder(code_scale="initial", max_iter=1)
    with pytest.raises(ValueError, match="relu, signed_relu or identity, not tanh"):
        RectifierClassifier(10, activation="tanh", pretraining=stack, max_iter=1).fit(*digits)
