"""Networks of studies: settings turned into estimators, trained, and measured."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, cast

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

import hardzero
from hardzero.activations import Softplus
from hardzero.analysis.regression_error import root_mean_squared_error
from hardzero.autoencoders import StackedDenoisingAutoencoder
from hardzero.checkpoint import Checkpoint, CheckpointUnusable, fingerprint
from hardzero.datasets.rows import stack_rows
from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.network_estimator import estimator_settings
from hardzero.studies.core.study import Context, Metrics, Settings
from hardzero.training import TrainingDiverged

MEASURED_SAMPLES = 10_000
"""Test samples on which zeros are counted."""


def train_classifier(settings: Settings, context: Context) -> RectifierClassifier:
    """Fit a classifier to the data set of a run.

    Settings that are parameters of `RectifierClassifier` are passed on, but for ``random_state`` and ``n_jobs``, which
    are the seed and the threads of the run. Besides them, ``beta`` is the hardness of softplus, ``train_samples``
    limits the training set to its first rows, and ``learning_rates`` is a list of which validation error picks one.
    With ``early_stopping`` the validation split joins the training data, of which the estimator then holds out
    ``validation_fraction``.

    Parameters
    ----------
    settings : dict
        A point of the study's grid.
    context : Context
        With a data set for classification.

    Returns
    -------
    RectifierClassifier
        Fitted.

    Raises
    ------
    ValueError
        For ``random_state`` or ``n_jobs`` among the settings, ``beta`` with another activation than softplus, and if
        training diverges at every learning rate.
    """
    data = context.require_data()
    X, y = data.train.X, data.train.y
    if settings.get("early_stopping"):
        X, y = stack_rows([X, data.validation.X]), np.concatenate([y, data.validation.y])
    n_samples = settings.get("train_samples") or len(y)
    fitted = fit_best_rate(RectifierClassifier, settings, context, X[:n_samples], y[:n_samples])
    return cast(RectifierClassifier, fitted)


def fit_best_rate(kind: type[Any], settings: Settings, context: Context, X: Any, y: Any) -> Any:
    """Fit an estimator for the learning rates in question and return the best on validation data.

    Rates are tried in their order, the largest first, until one does worse than the one before: from there on networks
    only learn more slowly, and take longest. Rates at which training diverges are passed over.

    Parameters
    ----------
    kind : type
        Class of the estimator.
    settings : dict
        As for `train_classifier`.
    context : Context
    X, y : array-like or sparse matrix
        Training data.

    Returns
    -------
    estimator
        Fitted, of class `kind`.

    Raises
    ------
    ValueError
        If training diverges at every rate, or settings contradict the run or each other.
    """
    best, best_score, failure = None, -np.inf, None
    # L-BFGS keeps a state that cannot be saved.
    folder = None if settings.get("solver") == "lbfgs" else context.checkpoints
    name = "" if folder is None else _name_of_training(kind, settings, X, y)
    if settings.get("pretrained"):
        settings = {**settings, "pretraining": pretrained_stack(settings, context, X)}
    rates = settings.get("learning_rates") or [settings.get("learning_rate_init", 0.001)]
    for rate in rates:
        estimator = make_estimator(kind, {**settings, "learning_rate_init": rate}, context)
        try:
            fit(estimator, X, y, None if folder is None else folder / f"{name}-rate-{rate}")
        except TrainingDiverged as error:
            if len(rates) == 1:
                raise
            failure = error
            continue
        score = validation_score(estimator, context) if len(rates) > 1 else 0.0
        if score < best_score:
            break
        if score > best_score:
            best, best_score = estimator, score
    if best is None:
        raise ValueError(f"training failed at every learning rate: {failure}") from failure
    return best


def _name_of_training(kind: type[Any], settings: Settings, X: Any, y: Any) -> str:
    """Return what tells the checkpoints of a run apart that trains several networks, with other settings or rows."""
    # Of a sparse matrix its arrays alone: SciPy also keeps in it what it has found out about them.
    data = (X.shape, X.indptr, X.indices, X.data) if hasattr(X, "indptr") else X
    return str(joblib.hash([kind.__name__, settings, data, y]))


def make_estimator(kind: type[Any], settings: Settings, context: Context) -> Any:
    """Return an unfitted estimator with the parameters among the settings, seed and threads of the run."""
    for name in ("random_state", "n_jobs"):
        if name in settings:
            raise ValueError(f"{name} cannot be a setting: the run's seed and threads say what it is")
    parameters = {name: settings[name] for name in kind._get_param_names() if name in settings}
    if settings.get("beta") is not None:
        if parameters.get("activation", Softplus.name) != Softplus.name:
            raise ValueError(f"beta is the hardness of softplus, and the activation is {parameters['activation']!r}")
        parameters["activation"] = Softplus(settings["beta"])
    return kind(**parameters, random_state=context.seed, n_jobs=context.n_jobs)


def pretrained_stack(settings: Settings, context: Context, X: Any) -> FrozenEstimator:
    """Return stacked denoising autoencoders trained on all rows, from which networks start at every learning rate.

    The paper's corruption (a quarter of the entries set to 0) and the decoder that suits the data, unless the setting
    ``autoencoders``, parameters of `StackedDenoisingAutoencoder`, says otherwise; the L1 coefficient is that of
    supervised training. Runs with the same pre-training, such as those with other numbers of labels, share it,
    unless they are of different versions of hardzero.
    """
    stack = StackedDenoisingAutoencoder(
        settings["hidden_layer_sizes"],
        settings["activation"],
        activation_l1=settings.get("activation_l1", 0.0),
        max_iter=settings["pretraining_epochs"],
        random_state=context.seed,
        n_jobs=context.n_jobs,
        **settings.get("autoencoders", {}),
    )
    shared = context.shared_checkpoints
    made_by = {**estimator_settings(stack), "version": hardzero.__version__}
    fit(stack, X, None, None if shared is None else shared / fingerprint(made_by, X))
    return FrozenEstimator(stack)


def fit(estimator: Any, X: Any, y: Any, path: Path | None) -> None:
    """Fit for the number of epochs that the protocol says, without a warning about it.

    A training that was killed goes on from its checkpoint at `path`, and one that was complete is not repeated. A
    checkpoint that cannot be used, such as one by another version, is deleted: the training starts anew.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if path is None:
            estimator.fit(X, y)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = Checkpoint(path, every_minutes=1.0)
        try:
            estimator.fit(X, y, checkpoint=checkpoint)
        except CheckpointUnusable:
            # Another run that shares the checkpoint may have deleted it first.
            path.unlink(missing_ok=True)
            estimator.fit(X, y, checkpoint=checkpoint)


def validation_score(estimator: Any, context: Context) -> float:
    """Return the score by which settings are chosen: never one on test data."""
    own_score = getattr(estimator, "best_validation_score_", None)  # L-BFGS has none
    if own_score is not None:
        return float(own_score)
    validation = context.require_data().validation
    return float(estimator.score(validation.X, validation.y))


def classification_metrics(classifier: RectifierClassifier, context: Context) -> Metrics:
    """Return test error and exact zeros of a fitted classifier, in percent, and what training took."""
    test = context.require_data().test
    zeros = zeros_by_layer(classifier, test.X)
    return {
        "test_error": 100.0 * float(np.mean(classifier.predict(test.X) != test.y)),
        "zeros": _zeros_of_units(classifier, zeros),
        "zeros_by_layer": zeros,
        **training_metrics(classifier),
    }


def regression_metrics(regressor: RectifierRegressor, X: Any, y: Any) -> Metrics:
    """Return root mean squared error and exact zeros (percent) on test data, and what training took."""
    zeros = zeros_by_layer(regressor, X)
    return {
        "rmse": root_mean_squared_error(y, regressor.predict(X)),
        "zeros": _zeros_of_units(regressor, zeros),
        "zeros_by_layer": zeros,
        **training_metrics(regressor),
    }


def training_metrics(estimator: Any) -> Metrics:
    """Return the loss at the end, the number of epochs and the learning rate."""
    return {
        "train_loss": float(estimator.loss_),
        "epochs": int(estimator.n_iter_),
        "chosen_rate": float(estimator.learning_rate_init),
    }


def zeros_by_layer(estimator: Any, X: Any) -> list[float]:
    """Return the exact zeros of each hidden layer, in percent."""
    return [100.0 * float(share) for share in estimator.measure_sparsity(X[:MEASURED_SAMPLES])]


def _zeros_of_units(estimator: Any, zeros: list[float]) -> float | None:
    """Return the zeros of all hidden units from those of the layers; None where there are no hidden layers."""
    units = [layer.n_units for layer in estimator.network_.hidden_layers]
    return float(np.average(zeros, weights=units)) if units else None
