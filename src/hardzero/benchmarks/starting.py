"""How long programs take to start: what they import, and the first prediction of a saved model."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hardzero.benchmarks.peers import missing_peers
from hardzero.benchmarks.table import Row
from hardzero.benchmarks.workloads import MNIST_HIDDEN

TURNS = 7
BEYOND_BARE = "beyond an empty interpreter"

_HARDZERO = (
    "import numpy as np; from hardzero import load_predictor; load_predictor({model!r})(np.zeros((1, 784), 'f'))"
)
_ONNX_RUNTIME = (
    "import numpy as np, onnxruntime; "
    "onnxruntime.InferenceSession({onnx!r}).run(None, {{'X': np.zeros((1, 784), 'f')}})"
)


def starting_rows() -> Iterator[Row]:
    """Yield the time of imports against ``import torch``, and of the first prediction against ONNX Runtime's.

    Each program runs in a new interpreter; they take turns, and the time of an empty one is subtracted.
    """
    with TemporaryDirectory() as folder:
        programs = {
            "empty": "pass",
            "torch": "import torch",
            "import": "import hardzero",
            "estimator": "from hardzero import RectifierClassifier",
        }
        if "ONNX Runtime" not in missing_peers():
            paths = _saved_network(Path(folder))
            programs |= {"first": _HARDZERO.format(**paths), "onnxruntime": _ONNX_RUNTIME.format(**paths)}
        seconds = _seconds(programs)
    for work, ours, theirs in (
        ("import", "import", "torch"),
        ("import of an estimator, and scikit-learn with it", "estimator", "torch"),
        ("first prediction of a saved MNIST network", "first", "onnxruntime"),
    ):
        if ours in seconds:
            ratio = seconds[theirs] / max(seconds[ours], 1e-3)
            yield Row(work, BEYOND_BARE, theirs, seconds[theirs], seconds[ours], "s", ratio)


def _saved_network(folder: Path) -> dict[str, str]:
    """Write an untrained network of the paper's size in the form of either side, and return where."""
    from hardzero.activations import Rectifier
    from hardzero.interop import to_onnx
    from hardzero.losses import get_loss
    from hardzero.model_file import save
    from hardzero.network import Network
    from hardzero.ops import get_ops

    layers = [(n_units, Rectifier()) for n_units in MNIST_HIDDEN]
    network = Network.initialize(get_ops(), 784, layers, 10, get_loss("softmax"), np.random.RandomState(0))
    paths = {"model": str(folder / "network.safetensors"), "onnx": str(folder / "network.onnx")}
    save(network, paths["model"])
    to_onnx(network, paths["onnx"])
    return paths


def _seconds(programs: Mapping[str, str]) -> dict[str, float]:
    """Return the median time of each program beyond that of the empty one."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(TURNS):
        for name, code in programs.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times[name].append(time.perf_counter() - started)
    medians = {name: float(np.median(values)) for name, values in times.items()}
    return {name: seconds - medians["empty"] for name, seconds in medians.items()}
