"""What classifier and regressor share: fitting, and what can be asked of the fitted network."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    check_X_y,
    validate_data,
)

from hardzero.activations import get_activation
from hardzero.checkpoint import Checkpoint, TrainingFile, as_checkpoint, fingerprint
from hardzero.chunks import Chunks, fit_chunks
from hardzero.fit_data import FitData, Samples
from hardzero.full_batch import FullBatchObjective, minimize
from hardzero.held_out_data import check_sizes_of_parts, hold_out, labels_if_shareable, validate_held_out
from hardzero.interruption import interrupted
from hardzero.layer_arrays import LayerArrays
from hardzero.losses import Loss
from hardzero.network import Dropout, Input, Network
from hardzero.network_estimator import (
    NetworkEstimator,
    as_network_input,
    estimator_settings,
    unchanged_by_errors,
)
from hardzero.ops import Ops
from hardzero.rectifier_parameters import PARAMETER_CONSTRAINTS, STOCHASTIC_SOLVERS
from hardzero.same_architecture import check_same_architecture
from hardzero.semi_supervised import labeled_part
from hardzero.training import Callback, ChunkOfRun, History, Trainer, TrainingDiverged, TrainingSettings
from hardzero.unusable_targets import refuse_dates, refuse_unusable_targets
from hardzero.user_warnings import warn_user

if TYPE_CHECKING:
    from hardzero.predictor import Predictor

Array = NDArray[np.float32]

SPARSITY_SAMPLES = 10_000
"""Training samples on which `sparsity_` is measured: enough for three digits, a small part of an epoch."""

SPARSITY_SAMPLES_OF_A_PASS = 500
"""The same after `partial_fit`, a single epoch: they fix the fraction to about a quarter of a point."""

ATTRIBUTES_OF_EPOCHS = ("loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_", "sparsity_curve_")
"""What describes the epochs of a run, of which ``lbfgs`` has none."""


class RectifierEstimator(NetworkEstimator):
    """What classifier and regressor share: fitting, and what can be asked of the fitted network."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = PARAMETER_CONSTRAINTS

    network_: Network
    _trainer: Trainer | None

    @property
    def coefs_(self) -> LayerArrays:
        """Weight matrix of each layer, shape (n_inputs, n_outputs), float32; views, into which assignments copy."""
        return LayerArrays(layer.weights for layer in self._network().parameters)

    @coefs_.setter
    def coefs_(self, values: Iterable[ArrayLike]) -> None:
        self.coefs_.assign(values)

    @property
    def intercepts_(self) -> LayerArrays:
        """Bias of each layer, shape (n_outputs,), float32; views, into which assignments copy."""
        return LayerArrays(layer.bias for layer in self._network().parameters)

    @intercepts_.setter
    def intercepts_(self, values: Iterable[ArrayLike]) -> None:
        self.intercepts_.assign(values)

    def _network(self) -> Network:
        return cast(Network, self._fitted("network_"))

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike | csr_array,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[Any, Any] | None = None,
        callback: Callback | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    ) -> RectifierEstimator:
        """Fit the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite; converted to float32. Sparse input stays sparse.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, a label indicator matrix, or real targets.
        sample_weight : array-like of shape (n_samples,), optional
        validation : tuple (X, y), optional
            Data that `early_stopping` judges progress by, in place of a part of the training data.
        callback : callable, optional
            Called after each epoch with a `hardzero.training.EpochReport`; a true return value ends training.
        checkpoint : path-like or Checkpoint, optional
            A file in which the state is saved every 5 minutes, or as often as a `hardzero.checkpoint.Checkpoint`
            says. If it exists, training goes on from it, to the same bits as without the interruption.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For data that cannot be learned from (NaN, one class, wrong shapes, …), for a diverging loss, for
            `validation` without `early_stopping`, for a checkpoint that is damaged or belongs to another training, and
            for one with ``lbfgs`` or `warm_start`.
        KeyboardInterrupt
            If Ctrl-C ended pre-training: the estimator is as it was before, and the checkpoint has the last epoch.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` was reached while there still was progress, unless the rate is ``cosine``, whose run it plans.
        UserWarning
            If `target_sparsity` was missed by more than a point.
        TrainingInterrupted
            If Ctrl-C ended training, whose state is kept (see `hardzero.interruption`).
        """
        return self._fit(X, y, sample_weight, validation=validation, callback=callback, checkpoint=checkpoint)

    @available_if(lambda self: self._check_solver("partial_fit"))  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: ArrayLike | csr_array, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> RectifierEstimator:
        """Go on training for one pass over the given data.

        A call counts as one epoch of `max_iter`, over which `target_sparsity` is approached and the ``cosine`` learning
        rate falls.

        Parameters set between calls count, but for layers and activation, of which others are refused. Another
        `solver`, or momentum where there was none, starts with nothing remembered of earlier gradients.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For data that cannot be learned from or of another shape than before, for a diverging loss, with
            `early_stopping`, with `pretraining` before a `fit`, and where the ``cosine`` learning rate has fallen to 0.
        AttributeError
            With ``lbfgs``, which has no single steps.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    @available_if(lambda self: self._check_solver("fit_chunks"))  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit_chunks(
        self,
        chunks: Chunks,
        *,
        passes: int = 1,
        classes: ArrayLike | None = None,
        n_samples: int | None = None,
        validation: tuple[Any, Any] | None = None,
        callback: Callback | None = None,
        on_chunk: Callable[[int], Any] | None = None,
    ) -> RectifierEstimator:
        """Fit on data that come in chunks, of which one is in memory at a time.

        Unlike a loop over `partial_fit`, the learning rate and `target_sparsity` follow the whole run. `max_iter` is
        not used: `passes` says how long. Samples are shuffled within their chunk, so chunks should not be sorted by
        class. Passes count as epochs for `n_iter_no_change` and `tol`. Unlike `fit`, this keeps no rows out of training
        to meet `target_sparsity` on: pass 100 or more as `validation`, or the zeros are right on the last chunk and may
        differ on new data.

        Parameters
        ----------
        chunks : iterable of (X, y), or a function that returns one
            A function is called once a pass; an iterator serves a single pass.
        passes : int, default=1
            How often all chunks are gone through.
        classes : array-like, optional
            All classes there are, for a classifier.
        n_samples : int, optional
            Samples in all chunks together, by which a run is steered. If it is missing, or `classes` are, one more pass
            finds out; if it is wrong, a warning says so after the first pass.
        validation : tuple (X, y), optional
            Judges each pass; the parameters of the best one are kept, and `sparsity_` is measured on these data.
        callback : callable, optional
            Called after each pass with a `hardzero.training.EpochReport`; a true return value ends training.
        on_chunk : callable, optional
            Called after each chunk with the number of samples trained on so far, for displays of progress.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a chunk cannot be learned from, an iterator is given where several passes are needed, `passes` is below
            1, `early_stopping` is on, whose place `validation` takes, `pretraining` is set and nothing is fitted that a
            warm start goes on with, or `classes` are not those of the network that it goes on with.

        Warns
        -----
        UserWarning
            If the network that is kept misses `target_sparsity` by more than a point on the rows of `sparsity_`.

        Examples
        --------
        >>> import numpy as np
        >>> from hardzero import RectifierRegressor
        >>> X = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
        >>> chunks = [(part, part.sum(axis=1)) for part in np.split(X, 3)]
        >>> regressor = RectifierRegressor("squared_error", 32, learning_rate_init=0.01, batch_size=20, random_state=0)
        >>> regressor.fit_chunks(chunks, passes=20).score(*chunks[0]) > 0.9
        True
        """
        fit_chunks(
            cast(Any, self),
            chunks,
            passes=passes,
            classes=classes,
            n_samples=n_samples,
            validation=validation,
            callback=callback,
            on_chunk=on_chunk,
        )
        return self

    def _fit_chunk(self, X: Any, y: Any, classes: Any, chunk: ChunkOfRun) -> None:
        """Train on a chunk of a run; `classes` are those of a classifier."""
        self._fit(X, y, None, incremental=True, chunk=chunk)

    def transform(self, X: ArrayLike | csr_array, layer: int = -1) -> csr_array:
        """Return the activations of a hidden layer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        layer : int, default=-1
            Index of the hidden layer; negative counts from the last.

        Returns
        -------
        csr_array of shape (n_samples, n_units), float32
            Without stored zeros: its size follows the number of active units.

        Raises
        ------
        ValueError
            If there is no such hidden layer.

        Notes
        -----
        scikit-learn makes no frames of sparse output: ``set_output(transform="pandas")`` ends in its error. A frame is
        ``pd.DataFrame.sparse.from_spmatrix(model.transform(X), columns=model.get_feature_names_out())``.
        """
        check_is_fitted(self)
        n_layers = len(self.network_.hidden_layers)
        if not isinstance(layer, Integral) or not -n_layers <= layer < n_layers:
            raise ValueError(f"layer={layer!r} does not exist: the network has {n_layers} hidden layers")
        return self.network_.hidden(self._ops(), self._validate_X(X), layer % n_layers)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return names for the columns of `transform`: ``unit0``, ``unit1``, … of the last hidden layer."""
        check_is_fitted(self)
        if not self.network_.hidden_layers:
            raise ValueError("there is no hidden layer to name the units of")
        n_units = self.network_.hidden_layers[-1].n_units
        return np.array([f"unit{index}" for index in range(n_units)], dtype=object)

    def measure_sparsity(self, X: ArrayLike | csr_array) -> NDArray[np.float64]:
        """Return the fraction of exact zeros of each hidden layer on `X`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_hidden_layers,)
        """
        check_is_fitted(self)
        return self.network_.sparsity(self._ops(), self._validate_X(X))

    def to_predictor(self, precision: str = "float32", n_threads: int = 1) -> Predictor:
        """Return the lean prediction path: arrays in, scores out, microseconds a call.

        Parameters
        ----------
        precision : {"float32", "bfloat16", "int8"}, default="float32"
            How weights are stored; `hardzero.Predictor` says what that costs.
        n_threads : int, default=1
            Threads of large calls; a single sample is fastest with one.

        Returns
        -------
        Predictor

        Raises
        ------
        ValueError
            If the precision is unknown, `n_threads` is not positive, or an activation is not one of hardzero's own.
        """
        check_is_fitted(self)
        from hardzero.predictor import Predictor

        return Predictor(self.network_, precision=precision, n_threads=n_threads)

    def _scores(self, X: ArrayLike | csr_array) -> Array:
        """Return the output activation for validated or raw input."""
        check_is_fitted(self)
        return self.network_.predictions(self._ops(), self._validate_X(X))

    def _check_solver(self, method: str) -> bool:
        """Raise AttributeError, as `available_if` wants it, for a method that the solver does not have."""
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(
                f"{method} is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    @abstractmethod
    def _validate_targets(self, X: Input, y: Any, *, first: bool, incremental: bool) -> Array:
        """Check `y` and return it as network targets of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _loss(self, targets: Array) -> Loss:
        """Return the output head for validated targets."""

    @abstractmethod
    def _validation_score(self, scores: Array, targets: Array, sample_weight: Array | None) -> float:
        """Score predictions on the held-out part: accuracy or R²."""

    def _total_weight(self, y: Any, sample_weight: Array | None) -> Array | None:
        return sample_weight

    def _held_out_weight(self, y: Any, held_out_y: Any) -> Array | None:
        """Return the weights of data that the caller holds out of training on `y`."""
        return None

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        incremental: bool = False,
        validation: tuple[Any, Any] | None = None,
        callback: Callback | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        chunk: ChunkOfRun | None = None,
    ) -> RectifierEstimator:
        """Fit from the start, or go on from the fit before; the one place where all ways of fitting meet."""
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = "network_" not in vars(self) or not (self.warm_start or incremental)
        with unchanged_by_errors(self) if first else nullcontext():
            sizes = self._hidden_layer_sizes()
            self._check_settings()
            data = self._validate_fit_data(X, y, sample_weight, validation, first=first, incremental=incremental)
            random_state = check_random_state(self.random_state) if chunk is None else chunk.random_state
            training_file = None
            if checkpoint is not None:
                training_file = self._training_file(checkpoint, random_state, first, data)
            ops, n_outputs = self._ops(), data.samples.targets.shape[1]
            if self.early_stopping and self.solver in STOCHASTIC_SOLVERS and data.held_out is None:
                check_sizes_of_parts(data.samples.X.shape[0], self.validation_fraction)
            if first:
                self._initialize(ops, sizes, data, random_state, callback, training_file)
            else:
                loss = self._loss(data.samples.targets)
                check_same_architecture(self.network_, sizes, self.activation, n_outputs, loss)
                self.network_.loss = loss
            if self.solver == "lbfgs":
                self._fit_full_batch(ops, data.samples)
            elif incremental:
                self._fit_pass(ops, data.samples, random_state, chunk)
            else:
                self._fit_epochs(ops, data, random_state, callback, training_file)
            self._check_finite()
            if chunk is None:
                self._measure_sparsity(data.samples.X, SPARSITY_SAMPLES_OF_A_PASS if incremental else SPARSITY_SAMPLES)
            if not incremental:
                curve = vars(self).get("sparsity_curve_", [])
                self._warn_if_target_missed(curve[-1] if len(curve) else self.sparsity_)
        return self

    def _check_settings(self) -> None:
        """Refuse parameters that do not go together, before any work is done."""
        if self.solver not in STOCHASTIC_SOLVERS:
            if self._has_target():
                raise ValueError("target_sparsity needs solver='sgd' or 'adam'; with 'lbfgs' set activation_l1 instead")
            if self.input_dropout or self.hidden_dropout:
                raise ValueError(
                    "input_dropout and hidden_dropout need solver='sgd' or 'adam': 'lbfgs' wants a fixed loss"
                )
        self._penalty()

    def _validate_fit_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] | None,
        *,
        first: bool,
        incremental: bool,
    ) -> FitData:
        """Check what the caller gave, and return it in the form that networks take."""
        self._refuse_unusable_targets(y, incremental=incremental)
        checks = {"accept_sparse": "csr", "dtype": np.float32}
        checks_of_y = {"multi_output": True, "y_numeric": isinstance(self, RegressorMixin)}
        all_rows = None
        if self.pretraining is None:
            refuse_dates(X, "X")
            X, y = validate_data(self, X, y, **checks, **checks_of_y, reset=first)
        else:
            if incremental and first:
                raise ValueError("partial_fit does not pre-train: call fit first, or set pretraining=None")
            all_rows = self._validate_X(X, reset=first)
            if y is None:
                raise ValueError(
                    f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
                )
            X, y, sample_weight = labeled_part(
                all_rows, y, sample_weight, is_classifier=isinstance(self, ClassifierMixin)
            )
            X, y = check_X_y(X, y, **checks, **checks_of_y)
        X = as_network_input(X)
        targets = self._validate_targets(X, y, first=first, incremental=incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float32, ensure_non_negative=True)
        samples = Samples(X, targets, self._total_weight(y, sample_weight))
        held_out = None if validation is None else validate_held_out(self, validation, y)
        return FitData(samples, held_out, all_rows)

    def _refuse_unusable_targets(self, y: Any, *, incremental: bool) -> None:
        """Raise an error for targets that nothing can be learned from, or that have missing values."""
        remedy = "drop these rows"
        if not incremental:
            remedy += ", or set pretraining='denoising', which takes rows without a target"
        refuse_unusable_targets(
            y,
            is_classifier=isinstance(self, ClassifierMixin),
            may_be_missing=self.pretraining is not None,
            remedy=remedy,
        )

    def _initialize(
        self,
        ops: Ops,
        sizes: list[int],
        data: FitData,
        random_state: np.random.RandomState,
        callback: Callback | None,
        training_file: TrainingFile | None,
    ) -> None:
        """Start with a new network, pre-trained where that is asked for."""
        n_features, n_outputs = data.samples.X.shape[1], data.samples.targets.shape[1]
        loss, activation = self._loss(data.samples.targets), get_activation(self.activation)
        layers = [(size, activation) for size in sizes]
        self.__dict__.pop("pretraining_", None)
        self._take_network(Network.initialize(ops, n_features, layers, n_outputs, loss, random_state))
        self.network_.set_first_scores(*loss.first_scores(data.samples.targets, data.samples.sample_weight))
        if data.all_rows is not None:
            from hardzero.pretrained_start import pretrained_stack, start_from_encoders

            stack = pretrained_stack(self, data.all_rows, random_state, callback, training_file)
            start_from_encoders(self.network_, stack, ops, data.all_rows)
            self.pretraining_ = stack

    def _take_network(self, network: Network) -> None:
        """Become the estimator of that network, without any training behind it."""
        self._trainer = None
        self.network_ = network
        self.n_features_in_ = network.n_features
        self.n_outputs_ = network.n_outputs
        self.n_layers_ = len(network.parameters) + 1
        self.out_activation_ = network.loss.output_activation
        self.n_iter_, self.t_ = 0, 0

    def _record_sparsity(self, X: Input, most_rows: int = SPARSITY_SAMPLES) -> None:
        """Set `sparsity_` to what the network has on the first rows of `X`."""
        self.sparsity_ = self.network_.sparsity(self._ops(), X[:most_rows])

    def _measure_sparsity(self, X: Input, most_rows: int) -> None:
        """Set `sparsity_` after training; Ctrl-C costs the measurement, not the training."""
        try:
            self._record_sparsity(X, most_rows)
        except KeyboardInterrupt:
            curve = vars(self).get("sparsity_curve_", [])
            if not len(curve):
                raise
            self.sparsity_ = np.array(curve[-1])
            interrupted("training; sparsity_ is that of the last epoch.")

    def _check_finite(self) -> None:
        for layer in self.network_.parameters:
            if not (np.isfinite(layer.weights).all() and np.isfinite(layer.bias).all()):
                raise TrainingDiverged(
                    "Solver produced non-finite parameter weights. The input data may contain large values "
                    "and need to be preprocessed."
                )

    def _fit_full_batch(self, ops: Ops, samples: Samples) -> None:
        objective = FullBatchObjective(
            self.network_,
            ops,
            samples.X,
            samples.targets,
            samples.sample_weight,
            self.alpha,
            self._activation_l1(),
        )
        result = minimize(objective, self.max_iter, self.max_fun, self.tol)
        if not np.isfinite(result.fun):
            raise TrainingDiverged(
                f"the loss is {result.fun} from the start: scale the features to a range near 0 to 1, for example with "
                "sklearn.preprocessing.StandardScaler or MaxAbsScaler, and check targets for very large values"
            )
        # What an optimizer remembered of the gradients does not belong to the network that lbfgs left.
        self._trainer = None
        for layer in self.network_.parameters:
            layer.weight_state, layer.bias_state = [], []
        for name in ATTRIBUTES_OF_EPOCHS:
            self.__dict__.pop(name, None)
        self.n_iter_ = min(int(result.nit), self.max_iter)
        self.loss_ = float(result.fun)
        if result.status != 0:
            warn_user(
                f"lbfgs failed to converge after {self.n_iter_} iteration(s) (status={result.status}): "
                f"{result.message}. Increase the number of iterations or scale the data.",
                ConvergenceWarning,
            )

    def _fit_epochs(
        self,
        ops: Ops,
        data: FitData,
        random_state: np.random.RandomState,
        callback: Callback | None,
        training_file: TrainingFile | None,
    ) -> None:
        """Train for up to `max_iter` epochs."""
        samples, held_out, validation_score = data.samples, data.held_out, None
        if self.early_stopping:
            if held_out is None:
                labels = self._labels_to_stratify(samples.targets)
                samples, held_out = hold_out(samples, self.validation_fraction, labels, random_state)
            validation_score = partial(self._score_held_out, ops, held_out)
        trainer = self._new_trainer(self._settings(samples.X.shape[0], random_state), random_state)
        try:
            trainer.run(
                ops,
                samples.X,
                samples.targets,
                samples.sample_weight,
                validation_score=validation_score,
                held_out=None if held_out is None else held_out.X,
                callback=callback,
                checkpoint=training_file,
            )
        finally:
            self._publish(trainer.history)

    def _score_held_out(self, ops: Ops, held_out: Samples) -> float:
        predictions = self.network_.predictions(ops, held_out.X)
        return self._validation_score(predictions, held_out.targets, held_out.sample_weight)

    def _fit_pass(
        self, ops: Ops, samples: Samples, random_state: np.random.RandomState, chunk: ChunkOfRun | None
    ) -> None:
        """Go on training for one pass over the samples."""
        make = self._new_trainer if chunk is not None and chunk.starts_training else self._present_trainer
        trainer = make(self._settings(samples.X.shape[0], random_state), random_state)
        try:
            place = self._next_pass(trainer) if chunk is None else chunk
            report = trainer.epoch(ops, samples.X, samples.targets, samples.sample_weight, chunk=place)
            if chunk is None:
                trainer.print_epoch(1, report.loss, None)
        finally:
            self._publish(trainer.history)

    def _training_file(
        self,
        checkpoint: str | os.PathLike[str] | Checkpoint,
        random_state: np.random.RandomState,
        first: bool,
        data: FitData,
    ) -> TrainingFile:
        """Open the checkpoint of a training with these parameters and data."""
        if self.solver == "lbfgs":
            raise ValueError("checkpoint needs solver='sgd' or 'adam': 'lbfgs' keeps a state that cannot be saved")
        if not first:
            raise ValueError("checkpoint does not go with warm_start: a training that goes on would mix with the saved")
        from hardzero.pretrained_start import traits_of_pretraining

        settings, arrays = traits_of_pretraining(self.pretraining, data.all_rows)
        digest = fingerprint({**estimator_settings(self), **settings}, *data.parts(), *arrays)
        return TrainingFile(as_checkpoint(checkpoint), digest, random_state)

    def _publish(self, history: History) -> None:
        """Set the attributes that describe a finished run."""
        self.n_iter_ = history.n_epochs
        self.t_ = history.n_samples_seen
        self.loss_curve_ = history.loss_curve
        self.loss_ = history.loss_curve[-1] if history.loss_curve else np.inf
        self.sparsity_curve_ = np.array(history.sparsity_curve)
        if history.sparsity_curve:
            self.sparsity_ = self.sparsity_curve_[-1]
        self.best_loss_ = None if self.early_stopping else min(history.loss_curve, default=np.inf)
        self.validation_scores_ = history.validation_scores if self.early_stopping else None
        self.best_validation_score_ = history.best_validation_score if self.early_stopping else None

    def _labels_to_stratify(self, targets: Array) -> NDArray[Any] | None:
        """Return the classes of which the held-out part gets its share, if there are such."""
        if not isinstance(self, ClassifierMixin):
            return None
        if self.network_.loss.output_activation == "softmax":
            return labels_if_shareable(targets.argmax(axis=1), self.validation_fraction)
        return labels_if_shareable(targets[:, 0], self.validation_fraction) if targets.shape[1] == 1 else None

    def _settings(self, n_samples: int, random_state: np.random.RandomState) -> TrainingSettings:
        if self.batch_size == "auto":
            batch_size = min(200, n_samples)
        else:
            if self.batch_size > n_samples:
                warn_user(
                    "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped to "
                    f"{n_samples}.",
                )
            batch_size = min(self.batch_size, n_samples)
        dropout = Dropout()
        if self.input_dropout or self.hidden_dropout:
            dropout = Dropout(self.input_dropout, self.hidden_dropout, int(random_state.randint(2**31)))
        return TrainingSettings(
            max_epochs=self.max_iter,
            batch_size=batch_size,
            alpha=self.alpha,
            shuffle=self.shuffle,
            tol=self.tol,
            patience=self.n_iter_no_change,
            dropout=dropout,
            verbose=bool(self.verbose),
            revive_dead_units=self.revive_dead_units,
        )

    def _new_trainer(self, settings: TrainingSettings, random_state: np.random.RandomState) -> Trainer:
        """Return a new trainer, which keeps the history of the one before."""
        previous = self._trainer
        trainer = Trainer(self.network_, self._optimizer(), self._penalty(), settings, random_state)
        if previous is not None:
            trainer.history = previous.history
        self._trainer = trainer
        return trainer

    def _present_trainer(self, settings: TrainingSettings, random_state: np.random.RandomState) -> Trainer:
        """Return the trainer of the call before, or a new one if there is none."""
        trainer = self._trainer
        if trainer is None:
            return self._new_trainer(settings, random_state)
        trainer.settings = settings
        trainer.random_state = random_state
        trainer.go_on_with(self._optimizer(), self._penalty())
        return trainer
