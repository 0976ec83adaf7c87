"""A training that is killed at any moment goes on from its checkpoint and ends with the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from hardzero.checkpoint import Checkpoint, CheckpointUnusable, TrainingFile
from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.interruption import TrainingInterrupted
from hardzero.training import Trainer

X, y = load_digits(return_X_y=True)
X = (X[:300] / 16).astype(np.float32)
y = y[:300]


class Killed(BaseException):
    """Ends a process's training without any chance to save."""


def kill_after(epoch):
    def callback(report):
        if report.epoch == epoch:
            raise Killed

    return callback


def fit(estimator, path, kill=None, data=(X, y)):
    """Fit, killed after the given epoch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            estimator.fit(*data, callback=None if kill is None else kill_after(kill), checkpoint=path)
        except Killed:
            assert kill is not None
    return estimator


def assert_same(first, second):
    for ours, theirs in zip(first.coefs_ + first.intercepts_, second.coefs_ + second.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert first.loss_curve_ == second.loss_curve_
    assert first.n_iter_ == second.n_iter_
    np.testing.assert_array_equal(first.sparsity_, second.sparsity_)
    np.testing.assert_array_equal(first.sparsity_curve_, second.sparsity_curve_)


SETTINGS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "no momentum": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "cosine": {"learning_rate": "cosine"},
    "dropout": {"hidden_dropout": 0.3, "input_dropout": 0.1},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2},
    "target sparsity": {"target_sparsity": [0.7, 0.9]},
    "penalty": {"activation_l1": 1e-3, "activation": "signed_relu"},
    "early end": {"tol": 0.5, "n_iter_no_change": 2},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_killed_training_ends_with_the_same_bits(tmp_path, name):
    settings = {"hidden_layer_sizes": (20, 15), "max_iter": 7, "random_state": 3, **SETTINGS[name]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        uninterrupted = RectifierClassifier(**settings).fit(X, y)
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=2)
    for kill in (2, 3, 6):
        fit(RectifierClassifier(**settings), checkpoint, kill)
    resumed = fit(RectifierClassifier(**settings), checkpoint)
    assert_same(uninterrupted, resumed)
    assert resumed.validation_scores_ == uninterrupted.validation_scores_
    assert resumed.best_validation_score_ == uninterrupted.best_validation_score_


CUT_SHORT = {"hidden_layer_sizes": 10, "max_iter": 10, "random_state": 0, "batch_size": 50}


@pytest.fixture
def control_c(monkeypatch):
    """Ctrl-C in the eighth epoch of a training with these settings; copies of the state are made in every epoch."""
    n_steps = -(-len(X) // CUT_SHORT["batch_size"])
    step, taken = Trainer._step, []

    def interrupted(self, *arguments):
        taken.append(1)
        if len(taken) == 7 * n_steps + 2:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr("hardzero.checkpoint.COPYING_PART", np.inf)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        yield patch


def epochs_of_the_rest(checkpoint, **settings):
    """Go on with the training; return its epochs, after making sure that it ends as one without interruption."""
    epochs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        resumed = RectifierClassifier(**CUT_SHORT, **settings).fit(
            X, y, callback=lambda report: epochs.append(report.epoch), checkpoint=checkpoint
        )
        assert_same(RectifierClassifier(**CUT_SHORT, **settings).fit(X, y), resumed)
    return epochs


@pytest.mark.parametrize("settings", [{}, {"target_sparsity": 0.8}], ids=str)
def test_control_c_saves_the_last_complete_epoch(tmp_path, control_c, settings):
    with pytest.warns(TrainingInterrupted, match="after 7 epochs"):
        RectifierClassifier(**CUT_SHORT, **settings).fit(X, y, checkpoint=tmp_path / "state")
    control_c.undo()
    assert epochs_of_the_rest(tmp_path / "state", **settings) == [8, 9, 10]


def test_control_c_while_a_checkpoint_is_written_loses_no_epoch(tmp_path, monkeypatch):
    checkpoint, written, write = Checkpoint(tmp_path / "state", every_epochs=1), [], TrainingFile._write

    def interrupted(self, stage):
        written.append(1)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(self, stage)

    monkeypatch.setattr(TrainingFile, "_write", interrupted)
    with pytest.warns(TrainingInterrupted, match="after 3 epochs"):
        RectifierClassifier(**CUT_SHORT).fit(X, y, checkpoint=checkpoint)
    assert epochs_of_the_rest(checkpoint)[0] == 4


def test_a_checkpoint_that_cannot_be_written_after_control_c_costs_no_training(tmp_path, control_c):
    def full(self, stage):
        raise OSError(28, "No space left on device")

    control_c.setattr(TrainingFile, "_write", full)
    with (
        pytest.warns(TrainingInterrupted, match="after 7 epochs"),
        pytest.warns(UserWarning, match="state could not be saved: .*No space left"),
    ):
        fitted = RectifierClassifier(**CUT_SHORT).fit(X, y, checkpoint=tmp_path / "state")
    assert fitted.predict(X).shape == y.shape


def test_a_full_disk_costs_no_training_and_is_tried_again(tmp_path, monkeypatch):
    tried, write = [], TrainingFile._write

    def full_at_first(self, stage):
        tried.append(1)
        if len(tried) < 3:
            raise OSError(28, "No space left on device")
        write(self, stage)

    monkeypatch.setattr(TrainingFile, "_write", full_at_first)
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    with pytest.warns(UserWarning, match="state could not be saved: .*No space left") as warned:
        fitted = fit(RectifierClassifier(hidden_layer_sizes=10, max_iter=4, random_state=0), checkpoint)
    assert len([warning for warning in warned if "could not be saved" in str(warning.message)]) == 2
    assert fitted.n_iter_ == 4
    assert_same(fit(RectifierClassifier(hidden_layer_sizes=10, max_iter=4, random_state=0), checkpoint), fitted)
    assert len(tried) == 4


def test_a_folder_that_vanishes_costs_no_training(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    model = RectifierClassifier(hidden_layer_sizes=10, max_iter=4, random_state=0)
    checkpoint = Checkpoint(folder / "state", every_epochs=1)

    def remove(report):
        if report.epoch == 2:
            shutil.rmtree(folder)

    with pytest.warns(UserWarning, match="state could not be saved: .*there is no folder"):
        model.fit(X, y, callback=remove, checkpoint=checkpoint)
    assert model.n_iter_ == 4


def test_numbers_of_numpy_are_saved(tmp_path):
    settings = {"learning_rate_init": np.float32(1e-3), "alpha": np.float32(1e-4), "max_iter": np.int64(3)}
    model = RectifierClassifier(hidden_layer_sizes=10, random_state=0, batch_size=np.int64(50), **settings)
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    assert_same(fit(model, checkpoint), fit(RectifierClassifier(**model.get_params()), checkpoint))
    model.fit_chunks([(X, y)], passes=2).save(tmp_path / "model.safetensors")


def test_copies_of_the_state_take_a_small_part_of_the_time(tmp_path, monkeypatch):
    copies, snapshot = [], TrainingFile._snapshot

    def counted(self, *arguments, **names):
        copies.append(1)
        return snapshot(self, *arguments, **names)

    monkeypatch.setattr(TrainingFile, "_snapshot", counted)
    monkeypatch.setattr("hardzero.checkpoint.COPYING_PART", 1e-9)
    fit(RectifierClassifier(**CUT_SHORT), tmp_path / "state")
    assert len(copies) == 2  # after the first epoch and at the end


def test_only_what_came_after_the_last_checkpoint_is_trained_again(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=4)
    settings = {"hidden_layer_sizes": 10, "max_iter": 10, "random_state": 0}
    fit(RectifierClassifier(**settings), checkpoint, kill=7)
    epochs = []
    with pytest.warns(ConvergenceWarning):
        RectifierClassifier(**settings).fit(
            X, y, callback=lambda report: epochs.append(report.epoch), checkpoint=checkpoint
        )
    assert epochs == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_finished_training_is_not_repeated(tmp_path, early_stopping):
    settings = {"hidden_layer_sizes": 10, "max_iter": 30, "tol": 0.2, "n_iter_no_change": 2, "random_state": 0}
    settings["early_stopping"] = early_stopping
    first = RectifierClassifier(**settings).fit(X, y, checkpoint=tmp_path / "state")

    def fail(report):
        raise AssertionError("trained again")

    again = RectifierClassifier(**settings).fit(X, y, callback=fail, checkpoint=tmp_path / "state")
    assert first.n_iter_ < 30
    assert_same(first, again)


def test_regression_on_sparse_input_with_weights_and_no_seed(tmp_path):
    sparse, weights = csr_array(X), np.linspace(0.5, 1.5, len(X)).astype(np.float32)
    settings = {"hidden_layer_sizes": 10, "max_iter": 6}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        np.random.seed(5)  # noqa: NPY002
        uninterrupted = RectifierRegressor(**settings).fit(sparse, y, weights)
        np.random.seed(5)  # noqa: NPY002
        checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
        with pytest.raises(Killed):
            RectifierRegressor(**settings).fit(sparse, y, weights, callback=kill_after(3), checkpoint=checkpoint)
        np.random.seed(99)  # noqa: NPY002
        resumed = RectifierRegressor(**settings).fit(sparse, y, weights, checkpoint=checkpoint)
    assert_same(uninterrupted, resumed)


def test_validation_data_of_the_caller_belong_to_the_training(tmp_path):
    settings = {"hidden_layer_sizes": 10, "max_iter": 6, "random_state": 0, "early_stopping": True}
    checkpoint, held_out = Checkpoint(tmp_path / "state", every_epochs=1), (X[200:], y[200:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        uninterrupted = RectifierClassifier(**settings).fit(X, y, validation=held_out)
        with pytest.raises(Killed):
            RectifierClassifier(**settings).fit(
                X, y, validation=held_out, callback=kill_after(3), checkpoint=checkpoint
            )
        resumed = RectifierClassifier(**settings).fit(X, y, validation=held_out, checkpoint=checkpoint)
        assert_same(uninterrupted, resumed)
        with pytest.raises(ValueError, match="other settings or data"):
            RectifierClassifier(**settings).fit(X, y, validation=(X[100:], y[100:]), checkpoint=checkpoint)


@pytest.mark.usefixtures("several_cores")
def test_the_number_of_threads_may_change(tmp_path):
    settings = {"hidden_layer_sizes": 10, "max_iter": 4, "random_state": 0}
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    fit(RectifierClassifier(n_jobs=1, **settings), checkpoint, kill=2)
    resumed = fit(RectifierClassifier(n_jobs=2, **settings), checkpoint)
    with pytest.warns(ConvergenceWarning):
        assert_same(RectifierClassifier(**settings).fit(X, y), resumed)


@pytest.mark.parametrize("change", ["settings", "data", "weights", "kind"])
def test_another_training_is_told_apart(tmp_path, change):
    settings = {"hidden_layer_sizes": 10, "max_iter": 3, "random_state": 0}
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    fit(RectifierClassifier(**settings), checkpoint)
    other, data = RectifierClassifier(**settings), (X, y)
    if change == "settings":
        other.alpha = 0.5
    elif change == "data":
        data = (X + np.float32(1e-6), y)
    elif change == "weights":
        data = (X, y, np.full(len(y), 2.0))
    else:
        other = RectifierRegressor(**settings)
    with pytest.raises(ValueError, match="belongs to a training with other settings or data"):
        other.fit(*data, checkpoint=checkpoint)


@pytest.mark.parametrize(("ends_of_rows", "n_columns"), [([2, 2, 3, 4], 2), ([1, 2, 3, 4], 3)])
def test_sparse_data_with_the_same_entries_in_other_places_are_told_apart(tmp_path, ends_of_rows, n_columns):
    def rows(ends_of_rows, n_columns):
        entries, columns = np.ones(4, dtype=np.float32), np.array([0, 1, 0, 1])
        return csr_array((entries, columns, [0, *ends_of_rows]), shape=(4, n_columns)), [0, 1, 0, 1]

    settings = {"hidden_layer_sizes": 10, "max_iter": 2, "random_state": 0}
    fit(RectifierClassifier(**settings), tmp_path / "state", data=rows([1, 2, 3, 4], 2))
    with pytest.raises(CheckpointUnusable, match="other settings or data"):
        fit(RectifierClassifier(**settings), tmp_path / "state", data=rows(ends_of_rows, n_columns))


def test_damaged_and_foreign_files_are_refused_and_left_alone(tmp_path):
    settings = {"hidden_layer_sizes": 10, "max_iter": 3, "random_state": 0}
    path = tmp_path / "state"
    fit(RectifierClassifier(**settings), path)
    complete = path.read_bytes()
    foreign = b"a shopping list: eggs, flour, salt"
    for content in (complete[: len(complete) // 2], complete[:5], b"", foreign):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged, or not a checkpoint"):
            RectifierClassifier(**settings).fit(X, y, checkpoint=path)
        assert path.read_bytes() == content
    save_file({"weights.0": np.zeros(3, dtype=np.float32)}, path)
    with pytest.raises(ValueError, match="is not a checkpoint"):
        RectifierClassifier(**settings).fit(X, y, checkpoint=path)


def without(part):
    """Return a change that takes a part out of the state of a checkpoint."""

    def change(arrays, metadata):
        state = json.loads(metadata["state"])
        place = state["stages"][0] if part in state["stages"][0] else state
        del place[part]
        metadata["state"] = json.dumps(state)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, metadata: metadata.pop("state"),
        lambda arrays, metadata: metadata.update(state="{"),
        lambda arrays, metadata: metadata.update(state="[]"),
        lambda arrays, metadata: arrays.pop("0.weights.0"),
        lambda arrays, metadata: arrays.pop("start_random_keys"),
        lambda arrays, metadata: arrays.update({"0.weights.0": np.zeros((2, 3), dtype=np.float32)}),
        *map(without, ["fingerprint", "start", "stages", "arrays", "n_steps", "random", "history"]),
    ],
)
def test_a_checkpoint_that_lacks_a_part_is_refused(change, tmp_path):
    path, settings = tmp_path / "state", {"hidden_layer_sizes": 10, "max_iter": 2, "random_state": 0}
    fit(RectifierClassifier(**settings), path)
    with safe_open(path, framework="numpy") as file:
        arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    change(arrays, metadata)
    save_file(arrays, path, metadata)
    with pytest.raises(CheckpointUnusable, match="state is damaged, or not a checkpoint"):
        fit(RectifierClassifier(**settings), path)


def test_settings_of_one_meaning_are_one_training(tmp_path):
    settings = {"hidden_layer_sizes": (16,), "alpha": 1e-4, "random_state": 0, "target_sparsity": 0.6, "max_iter": 2}
    first = fit(RectifierClassifier(**settings), tmp_path / "state")
    for name, value in [
        ("hidden_layer_sizes", [16]),
        ("hidden_layer_sizes", 16),
        ("hidden_layer_sizes", np.array([16])),
        ("alpha", np.float64(1e-4)),
        ("random_state", np.int64(0)),
        ("target_sparsity", [0.6]),
    ]:
        assert_same(fit(RectifierClassifier(**{**settings, name: value}), tmp_path / "state"), first)
    for other in ({"hidden_layer_sizes": (16, 16)}, {"alpha": np.float32(1e-4)}, {"class_weight": {0: 2.0}}):
        with pytest.raises(CheckpointUnusable, match="other settings or data"):
            fit(RectifierClassifier(**{**settings, **other}), tmp_path / "state")


def test_what_cannot_be_saved_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs solver='sgd' or 'adam'"):
        RectifierClassifier(solver="lbfgs").fit(X, y, checkpoint=tmp_path / "state")
    with pytest.raises(ValueError, match="no folder"):
        RectifierClassifier().fit(X, y, checkpoint=tmp_path / "missing" / "state")
    with pytest.raises(ValueError, match="must be a positive"):
        Checkpoint(tmp_path / "state", every_epochs=0)
    other_generator = np.random.RandomState(np.random.PCG64(0))
    with pytest.raises(ValueError, match="a random_state that draws from PCG64"):
        RectifierClassifier(5, random_state=other_generator).fit(X, y, checkpoint=tmp_path / "state")
    warm = RectifierClassifier(5, max_iter=2, warm_start=True)
    fit(warm, None)
    with pytest.raises(ValueError, match="does not go with warm_start"):
        warm.fit(X, y, checkpoint=tmp_path / "state")


def test_time_between_checkpoints(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    path = tmp_path / "state"
    saved = []

    def minute_passes(report):
        clock[0] += 60.0
        saved.append(path.stat().st_mtime_ns if path.exists() else None)

    settings = {"hidden_layer_sizes": 5, "max_iter": 8, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        RectifierClassifier(**settings).fit(X, y, callback=minute_passes, checkpoint=Checkpoint(path, every_minutes=3))
    assert [saved.index(stamp) for stamp in dict.fromkeys(saved)] == [0, 3, 6]


@pytest.mark.slow
def test_kill_9_at_any_moment(tmp_path):
    """Processes are killed at random moments, also while they write, until one gets through."""
    path = tmp_path / "state"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_checkpoint as t;"
        "t.fit(t.RectifierClassifier((300, 300), max_iter=40, random_state=1, n_jobs=1, tol=0),"
        "t.Checkpoint(sys.argv[2], every_epochs=1))"
    )
    command = [sys.executable, "-c", code, os.path.dirname(__file__), str(path)]
    random = np.random.RandomState(0)
    kills = 0
    for _ in range(6):
        stamp = path.stat().st_mtime_ns if path.exists() else None
        process = subprocess.Popen(command)
        while process.poll() is None and (path.stat().st_mtime_ns if path.exists() else None) == stamp:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.05))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    settings = {"max_iter": 40, "random_state": 1, "tol": 0}
    resumed = fit(RectifierClassifier((300, 300), **settings), path)
    with pytest.warns(ConvergenceWarning):
        assert_same(RectifierClassifier((300, 300), **settings).fit(X, y), resumed)
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == ["state"]


def test_the_command_goes_on_from_its_checkpoint(tmp_path):
    from typer.testing import CliRunner

    from hardzero.cli import app

    def run(model, *more):
        command = ["fit", "digits", "--hidden", "16", "--epochs", "3", "--quiet", "--output", str(tmp_path / model)]
        return CliRunner().invoke(app, [*command, *more])

    assert run("whole.safetensors").exit_code == 0
    checkpoint = tmp_path / "state"
    with pytest.MonkeyPatch.context() as patch:

        def save_and_die(self, trainer, best_parameters, *, ended):
            self._write(self._snapshot(trainer, best_parameters, ended=False))
            raise Killed

        patch.setattr(TrainingFile, "epoch_ends", save_and_die)
        with pytest.raises(Killed):
            run("resumed.safetensors", "--checkpoint", str(checkpoint))
    assert checkpoint.exists()
    assert run("resumed.safetensors", "--checkpoint", str(checkpoint)).exit_code == 0
    assert not checkpoint.exists()
    from safetensors.numpy import load_file

    whole, resumed = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "resumed"))
    assert whole.keys() == resumed.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], resumed[name])
