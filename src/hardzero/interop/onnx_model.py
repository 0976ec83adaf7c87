"""Networks as ONNX models, for runtimes without Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import Activation, Softplus
from hardzero.atomic_file import atomic_file
from hardzero.estimators import RectifierClassifier, RectifierRegressor
from hardzero.interop.fitted_estimator import fitted_network
from hardzero.interop.optional_package import optional_package
from hardzero.interop.plain_layers import PlainLayer, plain_layers
from hardzero.network import Network

OPSET, IR_VERSION = 17, 9
"""Of 2022: runtimes from then on read such files."""

_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": "Identity"}

_SCORES = "scores"


def to_onnx(model: RectifierClassifier | RectifierRegressor | Network, path: str | os.PathLike[str]) -> None:
    """Write a fitted classifier or regressor as an ONNX file, which many runtimes and languages execute.

    Parameters
    ----------
    model : RectifierClassifier, RectifierRegressor or Network
        Fitted, with an activation function that ONNX has: all but ``lif`` and your own.
    path : str or path-like
        Written beside an older file, and renamed when it is complete.

    Raises
    ------
    ValueError
        If `model` is none of these, ONNX has no such activation function, or class labels are neither numbers nor
        texts.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ImportError
        If the package `onnx` is not installed.

    Notes
    -----
    The input ``X`` is float32 of shape (n_samples, n_features). A classifier has the outputs ``label``, of shape
    (n_samples,) in int64, float64 or text, or for independent labels 0 or 1 of shape (n_samples, n_labels), and
    ``probabilities`` of shape (n_samples, n_classes); a regressor has ``prediction`` of shape (n_samples, n_outputs),
    a bare network ``scores``.

    Examples
    --------
    >>> import numpy as np
    >>> from hardzero import RectifierClassifier
    >>> from hardzero.interop import to_onnx
    >>> classifier = RectifierClassifier(8, solver="lbfgs", random_state=0).fit(np.eye(4), [0, 1, 2, 0])
    >>> to_onnx(classifier, "classifier.onnx")  # doctest: +SKIP
    """
    graph = _Graph(plain_layers(fitted_network(model)))
    if isinstance(model, RectifierClassifier):
        graph.add_classes(model.classes_, model.out_activation_, independent=model._has_several_labels())
    elif isinstance(model, RectifierRegressor):
        graph.add_predictions(model.out_activation_)
    else:
        graph.add_output(_SCORES, model.n_outputs)
    with atomic_file(path) as file:
        file.write(graph.model())


def scores_model(layers: Sequence[PlainLayer]) -> bytes:
    """Return layers as a serialized ONNX model with a free number of samples, from ``X`` to ``scores``."""
    graph = _Graph(layers)
    graph.add_output(_SCORES, layers[-1].weights.shape[1])
    return graph.model()


class _Graph:
    """An ONNX graph from features to scores, to which outputs are added."""

    def __init__(self, layers: Sequence[PlainLayer]) -> None:
        onnx = optional_package("onnx")
        self._helper, self._types, self._to_tensor = onnx.helper, onnx.TensorProto, onnx.numpy_helper.from_array
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        n_features, self._n_scores = layers[0].weights.shape[0], layers[-1].weights.shape[1]
        self._inputs = [self._value("X", n_features)]
        self._outputs: list[Any] = []
        current = "X"
        for index, layer in enumerate(layers):
            weights, bias = (
                self._constant(f"{name}_{index}", values)
                for name, values in (("weights", layer.weights), ("bias", layer.bias))
            )
            product = _SCORES if layer.activation is None else f"pre_activation_{index}"
            self._add("Gemm", [current, weights, bias], product)
            if layer.activation is not None:
                current = self._activate(product, layer.activation, f"hidden_{index}")

    def add_classes(self, classes: NDArray[Any], output_activation: str, *, independent: bool) -> None:
        """Add the outputs of a classifier."""
        if output_activation == "softmax":
            self._add("Softmax", [_SCORES], "probabilities", axis=1)
        elif independent:
            self._add("Sigmoid", [_SCORES], "probabilities")
        else:
            self._add("Neg", [_SCORES], "opposite_scores")
            self._add("Concat", ["opposite_scores", _SCORES], "scores_of_both", axis=1)
            self._add("Sigmoid", ["scores_of_both"], "probabilities")
        if independent:
            self._add("Greater", ["probabilities", self._constant("half", np.array([0.5], np.float32))], "is_present")
            self._add("Cast", ["is_present"], "label", to=self._types.INT64)
            self.add_output("label", len(classes), self._types.INT64)
        else:
            labels, kind = self._labels(classes)
            # Of equal probabilities predict() takes the first class, as ArgMax does.
            self._add("ArgMax", ["probabilities"], "class_index", axis=1, keepdims=0)
            self._add("Gather", [labels, "class_index"], "label", axis=0)
            self.add_output("label", None, kind)
        self.add_output("probabilities", len(classes))

    def add_predictions(self, output_activation: str) -> None:
        """Add the output of a regressor."""
        self._add("Exp" if output_activation == "exp" else "Identity", [_SCORES], "prediction")
        self.add_output("prediction", self._n_scores)

    def add_output(self, name: str, n_columns: int | None, kind: int | None = None) -> None:
        """Make a value an output, by default float32, of one dimension if it has no columns."""
        self._outputs.append(self._value(name, n_columns, kind))

    def model(self) -> bytes:
        """Return the serialized model."""
        graph = self._helper.make_graph(self._nodes, "network", self._inputs, self._outputs, self._initializers)
        opset = self._helper.make_opsetid("", OPSET)
        model = self._helper.make_model(graph, opset_imports=[opset], producer_name="hardzero")
        model.ir_version = IR_VERSION
        return bytes(model.SerializeToString())

    def _add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(self._helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _value(self, name: str, n_columns: int | None, kind: int | None = None) -> Any:
        shape = ["n_samples"] if n_columns is None else ["n_samples", n_columns]
        return self._helper.make_tensor_value_info(name, self._types.FLOAT if kind is None else kind, shape)

    def _constant(self, name: str, values: Any) -> str:
        self._initializers.append(self._to_tensor(np.ascontiguousarray(values), name))
        return name

    def _activate(self, product: str, activation: Activation, output: str) -> str:
        if isinstance(activation, Softplus):
            beta = self._constant(f"beta_of_{output}", np.array([activation.beta], np.float32))
            self._add("Mul", [product, beta], f"scaled_{output}")
            self._add("Softplus", [f"scaled_{output}"], f"softplus_{output}")
            return self._add("Div", [f"softplus_{output}", beta], output)
        if activation.name not in _OPERATORS:
            raise ValueError(f"ONNX has no activation function {activation.name!r}")
        return self._add(_OPERATORS[activation.name], [product], output)

    def _labels(self, classes: NDArray[Any]) -> tuple[str, int]:
        """Add the class labels, and return their name and type."""
        if all(isinstance(label, str) for label in classes.tolist()):
            return self._constant("classes", classes.astype(object)), self._types.STRING
        if classes.dtype.kind == "f":
            return self._constant("classes", classes.astype(np.float64)), self._types.DOUBLE
        if classes.dtype.kind in "bi" or (classes.dtype.kind == "u" and classes.max() <= np.iinfo(np.int64).max):
            return self._constant("classes", classes.astype(np.int64)), self._types.INT64
        raise ValueError(f"ONNX has no class labels such as {classes[-1]!r}: numbers and texts are possible")
