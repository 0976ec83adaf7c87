"""A fit that fails takes nothing away, and leaves nothing half done."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from hardzero import (
    DenoisingAutoencoder,
    RectifierClassifier,
    RectifierRegressor,
    StackedDenoisingAutoencoder,
    TextModel,
    load,
)
from hardzero.training import TrainingDiverged

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:target_sparsity was not reached"
)

RANDOM = np.random.default_rng(0)
X = RANDOM.random((90, 12)).astype(np.float32)
Y = np.arange(90) % 3
TEXTS, LABELS = ["good film", "bad film", "very good", "very bad"] * 5, [1, 0, 1, 0] * 5


def classifier(**parameters):
    return RectifierClassifier(**{"hidden_layer_sizes": (16, 8), "max_iter": 3, "random_state": 0, **parameters})


FAILURES = {
    "one class": lambda model: model.fit(X, Y * 0),
    "NaN": lambda model: model.fit(np.full_like(X, np.nan), Y),
    "negative weights, fewer columns": lambda model: model.fit(X[:, :5], Y, sample_weight=-np.ones(90)),
    "a target for a layer that is not there": lambda model: model.set_params(target_sparsity=[0.5, 0.5, 0.5]).fit(X, Y),
    "chunks with NaN": lambda model: model.fit_chunks([(np.full_like(X, np.nan), Y)], classes=[0, 1, 2], n_samples=90),
    "divergence": lambda model: model.set_params(solver="sgd", learning_rate_init=1e30).fit(X, Y),
    "validation": lambda model: model.set_params(early_stopping=True).fit(X[:, :4], Y, validation=X),
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_the_earlier_fit_stays(fail, tmp_path):
    model = classifier().fit(X, Y)
    expected, curve = model.predict_proba(X), list(model.loss_curve_)
    with pytest.raises(ValueError):
        fail(model)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert (model.loss_curve_, model.n_iter_) == (curve, 3)
    model.set_params(**classifier().get_params()).save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model.safetensors").predict_proba(X), expected)


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_a_first_fit_that_fails_leaves_the_model_unfitted(fail):
    model = classifier()
    with pytest.raises(ValueError):
        fail(model)
    with pytest.raises(NotFittedError):
        model.predict(X)


def autoencoder():
    return StackedDenoisingAutoencoder((8, 6), decoder="softplus", max_iter=2, random_state=0)


FAILURES_OF_AUTOENCODERS = {
    "NaN": lambda model: model.fit(np.full_like(X, np.nan)),
    "negative values, fewer columns": lambda model: model.fit(-X[:, :5]),
    "divergence": lambda model: model.set_params(solver="sgd", learning_rate_init=1e30).fit(X),
}


@pytest.mark.parametrize("fail", FAILURES_OF_AUTOENCODERS.values(), ids=FAILURES_OF_AUTOENCODERS)
def test_the_earlier_fit_of_an_autoencoder_stays(fail, tmp_path):
    model = autoencoder().fit(X)
    expected, curves = model.reconstruct(X), [list(curve) for curve in model.loss_curves_]
    with pytest.raises(ValueError):
        fail(model)
    np.testing.assert_array_equal(model.reconstruct(X), expected)
    assert (model.loss_curves_, model.n_features_in_) == (curves, 12)
    model.set_params(**autoencoder().get_params()).save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model.safetensors").reconstruct(X), expected)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_first_fit_of_an_autoencoder_that_fails_leaves_it_unfitted(method):
    model = autoencoder()
    with pytest.raises(ValueError, match="decoder='linear'"):
        getattr(model, method)(-X[:, :5])
    with pytest.raises(NotFittedError):
        model.transform(X)
    assert model.partial_fit(X).n_features_in_ == 12


def test_classes_can_be_corrected_after_a_failed_first_partial_fit():
    model = classifier()
    with pytest.raises(ValueError, match="has classes not in"):
        model.partial_fit(X, Y, classes=[0, 1])
    model.partial_fit(X, Y, classes=[0, 1, 2])
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("classes", [[0, 1], ["a", "b", "c"]])
def test_classes_of_several_labels_are_the_columns(classes):
    model, labels = classifier(), (X[:, :3] > 0.5).astype(int)
    with pytest.raises(ValueError, match=r"pass classes=np.arange\(3\), not \["):
        model.partial_fit(X, labels, classes=classes)
    for _ in range(2):
        model.partial_fit(X, labels, classes=[0, 1, 2])
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_text_model_learns_its_words_after_a_failed_first_call():
    model = TextModel(classifier(hidden_layer_sizes=16))
    with pytest.raises(ValueError, match="none of the 2 texts holds a word"):
        model.partial_fit(["", ""], [0, 1], classes=[0, 1])
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(["other words", "than later"], [0, 1])
    model.partial_fit(TEXTS, LABELS, classes=[0, 1])
    assert sorted(model.vectorizer_.vocabulary_) == ["bad", "film", "good", "very"]


def test_partial_fit_goes_on_after_lbfgs_and_its_attributes_are_those_of_the_run():
    model = classifier(warm_start=True, early_stopping=True).fit(X, Y)
    model.set_params(solver="lbfgs", early_stopping=False).fit(X, Y)
    for name in ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "sparsity_curve_"):
        assert not hasattr(model, name)
    model.set_params(solver="adam").partial_fit(X, Y)
    assert len(model.loss_curve_) == 1


def test_lbfgs_leaves_nothing_of_an_optimizer_s_memory_behind():
    model = classifier(warm_start=True).fit(X, Y).set_params(solver="lbfgs").fit(X, Y)
    assert not any(layer.weight_state or layer.bias_state for layer in model.network_.parameters)


def test_a_warm_start_by_lbfgs_whose_loss_is_infinite_leaves_the_training_as_it_was():
    y = Y.astype(float)
    model = RectifierRegressor(hidden_layer_sizes=8, warm_start=True, max_iter=3, random_state=0).fit(X, y)
    curve, trainer = list(model.loss_curve_), model._trainer
    with pytest.raises(TrainingDiverged, match="from the start"), np.errstate(all="ignore"):
        model.set_params(solver="lbfgs").fit(X * np.float32(1e30), y)
    assert model.loss_curve_ == curve
    assert model._trainer is trainer


def test_a_warm_start_by_lbfgs_that_fails_leaves_the_training_as_it_was():
    model, untouched = (classifier(warm_start=True).fit(X, Y) for _ in range(2))
    with pytest.raises(ValueError, match="activation_l1 has 3 values for 2 hidden layers"):
        model.set_params(solver="lbfgs", activation_l1=[0.1, 0.2, 0.3]).fit(X, Y)
    model.set_params(solver="adam", activation_l1=0.0).partial_fit(X, Y)
    assert model.loss_curve_ == untouched.partial_fit(X, Y).loss_curve_
    np.testing.assert_array_equal(model.predict_proba(X), untouched.predict_proba(X))


@pytest.mark.parametrize("dropout", ["input_dropout", "hidden_dropout"])
def test_dropout_can_be_switched_on_between_passes(dropout):
    model = classifier().fit(X, Y)
    model.set_params(**{dropout: 0.5}).partial_fit(X, Y)
    assert model.n_iter_ == 1


def test_a_penalty_that_is_set_between_passes_counts():
    plain, sparser = (classifier(hidden_layer_sizes=(64,), learning_rate_init=0.01).fit(X, Y) for _ in range(2))
    sparser.set_params(activation_l1=0.1)
    for _ in range(20):
        plain.partial_fit(X, Y)
        sparser.partial_fit(X, Y)
    assert sparser.measure_sparsity(X)[0] > plain.measure_sparsity(X)[0] + 0.2


def test_what_a_fitted_network_cannot_become_is_refused():
    with pytest.raises(ValueError, match="activation='tanh' differs from the fitted network's"):
        classifier(warm_start=True).fit(X, Y).set_params(activation="tanh").fit(X, Y)
    regressor = RectifierRegressor(hidden_layer_sizes=8, max_iter=2, warm_start=True, random_state=0).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="the loss asks for exp outputs, the fitted network has identity outputs"):
        regressor.set_params(loss="poisson").fit(X, X[:, 0])
    autoencoder = DenoisingAutoencoder(8, max_iter=2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="the fitted autoencoder has"):
        autoencoder.set_params(n_components=5).partial_fit(X)
    stack = StackedDenoisingAutoencoder((8, 6), max_iter=2, random_state=0).fit(X)
    for sizes in ((8,), (8, 6, 4)):
        with pytest.raises(ValueError, match="the fitted autoencoder has"):
            stack.set_params(hidden_layer_sizes=sizes).partial_fit(X)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_class_weights_that_are_no_weights_are_refused(weight):
    with pytest.raises(ValueError, match="class_weight must hold finite numbers that are not negative"):
        classifier(class_weight={0: weight}).fit(X, Y)


@pytest.mark.parametrize("n_samples", [0, -5, 2.5, np.nan, "90"])
def test_a_number_of_samples_that_is_none_is_refused(n_samples):
    with pytest.raises(ValueError, match="n_samples must be a positive whole number"):
        classifier().fit_chunks([(X, Y)], classes=[0, 1, 2], n_samples=n_samples)


@pytest.mark.parametrize("chunk", [(X, Y, Y), (X.tolist(), Y.tolist()), X])
def test_a_chunk_that_is_no_pair_of_arrays_is_refused(chunk):
    with pytest.raises(ValueError, match=r"a chunk must be a tuple \(X, y\) of arrays"):
        classifier().fit_chunks([chunk], classes=[0, 1, 2], n_samples=90)
    with pytest.raises(ValueError, match=r"a chunk must be a tuple \(X, y\) of arrays"):
        classifier().fit_chunks([chunk])


def test_a_pair_of_arrays_is_no_sequence_of_chunks():
    with pytest.raises(ValueError, match=r"a chunk must be a tuple \(X, y\) of arrays"):
        classifier().fit_chunks((X, Y))


def test_classes_of_chunks_may_come_in_any_order():
    chunks = [(X[:45], Y[:45]), (X[45:], Y[45:])]
    models = [classifier().fit_chunks(chunks, classes=classes) for classes in ([0, 1, 2], [2, 0, 1])]
    np.testing.assert_array_equal(*(model.predict_proba(X) for model in models))


def test_a_target_that_chunks_miss_is_told():
    with pytest.warns(UserWarning, match=r"target_sparsity was not reached.* More passes \(passes\), wider layers"):
        classifier(target_sparsity=0.99).fit_chunks([(X, Y)], classes=[0, 1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(target_sparsity=0.7, hidden_layer_sizes=64, batch_size=10).fit_chunks([(X, Y)] * 8, passes=5)


@pytest.mark.parametrize("validation", [None, (X[60:], Y[60:])])
def test_zeros_after_chunks_are_those_of_the_network_that_is_kept(validation):
    model = classifier(target_sparsity=0.99)
    with pytest.warns(UserWarning, match="target_sparsity was not reached"):
        model.fit_chunks([(X[:30], Y[:30]), (X[30:60], Y[30:60])], passes=2, validation=validation)
    rows = X[30:60] if validation is None else validation[0]
    np.testing.assert_array_equal(model.sparsity_, model.measure_sparsity(rows))
    if validation is None:  # the curve ends with the same, measured after the shift of the biases
        np.testing.assert_allclose(model.sparsity_curve_[-1], model.sparsity_)


def test_zeros_after_a_pass_are_those_of_the_network():
    model = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    np.testing.assert_array_equal(model.sparsity_, model.measure_sparsity(X))


@pytest.mark.parametrize("index", [-1, 12, 10_000_000])
def test_a_csr_matrix_with_columns_that_are_not_there_is_refused(index):
    model, invalid = classifier().fit(X, Y), csr_array(X)
    invalid.indices[3] = index
    for call in (lambda: model.predict(invalid), lambda: classifier().fit(invalid, Y)):
        with pytest.raises(ValueError, match="indices"):
            call()


def test_index_arrays_of_two_types_are_taken():
    mixed = csr_array(X)
    mixed.indptr = mixed.indptr.astype(np.int64)
    model = classifier().fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(mixed), model.predict_proba(csr_array(X)))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_model_without_hidden_layers_is_saved_and_loaded(solver, tmp_path):
    model = classifier(hidden_layer_sizes=(), solver=solver).fit(X, Y)
    model.save(tmp_path / "linear.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "linear.safetensors").predict(X), model.predict(X))


def test_notes_that_are_no_dict_are_refused(tmp_path):
    with pytest.raises(ValueError, match="notes must be a dict, got a str"):
        classifier().fit(X, Y).save(tmp_path / "model.safetensors", notes="text")


def test_weights_that_are_all_on_rows_kept_out_do_not_keep_them_out():
    from hardzero.calibration import keep_out

    many = RANDOM.random((10_000, 5)).astype(np.float32)
    weights = np.zeros(len(many))
    weights[keep_out(len(many))[1]] = 1
    model = classifier(hidden_layer_sizes=8, target_sparsity=0.5).fit(many, many[:, 0] > 0.5, sample_weight=weights)
    assert np.isfinite(model.loss_)


def test_a_vectorizer_that_weighs_words_does_so_in_predictions_too():
    vectorizer = TfidfVectorizer(dtype=np.float32)
    model = TextModel(classifier(hidden_layer_sizes=16, max_iter=20), vectorizer).fit(TEXTS, LABELS)
    predict = model.to_predictor()
    np.testing.assert_allclose(predict(TEXTS[:4])[:, 0], model.predict_proba(TEXTS[:4])[:, 1], atol=1e-5)
    with pytest.raises(ValueError, match="a single text was given"):
        predict("good film")


def test_missing_values_of_pandas_count_as_missing():
    texts = pd.Series([*TEXTS[:-1], None], dtype="string")
    assert TextModel(classifier(hidden_layer_sizes=8)).fit(texts, LABELS).predict(texts).shape == (20,)
    labels = pd.Series(np.where(Y > 0, "odd", "even"), dtype="string")
    labels[::4] = None
    model = classifier(pretraining="denoising").fit(X, labels)
    assert model.classes_.tolist() == ["even", "odd"]
