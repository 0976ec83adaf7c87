"""``hardzero fit --chunk-rows``: training on a file larger than memory, of which a chunk is held at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardzero.cli.model_input import with_names

if TYPE_CHECKING:
    from hardzero.cli.evaluation import Evaluation
    from hardzero.datasets import FileSummary
    from hardzero.scaling import LinearScaling

HELD_OUT_ROWS = 10_000
"""Most rows of the validation and of the test part that are kept in memory: enough for two digits of an error."""


@dataclass
class Stream:
    """A file read in chunks, its rows divided by their number.

    Parameters
    ----------
    path : str
    chunk_rows : int
    options : dict
        As for `hardzero.datasets.iterate_chunks`.
    vectorizer : CountVectorizer, HashingVectorizer or None
        Of a file of texts.
    seed : int
        Divides the rows.
    """

    path: str
    chunk_rows: int
    options: dict[str, Any]
    vectorizer: Any
    seed: int
    summary: FileSummary = field(init=False)
    n_train: int = field(init=False)

    def __post_init__(self) -> None:
        from hardzero import datasets
        from hardzero.datasets.splits import parts_by_row

        if self.chunk_rows < 1:
            raise ValueError(f"--chunk-rows {self.chunk_rows} must be at least 1")
        if not Path(self.path).is_file():
            raise ValueError(f"--chunk-rows is for files; there is no file {self.path}")
        self.summary = datasets.scan_file(self.path, chunk_rows=self.chunk_rows, **self.options)
        if len(self.summary.target_names) > 1:
            raise ValueError("--chunk-rows takes one target column")
        starts = range(0, self.summary.n_samples, self.chunk_rows)
        sizes = (min(self.chunk_rows, self.summary.n_samples - start) for start in starts)
        self.n_train = sum(
            int((parts_by_row(start, size, seed=self.seed) == 0).sum())
            for start, size in zip(starts, sizes, strict=True)
        )
        if not self.n_train:
            raise ValueError(f"{self.path} has too few rows to divide; add rows")
        if self.vectorizer is not None and hasattr(self.vectorizer, "max_features"):
            from hardzero.vocabulary import learn_vocabulary

            learn_vocabulary(self.vectorizer, (texts for texts, _ in self._raw("train")))

    def chunks(self, part: str) -> Iterator[tuple[Any, Any]]:
        """Yield the chunks of a part as numbers or CSR rows of words."""
        from scipy.sparse import csr_array

        for X, y in self._raw(part):
            yield X if self.vectorizer is None else csr_array(self.vectorizer.transform(X)), y

    def first_rows(self, part: str) -> tuple[Any, Any] | None:
        """Return the first 10,000 rows of a part, or None if it has none."""
        from scipy.sparse import vstack

        pieces, n_rows = [], 0
        for X, y in self.chunks(part):
            pieces.append((X, y))
            n_rows += X.shape[0]
            if n_rows >= HELD_OUT_ROWS:
                break
        if not pieces:
            return None
        rows = [X for X, _ in pieces]
        X = np.concatenate(rows) if isinstance(rows[0], np.ndarray) else vstack(rows, format="csr")
        return X[:HELD_OUT_ROWS], np.concatenate([y for _, y in pieces])[:HELD_OUT_ROWS]

    def _raw(self, part: str) -> Iterator[tuple[Any, Any]]:
        from hardzero import datasets

        options = {**self.options, "target": self.summary.target_names[0], "task": self.summary.task}
        if self.vectorizer is None:
            options["n_features"] = self.summary.n_features
        return datasets.iterate_chunks(
            self.path, self.chunk_rows, classes=self.summary.classes, part=part, seed=self.seed, **options
        )


@dataclass
class ChunkedRun:
    """A stream, an estimator for it, and the way between them; the counterpart of `hardzero.cli.fit`'s run in memory.

    Parameters
    ----------
    stream : Stream
    settings : dict
        Parameters of the estimator.
    loss : str
        Of a regression.
    scale : str
        ``auto``, ``standard`` or ``none``.
    """

    stream: Stream
    settings: dict[str, Any]
    loss: str
    scale: str
    estimator: Any = field(init=False)
    features: LinearScaling | None = field(default=None, init=False)
    targets: LinearScaling | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        from hardzero import RectifierClassifier, RectifierRegressor

        settings = {**self.settings, "early_stopping": False}
        is_classification = self.stream.summary.task == "classification"
        if settings["solver"] == "lbfgs":
            raise ValueError("--chunk-rows needs --solver adam or sgd: lbfgs takes all samples at once")
        self.estimator = (
            RectifierClassifier(**settings) if is_classification else RectifierRegressor(loss=self.loss, **settings)
        )
        if self.scale not in ("auto", "standard", "none"):
            raise ValueError(f"unknown --scale {self.scale!r}: choose auto, standard or none")
        if self.stream.vectorizer is None and self.scale != "none":
            scaling, largest = _standardize(X for X, _ in self.stream.chunks("train"))
            self.features = scaling if self.scale == "standard" or largest > 1 else None
        if not is_classification and self.loss == "squared_error":
            self.targets, _ = _standardize(y.reshape(len(y), -1) for _, y in self.stream.chunks("train"))

    def train(self, quiet: bool, guards: Callable[[], AbstractContextManager[Any]]) -> tuple[Any, float]:
        """Fit the estimator behind a progress display, and fold the scaling into it.

        Parameters
        ----------
        quiet : bool
        guards : callable
            Returns the context in which training runs; it yields what knows of a Ctrl-C.
        """
        from rich.console import Console

        from hardzero.cli.training_view import TrainingView

        stream, summary = self.stream, self.stream.summary
        passes = self.settings["max_iter"]
        title = (
            f"{stream.path}: {stream.n_train:,} training samples in chunks of {stream.chunk_rows:,} rows, "
            f"{self.settings['activation']}, {self.settings['solver']}, batch {self.settings['batch_size']}, "
            f"seed {self.settings['random_state']}"
        )
        console = Console(stderr=True, quiet=quiet)
        widths = self.settings["hidden_layer_sizes"]
        view = TrainingView(console, title, summary.task == "classification", widths, self.best_epoch)
        held_out = stream.first_rows("validation") if self.settings["early_stopping"] else None
        started = time.perf_counter()
        with guards() as interruption, view:
            self.estimator.fit_chunks(
                lambda: (self._scaled(X, y) for X, y in stream.chunks("train")),
                passes=passes,
                classes=summary.classes,
                n_samples=stream.n_train,
                validation=None if held_out is None else self._scaled(*held_out),
                callback=view,
            )
        seconds = time.perf_counter() - started
        if self.features is not None:
            self.features.fold_into_input(self.estimator.network_)
        if self.targets is not None:
            self.targets.fold_into_output(self.estimator.network_)
        return interruption, seconds

    def best_epoch(self) -> tuple[float, int] | None:
        """Return validation score and number of the pass that training keeps; None without validation."""
        trainer = self.estimator._trainer if "network_" in vars(self.estimator) else None
        scores = trainer.history.validation_scores if trainer is not None else []
        return (max(scores), scores.index(max(scores)) + 1) if scores else None

    def samples_per_second(self) -> float | None:
        """Return the speed of the training steps, without reading."""
        trainer = self.estimator._trainer
        if trainer is None or not trainer.history.seconds:
            return None
        return float(round(self.estimator.t_ / trainer.history.seconds, 1))

    def evaluate(self) -> Evaluation:
        """Measure the model on the first 10,000 rows of the test part."""
        from hardzero.cli.evaluation import evaluate
        from hardzero.datasets import Split

        rows, seen = self.stream.first_rows("test"), next(self.stream.chunks("train"))
        if rows is None:
            raise ValueError(f"{self.stream.path} has no test samples to report on; add samples")
        X, y = rows
        return evaluate(self.estimator, seen[0], Split(X, y), with_names(X, self.stream.summary.feature_names))

    def notes(self, evaluation: Evaluation | None, training: dict[str, Any], *, interrupted: bool) -> dict[str, Any]:
        """Return what the model file says about its origin."""
        summary = self.stream.summary
        return {
            "data": Path(self.stream.path).name,
            "task": summary.task,
            "targets": list(summary.target_names),
            "n_train": self.stream.n_train,
            "chunk_rows": self.stream.chunk_rows,
            "test": evaluation.to_dict() if evaluation is not None else {},
            "training": training,
            "interrupted": interrupted,
        }

    def _scaled(self, X: Any, y: Any) -> tuple[Any, Any]:
        X = X if self.features is None else self.features.apply(X)
        if self.targets is not None:
            y = self.targets.apply(y.reshape(len(y), -1)).reshape(y.shape)
        return with_names(X, self.stream.summary.feature_names), y


def _standardize(chunks: Iterator[Any]) -> tuple[LinearScaling, float]:
    """Return the scaling of all chunks together, and the largest absolute value."""
    from hardzero.scaling import LinearScaling

    count, largest = 0, 0.0
    mean: Any = 0.0
    squares: Any = 0.0
    for X in chunks:
        largest = max(largest, float(abs(X).max()))
        if not isinstance(X, np.ndarray):
            peak = np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
            squares = np.maximum(squares, peak)
            continue
        # Chan, Golub and LeVeque (1979): means and squares of parts combine without loss of precision.
        values = X.astype(np.float64)
        part = values.mean(axis=0)
        total = count + len(values)
        squares = squares + np.square(values - part).sum(axis=0) + np.square(part - mean) * count * len(values) / total
        mean = mean + (part - mean) * len(values) / total
        count = total
    if not count:
        return LinearScaling(np.zeros(len(squares)), np.where(squares > 0, squares, 1.0)), largest
    scale = np.sqrt(squares / count)
    resolution = np.finfo(np.float32).eps * np.abs(mean)
    return LinearScaling(mean, np.where(scale > resolution, scale, 1.0)), largest
