"""Hidden activations, layer by layer, of a fitted estimator, a network or a PyTorch module."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from hardzero.network import PREDICTION_ROWS, Network
from hardzero.ops import Ops, get_ops
from hardzero.threads import resolve_n_jobs

Array = NDArray[np.float32]

TORCH_ACTIVATIONS = (
    "ReLU",
    "ReLU6",
    "Threshold",
    "Hardshrink",
    "Softshrink",
    "LeakyReLU",
    "ELU",
    "GELU",
    "SiLU",
    "Softplus",
    "Tanh",
    "Sigmoid",
)
"""Classes of `torch.nn` whose outputs count as hidden activations; the first five make exact zeros."""


class Subject(ABC):
    """A model seen as a chain of hidden representations."""

    @abstractmethod
    def check(self, X: Any) -> Any:
        """Return `X` validated, in a form that can be sliced by rows; raise ValueError for bad input."""

    @abstractmethod
    def hidden(self, X: Any) -> dict[str, Array]:
        """Return the activations of each hidden layer, by name, for a few rows of checked input.

        Each has shape (n_samples, n_units).
        """

    def batches(self, X: Any) -> Iterator[tuple[slice, dict[str, Array]]]:
        """Yield the rows and hidden activations of minibatches that cover checked input."""
        for start in range(0, X.shape[0], PREDICTION_ROWS):
            rows = slice(start, min(start + PREDICTION_ROWS, X.shape[0]))
            yield rows, self.hidden(X[rows])

    def all_hidden(self, X: Any) -> dict[str, Array]:
        """Return the activations of each hidden layer for all rows of checked input."""
        parts = [hidden for _, hidden in self.batches(X)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class NetworkSubject(Subject):
    """A `Network`, run by the selected ops."""

    def __init__(self, network: Network, ops: Ops) -> None:
        if not network.hidden_layers:
            raise ValueError("the model has no hidden layer: there is no hidden activity to analyze")
        self.network = network
        self.ops = ops

    def check(self, X: Any) -> Any:
        """Return `X` as finite float32, dense or CSR, with the network's number of features."""
        from sklearn.utils import check_array

        from hardzero.network_estimator import as_network_input

        X = check_array(X, accept_sparse="csr", dtype=np.float32)
        if X.shape[1] != self.network.n_features:
            raise ValueError(f"X has {X.shape[1]} features, but the network expects {self.network.n_features}")
        return as_network_input(X)

    def hidden(self, X: Any) -> dict[str, Array]:
        """Return the activations of each hidden layer."""
        hidden = self.network.forward(self.ops, self.ops.rows(X)).hidden
        return {f"layer {depth}": rows.dense() for depth, rows in enumerate(hidden, start=1)}


class EstimatorSubject(NetworkSubject):
    """A fitted hardzero estimator."""

    def __init__(self, estimator: Any) -> None:
        super().__init__(network_of(estimator), estimator._ops())
        self.estimator = estimator

    def check(self, X: Any) -> Any:
        """Return `X` as the estimator's own methods take it."""
        return self.estimator._validate_X(X)


class TextSubject(EstimatorSubject):
    """A fitted `hardzero.text.TextModel`."""

    def __init__(self, model: Any) -> None:
        super().__init__(model.estimator_)
        self.model = model

    def check(self, X: Any) -> Any:
        """Return texts as rows of words."""
        return super().check(self.model.transform_texts(X))


class TorchSubject(Subject):
    """A `torch.nn.Module`; its activation modules are found by forward hooks.

    The output of an activation module is flattened to (n_samples, n_units). An activation that makes the
    module's own output is not hidden and is left out. A module that is called several times counts
    each time.
    """

    def __init__(self, module: Any) -> None:
        import torch

        self.torch = torch
        self.module = module
        kinds = tuple(getattr(torch.nn, name) for name in TORCH_ACTIVATIONS)
        self.activations = [(name, part) for name, part in module.named_modules() if isinstance(part, kinds)]
        if not self.activations:
            raise ValueError(
                f"{type(module).__name__} holds no activation module that hooks could find: use modules such "
                "as torch.nn.ReLU() in place of functions such as torch.relu"
            )

    def check(self, X: Any) -> Any:
        """Return `X` as a finite float32 array of any number of axes, samples first."""
        X = X.detach().cpu().numpy() if isinstance(X, self.torch.Tensor) else X
        X = np.asarray(dense(X), dtype=np.float32)
        if X.ndim < 2 or not X.shape[0]:
            raise ValueError(f"X needs samples along its first axis and features beyond it, got shape {X.shape}")
        if not np.isfinite(X).all():
            raise ValueError("X contains NaN or infinity: remove or impute these values")
        return X

    def hidden(self, X: Any) -> dict[str, Array]:
        """Return the outputs of the activation modules, in the order of their calls."""
        torch = self.torch
        seen: list[tuple[str, Any, Array]] = []

        def record(name: str) -> Any:
            def hook(_module: Any, _inputs: Any, output: Any) -> None:
                values = output.detach().to("cpu", torch.float32).numpy().copy()
                seen.append((name, output, values.reshape(len(X), -1)))

            return hook

        handles = [part.register_forward_hook(record(name or "activation")) for name, part in self.activations]
        modes = [(part, part.training) for part in self.module.modules()]
        try:
            self.module.eval()
            with torch.no_grad():
                result = self.module(self._tensor(X))
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            kind = type(self.module).__name__
            raise ValueError(f"{kind} does not take samples of shape {X.shape[1:]}: {error}") from error
        finally:
            _restore_modes(modes)
            for handle in handles:
                handle.remove()
        hidden: dict[str, Array] = {}
        for name, output, values in seen:
            if output is not result:
                calls = sum(key.split(" call ")[0] == name for key in hidden)
                hidden[f"{name} call {calls + 1}" if calls else name] = values
        if not hidden:
            raise ValueError(f"no activation module of {type(self.module).__name__} lies between input and output")
        return hidden

    def _tensor(self, X: Array) -> Any:
        parameter = next(self.module.parameters(), None)
        tensor = self.torch.from_numpy(np.ascontiguousarray(X))
        return tensor if parameter is None else tensor.to(parameter.device, parameter.dtype)


def _restore_modes(modes: list[tuple[Any, bool]]) -> None:
    """Set each part of a module, the module itself first, back to its own mode: training or evaluation."""
    for part, was_training in modes:
        if part.training != was_training:
            part.train(was_training)
    # The call above reaches all that a part holds, so one that two parts share may have lost its own mode again.
    for part, was_training in modes:
        part.training = was_training


def network_of(estimator: Any) -> Network:
    """Return the network of a fitted estimator; of a stack of autoencoders, its encoders one after another."""
    if hasattr(estimator, "network_"):
        return cast(Network, estimator.network_)
    encoders = [network.hidden_layers[0] for network in estimator.networks_]
    top = estimator.networks_[-1]
    return Network(encoders, top.output, top.loss)


def subject_of(model: Any) -> Subject:
    """Return the view that the analyses take of a model.

    Parameters
    ----------
    model : fitted hardzero estimator or autoencoder, hardzero.network.Network or torch.nn.Module

    Raises
    ------
    ValueError
        If the model has no hidden activations that could be found.
    sklearn.exceptions.NotFittedError
        If an estimator is not fitted.
    TypeError
        For any other kind of object.
    """
    if isinstance(model, Subject):
        return model
    if isinstance(model, Network):
        return NetworkSubject(model, get_ops(resolve_n_jobs(None)))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchSubject(model)
    if hasattr(model, "fit") and (hasattr(model, "_validate_X") or hasattr(model, "transform_texts")):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(model)
        return TextSubject(model) if hasattr(model, "transform_texts") else EstimatorSubject(model)
    raise TypeError(
        f"cannot analyze a {type(model).__name__}: give a fitted RectifierClassifier or RectifierRegressor, "
        "a hardzero.network.Network or a torch.nn.Module"
    )


def checked_input(subject: Subject, X: Any, max_samples: int | None, random_state: int) -> tuple[Any, Any]:
    """Return validated input and the sorted indices of the rows kept, at most `max_samples` at random."""
    X = subject.check(X)
    n_samples = X.shape[0]
    if max_samples is None or n_samples <= max_samples:
        return X, np.arange(n_samples)
    if max_samples < 1:
        raise ValueError(f"max_samples must be at least 1, got {max_samples}")
    chosen = np.sort(np.random.default_rng(random_state).choice(n_samples, max_samples, replace=False))
    return X[chosen], chosen


def dense(X: Any) -> Array:
    """Return checked input as an array."""
    return cast(Array, cast(Any, X).toarray() if issparse(X) else X)
