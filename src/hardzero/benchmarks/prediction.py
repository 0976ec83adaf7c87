"""Prediction against other runtimes: one sample, and minibatches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hardzero.benchmarks.peers import Predict, prediction_peers
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.timing import OURS, alternate
from hardzero.benchmarks.workloads import Workload
from hardzero.interop.plain_layers import plain_layers
from hardzero.predictor import Predictor

Array = NDArray[np.float32]

PRECISIONS = ("float32", "bfloat16", "int8")
N_SINGLE = 64
"""Different samples in one single-sample turn, so that no runtime sees the same active units again and again."""


def prediction_rows(workload: Workload, n_turns: int = 9) -> Iterator[Row]:
    """Yield single-sample rows for every precision, then minibatch rows."""
    for precision in PRECISIONS:
        yield from compare(workload, batch_size=1, n_threads=1, precision=precision, n_turns=n_turns)
    for batch_size in (16, 256):
        yield from compare(workload, batch_size=batch_size, n_threads=2, precision="float32", n_turns=n_turns)


def compare(workload: Workload, *, batch_size: int, n_threads: int, precision: str, n_turns: int = 9) -> Iterator[Row]:
    """Yield one row a peer for predictions of `batch_size` samples with `n_threads` threads each."""
    predictor = Predictor(workload.network, precision=precision, n_threads=n_threads)
    X = np.asarray(workload.X, dtype=np.float32)
    count = N_SINGLE if batch_size == 1 else 4
    inputs = [np.ascontiguousarray(X[i * batch_size : (i + 1) * batch_size]) for i in range(count)]
    note = accuracy_note(workload, predictor) if precision != "float32" else ""
    for peer, predict in prediction_peers(plain_layers(workload.network), n_threads):
        with threadpool_limits(n_threads, user_api="blas"):
            times = alternate(
                {OURS: over_inputs(predictor.scores, inputs), peer: over_inputs(predict, inputs)}, n_turns=n_turns
            )
        difference = max(float(np.abs(predictor.scores(x) - predict(x)).max()) for x in inputs)
        yield Row(
            "prediction, single sample" if batch_size == 1 else f"prediction, minibatch {batch_size}",
            f"{workload.described}, {precision}, {n_threads} thread{'s' * (n_threads > 1)}",
            peer,
            times.median(peer) / count * 1e6,
            times.median(OURS) / count * 1e6,
            "µs",
            times.ratio(peer),
            note or f"scores differ by at most {difference:.1e}",
        )


def over_inputs(predict: Predict, inputs: list[Array]) -> Callable[[], object]:
    """Return a call that predicts each input once."""

    def call() -> None:
        for x in inputs:
            predict(x)

    return call


def accuracy_note(workload: Workload, predictor: Predictor) -> str:
    """Return the error of a narrow-weight predictor beside that of float32 on the whole test set."""
    X = np.asarray(workload.X, dtype=np.float32)
    exact = Predictor(workload.network)
    errors = [float(np.mean(np.argmax(variant.scores(X), axis=1) != workload.y)) for variant in (exact, predictor)]
    return f"test error {errors[1]:.2%} against {errors[0]:.2%} in float32"
