"""What classifier and regressor share: parameters and their documentation, fitting, the hidden representation."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    check_X_y,
    validate_data,
)

from hardzero.activations import ACTIVATIONS, Activation, get_activation
from hardzero.checkpoint import Checkpoint, TrainingFile, as_checkpoint, fingerprint
from hardzero.full_batch import FullBatchObjective, minimize
from hardzero.interruption import interruption_raised
from hardzero.losses import Loss
from hardzero.network import Dropout, Input, Network
from hardzero.network_estimator import (
    NetworkEstimator,
    as_network_input,
    estimator_settings,
    unchanged_by_errors,
)
from hardzero.ops import Ops
from hardzero.optimizers import LEARNING_RATES
from hardzero.semi_supervised import keep_labeled, labeled_rows
from hardzero.training import Callback, ChunkOfRun, History, Trainer, TrainingDiverged, TrainingSettings
from hardzero.user_warnings import warn_user

if TYPE_CHECKING:
    from hardzero.chunks import Chunks
    from hardzero.predictor import Predictor

Array = NDArray[np.float32]

STOCHASTIC_SOLVERS = ("sgd", "adam")
SPARSITY_SAMPLES = 10_000
"""Training samples on which `sparsity_` is measured: enough for three digits, a small part of an epoch."""

ATTRIBUTES_OF_EPOCHS = ("loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_", "sparsity_curve_")
"""What describes the epochs of a run, of which ``lbfgs`` has none."""


class RectifierEstimator(NetworkEstimator):
    """What classifier and regressor share: parameters, fitting, the hidden representation."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), Activation],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(LEARNING_RATES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        # Smaller ones are denormal in single precision, and the engine takes these for zero.
        "epsilon": [Interval(Real, 1e-37, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "activation_l1": [Interval(Real, 0, None, closed="left"), "array-like"],
        "target_sparsity": [Interval(Real, 0, 1, closed="left"), "array-like", None],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "hidden_dropout": [Interval(Real, 0, 1, closed="left")],
        "revive_dead_units": ["boolean"],
        "pretraining": [StrOptions({"denoising"}), HasMethods(["fit", "transform"]), None],
        "n_jobs": [Integral, None],
    }

    network_: Network
    _trainer: Trainer | None

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrix of each layer, shape (n_inputs, n_outputs), float32; views, not copies."""
        return [layer.weights for layer in self._network().parameters]

    @property
    def intercepts_(self) -> list[Array]:
        """Bias of each layer, shape (n_outputs,), float32; views, not copies."""
        return [layer.bias for layer in self._network().parameters]

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

    @available_if(lambda self: self._check_solver())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: ArrayLike | csr_array, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> RectifierEstimator:
        """Go on training for one pass over the given data.

        A call counts as one epoch of `max_iter`, over which `target_sparsity` is approached and the ``cosine`` learning
        rate falls.

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

    @available_if(lambda self: self._check_solver())  # type: ignore[untyped-decorator]
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
        class.

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
            Judges each pass; the parameters of the best one are kept.
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
            1, or `early_stopping` is on: `validation` takes its place.

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
        from hardzero.chunks import fit_chunks

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
            If the precision is unknown or `n_threads` is not positive.
        """
        check_is_fitted(self)
        from hardzero.predictor import Predictor

        return Predictor(self.network_, precision=precision, n_threads=n_threads)

    def _scores(self, X: ArrayLike | csr_array) -> Array:
        """Return the output activation for validated or raw input."""
        check_is_fitted(self)
        return self.network_.predictions(self._ops(), self._validate_X(X))

    def _check_solver(self) -> bool:
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    @abstractmethod
    def _validate_targets(self, X: Input, y: Any, *, first: bool, incremental: bool) -> Array:
        """Check `y` and return it as network targets of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _loss(self, n_outputs: int) -> Loss:
        """Return the output head for validated targets."""

    @abstractmethod
    def _validation_score(self, scores: Array, targets: Array, sample_weight: Array | None) -> float:
        """Score predictions on the held-out part: accuracy or R²."""

    def _total_weight(self, y: Any, sample_weight: Array | None) -> Array | None:
        return sample_weight

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
            self._train(X, y, sample_weight, first, incremental, validation, callback, checkpoint, chunk)
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        first: bool,
        incremental: bool,
        validation: tuple[Any, Any] | None,
        callback: Callback | None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None,
        chunk: ChunkOfRun | None,
    ) -> None:
        sizes = self._hidden_layer_sizes()
        checks = {"accept_sparse": "csr", "dtype": np.float32}
        checks_of_y = {"multi_output": True, "y_numeric": isinstance(self, RegressorMixin)}
        all_rows = None
        if self.pretraining is None:
            X, y = validate_data(self, X, y, **checks, **checks_of_y, reset=first)
        else:
            if incremental and first:
                raise ValueError("partial_fit does not pre-train: call fit first, or set pretraining=None")
            all_rows = as_network_input(validate_data(self, X, **checks, reset=first))
            X, y, sample_weight = self._labeled_part(all_rows, y, sample_weight)
            X, y = check_X_y(X, y, **checks, **checks_of_y)
        X = as_network_input(X)
        targets = self._validate_targets(X, y, first=first, incremental=incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float32, ensure_non_negative=True)
        sample_weight = self._total_weight(y, sample_weight)
        _check_some_weight(sample_weight)
        held_out = None if validation is None else self._validate_held_out(validation)
        random_state = check_random_state(self.random_state) if chunk is None else chunk.random_state
        training_file = None
        if checkpoint is not None:
            data = (X, targets, sample_weight, held_out, *self._pretraining_data(all_rows))
            training_file = self._training_file(checkpoint, random_state, first, data)
        ops = self._ops()
        if first:
            self._trainer = None
            loss = self._loss(targets.shape[1])
            activation = get_activation(self.activation)
            layers = [(size, activation) for size in sizes]
            self.network_ = Network.initialize(ops, X.shape[1], layers, targets.shape[1], loss, random_state)
            if all_rows is not None:
                self._pretrain(all_rows, random_state, callback, training_file)
            self.n_outputs_ = targets.shape[1]
            self.n_layers_ = len(sizes) + 2
            self.out_activation_ = loss.output_activation
            self.n_iter_, self.t_ = 0, 0
        else:
            self._check_same_shape(sizes, targets.shape[1])
        if self.solver == "lbfgs":
            self._fit_full_batch(ops, X, targets, sample_weight)
        else:
            self._fit_stochastic(
                ops, X, targets, sample_weight, random_state, incremental, held_out, callback, training_file, chunk
            )
        for layer in self.network_.parameters:
            if not (np.isfinite(layer.weights).all() and np.isfinite(layer.bias).all()):
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain large values "
                    "and need to be preprocessed."
                )
        if not incremental:
            self.sparsity_ = self.network_.sparsity(ops, X[:SPARSITY_SAMPLES])
            curve = vars(self).get("sparsity_curve_", [])
            self._warn_if_target_missed(curve[-1] if len(curve) else self.sparsity_)

    def _labeled_part(self, X: Input, y: Any, sample_weight: Any) -> tuple[Input, NDArray[Any], Any]:
        """Return the rows, targets and weights that fine-tuning learns from."""
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        y = np.asarray(y)
        check_consistent_length(X, y, None if np.ndim(sample_weight) == 0 else sample_weight)
        is_classifier = isinstance(self, ClassifierMixin)
        labeled = labeled_rows(y, is_classifier=is_classifier)
        kept = keep_labeled(y, labeled, is_classifier=is_classifier)
        weights = sample_weight if np.ndim(sample_weight) == 0 else np.asarray(sample_weight)[labeled]
        return X[labeled], kept, weights

    def _pretraining_data(self, X: Input | None) -> list[Any]:
        """Return the arrays that pre-training depends on: all rows, or the encoders of a frozen stack."""
        if not isinstance(self.pretraining, FrozenEstimator):
            return [X]
        networks = getattr(self.pretraining.estimator, "networks_", [])
        return [layer for network in networks for part in network.parameters for layer in (part.weights, part.bias)]

    def _pretrain(
        self,
        X: Input,
        random_state: np.random.RandomState,
        callback: Callback | None,
        checkpoint: TrainingFile | None,
    ) -> None:
        """Start the hidden layers from the encoders of autoencoders trained on all rows."""
        from hardzero.autoencoders import StackedDenoisingAutoencoder
        from hardzero.pretraining import code_sizes, scale_codes

        stack = self.pretraining
        if isinstance(stack, FrozenEstimator):
            stack = stack.estimator
        elif stack == "denoising":
            sparsity = self.target_sparsity if get_activation(self.activation).makes_zeros else None
            stack = StackedDenoisingAutoencoder(activation_l1=self.activation_l1, target_sparsity=sparsity)
        if not isinstance(stack, StackedDenoisingAutoencoder):
            raise ValueError(
                f"pretraining must be None, 'denoising' or a StackedDenoisingAutoencoder, got {self.pretraining!r}"
            )
        if stack is not getattr(self.pretraining, "estimator", None):
            stack = clone(stack).set_params(
                hidden_layer_sizes=self._hidden_layer_sizes(),
                activation=self.activation,
                random_state=random_state.randint(2**31),
                verbose=self.verbose or stack.verbose,
                n_jobs=self.n_jobs,
            )
            with interruption_raised():
                stack._fit(X, callback, checkpoint)
            # The target of "denoising" is that of the whole network, whose fit judges it.
            if self.pretraining != "denoising":
                stack._warn_if_target_missed(stack.sparsity_)
        check_is_fitted(stack)
        encoders = [network.hidden_layers[0] for network in stack.networks_]
        shapes = [layer.parameters.weights.shape for layer in encoders]
        wanted = [layer.parameters.weights.shape for layer in self.network_.hidden_layers]
        if shapes != wanted:
            raise ValueError(f"the pre-trained layers have shapes {shapes}, but this network needs {wanted}")
        ops, layers = self._ops(), self.network_.hidden_layers
        initial_sizes = code_sizes(ops, layers, X) if stack.code_scale == "initial" else None
        for layer, encoder in zip(layers, encoders, strict=True):
            layer.parameters.weights[...] = encoder.parameters.weights
            layer.parameters.bias[...] = encoder.parameters.bias
        if initial_sizes is not None:
            scale_codes(ops, layers, X, initial_sizes)
        self.pretraining_ = stack

    def _validate_held_out(self, validation: Any) -> tuple[Input, Array]:
        """Check the data that the caller holds out for early stopping."""
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ValueError("validation must be a tuple (X, y) of held-out data")
        X, y = validation
        if not self.early_stopping or self.solver not in STOCHASTIC_SOLVERS:
            raise ValueError("validation is used by early_stopping=True with solver='sgd' or 'adam' only")
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=np.float32,
            multi_output=True,
            y_numeric=isinstance(self, RegressorMixin),
            reset=False,
        )
        X = as_network_input(X)
        check_rows_of_validation(self, X)
        return X, self._validate_targets(X, y, first=False, incremental=True)

    def _check_same_shape(self, sizes: list[int], n_outputs: int) -> None:
        """Refuse to go on training a network that does not fit parameters or targets."""
        present = [layer.n_units for layer in self.network_.hidden_layers]
        if sizes != present:
            raise ValueError(
                f"hidden_layer_sizes={sizes} differs from the fitted network's {present}, which warm_start and "
                "partial_fit go on from: fit a new estimator, or set warm_start=False"
            )
        if n_outputs != self.network_.n_outputs:
            raise ValueError(f"y has {n_outputs} target columns, the fitted network {self.network_.n_outputs}")
        activation = get_activation(self.activation)
        for layer in self.network_.hidden_layers:
            if layer.activation != activation:
                raise ValueError(
                    f"activation={self.activation!r} differs from the fitted network's {layer.activation!r}, which "
                    "warm_start and partial_fit go on from: fit a new estimator, or set warm_start=False"
                )
        output, present_output = (loss.output_activation for loss in (self._loss(n_outputs), self.network_.loss))
        if output != present_output:
            raise ValueError(
                f"the loss asks for {output} outputs, the fitted network has {present_output} outputs: fit a new "
                "estimator, or set warm_start=False"
            )

    def _fit_full_batch(self, ops: Ops, X: Input, targets: Array, sample_weight: Array | None) -> None:
        if self.target_sparsity is not None:
            raise ValueError("target_sparsity needs solver='sgd' or 'adam'; with 'lbfgs' set activation_l1 instead")
        if self.input_dropout or self.hidden_dropout:
            raise ValueError("input_dropout and hidden_dropout need solver='sgd' or 'adam': 'lbfgs' wants a fixed loss")
        objective = FullBatchObjective(self.network_, ops, X, targets, sample_weight, self.alpha, self._activation_l1())
        result = minimize(objective, self.max_iter, self.max_fun, self.tol)
        self._trainer = None
        for name in ATTRIBUTES_OF_EPOCHS:
            self.__dict__.pop(name, None)
        self.n_iter_ = min(int(result.nit), self.max_iter)
        self.loss_ = float(result.fun)
        if not np.isfinite(self.loss_):
            raise TrainingDiverged(
                f"the loss is {self.loss_} from the start: scale the features to a range near 0 to 1, for example with "
                "sklearn.preprocessing.StandardScaler or MaxAbsScaler, and check targets for very large values"
            )
        if result.status != 0:
            warn_user(
                f"lbfgs failed to converge after {self.n_iter_} iteration(s) (status={result.status}): "
                f"{result.message}. Increase the number of iterations or scale the data.",
                ConvergenceWarning,
            )

    def _fit_stochastic(
        self,
        ops: Ops,
        X: Input,
        targets: Array,
        sample_weight: Array | None,
        random_state: np.random.RandomState,
        incremental: bool,
        validation: tuple[Input, Array] | None,
        callback: Callback | None,
        checkpoint: TrainingFile | None,
        chunk: ChunkOfRun | None,
    ) -> None:
        validation_score: Callable[[], float] | None = None
        held_out: Input | None = None
        if self.early_stopping:
            held_out_weight: Array | None = None
            if validation is not None:
                held_out, held_out_targets = validation
            else:
                X, held_out, targets, held_out_targets, sample_weight, held_out_weight = self._split(
                    X, targets, sample_weight, random_state
                )

            unseen = held_out

            def validation_score() -> float:
                predictions = self.network_.predictions(ops, unseen)
                return self._validation_score(predictions, held_out_targets, held_out_weight)

        trainer = self._get_trainer(self._settings(X.shape[0], random_state), random_state, incremental)
        self._trainer = trainer
        try:
            if incremental:
                if chunk is None and (self.target_sparsity is not None or self.learning_rate == "cosine"):
                    chunk = self._next_pass(trainer)
                trainer.epoch(ops, X, targets, sample_weight, chunk=chunk)
            else:
                trainer.run(
                    ops,
                    X,
                    targets,
                    sample_weight,
                    validation_score=validation_score,
                    held_out=held_out,
                    callback=callback,
                    checkpoint=checkpoint,
                )
        finally:
            self._publish(trainer.history)

    def _training_file(
        self,
        checkpoint: str | os.PathLike[str] | Checkpoint,
        random_state: np.random.RandomState,
        first: bool,
        data: tuple[Any, ...],
    ) -> TrainingFile:
        """Open the checkpoint of a training with these parameters and data."""
        if self.solver == "lbfgs":
            raise ValueError("checkpoint needs solver='sgd' or 'adam': 'lbfgs' keeps a state that cannot be saved")
        if not first:
            raise ValueError("checkpoint does not go with warm_start: a training that goes on would mix with the saved")
        return TrainingFile(as_checkpoint(checkpoint), fingerprint(estimator_settings(self), *data), random_state)

    def _publish(self, history: History) -> None:
        """Set the attributes that describe a finished run."""
        self.n_iter_ = history.n_epochs
        self.t_ = history.n_samples_seen
        self.loss_curve_ = history.loss_curve
        self.loss_ = history.loss_curve[-1] if history.loss_curve else np.inf
        self.sparsity_curve_ = np.array(history.sparsity_curve)
        if history.sparsity_curve:
            self.sparsity_ = self.sparsity_curve_[-1]
        self.best_loss_ = None if self.early_stopping else history.best_loss
        self.validation_scores_ = history.validation_scores if self.early_stopping else None
        self.best_validation_score_ = history.best_validation_score if self.early_stopping else None

    def _split(
        self, X: Input, targets: Array, sample_weight: Array | None, random_state: np.random.RandomState
    ) -> tuple[Input, Input, Array, Array, Array | None, Array | None]:
        stratify: NDArray[Any] | None = None
        if isinstance(self, ClassifierMixin) and self.network_.loss.output_activation == "softmax":
            stratify = _where_possible(targets.argmax(axis=1), self.validation_fraction)
        elif isinstance(self, ClassifierMixin) and targets.shape[1] == 1:
            stratify = targets[:, 0]
        train, held_out = train_test_split(
            np.arange(X.shape[0]),
            random_state=random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        weights = (None, None) if sample_weight is None else (sample_weight[train], sample_weight[held_out])
        for part in weights:
            _check_some_weight(part)
        return X[train], X[held_out], targets[train], targets[held_out], *weights

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

    def _get_trainer(
        self, settings: TrainingSettings, random_state: np.random.RandomState, incremental: bool
    ) -> Trainer:
        """Return the trainer of the call before where it goes on, else a new one."""
        previous = self._trainer
        if previous is None or not incremental:
            trainer = Trainer(self.network_, self._optimizer(), self._penalty(), settings, random_state)
            if previous is not None:
                trainer.history = previous.history
            return trainer
        previous.settings = settings
        previous.random_state = random_state
        penalty = self._penalty()
        if penalty.wanted != previous.penalty.wanted:
            previous.penalty = penalty
        return previous


SHARED_PARAMETERS = """
    hidden_layer_sizes : int or array-like of int, default=(256, 256)
        Units of each hidden layer. Two layers of 256 fit tabular data, bags of words and small images well,
        and exact zeros keep them cheap.
    activation : str or Activation, default="relu"
        One of ``relu``, ``signed_relu``, ``softplus``, ``tanh``, ``logistic``, ``identity``, ``lif``, or an
        instance from `hardzero.activations` where constants are to be set.
    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        ``adam`` needs the least tuning; ``sgd`` is the fastest a step; ``lbfgs`` suits small data sets.
    alpha : float, default=1e-4
        L2 penalty on weights, divided by the summed weight of the minibatch's samples, as in scikit-learn.
    batch_size : int or "auto", default="auto"
        ``auto`` is ``min(200, n_samples)``. Not used by ``lbfgs``.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine"}, default="constant"
        The first three as in scikit-learn, for ``sgd``; ``cosine``, for ``sgd`` and ``adam``, falls to 0 over
        `max_iter` epochs.
    learning_rate_init : float, default=0.001
        Learning rate at the start.
    power_t : float, default=0.5
        Exponent of ``invscaling``.
    max_iter : int, default=200
        Epochs, or iterations of ``lbfgs``.
    shuffle : bool, default=True
        Whether the samples are put in a new random order each epoch.
    random_state : int, RandomState or None, default=None
        Draws initial weights, the validation split, the order of samples and dropout. The same seed gives
        the same bits for any number of threads.
    tol : float, default=1e-4
        Improvement below which an epoch counts as one without progress.
    verbose : bool, default=False
        Whether the loss of each epoch is printed.
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters of the call before.
    momentum : float, default=0.9
        Momentum of ``sgd``.
    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's.
    early_stopping : bool, default=False
        Whether a part of the training data is held out, training stops when its score does, and the best
        parameters are kept.
    validation_fraction : float, default=0.1
        The part held out by `early_stopping`.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Constants of ``adam``.
    n_iter_no_change : int or inf, default=10
        Epochs without progress after which training stops.
    max_fun : int, default=15000
        Most calls of the objective by ``lbfgs``.
    activation_l1 : float or sequence of float, default=0.0
        Coefficient of the L1 penalty on hidden activations (sum over a layer's units, mean over samples), one
        for all hidden layers or one each (Glorot, Bordes and Bengio 2011, section 3.2).
    target_sparsity : float, sequence of float or None, default=None
        Wanted fraction of exact zeros of the hidden layers, reached by adapting the L1 coefficients during training
        and by a last shift of the biases (`hardzero.penalties.SparsityController`, `hardzero.calibration`), measured
        on the held-out part of `early_stopping`, else on 500 rows that are kept out of training, and below 10,000
        rows on training rows. Missing it by more than one point gives a warning.
    input_dropout, hidden_dropout : float, default=0.0
        Probability that an input, or a hidden unit, is dropped in training.
    revive_dead_units : bool, default=False
        Whether units that do not fire on the training data have their thresholds moved back into reach after each
        epoch of the first three quarters of training. Helps where many units have died, as in narrow layers under a
        high learning rate. Off by default: with a `target_sparsity` of 0.95 and more it works against the penalty, and
        costs accuracy.
    pretraining : None, "denoising", StackedDenoisingAutoencoder or FrozenEstimator, default=None
        Where the hidden layers start from: random weights, or the encoders of denoising autoencoders trained on
        all rows. Rows without a label (-1, None or NaN for a classifier, NaN for a regressor) then serve
        pre-training only; without pre-training, -1 is a class like any other. A `StackedDenoisingAutoencoder` says
        how to pre-train; its sizes, activation, seed and threads are replaced by those of this estimator. One that
        is fitted already is used as it is inside `sklearn.frozen.FrozenEstimator`. ``"denoising"`` is the default
        one, with `activation_l1` or `target_sparsity` of this estimator.
    n_jobs : int or None, default=None
        Threads. None and -1 use all cores that the process may use, -2 all but one, and so on; the results do not
        depend on it."""

SHARED_ATTRIBUTES = """
    network_ : hardzero.network.Network
        The network.
    coefs_, intercepts_ : list of ndarray
        Weights, of shape (n_inputs, n_outputs), and biases of each layer, float32.
    sparsity_ : ndarray of shape (n_hidden_layers,)
        Fraction of exact zeros of each hidden layer on the (first 10,000) training samples.
    sparsity_curve_ : ndarray of shape (n_epochs, n_hidden_layers)
        The same over each epoch's minibatches; with `target_sparsity`, the last after the shift of the biases.
    loss_, best_loss_ : float
        Latest and least training loss; `best_loss_` is None with early stopping.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_, best_validation_score_ : list of float, float
        Scores on the held-out part, with early stopping, else None.
    n_iter_, t_ : int
        Epochs of the latest fit; samples trained on in all.
    n_layers_, n_outputs_ : int
        Layers including input and output; outputs.
    out_activation_ : str
        ``softmax``, ``logistic``, ``identity`` or ``exp``.
    pretraining_ : StackedDenoisingAutoencoder
        The fitted autoencoders, where `pretraining` is set.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had string column names."""


def check_rows_of_validation(estimator: Any, X: Any) -> None:
    """Raise ValueError if held-out rows are too few to judge an estimator by."""
    if X.shape[0] < 2 and isinstance(estimator, RegressorMixin):
        raise ValueError("validation holds a single row, on which a regression has no R²: give more")


def _where_possible(labels: NDArray[np.intp], held_out: float) -> NDArray[np.intp] | None:
    """Return the labels to stratify a split by, or None where a class has too few samples for both parts."""
    counts = np.unique(labels, return_counts=True)[1]
    n_smaller_part = min(held_out, 1 - held_out) * len(labels)
    return labels if counts.min() >= 2 and n_smaller_part >= len(counts) else None


def _check_some_weight(sample_weight: Array | None) -> None:
    if sample_weight is not None and not sample_weight.any():
        raise ValueError("all sample weights are zero: nothing can be learned; give some a positive weight")
