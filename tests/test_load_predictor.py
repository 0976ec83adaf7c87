"""The lean prediction path straight from a model file."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import safetensors
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

import hardzero
from hardzero import DenoisingAutoencoder, RectifierClassifier, RectifierRegressor, TextModel, load_predictor
from hardzero.model_file import ModelFileError, save

X = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
LABELS = np.arange(40) % 3


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("activation", ["relu", "tanh", "lif"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_it_predicts_the_bits_of_the_models_own(path, activation, precision):
    model = RectifierClassifier((9, 5), activation=activation, max_iter=2, random_state=0).fit(X, LABELS)
    model.save(path)
    predict = load_predictor(path, precision=precision, n_threads=2)
    np.testing.assert_array_equal(predict(X), model.to_predictor(precision, 2)(X))
    assert (predict.precision, predict.n_threads) == (precision, 2)


def test_regressors_and_networks(path):
    model = RectifierRegressor(hidden_layer_sizes=(9,), loss="poisson", max_iter=2, random_state=0).fit(X, LABELS)
    for saved in (model, model.network_):
        save(saved, path)
        np.testing.assert_array_equal(load_predictor(path)(X), model.to_predictor()(X))


@pytest.mark.parametrize("make", [TextModel, lambda estimator: make_pipeline(CountVectorizer(), estimator)])
def test_text_models_take_texts(path, make):
    texts = ["good film", "bad film", "so good", "so bad"] * 5
    model = make(RectifierClassifier((4,), max_iter=2, random_state=0)).fit(texts, [1, 0] * 10)
    save(model, path)
    np.testing.assert_allclose(load_predictor(path)(texts)[:, -1], model.predict_proba(texts)[:, 1], rtol=1e-6)


def test_a_text_model_is_read_once(path, monkeypatch):
    TextModel(RectifierClassifier((4,), max_iter=2)).fit(["good film", "bad film"] * 10, [1, 0] * 10).save(path)
    opened, open_file = [], safetensors.safe_open
    monkeypatch.setattr(
        safetensors, "safe_open", lambda *names, **kind: opened.append(names) or open_file(*names, **kind)
    )
    load_predictor(path)
    assert len(opened) == 1


def test_nothing_that_training_needs_is_imported(path):
    RectifierClassifier((9,), max_iter=2, random_state=0).fit(X, LABELS).save(path)
    code = (
        "import sys, numpy, hardzero\n"
        f"predict = hardzero.load_predictor({str(path)!r})\n"
        "for rows in (numpy.zeros((2, 7), 'f'), [[0.0] * 7] * 2):\n"
        "    assert predict(rows).shape == (2, 3)\n"
        "    assert predict.cost(rows).active.shape == (2, 2)\n"
        "assert not sys.modules.keys() & {'sklearn', 'scipy', 'pandas', 'joblib'}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_does_not_predict_is_refused(path):
    DenoisingAutoencoder(4, max_iter=1).fit(X).save(path)
    with pytest.raises(ValueError, match="holds a DenoisingAutoencoder, which does not predict"):
        load_predictor(path)


def test_damage_and_wrong_arguments_are_named(path):
    RectifierClassifier((9,), max_iter=2, random_state=0).fit(X, LABELS).save(path)
    with pytest.raises(ValueError, match="unknown precision 'int4'"):
        load_predictor(path, precision="int4")
    with pytest.raises(FileNotFoundError):
        load_predictor(path.with_name("none.safetensors"))
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    with pytest.raises(ModelFileError, match=r"truncated|incomplete|damaged"):
        load_predictor(path)
    path.write_bytes(content.replace(b'\\"n_units\\": 9', b'\\"n_units\\": 8'))
    assert path.read_bytes() != content
    with pytest.raises(ModelFileError, match=f"cannot be used.*hardzero {hardzero.__version__}"):
        load_predictor(path)
