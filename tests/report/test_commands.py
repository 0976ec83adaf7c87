"""The commands ``hardzero report`` and ``hardzero sweep``."""

import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import typer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from hardzero import DenoisingAutoencoder, RectifierClassifier, TextModel, datasets, model_file
from hardzero.analysis.sparsity_frontier import FrontierPoint, SparsityFrontier
from hardzero.cli import app
from hardzero.cli.finished_networks import FinishedNetworks
from hardzero.cli.fit import fit
from hardzero.cli.report import report
from hardzero.cli.sweep import sweep
from hardzero.training import Trainer


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_report_of_a_model_file(classifier, sweep, tmp_path):
    model_file.save(classifier, tmp_path / "model.safetensors")
    sweep.save(tmp_path / "sweep.json")
    result = run(report, tmp_path / "model.safetensors", "digits", "--sweep", tmp_path / "sweep.json")
    assert result.exit_code == 0, result.output
    html = (tmp_path / "model.html").read_text()
    assert "RectifierClassifier on digits" in html
    assert "Sparsity, accuracy and speed" in html
    assert "Training loss of each epoch" in html


def test_report_without_data(classifier, tmp_path):
    model_file.save(classifier, tmp_path / "model.safetensors")
    result = run(report, tmp_path / "model.safetensors", "-o", tmp_path / "other.html")
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "other.html") in result.output
    assert "hardzero report MODEL DATA" in (tmp_path / "other.html").read_text()


def test_report_of_a_model_of_a_file_finds_its_target(tmp_path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(120, 3)), columns=["a", "b", "c"])
    frame["kind"] = np.where(frame["a"] > 0, "high", "low")
    frame = frame[["kind", "a", "b", "c"]]
    frame.to_csv(tmp_path / "table.csv", index=False)
    fitted = RectifierClassifier((8,), max_iter=5, n_iter_no_change=9).fit(frame[["a", "b", "c"]], frame["kind"])
    model_file.save(fitted, tmp_path / "model.safetensors", notes={"targets": ["kind"]})
    result = run(report, tmp_path / "model.safetensors", tmp_path / "table.csv")
    assert result.exit_code == 0, result.output
    html = (tmp_path / "model.html").read_text()
    assert "error on" in html
    assert ">high<" in html


def test_fit_writes_the_page_too(tmp_path):
    path = tmp_path / "digits.safetensors"
    result = run(fit, "digits", "--hidden", "32", "--epochs", "2", "--quiet", "--report", "-o", path)
    assert result.exit_code == 0, result.output
    html = path.with_suffix(".html").read_text()
    assert "RectifierClassifier on digits" in html
    assert "First layer" in html


def test_a_page_about_a_file_whose_name_is_no_text(tmp_path):
    pd.DataFrame({"a": range(60), "label": ["x", "y"] * 30}).to_csv(tmp_path / "caf\udce9.csv", index=False)
    path = tmp_path / "model.safetensors"
    options = ("--hidden", "8", "--epochs", "2", "--quiet", "--report", "-o", path)
    result = run(fit, tmp_path / "caf\udce9.csv", *options)
    assert result.exit_code == 0, result.output
    assert "on caf?.csv" in path.with_suffix(".html").read_text()


def test_sweep_of_a_regression_standardizes_the_target(tmp_path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(5, 10, size=(150, 2)), columns=["a", "b"])
    frame["price"] = 1000 + 50 * frame["a"]
    frame.to_csv(tmp_path / "table.csv", index=False)
    path = tmp_path / "sweep.json"
    options = ("--target", "price", "--target-sparsity", "0", "--seeds", "1", "--epochs", "40", "--hidden", "32")
    result = run(sweep, tmp_path / "table.csv", *options, "-o", path)
    assert result.exit_code == 0, result.output
    assert SparsityFrontier.load(path).points[0].error < 0.5


def test_errors_of_a_sweep_are_in_standard_deviations_of_the_training_targets(tmp_path):
    generator = np.random.default_rng(0)
    arrays = {f"X_{part}": generator.normal(size=(60, 2)) for part in ("train", "validation", "test")}
    y = 1000 * generator.normal(size=60)
    np.savez(tmp_path / "a.npz", **arrays, y_train=y, y_validation=y, y_test=np.full(60, y.mean() + 5 * y.std()))
    path = tmp_path / "sweep.json"
    options = ("--target-sparsity", "0", "--seeds", "1", "--epochs", "2", "--hidden", "8")
    result = run(sweep, tmp_path / "a.npz", *options, "-o", path)
    assert result.exit_code == 0, result.output
    assert SparsityFrontier.load(path).points[0].error == pytest.approx(5, rel=0.2)


def test_sweep_prints_and_saves_the_frontier(tmp_path):
    path = tmp_path / "sweep.json"
    options = ("--target-sparsity", "0,0.8", "--seeds", "1", "--epochs", "3", "--hidden", "32")
    result = run(sweep, "digits", *options, "-o", path)
    assert result.exit_code == 0, result.output
    assert "against dense" in result.output
    assert [point.target for point in SparsityFrontier.load(path).points] == [0.0, 0.8]


def test_a_sweep_takes_none_as_its_table_prints_it(tmp_path):
    options = ("--target-sparsity", "none", "--seeds", "1", "--epochs", "1", "--hidden", "16")
    result = run(sweep, "digits", *options, "-o", tmp_path / "sweep.json")
    assert result.exit_code == 0, result.output
    assert " none " in result.output
    assert [point.target for point in SparsityFrontier.load(tmp_path / "sweep.json").points] == [0.0]


def test_warnings_of_a_sweep_are_lines_without_python(tmp_path):
    options = ("--target-sparsity", "0.95", "--seeds", "1", "--epochs", "1", "--hidden", "16")
    result = run(sweep, "digits", *options, "-o", tmp_path / "sweep.json")
    assert "warning: --target-sparsity was not reached" in result.stderr
    assert "UserWarning" not in result.stderr


def test_a_sweep_shows_targets_to_their_last_digit(tmp_path):
    options = ("--target-sparsity", "0.985", "--seeds", "1", "--epochs", "1", "--hidden", "16")
    result = run(sweep, "digits", *options, "-o", tmp_path / "sweep.json")
    assert result.exit_code == 0, result.output
    assert " 98.5 % " in result.output


def test_an_interrupted_sweep_keeps_finished_networks_beside_an_older_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "digits-sweep.json"
    older = SparsityFrontier([FrontierPoint(0.5, 0, [0.5], 2.0, 20.0, 2.0, 1.0)], "test error (%)")
    older.save(path)
    step, started = Trainer._step, []

    def interrupted(self, *arguments):
        if len(started) > 1:
            raise KeyboardInterrupt
        return step(self, *arguments)

    def prepare(self):
        started.append(self)
        self.optimizer.prepare(self.network.parameters)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    monkeypatch.setattr(Trainer, "__post_init__", prepare)
    result = run(sweep, "digits", "--target-sparsity", "0", "--seeds", "3", "--epochs", "2", "--hidden", "16")
    assert result.exit_code == 130
    assert "digits-sweep-unfinished.json has the networks" in result.stderr
    assert len(SparsityFrontier.load(tmp_path / "digits-sweep-unfinished.json").points) == 1
    assert SparsityFrontier.load(path) == older


def interrupted_at(n_points, monkeypatch):
    """Let Ctrl-C end a sweep when so many networks are finished."""
    add = FinishedNetworks.add

    def add_or_end(self, point):
        add(self, point)
        if len(self.points) == n_points:
            raise KeyboardInterrupt

    monkeypatch.setattr(FinishedNetworks, "add", add_or_end)


FOUR_NETWORKS = ("digits", "--target-sparsity", "0.2,0", "--seeds", "2", "--epochs", "1", "--hidden", "16")


def test_an_interrupted_sweep_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        interrupted_at(3, patched)
        assert run(sweep, *FOUR_NETWORKS).exit_code == 130
    left = SparsityFrontier.load("digits-sweep-unfinished.json").points
    result = run(sweep, *FOUR_NETWORKS)
    assert result.exit_code == 0, result.output
    assert "Going on from digits-sweep-unfinished.json, 3 of 4 networks are there" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits-sweep.json"]
    points = SparsityFrontier.load("digits-sweep.json").points
    assert points[:3] == left
    assert [(point.target, point.seed) for point in points] == [(0.2, 0), (0.2, 1), (0.0, 0), (0.0, 1)]


@pytest.mark.parametrize(
    "change",
    [("--epochs", 2), ("--split-seed", 1), ("--hidden", 8), ("--seeds", 1), ("--target-sparsity", 0.2)],
    ids=lambda change: change[0],
)
def test_a_sweep_does_not_go_on_from_other_settings_nor_lose_networks(change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=list("ab")).assign(y=[0, 1] * 30)
    table.to_csv("table.csv", index=False)
    with monkeypatch.context() as patched:
        interrupted_at(3, patched)
        assert run(sweep, "table.csv", *FOUR_NETWORKS[1:]).exit_code == 130
    left = (tmp_path / "table-sweep-unfinished.json").read_text()
    result = run(sweep, "table.csv", *FOUR_NETWORKS[1:], *change)
    assert result.exit_code == 0, result.output
    assert "Going on" not in result.stderr
    assert (tmp_path / "table-sweep-unfinished.json").read_text() == left


ONE_NETWORK = ("digits", "--target-sparsity", "0", "--seeds", "1", "--epochs", "1", "--hidden", "16")


def test_another_sweep_keeps_what_an_interrupted_one_left(tmp_path):
    left = tmp_path / "result-unfinished.json"
    left.write_text("left")
    assert run(sweep, *ONE_NETWORK, "-o", tmp_path / "result.json").exit_code == 0
    assert left.read_text() == "left"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result-unfinished.json", "result.json"]


def test_a_sweep_is_named_after_its_data_without_endings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with gzip.open("table.csv.gz", "wt") as file:
        file.write("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(60)))
    result = run(sweep, "table.csv.gz", *ONE_NETWORK[1:])
    assert result.exit_code == 0, result.output
    assert len(SparsityFrontier.load("table-sweep.json").points) == 1


def test_a_sweep_follows_a_link_and_gives_a_pipe_the_whole_at_once(tmp_path):
    (tmp_path / "target.json").touch()
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    assert run(sweep, *ONE_NETWORK, "-o", tmp_path / "link.json").exit_code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert len(SparsityFrontier.load(tmp_path / "target.json").points) == 1
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "hardzero", "sweep", *ONE_NETWORK, "--seeds", "2", "-o", str(tmp_path / "pipe")]
    with subprocess.Popen(command, stdout=-3, stderr=-3) as process, open(tmp_path / "pipe", "rb") as pipe:
        content = json.load(pipe)
        assert process.wait(timeout=60) == 0
    assert len(content["points"]) == 2


@pytest.mark.parametrize(("option", "value"), [
    ("--target-sparsity", "a,b"),
    ("--target-sparsity", "0.5,1.5"),
    ("--seeds", "0"),
    ("--epochs", "0"),
    ("--epochs", "-1"),
    ("--learning-rate", "0"),
])  # fmt: skip
def test_sweep_names_the_option_that_is_wrong_before_it_reads_data(option, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hardzero.datasets.load", pytest.fail)
    result = CliRunner().invoke(app, ["sweep", "digits", option, value], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert option in result.stderr
    assert "layer" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def called(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_report_of_an_autoencoder_needs_no_target(tmp_path, named):
    X = pd.DataFrame(np.random.default_rng(0).random((60, 4)), columns=list("abcd"))
    model = tmp_path / "autoencoder.safetensors"
    DenoisingAutoencoder(8, max_iter=2, random_state=0).fit(X if named else X.to_numpy()).save(model)
    X.to_csv(tmp_path / "x.csv", index=False)
    X.assign(id=[f"row {number}" for number in range(60)]).to_csv(tmp_path / "id.csv", index=False)
    X.assign(label=[0, 1] * 30).to_csv(tmp_path / "label.csv", index=False)
    np.savez(tmp_path / "x.npz", X=X.to_numpy())
    X.assign(label=1).to_csv(tmp_path / "constant.csv", index=False)
    shown = {"x.csv": "60", "id.csv": "60", "label.csv": "12 held-out", "x.npz": "60"}
    for name, samples in shown.items():
        result = called("report", model, tmp_path / name, *(["--ignore", "id"] if name == "id.csv" else []))
        assert result.exit_code == 0, result.output
        html = model.with_suffix(".html").read_text()
        assert f"DenoisingAutoencoder on {name}" in html
        assert f"reconstructions of {samples} samples" in html
    refused = called("report", model, tmp_path / "constant.csv")
    assert refused.exit_code == 2
    assert "label" in refused.stderr


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`")
def test_report_of_a_pipeline_of_texts(tmp_path):
    texts, labels = ["a good film", "a bad film", "very good", "very bad"] * 10, [1, 0, 1, 0] * 10
    pipeline = make_pipeline(CountVectorizer(binary=True), RectifierClassifier((8,), max_iter=5, random_state=0))
    model, data = tmp_path / "p.safetensors", tmp_path / "r.csv"
    model_file.save(pipeline.fit(texts, labels), model)
    data.write_text("text,label\n" + "".join(f"{t},{y}\n" for t, y in zip(texts, labels, strict=True)))
    for arguments in ([model], [model, data, "--text", "text"]):
        result = called("report", *arguments)
        assert result.exit_code == 0, result.output
    assert "Units by class" in (tmp_path / "p.html").read_text()


def test_report_of_a_text_model_saved_from_python_asks_for_the_column(tmp_path):
    texts = pd.DataFrame({"words": [f"{mood} film" for mood in ("good", "bad")] * 30, "label": [1, 0] * 30})
    texts.to_csv(tmp_path / "texts.csv", index=False)
    model = tmp_path / "model.safetensors"
    TextModel(RectifierClassifier((8,), max_iter=2, random_state=0)).fit(texts["words"], texts["label"]).save(model)
    result = called("report", model, tmp_path / "texts.csv")
    assert result.exit_code == 2
    assert "holds the texts, with --text" in result.output
    result = called("report", model, tmp_path / "texts.csv", "--text", "words")
    assert result.exit_code == 0, result.output
    assert "TextModel on texts.csv" in model.with_suffix(".html").read_text()


@pytest.mark.parametrize("classes", [(-1, 1), (-1.0, 1.0), ("0", "1"), tuple(range(30))], ids=str)
def test_labels_of_a_file_are_those_that_a_model_saved_from_python_knows(tmp_path, classes):
    generator = np.random.default_rng(0)
    y = np.repeat(np.array(classes), 300 // len(classes))
    X = pd.DataFrame(generator.normal(size=(300, 3)), columns=list("abc")).assign(c=np.arange(300) / 300)
    classifier = RectifierClassifier((32,), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    classifier.save(tmp_path / "model.safetensors")
    X.assign(label=y).to_csv(tmp_path / "table.csv", index=False)
    result = called("report", tmp_path / "model.safetensors", tmp_path / "table.csv")
    assert result.exit_code == 0, result.output
    test = datasets.load(tmp_path / "table.csv", task="classification").test
    wrong = classifier.predict(pd.DataFrame(test.X, columns=list("abc"))).astype(str) != test.y.astype(str)
    html = (tmp_path / "model.html").read_text()
    assert f"<dd>{100 * wrong.mean():.2f} %</dd>" in html
    assert f">{classes[0]}</text>" in html


def test_a_label_that_is_no_class_of_a_model_of_numbers_is_named(tmp_path):
    X = pd.DataFrame({"a": np.arange(60.0)})
    RectifierClassifier((8,), max_iter=2).fit(X, [-1, 1] * 30).save(tmp_path / "model.safetensors")
    X.assign(label=["low", "high"] * 30).to_csv(tmp_path / "table.csv", index=False)
    result = called("report", tmp_path / "model.safetensors", tmp_path / "table.csv")
    assert result.exit_code == 2
    assert "the classes of the model are -1, 1" in result.output
