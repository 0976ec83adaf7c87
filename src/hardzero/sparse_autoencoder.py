"""A sparse dictionary learner as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, Options, StrOptions

from hardzero.activations import Activation, Rectifier
from hardzero.autoencoders import AutoencoderEstimator
from hardzero.denoising_trainer import TrainingRecord
from hardzero.dictionary_training import DictionarySettings, TopK
from hardzero.network import Input, Network
from hardzero.network_estimator import SPARSITY_TOLERANCE
from hardzero.user_warnings import warn_user

Array = NDArray[np.float32]


class SparseAutoencoder(AutoencoderEstimator):
    """One wide rectifier layer that writes each sample as a sum of few atoms of a dictionary.

    The encoder is a rectifier layer, the decoder is linear and its rows, the atoms, have unit norm. Products and
    gradients of the decoder cost what the active units cost.

    Parameters
    ----------
    n_components : int, default=1024
        Atoms; up to 16,384 are practical.
    target_activity : float, default=0.02
        Wanted part of the units that is active for a sample, in (0, 1); down to 0.005 is practical. With ``l1``,
        missing it by more than one point gives a warning.
    selection : {"l1", "top_k"}, default="l1"
        How activity is kept low: by an L1 penalty whose coefficient is adapted until the mean activity is reached,
        so that samples differ in how many atoms they take; or by keeping the ``target_activity * n_components``
        largest units of each sample, rounded and at least one.
    revive_dead_atoms : bool, default=True
        Whether atoms that no sample uses in an epoch are replaced by residuals of poorly reconstructed samples.
    solver : {"adam", "sgd"}, default="adam"
    batch_size : int, default=256
        Cut to the number of samples.
    learning_rate : {"constant", "cosine"}, default="constant"
        ``cosine`` falls to 0 over `max_iter` epochs.
    learning_rate_init : float, default=0.001
    max_iter : int, default=20
        Epochs.
    tol : float, default=1e-4
        Improvement below which an epoch counts as one without progress.
    n_iter_no_change : int, default=10
        Epochs without progress after which training stops.
    shuffle : bool, default=True
    random_state : int, RandomState or None, default=None
        The same seed gives the same bits for any number of threads.
    verbose : bool, default=False
        Whether the loss of each epoch is printed.
    n_jobs : int or None, default=None
        Threads, at most one for each core. None uses all cores that the process may use.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The atoms, of unit norm.
    activity_ : float
        Part of the units active: with ``l1`` on the rows on which thresholds were corrected after the last epoch, of
        10,000 rows and more 500 kept out of training, else over the last epoch's minibatches.
    n_revived_ : int
        Atoms replaced during training.
    networks_, loss_curves_, sparsity_, sparsity_curves_, dead_units_, n_iter_, n_features_in_, feature_names_in_
        As of `DenoisingAutoencoder`, for one layer.

    References
    ----------
    A. Makhzani, B. Frey. k-Sparse Autoencoders. ICLR 2014. T. Bricken et al. Towards Monosemanticity: Decomposing
    Language Models With Dictionary Learning. 2023. (Revival of dead units.)

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import SparseAutoencoder
    >>> X = load_digits().data / 16
    >>> dictionary = SparseAutoencoder(200, target_activity=0.05, selection="top_k", random_state=0).fit(X)
    >>> dictionary.components_.shape, dictionary.activity_ <= 0.05
    ((200, 64), True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "target_activity": [Interval(Real, 0, 1, closed="neither")],
        "selection": [StrOptions({"l1", "top_k"})],
        "revive_dead_atoms": ["boolean"],
        "solver": [StrOptions({"sgd", "adam"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "cosine"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [Integral, None],
    }

    decoder = "linear"
    corruption = None
    corruption_level = 0.0
    tied_weights = False
    reconstruction_sampling = None
    activation_l1 = 0.0
    alpha = 0.0
    momentum = 0.9

    def __init__(
        self,
        n_components: int = 1024,
        *,
        target_activity: float = 0.02,
        selection: str = "l1",
        revive_dead_atoms: bool = True,
        solver: str = "adam",
        batch_size: int = 256,
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 20,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.target_activity = target_activity
        self.selection = selection
        self.revive_dead_atoms = revive_dead_atoms
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    @property
    def components_(self) -> Array:
        """The atoms, shape (n_components, n_features), of unit norm; a view."""
        networks: list[Network] = self._fitted("networks_")
        return networks[0].output.weights

    @property
    def activation(self) -> Activation:
        """The encoder's activation."""
        if self.selection == "top_k":
            return TopK(max(1, round(float(self.target_activity) * self.n_components)))
        return Rectifier()

    @property
    def target_sparsity(self) -> float | Sequence[float] | None:
        """The wanted fraction of zeros where a penalty has to reach it."""
        return 1.0 - self.target_activity if self.selection == "l1" else None

    def _warn_if_target_missed(self, zeros: NDArray[np.float64], longer: str = "More epochs (max_iter)") -> None:
        activity = 1.0 - float(zeros[0])
        if self.selection == "l1" and abs(activity - self.target_activity) > SPARSITY_TOLERANCE:
            warn_user(
                f"target_activity was not reached: {activity:.1%} of the units are active, wanted were "
                f"{self.target_activity:.1%}. {longer}, more atoms or another target help.",
            )

    def _hidden_layer_sizes(self) -> list[int]:
        return [int(self.n_components)]

    def _settings(self, X: Input) -> DictionarySettings:
        return DictionarySettings(
            **vars(super()._settings(X)), revive_dead_atoms=self.revive_dead_atoms, activity=float(self.target_activity)
        )

    def _restore(self, networks: list[Network], records: list[TrainingRecord]) -> Any:
        super()._restore(networks, records)
        self.activity_ = 1.0 - float(self.sparsity_[0])
        self.n_revived_ = records[0].history.n_revived_units
        return self
