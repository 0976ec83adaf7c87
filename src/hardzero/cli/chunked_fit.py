"""``hardzero fit --chunk-rows``: training on a file larger than memory, of which a chunk is held at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardzero.cli.chunked_test import ChunkedTest
from hardzero.cli.fit_run import FitRun
from hardzero.cli.model_input import with_names
from hardzero.cli.report import write_page
from hardzero.cli.scaled_data import check_scale
from hardzero.cli.stream import Stream

if TYPE_CHECKING:
    from hardzero.cli.evaluation import Evaluation
    from hardzero.cli.training_view import TrainingView
    from hardzero.datasets import Split


@dataclass
class ChunkedRun(FitRun):
    """Training on a stream.

    Parameters
    ----------
    stream : Stream
    """

    stream: Stream = field(kw_only=True)

    def __post_init__(self) -> None:
        from hardzero.datasets.categories import missing_pairs
        from hardzero.scaling import ChunkedStandardization

        if self.settings["solver"] == "lbfgs":
            raise ValueError("--chunk-rows needs --solver adam or sgd: lbfgs takes all samples at once")
        self.estimator = self._make_estimator({**self.settings, "early_stopping": False})
        check_scale(self.scale)
        scales_features = self.stream.vectorizer is None and self.scale != "none"
        scales_targets = self._task == "regression" and self.loss == "squared_error"
        if not scales_features and not scales_targets:
            return
        features, targets = ChunkedStandardization(missing_pairs(self._feature_names)), ChunkedStandardization()
        for X, y in self.stream.chunks("train"):
            if scales_features:
                features.add(X)
            if scales_targets:
                targets.add(y.reshape(len(y), -1))
        if scales_features and (self.scale == "standard" or features.is_needed):
            self.features = features.scaling()
        if scales_targets:
            self.targets = targets.scaling()

    def evaluate(self) -> Evaluation:
        """Measure the model on the first 10,000 rows of the test part; all of train decides which units are dead."""
        from hardzero.cli.evaluation import evaluate

        train, test = (X for X, _ in self.stream.chunks("train")), self._test
        return evaluate(self.estimator, train, test, self.estimator.predict(with_names(test.X, self._feature_names)))

    def write_page(self, page: Path) -> None:
        """Write the page about the model on the first 10,000 rows of the test part."""
        write_page(self.estimator, page, ChunkedTest(self.stream, self._test), self._feature_names)

    def notes(self, evaluation: Evaluation | None, training: dict[str, Any], *, interrupted: bool) -> dict[str, Any]:
        """Return what the model file says about its origin."""
        summary = self.stream.summary
        return {
            "data": Path(self.stream.path).name,
            "checksum": self.stream.checksum,
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
        if held_out is not None and held_out[0].shape[0] < self._fewest_validation_rows:
            held_out = None
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
        return self.stream.test()
