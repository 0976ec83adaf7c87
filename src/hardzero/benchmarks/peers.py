"""The same network in other runtimes, each with its best settings."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.interop.onnx_model import scores_model
from hardzero.interop.plain_layers import PlainLayer
from hardzero.interop.torch_module import torch_layers

Array = NDArray[np.float32]
Predict = Callable[[Array], Array]


def prediction_peers(layers: Sequence[PlainLayer], n_threads: int) -> Iterator[tuple[str, Predict]]:
    """Yield name and prediction function, from inputs to scores, of each installed peer."""
    make = {"ONNX Runtime": onnx_runtime, "OpenVINO": openvino, "PyTorch": torch_eager}
    missing = missing_peers()
    for name, peer in make.items():
        if name not in missing:
            yield name, peer(layers, n_threads)
    yield "scikit-learn", scikit_learn(layers)


def missing_peers() -> list[str]:
    """Return the names of the peers that are not installed."""
    modules = {"ONNX Runtime": ("onnxruntime", "onnx"), "OpenVINO": ("openvino", "onnx"), "PyTorch": ("torch",)}
    return [name for name, needed in modules.items() if not all(map(find_spec, needed))]


def onnx_runtime(layers: Sequence[PlainLayer], n_threads: int) -> Predict:
    """Return the network in ONNX Runtime, all graph optimizations on."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(scores_model(layers), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"X": X})[0]


def openvino(layers: Sequence[PlainLayer], n_threads: int) -> Predict:
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
            model = core.read_model(scores_model(layers))
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


def torch_eager(layers: Sequence[PlainLayer], n_threads: int) -> Predict:
    """Return the network in eager PyTorch under inference mode."""
    import torch

    module = torch_layers(layers).eval()

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
    layers : sequence of PlainLayer
    optimizer : {"sgd", "adam"}
    learning_rate, momentum : float
        Momentum is Nesterov's.

    Attributes
    ----------
    module : torch.nn.Module
    """

    def __init__(
        self, layers: Sequence[PlainLayer], optimizer: str, learning_rate: float, momentum: float = 0.0
    ) -> None:
        import torch

        self.module: Any = torch_layers(layers).train()
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


def scikit_learn(layers: Sequence[PlainLayer]) -> Predict:
    """Return the network in scikit-learn's `MLPRegressor`, whose outputs are the scores."""
    from sklearn.neural_network import MLPRegressor

    activation = layers[0].activation
    if activation is None:
        raise ValueError("a network without hidden layers is no peer")
    model = MLPRegressor(hidden_layer_sizes=[len(layer.bias) for layer in layers[:-1]], activation=activation.name)
    model.n_layers_, model.n_outputs_ = len(layers) + 1, len(layers[-1].bias)
    model.n_features_in_ = len(layers[0].weights)
    model.out_activation_ = "identity"
    model.coefs_, model.intercepts_ = [layer.weights for layer in layers], [layer.bias for layer in layers]
    return model.predict  # type: ignore[no-any-return]


def minibatches(n_samples: int, batch_size: int, seed: int = 0) -> Iterator[NDArray[np.intp]]:
    """Yield minibatch indices for ever, a new random order each pass: the orders of a `Trainer` of the same seed."""
    random = np.random.RandomState(seed)
    for _ in itertools.count():
        order = np.arange(n_samples)
        random.shuffle(order)
        for start in range(0, n_samples - batch_size + 1, batch_size):
            yield order[start : start + batch_size]
