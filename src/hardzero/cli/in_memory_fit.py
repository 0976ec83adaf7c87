"""``hardzero fit`` on a data set that is held in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardzero.cli.fit_run import FitRun
from hardzero.cli.model_input import with_names
from hardzero.cli.report import write_page
from hardzero.cli.scaled_data import feature_scaling, target_scaling

if TYPE_CHECKING:
    from hardzero.cli.evaluation import Evaluation
    from hardzero.cli.training_view import TrainingView
    from hardzero.datasets import Dataset


@dataclass
class InMemoryRun(FitRun):
    """Training on a data set.

    Parameters
    ----------
    dataset : Dataset
    checkpoint : Path, optional
        Where the state of training is saved.
    """

    dataset: Dataset = field(kw_only=True)
    checkpoint: Path | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if len(self.dataset.validation) < self._fewest_validation_rows:
            self.settings = {**self.settings, "early_stopping": False}
        self.features = feature_scaling(self.dataset.train.X, self.scale, self._feature_names)
        self.estimator = self._make_estimator(self.settings)
        if self._task == "regression" and self.loss == "squared_error":
            self.targets = target_scaling(self.dataset.train.y)

    def evaluate(self) -> Evaluation:
        """Measure the model on the test split."""
        from hardzero.cli.evaluation import evaluate

        test = self.dataset.test
        predictions = self.estimator.predict(with_names(test.X, self._feature_names))
        return evaluate(self.estimator, [self.dataset.train.X], test, predictions)

    def write_page(self, page: Path) -> None:
        """Write the page about the model on the test split."""
        write_page(self.estimator, page, self.dataset, self._feature_names)

    def notes(self, evaluation: Evaluation | None, training: dict[str, Any], *, interrupted: bool) -> dict[str, Any]:
        """Return what the model file says about its origin."""
        dataset = self.dataset
        notes = {
            "data": dataset.name,
            "checksum": dataset.checksum,
            "task": dataset.task,
            "targets": list(dataset.target_names),
            "n_train": len(dataset.train),
            "test": evaluation.to_dict() if evaluation is not None else {},
            "training": training,
            "interrupted": interrupted,
        }
        if dataset.class_names is not None:
            notes["class_names"] = list(dataset.class_names)
        if dataset.image_shape is not None:
            notes["image_shape"] = list(dataset.image_shape)
        return notes

    @property
    def _task(self) -> str:
        return self.dataset.task

    @property
    def _feature_names(self) -> Sequence[str] | None:
        return self.dataset.feature_names

    def _title(self) -> str:
        dataset, settings = self.dataset, self.settings
        n_features = int(dataset.train.X.shape[1])
        n_outputs = len(dataset.target_names)
        if dataset.class_names is not None and n_outputs == 1:
            n_outputs = len(dataset.class_names)
        layers = "-".join(map(str, (n_features, *settings["hidden_layer_sizes"], n_outputs)))
        return (
            f"{dataset.name}: {len(dataset.train):,} training samples, network {layers}, {settings['activation']}, "
            f"{settings['solver']}, batch {settings['batch_size']}, seed {settings['random_state']}"
        )

    def _ready_to_fit(self) -> Callable[[TrainingView], Any]:
        train, held_out = self.dataset.train, self.dataset.validation
        X, y = self._scaled(train.X, train.y)
        validates = self.settings["early_stopping"]
        validation = self._scaled(held_out.X, held_out.y) if validates else None
        return lambda view: self.estimator.fit(X, y, validation=validation, callback=view, checkpoint=self.checkpoint)
