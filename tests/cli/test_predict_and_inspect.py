"""``hardzero predict`` and ``hardzero inspect``."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_array
from sklearn.datasets import dump_svmlight_file
from typer.testing import CliRunner

import hardzero
from hardzero import datasets
from hardzero.cli import app
from hardzero.cli.class_labels import labels_as_fitted
from hardzero.model_file import describe

QUICK = ("--hidden", "16,12", "--epochs", "6", "--threads", "1")
COLUMNS = ("length", "width", "depth")


@pytest.fixture
def model(run, table, tmp_path):
    result = run("fit", table, "--target", "species", "--ignore", "id", "--ignore", "weight", *QUICK)
    assert result.exit_code == 0, result.output
    return tmp_path / "insects.safetensors"


def csv(result):
    assert result.exit_code == 0, result.output
    return pd.read_csv(io.StringIO(result.stdout))


def test_columns_are_found_by_name(run, model, table, tmp_path):
    frame = pd.read_csv(table)
    expected = hardzero.load(model).predict(frame[list(COLUMNS)])
    np.testing.assert_array_equal(csv(run("predict", model, table))["prediction"], expected)
    shuffled = tmp_path / "shuffled.csv"
    frame[["depth", "length", "width"]].to_csv(shuffled, index=False)
    result = run("predict", model, shuffled)
    np.testing.assert_array_equal(csv(result)["prediction"], expected)
    assert result.stderr == ""


def test_decimal_commas_are_read_as_those_of_the_fit(run, table):
    frame = pd.read_csv(table)
    frame.to_csv("comma.csv", index=False, sep=";", decimal=",")
    frame.to_csv("point.csv", index=False)
    options = ("--target", "species", "--ignore", "id", "--ignore", "weight", *QUICK)
    assert run("fit", "comma.csv", "--decimal", ",", *options).exit_code == 0
    expected = csv(run("predict", "comma.safetensors", "comma.csv"))
    assert csv(run("predict", "comma.safetensors", "point.csv", "--decimal", ".")).equals(expected)
    result = run("predict", "comma.safetensors", "comma.csv", "--decimal", ".")
    assert result.exit_code == 2
    assert "--decimal ," in result.stderr
    assert run("report", "comma.safetensors", "comma.csv").exit_code == 0


def test_a_file_is_read_as_the_one_of_the_fit(run, table):
    frame = pd.read_csv(table)
    new = frame[[*COLUMNS, "species"]].replace("bee", "abeille mellifère")
    new.to_csv("new.csv", index=False, header=False, encoding="utf-16", sep=" ")
    layout = ("--no-header", "--encoding", "utf-16", "--delimiter", " ")
    assert run("fit", "new.csv", *layout, "--target", "3", *QUICK).exit_code == 0
    assert len(csv(run("predict", "new.safetensors", "new.csv"))) == len(frame)
    columns = ["column_1", "column_2", "column_3", "species"]
    new.set_axis(columns, axis="columns").to_csv("named.csv", index=False)
    options = ("--header", "--encoding", "utf-8", "--delimiter", ",")
    assert len(csv(run("predict", "new.safetensors", "named.csv", *options))) == len(frame)


def test_names_with_blanks_are_those_that_pandas_found(run, table, tmp_path):
    frame = pd.read_csv(table)
    frame = frame[[*COLUMNS, "species"]].set_axis([" length", "width ", "depth", " species"], axis="columns")
    frame.to_csv("blanks.csv", index=False)
    X, y = frame.iloc[:, :3], frame[" species"]
    fitted = hardzero.RectifierClassifier((8,), max_iter=3, target_sparsity=None, random_state=0).fit(X, y)
    fitted.save(tmp_path / "blanks.safetensors")
    result = run("predict", "blanks.safetensors", "blanks.csv")
    np.testing.assert_array_equal(csv(result)["prediction"], fitted.predict(X))
    assert run("report", "blanks.safetensors", "blanks.csv", "--target", "species").exit_code == 0


def test_columns_of_arrays_are_found_by_name(run, model, table, tmp_path):
    frame = pd.read_csv(table)
    expected = hardzero.load(model).predict(frame[list(COLUMNS)])
    names = ["depth", "id", "length", "width"]
    np.savez(tmp_path / "new.npz", X=frame[names].to_numpy(), feature_names=np.array(names))
    result = run("predict", model, "new.npz")
    np.testing.assert_array_equal(csv(result)["prediction"], expected)
    assert "does not use: id" in result.stderr


def save_sparse(path, X, names, **more):
    S = csr_array(X)
    np.savez(path, data=S.data, indices=S.indices, indptr=S.indptr, shape=S.shape, feature_names=names, **more)


@pytest.fixture
def sparse_model(run, tmp_path, request):
    """A model of sparse samples with named columns, its predictions, and the same samples with other columns."""
    X = np.random.default_rng(0).random((300, 5)).astype(np.float32)
    names, y = np.array(["a", "b", "c", "d", "e"]), (X[:, 1] > 0.5).astype(int)
    save_sparse(tmp_path / "old.npz", X, names, y=y)
    save_sparse(tmp_path / "new.npz", X[:, ::-1], names[::-1], y=y)
    pd.DataFrame(X[:, ::-1], columns=names[::-1]).assign(id=1).to_csv(tmp_path / "new.csv", index=False)
    result = run("fit", "old.npz", *QUICK, *request.param)
    assert result.exit_code == 0, result.output
    return tmp_path / "old.safetensors", hardzero.load(tmp_path / "old.safetensors").predict(csr_array(X))


in_memory_and_in_chunks = pytest.mark.parametrize(
    "sparse_model", [(), ("--chunk-rows", "100")], ids=["memory", "chunks"], indirect=True
)


@in_memory_and_in_chunks
@pytest.mark.parametrize("data", ["new.npz", "new.csv"])
def test_columns_of_sparse_arrays_are_found_by_name(run, sparse_model, data):
    model, expected = sparse_model
    result = run("predict", model, data)
    np.testing.assert_array_equal(csv(result)["prediction"], expected)
    assert "Warning" not in result.stderr
    assert "5: a, b, c, d, e" in run("inspect", model).stdout


@in_memory_and_in_chunks
def test_columns_are_found_by_name_after_a_model_was_loaded_and_saved(run, sparse_model, tmp_path):
    model, expected = sparse_model
    hardzero.load(model).save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == model.read_bytes()
    result = run("predict", "again.safetensors", "new.npz")
    np.testing.assert_array_equal(csv(result)["prediction"], expected)


@in_memory_and_in_chunks
def test_a_page_has_the_columns_of_the_model(run, sparse_model, monkeypatch):
    shown = []
    monkeypatch.setattr("hardzero.report.write_report", lambda estimator, page, data, *_, **__: shown.append(data))
    for data in ("old.npz", "new.npz"):
        result = run("report", sparse_model[0], data)
        assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(shown[0][0].toarray(), shown[1][0].toarray())
    np.testing.assert_array_equal(shown[0][1], shown[1][1])


def test_columns_are_found_by_name_after_a_fit_to_splits_of_a_file(run, tmp_path):
    X = np.random.default_rng(0).random((300, 5)).astype(np.float32)
    names, y = np.array(["a", "b", "c", "d", "e"]), (X[:, 1] > 0.5).astype(int)
    parts = zip(("train", "validation", "test"), np.split(X, [150, 200]), np.split(y, [150, 200]), strict=True)
    arrays = {f"{name}_{part}": array for part, *pair in parts for name, array in zip("Xy", pair, strict=True)}
    np.savez(tmp_path / "old.npz", **arrays, feature_names=names)
    np.savez(tmp_path / "new.npz", X=X[:, ::-1], feature_names=names[::-1])
    assert run("fit", "old.npz", *QUICK).exit_code == 0
    expected = hardzero.load(tmp_path / "old.safetensors").predict(pd.DataFrame(X, columns=names))
    np.testing.assert_array_equal(csv(run("predict", "old.safetensors", "new.npz"))["prediction"], expected)


def test_notes_of_ones_own_may_be_called_feature_names(run, tmp_path):
    X, y = np.random.default_rng(0).random((60, 2)), np.arange(60) % 2
    fitted = hardzero.RectifierClassifier((8,), solver="lbfgs", max_iter=20).fit(X, y)
    pd.DataFrame(X, columns=["a", "b"]).to_csv(tmp_path / "new.csv", index=False)
    for note in ("names", ["a"], [1, 2], {"a": 1}):
        fitted.save(tmp_path / "own.safetensors", notes={"feature_names": note})
        np.testing.assert_array_equal(
            csv(run("predict", "own.safetensors", "new.csv"))["prediction"], fitted.predict(X)
        )


@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("options", [(), ("--chunk-rows", "100")], ids=["memory", "chunks"])
def test_indices_begin_where_they_did_in_the_data_of_the_model(run, tmp_path, zero_based, options):
    X = np.random.default_rng(0).random((300, 4)).astype(np.float32)
    y = np.where(X[:, 1] > 0.5, 2, 1)
    dump_svmlight_file(X, y, str(tmp_path / "old.svmlight"), zero_based=zero_based)
    assert run("fit", "old.svmlight", *QUICK, *options).exit_code == 0
    X[:, [0, 3]] = 0
    dump_svmlight_file(X, y, str(tmp_path / "new.svmlight"), zero_based=zero_based)
    model = hardzero.load(tmp_path / "old.safetensors")
    np.testing.assert_array_equal(
        csv(run("predict", "old.safetensors", "new.svmlight"))["prediction"], model.predict(X)
    )
    model.save(tmp_path / "own.safetensors", notes={})
    result = run("predict", "own.safetensors", "new.svmlight")
    assert result.exit_code == 2
    assert "Say --first-index 0, as scikit-learn writes them, or --first-index 1" in result.stderr
    frame = csv(run("predict", "own.safetensors", "new.svmlight", "--first-index", 0 if zero_based else 1))
    np.testing.assert_array_equal(frame["prediction"], model.predict(X))


def test_where_indices_begin_may_be_said_to_fit(run, tmp_path):
    X = np.random.default_rng(0).random((300, 4)).astype(np.float32)
    X[:, 0] = 0
    dump_svmlight_file(X, np.where(X[:, 1] > 0.5, 2, 1), str(tmp_path / "a.svmlight"))
    assert run("fit", "a.svmlight", *QUICK, "--first-index", "0").exit_code == 0
    assert hardzero.load(tmp_path / "a.safetensors").n_features_in_ == 4
    assert describe(tmp_path / "a.safetensors")["notes"]["reading"]["first_index"] == 0
    result = run("report", "a.safetensors", "a.svmlight")
    assert result.exit_code == 0, result.output


def test_unused_columns_are_named_but_not_the_target(run, model, table):
    result = run("predict", model, table)
    assert "does not use: id, weight" in result.stderr


def test_probabilities(run, model, table):
    frame = csv(run("predict", model, table, "--proba"))
    assert list(frame) == ["prediction", "probability_ant", "probability_bee"]
    np.testing.assert_allclose(frame["probability_ant"] + frame["probability_bee"], 1, atol=1e-6)
    likely = np.where(frame["probability_bee"] > 0.5, "bee", "ant")
    np.testing.assert_array_equal(likely, frame["prediction"])


def test_labels_have_one_number_in_predictions_and_probabilities(run, tmp_path):
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(60, 3)), columns=["a", "b", "c"])
    X.to_csv(tmp_path / "new.csv", index=False)
    y = (X[["a", "b"]].to_numpy() > 0).astype(int)
    settings = {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 2000, "random_state": 0}
    for targets in (y, csr_array(y)):
        hardzero.RectifierClassifier(**settings).fit(X, targets).save("labels.safetensors")
        frame = csv(run("predict", "labels.safetensors", "new.csv", "--proba"))
        assert list(frame) == ["prediction_0", "prediction_1", "probability_0", "probability_1"]
        np.testing.assert_array_equal(frame.iloc[:, :2], y)
        np.testing.assert_array_equal(frame.iloc[:, 2:] > 0.5, y)
    hardzero.RectifierRegressor(**settings).fit(X, y).save("values.safetensors")
    assert list(csv(run("predict", "values.safetensors", "new.csv"))) == ["prediction_1", "prediction_2"]


def test_output_file(run, model, table, tmp_path):
    result = run("predict", model, table, "--output", "predictions.csv")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 150


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("length,width\n1,2\n", "depth"),
        ("length,width,depth\n1,2,x\n", "'x' in row 2"),
        ("length,width,depth\n1,,3\n", "'width' is missing in row 2"),
        ("length,width,depth\n1,2,inf\n", "depth"),
        ("length,width,depth\n", "no rows"),
        ("", "empty"),
    ],
)
def test_bad_data(content, message, run, model, tmp_path):
    data = tmp_path / "new.csv"
    data.write_text(content)
    result = run("predict", model, data)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_models_and_data_that_are_not(run, model, table, tmp_path):
    assert "there is no file" in run("predict", "nosuch", table).stderr
    assert "there is no file" in run("predict", model, "nosuch.csv").stderr
    assert "no hardzero model file" in run("predict", table, table).stderr
    assert "takes 3" in run("predict", model, "digits").stderr
    hardzero.model_file.save(hardzero.load(model).network_, tmp_path / "network")
    assert "holds a Network" in run("predict", tmp_path / "network", table).stderr
    for arguments in (("nosuch", table), (table, table), (model, "digits"), (tmp_path / "network", table)):
        assert run("predict", *arguments).exit_code == 2


def test_no_threads_are_refused_before_data_are_read(run, model):
    result = run("predict", model, "nosuch.csv", "--threads", "0")
    assert result.exit_code == 2
    assert "'--threads': 0 threads" in result.stderr


def test_named_data_sets(run, tmp_path):
    assert run("fit", "digits", *QUICK).exit_code == 0
    assert len(csv(run("predict", "digits.safetensors", "digits"))) == 360
    assert "'digits' has no variants" in run("predict", "digits.safetensors", "digits:even").stderr


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("a,target\n1,2\n")])
def test_a_folder_or_file_does_not_hide_a_named_data_set(run, tmp_path, make):
    make(tmp_path / "digits")
    assert run("fit", "digits", *QUICK).exit_code == 0
    assert "reading" not in describe(tmp_path / "digits.safetensors")["notes"]
    assert len(csv(run("predict", "digits.safetensors", "digits"))) == 360
    result = run("report", "digits.safetensors", "digits")
    assert result.exit_code == 0, result.output
    result = run("fit", "digits", *QUICK, "--chunk-rows", "100")
    assert result.exit_code == 2
    assert "--chunk-rows is for files; digits is a named data set" in result.stderr


def test_the_variant_of_a_named_data_set(run, monkeypatch):
    assert run("fit", "digits", *QUICK).exit_code == 0
    digits = datasets.load("digits")
    monkeypatch.setattr(datasets, "load", {"EMNIST-ByClass:deformed": digits}.__getitem__)
    assert len(csv(run("predict", "digits.safetensors", "EMNIST-ByClass:deformed"))) == 360


def test_texts_are_told_from_features(run, model, monkeypatch):
    texts = np.array(["good", "bad"], dtype=object)
    split = datasets.Split(texts, np.array([1, 0]))
    reviews = replace(datasets.load("digits"), train=split, validation=split, test=split, is_text=True)
    monkeypatch.setattr(datasets, "load", {"reviews": reviews}.__getitem__)
    result = run("predict", model, "reviews")
    assert result.exit_code == 2
    assert f"reviews holds raw texts; {model} takes 3 features" in result.stderr


@pytest.mark.parametrize("labels", [("01", "1", "10"), (str(2**60), str(2**60 + 1), "5")])
def test_labels_are_written_as_they_stand_in_the_file(run, tmp_path, labels):
    path = tmp_path / "labels.csv"
    path.write_text("a,b,label\n" + "".join(f"{i % 3 == 0:d},{i % 3 == 1:d},{labels[i % 3]}\n" for i in range(90)))
    options = ("--hidden", "16", "--epochs", "60", "--target-sparsity", "none", "--threads", "1", "-o", "m.safetensors")
    assert run("fit", path, *options).exit_code == 0
    frame = pd.read_csv(io.StringIO(run("predict", "m.safetensors", path).stdout), dtype=str)
    assert frame["prediction"].tolist() == list(labels) * 30
    report = run("report", "m.safetensors", path, "-o", "page.html")
    assert report.exit_code == 0, report.output


def test_large_labels_of_a_file_are_those_of_a_model_fitted_to_numbers():
    y = labels_as_fitted(np.array([str(2**60), str(2**60 + 1), "07"]), np.array([7, 2**60, 2**60 + 1]), "a.csv")
    assert y.tolist() == [2**60, 2**60 + 1, 7]


def test_warnings_are_shown_in_a_line(run):
    texts = pd.DataFrame({"words": ["good film", "bad film"] * 30, "label": [1, 0] * 30})
    texts.to_csv("texts.csv", index=False)
    assert run("fit", "texts.csv", "--text", "words", *QUICK).exit_code == 0
    texts.assign(words="bon").to_csv("other.csv", index=False)
    result = run("predict", "texts.safetensors", "other.csv")
    assert len(csv(result)) == len(texts)
    assert result.stderr.startswith("warning: no word of the 60 texts is in the vocabulary")


def test_several_targets(run, table, tmp_path):
    options = ("--target", "weight", "--target", "length", "--ignore", "id", "--ignore", "species")
    assert run("fit", table, *options, *QUICK).exit_code == 0
    assert list(csv(run("predict", "insects.safetensors", table))) == ["prediction_weight", "prediction_length"]
    result = run("predict", "insects.safetensors", table, "--proba")
    assert result.exit_code == 2
    assert "no classes" in result.stderr


def test_a_closed_pipe_is_no_error(model, table):
    command = f"{sys.executable} -m hardzero predict {model} {table} | head -n 1"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert finished.stdout == "prediction\n"
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("packed", [False, True])
def test_samples_from_a_pipe(run, model, table, packed):
    content = table.read_bytes()
    result = CliRunner().invoke(app, ["predict", str(model), "-"], input=gzip.compress(content) if packed else content)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == run("predict", model, table).stdout
    command = f"{sys.executable} -m hardzero predict {model} <(cat {table})"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert finished.stdout == result.stdout


def test_arrays_from_a_pipe(run, model, table):
    frame = pd.read_csv(table)
    content = io.BytesIO()
    np.savez(content, X=frame[list(COLUMNS)].to_numpy(np.float32))
    result = CliRunner().invoke(app, ["predict", str(model), "-"], input=content.getvalue())
    assert result.exit_code == 0, result.stderr
    assert result.stdout == run("predict", model, table).stdout


def test_a_closed_standard_input_is_named(model):
    command = f"{sys.executable} -m hardzero predict {model} - <&-"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "'-' reads data from a pipe, and there is none" in finished.stderr


@pytest.mark.parametrize(
    "command", ["predict {model} {table}", "evaluate {model} {table} --json", "inspect {model} --json"]
)
def test_a_closed_standard_output_is_named(command, model, table):
    command = f"{sys.executable} -m hardzero {command.format(model=model, table=table)} >&-"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "standard output is closed: open it" in finished.stderr
    assert ("--output" in finished.stderr) == ("predict" in command)


def test_predictions_need_no_standard_output(run, model, table, tmp_path):
    command = f"{sys.executable} -m hardzero predict {model} {table} -o predictions.csv >&-"
    subprocess.run(["bash", "-c", command], check=True, cwd=tmp_path)
    assert (tmp_path / "predictions.csv").read_text() == run("predict", model, table).stdout


def test_a_dash_is_standard_output(run, model, table, tmp_path):
    result = run("predict", model, table, "--output", "-")
    assert len(csv(result)) == 150
    assert result.stdout == run("predict", model, table).stdout
    assert not (tmp_path / "-").exists()


def test_nothing_of_a_pipe_is_left(model, table, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = f"{sys.executable} -m hardzero predict {model} - < {table}"
    environment = {**os.environ, "TMPDIR": str(folder)}
    subprocess.run(["bash", "-c", command], capture_output=True, env=environment, check=True)
    assert list(folder.iterdir()) == []


def test_a_mistake_is_told_before_a_pipe_is_read(run, tmp_path):
    command = [sys.executable, "-m", "hardzero", "predict", str(tmp_path / "missing.safetensors"), "-"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1) as process:
        assert process.wait(timeout=60) == 2


def test_fit_reads_a_pipe_and_names_the_model_by_itself(run, table, tmp_path):
    options = ["--target", "species", "--ignore", "weight", "--hidden", "16", "--epochs", "2"]
    result = CliRunner().invoke(app, ["fit", "-", *options], input=table.read_bytes())
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(("content", "message"), [
    (b"", "hardzero: standard input is empty\n"),
    (b"a,y\n1,2\n", "hardzero: standard input has no column 'z' for the target. Its columns are a, y\n"),
    (b"a,z\n1,2\n,3\n", "in row 3 of standard input; "),
])  # fmt: skip
def test_messages_name_a_pipe_and_not_its_copy(content, message):
    result = CliRunner().invoke(app, ["fit", "-", "--target", "z"], input=content)
    assert result.exit_code == 2
    assert message in result.stderr


def test_predictions_are_packed_where_the_name_says_so(run, model, table, tmp_path):
    assert run("predict", model, table, "-o", "predictions.csv.gz").exit_code == 0
    with gzip.open(tmp_path / "predictions.csv.gz", "rt") as file:
        assert file.read() == run("predict", model, table).stdout


def test_inspect(run, model):
    result = run("inspect", model)
    assert result.exit_code == 0, result.output
    for part in (
        "RectifierClassifier",
        "length, width, depth",
        "ant, bee",
        "insects.csv",
        "relu",
        "16",
        "adam, 6 epochs",
    ):
        assert part in result.stdout, part
    description = json.loads(run("inspect", model, "--json").stdout)
    assert description["architecture"]["n_features"] == 3
    assert description["notes"]["targets"] == ["species"]


def test_inspect_counts_the_parameters_of_each_layer(run, model):
    rows = [line.split() for line in run("inspect", model).stdout.splitlines()]
    counted = {row[0]: row[2:4] for row in rows if row and row[0] in ("1", "2")}
    assert counted == {"1": ["16", str(3 * 16 + 16)], "2": ["12", str(16 * 12 + 12)]}
    assert ["all", str(3 * 16 + 16 + 16 * 12 + 12 + 12 + 1)] in rows


def test_inspect_refuses_a_model_of_which_an_array_is_missing(run, model):
    with safe_open(model, framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(model)
    del arrays[min(arrays)]
    save_file(arrays, model, metadata)
    result = run("inspect", model)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_names_in_square_brackets_are_shown_as_they_are(run, tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.random((60, 2)), columns=["weight [kg]", "rate [/min]"])
    frame["target"] = np.where(frame["rate [/min]"] > 0.5, "[high]", "[/low]")
    folder = tmp_path / "plants[old"
    folder.mkdir()
    frame.to_csv(folder / "plants[red].csv", index=False)
    result = run("fit", folder / "plants[red].csv", *QUICK)
    assert result.exit_code == 0, result.output
    assert "plants[red].csv: " in result.stderr
    result = run("inspect", "plants[red].safetensors")
    assert result.exit_code == 0, result.output
    for part in (
        "plants[red].safetensors, written",
        "2: weight [kg], rate [/min]",
        "[/low], [high]",
        "plants[red].csv, ",
    ):
        assert part in result.stdout
    frame.to_csv(folder / "b].csv", index=False)
    result = run("fit", folder / "b].csv", *QUICK, "--chunk-rows", "30")
    assert result.exit_code == 0, result.output
    assert "plants[old/b].csv: " in result.stderr


def test_inspect_a_model_saved_from_python(run, tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 3))
    regressor = hardzero.RectifierRegressor("squared_error", (5,), solver="lbfgs", activation="softplus", max_iter=2000)
    regressor.fit(X, X[:, 0])
    regressor.save(tmp_path / "plain")
    result = run("inspect", tmp_path / "plain")
    assert result.exit_code == 0, result.output
    assert "softplus(beta=1)" in result.stdout
    (tmp_path / "broken").write_bytes((tmp_path / "plain").read_bytes()[:-4])
    assert run("inspect", tmp_path / "broken").exit_code == 2


def test_inspect_autoencoders(run, tmp_path):
    X = np.random.default_rng(0).random((60, 8))
    models = {
        "stack": hardzero.StackedDenoisingAutoencoder((6, 4), max_iter=2),
        "plain": hardzero.DenoisingAutoencoder(5, "softplus", corruption=None, max_iter=2),
        "atoms": hardzero.SparseAutoencoder(20, target_activity=0.1, selection="top_k", max_iter=2),
    }
    shown = {}
    for name, model in models.items():
        model.fit(X).save(tmp_path / name)
        result = run("inspect", tmp_path / name)
        assert result.exit_code == 0, result.output
        shown[name] = result.stdout
    for part in ("StackedDenoisingAutoencoder", "masking, level=0.25", "adam, 2 epochs", "dead units", "last loss"):
        assert part in shown["stack"], part
    assert "none" in shown["plain"]
    assert "top_k(k=2)" in shown["atoms"]
    assert "90.0%" in shown["atoms"]


def test_inspect_shows_all_constants_in_a_narrow_window(run, tmp_path, monkeypatch):
    X = np.random.default_rng(0).random((30, 8))
    hardzero.StackedDenoisingAutoencoder((6, 4), activation="softplus", max_iter=1).fit(X).save(tmp_path / "stack")
    hardzero.RectifierClassifier((5,), activation="lif", max_iter=1).fit(X, X[:, 0] > 0.5).save(tmp_path / "classifier")
    for name, width in (("stack", "80"), ("classifier", "64")):
        monkeypatch.setenv("COLUMNS", width)
        assert "…" not in run("inspect", tmp_path / name).stdout


def test_inspect_counts_tied_weights_once(run, tmp_path):
    X = np.random.default_rng(0).random((30, 8))
    for tied, n_parameters in ((False, 2 * 8 * 5 + 5 + 8), (True, 8 * 5 + 5 + 8)):
        autoencoder = hardzero.DenoisingAutoencoder(5, tied_weights=tied, max_iter=1, random_state=0)
        autoencoder.fit(X).save(tmp_path / "model")
        assert f"  {n_parameters} " in run("inspect", tmp_path / "model").stdout
