"""Classifier and regressor in a model file: a network with parameters, labels and the curves of training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.utils import check_random_state

from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.model_file.container import Contents
from hardzero.model_file.network import architecture, build_network, decode_notes, encode_notes, network_tensors
from hardzero.model_file.parameters import (
    decode_feature_names,
    decode_parameters,
    encode_feature_names,
    encode_parameters,
)
from hardzero.model_file.penalty_state import decode_penalty
from hardzero.model_file.values import decode_labels, encode_labels, is_number
from hardzero.rectifier_parameters import STOCHASTIC_SOLVERS
from hardzero.training import History, Trainer, TrainingSettings

Estimator = RectifierClassifier | RectifierRegressor

_CURVES = ("loss_curve_", "validation_scores_")
_NUMBERS = ("loss_", "best_loss_", "best_validation_score_", "n_iter_", "t_")
_TRAINER_STATE = ("penalty", "n_passes", "learning_rate")
"""What is kept for training that goes on, and no attribute of the estimator."""


def pack_estimator(estimator: Estimator) -> Contents:
    """Return a fitted classifier or regressor as contents of a file.

    Raises
    ------
    ValueError
        If it is not fitted, its class labels have no form in a file, or parameters were set since that are invalid or
        do not fit the network, so that the file could not be loaded.
    """
    name = type(estimator).__name__
    if "network_" not in vars(estimator):
        raise ValueError(f"cannot save this {name}: it is not fitted yet; call fit first")
    estimator._validate_params()
    if isinstance(estimator, RectifierRegressor):
        _check_loss(estimator)
    if _goes_on_training(estimator):
        estimator._penalty()
    document: dict[str, Any] = {
        "architecture": architecture(estimator.network_),
        "parameters": encode_parameters(estimator),
        "training": _encode_training(estimator),
        **encode_feature_names(estimator),
        **encode_notes(estimator.network_),
    }
    if isinstance(estimator, RectifierClassifier):
        document["classes"] = encode_labels(estimator.classes_)
        document["label_type"] = estimator._label_binarizer.y_type_
        if estimator._label_binarizer.sparse_input_:
            document["sparse_labels"] = True
    return Contents(name, network_tensors(estimator.network_), document)


def unpack_classifier(contents: Contents) -> RectifierClassifier:
    """Return the classifier of `pack_estimator`.

    Raises
    ------
    ValueError
        If parts of the contents do not fit each other.
    """
    classifier: RectifierClassifier = _unpack(RectifierClassifier, contents)
    classes = decode_labels(contents.document.get("classes"))
    label_type = contents.document.get("label_type")
    n_outputs = 1 if label_type == "binary" else len(classes)
    heads = {"binary": "logistic", "multiclass": "softmax", "multilabel-indicator": "logistic"}
    if not isinstance(label_type, str) or label_type not in heads:
        raise ValueError(f"there is no label type {label_type!r}")
    if len(classes) < 2 or n_outputs != classifier.n_outputs_:
        raise ValueError(f"{len(classes)} {label_type} classes do not fit {classifier.n_outputs_} outputs")
    if classifier.out_activation_ != heads[label_type]:
        raise ValueError(f"{label_type} classes do not fit {classifier.out_activation_} outputs")
    sparse = contents.document.get("sparse_labels", False)
    if not isinstance(sparse, bool) or (sparse and label_type != "multilabel-indicator"):
        raise ValueError(f"{label_type} labels cannot have sparse_labels={sparse!r}")
    if label_type == "multilabel-indicator":
        labels = np.eye(2, len(classes), dtype=np.int64)
        classifier._fit_label_binarizer(csr_array(labels) if sparse else labels)
    else:
        classifier._fit_label_binarizer(classes)
    fits = np.array_equal(classifier.classes_, classes) and classifier._label_binarizer.y_type_ == label_type
    if not fits:
        raise ValueError(f"the class labels are no {label_type} labels")
    classifier.classes_ = classes
    return classifier


def unpack_regressor(contents: Contents) -> RectifierRegressor:
    """Return the regressor of `pack_estimator`.

    Raises
    ------
    ValueError
        If parts of the contents do not fit each other.
    """
    regressor: RectifierRegressor = _unpack(RectifierRegressor, contents)
    _check_loss(regressor)
    return regressor


def _check_loss(regressor: RectifierRegressor) -> None:
    """Refuse a loss that has other outputs than the network."""
    if regressor.out_activation_ != regressor._loss(np.zeros((0, regressor.n_outputs_), np.float32)).output_activation:
        raise ValueError(
            f"{regressor.out_activation_} outputs do not fit loss={regressor.loss!r}: set the loss back, or fit anew"
        )


def _unpack(kind: type[Any], contents: Contents) -> Any:
    """Return an estimator with its network and all attributes but those of classes."""
    document = contents.document
    estimator = kind(**decode_parameters(kind, document.get("parameters")))
    estimator._validate_params()
    network = build_network(document.get("architecture"), contents.tensors)
    decode_notes(network, document)
    estimator._take_network(network)
    decode_feature_names(estimator, document)
    training = _check_training(document.get("training"), len(network.hidden_layers))
    for name, value in training.items():
        if name not in _TRAINER_STATE:
            setattr(estimator, name, value)
    estimator._trainer = _resumed_trainer(estimator, training)
    return estimator


def _encode_training(estimator: Estimator) -> dict[str, Any]:
    """Return the attributes that tell how training went."""
    training: dict[str, Any] = {}
    for name in (*_CURVES, *_NUMBERS):
        if name in vars(estimator):
            training[name] = _finite_or_none(vars(estimator)[name])
    for name in ("sparsity_", "sparsity_curve_"):
        if name in vars(estimator):
            training[name] = np.asarray(vars(estimator)[name]).tolist()
    if estimator._trainer is not None:
        training["penalty"] = estimator._trainer.penalty.state()
        training["n_passes"] = estimator._trainer.history.n_passes
        rate = estimator._trainer.optimizer.learning_rate
        # One whose settings have been changed since does not count in what goes on.
        if rate.schedule == "adaptive" and rate == estimator._optimizer().learning_rate:
            training["learning_rate"] = rate.current
    return training


def _finite_or_none(value: Any) -> Any:
    """Return a number or a list of numbers as JSON values, with None for what is not finite."""
    if isinstance(value, list):
        return [_finite_or_none(item) for item in value]
    if value is None or not math.isfinite(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _check_training(training: Any, n_layers: int) -> dict[str, Any]:
    """Return the attributes of `_encode_training`, with arrays for lists of sparsities."""
    if not isinstance(training, dict):
        raise ValueError("the record of training is missing")
    checked: dict[str, Any] = {}
    for name, value in training.items():
        if name in _NUMBERS:
            valid = value is None or is_number(value)
            checked[name] = value
        elif name == "loss_curve_":
            valid = value is None or (isinstance(value, list) and all(map(is_number, value)))
            checked[name] = value
        elif name == "validation_scores_":
            checked[name], valid = _scores(value)
        elif name in ("sparsity_", "sparsity_curve_"):
            checked[name], valid = _fractions(value, (n_layers,) if name == "sparsity_" else (-1, n_layers))
        elif name == "penalty":
            checked[name], valid = decode_penalty(value, n_layers), True
        elif name == "n_passes":
            checked[name], valid = value, type(value) is int and value >= 0
        elif name == "learning_rate":
            checked[name], valid = value, is_number(value) and value > 0
        else:
            valid = False
        if not valid:
            raise ValueError(f"the record of training has an invalid {name!r}")
    if checked.get("n_iter_") is not None and type(checked["n_iter_"]) is not int:
        raise ValueError("the record of training has an invalid 'n_iter_'")
    return checked


def _scores(value: Any) -> tuple[list[float] | None, bool]:
    """Return validation scores, NaN where the network's outputs overflowed, and whether they are that."""
    if not isinstance(value, list):
        return None, value is None
    scores = [math.nan if score is None else score for score in value]
    return scores, all(score is None or is_number(score) for score in value)


def _fractions(value: Any, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], bool]:
    """Return numbers between 0 and 1 as an array, and whether they are that, of such a shape."""
    rows = value if len(shape) == 2 and isinstance(value, list) else [value]
    valid = all(isinstance(row, list) and len(row) == shape[-1] and all(map(is_number, row)) for row in rows)
    if not valid:
        return np.zeros(0), False
    array = np.array(value, dtype=np.float64).reshape((len(rows), shape[-1]) if len(shape) == 2 else shape)
    return array, bool(((array >= 0) & (array <= 1)).all())


def _goes_on_training(estimator: Any) -> bool:
    """Tell whether the estimator has epochs behind it that more of them can follow."""
    return estimator.solver in STOCHASTIC_SOLVERS and bool(vars(estimator).get("loss_curve_"))


def _resumed_trainer(estimator: Any, training: dict[str, Any]) -> Trainer | None:
    """Return a trainer that goes on with the curves of the file; the optimizer's moments start at zero."""
    if not _goes_on_training(estimator):
        return None
    curve = training.get("sparsity_curve_", np.zeros((0, len(estimator.network_.hidden_layers))))
    history = History(
        loss_curve=training["loss_curve_"],
        validation_scores=training.get("validation_scores_") or [],
        sparsity_curve=curve.tolist(),
        n_samples_seen=int(training.get("t_") or 0),
        n_passes=training.get("n_passes", 0),
    )
    trainer = Trainer(
        estimator.network_,
        estimator._optimizer(),
        estimator._penalty(),
        TrainingSettings(max_epochs=estimator.max_iter, batch_size=1),
        check_random_state(estimator.random_state),
        history,
    )
    trainer.penalty.restore(training.get("penalty", {}))
    trainer.optimizer.learning_rate.epoch_ends(history.n_samples_seen)
    if trainer.optimizer.learning_rate.schedule == "adaptive":
        trainer.optimizer.learning_rate.current = training.get("learning_rate", estimator.learning_rate_init)
    return trainer
