"""Raw texts in, predictions out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from make_texts import make_texts
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.text import TextModel, bag_of_words, check_texts, hashed_words

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`")


def small(**parameters):
    settings = {"max_iter": 20, "learning_rate_init": 0.01, "batch_size": 20, "random_state": 0, "n_jobs": 1}
    return RectifierClassifier((16,), **{**settings, **parameters})


def test_a_model_learns_which_words_matter(model):
    texts, labels = make_texts(100, seed=1)
    assert model.score(texts, labels) > 0.95
    assert model.predict(["lovely", "awful"]).tolist() == [1, 0]
    assert model.predict_expectation(["lovely"])[0] > 0.5


def test_the_model_equals_the_pipeline(texts_and_labels):
    texts, labels = texts_and_labels
    pipeline = make_pipeline(bag_of_words(), small()).fit(texts, labels)
    ours = TextModel(small()).fit(texts, labels)
    np.testing.assert_array_equal(ours.predict_proba(texts), pipeline.predict_proba(texts))


def test_nothing_dense_of_the_size_of_the_vocabulary(monkeypatch, texts_and_labels):
    texts, labels = texts_and_labels
    words = len(bag_of_words().fit(texts).vocabulary_)

    def refusing(original):
        def make_dense(matrix, *args, **kwargs):
            assert matrix.shape[1] != words, f"a matrix of shape {matrix.shape} was made dense"
            return original(matrix, *args, **kwargs)

        return make_dense

    for kind in (scipy.sparse.csr_array, scipy.sparse.csr_matrix):
        for name in ("toarray", "todense"):
            monkeypatch.setattr(kind, name, refusing(getattr(kind, name)))
    for solver in ("adam", "sgd"):
        model = TextModel(small(solver=solver, early_stopping=True)).fit(texts, labels)
        model.predict(texts)
        model.transform(texts)
        model.measure_sparsity(texts)
        model.to_predictor()(texts)


def test_unseen_words_change_nothing(model):
    np.testing.assert_array_equal(
        model.predict_proba(["a good film"]), model.predict_proba(["a good film zyzzyva 42 naïve"])
    )


def test_an_empty_text_is_a_row_without_words(model):
    rows = model.transform_texts(["", None, float("nan"), "good"])
    assert np.diff(rows.indptr).tolist() == [0, 0, 0, 1]
    assert np.isfinite(model.predict_proba(["", None])).all()


def test_texts_of_another_language_are_warned_of(model):
    with pytest.warns(UserWarning, match="no word of the 2 texts is in the vocabulary"):
        model.predict(["ein schöner Film", "langweilig"])


def test_one_known_word_is_enough_not_to_warn(model, recwarn):
    model.predict(["ein schöner Film", "good"])
    model.predict(["", None])
    assert not recwarn.list


CONTAINERS = [
    lambda: ["good", "bad"],
    lambda: ("good", "bad"),
    lambda: np.array(["good", "bad"]),
    lambda: np.array([["good"], ["bad"]]),
    lambda: pd.Series(["good", "bad"]),
    lambda: pd.DataFrame({"text": ["good", "bad"]}),
    lambda: [b"good", b"bad"],
    lambda: iter(["good", "bad"]),
]

NO_TEXTS = [
    ("good", "a single text"),
    ([3, 4], "row 0 is 3, a int"),
    (["good", ["bad"]], "row 1 is"),
    ([b"caf\xe9"], "row 0 are not UTF-8"),
    (np.array([["a", "b"]]), "one-dimensional"),
]


@pytest.mark.parametrize("make", CONTAINERS)
def test_texts_come_in_many_containers(make):
    assert check_texts(make()).tolist() == ["good", "bad"]


@pytest.mark.parametrize(("texts", "message"), NO_TEXTS)
def test_what_is_no_text_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        check_texts(texts)


def test_texts_without_words_cannot_be_learned_from():
    with pytest.raises(ValueError, match="none of the 4 texts holds a word"):
        TextModel(small()).fit(["", "!", "?", "a"], [0, 1, 0, 1])


def test_the_vocabulary_is_the_most_frequent_words():
    texts = ["apple banana", "apple banana cherry", "apple"]
    model = TextModel(small(), bag_of_words(2)).fit(texts, [0, 1, 0])
    assert model.vectorizer_.vocabulary_ == {"apple": 0, "banana": 1}
    assert model.transform_texts(["banana banana cherry"]).toarray().tolist() == [[0.0, 1.0]]


def test_a_vocabulary_has_the_5000_words_of_the_paper_where_nothing_else_is_said():
    texts = [" ".join(f"word{index}" for index in range(6000)), "word0"]
    assert len(TextModel(small()).fit(texts, [0, 1]).vectorizer_.vocabulary_) == 5000


@pytest.mark.parametrize("vectorizer", [bag_of_words(), hashed_words(64)])
def test_a_word_counts_once_however_often_it_occurs(vectorizer):
    assert vectorizer.fit_transform(["good good film"]).data.tolist() == [1.0, 1.0]


def test_hashed_words_need_no_vocabulary(texts_and_labels):
    model = TextModel(small(), hashed_words(512)).fit(*texts_and_labels)
    assert model.score(*make_texts(100, seed=1)) > 0.9


def test_validation_texts_are_vectorized(texts_and_labels):
    model = TextModel(small(early_stopping=True)).fit(*texts_and_labels, validation=make_texts(50, seed=2))
    assert len(model.estimator_.validation_scores_) == model.estimator_.n_iter_


@pytest.mark.parametrize("fit", [TextModel.fit, lambda model, *data: model.fit_chunks([data], passes=5)])
def test_a_warm_start_goes_on_with_the_words_known(fit, texts_and_labels):
    texts, labels = texts_and_labels
    model = TextModel(small(warm_start=True, max_iter=5))
    fit(model, texts, labels)
    words = dict(model.vectorizer_.vocabulary_)
    model.set_params(estimator__learning_rate_init=0.02)
    fit(model, [*texts, "unheard of"], [*labels, 1])
    assert len(model.estimator_.loss_curve_) == 10
    assert model.vectorizer_.vocabulary_ == words
    assert model.estimator_.learning_rate_init == 0.02


def test_labels_that_were_sparse_are_predicted_so(texts_and_labels):
    texts, labels = texts_and_labels
    y = np.column_stack([labels, labels[::-1]])
    dense, sparse = TextModel(small()).fit(texts, y), TextModel(small()).fit(texts, scipy.sparse.csr_array(y))
    assert scipy.sparse.issparse(sparse.predict(texts))
    np.testing.assert_array_equal(sparse.predict(texts).toarray(), dense.predict(texts))


def test_partial_fit_goes_on(texts_and_labels):
    texts, labels = texts_and_labels
    model = TextModel(small())
    for _ in range(15):
        model.partial_fit(texts, labels, classes=[0, 1])
    assert model.score(texts, labels) > 0.95
    model.partial_fit(["unheard of words, but good"], [1])


def test_parameters_that_are_set_between_calls_of_partial_fit_count(texts_and_labels):
    model = TextModel(small(solver="sgd", momentum=0.0)).partial_fit(*texts_and_labels, classes=[0, 1])
    before = model.estimator_.coefs_[0].copy()
    model.set_params(estimator__learning_rate_init=1e-30).partial_fit(*texts_and_labels)
    np.testing.assert_array_equal(model.estimator_.coefs_[0], before)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\[8\] differs from the fitted network's \[16\]"):
        model.set_params(estimator__hidden_layer_sizes=(8,)).partial_fit(*texts_and_labels)
    assert model.estimator_.hidden_layer_sizes == (16,)
    with pytest.raises(ValueError, match="is a RectifierRegressor, and the fitted one a RectifierClassifier"):
        model.set_params(estimator=RectifierRegressor()).partial_fit(*texts_and_labels)


def test_chunks_of_a_warm_start_need_one_pass(texts_and_labels):
    texts, labels = texts_and_labels
    model = TextModel(small(warm_start=True)).fit(texts, labels)
    model.fit_chunks(iter([(texts, labels)]), n_samples=len(texts))
    assert len(model.estimator_.loss_curve_) == 21


def test_a_random_generator_goes_on_in_the_models_own_estimator(texts_and_labels):
    generator = np.random.RandomState(0)
    model = TextModel(small(random_state=generator))
    for _ in range(3):
        model.partial_fit(*texts_and_labels, classes=[0, 1])
    assert generator.randint(2**31) == np.random.RandomState(0).randint(2**31)
    alone = small(random_state=np.random.RandomState(0))
    for _ in range(3):
        alone.partial_fit(model.transform_texts(texts_and_labels[0]), texts_and_labels[1], classes=[0, 1])
    np.testing.assert_array_equal(model.estimator_.coefs_[0], alone.coefs_[0])


def test_scikit_learn_takes_the_model_for_what_it_is(texts_and_labels):
    texts, labels = texts_and_labels
    assert is_classifier(TextModel(small()))
    assert is_regressor(TextModel(RectifierRegressor()))
    assert get_tags(TextModel(small())).target_tags == get_tags(small()).target_tags
    assert cross_val_score(TextModel(small()), texts, labels, cv=3).mean() > 0.8
    model = clone(TextModel(small(), CountVectorizer(max_features=7)))
    assert model.get_params()["vectorizer__max_features"] == 7
    assert not hasattr(TextModel(RectifierRegressor()), "predict_proba")


@pytest.mark.parametrize("fit", [TextModel.fit, lambda *data: TextModel.partial_fit(*data, classes=[0, 1])])
def test_weights_of_texts_count(fit):
    texts, weights = ["good", "bad"] * 20, np.tile([1.0, 1.0, 0.0, 0.0], 10)
    labels = np.tile([1, 0, 0, 1], 10)
    model = TextModel(small(learning_rate_init=0.1))
    fit(model, texts, labels, weights)
    assert model.predict(["good", "bad"]).tolist() == [1, 0]
    assert model.score(texts, labels) == 0.5
    assert model.score(texts, labels, weights) == 1.0


def test_weights_reach_the_model_through_scikit_learn(texts_and_labels, recwarn):
    texts, labels = texts_and_labels
    weights = np.where(labels == 1, 20.0, 1.0)
    calibrated = [
        CalibratedClassifierCV(TextModel(small(max_iter=2)), cv=2).fit(texts, labels, sample_weight=weight)
        for weight in (None, weights)
    ]
    assert not [warning for warning in recwarn if "sample_weight" in str(warning.message)]
    plain, weighted = (model.predict_proba(texts)[:, 1].mean() for model in calibrated)
    assert weighted > plain + 0.1
    with config_context(enable_metadata_routing=True):
        TextModel(small()).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)


def test_other_estimators_get_no_arguments_that_are_not_given(texts_and_labels):
    texts, labels = texts_and_labels
    assert TextModel(KNeighborsClassifier()).fit(texts, labels).score(texts, labels) > 0.5
    model = TextModel(SGDClassifier()).partial_fit(texts, labels, classes=[0, 1]).fit(texts, labels)
    assert model.score(texts, labels) > 0.9
    for name in ("predict_log_proba", "get_feature_names_out"):
        assert not hasattr(model, name)


def test_what_the_estimator_says_of_its_outputs(model):
    np.testing.assert_allclose(np.exp(model.predict_log_proba(["good"])), model.predict_proba(["good"]), atol=1e-6)
    assert len(model.get_feature_names_out()) == model.transform(["good"]).shape[1]


@pytest.mark.parametrize(("layer", "n_units"), [(0, 8), (1, 6), (-1, 6)])
def test_activations_are_those_of_the_layer_that_is_asked_for(layer, n_units, texts_and_labels):
    texts, labels = texts_and_labels
    model = TextModel(RectifierClassifier((8, 6), max_iter=2, random_state=0)).fit(texts, labels)
    assert model.transform(texts, layer).shape == (len(texts), n_units)


def test_a_vectorizer_of_another_width_does_not_go_with_a_fitted_estimator(model):
    with pytest.raises(ValueError, match="makes 256 columns"):
        TextModel.of_fitted(model.estimator_, hashed_words(256))


def test_a_run_can_be_watched_and_saved(texts_and_labels, tmp_path):
    epochs = []
    TextModel(small()).fit(*texts_and_labels, callback=epochs.append, checkpoint=tmp_path / "state")
    again = TextModel(small()).fit(*texts_and_labels, callback=epochs.append, checkpoint=tmp_path / "state")
    assert len(epochs) == again.estimator_.n_iter_


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform_texts", "measure_sparsity"])
def test_an_unfitted_model_says_that_it_is_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(TextModel(small()), method)(["a text"])


def test_an_unfitted_model_has_no_predictor():
    with pytest.raises(NotFittedError):
        TextModel(small()).to_predictor()


@pytest.mark.parametrize("vectorizer", [bag_of_words(), CountVectorizer(max_features=30), hashed_words(256)])
def test_the_predictor_gives_the_same(vectorizer, texts_and_labels):
    texts, labels = texts_and_labels
    model = TextModel(small(), vectorizer).fit(texts, labels)
    predictor = model.to_predictor()
    texts = [*texts[:20], "", "unheard of", "good good bad"]
    rows, expected = predictor.rows(texts), model.transform_texts(texts)
    assert rows.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(rows.toarray(), expected.toarray())
    np.testing.assert_allclose(predictor(texts)[:, 0], model.predict_proba(texts)[:, 1], atol=1e-6)


@pytest.fixture(params=[bag_of_words(), hashed_words(256)], ids=["words", "hashes"])
def any_words(request, texts_and_labels):
    """A fitted model, of words and of hashed ones."""
    return TextModel(small(), request.param).fit(*texts_and_labels)


def test_the_predictor_takes_the_same_texts(any_words):
    predictor = any_words.to_predictor()
    expected = predictor(["good", "bad"])
    for make in CONTAINERS:
        np.testing.assert_array_equal(predictor(make()), expected)
    np.testing.assert_array_equal(predictor([None, pd.NA, float("nan")]), predictor(["", "", ""]))
    for texts, message in NO_TEXTS:
        with pytest.raises(ValueError, match=message):
            predictor(texts)


def test_the_predictor_tells_what_that_of_the_network_tells(any_words):
    texts = ["good good film", "", "unheard of"]
    predictor, plain = any_words.to_predictor("bfloat16", 2), any_words.estimator_.to_predictor("bfloat16", 2)
    assert (predictor.precision, predictor.n_bytes, predictor.n_threads) == ("bfloat16", plain.n_bytes, 2)
    cost, expected = predictor.cost(texts), plain.cost(any_words.transform_texts(texts))
    np.testing.assert_array_equal(cost.active, expected.active)
    np.testing.assert_array_equal(cost.multiply_adds, expected.multiply_adds)
    predictor.n_threads = 3
    assert predictor.n_threads == 3
    with pytest.raises(ValueError, match="n_threads must be a whole number"):
        predictor.n_threads = 0


def test_no_texts_are_no_rows(any_words):
    assert any_words.to_predictor()([]).shape == (0, 1)
    assert any_words.transform_texts([]).shape == (0, any_words.estimator_.n_features_in_)
    for method in ("predict", "predict_proba", "transform"):
        with pytest.raises(ValueError, match="0 sample"):
            getattr(any_words, method)([])
    for fit in (any_words.fit, any_words.partial_fit):
        with pytest.raises(ValueError, match=r"0 sample|none of the 0 texts"):
            fit([], [])
    for chunks in ([([], [])], [(["good", "bad"], [0, 1]), ([], [])]):
        with pytest.raises(ValueError, match=r"no sample|0 sample|none of the 0 texts"):
            any_words.fit_chunks(chunks, classes=[0, 1], n_samples=2)
