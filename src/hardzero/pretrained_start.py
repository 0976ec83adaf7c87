"""The start of a network from the encoders of pre-trained autoencoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import _check_feature_names, check_is_fitted

from hardzero.activations import get_activation
from hardzero.autoencoders import StackedDenoisingAutoencoder
from hardzero.checkpoint import TrainingFile
from hardzero.codes import code_sizes, scale_codes
from hardzero.interruption import interruption_raised
from hardzero.network import Input, Layer, Network
from hardzero.ops import Ops
from hardzero.training import Callback


def pretrained_stack(
    estimator: Any,
    X: Input,
    random_state: np.random.RandomState,
    callback: Callback | None,
    checkpoint: TrainingFile | None,
) -> StackedDenoisingAutoencoder:
    """Return the fitted autoencoders that an estimator's `pretraining` asks for.

    Parameters
    ----------
    estimator : RectifierClassifier or RectifierRegressor
    X : ndarray or csr_array of shape (n_samples, n_features)
        All rows, with and without a label.
    random_state : numpy.random.RandomState
        Draws the seed of a stack that is not fitted yet.
    callback : callable or None
    checkpoint : TrainingFile or None

    Raises
    ------
    ValueError
        If `pretraining` is something else, has a parameter with a value that is not allowed, or is a frozen stack that
        was fitted to features of other names or in another order.
    KeyboardInterrupt
        If Ctrl-C ended pre-training.
    """
    pretraining = estimator.pretraining
    frozen = isinstance(pretraining, FrozenEstimator)
    stack = pretraining.estimator if frozen else pretraining
    if pretraining == "denoising":
        sparsity = estimator.target_sparsity if get_activation(estimator.activation).makes_zeros else None
        stack = StackedDenoisingAutoencoder(activation_l1=estimator.activation_l1, target_sparsity=sparsity)
    if not isinstance(stack, StackedDenoisingAutoencoder):
        raise ValueError(f"pretraining must be None, 'denoising' or a StackedDenoisingAutoencoder, got {pretraining!r}")
    if frozen:
        check_is_fitted(stack)
        _check_features(stack, estimator)
    else:
        stack = clone(stack).set_params(
            hidden_layer_sizes=estimator._hidden_layer_sizes(),
            activation=estimator.activation,
            random_state=random_state.randint(2**31),
            verbose=estimator.verbose or stack.verbose,
            n_jobs=estimator.n_jobs,
        )
        stack._validate_params()
        with interruption_raised():
            stack._fit(X, callback, checkpoint)
        # The validated rows have lost the names.
        if hasattr(estimator, "feature_names_in_"):
            stack.feature_names_in_ = estimator.feature_names_in_
        # The target of "denoising" is that of the whole network, whose fit judges it.
        if pretraining != "denoising":
            stack._warn_if_target_missed(stack.sparsity_)
    return cast(StackedDenoisingAutoencoder, stack)


def _check_features(stack: StackedDenoisingAutoencoder, estimator: Any) -> None:
    """Refuse a stack that was fitted to features of other names or in another order; warn where one has no names."""
    import pandas

    named = pandas.DataFrame(columns=getattr(estimator, "feature_names_in_", None))
    try:
        _check_feature_names(stack, named, reset=False)
    except ValueError as error:
        raise ValueError(f"the stack in pretraining was fitted to other features: {error}") from None


def start_from_encoders(network: Network, stack: StackedDenoisingAutoencoder, ops: Ops, X: Input) -> None:
    """Set the hidden layers of a network to the encoders of fitted autoencoders, at the scale these ask for.

    Raises
    ------
    ValueError
        If the shapes or the activations differ.
    """
    layers, encoders = network.hidden_layers, [one.hidden_layers[0] for one in stack.networks_]
    shapes, wanted = ([layer.parameters.weights.shape for layer in part] for part in (encoders, layers))
    if shapes != wanted:
        raise ValueError(f"the pre-trained layers have shapes {shapes}, but this network needs {wanted}")
    _check_activations(layers, encoders)
    initial_sizes = code_sizes(ops, layers, X) if stack.code_scale == "initial" else None
    for layer, encoder in zip(layers, encoders, strict=True):
        layer.parameters.weights[...] = encoder.parameters.weights
        layer.parameters.bias[...] = encoder.parameters.bias
    if initial_sizes is not None:
        scale_codes(ops, layers, X, initial_sizes)


def _check_activations(layers: Sequence[Layer], encoders: Sequence[Layer]) -> None:
    """Refuse encoders of another activation: their weights tell something else to this network."""
    for layer, encoder in zip(layers, encoders, strict=True):
        present, wanted = encoder.activation, layer.activation
        if present != wanted:
            # Of one name, they differ in their constants.
            names = (repr(present), repr(wanted)) if present.name == wanted.name else (present.name, wanted.name)
            raise ValueError(
                f"the pre-trained layers have activation {names[0]}, but this network has {names[1]}: give the network "
                "the activation of the autoencoders, or pre-train them with that of the network"
            )


def traits_of_pretraining(pretraining: Any, X: Input | None) -> tuple[dict[str, Any], list[Any]]:
    """Return the settings and arrays, beside an estimator's parameters, that decide what fine-tuning starts from.

    The arrays are all rows, or the encoders of a frozen stack, whose parameters scikit-learn does not show.
    """
    if not isinstance(pretraining, FrozenEstimator):
        return {}, [X]
    stack = pretraining.estimator
    arrays = [
        array
        for network in getattr(stack, "networks_", [])
        for layer in network.parameters
        for array in (layer.weights, layer.bias)
    ]
    return {"code_scale of the frozen stack": getattr(stack, "code_scale", None)}, arrays
