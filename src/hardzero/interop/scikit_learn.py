"""scikit-learn's multi-layer perceptrons as estimators of hardzero."""

from __future__ import annotations

from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from hardzero.activations import get_activation
from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.interop.fitted_estimator import fitted_classifier, fitted_regressor
from hardzero.interop.plain_layers import PlainLayer, network_of
from hardzero.losses import get_loss


def from_scikit_learn(model: MLPClassifier | MLPRegressor) -> RectifierClassifier | RectifierRegressor:
    """Return a fitted `MLPClassifier` or `MLPRegressor` as an estimator of hardzero.

    It predicts the same, up to rounding to single precision, and can go on training with `partial_fit`, or with `fit`
    once `warm_start` is set; for example towards a `target_sparsity`. The optimizer's momentum starts at zero.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Of a pipeline give the last step, and keep the steps before it.

    Returns
    -------
    RectifierClassifier or RectifierRegressor
        With the parameters of `model`, classes and names of features included; curves of its training stay behind.

    Raises
    ------
    ValueError
        If `model` is none of the two, or weights are infinite or not a number in single precision.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.neural_network import MLPRegressor
    >>> from hardzero.interop import from_scikit_learn
    >>> X, y = make_regression(random_state=0)
    >>> model = MLPRegressor(hidden_layer_sizes=50, solver="lbfgs", max_iter=20000, random_state=0).fit(X, y)
    >>> predict = from_scikit_learn(model).to_predictor()  # microseconds a call
    >>> bool(abs(predict(X).ravel() - model.predict(X)).max() < 1e-4 * abs(y).max())
    True
    """
    if isinstance(model, Pipeline):
        raise ValueError("give the last step of the pipeline, pipeline[-1], and keep the steps before it")
    if not isinstance(model, MLPClassifier | MLPRegressor):
        raise ValueError(f"expected a fitted MLPClassifier or MLPRegressor, got {type(model).__name__}")
    check_is_fitted(model)
    n_hidden = len(model.coefs_) - 1
    activations = [get_activation(model.activation) if i < n_hidden else None for i in range(n_hidden + 1)]
    layers = [PlainLayer(*arrays) for arrays in zip(model.coefs_, model.intercepts_, activations, strict=True)]
    network = network_of(layers, get_loss(model.out_activation_))
    if isinstance(model, MLPClassifier):
        several_labels = model.out_activation_ == "logistic" and model.n_outputs_ > 1
        classes = None if several_labels else model.classes_
        estimator: Any = fitted_classifier(network, classes, **_shared_parameters(model, RectifierClassifier))
    else:
        estimator = fitted_regressor(network, **_shared_parameters(model, RectifierRegressor))
    if hasattr(model, "feature_names_in_"):
        estimator.feature_names_in_ = model.feature_names_in_.copy()
    return estimator  # type: ignore[no-any-return]


def _shared_parameters(model: Any, kind: type[Any]) -> dict[str, Any]:
    """Return the parameters that both libraries have, without those that the network tells."""
    known = set(kind().get_params(deep=False)) - {"hidden_layer_sizes", "activation"}
    return {name: value for name, value in model.get_params(deep=False).items() if name in known}
