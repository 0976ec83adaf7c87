"""Raw text and chunks on the command line."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from make_texts import make_texts
from typer.testing import CliRunner

from hardzero.cli import app
from hardzero.model_file import describe, load

FAST = ["--hidden", "16", "--learning-rate", "0.01", "--target-sparsity", "none", "--threads", "1", "--quiet"]


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    texts, labels = make_texts(500)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, np.where(labels, "good", "bad"), strict=True)])
    return path


@pytest.mark.parametrize(
    "options", [[], ["--chunk-rows", "90"], ["--chunk-rows", "90", "--hash-words", "--words", "256"]]
)
def test_raw_text_from_file_to_prediction(options, reviews, tmp_path):
    model = tmp_path / "model.safetensors"
    run(
        "fit",
        reviews,
        "--text",
        "text",
        "--target",
        "label",
        "--epochs",
        "15",
        "-o",
        model,
        "--report",
        *FAST,
        *options,
    )
    assert describe(model)["notes"]["test"]["error"] < 0.1
    assert "RectifierClassifier on reviews.csv" in (tmp_path / "model.html").read_text()
    new = tmp_path / "new.csv"
    new.write_text("id,text\n1,lovely and great\n2,\n3,poor and dull\n")
    result = run("predict", model, new, "-o", tmp_path / "predictions.csv")
    assert "1 of 3 texts are empty" in result.output
    predictions = pd.read_csv(tmp_path / "predictions.csv")["prediction"].tolist()
    assert (predictions[0], predictions[2]) == ("good", "bad")
    assert load(model).predict(["great"]).tolist() == ["good"]


def test_tables_of_numbers_come_in_chunks_scaled(tmp_path):
    path, model = tmp_path / "big.csv", tmp_path / "big.safetensors"
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(1000, 50, (600, 3)), columns=["a", "b", "c"])
    frame["y"] = 3 * frame["a"] - frame["b"]
    frame.to_csv(path, index=False)
    run("fit", path, "--target", "y", "--chunk-rows", "100", "--epochs", "40", "-o", model, "--report", *FAST)
    assert describe(model)["notes"]["test"]["r2"] > 0.95
    predicted = load(model).predict(frame[["a", "b", "c"]])
    assert np.corrcoef(predicted, frame["y"])[0, 1] > 0.97
    page = (tmp_path / "big.html").read_text()
    assert "RectifierRegressor on big.csv" in page
    assert f"{describe(model)['notes']['test']['n_samples']} held-out samples" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "texts"], "no column 'texts'"),
        (["--text", "label"], "both the text and the target"),
        (["--text", "text", "--chunk-rows", "90", "--solver", "lbfgs"], "--solver adam or sgd"),
        (["--text", "text", "--chunk-rows", "90", "--checkpoint", "state"], "leave out --checkpoint or --chunk-rows"),
        (["--text", "text", "--encoding", "utf-16"], "not utf-16"),
        (["--words", "10", "--ignore", "text"], "no column left"),
    ],
)
def test_wrong_usage_is_explained(arguments, message, reviews, tmp_path):
    result = CliRunner().invoke(
        app, ["fit", str(reviews), "--target", "label", "-o", str(tmp_path / "m.safetensors"), *FAST, *arguments]
    )
    assert result.exit_code == 2
    assert message in result.output
