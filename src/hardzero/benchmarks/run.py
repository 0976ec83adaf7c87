"""What ``hardzero bench`` runs: each part on its own, or all."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from hardzero.atomic_file import atomic_file
from hardzero.benchmarks import gpu, prediction, time_to_error, training, workloads
from hardzero.benchmarks.peers import denormals_as_zero, missing_peers
from hardzero.benchmarks.scaling import scaling_points
from hardzero.benchmarks.starting import starting_rows
from hardzero.benchmarks.table import Row, print_table, to_frame
from hardzero.interruption import interruption_raised
from hardzero.threads import usable_cores

SPARSE = (0.92, 0.92, 0.86)
"""Zeros by layer of the network whose predictions are timed, 90 % overall: most where they save most. The third layer's
zeros only spare weights of the ten outputs."""


FITS = {128: 10_000, 16: 2000}
"""Minibatches of the fits against scikit-learn, and of how many samples: its steps of 16 take nearly as long as those
of 128."""


class Skipped(Exception):
    """Why a part is not run."""


def run_prediction() -> list[Row]:
    """Time prediction of the paper's MNIST network at 90 % zeros."""
    return list(prediction.prediction_rows(workloads.trained_mnist(SPARSE)))


def run_training() -> list[Row]:
    """Time training steps of the MNIST network against PyTorch, where it is installed, and `fit` against scikit-learn.

    Steps are timed at several sparsities and optimizers, and of a tanh network.
    """
    against_torch = [] if _torch_missing() else _training_steps()
    return against_torch + _fits()


def _training_steps() -> list[Row]:
    sparse = workloads.trained_mnist(0.83, n_epochs=4)
    rows = [training.training_row(_some(sparse), "sgd", size) for size in (16, 128, 1024)]
    rows.append(training.training_row(_some(sparse), "sgd", 128, momentum=0.9))
    rows.append(training.training_row(_some(sparse), "adam", 128))
    data = workloads.mnist()
    X = np.ascontiguousarray(data.test.X[: training.THROUGHPUT_SAMPLES])
    y = np.asarray(data.test.y[: training.THROUGHPUT_SAMPLES], dtype=np.int64)
    for activation in ("relu", "tanh"):
        rows.append(training.training_row(workloads.untrained(activation, X, y, workloads.MNIST_HIDDEN), "sgd", 128))
    return rows


def _fits() -> list[Row]:
    data = workloads.mnist()
    X, y = np.ascontiguousarray(data.test.X), np.asarray(data.test.y, dtype=np.int64)
    rows: list[Row] = []
    for batch_size, n_samples in FITS.items():
        for solver in ("sgd", "adam"):
            some = slice(n_samples)
            rows += training.scikit_learn_rows(X[some], y[some], workloads.MNIST_HIDDEN, solver, batch_size)
    return rows


def run_bag_of_words() -> list[Row]:
    """Time training on sparse text, three hidden layers of 1000 and of 5000; half zeros, and trained to 80 %."""
    _require_torch()
    rows = [training.training_row(workloads.bag_of_words((1000,) * 3), "sgd", size) for size in (16, 128)]
    rows.append(training.training_row(workloads.bag_of_words((1000,) * 3, target_sparsity=0.8), "sgd", 128))
    rows.append(training.training_row(workloads.bag_of_words((5000,) * 3, 256), "sgd", 128, n_turns=3))
    return rows


def run_time_to_error() -> list[Row]:
    """Train to 2.0 % and 1.6 % test error on MNIST, both sides at their best setting."""
    _require_torch()
    data = workloads.mnist()
    race = time_to_error.Race(
        np.ascontiguousarray(data.train.X),
        np.asarray(data.train.y, dtype=np.int64),
        np.ascontiguousarray(data.test.X),
        np.asarray(data.test.y, dtype=np.int64),
        workloads.MNIST_HIDDEN,
    )
    return list(time_to_error.time_to_error_rows(race))


def run_import() -> list[Row]:
    """Time imports against those of PyTorch, and the first prediction of a saved model, each in a new interpreter."""
    _require_torch()
    return list(starting_rows())


def run_gpu() -> list[Row]:
    """Time prediction and training on all cores against PyTorch on a graphics processor, where there is one."""
    if gpu.gpu_name() is None:
        raise Skipped("it needs CUDA and a graphics processor")
    sparse, trained = workloads.trained_mnist(SPARSE), _some(workloads.trained_mnist(0.83, n_epochs=4))
    rows = [row for size in (1, 16, 256) for row in gpu.prediction_rows(sparse, size)]
    return rows + [row for size in (16, 128, 1024) for row in gpu.training_rows(trained, size)]


def print_scaling() -> None:
    """Print the scaling table: a layer's training step against dense BLAS."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="hardzero bench scaling: one square layer's training step, 2 threads", title_justify="left")
    for column in ("varied", "width", "minibatch", "active units", "ours, µs", "dense BLAS, µs", "ratio"):
        table.add_column(column, justify="right")
    for point in scaling_points():
        table.add_row(
            point.varied,
            str(point.width),
            str(point.batch_size),
            f"{point.n_active:.0f}",
            f"{point.ours * 1e6:,.0f}",
            f"{point.dense * 1e6:,.0f}",
            f"{point.ratio:.2f}×",
        )
    Console(width=120).print(table)


PARTS: dict[str, Callable[[], list[Row] | None]] = {
    "prediction": run_prediction,
    "training": run_training,
    "bag-of-words": run_bag_of_words,
    "time-to-error": run_time_to_error,
    "import": run_import,
    "gpu": run_gpu,
    "scaling": print_scaling,
}
"""What each part runs: it returns the rows of the common table, or None if it prints one of its own."""


def run_part(name: str) -> list[Row]:
    """Run one part and print its table, or why it has none; return its rows, if it has some."""
    try:
        with interruption_raised(), denormals_as_zero():
            rows = PARTS[name]()
    except Skipped as reason:
        print(f"hardzero bench {name}: skipped, because {reason}")
        return []
    if rows is None:
        return []
    if not rows:
        print(f"hardzero bench {name}: no rows, for the reasons given above")
        return rows
    print_table(rows, f"hardzero bench {name}")
    return rows


def print_header() -> None:
    """Print what the figures depend on: processor, cores, versions, and which peers are missing."""
    print(f"{platform.processor() or platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}")
    for package in ("hardzero", "numpy", "torch", "onnxruntime", "openvino", "scikit-learn"):
        try:
            print(f"  {package} {version(package)}")
        except PackageNotFoundError:
            continue
    for peer in missing_peers():
        print(f"  {peer} is not installed: skipped (pip install 'hardzero[bench]' brings it)")


def _torch_missing() -> bool:
    return "PyTorch" in missing_peers()


def _require_torch() -> None:
    if _torch_missing():
        raise Skipped("it needs PyTorch")


def _some(workload: workloads.Workload) -> workloads.Workload:
    """Return the workload with few samples, enough for a throughput turn."""
    count = training.THROUGHPUT_SAMPLES
    return replace(workload, X=workload.X[:count], y=workload.y[:count])


def write_csv(rows: list[Row], path: Path) -> None:
    """Write the rows to a CSV file, whole or not at all."""
    with atomic_file(path) as file:
        file.write(to_frame(rows).to_csv(index=False).encode())


def is_table(path: Path) -> bool:
    """Tell whether a file begins as those of `write_csv`."""
    header = to_frame([]).to_csv(index=False).encode()
    with path.open("rb") as file:
        return file.read(len(header)) == header
