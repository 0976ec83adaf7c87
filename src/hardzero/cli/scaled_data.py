"""Features and targets as training sees them: scaled, in ways that become part of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardzero.scaling import LinearScaling


def feature_scaling(X: Any, scale: str, names: Sequence[str] | None) -> LinearScaling | None:
    """Return the scaling of features for ``standard``, ``none`` or ``auto``; None where they stay as they are.

    Their names tell which may be missing.

    Raises
    ------
    ValueError
        If `scale` is none of the three.
    """
    from hardzero.datasets.categories import missing_pairs
    from hardzero.scaling import LinearScaling

    check_scale(scale)
    if scale == "none":
        return None
    missing = missing_pairs(names)
    return LinearScaling.where_needed(X, missing) if scale == "auto" else LinearScaling.standardize(X, missing)


def check_scale(scale: str) -> None:
    """Raise ValueError unless `scale` is ``auto``, ``standard`` or ``none``."""
    if scale not in ("auto", "standard", "none"):
        raise ValueError(f"unknown --scale {scale!r}: choose auto, standard or none")


def target_scaling(y: Any) -> LinearScaling:
    """Return the scaling that standardizes the targets of a regression, one or several columns."""
    from hardzero.scaling import LinearScaling

    return LinearScaling.standardize(y.reshape(len(y), -1))


def scaled(X: Any, y: Any, features: LinearScaling | None, targets: LinearScaling | None) -> tuple[Any, Any]:
    """Return samples and targets, scaled where there is a scaling, in their shapes."""
    X = X if features is None else features.apply(X)
    return X, y if targets is None else targets.apply(y.reshape(len(y), -1)).reshape(y.shape)
