"""Against a graphics processor: the same network in PyTorch on CUDA, each call one captured graph.

A captured graph costs one launch in place of dozens; it is the fastest way PyTorch has for small work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.benchmarks.peers import Predict, torch_eager
from hardzero.benchmarks.prediction import over_inputs
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS, Comparison, alternate
from hardzero.benchmarks.training import (
    COMPARED_RATE,
    MOST_COMPARED_STEPS,
    TINY_RATE,
    our_epoch,
    scores_after_steps,
    torch_epoch,
)
from hardzero.benchmarks.workloads import Workload
from hardzero.interop.plain_layers import PlainLayer, plain_layers
from hardzero.interop.torch_module import torch_layers
from hardzero.predictor import Predictor
from hardzero.threads import usable_cores

Array = NDArray[np.float32]

WARM_UP_CALLS = 3
"""Calls before a capture, as PyTorch's manual asks for."""


def gpu_name() -> str | None:
    """Return the name of the graphics processor that PyTorch finds, or None."""
    try:
        import torch
    except ImportError:
        return None
    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else None


def prediction_rows(workload: Workload, batch_size: int, n_turns: int = 9) -> Iterator[Row]:
    """Yield predictions of samples in the machine's memory, on the graphics processor and on all cores."""
    X = np.asarray(workload.X, dtype=np.float32)
    count = 64 if batch_size == 1 else 4
    inputs = [np.ascontiguousarray(X[i * batch_size : (i + 1) * batch_size]) for i in range(count)]
    layers, name = plain_layers(workload.network), f"PyTorch, {gpu_name()}"
    predict = _captured_prediction(layers, batch_size)
    predictors = {n: Predictor(workload.network, n_threads=n) for n in thread_numbers(batch_size)}
    contestants: dict[str, Callable[[], object]] = {name: over_inputs(predict, inputs)}
    for n, predictor in predictors.items():
        contestants[_with_threads(OURS, n)] = over_inputs(predictor.scores, inputs)
        contestants[_with_threads("PyTorch", n)] = over_inputs(torch_eager(layers, n), inputs)
    times = alternate(contestants, n_turns=n_turns)
    difference = max(float(np.abs(predictors[1].scores(x) - predict(x)).max()) for x in inputs)
    work = "prediction, single sample" if batch_size == 1 else f"prediction, minibatch {batch_size}"
    scale, agree = 1e6 / count, f"scores differ by at most {difference:.1e}"
    for peer in (name, _fastest("PyTorch", times)):
        yield _row(work, workload.described, peer, times, lambda seconds: seconds * scale, "µs", agree)


def training_rows(workload: Workload, batch_size: int, n_turns: int = 7) -> Iterator[Row]:
    """Yield samples per second of SGD, the data in the graphics processor's memory, and on all cores."""
    n_samples = len(workload.y) // batch_size * batch_size
    layers, name = plain_layers(workload.network), f"PyTorch, {gpu_name()}"
    contestants: dict[str, Callable[[], object]] = {
        name: CapturedTraining(layers, workload.X, workload.y, batch_size, TINY_RATE).epoch
    }
    for n in thread_numbers():
        contestants[_with_threads(OURS, n)] = our_epoch(workload, "sgd", batch_size, n)
        contestants[_with_threads("PyTorch", n)] = torch_epoch(workload, "sgd", batch_size, n)
    times = alternate(contestants, n_turns=n_turns)
    steps = min(MOST_COMPARED_STEPS, n_samples // batch_size)
    theirs = CapturedTraining(layers, workload.X, workload.y, batch_size, COMPARED_RATE)
    ours = scores_after_steps(workload, "sgd", batch_size, steps)
    difference = float(np.abs(ours - theirs.scores_after(steps)).max())
    agree = f"scores after {steps} equal steps differ by at most {difference:.1e}"
    work, setting = "training", f"{workload.described}, sgd, minibatch {batch_size}"
    for peer in (name, _fastest("PyTorch", times)):
        yield _row(work, setting, peer, times, lambda seconds: n_samples / seconds, "samples/s", agree)


class CapturedTraining:
    """Training by SGD on a graphics processor, the whole step from minibatch to update captured.

    Parameters
    ----------
    layers : sequence of PlainLayer
    X : ndarray of shape (n_samples, n_features)
        Kept in the memory of the graphics processor.
    y : ndarray of shape (n_samples,)
    batch_size : int
    learning_rate : float
    """

    def __init__(
        self, layers: Sequence[PlainLayer], X: Any, y: NDArray[np.int64], batch_size: int, learning_rate: float
    ) -> None:
        import torch

        self._torch = torch
        self._X, self._y = torch.from_numpy(np.asarray(X)).cuda(), torch.from_numpy(y).cuda()
        self._batch_size = batch_size
        self._samples = torch.arange(batch_size, device="cuda")
        self._module = torch_layers(layers).cuda().train()
        initial = [parameter.detach().clone() for parameter in self._module.parameters()]
        self._optimizer = torch.optim.SGD(self._module.parameters(), lr=learning_rate, fused=True)
        self._loss = torch.nn.CrossEntropyLoss()
        self._graph = _captured(self._step)
        with torch.no_grad():
            for parameter, before in zip(self._module.parameters(), initial, strict=True):
                parameter.copy_(before)

    def epoch(self) -> None:
        """Train for a pass over the data in a new order."""
        order = self._torch.randperm(len(self._y), device="cuda")
        self._train_on(order[: len(order) // self._batch_size * self._batch_size])
        self._torch.cuda.synchronize()

    def scores_after(self, n_steps: int) -> Array:
        """Return the scores of the samples after steps on the first of them, in their order."""
        count = n_steps * self._batch_size
        self._train_on(self._torch.arange(count, device="cuda"))
        with self._torch.inference_mode():
            scores: Array = self._module(self._X[:count]).cpu().numpy()
        return scores

    def _train_on(self, order: Any) -> None:
        for samples in order.split(self._batch_size):
            self._samples.copy_(samples)
            self._graph.replay()

    def _step(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        self._loss(self._module(self._X[self._samples]), self._y[self._samples]).backward()
        self._optimizer.step()


def _captured_prediction(layers: Sequence[PlainLayer], batch_size: int) -> Predict:
    """Return the network on the graphics processor, from an array in the machine's memory to one there."""
    import torch

    module = torch_layers(layers).cuda().eval()
    n_features, n_outputs = len(layers[0].weights), len(layers[-1].bias)
    rows, scores = (torch.empty((batch_size, n)).pin_memory() for n in (n_features, n_outputs))
    on_device = torch.empty((batch_size, n_features), device="cuda")

    def call() -> None:
        on_device.copy_(rows, non_blocking=True)
        scores.copy_(module(on_device), non_blocking=True)

    with torch.inference_mode():
        graph = _captured(call)

    def predict(X: Array) -> Array:
        rows.numpy()[...] = X
        graph.replay()
        torch.cuda.synchronize()
        result: Array = scores.numpy()
        return result

    return predict


def _captured(call: Callable[[], None]) -> Any:
    """Return a graph of what a call does on the graphics processor."""
    import torch

    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_CALLS):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph


def thread_numbers(batch_size: int | None = None) -> list[int]:
    """Return the numbers of threads that are tried: powers of two up to all cores; one for single samples."""
    if batch_size == 1:
        return [1]
    cores = usable_cores()
    return sorted({*(2**k for k in range(cores.bit_length()) if 2**k <= cores), cores})


def _with_threads(name: str, n_threads: int) -> str:
    return f"{name}, {n_threads} thread{'s' * (n_threads > 1)}"


def _fastest(name: str, times: Comparison) -> str:
    """Return the contestant of this name with the number of threads that is fastest."""
    return min((key for key in times.seconds if key.startswith(f"{name}, ") and "thread" in key), key=times.median)


def _row(
    work: str,
    setting: str,
    peer: str,
    times: Comparison,
    figure: Callable[[float], float],
    unit: str,
    agree: str,
) -> Row:
    ours = _fastest(OURS, times)
    threads = ours.removeprefix(f"{OURS}, ")
    theirs, mine = figure(times.median(peer)), figure(times.median(ours))
    return Row(work, f"{setting}, {threads}", peer, theirs, mine, unit, times.ratio(peer, ours), agree)
