"""One run of ``hardzero fit``: an estimator, its data, and the way between them, wherever the data are."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardzero.cli.guarded_training import Interruption, warnings_shown_after
from hardzero.cli.model_input import with_names
from hardzero.cli.scaled_data import scaled

if TYPE_CHECKING:
    from hardzero.cli.evaluation import Evaluation
    from hardzero.cli.training_view import TrainingView
    from hardzero.scaling import LinearScaling


@dataclass
class FitRun(ABC):
    """What training on data in memory and in chunks have in common.

    Parameters
    ----------
    settings : dict
        Parameters of the estimator.
    loss : str
        Of a regression.
    scale : str
        ``auto``, ``standard`` or ``none``.

    Attributes
    ----------
    estimator : RectifierClassifier or RectifierRegressor
    features, targets : LinearScaling or None
        What training sees in place of the data; after training it is part of the network.
    """

    settings: dict[str, Any]
    loss: str
    scale: str
    estimator: Any = field(init=False)
    features: LinearScaling | None = field(default=None, init=False)
    targets: LinearScaling | None = field(default=None, init=False)

    def train(self, quiet: bool, interruption: Interruption) -> float:
        """Fit the estimator behind a progress display, and fold the scaling into it.

        Parameters
        ----------
        quiet : bool
            Whether to show no progress.
        interruption : Interruption
            Is told when training is over.

        Returns
        -------
        float
            Seconds that training took.
        """
        from rich.console import Console

        from hardzero.cli.training_view import TrainingView

        widths = self.settings["hidden_layer_sizes"]
        console = Console(stderr=True, quiet=quiet)
        view = TrainingView(console, self._title(), self._task == "classification", widths, self.best_epoch)
        fit = self._ready_to_fit()
        self._check_precision()
        started = time.perf_counter()
        with warnings_shown_after(), view, self._diverging_explained():
            fit(view)
            interruption.training_is_over = True
        seconds = time.perf_counter() - started
        if self.features is not None:
            self.features.fold_into_input(self.estimator.network_)
        if self.targets is not None:
            self.targets.fold_into_output(self.estimator.network_)
        return seconds

    def _check_precision(self) -> None:
        """Refuse values that do not fit float32, or whose differences are lost when the network takes over scaling.

        Raises
        ------
        ValueError
            Naming a feature or the target.
        """
        for scaling, kind, names in (
            (self.features, "feature", self._feature_names),
            (self.targets, "target", None),
        ):
            if scaling is None:
                continue
            too_large, lost = scaling.too_large_columns().tolist(), scaling.imprecise_columns().tolist()
            if not too_large + lost:
                continue
            column = (too_large + lost)[0]
            name = f"{kind} {column + 1 if names is None else repr(names[column])}"
            if kind == "target" and len(scaling.shift) == 1:
                name = "the target"
            remedy = ", or leave it out with --ignore" if kind == "feature" else ""
            if too_large:
                raise ValueError(f"{name} has values beyond single precision: divide it by a constant{remedy}")
            raise ValueError(
                f"{name} lies around {scaling.shift[column]:g} and hardly varies ({scaling.scale[column]:g} at most): "
                f"its differences are lost in single precision. Subtract a constant from it{remedy}"
            )

    def samples_per_second(self) -> float | None:
        """Return the speed of the training steps, without reading and validation."""
        trainer = self.estimator._trainer
        if trainer is None or not trainer.history.seconds:
            return None
        return float(round(self.estimator.t_ / trainer.history.seconds, 1))

    def best_epoch(self) -> tuple[float, int] | None:
        """Return validation score and number of the epoch that training keeps; None without validation."""
        from hardzero.training import kept_epoch

        trainer = self.estimator._trainer
        if trainer is None or not trainer.history.validation_scores:
            return None
        best = trainer.history.best_validation_score
        return best, kept_epoch(trainer.history.validation_scores, best)

    def noted_names(self) -> dict[str, Any]:
        """Return the names of the columns as a note where the estimator, of sparse rows, has none of its own."""
        names = self._feature_names
        return {} if names is None or "feature_names_in_" in vars(self.estimator) else {"feature_names": list(names)}

    @abstractmethod
    def evaluate(self) -> Evaluation:
        """Measure the model on the test part."""

    @abstractmethod
    def write_page(self, page: Path) -> None:
        """Write the page about the model on the test part."""

    @abstractmethod
    def notes(self, evaluation: Evaluation | None, training: dict[str, Any], *, interrupted: bool) -> dict[str, Any]:
        """Return what the model file says about its origin."""

    @property
    @abstractmethod
    def _task(self) -> str:
        """``classification`` or ``regression``."""

    @property
    def _fewest_validation_rows(self) -> int:
        """Rows by which an epoch can be judged: R² needs two."""
        return 2 if self._task == "regression" else 1

    @property
    @abstractmethod
    def _feature_names(self) -> Sequence[str] | None:
        """Names of the columns."""

    @abstractmethod
    def _title(self) -> str:
        """Return what the progress display says about the run."""

    @abstractmethod
    def _ready_to_fit(self) -> Callable[[TrainingView], Any]:
        """Return what trains the estimator and reports to a view, with all that need not be timed done."""

    def _make_estimator(self, settings: dict[str, Any]) -> Any:
        from hardzero import RectifierClassifier, RectifierRegressor

        if self._task == "classification":
            return RectifierClassifier(**settings)
        return RectifierRegressor(loss=self.loss, **settings)

    def _scaled(self, X: Any, y: Any) -> tuple[Any, Any]:
        X, y = scaled(X, y, self.features, self.targets)
        return with_names(X, self._feature_names), y

    @contextmanager
    def _diverging_explained(self) -> Iterator[None]:
        """Say by which options a diverging loss is cured."""
        from hardzero.training import TrainingDiverged

        try:
            yield
        except TrainingDiverged as error:
            if self.settings.get("solver") == "lbfgs":
                raise
            unscaled = " or scale the features with --scale standard" if self.features is None else ""
            raise TrainingDiverged(
                f"training diverged: the loss became infinite or not a number. Use a --learning-rate below "
                f"{self.settings['learning_rate_init']:g}{unscaled}"
            ) from error
