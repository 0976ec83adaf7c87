"""Denoising autoencoders as scikit-learn transformers: features learned without labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from numbers import Integral, Real
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.utils import check_array, check_random_state, gen_batches
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from hardzero.activations import ACTIVATIONS, Activation, get_activation
from hardzero.checkpoint import Checkpoint, TrainingFile, as_checkpoint, fingerprint
from hardzero.codes import decode, encode
from hardzero.corruption import CORRUPTIONS, Corruption, MaskingNoise
from hardzero.denoising_trainer import DenoisingTrainer, TrainingRecord
from hardzero.network import PREDICTION_ROWS, Input, Network
from hardzero.network_estimator import NetworkEstimator, as_network_input, estimator_settings, unchanged_by_errors
from hardzero.ops import Ops
from hardzero.penalties import ActivationPenalty, FixedPenalty, SparsityController
from hardzero.pretraining import AutoencoderSettings, pretrain_stack
from hardzero.reconstruction import (
    DECODERS,
    ReconstructionHead,
    SigmoidReconstruction,
    check_codes,
    get_reconstruction_head,
)
from hardzero.reconstruction_sampling import ReconstructionSampling
from hardzero.tied_network import TiedNetwork
from hardzero.training import Callback, TrainingSettings

Array = NDArray[np.float32]

SAMPLED_SHARE = 0.4
"""Reconstruction sampling is the default where it reconstructs at most this share of the columns: copying the
parameters of the sampled columns out and back costs more than it saves when they are most of all."""


class AutoencoderEstimator(ClassNamePrefixFeaturesOutMixin, NetworkEstimator):  # type: ignore[misc]
    """What one autoencoder and a stack of them share."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "activation": [StrOptions(set(ACTIVATIONS)), Activation],
        "decoder": [StrOptions({"auto", *DECODERS})],
        "corruption": [StrOptions(set(CORRUPTIONS)), Corruption, None],
        "corruption_level": [Interval(Real, 0, None, closed="left")],
        "tied_weights": ["boolean"],
        "activation_l1": [Interval(Real, 0, None, closed="left"), "array-like"],
        "target_sparsity": [Interval(Real, 0, 1, closed="left"), "array-like", None],
        "reconstruction_sampling": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), None],
        "solver": [StrOptions({"sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "cosine"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [Integral, None],
    }

    nesterovs_momentum = True
    power_t = 0.5
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8

    _trainers: list[DenoisingTrainer]
    _records: list[TrainingRecord]

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike | csr_array,
        y: Any = None,
        *,
        callback: Callback | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | TrainingFile | None = None,
    ) -> Any:
        """Learn to reconstruct `X`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite; converted to float32. Sparse input stays sparse.
        y : ignored
        callback : callable, optional
            Called after each epoch of each layer with a `hardzero.training.EpochReport`, whose `phase` names the
            layer; a true return value ends that layer's training.
        checkpoint : path-like or Checkpoint, optional
            A file in which the state is saved every 5 minutes, or as often as a `hardzero.checkpoint.Checkpoint`
            says. If it exists, training goes on from it, to the same bits as without the interruption.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For data that holds dates or is not finite, for negative data or codes with a decoder that cannot produce
            them, for a diverging loss, and for a checkpoint that is damaged or belongs to another training.
        KeyboardInterrupt
            If Ctrl-C ended the training of a layer that others build on, or of the last one within its first epoch: the
            autoencoder is as it was before. Later, the last layer keeps its state instead, with a
            `hardzero.interruption.TrainingInterrupted` warning.

        Warns
        -----
        UserWarning
            If `target_sparsity` was missed by more than a point.
        """
        with unchanged_by_errors(self):
            self._fit(X, callback, checkpoint)
            self._warn_if_target_missed(self.sparsity_)
        return self

    def _fit(
        self,
        X: Any,
        callback: Callback | None,
        checkpoint: str | os.PathLike[str] | Checkpoint | TrainingFile | None,
    ) -> None:
        """Fit without judging the zeros that were reached."""
        X = self._validate_X(X, reset=True)
        random_state = check_random_state(self.random_state)
        settings = self._settings(X)
        if checkpoint is not None and not isinstance(checkpoint, TrainingFile):
            checkpoint = TrainingFile(as_checkpoint(checkpoint), fingerprint(estimator_settings(self), X), random_state)
        self._publish(pretrain_stack(self._ops(), X, self._layers(), settings, random_state, callback, checkpoint))

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: ArrayLike | csr_array, y: Any = None) -> Any:
        """Go on training every layer for one pass over the given data.

        The first call measures the range and the mean of the data, from which the decoders start. A call counts as
        one epoch of `max_iter`, over which `target_sparsity` is approached and a cosine learning rate falls. Parameters
        set between calls count, but for `corruption`, `decoder`, `reconstruction_sampling` and `random_state`, which
        stay, and for layers and `tied_weights`, of which others are refused. Another `solver`, or momentum where there
        was none, starts with nothing remembered of earlier gradients.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For data that holds dates or is not finite, has another number of features or values that the decoder, made
            for the range of the first call's data, cannot produce, where a cosine learning rate has reached 0, and for
            parameters that ask for other layers or other ties of weights.
        """
        first = "networks_" not in vars(self)
        with unchanged_by_errors(self) if first else nullcontext():
            self._fit_pass(X, first=first)
        return self

    def _fit_pass(self, X: Any, *, first: bool) -> None:
        """Train every layer for one pass, from the start or on from where it is."""
        X = self._validate_X(X, reset=first)
        ops = self._ops()
        settings = self._settings(X)
        if not first:
            self._check_same_layers()
            self._check_range(X)
        trainers = [] if first else self._present_trainers(settings, X.shape[0])
        random_state = check_random_state(self.random_state) if first else trainers[0].random_state
        for depth, (n_units, activation) in enumerate(self._layers()):
            if first:
                trainers.append(settings.trainer(ops, X, n_units, activation, random_state, depth))
            report = trainers[depth].epoch(ops, X, None, chunk=self._next_pass(trainers[depth]))
            trainers[depth].print_epoch(1, report.loss, None)
            X = encode(ops, trainers[depth].network, X)
        self._publish(trainers)

    def _check_same_layers(self) -> None:
        """Refuse to go on with layers that are not those of the parameters."""
        present = [
            (network.hidden_layers[0].n_units, network.hidden_layers[0].activation) for network in self.networks_
        ]
        if self._layers() != present:
            raise ValueError(
                f"the parameters ask for layers {self._layers()}, the fitted autoencoder has {present}: fit it anew, "
                "or set them back"
            )
        tied = isinstance(self.networks_[0], TiedNetwork)
        if self.tied_weights != tied:
            raise ValueError(
                f"tied_weights={self.tied_weights}, but the fitted autoencoder has tied_weights={tied}: fit it anew, "
                "or set it back"
            )

    def _check_range(self, X: Input) -> None:
        """Refuse data that the first decoder, made for the range of the data it saw first, cannot produce."""
        head = self.networks_[0].loss
        smallest, largest = float(X.min()), float(X.max())
        try:
            get_reconstruction_head(cast(ReconstructionHead, head).decoder, smallest=smallest, largest=largest)
        except ValueError as error:
            raise ValueError(f"the first call measured no negative value, but now {error}") from None
        # The message rounds the scale: input clipped to the number that it tells must pass.
        if isinstance(head, SigmoidReconstruction) and largest > head.scale * (1 + 1e-5):
            raise ValueError(
                f"decoder='sigmoid' cannot reconstruct input of up to {largest:g}: the first call measured values of "
                f"up to {head.scale:g}. Clip the input to that, begin with data that holds the largest value, or use "
                "decoder='softplus'"
            )

    def _present_trainers(self, settings: AutoencoderSettings, n_samples: int) -> list[DenoisingTrainer]:
        """Return what trained this autoencoder, made again where it comes from a file, with the present settings."""
        if not self._trainers:
            self._trainers = [
                settings.resumed_trainer(network, record, depth)
                for depth, (network, record) in enumerate(zip(self.networks_, self._records, strict=True))
            ]
        for depth, trainer in enumerate(self._trainers):
            settings.refresh(trainer, depth, n_samples)
        return self._trainers

    def transform(self, X: ArrayLike | csr_array) -> csr_array:
        """Return the code: the activations of the (last) encoder for clean input.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        csr_array of shape (n_samples, n_units), float32
            Without stored zeros.

        Notes
        -----
        scikit-learn makes no frames of sparse output: ``set_output(transform="pandas")`` ends in its error. A frame is
        ``pd.DataFrame.sparse.from_spmatrix(model.transform(X), columns=model.get_feature_names_out())``.
        """
        check_is_fitted(self)
        return csr_array(self._encode(self._ops(), self._validate_X(X)))

    def inverse_transform(self, X: ArrayLike | csr_array) -> Array:
        """Return the reconstructions that belong to codes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_units)

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32

        Raises
        ------
        ValueError
            If the codes have another number of columns than `transform` gives.
        """
        check_is_fitted(self)
        codes = as_network_input(check_array(X, accept_sparse="csr", dtype=np.float32))
        if codes.shape[1] != self._n_features_out:
            raise ValueError(f"codes have {codes.shape[1]} columns, but transform gives {self._n_features_out}")
        return self._decode(self._ops(), codes)

    def reconstruct(self, X: ArrayLike | csr_array) -> Array:
        """Return the reconstruction of clean input, shape (n_samples, n_features)."""
        check_is_fitted(self)
        return self._reconstruct(self._ops(), self._validate_X(X))

    def reconstruction_error(self, X: ArrayLike | csr_array) -> float:
        """Return the mean squared difference between `X` and its reconstruction, over samples and features.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        float
            In the square of the unit of `X`, whatever the decoder's cost.
        """
        check_is_fitted(self)
        ops = self._ops()
        rows = self._validate_X(X)
        total = 0.0
        for batch in gen_batches(rows.shape[0], PREDICTION_ROWS):
            clean = rows[batch]
            error = self._reconstruct(ops, clean) - ops.rows(clean).dense()
            total += float(np.square(error).sum(dtype=np.float64))
        return total / float(rows.shape[0] * rows.shape[1])

    def score(self, X: ArrayLike | csr_array, y: Any = None) -> float:
        """Return minus `reconstruction_error`, so that larger is better in a parameter search."""
        return -self.reconstruction_error(X)

    def _layers(self) -> list[tuple[int, Activation]]:
        activation, sizes = get_activation(self.activation), self._hidden_layer_sizes()
        if not sizes:
            raise ValueError("hidden_layer_sizes is empty: an autoencoder needs at least one layer")
        return [(n_units, activation) for n_units in sizes]

    def _reconstruct(self, ops: Ops, X: Input) -> Array:
        return self._decode(ops, self._encode(ops, X))

    def _encode(self, ops: Ops, X: Input) -> Input:
        for network in self.networks_:
            X = encode(ops, network, X)
        return X

    def _decode(self, ops: Ops, codes: Input) -> Array:
        for network in reversed(self.networks_):
            codes = decode(ops, network, codes)
        return cast(Array, codes)

    def _settings(self, X: Input) -> AutoencoderSettings:
        self._penalty()
        check_codes(self.decoder, self._layers())
        return AutoencoderSettings(
            training=TrainingSettings(
                max_epochs=int(self.max_iter),
                batch_size=int(self.batch_size),
                alpha=float(self.alpha),
                shuffle=bool(self.shuffle),
                tol=float(self.tol),
                patience=float(self.n_iter_no_change),
                verbose=bool(self.verbose),
                warn_if_not_converged=False,
            ),
            optimizer=self._optimizer,
            penalty=self._penalty_at,
            corruption=self.corruption,
            corruption_level=float(self.corruption_level),
            decoder=self.decoder,
            tied_weights=self.tied_weights,
            sampling=self._sampling(X),
        )

    def _penalty_at(self, depth: int) -> ActivationPenalty:
        if not self._has_target():
            return FixedPenalty([self._activation_l1()[depth]])
        return SparsityController([self._per_layer("target_sparsity", self.target_sparsity)[depth]])

    def _sampling(self, X: Input) -> ReconstructionSampling | None:
        """Return the reconstruction sampling for input like `X`, after checks."""
        if self.reconstruction_sampling is None:
            return None
        masks = self.corruption in (None, "masking") or isinstance(self.corruption, MaskingNoise)
        obstacles = {
            "sparse input (a scipy.sparse matrix)": not issparse(X),
            "tied_weights=False": self.tied_weights,
            "corruption='masking' or None": not masks,
        }
        missing = [need for need, lacks in obstacles.items() if lacks]
        if self.reconstruction_sampling == "auto":
            return ReconstructionSampling() if not missing and self._sampling_pays(cast(csr_array, X)) else None
        if missing:
            raise ValueError(f"reconstruction_sampling needs {' and '.join(missing)}; None reconstructs every entry")
        return ReconstructionSampling(float(self.reconstruction_sampling))

    def _sampling_pays(self, X: csr_array) -> bool:
        """Tell from a minibatch's worth of rows how many columns sampling would leave out."""
        n_nonzero_columns = len(np.unique(X[: self.batch_size].indices))
        return 2 * n_nonzero_columns <= SAMPLED_SHARE * X.shape[1]

    def _publish(self, trainers: list[DenoisingTrainer]) -> Any:
        self._trainers = trainers
        return self._restore([trainer.network for trainer in trainers], [TrainingRecord.of(one) for one in trainers])

    def _restore(self, networks: list[Network], records: list[TrainingRecord]) -> Any:
        """Set the fitted attributes to those of trained networks."""
        histories = [record.history for record in records]
        self._records = records
        self.networks_ = networks
        self.loss_curves_ = [history.loss_curve for history in histories]
        self.sparsity_curves_ = [[zeros[0] for zeros in history.sparsity_curve] for history in histories]
        self.sparsity_ = np.array([curve[-1] for curve in self.sparsity_curves_])
        self.dead_units_ = np.array([history.n_dead_units for history in histories])
        self.n_iter_ = max(history.n_epochs for history in histories)
        self._n_features_out = networks[-1].hidden_layers[0].n_units
        return self


_SHARED_PARAMETERS = """
    activation : str or Activation, default="relu"
        Of the encoder; see `hardzero.activations`.
    decoder : {"auto", "softplus", "sigmoid", "linear", "rectifier"}, default="auto"
        Output function and cost of the reconstruction: ``sigmoid`` is trained by cross-entropy on input divided
        by its largest value, the others by squared error. The paper found ``softplus`` the better one on
        images, ``sigmoid`` on text. ``auto`` is ``softplus`` for a layer whose input is not negative, else
        ``linear``, the only one for negative input.
    corruption : {"masking", "gaussian", "salt_and_pepper"}, Corruption or None, default="masking"
        How the input of each layer is corrupted in training.
    corruption_level : float, default=0.25
        Probability that an entry is changed; the standard deviation of ``gaussian``.
    tied_weights : bool, default=False
        Whether the decoder's weights are the transpose of the encoder's. Halves the parameters; a step then costs
        two passes over a dense weight matrix more.
    activation_l1 : float or sequence of float, default=0.0
        Coefficient of the L1 penalty on the code, one for all layers or one each.
    target_sparsity : float, sequence of float or None, default=None
        Wanted fraction of exact zeros of the code, reached by adapting the L1 coefficients during training and, on
        input that is not corrupted, by a last shift of the biases. Missing it by more than one point gives a warning.
    reconstruction_sampling : "auto", float or None, default="auto"
        For sparse input: reconstruct the columns in which a minibatch has non-zeros, and this many sampled other
        columns per such column, importance-weighted (Dauphin, Glorot and Bengio 2011). ``auto`` is 1.0 for sparse
        input under masking noise or no corruption and free weights where this leaves out most columns, else None: every
        entry is reconstructed.
    solver : {"adam", "sgd"}, default="adam"
    alpha : float, default=0.0
        L2 penalty on weights, divided by the number of samples of the minibatch.
    batch_size : int, default=128
        Cut to the number of samples.
    learning_rate : {"constant", "cosine"}, default="constant"
        ``cosine`` falls to 0 over `max_iter` epochs.
    learning_rate_init : float, default=0.001
    max_iter : int, default=20
        Epochs of each layer.
    tol : float, default=1e-4
        Improvement below which an epoch counts as one without progress.
    n_iter_no_change : int, default=10
        Epochs without progress after which a layer's training stops.
    momentum : float, default=0.9
        Nesterov momentum of ``sgd``.
    shuffle : bool, default=True
    random_state : int, RandomState or None, default=None
        Draws weights, the order of samples, the corruption and sampled outputs. The same seed gives the same bits for
        any number of threads.
    verbose : bool, default=False
        Whether the loss of each epoch is printed.
    n_jobs : int or None, default=None
        Threads, at most one for each core. None uses all cores that the process may use."""

_SHARED_ATTRIBUTES = """
    networks_ : list of hardzero.network.Network
        One autoencoder a layer.
    loss_curves_ : list of list of float
        Training cost of each epoch, for each layer.
    sparsity_ : ndarray of shape (n_layers,)
        Fraction of exact zeros of each code over the last epoch's (corrupted) minibatches; with `target_sparsity`, on
        the clean rows on which the biases were shifted last, after the shift.
    sparsity_curves_ : list of list of float
        Fraction over the minibatches of each epoch, for each layer; the last entries are `sparsity_`.
    dead_units_ : ndarray of shape (n_layers,), int
        Units of each code that were zero for every sample of the last epoch.
    n_iter_ : int
        Most epochs that a layer was trained for in the latest run.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where `X` had string column names."""


class DenoisingAutoencoder(AutoencoderEstimator):  # noqa: D101
    __doc__ = f"""One layer of sparse features that reconstruct the clean input from a corrupted one.

    Parameters
    ----------
    n_components : int, default=256
        Units of the code.{_SHARED_PARAMETERS}

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights of the encoder, one row a unit.{_SHARED_ATTRIBUTES}

    References
    ----------
    P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. Extracting and Composing Robust Features with Denoising
    Autoencoders. ICML 2008. X. Glorot, A. Bordes, Y. Bengio. Deep Sparse Rectifier Neural Networks. AISTATS 2011,
    section 3.3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import DenoisingAutoencoder
    >>> X = load_digits().data / 16
    >>> autoencoder = DenoisingAutoencoder(100, max_iter=10, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape, autoencoder.reconstruction_error(X) < 0.05
    ((1797, 100), True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        **AutoencoderEstimator._parameter_constraints,
    }

    def __init__(
        self,
        n_components: int = 256,
        activation: str | Activation = "relu",
        *,
        decoder: str = "auto",
        corruption: str | Corruption | None = "masking",
        corruption_level: float = 0.25,
        tied_weights: bool = False,
        activation_l1: float | Sequence[float] = 0.0,
        target_sparsity: float | Sequence[float] | None = None,
        reconstruction_sampling: str | float | None = "auto",
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int = 128,
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 20,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        momentum: float = 0.9,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.activation = activation
        self.decoder = decoder
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.tied_weights = tied_weights
        self.activation_l1 = activation_l1
        self.target_sparsity = target_sparsity
        self.reconstruction_sampling = reconstruction_sampling
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.momentum = momentum
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    @property
    def components_(self) -> Array:
        """Weights of the encoder, shape (n_components, n_features); a view."""
        networks: list[Network] = self._fitted("networks_")
        return networks[0].hidden_layers[0].parameters.weights.T

    def _hidden_layer_sizes(self) -> list[int]:
        return [int(self.n_components)]


class StackedDenoisingAutoencoder(AutoencoderEstimator):  # noqa: D101
    __doc__ = f"""Denoising autoencoders trained greedily, each on the codes of the one before.

    Pass it as `pretraining` to `RectifierClassifier` or `RectifierRegressor` to start these from its encoders.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(256, 256)
        Units of each code.{_SHARED_PARAMETERS}
    code_scale : {{"trained", "initial"}}, default="trained"
        Size of the codes with which a network starts from the encoders: as they were trained, or (``initial``) in root
        mean square as large as those of the random weights they replace. The latter is for bags of words: their
        trained codes are more than ten times as large as random ones, far from where Adam's steps suit. Images do
        better with the former. The stack's own codes are as trained. ``initial`` needs a rectifier or the identity,
        whose codes can be scaled without changing what they tell.

    Attributes
    ----------{_SHARED_ATTRIBUTES}

    References
    ----------
    P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol. Stacked Denoising Autoencoders. JMLR 11, 2010.
    X. Glorot, A. Bordes, Y. Bengio. Deep Sparse Rectifier Neural Networks. AISTATS 2011, section 3.3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import StackedDenoisingAutoencoder
    >>> X = load_digits().data / 16
    >>> stack = StackedDenoisingAutoencoder((100, 50), max_iter=5, random_state=0).fit(X)
    >>> stack.transform(X).shape, stack.inverse_transform(stack.transform(X)).shape
    ((1797, 50), (1797, 64))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "code_scale": [StrOptions({"trained", "initial"})],
        **AutoencoderEstimator._parameter_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (256, 256),
        activation: str | Activation = "relu",
        *,
        decoder: str = "auto",
        corruption: str | Corruption | None = "masking",
        corruption_level: float = 0.25,
        tied_weights: bool = False,
        activation_l1: float | Sequence[float] = 0.0,
        target_sparsity: float | Sequence[float] | None = None,
        reconstruction_sampling: str | float | None = "auto",
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int = 128,
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 20,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        momentum: float = 0.9,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
        n_jobs: int | None = None,
        code_scale: str = "trained",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.decoder = decoder
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.tied_weights = tied_weights
        self.activation_l1 = activation_l1
        self.target_sparsity = target_sparsity
        self.reconstruction_sampling = reconstruction_sampling
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.momentum = momentum
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.code_scale = code_scale
