"""Data held out of training, by which early stopping and the passes over chunks are judged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _num_samples, validate_data

from hardzero.fit_data import Samples
from hardzero.network_estimator import as_network_input
from hardzero.rectifier_parameters import STOCHASTIC_SOLVERS
from hardzero.unusable_targets import refuse_dates, refuse_unusable_targets


def hold_out(
    samples: Samples, fraction: float, labels: NDArray[Any] | None, random_state: np.random.RandomState
) -> tuple[Samples, Samples]:
    """Split samples at random into those to train on and those held out.

    Parameters
    ----------
    samples : Samples
    fraction : float
        Part to hold out.
    labels : ndarray of shape (n_samples,), or None
        Classes of which both parts get their share.
    random_state : numpy.random.RandomState

    Raises
    ------
    ValueError
        If all weights of a part are zero; `check_sizes_of_parts` tells whether one is too small.
    """
    train, held_out = train_test_split(
        np.arange(samples.X.shape[0]), random_state=random_state, test_size=fraction, stratify=labels
    )
    for name, rows in (("training", train), ("held-out", held_out)):
        _refuse_weightless(samples, rows, name)
    return samples.part(train), samples.part(held_out)


def check_sizes_of_parts(n_samples: int, fraction: float) -> None:
    """Raise ValueError if a part of such a size would be too small, without drawing one."""
    _, held_out = train_test_split(np.arange(n_samples), test_size=fraction, shuffle=False)
    if len(held_out) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")


def _refuse_weightless(samples: Samples, rows: NDArray[np.intp], name: str) -> None:
    """Raise ValueError if a part drawn at random got only samples of weight zero."""
    if samples.sample_weight is not None and not samples.sample_weight[rows].any():
        raise ValueError(
            f"all sample weights of the {name} part are zero, which early_stopping drew at random: leave out samples "
            "of weight zero, change validation_fraction, or pass held-out data as validation=(X, y)"
        )


def labels_if_shareable(labels: NDArray[Any], held_out: float) -> NDArray[Any] | None:
    """Return the labels to stratify a split by, or None where a class has too few samples for both parts."""
    counts = np.unique(labels, return_counts=True)[1]
    n_smaller_part = min(held_out, 1 - held_out) * len(labels)
    return labels if counts.min() >= 2 and n_smaller_part >= len(counts) else None


def validation_pair(validation: Any) -> tuple[Any, Any]:
    """Return X and y of the data that the caller holds out."""
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise ValueError("validation must be a tuple (X, y) of held-out data")
    return validation[0], validation[1]


def validate_held_out(estimator: Any, validation: Any, training_y: Any) -> Samples:
    """Check the data that the caller holds out for early stopping; weigh them as the training data."""
    X, y = validation_pair(validation)
    if not estimator.early_stopping or estimator.solver not in STOCHASTIC_SOLVERS:
        raise ValueError("validation is used by early_stopping=True with solver='sgd' or 'adam' only")
    refuse_dates(X, "X of validation")
    refuse_unusable_targets(y, is_classifier=is_classifier(estimator), name="y of validation")
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        dtype=np.float32,
        multi_output=True,
        y_numeric=isinstance(estimator, RegressorMixin),
        reset=False,
    )
    X = as_network_input(X)
    check_rows_of_validation(estimator, X)
    targets = estimator._validate_targets(X, y, first=False, incremental=True)
    return Samples(X, targets, estimator._held_out_weight(training_y, y))


def check_rows_of_validation(estimator: Any, X: Any) -> None:
    """Raise ValueError if held-out rows are too few to judge an estimator by."""
    if _num_samples(X) < 2 and isinstance(estimator, RegressorMixin):
        raise ValueError("validation holds a single row, on which a regression has no R²: give more")
