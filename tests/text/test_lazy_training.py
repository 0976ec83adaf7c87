"""Training on bags of words, where weights of absent words miss steps, ends where the dense rule ends."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from hardzero import RectifierClassifier
from hardzero.checkpoint import Checkpoint
from hardzero.ops.native import NativeOps
from hardzero.training import Trainer, TrainingDiverged

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_WORDS, N_TEXTS, BATCH = 300, 90, 8

SETTINGS = {
    "adam": {"solver": "adam", "alpha": 0.0},
    "adam, cosine rate": {"solver": "adam", "alpha": 0.0, "learning_rate": "cosine"},
    "adam, input dropout": {"solver": "adam", "alpha": 0.0, "input_dropout": 0.3},
    "momentum": {"solver": "sgd", "learning_rate_init": 0.02, "nesterovs_momentum": False},
    "Nesterov's momentum": {"solver": "sgd", "learning_rate_init": 0.02, "alpha": 0.0},
    "sgd with decay": {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0, "alpha": 0.01},
}


@pytest.fixture(autouse=True)
def native_ops(monkeypatch):
    monkeypatch.setenv("HARDZERO_OPS", "native")


@pytest.fixture(scope="module")
def bags():
    """Texts of 1 to 20 words; a few words are in most texts, most words in few, and a sixth of them in none."""
    rng = np.random.default_rng(0)
    words = (250 * rng.random((N_TEXTS, 20)) ** 2).astype(int)
    dense = np.zeros((N_TEXTS, N_WORDS), dtype=np.float32)
    for text, length in zip(range(N_TEXTS), rng.integers(1, 20, N_TEXTS), strict=True):
        dense[text, words[text, :length]] = 1
    return csr_array(dense), (dense @ rng.normal(size=N_WORDS) > 0).astype(int)


def small(**settings):
    settings = {"max_iter": 6, "batch_size": BATCH, "random_state": 0, "n_jobs": 1, "tol": 0.0, **settings}
    return RectifierClassifier((24, 12), **settings)


def arrays_of(model):
    return [*model.coefs_, *model.intercepts_]


def use_the_dense_rule(monkeypatch):
    monkeypatch.setattr(NativeOps, "lazy_updates", lambda ops, parameters: nullcontext())


def assert_near(model, dense):
    for ours, theirs in zip(arrays_of(model), arrays_of(dense), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("name", SETTINGS)
def test_fit_ends_where_the_dense_rule_does(name, bags, monkeypatch):
    seen = {"lazy": [], "dense": []}
    models = {}
    for kind, found in seen.items():
        if kind == "dense":
            use_the_dense_rule(monkeypatch)
        model = models[kind] = small(**SETTINGS[name])

        def look(report, model=model, found=found):
            found.append([array.copy() for array in arrays_of(model)])

        model.fit(*bags, callback=look)
    assert_near(models["lazy"], models["dense"])
    assert_allclose(models["lazy"].loss_curve_, models["dense"].loss_curve_, rtol=1e-4)
    for ours, theirs in zip(seen["lazy"], seen["dense"], strict=True):
        assert_allclose(ours[0], theirs[0], rtol=1e-3, atol=2e-4)


def test_early_stopping_scores_and_keeps_weights_that_are_up_to_date(bags, monkeypatch):
    settings = {"alpha": 0.0, "early_stopping": True, "validation_fraction": 0.3, "max_iter": 15}
    model = small(**settings).fit(*bags)
    use_the_dense_rule(monkeypatch)
    dense = small(**settings).fit(*bags)
    assert model.validation_scores_ == dense.validation_scores_
    assert_near(model, dense)


def stop_at(step, error):
    """Return a step of training that raises in step `step`, after the forward pass and before the update."""
    take_step = Trainer._step

    def until(trainer, *arguments):
        if trainer.optimizer.n_steps == step - 1:
            network, forward = trainer.network, type(trainer.network).forward

            def raises(*arguments):
                del network.forward
                forward(network, *arguments)
                raise error

            network.forward = raises
        return take_step(trainer, *arguments)

    return until


def test_interruption_within_an_epoch_leaves_weights_up_to_date(bags, monkeypatch):
    models = {}
    for kind in ("lazy", "dense"):
        if kind == "dense":
            use_the_dense_rule(monkeypatch)
        models[kind] = small(alpha=0.0)
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "_step", stop_at(19, KeyboardInterrupt()))
            with pytest.warns(UserWarning, match="interrupted by user after 1 epochs"):
                models[kind].fit(*bags)
    assert_near(models["lazy"], models["dense"])
    assert copy.deepcopy(models["lazy"]).predict(bags[0]).shape == (N_TEXTS,)


def test_divergence_leaves_weights_up_to_date(bags, monkeypatch):
    states = {}
    for kind in ("lazy", "dense"):
        if kind == "dense":
            use_the_dense_rule(monkeypatch)
        model = small(alpha=0.0, warm_start=True).fit(*bags)
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "_step", stop_at(19, TrainingDiverged("the loss became nan")))
            with pytest.raises(TrainingDiverged):
                model.fit(*bags)
        states[kind] = model.network_.parameters[0]
    assert states["lazy"].lazy_rows is None
    assert_allclose(states["lazy"].weights, states["dense"].weights, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_resumed_training_ends_with_the_same_bits(name, bags, tmp_path):
    class Killed(Exception):
        pass

    def kill(report):
        if report.epoch == 4:
            raise Killed

    checkpoint = Checkpoint(tmp_path / "state", every_epochs=1)
    with pytest.raises(Killed):
        small(**SETTINGS[name]).fit(*bags, callback=kill, checkpoint=checkpoint)
    resumed = small(**SETTINGS[name]).fit(*bags, checkpoint=checkpoint)
    for ours, theirs in zip(arrays_of(resumed), arrays_of(small(**SETTINGS[name]).fit(*bags)), strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SETTINGS)
def test_partial_fit_and_chunks_end_where_the_dense_rule_does(name, bags, monkeypatch):
    X, y = bags

    def trained():
        model = small(**SETTINGS[name])
        for start in range(0, N_TEXTS, 30):
            model.partial_fit(X[start : start + 30], y[start : start + 30], classes=[0, 1])
        return model

    chunks = [(X[start : start + 30], y[start : start + 30]) for start in range(0, N_TEXTS, 30)]
    lazy = [trained(), small(**SETTINGS[name]).fit_chunks(lambda: iter(chunks), classes=[0, 1])]
    use_the_dense_rule(monkeypatch)
    dense = [trained(), small(**SETTINGS[name]).fit_chunks(lambda: iter(chunks), classes=[0, 1])]
    for ours, theirs in zip(lazy, dense, strict=True):
        assert_near(ours, theirs)


@pytest.mark.usefixtures("several_cores")
@pytest.mark.parametrize("name", SETTINGS)
def test_same_bits_for_any_number_of_threads(name, bags):
    one, two = (small(n_jobs=n_jobs, **SETTINGS[name]).fit(*bags) for n_jobs in (1, 2))
    for ours, theirs in zip(arrays_of(one), arrays_of(two), strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SETTINGS)
def test_steps_put_off_updates(name, bags, monkeypatch):
    """Within an epoch words are behind: otherwise the other tests would compare the dense rule with itself."""
    at_rest = []
    take_step = Trainer._step

    def look(trainer, *arguments):
        weights = trainer.network.parameters[0].weights
        before = weights.copy()
        result = take_step(trainer, *arguments)
        at_rest.append((weights == before).all(axis=1).mean())
        return result

    monkeypatch.setattr(Trainer, "_step", look)
    small(**SETTINGS[name]).fit(*bags)
    lazily = np.mean(at_rest[-5:])
    use_the_dense_rule(monkeypatch)
    at_rest.clear()
    small(**SETTINGS[name]).fit(*bags)
    assert np.mean(at_rest[-5:]) < 0.3 < 0.7 < lazily
