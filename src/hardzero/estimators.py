"""The scikit-learn face: classifier and regressor, drop-in for `MLPClassifier` and `MLPRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted

from hardzero.activations import Activation
from hardzero.losses import LogisticLoss, Loss, get_loss
from hardzero.network import Input
from hardzero.network_estimator import unchanged_by_errors
from hardzero.rectifier_estimator import RectifierEstimator
from hardzero.rectifier_parameters import PARAMETER_CONSTRAINTS, SHARED_ATTRIBUTES, SHARED_PARAMETERS
from hardzero.semi_supervised import refuse_mixed_labels
from hardzero.several_labels import label_weight, present_labels
from hardzero.training import ChunkOfRun

if TYPE_CHECKING:
    from hardzero.autoencoders import StackedDenoisingAutoencoder

Array = NDArray[np.float32]

LARGEST_TARGET = 1e18
"""Of a regression: the squares of larger ones, and their sum over a minibatch, may not fit float32."""


class RectifierClassifier(ClassifierMixin, RectifierEstimator):  # type: ignore[misc]  # noqa: D101
    __doc__ = f"""Deep sparse rectifier network for classification.

    Drop-in for `sklearn.neural_network.MLPClassifier`: shared parameters, attributes and errors keep their
    names and meaning. Two classes and several labels a sample use logistic outputs, more classes a softmax;
    the loss is cross-entropy. Weights start uniform with variance 2/n_inputs (He et al. 2015), so that
    rectifier layers keep their scale at any depth, or 4/n_units where units are more than twice as many as inputs.

    Parameters
    ----------{SHARED_PARAMETERS}
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weight of each class, multiplied into the sample weights; ``balanced`` weighs classes inversely to
        their frequency, which only `fit` knows. Several labels a sample take a list, a dict with the weights of 0 and 1
        for each label, which its part of the loss is multiplied by.

    Attributes
    ----------{SHARED_ATTRIBUTES}
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    References
    ----------
    X. Glorot, A. Bordes, Y. Bengio. Deep Sparse Rectifier Neural Networks. AISTATS 2011.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from hardzero import RectifierClassifier
    >>> X, y = make_classification(n_samples=200, random_state=0)
    >>> classifier = RectifierClassifier((64,), target_sparsity=0.8, max_iter=60, tol=0, random_state=0)
    >>> classifier.fit(X, y).predict(X[:3]).shape
    (3,)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PARAMETER_CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    classes_: NDArray[Any]
    _label_binarizer: LabelBinarizer

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (256, 256),
        activation: str | Activation = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        activation_l1: float | Sequence[float] = 0.0,
        target_sparsity: float | Sequence[float] | None = None,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        pretraining: str | StackedDenoisingAutoencoder | FrozenEstimator | None = None,
        revive_dead_units: bool = False,
        class_weight: dict[Any, float] | str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.activation_l1 = activation_l1
        self.target_sparsity = target_sparsity
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.pretraining = pretraining
        self.revive_dead_units = revive_dead_units
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    def predict(self, X: ArrayLike | csr_array) -> NDArray[Any]:
        """Return the most probable class, or the labels with probability above one half.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._labels(self._scores(X))

    def predict_proba(self, X: ArrayLike | csr_array) -> Array:
        """Return class probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Columns in the order of `classes_`.
        """
        scores = self._scores_of_classes(X)
        return self.network_.loss.predictions(scores)

    def predict_log_proba(self, X: ArrayLike | csr_array) -> Array:
        """Return the logarithm of `predict_proba`, finite also where a probability is too small for float32."""
        scores = self._scores_of_classes(X)
        logs = log_softmax(scores, axis=1) if self.out_activation_ == "softmax" else log_expit(scores)
        probabilities = self.network_.loss.predictions(scores)
        # A probability that float32 rounds to 1 has the logarithm 0.
        return np.where(probabilities > 0.5, np.log(np.maximum(probabilities, 0.5)), logs)

    def predict_expectation(self, X: ArrayLike | csr_array) -> NDArray[np.float64]:
        """Return the expected class under the predicted probabilities, for classes that are numbers.

        Of ratings such as 1 to 5 stars this is a better guess, by squared error, than the most probable class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64

        Raises
        ------
        ValueError
            If the classes are names, or a sample has several labels.

        Examples
        --------
        >>> import numpy as np
        >>> from hardzero import RectifierClassifier
        >>> X, stars = np.eye(3), [1, 3, 5]
        >>> classifier = RectifierClassifier(8, solver="lbfgs", random_state=0).fit(X, stars)
        >>> classifier.predict_expectation(X).round(1)
        array([1., 3., 5.])
        """
        check_is_fitted(self)
        if self._has_several_labels():
            raise ValueError("predict_expectation needs one numeric class a sample; these labels are independent")
        if self.classes_.dtype.kind not in "iuf":
            raise ValueError(
                f"predict_expectation needs classes that are numbers, such as ratings; these are {self.classes_!r}: "
                "convert y to numbers before fitting"
            )
        probabilities = self.predict_proba(X).astype(np.float64)
        # In float32 they sum to one but for 1e-7, which classes far from zero, such as years, would show.
        return np.asarray(probabilities @ self.classes_.astype(np.float64) / probabilities.sum(axis=1))

    @available_if(lambda self: self._check_solver("partial_fit"))  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: ArrayLike | csr_array,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> RectifierClassifier:
        """Go on training for one pass over the given data.

        A call counts as one epoch of `max_iter`, over which `target_sparsity` is approached and the ``cosine`` learning
        rate falls.

        Parameters set between calls count, but for layers and activation, of which others are refused. Another
        `solver`, or momentum where there was none, starts with nothing remembered of earlier gradients.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
        sample_weight : array-like of shape (n_samples,), optional
        classes : array-like of shape (n_classes,), optional
            All classes there will be; needed in the first call. Several labels a sample have the columns of `y` for
            classes: ``np.arange(n_classes)``.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the first call has no `classes`, or `y` holds a class that is not among them; for data that cannot be
            learned from or of another shape than before, for a diverging loss, with `early_stopping` or ``balanced``
            classes, with `pretraining` before a `fit`, and where the ``cosine`` learning rate has fallen to 0.
        AttributeError
            With ``lbfgs``, which has no single steps.
        """
        first = "classes_" not in vars(self)
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        with unchanged_by_errors(self) if first else nullcontext():
            self._partial_fit(X, y, sample_weight, classes, first)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any, first: bool) -> None:
        if classes is not None:
            labels = np.unique(np.asarray(classes))
            if first:
                self._refuse_unusable_targets(y, incremental=True)
                self._fit_label_binarizer(y if type_of_target(y).startswith("multilabel") else labels)
            if not np.array_equal(self.classes_, labels):
                if first:
                    raise ValueError(
                        "y has several labels a sample, whose classes are its columns: pass "
                        f"classes=np.arange({len(self.classes_)}), not {classes!r}"
                    )
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
                )
        self._fit(X, y, sample_weight, incremental=True)

    def _fit_chunk(self, X: Any, y: Any, classes: Any, chunk: ChunkOfRun) -> None:
        if "classes_" not in vars(self):
            self._refuse_unusable_targets(y, incremental=True)
            y = y if issparse(y) else np.asarray(y)
            self._fit_label_binarizer(y if type_of_target(y).startswith("multilabel") else np.unique(classes))
        super()._fit_chunk(X, y, classes, chunk)

    def _scores_of_classes(self, X: ArrayLike | csr_array) -> Array:
        """Return scores with a column for each class; of two, the network scores the second against the first."""
        check_is_fitted(self)
        scores = self.network_.scores(self._ops(), self._validate_X(X))
        return np.hstack([-scores, scores]) if self.n_outputs_ == 1 else scores

    def _labels(self, probabilities: Array) -> NDArray[Any]:
        if self.n_outputs_ == 1:
            probabilities = probabilities.ravel()
        return cast(NDArray[Any], self._label_binarizer.inverse_transform(probabilities))

    def _fit_label_binarizer(self, y: Any) -> None:
        self._label_binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._label_binarizer.classes_

    def _refuse_unusable_targets(self, y: Any, *, incremental: bool) -> None:
        """Raise an error, too, for a part of the targets where the weights of classes depend on all of them."""
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs the frequencies of the classes in all samples, of which partial_fit and "
                "fit_chunks see a part at a time: set class_weight to a dict, for example dict(zip(classes, "
                "sklearn.utils.compute_class_weight('balanced', classes=classes, y=y))) with y of many samples"
            )
        super()._refuse_unusable_targets(y, incremental=incremental)

    def _validate_targets(self, X: Input, y: Any, *, first: bool, incremental: bool) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        refuse_mixed_labels(np.asarray(y))
        if type_of_target(y, input_name="y").startswith("continuous"):
            raise ValueError(
                f"Unknown label type: {type_of_target(y)}. Maybe you are trying to fit a classifier, which "
                "expects discrete classes on a regression target with continuous values."
            )
        if incremental and "classes_" in vars(self):
            unknown = np.setdiff1d(unique_labels(y), self.classes_)
            if unknown.size:
                raise ValueError(
                    "`y` has classes not in `self.classes_`. `self.classes_` has "
                    f"{self.classes_}. 'y' has {unknown} beyond them."
                )
        elif first:
            self._fit_label_binarizer(y)
        else:
            labels = unique_labels(y)
            if not np.array_equal(labels, self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to "
                    f"fit. Previously got {self.classes_}, `y` has {labels}"
                )
        if len(self.classes_) < 2:
            raise ValueError(
                f"y contains only one class ({self.classes_[0]}): classification needs samples of at least two classes"
            )
        targets = np.asarray(self._label_binarizer.transform(y), dtype=np.float32)
        return present_labels(targets) if self._has_several_labels() else targets

    def _has_several_labels(self) -> bool:
        return bool(self._label_binarizer.y_type_.startswith("multilabel"))

    def _loss(self, targets: Array) -> Loss:
        if self.class_weight is not None and self._has_several_labels():
            return LogisticLoss(label_weight(self.class_weight, targets))
        return get_loss("softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic")

    def _total_weight(self, y: Any, sample_weight: Array | None) -> Array | None:
        if self.class_weight is None or self._has_several_labels():
            return sample_weight
        labels = np.ravel(y)
        weight = self._weight_by_class(labels, len(labels))
        if sample_weight is not None:
            weight = weight * sample_weight
            if weight.max(initial=0.0) > np.finfo(np.float32).max:
                raise ValueError("class_weight times sample_weight reaches beyond 3e38: make one of them smaller")
        return weight.astype(np.float32)

    def _held_out_weight(self, y: Any, held_out_y: Any) -> Array | None:
        if self.class_weight is None or self._has_several_labels():
            return None
        weight = self._weight_by_class(np.concatenate([np.ravel(y), np.ravel(held_out_y)]), len(y))[len(y) :]
        if not weight.any():
            raise ValueError("class_weight is 0 for all classes in y of validation: give rows of other classes")
        return weight.astype(np.float32)

    def _weight_by_class(self, labels: NDArray[Any], n_counted: int) -> NDArray[np.float64]:
        """Return the weight of each sample's class; ``balanced`` ones follow frequencies in the first `n_counted`."""
        if self.class_weight == "balanced":
            return np.asarray(compute_sample_weight("balanced", labels, indices=np.arange(n_counted)))
        # scikit-learn takes a class that these samples happen to lack for a mistake.
        weight = compute_sample_weight(self.class_weight, np.concatenate([labels, self.classes_]))
        if not (np.isfinite(weight.astype(np.float32)).all() and (weight >= 0).all()):
            raise ValueError(f"class_weight must hold finite numbers that are not negative, got {self.class_weight!r}")
        return np.asarray(weight[: len(labels)])

    def _validation_score(self, scores: Array, targets: Array, sample_weight: Array | None) -> float:
        true, predicted = self._labels(targets), self._labels(scores)
        return float(accuracy_score(true, predicted, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class RectifierRegressor(RegressorMixin, RectifierEstimator):  # type: ignore[misc]  # noqa: D101
    __doc__ = f"""Deep sparse rectifier network for regression.

    Drop-in for `sklearn.neural_network.MLPRegressor`: shared parameters, attributes and errors keep their
    names and meaning. Scale targets that are far from unit variance, for example with
    `sklearn.compose.TransformedTargetRegressor`.

    Parameters
    ----------
    loss : {{"squared_error", "poisson"}}, default="squared_error"
        ``poisson`` predicts non-negative rates or counts through an exponential output.{SHARED_PARAMETERS}

    Attributes
    ----------{SHARED_ATTRIBUTES}

    References
    ----------
    X. Glorot, A. Bordes, Y. Bengio. Deep Sparse Rectifier Neural Networks. AISTATS 2011.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from hardzero import RectifierRegressor
    >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
    >>> regressor = RectifierRegressor(hidden_layer_sizes=64, solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> regressor.score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PARAMETER_CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (256, 256),
        activation: str | Activation = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        activation_l1: float | Sequence[float] = 0.0,
        target_sparsity: float | Sequence[float] | None = None,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        pretraining: str | StackedDenoisingAutoencoder | FrozenEstimator | None = None,
        revive_dead_units: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.activation_l1 = activation_l1
        self.target_sparsity = target_sparsity
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.pretraining = pretraining
        self.revive_dead_units = revive_dead_units
        self.n_jobs = n_jobs

    def predict(self, X: ArrayLike | csr_array) -> NDArray[np.float64]:
        """Return predicted targets.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            As scikit-learn's regressors give it; the arithmetic is float32.
        """
        predictions = self._scores(X).astype(np.float64)
        return predictions.ravel() if self.n_outputs_ == 1 else predictions

    def _validate_targets(self, X: Input, y: Any, *, first: bool, incremental: bool) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        try:
            targets = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        except ValueError as error:
            raise ValueError(f"y must hold numbers: {error}; RectifierClassifier takes names of classes") from None
        constant = np.flatnonzero((targets == targets[0]).all(axis=0) & (len(targets) > 1))
        if len(constant) and not incremental:
            which = "the target" if targets.shape[1] == 1 else f"target column {constant[0]}"
            raise ValueError(f"{which} is constant ({targets[0, constant[0]]:g}): there is nothing to learn; check y")
        if self.loss == "poisson" and (targets < 0).any():
            raise ValueError("loss='poisson' needs targets that are not negative; use loss='squared_error' for these")
        largest = np.abs(targets).max(initial=0.0)
        if largest > LARGEST_TARGET:
            raise ValueError(f"y goes up to {largest:g}, whose square is too large for float32: scale the targets")
        return targets.astype(np.float32)

    def _loss(self, targets: Array) -> Loss:
        return get_loss("exp" if self.loss == "poisson" else "identity")

    def _validation_score(self, scores: Array, targets: Array, sample_weight: Array | None) -> float:
        if not np.isfinite(scores).all():
            return float("nan")
        return float(r2_score(targets, scores, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
