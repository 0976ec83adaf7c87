"""`to_onnx` and ``hardzero export``: ONNX Runtime predicts what the estimator predicts."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from hardzero import RectifierClassifier, RectifierRegressor, TextModel
from hardzero.activations import Softplus
from hardzero.cli import app
from hardzero.interop import to_onnx

onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
THREE = np.digitize(X[:, 0], [-0.5, 0.5])


def outputs(path) -> dict[str, np.ndarray]:
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


@pytest.mark.parametrize("activation", ["relu", "signed_relu", "tanh", "logistic", "identity", Softplus(3.0)])
@pytest.mark.parametrize(
    "y",
    [
        np.where(X[:, 0] > 0, "yes", "no"),
        X[:, 0] > 0,
        THREE * 10 - 5,
        THREE.astype(float),
        np.array(["ä", "b", "c"], dtype=object)[THREE],
        (X[:, :3] > 0).astype(int),
    ],
    ids=["two names", "two truth values", "whole numbers", "floats", "objects", "several labels"],
)
def test_a_classifier_keeps_labels_and_probabilities(tmp_path, y, activation):
    classifier = RectifierClassifier((9, 7), activation=activation, max_iter=5, random_state=0).fit(X, y)
    to_onnx(classifier, tmp_path / "model.onnx")
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
    result = outputs(tmp_path / "model.onnx")
    np.testing.assert_array_equal(result["label"], classifier.predict(X))
    np.testing.assert_allclose(result["probabilities"], classifier.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_regressor_keeps_its_predictions(tmp_path, loss):
    y = np.abs(X[:, :2])
    regressor = RectifierRegressor(loss, (9,), max_iter=5, random_state=0).fit(X, y)
    to_onnx(regressor, tmp_path / "model.onnx")
    np.testing.assert_allclose(outputs(tmp_path / "model.onnx")["prediction"], regressor.predict(X), rtol=1e-5)


def test_a_network_keeps_its_scores(tmp_path):
    classifier = RectifierClassifier((9,), max_iter=5, random_state=0).fit(X, THREE)
    to_onnx(classifier.network_, tmp_path / "model.onnx")
    np.testing.assert_allclose(
        outputs(tmp_path / "model.onnx")["scores"], classifier.to_predictor().scores(X), atol=1e-5
    )


def test_a_model_of_texts_is_refused(tmp_path):
    model = TextModel(RectifierRegressor(hidden_layer_sizes=(9,), max_iter=2)).fit(["good", "bad"] * 5, [1.0, 0.0] * 5)
    with pytest.raises(ValueError, match="of a TextModel its estimator_"):
        to_onnx(model, tmp_path / "model.onnx")


def test_an_activation_that_onnx_lacks_is_refused_and_the_older_file_stays(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("older")
    regressor = RectifierRegressor(hidden_layer_sizes=(9,), activation="lif", max_iter=2).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="lif"):
        to_onnx(regressor, path)
    assert path.read_text() == "older"


def test_the_command_writes_the_model_beside_its_file(tmp_path):
    model = tmp_path / "model.safetensors"
    classifier = RectifierClassifier((9,), max_iter=5, random_state=0).fit(X, THREE)
    classifier.save(model)
    for _ in range(2):  # the second time over the first file
        result = CliRunner().invoke(app, ["export", str(model)])
        assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(outputs(tmp_path / "model.onnx")["label"], classifier.predict(X))


def test_models_of_several_versions_are_exported_beside_each_other(tmp_path):
    for number in (1, 2):
        RectifierClassifier((number,), max_iter=2).fit(X, THREE).save(tmp_path / f"model.v{number}")
        assert CliRunner().invoke(app, ["export", str(tmp_path / f"model.v{number}")]).exit_code == 0
    assert {path.name for path in tmp_path.glob("*.onnx")} == {"model.v1.onnx", "model.v2.onnx"}


def test_the_command_replaces_no_file_of_another_kind(tmp_path):
    model, other = tmp_path / "model.safetensors", tmp_path / "notes.onnx"
    RectifierClassifier((9,), max_iter=5).fit(X, THREE).save(model)
    other.write_text("notes")
    result = CliRunner().invoke(app, ["export", str(model), "--output", str(other)])
    assert result.exit_code == 2
    assert "--force" in result.output
    assert other.read_text() == "notes"
    assert CliRunner().invoke(app, ["export", str(model), "--output", str(other), "--force"]).exit_code == 0
    assert outputs(other)


def test_the_command_refuses_a_model_of_texts(tmp_path):
    model = tmp_path / "model.safetensors"
    texts, ratings = ["good", "bad"] * 5, [1.0, 0.0] * 5
    TextModel(RectifierRegressor(hidden_layer_sizes=(9,), max_iter=2)).fit(texts, ratings).save(model)
    result = CliRunner().invoke(app, ["export", str(model)])
    assert result.exit_code == 2
    assert "estimator_" in result.output


def test_without_onnx_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    regressor = RectifierRegressor(hidden_layer_sizes=(9,), max_iter=2).fit(X, X[:, 0])
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"hardzero\[onnx\]"):
        to_onnx(regressor, tmp_path / "model.onnx")
    regressor.save(tmp_path / "model")
    result = CliRunner().invoke(app, ["export", str(tmp_path / "model")])
    assert result.exit_code == 1
    assert result.output == "hardzero: this needs the package onnx: pip install 'hardzero[onnx]'\n"
