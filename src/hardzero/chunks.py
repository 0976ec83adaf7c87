"""Fitting on data that come in chunks, one of them in memory at a time."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target

from hardzero.held_out_data import check_rows_of_validation, validation_pair
from hardzero.interruption import interrupted
from hardzero.network_estimator import unchanged_by_errors
from hardzero.sorted_chunks import warn_if_sorted
from hardzero.training import FEWEST_CALIBRATION_ROWS, Callback, ChunkOfRun, EpochReport, History
from hardzero.user_warnings import warn_user

if TYPE_CHECKING:
    from hardzero.estimators import RectifierClassifier, RectifierRegressor

Chunk = tuple[Any, Any]
Chunks = Iterable[Chunk] | Callable[[], Iterable[Chunk]]


def open_chunks(chunks: Chunks, *, rewind: bool) -> Iterator[Chunk]:
    """Return an iterator from the first chunk on.

    Parameters
    ----------
    chunks : iterable of (X, y), or a function that returns one
    rewind : bool
        Whether the chunks will be gone through more than once.

    Raises
    ------
    ValueError
        If that is wanted, but `chunks` is an iterator, which is used up by the first time.
    """
    if callable(chunks):
        return iter(chunks())
    opened = iter(chunks)
    if rewind and opened is chunks:
        raise ValueError(
            "chunks is an iterator, which can be gone through once only: pass a list, or a function that returns a new "
            "iterator each time, such as lambda: hardzero.datasets.iterate_chunks(path)"
        )
    return opened


@dataclass
class _Pass:
    """What one pass over the chunks adds up to."""

    n_samples: int = 0
    loss: float = 0.0
    zeros: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    seconds: float = 0.0
    class_counts: list[NDArray[np.intp]] = field(default_factory=list)

    def add(self, n_samples: int, loss: float, zeros: NDArray[np.float64], seconds: float) -> None:
        """Count a chunk."""
        self.n_samples += n_samples
        self.loss += n_samples * loss
        self.zeros = self.zeros + n_samples * zeros
        self.seconds += seconds


def fit_chunks(
    estimator: RectifierClassifier | RectifierRegressor,
    chunks: Chunks,
    *,
    passes: int = 1,
    classes: Any = None,
    n_samples: int | None = None,
    validation: Chunk | None = None,
    callback: Callback | None = None,
    on_chunk: Callable[[int], Any] | None = None,
) -> None:
    """Fit an estimator; see `RectifierClassifier.fit_chunks`."""
    if not isinstance(passes, Integral) or passes < 1:
        raise ValueError(f"passes is {passes!r}; it must be a whole number of at least 1")
    if n_samples is not None and (not isinstance(n_samples, int | np.integer) or n_samples < 1):
        raise ValueError(f"n_samples must be a positive whole number, or None to count them; got {n_samples!r}")
    if estimator.early_stopping:
        raise ValueError("fit_chunks does not hold data out: set early_stopping=False and pass validation=(X, y)")
    if validation is not None:
        check_rows_of_validation(estimator, validation_pair(validation)[0])
    starts_anew = "network_" not in vars(estimator) or not estimator.warm_start
    if not starts_anew:
        _refuse_other_classes(estimator, classes)
    elif estimator.pretraining is not None:
        raise ValueError(
            "fit_chunks does not pre-train: set pretraining=None, or fit on a part of the data first and go on from "
            "there with warm_start=True"
        )
    needs_classes = starts_anew and is_classifier(estimator) and classes is None
    if needs_classes or n_samples is None:
        counted, found = _survey(estimator, chunks)
        n_samples = counted
        classes = found if needs_classes else classes
    assert n_samples is not None
    if not n_samples:
        raise ValueError("chunks holds no sample")
    classes = None if classes is None else np.unique(np.asarray(classes))
    with unchanged_by_errors(estimator) if starts_anew else nullcontext():
        if starts_anew:
            _forget(estimator)
        run = _Run(estimator, passes, int(n_samples), classes, validation, on_chunk)
        _carry_out(run, chunks, callback)


def _carry_out(run: _Run, chunks: Chunks, callback: Callback | None) -> None:
    """Make the passes of a run; Ctrl-C ends it and keeps what there is."""
    estimator, passes = run.estimator, run.passes
    try:
        for number in range(1, passes + 1):
            report = run.run_pass(number, open_chunks(chunks, rewind=passes > 1))
            stop = callback is not None and bool(callback(report))
            if run.progress_stopped() or stop:
                break
    except KeyboardInterrupt:
        if estimator._trainer is None or not estimator._trainer.history.sparsity_curve:
            raise
        kept = "the best pass" if run.best is not None else "the last step"
        interrupted(f"{len(run.losses)} passes; the parameters of {kept} are kept.")
    run.finish()


@dataclass
class _Run:
    """A training over several passes."""

    estimator: Any
    passes: int
    n_samples: int
    classes: Any
    validation: Chunk | None
    on_chunk: Callable[[int], Any] | None
    random_state: np.random.RandomState = field(init=False)
    losses: list[float] = field(default_factory=list, init=False)
    zeros: list[list[float]] = field(default_factory=list, init=False)
    scores: list[float] = field(default_factory=list, init=False)
    best: Any = field(default=None, init=False)
    best_score: float = field(default=-np.inf, init=False)
    best_measure: float = field(default=-np.inf, init=False)
    passes_without_progress: int = field(default=0, init=False)
    latest_rows: Any = field(default=None, init=False)
    calibrated: bool = field(default=False, init=False)
    earlier: History = field(init=False)

    def __post_init__(self) -> None:
        self.random_state = check_random_state(self.estimator.random_state)
        trainer = self.estimator._trainer
        self.earlier = History() if trainer is None else copy.deepcopy(trainer.history)

    def run_pass(self, number: int, chunks: Iterator[Chunk]) -> EpochReport:
        """Train on every chunk once, then judge by the validation data."""
        estimator, total = self.estimator, _Pass()
        for chunk in chunks:
            X, y = _parts(chunk)
            size = int(X.shape[0])
            first = (number - 1 + total.n_samples / self.n_samples) / self.passes
            last = (number - 1 + (total.n_samples + size) / self.n_samples) / self.passes
            seconds = 0.0 if estimator._trainer is None else estimator._trainer.history.seconds
            place = ChunkOfRun(min(first, 1.0), min(last, 1.0), self.random_state)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Got `batch_size`")  # the last chunk may be small
                estimator._fit_chunk(X, y, self.classes, place)
            self.latest_rows, self.calibrated = X, place.ends_training
            if number == 1 and not total.n_samples and self.validation is not None:
                self._score(*self.validation)  # so that a mistake in them shows before a whole pass is lost
            if number == 1 and is_classifier(estimator) and np.ndim(y) == 1:
                known = estimator.classes_
                total.class_counts.append(np.bincount(np.searchsorted(known, y), minlength=len(known)))
            history = estimator._trainer.history
            total.add(size, history.loss_curve[-1], np.array(history.sparsity_curve[-1]), history.seconds - seconds)
            if self.on_chunk is not None:
                self.on_chunk((number - 1) * self.n_samples + total.n_samples)
        if not total.n_samples:
            raise ValueError(f"chunks held no sample in pass {number}: a function must return a new iterator each time")
        if total.n_samples != self.n_samples:
            warn_user(
                f"chunks held {total.n_samples} samples in pass {number} and not n_samples={self.n_samples}, by which "
                "the learning rate and the zeros were steered: correct it, or leave it out to have them counted",
            )
            self.n_samples = total.n_samples
        warn_if_sorted(total.class_counts)
        self.losses.append(total.loss / total.n_samples)
        self.zeros.append((total.zeros / total.n_samples).tolist())
        score = self._judge()
        estimator._trainer.print_epoch(number, self.losses[-1], score)
        return EpochReport(
            number,
            self.passes,
            self.losses[-1],
            score,
            np.array(self.zeros[-1]),
            total.seconds,
            total.n_samples,
            estimator._trainer.optimizer.learning_rate.current,
        )

    def finish(self) -> None:
        """Restore the best parameters and describe the run; Ctrl-C costs its last measurement, not the training."""
        self._complete_curves()
        if self.best is not None:
            self.estimator.network_.restore_parameters(self.best)
        self._publish()
        rows = self.latest_rows if self.validation is None else self.validation[0]
        if rows is None:
            return
        try:
            self._calibrate()
            self._publish()
            self.estimator._record_sparsity(self.estimator._validate_X(rows))
        except KeyboardInterrupt:
            interrupted("training; sparsity_ is that of the last pass.")
        self.estimator._warn_if_target_missed(self.estimator.sparsity_, longer="More passes (passes)")

    def _complete_curves(self) -> None:
        """Give the curves one entry a pass, in place of those of the chunks."""
        estimator, trainer = self.estimator, self.estimator._trainer
        history = trainer.history
        if self.losses:
            # Those of the last chunk were counted after the shift of the biases, which ends the last pass.
            if self.calibrated and trainer.penalty.final_zeros is not None:
                self.zeros[-1] = history.sparsity_curve[-1]
            history.loss_curve = self.earlier.loss_curve + self.losses
            history.sparsity_curve = self.earlier.sparsity_curve + self.zeros
        history.n_epochs, history.n_passes = len(self.losses), int(estimator.max_iter)

    def _publish(self) -> None:
        """Set the attributes that describe the run."""
        estimator, history = self.estimator, self.estimator._trainer.history
        estimator._publish(history)
        if self.scores:
            estimator.validation_scores_, estimator.best_validation_score_ = history.validation_scores, self.best_score

    def _calibrate(self) -> None:
        """Correct the zeros of the parameters that are kept, unless these are those after the planned last chunk."""
        if self.latest_rows is not None and (self.best is not None or not self.calibrated):
            ops = self.estimator._ops()
            self.estimator._trainer.calibrate(ops, ops.prepare(self._rows_to_calibrate_on()))

    def _rows_to_calibrate_on(self) -> Any:
        """Return the validation data if they are enough, or else the latest chunk."""
        if self.validation is not None:
            X = self.estimator._validate_X(self.validation[0])
            if X.shape[0] >= FEWEST_CALIBRATION_ROWS:
                return X
        return self.estimator._validate_X(self.latest_rows)

    def _judge(self) -> float | None:
        """Score the validation data; until the target for the zeros is in force the latest pass is the best."""
        if self.validation is None:
            return None
        score = self._score(*self.validation)
        if score >= self.best_score or not self.estimator._trainer.penalty.settled:
            self.best, self.best_score = self.estimator.network_.copy_parameters(), score
        self.scores.append(score)
        history = self.estimator._trainer.history
        history.validation_scores = self.earlier.validation_scores + self.scores
        history.best_validation_score = self.best_score
        return score

    def _score(self, X: Any, y: Any) -> float:
        return float(self.estimator.score(X, y, self.estimator._held_out_weight(y, y)))

    def progress_stopped(self) -> bool:
        """Count a pass without progress; after too many lower an ``adaptive`` rate or end training, as `fit` does."""
        trainer = self.estimator._trainer
        measure = self.scores[-1] if self.scores else -self.losses[-1]
        settled = trainer.penalty.settled
        improved = measure >= self.best_measure + trainer.settings.tol
        self.best_measure = max(self.best_measure, measure) if settled else measure
        self.passes_without_progress = self.passes_without_progress + 1 if settled and not improved else 0
        if self.passes_without_progress <= trainer.settings.patience:
            return False
        self.passes_without_progress = 0
        return bool(trainer.optimizer.learning_rate.progress_stopped())


def _parts(chunk: Any) -> Chunk:
    """Return X and y of a chunk."""
    if not isinstance(chunk, tuple | list) or len(chunk) != 2 or not hasattr(chunk[0], "shape"):
        raise ValueError("a chunk must be a tuple (X, y) of arrays; fit_chunks takes no sample weights")
    return chunk[0], chunk[1]


def _survey(estimator: Any, chunks: Chunks) -> tuple[int, NDArray[Any] | None]:
    """Go through the chunks once; return the number of samples and, where labels name classes, the classes."""
    n_samples, classes = 0, None
    for chunk in open_chunks(chunks, rewind=True):
        X, y = _parts(chunk)
        n_samples += int(X.shape[0])
        if is_classifier(estimator):
            estimator._refuse_unusable_targets(y, incremental=True)
            if not _has_a_class_a_column(y):
                found = np.unique(np.asarray(y))
                classes = found if classes is None else np.union1d(classes, found)
    return n_samples, classes


def _has_a_class_a_column(y: Any) -> bool:
    """Return whether the classes are the columns of `y`, several of which a sample may have."""
    return issparse(y) or (np.ndim(y) == 2 and type_of_target(np.asarray(y)).startswith("multilabel"))


def _refuse_other_classes(estimator: Any, classes: Any) -> None:
    """Raise ValueError for classes that are not those of the network that the run would go on with."""
    if classes is None or not is_classifier(estimator) or estimator._label_binarizer.y_type_.startswith("multilabel"):
        return
    if not np.array_equal(np.unique(np.asarray(classes)), estimator.classes_):
        raise ValueError(
            f"classes={classes!r} are not those of the fitted network, {estimator.classes_!r}: leave them out, or set "
            "warm_start=False to start anew"
        )


def _forget(estimator: Any) -> None:
    """Take back an earlier fit."""
    for name in ("network_", "classes_"):
        vars(estimator).pop(name, None)
    estimator._trainer = None
