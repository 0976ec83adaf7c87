"""The same network in other runtimes, each with its best settings."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.network import Network

Array = NDArray[np.float32]
Predict = Callable[[Array], Array]


@dataclass(frozen=True)
class Weights:
    """A network as plain arrays, the form every peer is built from.

    Attributes
    ----------
    weights, biases : list of ndarray
    activation : str
        ``relu`` or ``tanh``, of all hidden layers.
    """

    weights: list[Array]
    biases: list[Array]
    activation: str

    @classmethod
    def of(cls, network: Network) -> Weights:
        """Return the arrays of a network whose hidden layers share one activation."""
        return cls(
            [np.ascontiguousarray(layer.weights) for layer in network.parameters],
            [layer.bias.copy() for layer in network.parameters],
            network.hidden_layers[0].activation.name,
        )


def prediction_peers(weights: Weights, n_threads: int) -> Iterator[tuple[str, Predict]]:
    """Yield name and prediction function, from inputs to scores, of each installed peer."""
    make = {"ONNX Runtime": onnx_runtime, "OpenVINO": openvino, "PyTorch": torch_eager}
    missing = missing_peers()
    for name, peer in make.items():
        if name not in missing:
            yield name, peer(weights, n_threads)
    yield "scikit-learn", scikit_learn(weights)


def missing_peers() -> list[str]:
    """Return the names of the peers that are not installed."""
    modules = {"ONNX Runtime": ("onnxruntime", "onnx"), "OpenVINO": ("openvino", "onnx"), "PyTorch": ("torch",)}
    return [name for name, needed in modules.items() if not all(map(find_spec, needed))]


def onnx_model(weights: Weights) -> bytes:
    """Return the network as a serialized ONNX model with a free batch dimension."""
    from onnx import TensorProto, helper, numpy_helper

    n_layers = len(weights.weights)
    operator = {"relu": "Relu", "tanh": "Tanh"}[weights.activation]
    nodes, initializers = [], []
    current = "input"
    for index, (matrix, bias) in enumerate(zip(weights.weights, weights.biases, strict=True)):
        initializers += [
            numpy_helper.from_array(matrix, f"W{index}"),
            numpy_helper.from_array(bias, f"b{index}"),
        ]
        product = "scores" if index == n_layers - 1 else f"z{index}"
        nodes.append(helper.make_node("Gemm", [current, f"W{index}", f"b{index}"], [product]))
        if index < n_layers - 1:
            current = f"h{index}"
            nodes.append(helper.make_node(operator, [product], [current]))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", weights.weights[0].shape[0]])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", weights.weights[-1].shape[1]])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return bytes(model.SerializeToString())


def onnx_runtime(weights: Weights, n_threads: int) -> Predict:
    """Return the network in ONNX Runtime, all graph optimizations on."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(onnx_model(weights), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"input": X})[0]


def openvino(weights: Weights, n_threads: int) -> Predict:
    """Return the network in OpenVINO in float32, tuned for latency."""
    os.environ.setdefault("OPENVINO_TELEMETRY", "0")
    import openvino as runtime

    core = runtime.Core()
    settings: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": n_threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled: dict[int, Any] = {}

    def predict(X: Array) -> Array:
        if len(X) not in compiled:
            model = core.read_model(onnx_model(weights))
            model.reshape({model.input(0): [len(X), X.shape[1]]})
            compiled[len(X)] = core.compile_model(model, "CPU", settings).create_infer_request()
        result: Array = compiled[len(X)].infer([X], share_inputs=True, share_outputs=True)[0]
        return result

    return predict


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Let PyTorch take denormal numbers for zero, also in the threads that it makes meanwhile and that inherit this.

    By default a run with momentum takes three times as long once units fall silent and their momentum fades. NumPy is
    affected as well, so this is for a process that does nothing but measure.
    """
    if find_spec("torch") is None:
        yield
        return
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def torch_module(weights: Weights) -> Any:
    """Return the network as a `torch.nn.Sequential` of its own copies of the weights."""
    import torch

    activation = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[weights.activation]
    layers: list[Any] = []
    for matrix, bias in zip(weights.weights, weights.biases, strict=True):
        linear = torch.nn.Linear(*matrix.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias))
        layers += [linear, activation()]
    return torch.nn.Sequential(*layers[:-1])


def torch_eager(weights: Weights, n_threads: int) -> Predict:
    """Return the network in eager PyTorch under inference mode."""
    import torch

    module = torch_module(weights).eval()

    def predict(X: Array) -> Array:
        if torch.get_num_threads() != n_threads:
            torch.set_num_threads(n_threads)
        with torch.inference_mode():
            result: Array = module(torch.from_numpy(X)).numpy()
            return result

    return predict


class TorchTraining:
    """Training steps of PyTorch: forward, cross-entropy, backward and the fused optimizer's step.

    Parameters
    ----------
    weights : Weights
    optimizer : {"sgd", "adam"}
    learning_rate, momentum : float
        Momentum is Nesterov's.

    Attributes
    ----------
    module : torch.nn.Module
    """

    def __init__(self, weights: Weights, optimizer: str, learning_rate: float, momentum: float = 0.0) -> None:
        import torch

        self.module: Any = torch_module(weights).train()
        parameters = self.module.parameters()
        if optimizer == "adam":
            self._optimizer: Any = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        else:
            self._optimizer = torch.optim.SGD(
                parameters, lr=learning_rate, momentum=momentum, nesterov=momentum > 0, fused=True
            )
        self._loss = torch.nn.CrossEntropyLoss()
        self._from_numpy = torch.from_numpy

    def set_rate(self, learning_rate: float) -> None:
        """Set the learning rate of the next step."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate

    def set_epsilon(self, epsilon: float) -> None:
        """Set what Adam adds to the root of the second moment in the next step."""
        for group in self._optimizer.param_groups:
            group["eps"] = epsilon

    def step(self, X: Array, y: NDArray[np.int64]) -> None:
        """Train on a dense minibatch and its class indices."""
        self._optimizer.zero_grad(set_to_none=True)
        self._loss(self.module(self._from_numpy(X)), self._from_numpy(y)).backward()
        self._optimizer.step()


def scikit_learn(weights: Weights) -> Predict:
    """Return the network in scikit-learn's `MLPRegressor`, whose outputs are the scores."""
    from sklearn.neural_network import MLPRegressor

    n_layers = len(weights.weights)
    sizes = [matrix.shape[1] for matrix in weights.weights[:-1]]
    model = MLPRegressor(sizes, activation=weights.activation)
    model.n_layers_, model.n_outputs_ = n_layers + 1, weights.weights[-1].shape[1]
    model.n_features_in_ = weights.weights[0].shape[0]
    model.out_activation_ = "identity"
    model.coefs_, model.intercepts_ = weights.weights, weights.biases
    return model.predict  # type: ignore[no-any-return]


def minibatches(n_samples: int, batch_size: int, seed: int = 0) -> Iterator[NDArray[np.intp]]:
    """Yield minibatch indices for ever, a new random order each pass: the orders of a `Trainer` of the same seed."""
    random = np.random.RandomState(seed)
    for _ in itertools.count():
        order = np.arange(n_samples)
        random.shuffle(order)
        for start in range(0, n_samples - batch_size + 1, batch_size):
            yield order[start : start + batch_size]
