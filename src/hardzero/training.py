"""The fit loop: minibatches, learning-rate schedule, early stopping, progress and interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from hardzero.calibration import calibrate, drawn_alike, keep_out
from hardzero.checkpoint import TrainingFile
from hardzero.dead_units import revive
from hardzero.interruption import interrupted
from hardzero.losses import total_weight
from hardzero.network import Dropout, ForwardPass, Input, Network
from hardzero.ops import Ops, Rows
from hardzero.optimizers import Optimizer
from hardzero.penalties import ActivationPenalty
from hardzero.repeated_rows import merge_repeated_rows
from hardzero.user_warnings import warn_user

Array = NDArray[np.float32]

DROPOUT_CHECK_STEPS = 32
"""Steps between two measurements of how many zeros are due to dropout: 1 % of the cost of training."""

REVIVAL_PART = 0.75
"""Part of the run in which dead units are revived; the rest lets them find their place."""

REVIVAL_SAMPLES = 2048
"""Training samples on which a unit must fire at least once to count as alive."""

FEWEST_CALIBRATION_ROWS = 100
"""Held-out rows that fix a fraction of zeros to a few tenths of a point; fewer do not replace the training rows."""


class TrainingDiverged(ValueError):
    """The loss stopped being a number; the message says what to change."""


@dataclass(frozen=True)
class TrainingSettings:
    """What the loop needs to know beyond network, optimizer and penalty.

    Attributes
    ----------
    max_epochs : int
    batch_size : int
    alpha : float
        L2 coefficient: the gradient of the weights gets ``alpha / n`` times the weights, with n the samples
        of the minibatch (scikit-learn's convention).
    shuffle : bool
    tol : float
    patience : float
        Epochs without an improvement of `tol` after which progress counts as stopped; may be infinite.
    dropout : Dropout
    verbose : bool
    warn_if_not_converged : bool
    revive_dead_units : bool
        Whether units that do not fire are given a new threshold after each epoch of the first three quarters of
        training (`hardzero.dead_units.revive`).
    phase : str
        Name of this run in progress reports.
    """

    max_epochs: int
    batch_size: int
    alpha: float = 0.0
    shuffle: bool = True
    tol: float = 1e-4
    patience: float = 10
    dropout: Dropout = field(default_factory=Dropout)
    verbose: bool = False
    warn_if_not_converged: bool = True
    phase: str = "training"
    revive_dead_units: bool = False


@dataclass(frozen=True)
class EpochReport:
    """What a callback is told after each epoch.

    Attributes
    ----------
    epoch, max_epochs : int
        `epoch` counts from 1.
    loss : float
        Mean training loss of the epoch, penalties included.
    validation_score : float or None
    zeros : ndarray of shape (n_hidden_layers,)
        Fraction of exact zeros of each hidden layer over the epoch's minibatches.
    seconds : float
        Duration of the epoch's training steps.
    n_samples : int
        Samples trained on in the epoch.
    learning_rate : float
    phase : str
        ``training``, or a phase before it such as ``pre-training layer 1 of 3``.
    """

    epoch: int
    max_epochs: int
    loss: float
    validation_score: float | None
    zeros: NDArray[np.float64]
    seconds: float
    n_samples: int
    learning_rate: float
    phase: str = "training"


Callback = Callable[[EpochReport], Any]


@dataclass(frozen=True)
class ChunkOfRun:
    """The place of one chunk of the data in a training that sees them chunk by chunk.

    Attributes
    ----------
    start, end : float
        The part of the training, from 0 to 1, that the chunk takes; learning rate and target sparsity follow it.
    random_state : numpy.random.RandomState
        Goes on from chunk to chunk.
    """

    start: float
    end: float
    random_state: np.random.RandomState

    @property
    def starts_training(self) -> bool:
        """Whether it is the first chunk."""
        return self.start == 0.0

    @property
    def ends_training(self) -> bool:
        """Whether it is the chunk with which the training comes to its planned end."""
        return self.start < 1.0 <= self.end


@dataclass
class History:
    """What training leaves behind.

    Attributes
    ----------
    loss_curve : list of float
        Mean training loss of each epoch.
    validation_scores : list of float
        Empty without early stopping.
    sparsity_curve : list of list of float
        Fraction of zeros of each hidden layer in each epoch; the last one after `hardzero.calibration.calibrate`.
    best_loss, best_validation_score : float
    n_epochs : int
        Epochs of the latest run.
    n_passes : int
        Passes of the latest run and of the calls of ``partial_fit`` since: the place of the next such call.
    n_samples_seen : int
        Samples trained on over all runs.
    seconds : float
        Time spent in training steps of the latest run.
    epochs_without_progress : int
    zeros_from_dropout : list of float
        How many more zeros dropout makes in each hidden layer, as a fraction, by the latest measurement.
    n_dead_units : int
        Of an autoencoder: units of the code that were zero for every sample of the latest epoch.
    n_revived_units : int
        Of a dictionary: dead atoms replaced so far.
    """

    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    sparsity_curve: list[list[float]] = field(default_factory=list)
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    n_epochs: int = 0
    n_passes: int = 0
    n_samples_seen: int = 0
    seconds: float = 0.0
    epochs_without_progress: int = 0
    zeros_from_dropout: list[float] = field(default_factory=list)
    n_dead_units: int = 0
    n_revived_units: int = 0

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the clock, so that equal trainings have equal pickles."""
        return {name: value for name, value in vars(self).items() if name != "seconds"}


def kept_epoch(scores: Sequence[float], best: float) -> int:
    """Return the epoch, from 1, whose parameters are kept: the last with the best score.

    Parameters
    ----------
    scores : sequence of float
        Validation scores of all epochs.
    best : float
        `History.best_validation_score`; until a target for the zeros is in force, it is the latest score, so that
        higher ones may stand before it.

    Examples
    --------
    >>> kept_epoch([0.9, 0.7, 0.8, 0.8], best=0.8)
    4
    """
    return len(scores) - list(reversed(scores)).index(best)


@dataclass(frozen=True)
class Minibatch:
    """What one training step works on.

    Attributes
    ----------
    network : Network
        The trainer's network, or a part of it that shares its hidden units.
    rows : Rows
        Input.
    targets : ndarray of shape (n_samples, n_outputs)
    """

    network: Network
    rows: Rows
    targets: Array


@dataclass(frozen=True)
class TrainingData:
    """What is trained on.

    Attributes
    ----------
    X : ndarray or csr_array of shape (n_rows, n_features)
    targets : ndarray of shape (n_rows, n_outputs), or None
    sample_weight : ndarray of shape (n_rows,), or None
    n_samples : int
        Samples that the rows stand for: more than the rows where equal samples were merged.
    rows : ndarray of int, or None
        The rows to train on, if these are not all.
    """

    X: Input
    targets: Array | None
    sample_weight: Array | None
    n_samples: int
    rows: NDArray[np.intp] | None = None


@dataclass
class Trainer:
    """Trains a network; keeps optimizer, penalty and history between calls, so that training can go on.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    penalty : ActivationPenalty
    settings : TrainingSettings
    random_state : numpy.random.RandomState
        Draws the order of samples.
    history : History
    """

    network: Network
    optimizer: Optimizer
    penalty: ActivationPenalty
    settings: TrainingSettings
    random_state: np.random.RandomState
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self._start_optimizer()

    def _start_optimizer(self) -> None:
        """Let the optimizer remember nothing; the point where autoencoders lay out a decoder that they sample."""
        self.optimizer.prepare(self.network.parameters)

    def go_on_with(self, optimizer: Optimizer, penalty: ActivationPenalty) -> None:
        """Take a fresh optimizer and penalty; what was learned under the same rule, or for the same wish, stays."""
        goes_on = optimizer.go_on_from(self.optimizer, self.history.n_samples_seen)
        self.optimizer = optimizer
        if not goes_on:
            self._start_optimizer()
        if penalty.wanted != self.penalty.wanted:
            self.penalty = penalty

    def run(
        self,
        ops: Ops,
        X: Input,
        targets: Array | None,
        sample_weight: Array | None = None,
        *,
        validation_score: Callable[[], float] | None = None,
        held_out: Input | None = None,
        callback: Callback | None = None,
        checkpoint: TrainingFile | None = None,
    ) -> History:
        """Train for up to `max_epochs` epochs.

        Parameters
        ----------
        ops : Ops
        X : ndarray or csr_array of shape (n_samples, n_features), float32
        targets : ndarray of shape (n_samples, n_outputs), float32, or None
            None for autoencoders, which make their targets from `X`.
        sample_weight : ndarray of shape (n_samples,), optional
        validation_score : callable, optional
            Scores the network in its present state on held-out data; turns on early stopping: progress is
            judged by the score, and the best-scoring parameters are restored at the end.
        held_out : ndarray or csr_array, optional
            Rows that are not trained on. A target for the zeros is finally met on them, if they are 100 at least, since
            units may respond to the rows they were trained on in another way. Without them 500 rows of `X` are not
            trained on, if a target asks for it and they are few of the rows (`hardzero.calibration.keep_out`).
        callback : callable, optional
            Called with an `EpochReport` after each epoch; a true return value ends training.
        checkpoint : TrainingFile, optional
            Where the state is saved, and from where training goes on if it was saved before.

        Returns
        -------
        History

        Raises
        ------
        TrainingDiverged
            If the loss becomes infinite or not a number.

        Warns
        -----
        ConvergenceWarning
            If the last epoch was reached while there still was progress.
        TrainingInterrupted
            If Ctrl-C interrupted training; the state so far is kept, and the last epoch's is in the checkpoint.
        """
        history, settings = self.history, self.settings
        history.n_epochs, history.n_passes, history.seconds, history.epochs_without_progress = 0, 0, 0.0, 0
        # What an earlier run reached on its data says nothing about progress on these.
        history.best_loss = np.inf
        first_epoch, best_parameters = checkpoint.resume(self) if checkpoint is not None else (1, None)
        if first_epoch == 1 and validation_score is not None and history.loss_curve:
            best_parameters, history.best_validation_score = self.network.copy_parameters(), validation_score()
        data = self._training_data(ops, X, targets, sample_weight)
        unseen = held_out if held_out is not None and held_out.shape[0] >= FEWEST_CALIBRATION_ROWS else None
        if unseen is None and self.penalty.has_target:
            rows, kept_out = keep_out(data.n_samples)
            if len(kept_out) and (sample_weight is None or sample_weight[rows].any()):
                data, unseen = replace(data, rows=rows, n_samples=len(rows)), X[kept_out]
        stopped = False
        try:
            for epoch in range(first_epoch, settings.max_epochs + 1):
                report = self._epoch(ops, data, epoch, validation_score)
                if report.validation_score is not None and report.validation_score == history.best_validation_score:
                    best_parameters = self.network.copy_parameters()
                self.print_epoch(history.n_epochs, report.loss, report.validation_score)
                stop = bool(callback(report)) if callback is not None else False
                stop = stop or self._progress_stopped(validation_score is not None)
                if checkpoint is not None:
                    checkpoint.epoch_ends(self, best_parameters, ended=stop or epoch == settings.max_epochs)
                if stop:
                    break
            else:
                # The cosine rate has fallen to 0: the run is as long as it was meant to be.
                planned = self.optimizer.learning_rate.schedule == "cosine"
                if settings.warn_if_not_converged and not planned and history.n_epochs == settings.max_epochs:
                    warn_user(
                        f"Stochastic Optimizer: Maximum iterations ({settings.max_epochs}) reached and the "
                        "optimization hasn't converged yet.",
                        ConvergenceWarning,
                    )
        except KeyboardInterrupt:
            stopped = True
        if best_parameters is not None:
            self.network.restore_parameters(best_parameters)
        try:
            self.calibrate(ops, data.X if unseen is None else ops.prepare(unseen))
        except KeyboardInterrupt:
            stopped = True
        if stopped:
            self._stopped(checkpoint, "the last step" if best_parameters is None else "the best epoch")
        return history

    def _stopped(self, checkpoint: TrainingFile | None, kept: str) -> None:
        """Say that Ctrl-C ended a run; save its last epoch, if there is a checkpoint."""
        if checkpoint is not None:
            checkpoint.save_last_epoch()
        interrupted(f"{self.history.n_epochs} epochs; the parameters of {kept} are kept.")

    def state_arrays(self) -> dict[str, Array]:
        """Return the arrays that training changes, not copies, by the names they have in a checkpoint."""
        arrays = {}
        for i, layer in enumerate(self.network.parameters):
            arrays[f"weights.{i}"], arrays[f"bias.{i}"] = layer.weights, layer.bias
            arrays.update({f"weight_state.{i}.{j}": array for j, array in enumerate(layer.weight_state)})
            arrays.update({f"bias_state.{i}.{j}": array for j, array in enumerate(layer.bias_state)})
        return arrays

    def restore_arrays(self, saved: Mapping[str, Array]) -> None:
        """Put saved `state_arrays` into their places; what the optimizer remembers may be missing."""
        for name, array in self.state_arrays().items():
            if name in saved:
                array[...] = saved[name]

    def epoch(
        self,
        ops: Ops,
        X: Input,
        targets: Array | None,
        sample_weight: Array | None = None,
        *,
        chunk: ChunkOfRun | None = None,
    ) -> EpochReport:
        """Train for one pass over the data, which may be a chunk of a longer run; the step of ``partial_fit``."""
        self.history.n_epochs = 0
        data = self._training_data(ops, X, targets, sample_weight)
        report = self._epoch(ops, data, 1, None, chunk)
        if chunk is not None and chunk.ends_training:
            self.calibrate(ops, data.X)
        return report

    def calibrate(self, ops: Ops, X: Input) -> None:
        """Correct the zeros of the trained network, if a target for them stands."""
        if self.penalty.final_zeros is not None and self.history.sparsity_curve:
            zeros = calibrate(self.network, ops, X, self.penalty.final_zeros)
            self.history.sparsity_curve[-1] = zeros.tolist()

    def _training_data(self, ops: Ops, X: Input, targets: Array | None, sample_weight: Array | None) -> TrainingData:
        """Return the data in the form that steps take; one minibatch for all does not depend on how rows are split."""
        n_samples = X.shape[0]
        full_batch = n_samples <= self.settings.batch_size and not self.settings.dropout.active
        # A target for the zeros is one for the rows that are there: merged, all would count once.
        if targets is not None and full_batch and not self.penalty.has_target:
            X, targets, sample_weight = merge_repeated_rows(X, targets, sample_weight)
        return TrainingData(ops.prepare(X), targets, sample_weight, n_samples)

    def _epoch(
        self,
        ops: Ops,
        data: TrainingData,
        epoch: int,
        validation_score: Callable[[], float] | None,
        chunk: ChunkOfRun | None = None,
    ) -> EpochReport:
        history = self.history
        X, targets, sample_weight = data.X, data.targets, data.sample_weight
        n_rows = X.shape[0] if data.rows is None else len(data.rows)
        started = time.perf_counter()
        total_loss, total_decay, n_trained = 0.0, 0.0, 0
        total_zeros = np.zeros(len(self.network.hidden_layers))
        first, last = (epoch - 1) / self.settings.max_epochs, epoch / self.settings.max_epochs
        if chunk is not None:
            first, last = chunk.start, chunk.end
        # A diverging loss is reported by an error of its own, not by warnings on the way.
        silence = np.errstate(over="ignore", invalid="ignore")
        lazy_updates = ops.lazy_updates(self.network.parameters[0])
        with silence, self._left_in_order(), lazy_updates, ops.grouped_rows():
            for start, samples in self._minibatches(n_rows):
                if data.rows is not None:
                    samples = data.rows[samples]
                progress = first + (last - first) * start / n_rows
                weights = None if sample_weight is None else sample_weight[samples]
                if weights is not None and not weights.any():
                    continue
                loss, step_zeros = self._step(ops, X, samples, targets, weights, progress)
                total_loss += loss * len(samples)
                total_decay += len(samples) * self._decay(len(samples), weights)
                n_trained += len(samples)
                total_zeros += step_zeros * len(samples)
        self._epoch_ends(ops, X)
        if self.settings.revive_dead_units and last < REVIVAL_PART:
            drawn = drawn_alike(n_rows, REVIVAL_SAMPLES)
            revive(self.network, ops, X[drawn if data.rows is None else data.rows[drawn]])
        seconds = time.perf_counter() - started
        # Before anything of the epoch is recorded: Ctrl-C may come while it is measured.
        score = validation_score() if validation_score is not None else None
        history.n_epochs += 1
        history.n_passes += 1
        history.n_samples_seen += data.n_samples
        history.seconds += seconds
        # What dropout adds is known from a sample, so that the rest may come out below none.
        zeros = np.clip(total_zeros / n_trained, 0.0, 1.0)
        loss = total_loss / n_trained + self._weight_penalty(total_decay / n_trained)
        self._record(float(loss), zeros, score)
        self.optimizer.learning_rate.epoch_ends(history.n_samples_seen)
        return EpochReport(
            epoch,
            self.settings.max_epochs,
            history.loss_curve[-1],
            score,
            zeros,
            seconds,
            data.n_samples,
            self.optimizer.learning_rate.current,
            self.settings.phase,
        )

    def _minibatches(self, n_samples: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
        order = np.arange(n_samples, dtype=np.intp)
        if self.settings.shuffle:
            self.random_state.shuffle(order)
        for start in range(0, n_samples, self.settings.batch_size):
            yield start, order[start : start + self.settings.batch_size]

    def _step(
        self,
        ops: Ops,
        X: Input,
        samples: NDArray[np.intp],
        targets: Array | None,
        sample_weight: Array | None,
        progress: float,
    ) -> tuple[float, NDArray[np.float64]]:
        """Take one step; return the minibatch's loss and the fraction of zeros of each hidden layer."""
        optimizer = self.optimizer
        n_samples = len(samples)
        optimizer.learning_rate.follow(progress)
        update = optimizer.next_update(decay=self._decay(n_samples, sample_weight))
        dropout = self.settings.dropout.at(optimizer.n_steps)
        minibatch = self._minibatch(ops, X, samples, targets)
        network = minibatch.network
        forward_pass = network.forward(ops, minibatch.rows, dropout)
        loss, delta = network.loss.value_and_delta(ops, forward_pass.scores, minibatch.targets, sample_weight)
        loss += forward_pass.activation_penalty(self.penalty.coefficients, sample_weight)
        if not math.isfinite(loss):
            raise TrainingDiverged(self._divergence_message(loss))
        network.backward(ops, forward_pass, delta, update, self.penalty.coefficients, sample_weight)
        self._step_ends(minibatch, forward_pass)
        zeros = _zeros(forward_pass)
        if self.settings.dropout.active:
            zeros -= self._zeros_from_dropout(ops, X, samples, forward_pass)
        if self.penalty.observe(zeros, progress, n_samples):
            for layer, shift in zip(self.network.hidden_layers, self.penalty.bias_shifts, strict=True):
                layer.parameters.bias += np.float32(shift)
        return loss, zeros

    def _zeros_from_dropout(
        self, ops: Ops, X: Input, samples: NDArray[np.intp], forward_pass: ForwardPass
    ) -> NDArray[np.float64]:
        """Return how many more zeros dropout makes in each hidden layer, measured now and then."""
        if (self.optimizer.n_steps - 1) % DROPOUT_CHECK_STEPS == 0 or not self.history.zeros_from_dropout:
            clean = self.network.forward(ops, ops.rows(X, samples))
            self.history.zeros_from_dropout = (_zeros(forward_pass) - _zeros(clean)).tolist()
        return np.array(self.history.zeros_from_dropout)

    def _minibatch(self, ops: Ops, X: Input, samples: NDArray[np.intp], targets: Array | None) -> Minibatch:
        """Return what a step on these samples works on; the point where autoencoders corrupt their input."""
        assert targets is not None
        return Minibatch(self.network, ops.rows(X, samples), targets[samples])

    def _step_ends(self, minibatch: Minibatch, forward_pass: ForwardPass) -> None:
        """Do nothing; the point where subclasses put constraints on the parameters."""

    @contextmanager
    def _left_in_order(self) -> Iterator[None]:
        """Put the network in order after steps, also where an error or Ctrl-C cuts them short."""
        try:
            yield
        finally:
            self._put_in_order()

    def _put_in_order(self) -> None:
        """Do nothing; the point where subclasses bring the network up to date before it is looked at."""

    def _epoch_ends(self, ops: Ops, X: Input) -> None:
        """Do nothing; the point where subclasses judge the units by the whole epoch."""

    def _decay(self, n_samples: int, sample_weight: Array | None) -> float:
        """Return the coefficient of the weights in the gradient of a minibatch's loss."""
        return self.settings.alpha / total_weight(n_samples, sample_weight)

    def _weight_penalty(self, decay: float) -> float:
        """Return the L2 penalty of the present weights in the loss of minibatches whose mean coefficient is `decay`."""
        return 0.5 * decay * self.network.sum_of_squares() if decay else 0.0

    def _record(self, loss: float, zeros: NDArray[np.float64], score: float | None) -> None:
        """Append to the curves and count the epochs without progress."""
        history, tol = self.history, self.settings.tol
        history.loss_curve.append(loss)
        history.sparsity_curve.append(zeros.tolist())
        settled = self.penalty.settled
        best_loss = history.best_loss if settled else np.inf
        if score is not None:
            best_score = history.best_validation_score if settled else -np.inf
            improved = score >= best_score + tol
            history.validation_scores.append(score)
            # In this order a score that is not a number is never the best.
            history.best_validation_score = max(best_score, score)
        else:
            improved = loss <= best_loss - tol
        history.best_loss = min(loss, best_loss)
        stalled = settled and not improved
        history.epochs_without_progress = history.epochs_without_progress + 1 if stalled else 0

    def print_epoch(self, number: int, loss: float, validation_score: float | None) -> None:
        """Print what scikit-learn prints of an epoch, or of a pass over chunks, if `verbose` is set."""
        if not self.settings.verbose:
            return
        phase = "" if self.settings.phase == "training" else f"{self.settings.phase.capitalize()}, iteration"
        print(f"{phase or 'Iteration'} {number}, loss = {loss:.8f}")
        if validation_score is not None:
            print(f"Validation score: {validation_score:f}")

    def _progress_stopped(self, early_stopping: bool) -> bool:
        if self.history.epochs_without_progress <= self.settings.patience:
            return False
        if not self.optimizer.learning_rate.progress_stopped():
            self.history.epochs_without_progress = 0
            return False
        if self.settings.verbose:
            measure = "Validation score" if early_stopping else "Training loss"
            print(
                f"{measure} did not improve more than tol={self.settings.tol:f} for "
                f"{self.settings.patience} consecutive epochs. Stopping."
            )
        return True

    def _divergence_message(self, loss: float) -> str:
        rate = self.optimizer.learning_rate.current
        return (
            f"training diverged: the loss became {loss} in step {self.optimizer.n_steps}. Lower "
            f"learning_rate_init (the rate was {rate:g}), or scale the features to a range near 0 to 1, for "
            "example with sklearn.preprocessing.StandardScaler or MaxAbsScaler; check targets for very large "
            "values."
        )


def _zeros(forward_pass: ForwardPass) -> NDArray[np.float64]:
    """Return the fraction of zeros of each hidden layer."""
    return np.array([1.0 - rows.n_nonzero / (rows.shape[0] * rows.shape[1]) for rows in forward_pass.hidden])
