"""What the estimators share: settings turned into optimizers and penalties, and input turned into rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from hardzero.activations import get_activation
from hardzero.csr_rows import shorten_indices
from hardzero.network import Input
from hardzero.ops import Ops, get_ops
from hardzero.optimizers import AdamOptimizer, GradientDescent, LearningRate, Optimizer
from hardzero.penalties import ActivationPenalty, FixedPenalty, SparsityController
from hardzero.threads import resolve_n_jobs
from hardzero.training import ChunkOfRun, Trainer
from hardzero.unusable_targets import refuse_dates
from hardzero.user_warnings import warn_user

Array = NDArray[np.float32]

SPARSITY_TOLERANCE = 0.01
"""Distance from the wanted fraction of zeros above which a fit warns."""


class NetworkEstimator(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the estimators that train a network; its methods read the parameters that they share."""

    def save(self, path: str | os.PathLike[str], *, notes: dict[str, Any] | None = None) -> None:
        """Write the fitted estimator to one safetensors file; see `hardzero.model_file.save`.

        `hardzero.load` returns it as it is now, ready also to go on training with `partial_fit` (an optimizer's
        momentum starts again at zero; after a finished run with the ``cosine`` rate, raise `max_iter` first).

        Parameters
        ----------
        path : str or path-like
        notes : dict, optional
            Anything that JSON can hold, kept in the file.
        """
        from hardzero.model_file import save

        save(self, path, notes=notes)

    def _ops(self) -> Ops:
        return get_ops(resolve_n_jobs(self.n_jobs))

    def _fitted(self, name: str) -> Any:
        """Return a fitted attribute for a property, which must raise AttributeError where there is none yet."""
        if name not in vars(self):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return vars(self)[name]

    def _validate_X(self, X: ArrayLike | csr_array, *, reset: bool = False) -> Input:
        """Return input in the form that networks take; `reset` makes its features those of the estimator."""
        refuse_dates(X, "X")
        return as_network_input(validate_data(self, X, accept_sparse="csr", dtype=np.float32, reset=reset))

    def _optimizer(self) -> Optimizer:
        rate = LearningRate(self.learning_rate, float(self.learning_rate_init), float(self.power_t))
        if self.solver == "sgd":
            return GradientDescent(rate, self.momentum, self.nesterovs_momentum)
        if self.learning_rate in ("invscaling", "adaptive"):
            rate.schedule = "constant"
        return AdamOptimizer(rate, self.beta_1, self.beta_2, self.epsilon)

    def _next_pass(self, trainer: Trainer) -> ChunkOfRun:
        """Return the place of a call of `partial_fit` in the training: one epoch of `max_iter`."""
        n_passes = trainer.history.n_passes
        if self.learning_rate == "cosine" and n_passes >= self.max_iter:
            raise ValueError(
                f"the cosine learning rate has fallen to 0 over max_iter={self.max_iter} passes: raise max_iter, or "
                "set learning_rate='constant'"
            )
        start, end = (min((n_passes + more) / self.max_iter, 1.0) for more in (0, 1))
        return ChunkOfRun(start, end, trainer.random_state)

    def _penalty(self) -> ActivationPenalty:
        if not self._has_target():
            return FixedPenalty(self._activation_l1())
        if np.any(np.asarray(self.activation_l1) != 0):
            raise ValueError("set activation_l1 or target_sparsity, not both: the target chooses the coefficients")
        if not get_activation(self.activation).makes_zeros:
            raise ValueError(
                "target_sparsity needs an activation that makes exact zeros, such as 'relu'; "
                f"{self.activation!r} does not"
            )
        targets = self._per_layer("target_sparsity", self.target_sparsity)
        if not all(0 <= target < 1 for target in targets):
            raise ValueError(f"target_sparsity must lie in [0, 1), got {self.target_sparsity}")
        return SparsityController(targets)

    def _has_target(self) -> bool:
        """Return whether a fraction of zeros is wanted; 0 for all layers leaves them as they come, as None does."""
        return self.target_sparsity is not None and bool(np.any(np.asarray(self.target_sparsity) != 0))

    def _activation_l1(self) -> list[float]:
        coefficients = self._per_layer("activation_l1", self.activation_l1)
        if not all(np.isfinite(value) and value >= 0 for value in coefficients):
            raise ValueError(f"activation_l1 must be finite and not negative, got {self.activation_l1}")
        return coefficients

    def _per_layer(self, name: str, value: float | Sequence[float]) -> list[float]:
        n_layers = len(self._hidden_layer_sizes())
        if np.ndim(value) == 0:
            return [float(cast(float, value))] * n_layers
        try:
            values = [float(item) for item in cast(Sequence[float], value)]
        except (TypeError, ValueError):
            raise ValueError(f"{name} must hold numbers, got {value!r}") from None
        if len(values) != n_layers:
            raise ValueError(f"{name} has {len(values)} values for {n_layers} hidden layers: give one a layer")
        return values

    def _warn_if_target_missed(self, zeros: NDArray[np.float64], longer: str = "More epochs (max_iter)") -> None:
        """Warn if the hidden layers' fractions of zeros are far from `target_sparsity`; `longer` is a remedy."""
        if not self._has_target():
            return
        targets = np.array(self._per_layer("target_sparsity", self.target_sparsity))
        if np.any(np.abs(zeros - targets) > SPARSITY_TOLERANCE):
            reached, wanted = (", ".join(f"{value:.1%}" for value in values) for values in (zeros, targets))
            warn_user(
                f"target_sparsity was not reached: the hidden layers have {reached} zeros, wanted were {wanted}. "
                f"{longer}, wider layers or another target help.",
            )

    def _hidden_layer_sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if not all(isinstance(size, Real) and float(size).is_integer() for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be whole numbers, got {sizes}")
        if not all(float(size) > 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@contextmanager
def unchanged_by_errors(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back where an error or Ctrl-C ends the work: a failed `fit` takes none away."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


UNESSENTIAL_PARAMETERS = ("n_jobs", "verbose", "warm_start")
"""Parameters that leave the trained weights as they are, so that a checkpoint does not depend on them."""


def estimator_settings(estimator: Any) -> dict[str, Any]:
    """Return the parameters, also those of estimators within, that decide what training ends with."""
    parameters = {
        name: type(value).__name__ if hasattr(value, "get_params") else value
        for name, value in estimator.get_params().items()
        if name.rsplit("__", 1)[-1] not in UNESSENTIAL_PARAMETERS
    }
    # The state of a generator is in the checkpoint; its text is an address in memory.
    seeds = [name for name in parameters if name.rsplit("__", 1)[-1] == "random_state"]
    parameters.update({name: None for name in seeds if not isinstance(parameters[name], Integral)})
    return {**parameters, "estimator": type(estimator).__name__}


def as_network_input(X: Any) -> Input:
    """Return validated input in the form that networks take."""
    if not issparse(X):
        return cast(Array, np.ascontiguousarray(X))
    rows = csr_array(cast(Any, X))
    # Column numbers beyond the width would make the engine read and write beside its arrays.
    rows.check_format(full_check=True)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    shorten_indices(rows)
    return rows
