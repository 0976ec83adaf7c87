"""Time the engine's products against dense BLAS, by density, minibatch and width.

``python benchmarks/kernels.py`` prints, for a square layer or one of ``--outputs`` units, the rate of the forward
product and of the backward pass (gradient with plain SGD, and delta) in useful GFLOP/s: two for each non-zero and
output, four in the backward pass. Beside it how near that comes to the limit, the longer of two times: useful
operations at the best rate that BLAS reaches on this machine, and the weights at the rate of reading an array that no
second-level cache holds (twice in the backward pass, which writes them as well). Then how much faster it is than the
same products in NumPy's BLAS, which multiplies by the zeros. Turns alternate; times are medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

import hardzero
from hardzero.benchmarks.timing import alternate
from hardzero.ops.native import NativeOps
from hardzero.ops.updates import Momentum, Parameters
from hardzero.threads import usable_cores


def blas_rate() -> float:
    """Return the GFLOP/s of a large dense product: what this machine reaches at best."""
    a = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)
    return 2 * 2048**3 / alternate({"blas": lambda: a @ a}).median("blas") / 1e9


def reading_rate() -> float:
    """Return the GB/s at which an array of 16 MB is read again and again."""
    a = np.ones(4 * 2**20, dtype=np.float32)
    return a.nbytes / alternate({"read": lambda: np.dot(a[: a.size // 2], a[a.size // 2 :])}).median("read") / 1e9


@dataclass(frozen=True)
class Machine:
    """What limits a product: operations a second, in GFLOP/s, and bytes a second, in GB/s."""

    arithmetic: float
    reading: float

    def least_seconds(self, operations: float, n_bytes: float) -> float:
        """Return the time below which no kernel gets."""
        return max(operations / self.arithmetic, n_bytes / self.reading) / 1e9


def measure(
    ops: NativeOps, machine: Machine, minibatch: int, width: int, n_outputs: int, density: float, n_turns: int
) -> dict[str, float]:
    """Return useful GFLOP/s, nearness to the limit and speed-ups over dense BLAS of one layer's products."""
    rng = np.random.default_rng(0)
    X = rng.random((minibatch, width), dtype=np.float32) + np.float32(0.1)
    X[rng.random(X.shape) >= density] = 0
    weights, delta = ops.matrix(width, n_outputs), ops.matrix(minibatch, n_outputs)
    weights[...] = rng.normal(size=(width, n_outputs)) / np.sqrt(width)
    delta[...] = rng.normal(size=(minibatch, n_outputs))
    parameters = Parameters(weights, np.zeros(n_outputs, dtype=np.float32))
    rows = ops.rows(X)
    step = Momentum(1e-9)
    dense_weights, dense_delta = np.ascontiguousarray(weights), np.ascontiguousarray(delta)

    def blas_backward() -> None:
        dense_delta @ dense_weights.T
        np.subtract(dense_weights, np.float32(1e-9) * (X.T @ dense_delta), out=dense_weights)

    def forward() -> None:
        with ops.grouped_rows():
            ops.affine(rows, weights, parameters.bias)

    times = alternate(
        {
            "forward": forward,
            "forward, BLAS": lambda: X @ dense_weights,
            "backward": lambda: ops.backward(rows, delta, parameters, step),
            "backward, BLAS": blas_backward,
        },
        n_turns=n_turns,
        least_seconds=0.05,
    )
    useful = 2.0 * rows.n_nonzero * n_outputs
    limits = {
        "forward": machine.least_seconds(useful, dense_weights.nbytes),
        "backward": machine.least_seconds(2 * useful, 2 * dense_weights.nbytes),
    }
    return {
        **{f"{product}_of_limit": limit / times.median(product) for product, limit in limits.items()},
        "forward": useful / times.median("forward") / 1e9,
        "forward_speedup": times.ratio("forward, BLAS", "forward"),
        "backward": 2 * useful / times.median("backward") / 1e9,
        "backward_speedup": times.ratio("backward, BLAS", "backward"),
    }


def settings(options: argparse.Namespace) -> Iterator[tuple[int, int, float]]:
    """Yield minibatch, width and density of each row of the table."""
    for width in options.widths:
        for minibatch in options.minibatches:
            for density in options.densities:
                yield minibatch, width, density


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minibatches", type=int, nargs="+", default=[16, 128, 1024])
    parser.add_argument("--widths", type=int, nargs="+", default=[1000])
    parser.add_argument("--outputs", type=int, help="units of the layer (default: as many as it has inputs)")
    parser.add_argument("--densities", type=float, nargs="+", default=[0.02, 0.05, 0.15, 0.3, 0.5, 1.0])
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--turns", type=int, default=5, help="turns of each contestant, a row (default: 5)")
    options = parser.parse_args()
    ops = NativeOps(options.threads)
    with threadpool_limits(options.threads):
        machine = Machine(blas_rate(), reading_rate())
        title = (
            f"hardzero {hardzero.__version__}, {ops.instruction_set}, threads: {options.threads}; "
            f"BLAS at best: {machine.arithmetic:.0f} GFLOP/s; reading: {machine.reading:.0f} GB/s"
        )
        table = Table(title=title)
        for column in ("width", "minibatch", "density", "forward", "of limit", "faster", "backward"):
            table.add_column(column, justify="right")
        table.add_column("of limit", justify="right")
        table.add_column("faster", justify="right")
        for minibatch, width, density in settings(options):
            rates = measure(ops, machine, minibatch, width, options.outputs or width, density, options.turns)
            cells = [f"{width}", f"{minibatch}", f"{density:.0%}"]
            for product in ("forward", "backward"):
                cells += [f"{rates[product]:.1f} GF/s", f"{rates[f'{product}_of_limit']:.0%}"]
                cells.append(f"{rates[f'{product}_speedup']:.1f}×")
            table.add_row(*cells)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
