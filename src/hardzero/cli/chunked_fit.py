"""``hardzero fit --chunk-rows``: training on a file larger than memory, of which a chunk is held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardzero.cli import recipe
from hardzero.cli.fit_run import FitRun
from hardzero.cli.model_input import with_names

if TYPE_CHECKING:
    from hardzero.cli.evaluation import Evaluation
    from hardzero.cli.training_view import TrainingView
    from hardzero.datasets import FileSummary, Split

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
class ChunkedRun(FitRun):
    """Training on a stream.

    Parameters
    ----------
    stream : Stream
    """

    stream: Stream = field(kw_only=True)

    def __post_init__(self) -> None:
        from hardzero.scaling import ChunkedStandardization

        if self.settings["solver"] == "lbfgs":
            raise ValueError("--chunk-rows needs --solver adam or sgd: lbfgs takes all samples at once")
        self.estimator = self._make_estimator({**self.settings, "early_stopping": False})
        recipe.check_scale(self.scale)
        scales_features = self.stream.vectorizer is None and self.scale != "none"
        scales_targets = self._task == "regression" and self.loss == "squared_error"
        if not scales_features and not scales_targets:
            return
        features, targets = ChunkedStandardization(), ChunkedStandardization()
        for X, y in self.stream.chunks("train"):
            if scales_features:
                features.add(X)
            if scales_targets:
                targets.add(y.reshape(len(y), -1))
        if scales_features and (self.scale == "standard" or features.largest > 1):
            self.features = features.scaling()
        if scales_targets:
            self.targets = targets.scaling()

    def best_epoch(self) -> tuple[float, int] | None:
        """Return validation score and number of the pass that training keeps; None without validation."""
        trainer = self.estimator._trainer if "network_" in vars(self.estimator) else None
        scores = trainer.history.validation_scores if trainer is not None else []
        return (max(scores), scores.index(max(scores)) + 1) if scores else None

    def evaluate(self) -> Evaluation:
        """Measure the model on the first 10,000 rows of the test part."""
        from hardzero.cli.evaluation import evaluate

        seen, test = next(self.stream.chunks("train")), self._test
        return evaluate(self.estimator, seen[0], test, with_names(test.X, self._feature_names))

    def write_page(self, page: Path) -> None:
        """Write the page about the model on the first 10,000 rows of the test part."""
        from hardzero.report import write_report

        title = f"{type(self.estimator).__name__} on {Path(self.stream.path).name}"
        write_report(self.estimator, page, (with_names(self._test.X, self._feature_names), self._test.y), title=title)

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

    @property
    def _task(self) -> str:
        return self.stream.summary.task

    @property
    def _feature_names(self) -> Sequence[str] | None:
        return self.stream.summary.feature_names

    def _title(self) -> str:
        stream, settings = self.stream, self.settings
        return (
            f"{stream.path}: {stream.n_train:,} training samples in chunks of {stream.chunk_rows:,} rows, "
            f"{settings['activation']}, {settings['solver']}, batch {settings['batch_size']}, "
            f"seed {settings['random_state']}"
        )

    def _ready_to_fit(self) -> Callable[[TrainingView], Any]:
        held_out = self.stream.first_rows("validation") if self.settings["early_stopping"] else None
        validation = None if held_out is None else self._scaled(*held_out)
        return lambda view: self.estimator.fit_chunks(
            lambda: (self._scaled(X, y) for X, y in self.stream.chunks("train")),
            passes=self.settings["max_iter"],
            classes=self.stream.summary.classes,
            n_samples=self.stream.n_train,
            validation=validation,
            callback=view,
        )

    @cached_property
    def _test(self) -> Split:
        from hardzero.datasets import Split

        rows = self.stream.first_rows("test")
        if rows is None:
            raise ValueError(f"{self.stream.path} has no test samples to report on; add samples")
        return Split(*rows)
