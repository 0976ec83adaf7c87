"""Ctrl-C keeps what was learned, or, where that would pass for more than it is, leaves everything as it was."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from hardzero import (
    DenoisingAutoencoder,
    RectifierClassifier,
    SparseAutoencoder,
    StackedDenoisingAutoencoder,
    TextModel,
    load,
)
from hardzero.denoising_trainer import DenoisingTrainer
from hardzero.dictionary_training import DictionaryTrainer
from hardzero.full_batch import FullBatchObjective
from hardzero.interruption import TrainingInterrupted, interruption_raised
from hardzero.network import Network
from hardzero.training import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_digits(return_X_y=True)
X, y = (X[:300] / 16).astype(np.float32), y[:300]
TEXTS, LABELS = ["good film", "bad film", "very good", "very bad"] * 5, [1, 0, 1, 0] * 5


def classifier(**parameters):
    return RectifierClassifier(**{"hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0, **parameters})


def press_control_c(*arguments):
    raise KeyboardInterrupt


def press_in_epoch_two(report):
    if report.epoch == 2:
        raise KeyboardInterrupt


def press_after_steps(n_steps, kind, monkeypatch):
    """Let Ctrl-C come at the end of a step of that kind of trainer."""
    step_ends, taken = kind._step_ends, []

    def interrupted(trainer, *arguments):
        step_ends(trainer, *arguments)
        taken.append(1)
        if len(taken) == n_steps:
            raise KeyboardInterrupt

    monkeypatch.setattr(kind, "_step_ends", interrupted)


INTERRUPTED_FITS = {
    "fit": lambda model: model.fit(X, y, callback=press_in_epoch_two),
    "pre-training": lambda model: model.set_params(pretraining="denoising").fit(X, y, callback=press_in_epoch_two),
    "warm start": lambda model: model.set_params(warm_start=False).fit(X, y, callback=press_in_epoch_two),
    "chunks": lambda model: model.fit_chunks([(X, y)], on_chunk=press_control_c),
}


@pytest.mark.parametrize("interrupt", INTERRUPTED_FITS.values(), ids=INTERRUPTED_FITS)
def test_an_interruption_that_is_raised_leaves_the_earlier_fit(interrupt, tmp_path):
    model = classifier().fit(X, y)
    expected, curve = model.predict_proba(X), list(model.loss_curve_)
    with pytest.raises(KeyboardInterrupt), interruption_raised():
        interrupt(model)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert model.loss_curve_ == curve
    model.set_params(**classifier().get_params()).save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model.safetensors").predict_proba(X), expected)


@pytest.mark.parametrize("interrupt", INTERRUPTED_FITS.values(), ids=INTERRUPTED_FITS)
def test_an_interruption_that_is_raised_leaves_a_new_model_unfitted(interrupt):
    model = classifier()
    with pytest.raises(KeyboardInterrupt), interruption_raised():
        interrupt(model)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_an_interruption_that_is_raised_leaves_a_network_that_was_gone_on_with_trained_in_place():
    model = classifier(warm_start=True).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(KeyboardInterrupt), interruption_raised():
        model.fit(X, y, callback=press_in_epoch_two)
    assert not np.array_equal(model.predict_proba(X), before)
    assert len(model.partial_fit(X, y).loss_curve_) == 4 + 2 + 1


def test_pre_training_is_not_skipped_after_it_was_interrupted():
    model, phases = classifier(pretraining="denoising", warm_start=True), []
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, callback=press_in_epoch_two)
    model.fit(X, y, callback=lambda report: phases.append(report.phase))
    assert phases[0].startswith("pre-training")


def test_a_text_model_is_unfitted_after_its_chunks_were_interrupted():
    model = TextModel(classifier())
    with pytest.raises(KeyboardInterrupt), interruption_raised():
        model.fit_chunks([(TEXTS, LABELS)], on_chunk=press_control_c)
    assert not {"vectorizer_", "estimator_"} & set(vars(model))


def test_nothing_is_kept_of_chunks_before_the_first_is_over(monkeypatch):
    monkeypatch.setattr(Trainer, "_step", press_control_c)
    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit_chunks([(X, y)])
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_nothing_is_kept_of_lbfgs_before_the_first_iteration_is_over(monkeypatch):
    monkeypatch.setattr(FullBatchObjective, "__call__", press_control_c)
    with pytest.raises(KeyboardInterrupt):
        classifier(solver="lbfgs").fit(X, y)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_lbfgs_that_is_interrupted_in_its_first_iteration_leaves_the_fitted_network(solver, tmp_path, monkeypatch):
    evaluate, trials = FullBatchObjective.__call__, []

    def interrupted(objective, vector):
        value = evaluate(objective, vector)
        trials.append(vector)
        if len(trials) == 2:
            raise KeyboardInterrupt
        return value

    model, untouched = (classifier(solver=solver, warm_start=True).fit(X, y) for _ in range(2))
    expected = model.predict_proba(X)
    monkeypatch.setattr(FullBatchObjective, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(solver="lbfgs").fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    model.set_params(solver=solver).save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model.safetensors").predict_proba(X), expected)
    assert model.partial_fit(X, y).loss_curve_ == untouched.partial_fit(X, y).loss_curve_
    np.testing.assert_array_equal(model.predict_proba(X), untouched.predict_proba(X))


@pytest.mark.parametrize("sizes", [(8,), (8, 6)])
def test_nothing_is_kept_of_autoencoders_before_the_first_epoch_of_the_last_is_over(sizes, monkeypatch):
    step, last = Trainer._step, f"layer {len(sizes)} of {len(sizes)}"

    def interrupted(trainer, *arguments):
        if trainer.settings.phase.endswith(last):
            raise KeyboardInterrupt
        return step(trainer, *arguments)

    fitted, new = (StackedDenoisingAutoencoder(sizes, max_iter=2, random_state=0) for _ in range(2))
    expected = fitted.fit(X).reconstruct(X)
    monkeypatch.setattr(Trainer, "_step", interrupted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for autoencoder in (fitted, new):
            with pytest.raises(KeyboardInterrupt):
                autoencoder.fit(X)
    np.testing.assert_array_equal(fitted.reconstruct(X), expected)
    with pytest.raises(NotFittedError):
        new.transform(X)


def test_the_last_autoencoder_is_kept_from_its_second_epoch_on():
    with pytest.warns(TrainingInterrupted, match="after 2 epochs"):
        autoencoder = DenoisingAutoencoder(8, max_iter=4, random_state=0).fit(X, callback=press_in_epoch_two)
    assert len(autoencoder.loss_curves_[0]) == 2
    assert autoencoder.transform(X).shape == (300, 8)


def test_a_sampled_decoder_is_that_of_the_last_step(monkeypatch):
    bags = csr_array(random_array((90, 400), density=0.01, dtype=np.float32, rng=np.random.default_rng(0)))
    autoencoder = DenoisingAutoencoder(8, reconstruction_sampling=1.0, batch_size=30, max_iter=3, random_state=0)
    press_after_steps(5, DenoisingTrainer, monkeypatch)
    with pytest.warns(TrainingInterrupted, match="after 1 epochs"):
        autoencoder.fit(bags)
    sampled = autoencoder._trainers[0]._part.decoder[0]
    np.testing.assert_array_equal(autoencoder.networks_[0].output.weights, sampled.T)


def test_atoms_keep_unit_norm_within_an_epoch(monkeypatch):
    dictionary = SparseAutoencoder(
        100, target_activity=0.02, selection="top_k", batch_size=100, max_iter=3, random_state=0
    )
    press_after_steps(5, DictionaryTrainer, monkeypatch)
    with pytest.warns(TrainingInterrupted, match="after 1 epochs"):
        dictionary.fit(X)
    np.testing.assert_allclose(np.linalg.norm(dictionary.components_, axis=1), 1.0, rtol=1e-5)


def test_a_complete_training_survives_an_interruption_of_what_follows(monkeypatch):
    monkeypatch.setattr("hardzero.training.calibrate", press_control_c)
    with pytest.warns(TrainingInterrupted, match="after 4 epochs"):
        model = classifier(target_sparsity=0.7).fit(X, y)
    assert model.n_iter_ == 4
    assert model.predict(X).shape == y.shape


def test_filters_of_warnings_do_not_decide_whether_it_is_raised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(KeyboardInterrupt), interruption_raised():
            classifier().fit(X, y, callback=press_in_epoch_two)
        classifier().fit(X, y, callback=press_in_epoch_two)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_control_c_while_zeros_are_measured_costs_no_training(solver, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "sparsity", interrupted)
    model = RectifierClassifier(hidden_layer_sizes=8, max_iter=3, solver=solver, random_state=0)
    with pytest.warns(TrainingInterrupted, match="sparsity_ is that of the last epoch"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    np.testing.assert_array_equal(model.sparsity_, model.sparsity_curve_[-1])


def test_control_c_while_the_zeros_of_a_run_of_chunks_are_measured_costs_no_training(monkeypatch):
    monkeypatch.setattr(Network, "sparsity", press_control_c)
    with pytest.warns(TrainingInterrupted, match="sparsity_ is that of the last pass"):
        model = classifier().fit_chunks([(X, y)], passes=3, validation=(X, y))
    assert model.n_iter_ == len(model.validation_scores_) == 3
    np.testing.assert_array_equal(model.sparsity_, model.sparsity_curve_[-1])


def test_a_second_control_c_while_a_run_of_chunks_ends_costs_no_training(monkeypatch):
    monkeypatch.setattr("hardzero.training.calibrate", press_control_c)
    with pytest.warns(TrainingInterrupted) as caught:
        model = classifier(target_sparsity=0.7).fit_chunks([(X, y)], passes=4)
    messages = [str(warning.message) for warning in caught if warning.category is TrainingInterrupted]
    assert ["after 3 passes" in messages[0], "after training" in messages[1]] == [True, True]
    assert model.n_iter_ == 3
    assert model.predict(X).shape == y.shape


def test_an_interruption_while_an_epoch_is_judged_leaves_the_record_of_those_before(monkeypatch):
    judge, judged = RectifierClassifier._validation_score, []

    def interrupted(*arguments):
        judged.append(1)
        if len(judged) == 2:
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(RectifierClassifier, "_validation_score", interrupted)
    with pytest.warns(TrainingInterrupted, match="1 epochs; the parameters of the best epoch are kept"):
        model = classifier(early_stopping=True, target_sparsity=0.8, max_iter=50).fit(X, y)
    assert model.n_iter_ == len(model.validation_scores_) == len(model.loss_curve_) == len(model.sparsity_curve_) == 1
    assert model.best_validation_score_ == model.validation_scores_[0]
