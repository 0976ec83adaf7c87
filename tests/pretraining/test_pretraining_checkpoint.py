"""A training with pre-training that is killed in any of its stages goes on and ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse import random_array
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

from hardzero import DenoisingAutoencoder, RectifierClassifier, SparseAutoencoder, StackedDenoisingAutoencoder
from hardzero.checkpoint import Checkpoint

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:target_sparsity was not reached"
)

X, y = load_digits(return_X_y=True)
X = (X[:400] / 16).astype(np.float32)
y = np.where(np.arange(400) < 150, y[:400], -1)


class Killed(BaseException):
    """Ends a process's training without any chance to save."""


def classifier(**parameters):
    stack = StackedDenoisingAutoencoder(max_iter=4, target_sparsity=0.7, corruption="salt_and_pepper")
    settings = {"pretraining": stack, "max_iter": 5, "random_state": 3, **parameters}
    return RectifierClassifier((30, 20), **settings)


def stages(n_epochs):
    """Return a list of the stage and epoch of each report, and the callback that fills it and kills."""
    seen = []

    def callback(report):
        seen.append((report.phase, report.epoch))
        if len(seen) == n_epochs:
            raise Killed

    return seen, callback


def fit_until(estimator, n_epochs, checkpoint, *data):
    seen, callback = stages(n_epochs)
    try:
        estimator.fit(*data, callback=callback, checkpoint=checkpoint)
    except Killed:
        assert len(seen) == n_epochs
    return seen


def assert_same_classifier(first, second):
    for ours, theirs in zip(first.coefs_ + first.intercepts_, second.coefs_ + second.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert first.loss_curve_ == second.loss_curve_
    assert_same_autoencoder(first.pretraining_, second.pretraining_)


def assert_same_autoencoder(first, second):
    for ours, theirs in zip(first.networks_, second.networks_, strict=True):
        for layer, other in zip(ours.parameters, theirs.parameters, strict=True):
            np.testing.assert_array_equal(layer.weights, other.weights)
            np.testing.assert_array_equal(layer.bias, other.bias)
    assert first.loss_curves_ == second.loss_curves_
    assert first.sparsity_curves_ == second.sparsity_curves_
    np.testing.assert_array_equal(first.dead_units_, second.dead_units_)


@pytest.mark.parametrize("killed_after", [1, 3, 4, 6, 8, 9, 12])
def test_a_killed_classifier_ends_with_the_same_bits(tmp_path, killed_after):
    uninterrupted = classifier().fit(X, y)
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    fit_until(classifier(), killed_after, checkpoint, X, y)
    resumed = classifier()
    seen = fit_until(resumed, -1, checkpoint, X, y)
    assert len(seen) == 13 - killed_after + 1
    assert_same_classifier(uninterrupted, resumed)


def test_killed_again_and_again(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=2)
    for _ in range(12):
        fit_until(classifier(), 3, checkpoint, X, y)
    resumed = classifier()
    fit_until(resumed, -1, checkpoint, X, y)
    assert_same_classifier(classifier().fit(X, y), resumed)


def test_a_finished_training_is_not_repeated(tmp_path):
    first = classifier().fit(X, y, checkpoint=tmp_path / "state")
    again = classifier()
    assert fit_until(again, -1, tmp_path / "state", X, y) == []
    assert_same_classifier(first, again)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DenoisingAutoencoder(30, tied_weights=True, max_iter=6, random_state=0),
        lambda: DenoisingAutoencoder(30, solver="sgd", learning_rate_init=0.01, max_iter=6, random_state=0),
        lambda: StackedDenoisingAutoencoder((30, 10), "tanh", corruption="gaussian", max_iter=3, random_state=0),
        lambda: SparseAutoencoder(300, target_activity=0.02, selection="top_k", max_iter=6, random_state=0),
        lambda: SparseAutoencoder(100, target_activity=0.1, batch_size=64, max_iter=6, random_state=0),
    ],
)
def test_a_killed_autoencoder_ends_with_the_same_bits(tmp_path, make):
    uninterrupted = make().fit(X)
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    fit_until(make(), 4, checkpoint, X)
    resumed = make()
    assert len(fit_until(resumed, -1, checkpoint, X)) == 3
    assert_same_autoencoder(uninterrupted, resumed)


def test_reconstruction_sampling_goes_on_with_the_moments_of_its_decoder(tmp_path):
    bags = random_array((200, 400), density=0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))

    def make():
        return DenoisingAutoencoder(20, reconstruction_sampling=1.0, batch_size=20, max_iter=5, random_state=0)

    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    fit_until(make(), 3, checkpoint, bags)
    resumed = make()
    fit_until(resumed, -1, checkpoint, bags)
    assert_same_autoencoder(make().fit(bags), resumed)


def test_partial_fit_goes_on_from_the_trained_decoder_of_a_stage_that_ended(tmp_path):
    bags = random_array((200, 400), density=0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    settings = {"reconstruction_sampling": 1.0, "batch_size": 20, "max_iter": 20, "random_state": 0}
    StackedDenoisingAutoencoder((20, 10), **settings).fit(bags, checkpoint=tmp_path / "state")
    resumed = StackedDenoisingAutoencoder((20, 10), **settings).fit(bags, checkpoint=tmp_path / "state")
    before = resumed.networks_[0].output.weights.copy()
    resumed.partial_fit(bags)
    steps = 10
    assert np.abs(resumed.networks_[0].output.weights - before).max() < 2 * steps * resumed.learning_rate_init
    # Moments of a stage that ended are not in the file, so that the correction of their bias starts anew.
    assert resumed._trainers[0].optimizer.n_steps == steps


def test_generators_of_another_process_do_not_make_another_training(tmp_path):
    def make():
        pretraining = StackedDenoisingAutoencoder(max_iter=2, random_state=np.random.RandomState(0))
        return classifier(pretraining=pretraining, random_state=np.random.RandomState(3))

    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    killed, resumed = make(), make()
    fit_until(killed, 3, checkpoint, X, y)
    assert fit_until(resumed, -1, checkpoint, X, y)[0] == ("pre-training layer 2 of 2", 1)
    assert_same_classifier(make().fit(X, y), resumed)


@pytest.mark.parametrize(
    "change", ["unlabeled rows", "pre-training", "frozen weights", "frozen biases", "frozen scale"]
)
def test_another_training_is_told_apart(tmp_path, change):
    first, second, data = classifier(), classifier(), (X, y)
    if change == "unlabeled rows":
        data = (np.concatenate([X[:-1], X[-1:] / 2]), y)
    elif change == "pre-training":
        second.pretraining.corruption_level = 0.5
    else:
        stacks = [StackedDenoisingAutoencoder((30, 20), max_iter=1, random_state=0).fit(X) for _ in range(2)]
        first, second = (classifier(pretraining=FrozenEstimator(stack)) for stack in stacks)
        encoder = stacks[1].networks_[0].hidden_layers[0].parameters
        if change == "frozen weights":
            encoder.weights += 1
        elif change == "frozen biases":
            encoder.bias += 1
        else:
            stacks[1].set_params(code_scale="initial")
    first.fit(X, y, checkpoint=tmp_path / "state")
    with pytest.raises(ValueError, match="other settings or data"):
        second.fit(*data, checkpoint=tmp_path / "state")


@pytest.mark.usefixtures("several_cores")
def test_threads_may_change(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    fit_until(classifier(n_jobs=1), 6, checkpoint, X, y)
    resumed = classifier(n_jobs=2)
    fit_until(resumed, -1, checkpoint, X, y)
    assert_same_classifier(classifier().fit(X, y), resumed)


def test_an_interrupted_stage_does_not_count_as_ended(tmp_path):
    """Ctrl-C in pre-training ends all of it: what would build on half-trained layers must not pass for trained."""
    seen = []

    def interrupt(report):
        seen.append(report)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classifier().fit(X, y, callback=interrupt, checkpoint=Checkpoint(tmp_path / "state", every_epochs=1))
    resumed = classifier()
    assert fit_until(resumed, -1, tmp_path / "state", X, y)[0] == ("pre-training layer 1 of 2", 2)
    assert_same_classifier(classifier().fit(X, y), resumed)


@pytest.mark.slow
def test_kill_9_in_pre_training(tmp_path):
    """Processes are killed at random moments, also while they write, until one gets through."""
    path = tmp_path / "state"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_pretraining_checkpoint as t;"
        "t.classifier(n_jobs=1).fit(t.X, t.y, checkpoint=t.Checkpoint(sys.argv[2], every_epochs=1))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, os.path.dirname(__file__), str(path)]
    random = np.random.RandomState(0)
    kills = 0
    for _ in range(6):
        stamp = path.stat().st_mtime_ns if path.exists() else None
        process = subprocess.Popen(command)
        while process.poll() is None and (path.stat().st_mtime_ns if path.exists() else None) == stamp:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.02))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    resumed = classifier()
    resumed.fit(X, y, checkpoint=path)
    assert_same_classifier(classifier().fit(X, y), resumed)
