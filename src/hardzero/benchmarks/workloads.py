"""The networks and data that the benchmarks run on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning

from hardzero.activations import get_activation
from hardzero.datasets import Dataset, load
from hardzero.estimators import RectifierClassifier
from hardzero.losses import get_loss
from hardzero.network import Input, Network
from hardzero.ops import get_ops

Array = NDArray[np.float32]

MNIST_HIDDEN = (1000, 1000, 1000)
"""Hidden layers of the paper's networks on MNIST."""

VOCABULARY = 5000
WORDS_PER_TEXT = 30
"""Non-zeros of a synthetic bag of words: 0.6 % of the vocabulary, as in the paper's sentiment data."""


@dataclass(frozen=True)
class Workload:
    """A network in a state, and data to run it on.

    Attributes
    ----------
    name : str
    network : Network
    X : ndarray or csr_array of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,), int64
        Class indices.
    zeros : ndarray of shape (n_hidden_layers,)
        Fraction of exact zeros of each hidden layer on `X`.
    error : float or None
        Test error, where the network was trained.
    """

    name: str
    network: Network
    X: Input
    y: NDArray[np.int64]
    zeros: NDArray[np.float64]
    error: float | None = None

    @property
    def described(self) -> str:
        """Return name and zeros as tables show them."""
        by_layer = ", ".join(f"{zeros:.0%}" for zeros in self.zeros)
        return f"{self.name}, {np.mean(self.zeros):.1%} zeros ({by_layer})"


def mnist() -> Dataset:
    """Return MNIST from the data directory."""
    return load("mnist")


def trained_mnist(
    target_sparsity: float | tuple[float, ...], *, n_epochs: int = 8, n_threads: int | None = None
) -> Workload:
    """Train the paper's MNIST network to a sparsity and return it with the test samples.

    Parameters
    ----------
    target_sparsity : float or tuple of float
        Of all hidden layers, or of each.
    n_epochs : int, default=8
    n_threads : int, optional
    """
    data = mnist()
    classifier = _trained(data.train.X, data.train.y, MNIST_HIDDEN, target_sparsity, n_epochs, n_threads)
    X = np.ascontiguousarray(data.test.X)
    zeros = np.asarray(classifier.measure_sparsity(X))
    error = 1.0 - float(classifier.score(X, data.test.y))
    return Workload(
        "784-1000-1000-1000-10", classifier.network_, X, np.asarray(data.test.y, dtype=np.int64), zeros, error
    )


def untrained(activation: str, X: Input, y: NDArray[np.int64], hidden: tuple[int, ...]) -> Workload:
    """Return a network with random weights: half zeros for rectifiers, none for tanh."""
    n_outputs = int(y.max()) + 1
    ops = get_ops()
    network = Network.initialize(
        ops,
        X.shape[1],
        [(width, get_activation(activation)) for width in hidden],
        n_outputs,
        get_loss("softmax"),
        np.random.RandomState(0),
    )
    zeros = network.sparsity(ops, X[:1000])
    name = "-".join(map(str, (X.shape[1], *hidden, n_outputs)))
    return Workload(f"{name} {activation}", network, X, y, zeros)


def bag_of_words(hidden: tuple[int, ...], n_samples: int = 4096, target_sparsity: float | None = None) -> Workload:
    """Return a network on synthetic binary bags of words: Zipf-distributed words, two classes.

    Its weights are random, or trained where a target sparsity is given.
    """
    random = np.random.default_rng(0)
    frequency = 1.0 / np.arange(2, VOCABULARY + 2)
    words = [
        np.sort(random.choice(VOCABULARY, WORDS_PER_TEXT, replace=False, p=frequency / frequency.sum()))
        for _ in range(n_samples)
    ]
    indices = np.concatenate(words).astype(np.int32)
    indptr = np.arange(0, len(indices) + 1, WORDS_PER_TEXT, dtype=np.int32)
    X = csr_array((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(n_samples, VOCABULARY))
    y = np.asarray(X @ random.standard_normal(VOCABULARY) > 0).astype(np.int64)
    workload = untrained("relu", X, y, hidden)
    if target_sparsity is None:
        return workload
    classifier = _trained(X, y, hidden, target_sparsity, 8, None)
    zeros = np.asarray(classifier.measure_sparsity(X))
    # Two scores, as the random network has, in place of the classifier's one for two classes.
    trained = Network(classifier.network_.hidden_layers, workload.network.output, workload.network.loss)
    return Workload(workload.name, trained, X, y, zeros)


def _trained(
    X: Input,
    y: NDArray[np.int64],
    hidden: tuple[int, ...],
    target_sparsity: float | tuple[float, ...],
    n_epochs: int,
    n_threads: int | None,
) -> RectifierClassifier:
    classifier = RectifierClassifier(
        hidden,
        target_sparsity=target_sparsity,
        max_iter=n_epochs,
        batch_size=128,
        learning_rate="cosine",
        random_state=0,
        n_jobs=n_threads,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(X, y)
    return classifier
