"""Fitting on chunks: for tables of numbers and for texts."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from make_texts import make_texts
from scipy.sparse import coo_array, csr_array, csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.text import TextModel, bag_of_words, hashed_words

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 5)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def chunked(*arrays, n_chunks=4):
    return list(zip(*(np.array_split(array, n_chunks) for array in arrays), strict=True))


def classifier(**parameters):
    settings = {"learning_rate_init": 0.01, "batch_size": 20, "random_state": 0, "n_jobs": 1}
    return RectifierClassifier((16,), **{**settings, **parameters})


def assert_same_parameters(first, second):
    for ours, theirs in zip(first.coefs_ + first.intercepts_, second.coefs_ + second.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def text_chunks(n_chunks=4):
    return chunked(*map(np.asarray, make_texts(400)), n_chunks=n_chunks)


def test_chunks_teach_as_the_whole_does():
    fitted = classifier(learning_rate="cosine").fit_chunks(chunked(X, Y), passes=10)
    assert fitted.score(X, Y) > 0.95
    assert len(fitted.loss_curve_) == fitted.n_iter_ == 10
    assert fitted.t_ == 4000


@pytest.mark.parametrize("n_runs", [1, 2])
def test_one_chunk_is_one_epoch(n_runs):
    settings = {"shuffle": False, "learning_rate": "cosine", "target_sparsity": 0.7, "warm_start": True}
    by_chunks, whole = classifier(**settings), classifier(**settings, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(n_runs):
            by_chunks.fit_chunks([(X, Y)], passes=3)
            whole.fit(X, Y)
    assert_same_parameters(by_chunks, whole)
    np.testing.assert_allclose(by_chunks.loss_curve_, whole.loss_curve_)
    np.testing.assert_allclose(by_chunks.sparsity_curve_, whole.sparsity_curve_)


def test_shuffled_chunk_is_one_epoch_to_the_bit():
    by_chunks = classifier().fit_chunks([(X, Y)], passes=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = classifier(max_iter=3).fit(X, Y)
    np.testing.assert_array_equal(by_chunks.predict_proba(X), whole.predict_proba(X))


def test_target_sparsity_is_reached_over_the_whole_run():
    fitted = classifier(target_sparsity=0.8).fit_chunks(chunked(X, Y), passes=40)
    assert abs(fitted.measure_sparsity(X)[0] - 0.8) < 0.04


def stop(report):
    return report.epoch == 16


def press_control_c(report):
    if report.epoch == 16:
        raise KeyboardInterrupt


@pytest.mark.parametrize("callback", [stop, press_control_c])
def test_zeros_are_corrected_however_a_run_ends(callback):
    settings = {"target_sparsity": 0.8, "batch_size": 10, "shuffle": False, "n_iter_no_change": 100}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_chunks = classifier(**settings).fit_chunks([(X, Y)], passes=20, callback=callback)
        whole = classifier(**settings, max_iter=20).fit(X, Y, callback=callback)
    assert by_chunks.n_iter_ == whole.n_iter_ == 16
    np.testing.assert_allclose(by_chunks.sparsity_curve_, whole.sparsity_curve_)
    assert_same_parameters(by_chunks, whole)


@pytest.mark.parametrize("validation", [None, (X, Y)])
def test_the_adaptive_rate_falls_over_passes_as_over_epochs(validation):
    settings = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 10.0}
    model, by_chunks, whole = classifier(**settings, n_iter_no_change=1, max_iter=9), [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y, callback=lambda report: whole.append(report.learning_rate))
    model.fit_chunks(
        [(X, Y)], passes=9, validation=validation, callback=lambda report: by_chunks.append(report.learning_rate)
    )
    assert by_chunks == whole
    assert by_chunks[-1] < by_chunks[0]


def test_passes_without_progress_end_training():
    fitted = classifier(tol=10.0, n_iter_no_change=1).fit_chunks(chunked(X, Y), passes=30)
    assert fitted.n_iter_ == classifier(tol=10.0, n_iter_no_change=1).fit(X, Y).n_iter_ == 3
    assert len(fitted.loss_curve_) == 3


def test_verbose_prints_a_line_a_pass(capsys):
    classifier(verbose=True).fit_chunks(chunked(X, Y), passes=2, validation=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0].split(":")[0] for line in lines] == [
        "Iteration 1",
        "Validation score",
        "Iteration 2",
        "Validation score",
    ]


def test_pretraining_is_refused_before_the_chunks_are_opened():
    with pytest.raises(ValueError, match="fit_chunks does not pre-train"):
        classifier(pretraining="denoising").fit_chunks(lambda: pytest.fail("opened"))


def test_a_function_is_called_once_a_pass():
    calls = []

    def chunks():
        calls.append(1)
        return iter(chunked(X, Y))

    classifier().fit_chunks(chunks, passes=3)
    assert len(calls) == 4
    calls.clear()
    classifier().fit_chunks(chunks, passes=3, classes=[0, 1], n_samples=400)
    assert len(calls) == 3


def test_an_iterator_serves_one_pass():
    fitted = classifier().fit_chunks(iter(chunked(X, Y, n_chunks=10)), classes=[0, 1], n_samples=400)
    assert fitted.t_ == 400
    for wrong in ({"passes": 2, "classes": [0, 1], "n_samples": 400}, {"classes": [0, 1]}, {"n_samples": 400}):
        with pytest.raises(ValueError, match="once only"):
            classifier().fit_chunks(iter(chunked(X, Y)), **wrong)


def test_the_best_pass_is_kept_by_validation_data():
    scores = []
    fitted = classifier(learning_rate_init=0.2).fit_chunks(
        chunked(X[:300], Y[:300]),
        passes=8,
        validation=(X[300:], Y[300:]),
        callback=lambda report: scores.append(report.validation_score),
    )
    assert fitted.validation_scores_ == scores
    assert fitted.score(X[300:], Y[300:]) == max(scores)


def test_validation_data_may_be_lists():
    fitted = classifier().fit_chunks(chunked(X, Y), validation=(X.tolist(), Y.tolist()))
    assert len(fitted.validation_scores_) == 1


def test_the_best_pass_is_one_with_the_zeros_asked_for():
    random = np.random.default_rng(1)
    y = np.where(random.random(400) < 0.25, 1 - Y, Y)
    parameters = {"hidden_layer_sizes": (100,), "target_sparsity": 0.9}
    fitted = RectifierClassifier(**parameters, batch_size=20, learning_rate_init=0.01, random_state=0).fit_chunks(
        chunked(X[:200], y[:200]), passes=40, validation=(X[200:], y[200:])
    )
    scores = fitted.validation_scores_
    assert scores.index(max(scores)) < 12
    assert fitted.best_validation_score_ in scores[20:]
    assert fitted.best_validation_score_ < max(scores)
    np.testing.assert_allclose(fitted.sparsity_, 0.9, atol=0.01)
    np.testing.assert_allclose(fitted.sparsity_curve_[-1], 0.9, atol=0.01)


@pytest.mark.parametrize("stated", [100, 1000])
def test_a_wrong_number_of_samples_is_named_and_corrected(stated):
    seen = []
    with pytest.warns(UserWarning, match=f"held 400 samples in pass 1 and not n_samples={stated}"):
        classifier().fit_chunks(chunked(X, Y), passes=2, n_samples=stated, classes=[0, 1], on_chunk=seen.append)
    assert seen[4:] == [500, 600, 700, 800]


def test_wrong_validation_data_are_refused_after_the_first_chunk():
    seen = []
    with pytest.raises(ValueError, match="3 features"):
        classifier().fit_chunks(chunked(X, Y), validation=(X[:, :3], Y), on_chunk=seen.append)
    assert seen == []


def test_reports_come_a_pass_and_samples_a_chunk():
    reports, seen = [], []
    classifier().fit_chunks(chunked(X, Y), passes=2, callback=reports.append, on_chunk=seen.append)
    assert [(report.epoch, report.max_epochs, report.n_samples) for report in reports] == [(1, 2, 400), (2, 2, 400)]
    assert seen == [100, 200, 300, 400, 500, 600, 700, 800]
    assert reports[1].loss < reports[0].loss


def test_the_seconds_of_a_pass_are_those_of_its_chunks():
    reports, started = [], time.perf_counter()
    classifier(batch_size=1).fit_chunks(chunked(X, Y, n_chunks=20), passes=2, callback=reports.append)
    assert 0 < sum(report.seconds for report in reports) < time.perf_counter() - started


def test_a_true_answer_ends_training():
    fitted = classifier().fit_chunks(chunked(X, Y), passes=5, callback=lambda report: report.epoch == 2)
    assert fitted.n_iter_ == 2


def test_ctrl_c_keeps_what_was_learned():
    def interrupt(n_samples):
        if n_samples == 600:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted by user after 1 passes"):
        fitted = classifier().fit_chunks(chunked(X, Y), passes=5, on_chunk=interrupt)
    assert fitted.predict(X).shape == (400,)


def test_fit_chunks_starts_anew_unless_warm():
    fitted = classifier().fit_chunks(chunked(X, Y))
    once = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.fit_chunks(chunked(X, Y)).predict_proba(X), once)
    assert not np.array_equal(fitted.set_params(warm_start=True).fit_chunks(chunked(X, Y)).predict_proba(X), once)


def test_a_warm_start_without_a_fit_before_is_a_start():
    anew = classifier().fit_chunks(chunked(X, Y), passes=2)
    warm = classifier(warm_start=True).fit_chunks(chunked(X, Y), passes=2)
    np.testing.assert_array_equal(warm.predict_proba(X), anew.predict_proba(X))


def test_a_warm_start_takes_the_optimizer_anew_and_keeps_the_curves():
    fitted = classifier().fit_chunks(chunked(X, Y), passes=3, validation=(X, Y))
    before, losses, scores, rates = fitted.coefs_[0].copy(), fitted.loss_curve_[:], fitted.validation_scores_[:], []
    fitted.set_params(warm_start=True, solver="sgd", learning_rate_init=1e-9)
    fitted.fit_chunks(
        chunked(X, Y), passes=2, validation=(X, Y), callback=lambda report: rates.append(report.learning_rate)
    )
    assert rates == [1e-9, 1e-9]
    np.testing.assert_allclose(fitted.coefs_[0], before, atol=1e-6)
    assert (fitted.loss_curve_[:3], fitted.validation_scores_[:3]) == (losses, scores)
    assert len(fitted.loss_curve_) == len(fitted.validation_scores_) == len(fitted.sparsity_curve_) == 5
    assert fitted.n_iter_ == 2


@pytest.mark.parametrize("classes", [[0], [1, 2], [0, 1, 2]])
def test_a_warm_start_refuses_other_classes(classes):
    fitted = classifier(warm_start=True).fit_chunks(chunked(X, Y))
    before = fitted.predict_proba(X)
    with pytest.raises(ValueError, match="are not those of the fitted network"):
        fitted.fit_chunks(chunked(X, Y), classes=classes)
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_a_warm_start_knows_the_classes():
    fitted = classifier(warm_start=True).fit_chunks(chunked(X, Y))
    assert fitted.fit_chunks(iter(chunked(X, Y)), n_samples=400).t_ == 800


@pytest.mark.parametrize("method", ["fit_chunks", "partial_fit"])
def test_a_solver_without_steps_names_the_method_it_lacks(method):
    with pytest.raises(AttributeError) as caught:
        getattr(classifier(solver="lbfgs"), method)
    assert f"{method} is only available for stochastic optimizers" in str(caught.value.__cause__)


@pytest.mark.parametrize("make", [csr_matrix, csr_array, coo_array])
@pytest.mark.parametrize("arguments", [{}, {"classes": [0, 1, 2]}, {"classes": [0, 1, 2], "n_samples": 400}], ids=str)
def test_label_matrices_may_be_sparse(arguments, make):
    labels = (X[:, :3] > 0).astype(int)
    dense, sparse = (
        classifier().fit_chunks([(rows, form(part)) for rows, part in chunked(X, labels)], passes=3, **arguments)
        for form in (np.asarray, make)
    )
    np.testing.assert_array_equal(sparse.classes_, [0, 1, 2])
    np.testing.assert_array_equal(sparse.predict_proba(X), dense.predict_proba(X))


def test_regressors_learn_from_chunks():
    target = X @ np.arange(5, dtype=np.float32)
    regressor = RectifierRegressor(hidden_layer_sizes=(32,), learning_rate_init=0.01, batch_size=20, random_state=0)
    assert regressor.fit_chunks(lambda: iter(chunked(X, target)), passes=30).score(X, target) > 0.95


@pytest.mark.parametrize(
    ("estimator", "chunks", "arguments", "message"),
    [
        (classifier(), [], {}, "no sample"),
        (classifier(), chunked(X, Y), {"passes": 0}, "at least 1"),
        (classifier(), chunked(X, Y), {"passes": 2.5}, "whole number"),
        (classifier(), chunked(X, Y), {"validation": X}, r"must be a tuple \(X, y\)"),
        (classifier(early_stopping=True), chunked(X, Y), {}, "early_stopping=False"),
        (classifier(), chunked(X, Y), {"classes": [0, 2]}, "not in `self.classes_`"),
        (classifier(), [(X[:10], Y[:10]), (X[10:, :3], Y[10:])], {}, "3 features"),
        (classifier(), [(np.full((4, 2), np.nan), [0, 1, 0, 1])], {}, "NaN"),
    ],
)
def test_bad_chunks_are_refused(estimator, chunks, arguments, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit_chunks(chunks, **arguments)


@pytest.mark.parametrize("vectorizer", [bag_of_words(), hashed_words(512)])
def test_texts_come_in_chunks(vectorizer):
    model = TextModel(classifier(), vectorizer)
    model.fit_chunks(lambda: iter(text_chunks()), passes=8, validation=make_texts(100, seed=1))
    assert model.score(*make_texts(100, seed=2)) > 0.95


@pytest.mark.parametrize("vectorizer", [bag_of_words(), hashed_words(512)])
@pytest.mark.parametrize("chunk", [(["good", "bad"], [0, 1], [1.0, 1.0]), ["good", "bad", "fine"], "text"])
def test_chunks_of_texts_of_another_form_are_refused(vectorizer, chunk):
    with pytest.raises(ValueError, match=r"a chunk must be a tuple \(texts, y\)"):
        TextModel(classifier(), vectorizer).fit_chunks([chunk], classes=[0, 1])


def test_words_that_are_given_stay():
    model = TextModel(classifier(), CountVectorizer(vocabulary=["good", "bad"]))
    model.fit_chunks(iter(text_chunks()), classes=[0, 1], n_samples=400)
    assert model.vectorizer_.vocabulary_ == {"good": 0, "bad": 1}


def test_weights_of_words_are_not_learned_from_chunks():
    model = TextModel(classifier(), TfidfVectorizer(vocabulary=["good", "bad"]))
    with pytest.raises(ValueError, match="a TfidfVectorizer cannot be learned from chunks"):
        model.fit_chunks(text_chunks())
    unweighted = TextModel(classifier(), TfidfVectorizer(vocabulary=["good", "bad"], use_idf=False))
    assert unweighted.fit_chunks(text_chunks()).vectorizer_.vocabulary_ == {"good": 0, "bad": 1}


def test_classes_that_are_not_given_need_a_pass():
    with pytest.raises(ValueError, match="once only"):
        TextModel(classifier(), hashed_words(64)).fit_chunks(iter(text_chunks()), n_samples=400)


def test_the_vocabulary_is_that_of_all_chunks():
    chunks = text_chunks()
    texts = [text for part, _ in chunks for text in part]
    model = TextModel(classifier()).fit_chunks(chunks)
    assert model.vectorizer_.vocabulary_ == bag_of_words().fit(texts).vocabulary_


def test_hashed_words_and_an_iterator_need_a_single_pass():
    model = TextModel(classifier(), hashed_words(512))
    model.fit_chunks(iter(text_chunks()), classes=[0, 1], n_samples=400)
    assert model.estimator_.t_ == 400
    with pytest.raises(ValueError, match="once only"):
        TextModel(classifier()).fit_chunks(iter(text_chunks()), classes=[0, 1], n_samples=400)


@pytest.mark.parametrize("classes", [None, [0, 1, 2]])
def test_chunks_of_data_sorted_by_class_give_a_warning(classes):
    order = np.argsort(Y, kind="stable")
    with pytest.warns(UserWarning, match="sorted by class"):
        classifier().fit_chunks(chunked(X[order], Y[order]), passes=2, classes=classes)


@pytest.mark.filterwarnings("error:.*sorted by class")
def test_shuffled_chunks_give_no_warning_however_small():
    classifier().fit_chunks(chunked(X, Y, n_chunks=100))
