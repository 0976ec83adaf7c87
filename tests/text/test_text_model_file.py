"""Vocabulary and network in one file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy
from make_texts import make_texts
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

import hardzero
from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.model_file import ModelFileError, describe, load, save
from hardzero.model_file.container import METADATA_KEY
from hardzero.text import TextModel, bag_of_words, hashed_words

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def estimator():
    return RectifierClassifier((8,), max_iter=3, random_state=0, n_jobs=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    "vectorizer",
    [
        None,
        bag_of_words(30, ngram_range=(1, 2)),
        CountVectorizer(strip_accents="unicode", analyzer="char_wb", ngram_range=(2, 3)),
        CountVectorizer(stop_words=["good"], max_df=0.9),
        hashed_words(128),
    ],
)
def test_a_loaded_model_takes_raw_texts(vectorizer, path, texts_and_labels):
    model = TextModel(estimator(), vectorizer).fit(*texts_and_labels)
    model.save(path, notes={"text": "review"})
    loaded = hardzero.load(path)
    texts = ["good", "", "Ünheard of", "bad dull film", *make_texts(20, seed=3)[0]]
    np.testing.assert_array_equal(loaded.predict_proba(texts), model.predict_proba(texts))
    assert loaded.classes_.tolist() == [0, 1]
    loaded.save(path)
    assert describe(path)["notes"] == {"text": "review"}


def test_the_same_model_makes_the_same_bytes(path, model):
    model.save(path)
    first = path.read_bytes()
    load(path).save(path)
    assert json.loads(json.dumps(describe(path)["vectorizer"]))["words"] == sorted(model.vectorizer_.vocabulary_)
    model.save(path)
    assert path.read_bytes() == first


def test_a_pipeline_comes_back_as_a_pipeline(path, texts_and_labels):
    texts, labels = texts_and_labels
    pipeline = make_pipeline(bag_of_words(), RectifierRegressor(hidden_layer_sizes=(8,), max_iter=3, random_state=0))
    pipeline.fit(texts, labels.astype(float))
    save(pipeline, path)
    loaded = load(path)
    assert [name for name, _ in loaded.steps] == ["countvectorizer", "rectifierregressor"]
    np.testing.assert_array_equal(loaded.predict(texts), pipeline.predict(texts))
    save(pipeline, path, notes={"text": "review"})
    save(load(path), path)
    assert describe(path)["notes"] == {"text": "review"}


def test_a_loaded_model_goes_on_training(path, model, texts_and_labels):
    TextModel(estimator()).fit(*texts_and_labels).save(path)
    loaded = load(path)
    before = loaded.predict_proba(["good"])
    loaded.partial_fit(*texts_and_labels)
    assert not np.array_equal(loaded.predict_proba(["good"]), before)


@pytest.mark.parametrize("vocabulary", [["good", "bad"], {"bad": 1, "good": 0}, None])
def test_words_that_are_given_stay_in_a_new_fit_of_the_loaded_model(vocabulary, path, texts_and_labels):
    model = TextModel(estimator(), CountVectorizer(vocabulary=vocabulary)).fit(*texts_and_labels)
    model.save(path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict_proba(["good"]), model.predict_proba(["good"]))
    loaded.fit(*make_texts(20, seed=7))
    assert (loaded.vectorizer_.vocabulary_ == {"good": 0, "bad": 1}) == (vocabulary is not None)


@pytest.mark.parametrize(
    ("vectorizer", "message"),
    [
        (TfidfVectorizer(), "cannot save a TfidfVectorizer"),
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "holds no code"),
        (CountVectorizer(dtype=np.int8), "dtype=int8"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(vectorizer, message, path, texts_and_labels):
    model = TextModel(estimator(), vectorizer).fit(*texts_and_labels)
    with pytest.raises(ValueError, match=message):
        model.save(path)
    assert not path.exists()


def test_unfitted_models_and_foreign_pipelines_are_refused(path):
    with pytest.raises(ValueError, match="not fitted yet"):
        save(TextModel(estimator()), path)
    with pytest.raises(ValueError, match="cannot save a Pipeline of TfidfVectorizer, RectifierClassifier"):
        save(make_pipeline(TfidfVectorizer(), estimator()), path)


def tampered(change):
    def apply(document):
        change(document["vectorizer"])
        return document

    return apply


@pytest.mark.parametrize(
    "change",
    [
        tampered(lambda vectorizer: vectorizer["words"].pop()),
        tampered(lambda vectorizer: vectorizer["words"].__setitem__(0, 7)),
        tampered(lambda vectorizer: vectorizer["words"].__setitem__(0, vectorizer["words"][1])),
        tampered(lambda vectorizer: vectorizer.__setitem__("class", "Pipeline")),
        tampered(lambda vectorizer: vectorizer.__setitem__("class", [])),
        tampered(lambda vectorizer: vectorizer["parameters"].__setitem__("dtype", "float32")),
        tampered(lambda vectorizer: vectorizer["parameters"].__setitem__("input", "filename")),
        tampered(lambda vectorizer: vectorizer["parameters"].__setitem__("token_pattern", "(")),
        tampered(lambda vectorizer: vectorizer["parameters"].__setitem__("ngram_range", "long")),
        tampered(lambda vectorizer: vectorizer.__setitem__("dtype", "object")),
        tampered(lambda vectorizer: vectorizer.__setitem__("words_are_given", "no")),
        lambda document: {**document, "estimator": "Network"},
        lambda document: {**document, "vectorizer": None},
    ],
)
def test_a_tampered_file_is_refused(change, path, model):
    model.save(path)
    tensors = safetensors.numpy.load_file(path)
    document = change(describe(path))
    path.write_bytes(safetensors.numpy.save(tensors, {METADATA_KEY: json.dumps(document)}))
    with pytest.raises(ModelFileError, match="cannot be used"):
        load(path)
