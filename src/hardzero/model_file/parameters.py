"""Constructor parameters and feature names of an estimator in a model file, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from hardzero.model_file.values import decode_value, encode_value
from hardzero.user_warnings import warn_user

PRETRAINING = "StackedDenoisingAutoencoder"
"""The one class of estimator that a parameter may hold."""


def encode_parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator as JSON values; warn of those that have no form in a file.

    A configured `pretraining` becomes its own parameters. Of a frozen stack these are kept too, but not its weights.
    """
    name = type(estimator).__name__
    parameters = {}
    for parameter, value in estimator.get_params(deep=False).items():
        if isinstance(value, FrozenEstimator):
            warn_user(
                f"{parameter} of this {name} is a frozen, fitted model: the file keeps its settings, not its weights. "
                "Save it beside with its own save() to go on pre-training from it. Predictions are not affected",
            )
            value = value.estimator
        if type(value).__name__ == PRETRAINING:
            value._validate_params()
            parameters[parameter] = {"estimator": [PRETRAINING, encode_parameters(value)]}
            continue
        try:
            parameters[parameter] = encode_value(value)
        except TypeError:
            if parameter != "random_state":
                warn_user(
                    f"the parameter {parameter}={value!r} has no form in a model file; the loaded model will have its "
                    "default. Predictions are not affected",
                )
    return parameters


def decode_parameters(kind: type[Any], parameters: Any) -> dict[str, Any]:
    """Return the parameters of `encode_parameters` for the constructor of a class.

    Raises
    ------
    ValueError
        If they are no parameters of that class.
    """
    if not isinstance(parameters, dict):
        raise ValueError("the constructor parameters are missing")
    known = kind._get_param_names()
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no parameter {unknown[0]!r}")
    return {name: _decode(value) for name, value in parameters.items()}


def encode_feature_names(estimator: Any) -> dict[str, list[str]]:
    """Return the entry of a document that holds the names of features; none where there are none."""
    if "feature_names_in_" not in vars(estimator):
        return {}
    return {"feature_names": [str(name) for name in estimator.feature_names_in_]}


def decode_feature_names(estimator: Any, document: dict[str, Any]) -> None:
    """Set the feature names of an estimator whose number of features is known, if the document has any.

    Raises
    ------
    ValueError
        If they are not one string a feature.
    """
    if "feature_names" not in document:
        return
    names, n_features = document["feature_names"], estimator.n_features_in_
    if not isinstance(names, list) or len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise ValueError(f"the feature names are not {n_features} strings")
    estimator.feature_names_in_ = np.array(names, dtype=object)


def _decode(value: Any) -> Any:
    match value:
        case {"estimator": [str() as name, dict() as parameters], **rest} if not rest and name == PRETRAINING:
            from hardzero.autoencoders import StackedDenoisingAutoencoder

            pretraining = StackedDenoisingAutoencoder(**decode_parameters(StackedDenoisingAutoencoder, parameters))
            pretraining._validate_params()
            return pretraining
    return decode_value(value)
