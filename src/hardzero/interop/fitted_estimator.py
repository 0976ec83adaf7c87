"""A fitted estimator from a network that was trained elsewhere, and the network of one that goes elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.network import Network


def fitted_network(model: RectifierClassifier | RectifierRegressor | Network) -> Network:
    """Return the network of a fitted classifier or regressor.

    Raises
    ------
    ValueError
        If `model` is something else.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, RectifierClassifier | RectifierRegressor):
        raise ValueError(
            f"expected a RectifierClassifier or RectifierRegressor, got {type(model).__name__}; of a Pipeline give the "
            "last step, pipeline[-1], and of a TextModel its estimator_"
        )
    check_is_fitted(model)
    return model.network_


def fitted_classifier(network: Network, classes: ArrayLike | None, **parameters: Any) -> RectifierClassifier:
    """Return a classifier with that network.

    Parameters
    ----------
    network : Network
    classes : array-like or None
        In their sorted order; None where each output is a label of its own.
    **parameters
        Of the classifier, beside those that the network tells.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or hidden layers have several activation functions.
    """
    if classes is not None and len(np.asarray(classes)) < 2:
        raise ValueError(f"the model knows a single class, {np.asarray(classes).tolist()}: nothing can be told by it")
    classifier = RectifierClassifier(**_architecture(network), **parameters)
    classifier._take_network(network)
    classifier._fit_label_binarizer(np.eye(2, network.n_outputs, dtype=int) if classes is None else np.array(classes))
    return classifier


def fitted_regressor(network: Network, **parameters: Any) -> RectifierRegressor:
    """Return a regressor with that network."""
    regressor = RectifierRegressor(**_architecture(network), **parameters)
    regressor._take_network(network)
    return regressor


def _architecture(network: Network) -> dict[str, Any]:
    """Return the parameters of an estimator that describe a network.

    Raises
    ------
    ValueError
        If its hidden layers have several activation functions.
    """
    activations = list(dict.fromkeys(layer.activation for layer in network.hidden_layers))
    if len(activations) > 1:
        names = ", ".join(activation.name for activation in activations)
        raise ValueError(f"the hidden layers have several activation functions ({names}); hardzero has one for all")
    sizes = tuple(layer.n_units for layer in network.hidden_layers)
    if not activations:
        return {"hidden_layer_sizes": sizes}
    activation = activations[0]
    return {"hidden_layer_sizes": sizes, "activation": activation if activation.parameters() else activation.name}
