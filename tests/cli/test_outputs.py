"""What commands write, and what they never overwrite."""

from __future__ import annotations

import os
import signal
import stat
from importlib import resources
from itertools import count

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from hardzero import RectifierClassifier, datasets, load
from hardzero.benchmarks import run as benchmarks
from hardzero.cli import app
from hardzero.cli import fit as fit_module
from hardzero.cli import report as report_module
from hardzero.cli.in_memory_fit import InMemoryRun
from hardzero.cli.model_input import noted_reading
from hardzero.cli.training_view import TrainingView
from hardzero.datasets.splits import parts_by_row
from hardzero.model_file import describe
from hardzero.report.page import HEAD_BYTES, TITLE_END
from hardzero.scaling import LinearScaling

FIT = ["--threads", "1", "--hidden", "8", "--epochs", "2", "--quiet", "--target-sparsity", "none"]


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.random((60, 3)), columns=["a", "b", "c"])
    frame["label"] = np.where(frame["a"] > 0.5, "high", "low")
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


@pytest.fixture
def model(table):
    path = table.with_name("model.safetensors")
    assert run("fit", table, *FIT, "-o", path).exit_code == 0
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_model_is_saved_before_its_results_are_printed(table, monkeypatch):
    path = table.with_name("kept.safetensors")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fit_module, "_print_results", full)
    result = run("fit", table, *FIT, "-o", path)
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert "test" in describe(path)["notes"]
    assert load(path).classes_.tolist() == ["high", "low"]


@pytest.fixture
def heeds_interrupts():
    """Whoever started the tests in the background may have told them to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_control_c_in(monkeypatch, owner, name, at_call=1):
    """Press Ctrl-C before a call of a method."""
    method, calls = getattr(owner, name), count(1)

    def pressed(*arguments, **options):
        if next(calls) == at_call:
            signal.raise_signal(signal.SIGINT)
        return method(*arguments, **options)

    monkeypatch.setattr(owner, name, pressed)


@pytest.mark.usefixtures("heeds_interrupts")
def test_a_model_is_saved_before_it_is_tested(table, monkeypatch):
    path = table.with_name("kept.safetensors")
    press_control_c_in(monkeypatch, InMemoryRun, "evaluate")
    assert run("fit", table, *FIT, "-o", path).exit_code == 130
    assert load(path).classes_.tolist() == ["high", "low"]
    assert describe(path)["notes"]["test"] == {}


AFTER_TRAINING = {
    "display": (TrainingView, "__exit__"),
    "scaling": (LinearScaling, "fold_into_input"),
    "saving": (RectifierClassifier, "save"),
}


@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize("place", AFTER_TRAINING.values(), ids=AFTER_TRAINING)
def test_control_c_after_training_waits_until_the_model_is_saved(table, monkeypatch, place):
    path = table.with_name("kept.safetensors")
    press_control_c_in(monkeypatch, *place)
    result = run("fit", table, *FIT, "--scale", "standard", "-o", path)
    assert result.exit_code == 130
    assert f"saved {path}" in result.stderr
    assert load(path).n_iter_ == 2
    notes = describe(path)["notes"]
    assert (notes["interrupted"], notes["test"]) == (False, {})


@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize("place", AFTER_TRAINING.values(), ids=AFTER_TRAINING)
def test_a_second_control_c_before_the_model_is_saved_has_no_effect(table, monkeypatch, place):
    path = table.with_name("kept.safetensors")
    press_control_c_in(monkeypatch, TrainingView, "__call__", at_call=2)
    press_control_c_in(monkeypatch, *place)
    result = run("fit", table, *FIT, "--epochs", "5", "--scale", "standard", "-o", path)
    assert result.exit_code == 130
    assert load(path).n_iter_ == 2
    notes = describe(path)["notes"]
    assert notes["interrupted"]
    assert "error" in notes["test"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-o", "{folder}/m.safetensors", "--checkpoint", "{folder}/m.safetensors"], "--output and --checkpoint"),
        (["-o", "{folder}/m", "--checkpoint", "{folder}/../{folder.name}/m"], "--output and --checkpoint"),
        (["-o", "{folder}/m", "--report", "--checkpoint", "{folder}/m.html"], "--checkpoint and --report"),
    ],
)
def test_outputs_of_the_same_name_are_refused_before_training(table, options, names):
    result = run("fit", table, *FIT, *(option.format(folder=table.parent) for option in options))
    assert result.exit_code == 2
    assert f"{names} are the same file" in result.output
    assert sorted(path.name for path in table.parent.iterdir()) == ["table.csv"]


def test_a_page_that_cannot_be_written_is_named_by_its_option(table):
    path = table.with_name("model.html")
    path.mkdir()
    result = run("fit", table, *FIT, "--report", "-o", path.with_suffix(".safetensors"))
    assert result.exit_code == 2
    assert f"--report {path} is a folder" in result.output


def test_a_link_into_a_folder_that_is_not_there_is_refused_before_training(table):
    link = table.with_name("link.safetensors")
    link.symlink_to("nowhere/model.safetensors")
    result = run("fit", table, *FIT, "-o", link)
    assert result.exit_code == 2
    assert f"--output {link}: there is no folder {link.parent / 'nowhere'}" in result.output
    link.with_name("nowhere").mkdir()
    assert run("fit", table, *FIT, "-o", link).exit_code == 0
    assert link.resolve().name == "model.safetensors"


def test_only_pages_of_hardzero_are_replaced(table, model):
    page = model.with_suffix(".html")
    page.write_text("<title>Wine, exported from a notebook</title>")
    for words in (("report", model), ("fit", table, *FIT, "--report", "-o", model)):
        before = model.read_bytes()
        result = run(*words)
        assert result.exit_code == 2
        assert f"{page} exists and is no page of hardzero: it is not replaced" in result.output
        assert "notebook" in page.read_text()
        assert model.read_bytes() == before
        assert run(*words, "--force").exit_code == 0
        assert "RectifierClassifier" in page.read_text()
        assert run(*words).exit_code == 0
        page.write_text("<title>Wine, exported from a notebook</title>")


def test_no_file_of_another_kind_is_replaced(table, model, monkeypatch):
    monkeypatch.setitem(benchmarks.PARTS, "scaling", lambda: None)
    sweep = ("sweep", table, "--target-sparsity", "0", "--seeds", "1", "--epochs", "1", "--hidden", "8")
    for ending, words in (
        ("safetensors", ("fit", table, *FIT)),
        ("csv", ("predict", model, table)),
        ("csv.gz", ("predict", model, table)),
        ("json", sweep),
        ("csv", ("bench", "scaling")),
    ):
        path = table.with_name(f"{words[0]}.{ending}")
        path.write_bytes(b"my diary")
        result = run(*words, "-o", path)
        assert result.exit_code == 2
        assert f"{path} exists and is no" in result.output
        assert path.read_bytes() == b"my diary"
        assert run(*words, "--force", "-o", path).exit_code == 0
        assert run(*words, "-o", path).exit_code == 0
        path.write_bytes(b"")
        assert run(*words, "-o", path).exit_code == 0
        assert path.stat().st_size


def test_only_tables_with_the_columns_of_predictions_are_replaced(table, model):
    path = table.with_name("mine.csv")
    for header in ("prediction_market,x", "predictions", "prediction,truth", "probability_rain"):
        path.write_text(f"{header}\n1,2\n")
        assert run("predict", model, table, "-o", path).exit_code == 2
    path.write_text('"prediction_height, cm",prediction_width,"probability_a, b"\n1,2,3\n')
    assert run("predict", model, table, "-o", path).exit_code == 0
    for _ in range(2):
        assert run("predict", model, table, "--proba", "-o", path).exit_code == 0


@pytest.mark.parametrize("folder", ["report", "studies/core"])
def test_every_kind_of_page_is_known(folder):
    template = resources.files("hardzero").joinpath(folder, "page.html.j2").read_text(encoding="utf-8")
    assert TITLE_END in template[:HEAD_BYTES]


def test_no_command_replaces_what_it_reads(table, model):
    before = table.read_bytes(), model.read_bytes()
    for words in (
        ("fit", table, *FIT, "--force", "-o", table),
        ("predict", model, table, "-o", table),
        ("predict", model, table, "-o", model),
        ("report", model, table, "-o", table),
        ("report", model, "-o", model),
        ("sweep", table, "-o", table),
    ):
        result = run(*words)
        assert result.exit_code == 2, words
        assert "is a file that this command reads: give another name" in result.output
    assert (table.read_bytes(), model.read_bytes()) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_written_into_and_stays(table, model):
    pipe = table.with_name("pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("predict", model, table, "-o", pipe).exit_code == 0
    written = os.read(reader, 1 << 16).decode()
    os.close(reader)
    assert len(written.splitlines()) == 61
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


@pytest.mark.parametrize("notes", [
    {"test": {"error": 0.03}},
    {"test": 0.97},
    {"test": {"zeros": 0.9, "dead_units": 3}},
    {"test": {"zeros": {"a": 0.5}, "dead_units": "none"}},
    {"test": {"zeros": ["x"], "dead_units": [None]}},
    {"test": {"zeros": [0.5, 0.5, 0.5], "dead_units": [1, 2]}},
    {"test": {"zeros_overall": "most", "error": "3 %", "n_errors": 3, "n_samples": 100}},
    {"test": {"zeros_overall": 0.9, "error": 0.03, "n_errors": 3}},
    {"data": "mine", "targets": 1},
])  # fmt: skip
def test_notes_of_ones_own_are_no_obstacle(tmp_path, notes):
    path = tmp_path / "own.safetensors"
    X = np.eye(6, dtype=np.float32)
    RectifierClassifier(4, max_iter=1, random_state=0).fit(X, [0, 1] * 3).save(path, notes=notes)
    result = run("inspect", path)
    assert result.exit_code == 0, result.output
    assert "RectifierClassifier" in result.output


def test_a_study_whose_measure_returns_nothing_says_so(tmp_path):
    study = tmp_path / "nothing.py"
    study.write_text(
        "from hardzero.studies import Study\n\n"
        "class Nothing(Study):\n"
        "    name = 'nothing'\n    title = 'Nothing'\n    claim = 'None.'\n\n"
        "    def grid(self, scale, data):\n        return [{'a': 1}]\n\n"
        "    def measure(self, settings, context):\n        pass\n\n"
        "    def tables(self, runs):\n        return []\n"
    )
    result = run("study", study, "--seeds", "1", "--workers", "1", "--store", tmp_path / "store")
    assert "must return a dict of numbers" in result.output
    assert "Traceback" not in result.output


def test_a_store_of_another_program_is_named(tmp_path):
    import sqlite3

    (tmp_path / "store").mkdir()
    with sqlite3.connect(tmp_path / "store" / "runs.sqlite") as connection:
        connection.execute("CREATE TABLE runs (x INTEGER)")
    connection.close()
    result = run("study", "response-curves", "--workers", "1", "--store", tmp_path / "store")
    assert result.exit_code in (1, 2)
    assert "the store of runs cannot be used" in result.output


def test_a_file_in_the_place_of_the_store_is_named(tmp_path):
    (tmp_path / "store").write_text("notes")
    result = run("study", "response-curves", "--workers", "1", "--store", tmp_path / "store")
    assert result.exit_code == 2
    assert "is a file; the store of runs and its reports need a folder" in " ".join(result.output.split())


def test_a_page_is_about_rows_that_the_model_has_not_seen(table):
    frame = pd.read_csv(table)
    frame["id"] = [f"row {number}" for number in range(len(frame))]
    frame["stars"] = np.arange(len(frame)) % 6
    frame.to_csv(table, index=False)
    model = table.with_name("model.safetensors")
    options = ("--target", "stars", "--task", "regression", "--ignore", "id", "--ignore", "label", "--split-seed", "7")
    assert run("fit", table, *FIT, *options, "-o", model).exit_code == 0
    seen = datasets.load(table, target="stars", task="regression", ignore=["id", "label"], seed=7).test
    read = report_module._load(str(table), ["stars"], noted_reading(describe(model)["notes"]))
    assert read.task == "regression"
    np.testing.assert_array_equal(read.test.X, seen.X)
    assert run("report", model, table).exit_code == 0
    texts = pd.DataFrame({"words": ["good film", "bad film"] * 30, "label": [1, 0] * 30})
    texts.to_csv(table, index=False)
    assert run("fit", table, *FIT, "--text", "words", "--target", "label", "-o", model).exit_code == 0
    result = run("report", model, table)
    assert result.exit_code == 0, result.output


def test_a_page_about_a_model_fitted_in_chunks_divides_rows_as_the_fit_did(table, monkeypatch):
    model = table.with_name("model.safetensors")
    options = ("--target", "label", "--split-seed", "7", "--chunk-rows", "20")
    assert run("fit", table, *FIT, *options, "-o", model).exit_code == 0
    pages = []
    monkeypatch.setattr("hardzero.report.write_report", lambda estimator, page, rows, *_, **__: pages.append(rows))
    assert run("report", model, table).exit_code == 0
    frame = pd.read_csv(table)
    test = frame[parts_by_row(0, len(frame), seed=7) == 2]
    np.testing.assert_array_equal(pages[0][0], test[["a", "b", "c"]].to_numpy(np.float32))
    assert pages[0][1].tolist() == test["label"].tolist()


@pytest.mark.parametrize("options", [[], ["--chunk-rows", "20"], ["--text", "words"]])
def test_a_page_about_a_file_that_has_changed_does_not_call_its_rows_held_out(table, options):
    frame = pd.read_csv(table).assign(words=["good film", "bad film"] * 30)[["words", "a", "label"]]
    if "--text" not in options:
        del frame["words"]
    frame.to_csv(table, index=False)
    model = table.with_name("model.safetensors")
    assert run("fit", table, *FIT, *options, "-o", model).exit_code == 0
    result = run("report", model, table)
    assert "trained on" not in result.stderr
    assert "held-out samples" in model.with_suffix(".html").read_text()
    frame[:-1].to_csv(table, index=False)
    result = run("report", model, table)
    assert result.exit_code == 0, result.output
    assert "may be among those it was trained on" in result.stderr
    assert "held-out samples" not in model.with_suffix(".html").read_text()


@pytest.mark.parametrize("options", [[], ["--chunk-rows", "1"]], ids=["memory", "chunks"])
def test_units_are_dead_that_are_zero_for_all_of_the_training_rows(table, options):
    model = table.with_name("model.safetensors")
    assert run("fit", table, *FIT, "--hidden", "64", "--scale", "none", *options, "-o", model).exit_code == 0
    frame = pd.read_csv(table)
    divided, part, names = datasets.load(table), parts_by_row(0, len(frame)), ["a", "b", "c"]
    train, test = (frame[part == 0], frame[part == 2]) if options else (divided.train.X, divided.test.X)
    codes = (load(model).transform(pd.DataFrame(rows, columns=names)) for rows in (train, test))
    dead, dead_in_test = (np.count_nonzero(code.sum(axis=0) == 0) for code in codes)
    assert dead < dead_in_test
    assert describe(model)["notes"]["test"]["dead_units"] == [dead]


def test_a_page_about_a_text_model_fitted_in_chunks(table):
    texts = pd.DataFrame({"words": ["good film", "bad film"] * 30, "label": [1, 0] * 30})
    texts.to_csv(table, index=False)
    model = table.with_name("model.safetensors")
    options = ("--text", "words", "--target", "label", "--chunk-rows", "20", "--report")
    assert run("fit", table, *FIT, *options, "-o", model).exit_code == 0
    assert "RectifierClassifier on table.csv" in table.with_name("model.html").read_text()
    result = run("report", model, table)
    assert result.exit_code == 0, result.output
    assert "TextModel on table.csv" in table.with_name("model.html").read_text()


@pytest.mark.parametrize("parts", [[""], ["_train", "_validation", "_test"]], ids=["whole", "divided"])
def test_a_page_about_several_targets_of_arrays(tmp_path, parts):
    random = np.random.default_rng(0)
    X, y = random.random((60, 3)), random.random((60, 2))
    np.savez(tmp_path / "arrays.npz", **{f"X{part}": X for part in parts}, **{f"y{part}": y for part in parts})
    model = tmp_path / "model.safetensors"
    assert run("fit", tmp_path / "arrays.npz", *FIT, "-o", model).exit_code == 0
    result = run("report", model, tmp_path / "arrays.npz")
    assert result.exit_code == 0, result.output
    assert "RectifierRegressor on arrays.npz" in model.with_suffix(".html").read_text()
