"""PyTorch modules as estimators of hardzero, and networks of hardzero as PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardzero.activations import Activation, Identity, Logistic, Rectifier, Softplus, Tanh
from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.interop.fitted_estimator import fitted_classifier, fitted_network, fitted_regressor
from hardzero.interop.optional_package import optional_package
from hardzero.interop.plain_layers import PlainLayer, network_of, plain_layers
from hardzero.losses import get_loss
from hardzero.network import Network

SOFTPLUS_THRESHOLD = 80.0
"""Value of beta·z above which a softplus of PyTorch is linear; there, hardzero's is in single precision."""

SMOOTH_TO = 15.0
"""Value of beta·z from which on a softplus is linear but for what single precision does not show."""

_KNOWN = (
    "Linear, BatchNorm1d, ReLU, Tanh, Sigmoid, Softplus, Identity, Dropout and Flatten, and at the end Softmax, "
    "LogSoftmax or Sigmoid"
)


def to_torch(model: RectifierClassifier | RectifierRegressor | Network) -> Any:
    """Return a network as a PyTorch module of its own copies of the weights.

    Parameters
    ----------
    model : RectifierClassifier, RectifierRegressor or Network
        Fitted.

    Returns
    -------
    torch.nn.Sequential
        From features to scores, as PyTorch's losses take them: logits of classes or labels (of two classes that of the
        second), predicted targets, or with ``loss="poisson"`` their logarithms. Signed rectifiers are plain ones with
        their signs in the next weights.

    Raises
    ------
    ValueError
        If PyTorch has no such activation function.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from hardzero import RectifierRegressor
    >>> from hardzero.interop import to_torch
    >>> X = np.eye(4, dtype=np.float32)
    >>> regressor = RectifierRegressor(hidden_layer_sizes=8, solver="lbfgs", random_state=0).fit(X, [0, 1, 2, 0])
    >>> to_torch(regressor)  # doctest: +SKIP
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    """
    return torch_layers(plain_layers(fitted_network(model)))


def torch_layers(layers: Sequence[PlainLayer]) -> Any:
    """Return layers as a `torch.nn.Sequential` of its own copies of the weights."""
    torch = optional_package("torch")
    modules: list[Any] = []
    for layer in layers:
        linear = torch.nn.Linear(*layer.weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(layer.weights.T.copy()))
            linear.bias.copy_(torch.from_numpy(layer.bias))
        modules.append(linear)
        if layer.activation is not None:
            modules.append(_torch_activation(layer.activation))
    return torch.nn.Sequential(*modules)


def from_torch(module: Any, classes: ArrayLike | None = None) -> RectifierClassifier | RectifierRegressor:
    """Return a trained PyTorch module as a fitted estimator of hardzero.

    It predicts the same as the module in evaluation mode, up to rounding, and can go on training with `partial_fit`, or
    with `fit` once `warm_start` is set; for example towards a `target_sparsity`.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of `Linear` layers with one activation function for all hidden ones (`ReLU`, `Tanh`, `Sigmoid`, `Softplus` or
        `Identity`). Batch normalization goes into the weights; dropout is left out, and so is `Flatten`: X has a row
        of features a sample.
    classes : array-like of shape (n_outputs,), optional
        Class of each output, or two classes of a single one, whose logit is that of the second. It makes a classifier
        of a module that ends in logits. One that ends in `Softmax` or `LogSoftmax`, or in `Sigmoid` with one output,
        is a classifier in any case, of the classes 0, 1, … by default; one that ends in `Sigmoid` with several
        outputs has independent labels. Anything else is a regressor.

    Returns
    -------
    RectifierClassifier or RectifierRegressor

    Raises
    ------
    ValueError
        If the module holds a layer that hardzero does not have or one with forward hooks, layers do not fit each
        other, hidden layers have several activation functions, weights are infinite or not a number, or `classes` do
        not fit the outputs.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> from hardzero.interop import from_torch
    >>> from torch import nn  # doctest: +SKIP
    >>> module = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))  # doctest: +SKIP
    >>> predict = from_torch(module, classes=range(10)).to_predictor()  # doctest: +SKIP
    """
    reader = _Reader()
    for part in _parts(module):
        reader.read(part)
    reader.finish()
    layers, ending = reader.layers, reader.output_activation
    n_outputs = layers[-1].weights.shape[1]
    if ending == "softmax" and n_outputs == 1:
        raise ValueError("the softmax of a single output is always 1: two classes have a Sigmoid, or two outputs")
    if ending == "logistic" and n_outputs > 1:
        if classes is not None:
            raise ValueError("a module that ends in Sigmoid with several outputs has no classes: leave them out")
        return fitted_classifier(network_of(layers, get_loss("logistic")), None)
    if ending is None and classes is None:
        return fitted_regressor(network_of(layers, get_loss("identity")))
    layers[-1], labels = _with_sorted_classes(layers[-1], classes)
    # Of two classes hardzero has one score.
    loss = get_loss("logistic" if layers[-1].weights.shape[1] == 1 else "softmax")
    return fitted_classifier(network_of(layers, loss), labels)


def _torch_activation(activation: Activation) -> Any:
    """Return an activation function as a module."""
    from torch import nn

    plain = {Rectifier: nn.ReLU, Tanh: nn.Tanh, Logistic: nn.Sigmoid, Identity: nn.Identity}
    if isinstance(activation, Softplus):
        return nn.Softplus(activation.beta, SOFTPLUS_THRESHOLD)
    if type(activation) not in plain:
        raise ValueError(f"PyTorch has no activation function {activation.name!r}")
    return plain[type(activation)]()


class _Reader:
    """Reads the modules of a `Sequential`, one after the other, into layers.

    Attributes
    ----------
    layers : list of PlainLayer
        Of which the last has no activation function until one comes.
    output_activation : str or None
        The one that the module ends in.
    """

    def __init__(self) -> None:
        self.layers: list[PlainLayer] = []
        self.output_activation: str | None = None
        self._normalization: _Scaling | None = None

    def read(self, part: Any) -> None:
        """Take the next module."""
        from torch import nn

        if self.output_activation is not None:
            raise ValueError(f"the module goes on with {part} after its softmax")
        if _is_a(part, nn.Linear):
            self._add_layer(part)
        elif _is_a(part, nn.BatchNorm1d):
            self._normalize(part)
        elif _is_a(part, nn.Softmax, nn.LogSoftmax) and part.dim in (None, 1, -1):
            self.output_activation = "softmax"
        elif not _is_a(part, nn.Identity, nn.Dropout, nn.Flatten):
            activation = _activation(part)
            if not self._waits_for_activation():
                raise ValueError(f"the module has {part} where no Linear layer comes right before it")
            self.layers[-1] = replace(self.layers[-1], activation=activation)

    def finish(self) -> None:
        """Make the last layer the output layer."""
        if not self.layers:
            raise ValueError("the module has no Linear layer")
        if self._normalization is not None:
            raise ValueError("the module ends in BatchNorm1d after an activation function, without a Linear layer")
        activation = self.layers[-1].activation
        if isinstance(activation, Logistic) and self.output_activation is None:
            self.output_activation = "logistic"
        elif activation is not None:
            raise ValueError(f"the output layer has the activation function {activation.name!r}; hardzero's has none")
        self.layers[-1] = replace(self.layers[-1], activation=None)

    def _waits_for_activation(self) -> bool:
        return bool(self.layers) and self.layers[-1].activation is None

    def _add_layer(self, part: Any) -> None:
        bias = np.zeros(part.out_features) if part.bias is None else _array(part.bias)
        layer = PlainLayer(_array(part.weight).T, bias)
        if self._normalization is not None:
            layer = self._normalization.before(layer)
            self._normalization = None
        if self._waits_for_activation():
            self.layers[-1] = replace(self.layers[-1], activation=Identity())
        self.layers.append(layer)

    def _normalize(self, part: Any) -> None:
        scaling = _Scaling.of(part)
        if self._waits_for_activation():
            self.layers[-1] = scaling.after(self.layers[-1])
        elif self._normalization is not None:
            raise ValueError(f"the module has {part} after another one")
        else:
            self._normalization = scaling


@dataclass(frozen=True)
class _Scaling:
    """The map from ``x`` to ``scale * x + shift`` of a batch normalization in evaluation mode."""

    name: str
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def of(cls, part: Any) -> _Scaling:
        if part.running_var is None:
            raise ValueError(f"{part} keeps no mean and variance of its own: its result depends on the minibatch")
        scale = 1.0 / np.sqrt(_array(part.running_var) + part.eps)
        if part.weight is not None:
            scale = scale * _array(part.weight)
        shift = -_array(part.running_mean) * scale
        return cls(str(part), scale, shift if part.bias is None else shift + _array(part.bias))

    def before(self, layer: PlainLayer) -> PlainLayer:
        """Return the layer that takes what is not yet scaled."""
        self._check_width(layer.weights.shape[0])
        return PlainLayer(self.scale[:, None] * layer.weights, layer.bias + self.shift @ layer.weights)

    def after(self, layer: PlainLayer) -> PlainLayer:
        """Return the layer whose results are scaled already."""
        self._check_width(layer.weights.shape[1])
        return PlainLayer(layer.weights * self.scale, layer.bias * self.scale + self.shift)

    def _check_width(self, n_columns: int) -> None:
        if n_columns != len(self.scale):
            raise ValueError(f"{self.name} does not fit a Linear layer beside it, which has {n_columns} columns")


def _parts(module: Any) -> Iterator[Any]:
    """Yield the modules within nested `Sequential` ones."""
    from torch import nn

    if not isinstance(module, nn.Module):
        raise ValueError(f"expected a torch.nn.Sequential, got {type(module).__name__}")
    _refuse_hooks(module)
    if not _is_a(module, nn.Sequential):
        yield module
        return
    for part in module.children():
        yield from _parts(part)


def _refuse_hooks(module: Any) -> None:
    """Refuse what changes the weights or the output of a module when it is called, and is not seen in them before."""
    if module._forward_hooks or module._forward_pre_hooks:
        raise ValueError(
            f"{type(module).__name__} has forward hooks, which may set its weights or change its output: make pruning "
            "permanent with torch.nn.utils.prune.remove, take torch.nn.utils.parametrizations in place of "
            "torch.nn.utils.weight_norm and spectral_norm or end those with remove_weight_norm and "
            "remove_spectral_norm, remove hooks of your own by their handles, and call lazy modules once"
        )


def _is_a(part: Any, *kinds: type[Any]) -> bool:
    """Tell whether a module is of one of these kinds, and computes what they do."""
    return any(isinstance(part, kind) and type(part).forward is kind.forward for kind in kinds)


def _activation(part: Any) -> Activation:
    """Return the activation function of a module."""
    from torch import nn

    if _is_a(part, nn.Softplus) and part.threshold >= SMOOTH_TO:
        return Softplus(float(part.beta))
    for kind, activation in ((nn.ReLU, Rectifier), (nn.Tanh, Tanh), (nn.Sigmoid, Logistic)):
        if _is_a(part, kind):
            return activation()
    raise ValueError(
        f"hardzero has no layer {part}: the module may hold {_KNOWN}. Give the torch.nn.Sequential of "
        "such layers that a module of your own computes"
    )


def _with_sorted_classes(output: PlainLayer, classes: ArrayLike | None) -> tuple[PlainLayer, Any]:
    """Return the output layer with a score for each class, of two classes for the second, and the sorted classes."""
    n_outputs = output.weights.shape[1]
    n_classes = max(n_outputs, 2)
    labels = np.arange(n_classes) if classes is None else np.asarray(classes)
    if labels.shape != (n_classes,) or len(np.unique(labels)) != n_classes:
        raise ValueError(f"classes must be {n_classes} different labels for {n_outputs} outputs, got {classes!r}")
    order = np.argsort(labels)
    weights, bias = output.weights, output.bias
    if n_outputs > 2:
        return PlainLayer(weights[:, order], bias[order]), labels[order]
    if n_outputs == 2:
        weights, bias = weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1]
    sign = 1 if order[0] == 0 else -1
    return PlainLayer(sign * weights, sign * bias), labels[order]


def _array(tensor: Any) -> Any:
    """Return a tensor as an array in double precision."""
    return tensor.detach().cpu().double().numpy()
