"""Many Python threads may call at once, and a forked process gets threads of its own."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from hardzero.activations import get_activation
from hardzero.ops import MOST_THREADS, get_ops
from hardzero.ops.native import NativeOps
from hardzero.ops.updates import Momentum, Parameters


def train_some_steps(n_threads, n_steps=5):
    ops = NativeOps(n_threads)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(64, 300)) * (rng.random((64, 300)) < 0.3)).astype(np.float32)
    weights = ops.matrix(300, 200)
    weights[...] = rng.normal(size=(300, 200))
    parameters = Parameters(weights, np.zeros(200, dtype=np.float32))
    for _ in range(n_steps):
        rows = ops.rows(X)
        hidden = ops.hidden(rows, parameters.weights, parameters.bias, get_activation("relu"))
        ops.backward(rows, hidden.dense() / 1000, parameters, Momentum(0.01))
    return weights


def test_python_threads_at_the_same_time():
    expected = train_some_steps(1)
    results = [None] * 4

    def work(i):
        results[i] = train_some_steps(2, 5)

    for _ in range(5):
        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            assert_array_equal(result, expected)


def test_workers_that_went_to_sleep_wake_up():
    expected = train_some_steps(1)
    pause = threading.Event()
    for _ in range(5):
        pause.wait(0.02)
        assert_array_equal(train_some_steps(3), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif("libtsan" in os.environ.get("LD_PRELOAD", ""), reason="the thread sanitizer forbids it")
def test_forked_process():
    expected = train_some_steps(2)
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        for result in pool.map(train_some_steps, [1, 2, 2]):
            assert_array_equal(result, expected)


TOO_LITTLE_MEMORY = """
import resource
import numpy as np
from hardzero.activations import get_activation
from hardzero.losses import get_loss
from hardzero.network import Network
from hardzero.ops.reference import ReferenceOps
from hardzero.predictor import Predictor

def predictor(width):
    layers, random = [(8, get_activation("relu"))], np.random.RandomState(0)
    return Predictor(Network.initialize(ReferenceOps(), width, layers, 2, get_loss("softmax"), random), n_threads=2)

small, wide = predictor(20), predictor(30_000)
X = np.ones((600, 30_000), dtype=np.float32)
expected = small.scores(X[:, :20])
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 10 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for _ in range(3):
    try:
        wide.scores(X)
    except MemoryError:
        print("refused")
np.testing.assert_array_equal(small.scores(X[:, :20]), expected)
"""


NO_MORE_THREADS = """
import resource
import numpy as np
from test_thread_pool import train_some_steps

expected = train_some_steps(1)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 32 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for n_threads in (2, 3):
    np.testing.assert_array_equal(train_some_steps(n_threads), expected)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif("lib" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers take memory of their own")
def test_where_no_thread_can_be_started_the_caller_does_all():
    # A stack takes more memory than is left, the work less.
    command = ["sh", "-c", 'ulimit -s 65536; exec "$@"', "sh", sys.executable, "-c", NO_MORE_THREADS]
    folder = os.path.dirname(__file__)
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif("lib" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers take memory of their own")
def test_a_lack_of_memory_on_any_thread_is_an_error_of_the_call():
    result = subprocess.run([sys.executable, "-c", TOO_LITTLE_MEMORY], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout.split()) == (0, ["refused"] * 3), result.stderr


def test_more_threads_than_there_can_be_are_as_many_as_there_can_be():
    assert NativeOps(3).n_threads == 3
    assert get_ops(2**40).n_threads == MOST_THREADS


KEPT_MODELS = """
import os, warnings
import numpy as np
from hardzero import RectifierRegressor

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def fitted():
    regressor = RectifierRegressor("squared_error", 16, solver="lbfgs", max_iter=2, n_jobs=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return regressor.fit(X, X[:, 0])

X = np.random.default_rng(0).random((1000, 5000), dtype=np.float32)
models = [fitted()]
before = resident_bytes()
models += [fitted() for _ in range(6)]
print((resident_bytes() - before) / X.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif("lib" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers take memory of their own")
def test_weights_do_not_keep_the_memory_of_their_engine():
    result = subprocess.run([sys.executable, "-c", KEPT_MODELS], capture_output=True, text=True, check=False)
    assert float(result.stdout) < 3, result.stderr


AT_EXIT = """
import threading, time
import numpy as np
from hardzero import RectifierClassifier, threads

threads.available_cores = lambda: 2
X = np.random.default_rng(0).random((2000, 300), dtype=np.float32)
classifier = RectifierClassifier((500, 500), max_iter=10_000, tol=0.0, n_iter_no_change=10_000, n_jobs=2)
threading.Thread(target=lambda: classifier.fit(X, X[:, 0] > 0.5), daemon=True).start()
time.sleep(1.0)
"""


@pytest.mark.skipif("lib" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers report what threads leave behind")
def test_a_program_may_end_while_a_thread_trains():
    ended = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
