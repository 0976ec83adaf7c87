"""``hardzero fit`` as its user meets it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file
from sklearn.datasets import load_diabetes

import hardzero
from hardzero import datasets
from hardzero.analysis.regression_error import root_mean_squared_error
from hardzero.cli import recipe
from hardzero.cli.fit_settings import settings_for
from hardzero.datasets.splits import parts_by_row
from hardzero.model_file import describe

QUICK = ("--hidden", "16,12", "--epochs", "6", "--threads", "1")
SPECIES = ("--target", "species", "--ignore", "id", "--ignore", "weight")
COMMAND = (sys.executable, "-m", "hardzero")


def test_digits_is_learned_from_scratch(run, tmp_path):
    result = run("fit", "digits", "--epochs", "25", "--threads", "1")
    assert result.exit_code == 0, result.output
    model = hardzero.load(tmp_path / "digits.safetensors")
    test = datasets.load("digits").test
    error = 1 - model.score(test.X, test.y)
    assert error <= 0.04
    assert f"{error:.2%}" in result.stdout
    assert "units dead" in result.stdout
    assert "samples/s" in result.stdout
    notes = describe(tmp_path / "digits.safetensors")["notes"]
    assert notes["test"]["error"] == pytest.approx(error)
    assert abs(notes["test"]["zeros_overall"] - 0.85) < 0.03
    assert notes["checksum"] == datasets.load("digits").checksum


def test_same_seed_makes_the_same_file_but_for_timings(run, tmp_path):
    for name in ("a", "b"):
        assert run("fit", "digits", *QUICK, "--seed", "3", "-o", name).exit_code == 0
    a, b = (hardzero.load(tmp_path / name) for name in ("a", "b"))
    for first, second in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_table_with_classes(run, table, tmp_path):
    options = ("--epochs", "40", "--target-sparsity", "none", "--learning-rate", "0.01")
    result = run("fit", table, *SPECIES, *QUICK, *options)
    assert result.exit_code == 0, result.output
    model = hardzero.load(tmp_path / "insects.safetensors")
    assert model.classes_.tolist() == ["ant", "bee"]
    assert model.feature_names_in_.tolist() == ["length", "width", "depth"]
    assert describe(tmp_path / "insects.safetensors")["notes"]["test"]["error"] <= 0.1


def test_values_are_predicted_in_their_own_units(run, table, tmp_path):
    options = ("--target", "weight", "--ignore", "id", "--ignore", "species", "--target-sparsity", "none")
    result = run("fit", table, *options, *QUICK, "--epochs", "60", "--learning-rate", "0.01")
    assert result.exit_code == 0, result.output
    assert "test RMSE" in result.stdout
    test = describe(tmp_path / "insects.safetensors")["notes"]["test"]
    assert test["r2"] > 0.9
    assert 10 < test["rmse"] < 5000
    new = tmp_path / "new.csv"
    new.write_text("length,width,depth\n0,1000,5\n")
    predicted = run("predict", "insects.safetensors", new).stdout.splitlines()
    assert float(predicted[1]) == pytest.approx(50_000, rel=0.1)


def test_the_error_of_several_targets_is_the_one_on_the_page(run, table, tmp_path):
    targets = ("weight", "length")
    options = ("--target", "weight", "--target", "length", "--ignore", "id", "--ignore", "species")
    assert run("fit", table, *options, *QUICK).exit_code == 0
    test = datasets.load(table, target=targets, ignore=("id", "species")).test
    model = hardzero.load(tmp_path / "insects.safetensors")
    X = pd.DataFrame(test.X, columns=model.feature_names_in_)
    noted = describe(tmp_path / "insects.safetensors")["notes"]["test"]["rmse"]
    assert noted == pytest.approx(root_mean_squared_error(test.y, model.predict(X)))


def test_a_sample_with_any_wrong_label_is_an_error_and_all_units_count_alike(run, tmp_path):
    X = np.random.default_rng(0).random((200, 4))
    frame = pd.DataFrame(X, columns=list("abcd")).assign(p=(X[:, 0] > 0.5).astype(int), q=(X[:, 1] > 0.5).astype(int))
    frame.to_csv(tmp_path / "labels.csv", index=False)
    assert run("fit", "labels.csv", "--target", "p", "--target", "q", *QUICK, "--hidden", "40,10").exit_code == 0
    test = datasets.load("labels.csv", target=("p", "q")).test
    model = hardzero.load(tmp_path / "labels.safetensors")
    X = pd.DataFrame(test.X, columns=model.feature_names_in_)
    wrong = model.predict(X) != test.y
    assert wrong.any(axis=1).sum() not in (wrong.sum(), wrong.all(axis=1).sum())
    noted = describe(tmp_path / "labels.safetensors")["notes"]["test"]
    assert noted["error"] == wrong.any(axis=1).mean()
    assert noted["zeros_overall"] == pytest.approx(np.average(model.measure_sparsity(X), weights=[40, 10]))


def learned(path):
    """What is in a model file but for notes, such as results and times."""
    return load_file(path), {**describe(path), "notes": None}


in_memory_and_in_chunks = pytest.mark.parametrize("chunks", [(), ("--chunk-rows", "40")], ids=["memory", "chunks"])


@in_memory_and_in_chunks
@pytest.mark.parametrize("options", [("--ignore", "words"), ("--text", "words")], ids=["numbers", "texts"])
def test_rows_of_the_test_part_have_no_influence_on_the_model(run, tmp_path, options, chunks):
    words = [f"film{row} seen" for row in range(150)]
    frame = pd.DataFrame({"row": np.arange(150.0), "words": words, "y": ["a", "b"] * 75})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    in_memory = datasets.load("rows.csv", target="y", ignore=["words"]).test.X.ravel()
    test = np.flatnonzero(parts_by_row(0, 150) == 2) if chunks else in_memory.astype(int)
    assert run("fit", "rows.csv", "--target", "y", *options, *QUICK, *chunks).exit_code == 0
    arrays, description = learned(tmp_path / "rows.safetensors")
    frame.loc[test, ["row", "words"]] = [-1e4, "film seen again"]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert run("fit", "rows.csv", "--target", "y", *options, *QUICK, *chunks).exit_code == 0
    other_arrays, other_description = learned(tmp_path / "rows.safetensors")
    assert other_description == description
    for name, array in arrays.items():
        np.testing.assert_array_equal(other_arrays[name], array)


@in_memory_and_in_chunks
@pytest.mark.parametrize(
    ("largest", "zeros", "scale"), [(1, 0.5, "none"), (3, 0.5, "standard"), (1, 0.1, "standard"), (1e-3, 0, "standard")]
)
def test_features_are_scaled_unless_none_exceeds_1_and_many_are_0(run, tmp_path, largest, zeros, scale, chunks):
    random = np.random.default_rng(0)
    X = np.where(random.random((100, 2)) < zeros, 0, largest * random.random((100, 2)))
    pd.DataFrame(X, columns=["a", "b"]).assign(y=["a", "b"] * 50).to_csv(tmp_path / "a.csv", index=False)
    for name, options in (("chosen", ()), ("told", ("--scale", scale))):
        assert run("fit", "a.csv", *QUICK, *chunks, *options, "-o", name).exit_code == 0
    chosen, told = (load_file(tmp_path / name) for name in ("chosen", "told"))
    for name, array in told.items():
        np.testing.assert_array_equal(chosen[name], array)


def test_the_epochs_follow_the_minibatch_that_is_used():
    options = {"is_text": False, "epochs": None, "patience": None}
    larger, whole = (
        settings_for({"solver": "adam"}, "regression", 105, batch_size=size, **options) for size in (1024, 105)
    )
    assert larger == whole
    assert larger["max_iter"] == 2500


@pytest.mark.parametrize(
    ("options", "alpha"),
    [((), 0.03), (("--task", "regression"), 0.1), (("--alpha", "0.5"), 0.5), (("--text", "a"), 1e-4)],
)
def test_the_penalty_on_weights_follows_the_task(run, tmp_path, options, alpha):
    pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60) % 7, "y": np.arange(60) % 2}).to_csv("a.csv", index=False)
    assert run("fit", "a.csv", *QUICK, *options).exit_code == 0
    model = hardzero.load(tmp_path / "a.safetensors")
    assert getattr(model, "estimator_", model).alpha == alpha


def test_a_label_may_first_appear_in_a_later_chunk(run, tmp_path):
    labels = ["0", "1"] * 40 + ["x", "0", "1"] * 20
    pd.DataFrame({"a": range(140), "y": labels}).to_csv(tmp_path / "late.csv", index=False)
    result = run("fit", "late.csv", *QUICK, "--chunk-rows", "40")
    assert result.exit_code == 0, result.output
    assert hardzero.load(tmp_path / "late.safetensors").classes_.tolist() == ["0", "1", "x"]


@pytest.mark.parametrize("seed", [0, 7])
def test_the_split_seed_divides_the_rows(run, table, tmp_path, seed):
    assert run("fit", table, *SPECIES, *QUICK, "--split-seed", seed).exit_code == 0
    divided = datasets.load(table, target="species", ignore=["id", "weight"], seed=seed)
    assert describe(tmp_path / "insects.safetensors")["notes"]["checksum"] == divided.checksum


@pytest.mark.parametrize(
    ("options", "dropout"),
    [
        (SPECIES, 0.2),
        ((*SPECIES, "--dropout", "0.1"), 0.1),
        ((*SPECIES, "--solver", "lbfgs"), 0.0),
        (("--target", "weight", "--ignore", "id", "--ignore", "species"), 0.0),
    ],
    ids=["classes", "told", "lbfgs", "values"],
)
def test_units_are_dropped_for_classes_learned_in_minibatches(run, table, tmp_path, options, dropout):
    assert run("fit", table, *QUICK, *options).exit_code == 0
    assert hardzero.load(tmp_path / "insects.safetensors").hidden_dropout == dropout


def test_only_patience_ends_training_before_all_epochs(run, table, tmp_path):
    unlearnable = (*SPECIES, "--ignore", "length", *QUICK, "--epochs", "60", "--target-sparsity", "none")
    for options, ends in (((), False), (("--patience", "5"), True)):
        assert run("fit", table, *unlearnable, *options).exit_code == 0
        assert (hardzero.load(tmp_path / "insects.safetensors").n_iter_ < 60) == ends


@given(st.integers(1, 10_000))
def test_minibatches_are_powers_of_two_and_about_64_an_epoch(n_samples):
    batch = recipe.batch_size(n_samples)
    assert batch in (16, 32, 64, 128)
    if 16 < batch < 128:
        assert 64 / 2**0.5 <= n_samples / batch <= 64 * 2**0.5


def test_no_epoch_reports_a_score_without_validation(run, tmp_path):
    result = run("fit", "digits", *QUICK, "--no-early-stopping")
    assert result.exit_code == 0
    assert "validation" not in result.stderr
    assert hardzero.load(tmp_path / "digits.safetensors").validation_scores_ is None


def test_lbfgs(run, tmp_path):
    result = run("fit", "digits", "--hidden", "10", "--solver", "lbfgs", "--epochs", "30")
    assert result.exit_code == 0, result.output
    assert hardzero.load(tmp_path / "digits.safetensors").solver == "lbfgs"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nosuch",), "there is no data set or file 'nosuch'"),
        (("missing.csv",), "there is no file missing.csv"),
        (("digits", "--hidden", "10;20"), "no list of layer sizes"),
        (("digits", "--activation", "swish"), "unknown --activation 'swish': choose one of relu"),
        (("digits", "--target-sparsity", "1.5"), "between 0 and 1"),
        (("digits", "--target-sparsity", "1"), "--target-sparsity 1 must lie between 0 and 1"),
        (("digits", "--target-sparsity", "much"), "is no number"),
        (("digits", "--target-sparsity", "0.5", "--activation-l1", "1e-3"), "not both"),
        (("digits", "--target-sparsity", "0.5", "--activation", "tanh"), "exact zeros"),
        (("digits", "--scale", "log"), "unknown --scale"),
        (("digits", "--target", "label"), "only for files"),
        (("digits", "--epochs", "0"), "--epochs"),
        (("digits", "--output", "no/such/model"), "there is no folder"),
        (("digits", "--output", "."), "is a folder"),
        (("digits", "--wrong"), "No such option"),
        ((), "Missing argument"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_2(options, message, run, tmp_path):
    result = run("fit", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--learning-rate", "0"), "--learning-rate must be a float"),
        (("--alpha", "-1"), "--alpha must be a float"),
        (("--dropout", "1"), "--dropout must be a float"),
        (("--solver", "newton"), "--solver must be a str"),
        (("--target-sparsity", "0.5,0.5,0.5"), "--target-sparsity has 3 values for 2 hidden layers"),
        (("--target-sparsity", "0,0.9"), "--target-sparsity 0,0.9: 0 is no target"),
        (("--activation-l1", "-1,0"), "--activation-l1 must be finite and not negative"),
        (("--scale", "log"), "unknown --scale"),
        (("--seed", "-1"), "'--seed'"),
        (("--threads", "0"), "'--threads': 0 threads"),
        (("--checkpoint", "no/such/file"), "--checkpoint no/such/file: there is no folder no/such"),
    ],
)
def test_options_that_no_data_make_right_are_refused_before_data_are_read(options, message, run, monkeypatch):
    monkeypatch.setattr(datasets, "load", pytest.fail)
    result = run("fit", "digits", *options)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("text", ["none", " None", "0", "0.0", " 0", "0,0.00"])
def test_no_target_leaves_the_zeros_as_they_come(text, run, tmp_path):
    result = run("fit", "digits", "--hidden", "8,8", "--epochs", "1", "--quiet", "--target-sparsity", text)
    assert result.exit_code == 0, result.output
    assert hardzero.load(tmp_path / "digits.safetensors").target_sparsity is None


def test_a_target_that_is_missing_is_named(run, table):
    result = run("fit", table, "--target", "specie")
    assert result.exit_code == 2
    assert "Did you mean 'species'" in result.stderr


def test_a_diverging_loss_says_which_option_to_change(run, tmp_path):
    result = run("fit", "digits", *QUICK, "--solver", "sgd", "--learning-rate", "1e9", "--target-sparsity", "none")
    assert result.exit_code == 1
    assert "--learning-rate below 1e+09" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_diverges_after_some_epochs_is_explained_too(run):
    X, y = load_diabetes(return_X_y=True)
    pd.DataFrame(X).assign(target=y).to_csv("diabetes.csv", index=False)
    options = ("--hidden", "64,64", "--solver", "sgd", "--learning-rate", "0.5", "--epochs", "40", "--threads", "1")
    result = run("fit", "diabetes.csv", *options)
    assert result.exit_code == 1
    assert "--learning-rate below 0.5" in result.stderr


def test_columns_given_by_index_are_noted_by_name(run):
    texts = pd.DataFrame({"id": range(60), "words": ["good film", "bad film"] * 30, "label": [1, 0] * 30})
    texts.to_csv("texts.csv", index=False)
    options = ("--text", "1", "--ignore", "0", "--target", "label", "--hash-words", *QUICK)
    assert run("fit", "texts.csv", *options).exit_code == 0
    notes = describe("texts.safetensors")["notes"]
    assert (notes["text"], notes["reading"]["text"], notes["reading"]["ignore"]) == ("words", "words", ["id"])
    texts[["words", "label", "id"]].to_csv("other.csv", index=False)
    results = [run("predict", "texts.safetensors", name) for name in ("texts.csv", "other.csv")]
    assert results[0].exit_code == 0
    assert results[0].stdout == results[1].stdout


def test_other_files_are_not_replaced(run, tmp_path):
    precious = tmp_path / "digits.safetensors"
    precious.write_text("my diary")
    result = run("fit", "digits", *QUICK)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert precious.read_text() == "my diary"
    assert run("fit", "digits", *QUICK, "--force").exit_code == 0
    again = run("fit", "digits", *QUICK)
    assert again.exit_code == 0
    assert "replacing the older model" in again.stdout


def test_debug_shows_the_traceback(run):
    assert "Traceback" in run("--debug", "fit", "nosuch").stderr


def test_plain_lines_without_a_terminal(run):
    result = run("fit", "digits", *QUICK)
    lines = result.stderr.splitlines()
    assert lines[0].startswith("digits: 1,077 training samples, network 64-16-12-10")
    assert any(line.startswith("epoch 1/6  loss ") and "left" in line for line in lines)
    assert any(line.startswith("epoch 6/6  loss ") for line in lines)
    assert "\x1b" not in result.output
    assert "epoch" not in run("fit", "digits", *QUICK, "--quiet").stderr


def heed_interrupts():
    # A background job of a shell without job control inherits "ignore", and so would the child.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start():
    with ExitStack() as stack:

        def popen(folder, *arguments, **streams):
            process = subprocess.Popen(
                [*COMMAND, *arguments], cwd=folder, text=True, preexec_fn=heed_interrupts, **streams
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield popen


def test_interruption_keeps_the_best_state(tmp_path, start):
    process = start(tmp_path, "fit", "digits", "--epochs", "100000", "--threads", "1", stdout=-1, stderr=-1)
    for line in process.stderr:
        if line.startswith("epoch"):
            process.send_signal(signal.SIGINT)
            break
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted: saved the best of" in errors
    assert "Traceback" not in errors
    assert "test error" in output
    description = describe(tmp_path / "digits.safetensors")
    assert description["notes"]["interrupted"] is True
    assert hardzero.load(tmp_path / "digits.safetensors").n_iter_ >= 1


def test_a_second_interruption_loses_nothing(tmp_path, start):
    process = start(tmp_path, "fit", "digits", "--epochs", "100000", "--threads", "1", stdout=-1, stderr=-1)
    for line in process.stderr:
        if line.startswith(("epoch 1/", "Interrupted")):
            process.send_signal(signal.SIGINT)
        if line.startswith("Interrupted"):
            break
    _, errors = process.communicate(timeout=60)
    # The second may come when all is done and Python has given up its handlers.
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in errors
    assert describe(tmp_path / "digits.safetensors")["notes"]["interrupted"] is True


def test_interruption_saves_a_checkpoint_from_which_training_goes_on(tmp_path, start):
    command = ("fit", "digits", "--hidden", "16", "--epochs", "100000", "--threads", "1", "--checkpoint", "state")
    process = start(tmp_path, *command, stdout=-1, stderr=-1)
    for line in process.stderr:
        if line.startswith("epoch"):
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            break
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on from state" in errors
    with safe_open(tmp_path / "state", framework="numpy") as file:
        saved = json.loads(file.metadata()["state"])["stages"][-1]["history"]["n_epochs"]
    assert saved >= 1
    resumed = start(tmp_path, *command, stdout=-1, stderr=-1)
    first = next(line for line in resumed.stderr if line.startswith("epoch"))
    assert int(first.split()[1].split("/")[0]) > saved


def test_interruption_while_the_program_is_being_loaded_shows_no_traceback(tmp_path):
    slow = tmp_path / "typer.py"
    slow.write_text("import time; print('loading', flush=True); time.sleep(60)")
    process = subprocess.Popen(
        [*COMMAND, "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        text=True,
        stdout=-1,
        stderr=-1,
        preexec_fn=heed_interrupts,
    )
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert errors == ""


def test_interrupts_are_ignored_where_the_shell_says_so(tmp_path):
    script = f"trap '' INT; exec {sys.executable} -m hardzero fit digits --hidden 16"
    process = subprocess.Popen(["bash", "-c", script], cwd=tmp_path, text=True, stdout=-1, stderr=-1)
    for line in process.stderr:
        if line.startswith("epoch"):
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert describe(tmp_path / "digits.safetensors")["notes"]["interrupted"] is False


def test_more_classes_than_training_rows_are_taken_for_a_mistake(run, table):
    result = run("fit", table, "--target", "weight", "--ignore", "species", "--task", "classification")
    assert result.exit_code == 2
    assert "150 classes, more than the 90 rows to train on" in result.stderr
    assert "--task regression" in result.stderr


def test_a_regression_on_few_rows_is_fitted_without_validation(run, tmp_path):
    (tmp_path / "few.csv").write_text("a,y\n" + "".join(f"{i},{i * 1.5}\n" for i in range(6)))
    result = run("fit", "few.csv", "--target", "y", "--target-sparsity", "none", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "warning" not in result.stderr
    result = run("fit", "few.csv", "--target", "y", "--chunk-rows", "3", *QUICK)
    assert result.exit_code == 0, result.stderr


def test_a_file_in_chunks_without_a_test_row_is_refused_before_training(run, tmp_path):
    (tmp_path / "few.csv").write_text("a,y\n" + "".join(f"{i},{i * 1.5}\n" for i in range(6)))
    seed = next(seed for seed in range(100) if set(parts_by_row(0, 6, seed=seed)) == {0, 1})
    result = run("fit", "few.csv", "--target", "y", "--chunk-rows", "3", "--split-seed", seed, *QUICK)
    assert result.exit_code == 2
    assert "few.csv has no test samples to report on" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_counts_are_no_classes(run, table):
    result = run("fit", table, "--target", "species", "--loss", "poisson")
    assert result.exit_code == 2
    assert "--loss poisson is for counts" in result.stderr


def test_live_display_on_a_terminal(tmp_path, start):
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    process = start(
        tmp_path, "fit", "digits", *QUICK, stdin=follower, stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    shown = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert "\x1b[" in text
    assert "epoch 6/6" in text
    assert "━" in text
    assert "by layer" in text
    assert "test error" in text


def test_exit_codes_of_a_real_process(tmp_path):
    finished = subprocess.run([*COMMAND, "fit", "nosuch"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert finished.stderr.startswith("hardzero: there is no data set")
    assert finished.stderr.count("\n") == 1


def test_help_has_examples_and_does_not_import_the_engine(run):
    commands = ("fit", "predict", "inspect", "report", "sweep", "study", "study run", "study report", "bench")
    for command in commands:
        result = run(*command.split(), "--help")
        assert result.exit_code == 0
        examples = result.stdout.partition("Examples")[2]
        assert f"hardzero {command.removesuffix(' run')}" in examples
        assert "[bold]" not in result.stdout
        assert "----" not in examples
    code = (
        "import sys; from hardzero.cli import app; from typer.testing import CliRunner; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print(json.dumps([name for name in ('sklearn', 'scipy', 'pandas', 'matplotlib') if name in sys.modules]))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], capture_output=True, text=True, check=True
    )
    assert json.loads(finished.stdout) == []


def test_version(run):
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.strip() == f"hardzero {hardzero.__version__}"


def test_config(run):
    result = run("config")
    assert result.exit_code == 0


@pytest.mark.parametrize("chunks", [(), ("--chunk-rows", "50")], ids=["memory", "chunks"])
def test_categories_are_found_again_in_new_data(run, tmp_path, chunks):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"size": generator.normal(size=200), "color": generator.choice(["red", "blue", "gray"], 200)})
    frame.assign(y=np.where(frame["color"] == "red", "warm", "cold")).to_csv(tmp_path / "paint.csv", index=False)
    options = ("--categories", "1", "--hidden", "16", "--epochs", "60", "--learning-rate", "0.01", *chunks)
    assert run("fit", "paint.csv", *options).exit_code == 0
    noted = describe(tmp_path / "paint.safetensors")["notes"]["reading"]["categories"]
    assert noted == {"color": ["blue", "gray", "red"]}
    (tmp_path / "new.csv").write_text("color,size\nred,0\nblue,0\nviolet,0\n")
    result = run("predict", "paint.safetensors", "new.csv")
    assert result.stdout.splitlines()[:3] == ["prediction", "warm", "cold"]
    assert "warning: column 'color' is 'violet' in row 4 of new.csv" in result.stderr
    page = run("report", "paint.safetensors", "paint.csv")
    assert page.exit_code == 0
    assert "warning" not in page.stderr


@pytest.mark.parametrize("chunks", [(), ("--chunk-rows", "50")], ids=["memory", "chunks"])
def test_missing_numbers_are_filled_with_the_mean(run, tmp_path, chunks):
    generator = np.random.default_rng(0)
    year = generator.normal(2000, 10, 300).round(2)
    frame = pd.DataFrame({"year": year, "y": np.where(year > 2000, "new", "old"), "size": generator.normal(size=300)})
    frame.loc[generator.random(300) < 0.2, "year"] = np.nan
    frame.to_csv(tmp_path / "cars.csv", index=False)
    options = ("--hidden", "16", "--epochs", "60", "--learning-rate", "0.01", *chunks)
    assert run("fit", "cars.csv", "--fill-missing", *options).exit_code == 0
    (tmp_path / "new.csv").write_text("size,year\n0,1970\n0,2030\n0,\n0,?\n0,1000\n")
    predictions = run("predict", "cars.safetensors", "new.csv").stdout.splitlines()
    assert predictions[1:3] == ["old", "new"]
    assert predictions[3] == predictions[4]
    page = run("report", "cars.safetensors", "cars.csv")
    assert page.exit_code == 0
    assert "warning" not in page.stderr
    (tmp_path / "gap.csv").write_text("size,year\n,1970\n")
    assert "'size' is missing in row 2 of gap.csv" in run("predict", "cars.safetensors", "gap.csv").stderr


def test_notes_name_the_columns_of_a_file_with_decimal_commas(run, tmp_path):
    rows = "".join(f"{i % 7},5;{'ab'[i % 2]};{i % 3};{'xy'[i % 2]}\n" for i in range(60))
    (tmp_path / "rows.csv").write_text(rows)
    options = ("--no-header", "--decimal", ",", "--categories", "1", "--target", "3", "--ignore", "-2")
    assert run("fit", "rows.csv", *options, *QUICK).exit_code == 0
    reading = describe(tmp_path / "rows.safetensors")["notes"]["reading"]
    assert (reading["ignore"], reading["categories"]) == (["column_3"], {"column_2": ["a", "b"]})
    result = run("report", "rows.safetensors", "rows.csv")
    assert result.exit_code == 0
    assert "warning" not in result.stderr


def test_a_page_of_arrays_needs_no_columns_of_the_fit(run, tmp_path):
    (tmp_path / "rows.csv").write_text("id,a,y\n" + "".join(f"{i},{'pq'[i % 2]},{i % 2}\n" for i in range(60)))
    assert run("fit", "rows.csv", "--ignore", "id", "--categories", "all", *QUICK).exit_code == 0
    X = np.eye(2, dtype=np.float32)[np.arange(60) % 2]
    np.savez(tmp_path / "rows.npz", X=X, y=np.arange(60) % 2, feature_names=["a=p", "a=q"])
    assert run("predict", "rows.safetensors", "rows.npz").exit_code == 0
    result = run("report", "rows.safetensors", "rows.npz")
    assert result.exit_code == 0, result.stderr


def test_test_samples_may_be_in_a_file_of_their_own(run, table, tmp_path):
    rows = pd.read_csv(table)
    rows[::3].sample(frac=1.0, axis=1, random_state=0).to_csv(tmp_path / "test.csv", index=False)
    result = run("fit", table, *SPECIES, *QUICK, "--test", "test.csv", "--report", "-o", "model.safetensors")
    assert result.exit_code == 0, result.output
    model = hardzero.load(tmp_path / "model.safetensors")
    X, y = rows[::3][["length", "width", "depth"]], rows[::3]["species"]
    notes = describe(tmp_path / "model.safetensors")["notes"]
    assert notes["n_train"] == round(0.75 * len(rows))
    assert notes["test"]["n_samples"] == len(X)
    assert notes["test"]["error"] == pytest.approx(1 - model.score(X.astype(np.float32), y))
    assert f"error on {len(X)} held-out samples" in (tmp_path / "model.html").read_text()


def test_the_page_of_a_model_with_a_test_file_needs_both_files(run, table, tmp_path):
    (tmp_path / "test.csv").write_text(table.read_text())
    assert run("fit", table, *SPECIES, *QUICK, "--test", "test.csv", "-o", "model.safetensors").exit_code == 0
    result = run("report", "model.safetensors", table, "--test", "test.csv")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == ["Wrote model.html"]
    assert "error on 150 held-out samples" in (tmp_path / "model.html").read_text()
    assert "was fitted with --test test.csv: give that too" in run("report", "model.safetensors", table).stderr
    alone = run("report", "model.safetensors", "--test", "test.csv")
    assert alone.exit_code == 2
    assert "--test goes with the data to train on" in alone.stderr


@pytest.mark.parametrize("data", ["digits", "table"])
def test_a_test_file_is_refused_where_it_cannot_be_used(run, table, data):
    options = ("--test", table) if data == "digits" else (*SPECIES, "--test", table)
    result = run("fit", data if data == "digits" else table, *options, *QUICK)
    assert result.exit_code == 2
    assert "--test" in result.stderr
    assert ("named data set" if data == "digits" else "is the file to train on") in result.stderr


def test_a_test_file_is_not_for_chunks(run, table, tmp_path):
    (tmp_path / "test.csv").write_text(table.read_text())
    result = run("fit", table, *SPECIES, *QUICK, "--chunk-rows", "50", "--test", "test.csv")
    assert result.exit_code == 2
    assert "hardzero evaluate" in result.stderr
