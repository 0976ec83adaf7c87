"""``hardzero evaluate``."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import dump_svmlight_file, make_multilabel_classification
from sklearn.metrics import precision_score, r2_score, recall_score

import hardzero
from hardzero import datasets

QUICK = ("--hidden", "16,12", "--epochs", "6", "--threads", "1")
FEATURES = ["length", "width", "depth"]


def figures(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def new_table(table, tmp_path):
    """Rows of the same columns in another order, in a file of another name."""
    frame = pd.read_csv(table).iloc[::-1, ::-1]
    frame.to_csv(tmp_path / "new.csv", index=False)
    return frame


def test_classes_of_all_rows_of_a_file(run, table, new_table, tmp_path):
    assert run("fit", table, "--target", "species", "--ignore", "id", "--ignore", "weight", *QUICK).exit_code == 0
    predictions = hardzero.load(tmp_path / "insects.safetensors").predict(new_table[FEATURES])
    found = figures(run("evaluate", "insects.safetensors", "new.csv", "--json"))
    assert found["n_samples"] == 150
    assert found["n_errors"] == (predictions != new_table["species"]).sum()
    for row in found["classes"]:
        only = {"labels": [row["class"]], "average": None}
        assert row["samples"] == (new_table["species"] == row["class"]).sum()
        assert row["recall"] == pytest.approx(recall_score(new_table["species"], predictions, **only)[0], abs=1e-6)
        assert row["precision"] == pytest.approx(
            precision_score(new_table["species"], predictions, **only)[0], abs=1e-6
        )
    result = run("evaluate", "insects.safetensors", "new.csv")
    assert f"({found['n_errors']} of 150; 95 % interval" in result.stdout
    assert any(line.split()[:2] == ["ant", str(found["classes"][0]["samples"])] for line in result.stdout.splitlines())
    assert "Columns that the model does not use: weight, id" in result.stderr
    assert "most rows are not new to it" not in result.stderr
    assert "most rows are not new to it" in run("evaluate", "insects.safetensors", table).stderr


def test_values_of_a_regression(run, table, new_table, tmp_path):
    assert run("fit", table, "--target", "weight", "--ignore", "id", "--ignore", "species", *QUICK).exit_code == 0
    predictions = hardzero.load(tmp_path / "insects.safetensors").predict(new_table[FEATURES])
    found = figures(run("evaluate", "insects.safetensors", "new.csv", "--json"))
    assert found["r2"] == pytest.approx(r2_score(new_table["weight"], predictions), abs=1e-4)
    assert "targets" not in found
    assert "test RMSE" in run("evaluate", "insects.safetensors", "new.csv").stdout


def test_several_values_are_measured_one_by_one(run, table, new_table, tmp_path):
    targets = ("--target", "weight", "--target", "depth", "--ignore", "id", "--ignore", "species")
    assert run("fit", table, *targets, *QUICK).exit_code == 0
    predictions = hardzero.load(tmp_path / "insects.safetensors").predict(new_table[["length", "width"]])
    found = figures(run("evaluate", "insects.safetensors", "new.csv", "--json"))["targets"]
    for index, name in enumerate(("weight", "depth")):
        truth = new_table[name].to_numpy(np.float32)
        assert found[index]["target"] == name
        assert found[index]["r2"] == pytest.approx(r2_score(truth, predictions[:, index]), abs=1e-4)
        assert found[index]["rmse"] == pytest.approx(np.sqrt(np.mean((truth - predictions[:, index]) ** 2)), rel=1e-4)
    other_order = run("evaluate", "insects.safetensors", "new.csv", "--target", "depth", "--target", "weight", "--json")
    assert figures(other_order)["targets"] == found
    lines = run("evaluate", "insects.safetensors", "new.csv").stdout.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["target", "weight", "depth"]


def test_a_named_data_set_is_measured_on_its_test_split(run, tmp_path):
    fitted = run("fit", "digits", *QUICK).stdout.splitlines()[0]
    result = run("evaluate", "digits.safetensors", "digits")
    assert result.stdout.splitlines()[0].split() == fitted.split()
    assert result.stderr == ""
    for options in (("--target", "label"), ("--decimal", ","), ("--first-index", "1")):
        result = run("evaluate", "digits.safetensors", "digits", *options)
        assert result.exit_code == 2
        assert f"{options[0]} cannot be chosen for the named data set 'digits'" in result.stderr


def test_raw_texts(run, tmp_path):
    texts = ["good film", "bad film", "good good", "bad bad bad"] * 10
    frame = pd.DataFrame({"text": texts, "label": ["up", "down"] * 20})
    frame.to_csv(tmp_path / "films.csv", index=False)
    frame.iloc[:7].to_csv(tmp_path / "new.csv", index=False)
    assert run("fit", "films.csv", "--text", "text", *QUICK).exit_code == 0
    predictions = hardzero.load(tmp_path / "films.safetensors").predict(texts[:7])
    found = figures(run("evaluate", "films.safetensors", "new.csv", "--json"))
    assert (found["n_samples"], found["n_errors"]) == (7, (predictions != frame["label"][:7]).sum())


def test_several_labels(run, tmp_path):
    X, y = make_multilabel_classification(120, n_features=6, n_classes=3, random_state=0)
    frame = pd.DataFrame(np.hstack([X, y]), columns=[*"abcdef", "red", "green", "blue"])
    frame.to_csv(tmp_path / "paint.csv", index=False)
    targets = ("--target", "red", "--target", "green", "--target", "blue")
    assert run("fit", "paint.csv", *targets, "--task", "classification", *QUICK).exit_code == 0
    frame.to_csv(tmp_path / "new.csv", index=False)
    found = figures(run("evaluate", "paint.safetensors", "new.csv", "--json"))
    wrong = hardzero.load(tmp_path / "paint.safetensors").predict(frame[list("abcdef")]) != y
    assert found["n_errors"] == wrong.any(axis=1).sum()
    assert [row["class"] for row in found["classes"]] == ["red", "green", "blue"]
    result = run("evaluate", "paint.safetensors", "new.csv", "--target", "red")
    assert result.exit_code == 2
    assert "new.csv has 1 targets, and the model predicts 3" in result.stderr


def test_sparse_rows_of_a_model_that_python_saved(run, tmp_path):
    random = np.random.default_rng(0)
    X = csr_array(np.where(random.random((60, 5)) < 0.5, 0, random.normal(size=(60, 5))).astype(np.float32))
    y = (X[:, [0]].toarray().ravel() > 0).astype(int) - 1
    model = hardzero.RectifierClassifier((8,), max_iter=3).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    dump_svmlight_file(X, y, str(tmp_path / "rows.svmlight"), zero_based=True)
    result = run("evaluate", "m.safetensors", "rows.svmlight")
    assert "name the target column of rows.svmlight with --target" in result.stderr
    found = figures(run("evaluate", "m.safetensors", "rows.svmlight", "--target", "y", "--json"))
    assert found["n_errors"] == (model.predict(X) != y).sum()


def test_of_many_classes_the_worst_are_listed(run, tmp_path):
    random = np.random.default_rng(0)
    y = np.arange(300) % 30
    frame = pd.DataFrame({"a": y + random.normal(size=300), "b": random.normal(size=300), "y": [f"c{i}" for i in y]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert run("fit", "a.csv", *QUICK).exit_code == 0
    lines = run("evaluate", "a.safetensors", "a.csv").stdout.splitlines()
    start = lines.index(next(line for line in lines if line.startswith("the 20 classes of 30 that are recognized")))
    recognized = [float(line.split()[2].rstrip("%")) for line in lines[start + 2 :]]
    assert len(recognized) == 20
    assert recognized == sorted(recognized)


@pytest.mark.parametrize(
    ("rows", "options", "complaint"),
    [
        ("a,b,y\n1,2,cat\n1,2,cow\n", (), "new.csv has the label 'cow', and the classes of the model are cat, dog"),
        ("a,b,y\n1,2,cat\n1,2,\n", (), "target 'y' is missing in row 3 of new.csv"),
        ("a,b\n1,2\n", (), "has no column 'y' for the target"),
        ("a,y\n1,cat\n", (), "lacks 1 of the 2 feature columns of the model: b"),
        ("a,b,y\n", (), "a header and no rows"),
        ("a,b,y\n1,2,cat\n", ("--text", "a"), "takes numbers, not texts"),
    ],
)
def test_what_cannot_be_measured_is_refused(run, tmp_path, rows, options, complaint):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    y = np.where(X["a"] > 0, "cat", "dog")
    X.assign(y=y).to_csv(tmp_path / "old.csv", index=False)
    assert run("fit", "old.csv", *QUICK).exit_code == 0
    (tmp_path / "new.csv").write_text(rows)
    result = run("evaluate", "old.safetensors", "new.csv", *options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_model_that_does_not_predict_is_refused(run, tmp_path):
    X = datasets.load("digits").train.X[:100]
    hardzero.DenoisingAutoencoder(8, max_iter=1).fit(X).save(tmp_path / "code.safetensors")
    result = run("evaluate", "code.safetensors", "digits")
    assert result.exit_code == 2
    assert "which does not predict" in result.stderr
