"""What pre-training gains, and what it costs: the figures of docs/pretraining.md.

HARDZERO_DATA=... python benchmarks/pretraining.py labels      # MNIST: error against labels, with and without
HARDZERO_DATA=... python benchmarks/pretraining.py decoders    # the four decoders, MNIST and a bag of words
HARDZERO_DATA=... python benchmarks/pretraining.py speed       # one autoencoder against PyTorch
python benchmarks/pretraining.py sampling                      # reconstruction sampling, 5,000 and 50,000 words
HARDZERO_DATA=... python benchmarks/pretraining.py dictionary  # sparse dictionaries against two others
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from figures_as_text import mean_and_deviation
from hardzero import (
    DenoisingAutoencoder,
    RectifierClassifier,
    SparseAutoencoder,
    StackedDenoisingAutoencoder,
    datasets,
)
from hardzero.benchmarks.peers import denormals_as_zero
from hardzero.text import bag_of_words
from hardzero.training import EpochReport


def print_row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def draw_labeled(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return indices of `n_labels` rows, the same number of each class."""
    random = np.random.default_rng(seed)
    classes = np.unique(y)
    share = n_labels // len(classes)
    return np.concatenate([random.choice(np.flatnonzero(y == c), share, replace=False) for c in classes])


def labels(arguments: argparse.Namespace) -> None:
    """Error against the number of labels; the last row is the purely supervised column of table 1."""
    data = datasets.load("mnist")
    X, y, X_test, y_test = data.train.X, data.train.y, data.test.X, data.test.y
    sizes = tuple(arguments.sizes)
    results: dict[tuple[str, int, bool], list[tuple[float, float]]] = {}
    for seed in range(arguments.seeds):
        for activation in arguments.activations:
            penalty = 1e-3 if activation == "relu" else 0.0
            started = time.perf_counter()
            stack = StackedDenoisingAutoencoder(
                sizes, activation, activation_l1=penalty, max_iter=arguments.pretraining_epochs, random_state=seed
            ).fit(X[: arguments.unlabeled])
            print(f"seed {seed} {activation}: pre-training {time.perf_counter() - started:.0f} s", flush=True)
            for n_labels in arguments.labels:
                rows = draw_labeled(y, n_labels, seed) if n_labels < len(y) else np.arange(len(y))
                epochs = max(arguments.epochs, min(60, 120_000 // n_labels))
                for pretrained in (False, True):
                    classifier = RectifierClassifier(
                        sizes,
                        activation,
                        activation_l1=penalty,
                        pretraining=FrozenEstimator(stack) if pretrained else None,
                        batch_size=min(100, max(10, n_labels // 20)),
                        learning_rate="cosine",
                        max_iter=epochs,
                        random_state=seed,
                    ).fit(X[rows], y[rows])
                    error = 100 * (1 - classifier.score(X_test, y_test))
                    zeros = 100 * float(classifier.measure_sparsity(X_test).mean())
                    results.setdefault((activation, n_labels, pretrained), []).append((error, zeros))
                    print(
                        f"  {n_labels} labels, pre-trained {pretrained}: {error:.2f} %, zeros {zeros:.0f} %", flush=True
                    )
    print_row("labels", "activation", "error % without", "error % with", "zeros % without", "zeros % with")
    print_row(*["-"] * 6)
    for n_labels in arguments.labels:
        for activation in arguments.activations:
            without, with_ = (results[activation, n_labels, pretrained] for pretrained in (False, True))
            errors = [mean_and_deviation([error for error, _ in runs]) for runs in (without, with_)]
            zeros = [mean_and_deviation([zeros for _, zeros in runs], "{:.1f}") for runs in (without, with_)]
            print_row(n_labels, activation, *errors, *zeros)


def decoders(arguments: argparse.Namespace) -> None:
    """Reconstruction error, zeros, and the error of a linear probe with few labels on the code."""
    data = datasets.load("mnist")
    n = arguments.unlabeled
    cases: list[tuple[str, Any, np.ndarray, Any, np.ndarray]] = [
        ("MNIST", data.train.X[:n], data.train.y[:n], data.test.X, data.test.y)
    ]
    reviews = datasets.load("reviews")
    words = bag_of_words()
    X, X_test = csr_array(words.fit_transform(reviews.train.X)), csr_array(words.transform(reviews.test.X))
    y, y_test = np.asarray(reviews.train.y), np.asarray(reviews.test.y)
    rows, tests = (
        np.random.default_rng(0).permutation(len(labels))[:count] for labels, count in ((y, n), (y_test, 4000))
    )
    cases.append(("reviews", X[rows], y[rows], X_test[tests], y_test[tests]))
    print_row("data", "decoder", "reconstruction error", "zeros %", "probe error %, 1000 labels")
    print_row(*["-"] * 5)
    for name, X, y, X_test, y_test in cases:
        for decoder in ("softplus", "sigmoid", "linear", "rectifier"):
            runs = []
            for seed in range(arguments.seeds):
                autoencoder = DenoisingAutoencoder(
                    500, decoder=decoder, activation_l1=1e-3, max_iter=arguments.pretraining_epochs, random_state=seed
                ).fit(X)
                rows = draw_labeled(y, 1000, seed)
                probe = LogisticRegression(C=0.1, max_iter=200).fit(autoencoder.transform(X[rows]), y[rows])
                error = 100 * (1 - probe.score(autoencoder.transform(X_test), y_test))
                runs.append((autoencoder.reconstruction_error(X_test), 100 * autoencoder.sparsity_[0], error))
            reconstruction, zeros, errors = zip(*runs, strict=True)
            print_row(
                name,
                decoder,
                mean_and_deviation(reconstruction, "{:.4f}"),
                mean_and_deviation(zeros, "{:.1f}"),
                mean_and_deviation(errors),
            )


class EpochClock:
    """A callback that notes the processor time of each epoch, which other programs on the machine disturb little."""

    def __init__(self) -> None:
        self.reports: list[EpochReport] = []
        self.seconds: list[float] = []
        self._started = time.process_time()

    def __call__(self, report: EpochReport) -> None:
        """Note an epoch."""
        now = time.process_time()
        self.reports.append(report)
        self.seconds.append(now - self._started)
        self._started = now


def speed(arguments: argparse.Namespace) -> None:
    """Training samples per processor second of a 784-1000 denoising autoencoder with at least 85 % zeros."""
    import torch

    data = datasets.load("mnist")
    X = data.train.X[: arguments.unlabeled]
    clock = EpochClock()
    torch.set_num_threads(1)
    DenoisingAutoencoder(
        1000,
        decoder="softplus",
        activation_l1=0.05,
        solver="sgd",
        momentum=0.0,
        learning_rate_init=0.01,
        max_iter=arguments.pretraining_epochs,
        n_jobs=1,
        random_state=0,
    ).fit(X, callback=clock)
    encoder, decoder = torch.nn.Linear(784, 1000), torch.nn.Linear(1000, 784)
    optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.01)
    inputs = torch.from_numpy(np.ascontiguousarray(X))
    torch_seconds = []
    for _ in range(arguments.pretraining_epochs):
        order = torch.randperm(len(inputs))
        started = time.process_time()
        for start in range(0, len(inputs), 128):
            clean = inputs[order[start : start + 128]]
            code = torch.relu(encoder(clean * (torch.rand_like(clean) >= 0.25)))
            output = torch.nn.functional.softplus(decoder(code))
            cost = (0.5 * (output - clean).square().sum() + 0.05 * code.sum()) / len(clean)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
        torch_seconds.append(time.process_time() - started)
    print_row(
        "implementation",
        "zeros % of the last epoch",
        "samples per processor second, median epoch",
        "loss of the last epoch",
    )
    print_row(*["-"] * 4)
    epochs = zip(clock.reports, clock.seconds, strict=True)
    sparse = [len(X) / seconds for report, seconds in epochs if report.zeros[0] >= 0.85]
    last = clock.reports[-1]
    ours = statistics.median(sparse) if sparse else float("nan")
    theirs = len(X) / statistics.median(torch_seconds)
    print_row("hardzero", f"{100 * last.zeros[0]:.1f}", f"{ours:,.0f}", f"{last.loss:.2f}")
    print_row("PyTorch", f"{100 * float((code == 0).float().mean()):.1f}", f"{theirs:,.0f}", f"{cost.item():.2f}")
    print(f"ratio {ours / theirs:.2f}")


def sampling(arguments: argparse.Namespace) -> None:
    """Time per step with and without reconstruction sampling on bags of words of Zipf's frequencies."""
    random = np.random.default_rng(0)
    print_row(
        "words", "non-zeros a sample", "sampling", "columns a step", "processor ms a step", "cost of the last epoch"
    )
    print_row(*["-"] * 6)
    for n_words in (5_000, 50_000):
        frequency = 1.0 / np.arange(10, n_words + 10)
        for n_nonzero in (30, 100):
            expected = np.minimum(frequency * n_nonzero / frequency.sum(), 0.9)
            rows = [np.flatnonzero(random.random(n_words) < expected) for _ in range(640)]
            starts = np.cumsum([0, *map(len, rows)])
            indices = np.concatenate(rows).astype(np.int32)
            X = csr_array((np.ones(len(indices), np.float32), indices, starts.astype(np.int32)), (640, n_words))
            union = statistics.mean(len(np.unique(X[k : k + 64].indices)) for k in range(0, 640, 64))
            for ratio in (None, 1.0):
                clock = EpochClock()
                DenoisingAutoencoder(
                    arguments.units,
                    decoder="sigmoid",
                    activation_l1=1e-3,
                    reconstruction_sampling=ratio,
                    solver="sgd",
                    momentum=0.0,
                    learning_rate_init=0.01,
                    max_iter=2,
                    random_state=0,
                    batch_size=64,
                    n_jobs=1,
                ).fit(X, callback=clock)
                columns = n_words if ratio is None else min(n_words, 2 * union)
                milliseconds = min(clock.seconds) / 10 * 1e3
                nonzeros = f"{X.nnz / 640:.0f}"
                name = "none" if ratio is None else f"{ratio:g}"
                print_row(
                    n_words, nonzeros, name, f"{columns:.0f}", f"{milliseconds:.1f}", f"{clock.reports[-1].loss:.1f}"
                )


def dictionary(arguments: argparse.Namespace) -> None:
    """Reconstruction error at equal activity, and processor time, against PyTorch and scikit-learn."""
    data = datasets.load("mnist")
    X, X_test = data.train.X[: arguments.unlabeled], data.test.X[:1000]
    n_atoms, n_active, epochs = arguments.units, arguments.active, arguments.pretraining_epochs
    print_row(
        f"dictionary of {n_atoms} atoms, {n_active} active", "active % on test", "test error", "processor seconds"
    )
    print_row(*["-"] * 4)
    for selection in ("l1", "top_k"):
        started = time.process_time()
        learner = SparseAutoencoder(
            n_atoms, target_activity=n_active / n_atoms, selection=selection, max_iter=epochs, random_state=0, n_jobs=1
        ).fit(X)
        seconds = time.process_time() - started
        activity = 100 * learner.transform(X_test).nnz / (len(X_test) * n_atoms)
        print_dictionary(f"hardzero, {selection}", activity, learner.reconstruction_error(X_test), seconds)
    print_dictionary("PyTorch, top k, no revival", *torch_dictionary(X, X_test, n_atoms, n_active, epochs))
    if n_atoms < len(X):
        print_dictionary("scikit-learn, 1 epoch, coded by OMP", *orthogonal_dictionary(X, X_test, n_atoms, n_active))


def print_dictionary(name: str, activity: float, error: float, seconds: float) -> None:
    print_row(name, f"{activity:.2f}", f"{error:.4f}", f"{seconds:.1f}")


def torch_dictionary(
    X: np.ndarray, X_test: np.ndarray, n_atoms: int, n_active: int, epochs: int
) -> tuple[float, float, float]:
    """Train the model of `SparseAutoencoder` in PyTorch; return active %, mean squared error, processor seconds."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    started = time.process_time()
    inputs = torch.from_numpy(np.ascontiguousarray(X))
    mean = inputs.mean(dim=0)
    atoms = torch.randn(n_atoms, inputs.shape[1])
    decoder = torch.nn.Parameter(atoms / atoms.norm(dim=1, keepdim=True))
    encoder = torch.nn.Parameter(decoder.detach().T.clone())
    bias, offset = torch.nn.Parameter(-mean @ encoder.detach()), torch.nn.Parameter(mean.clone())
    optimizer = torch.optim.Adam([encoder, decoder, bias, offset], lr=0.001)

    def encode(rows: torch.Tensor) -> torch.Tensor:
        largest = torch.topk(torch.relu(rows @ encoder + bias), n_active)
        return torch.zeros(len(rows), n_atoms).scatter(1, largest.indices, largest.values)

    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs), 256):
            batch = inputs[order[start : start + 256]]
            cost = 0.5 * (encode(batch) @ decoder + offset - batch).square().sum() / len(batch)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
            with torch.no_grad():
                decoder /= decoder.norm(dim=1, keepdim=True)
    seconds = time.process_time() - started
    with torch.no_grad():
        tests = torch.from_numpy(np.ascontiguousarray(X_test))
        code = encode(tests)
        error = float((code @ decoder + offset - tests).square().mean())
    return 100 * float((code > 0).float().mean()), error, seconds


def orthogonal_dictionary(X: np.ndarray, X_test: np.ndarray, n_atoms: int, n_active: int) -> tuple[float, float, float]:
    """Fit scikit-learn's learner for one epoch; return active %, mean squared error, processor seconds."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    started = time.process_time()
    mean = X.mean(axis=0)
    learner = MiniBatchDictionaryLearning(
        n_atoms,
        batch_size=256,
        max_iter=1,
        transform_algorithm="omp",
        transform_n_nonzero_coefs=n_active,
        random_state=0,
        n_jobs=1,
    ).fit(X - mean)
    seconds = time.process_time() - started
    codes = learner.transform(X_test - mean)
    error = float(np.square(codes @ learner.components_ + mean - X_test).mean())
    return 100 * float((codes != 0).mean()), error, seconds


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "labels": labels,
    "decoders": decoders,
    "speed": speed,
    "sampling": sampling,
    "dictionary": dictionary,
}


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 1000, 1000])
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--active", type=int, default=10, help="active atoms of a dictionary")
    parser.add_argument("--activations", nargs="+", default=["relu", "tanh", "softplus"])
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 500, 1000, 5000, 50000])
    parser.add_argument("--unlabeled", type=int, default=50000)
    parser.add_argument("--pretraining-epochs", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=30)
    warnings.simplefilter("ignore", ConvergenceWarning)
    arguments = parser.parse_args()
    COMMANDS[arguments.command](arguments)


if __name__ == "__main__":
    with denormals_as_zero():
        main()
