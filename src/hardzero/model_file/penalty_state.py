"""What a controller of the sparsity has learned, checked when it comes from a file."""

from __future__ import annotations

from typing import Any

from hardzero.model_file.values import is_number
from hardzero.penalties import CONTROLLER_STATE

_ONE_NUMBER = ("n_steps", "last_progress")
"""What is one number; the others are lists, one number a layer."""

_NOT_NEGATIVE = ("coefficients", "zeros", "n_steps", "last_progress")


def decode_penalty(document: Any, n_layers: int) -> dict[str, Any]:
    """Return what `ActivationPenalty.state` returned, checked.

    Raises
    ------
    ValueError
        If there are unknown names, or values that no controller of so many layers could have.
    """
    if not isinstance(document, dict) or not set(document) <= set(CONTROLLER_STATE):
        raise ValueError("the record of training has an invalid 'penalty'")
    for name, value in document.items():
        numbers = [value] if name in _ONE_NUMBER else value
        length = 1 if name in _ONE_NUMBER else n_layers
        valid = isinstance(numbers, list) and len(numbers) == length and all(map(is_number, numbers))
        if not valid or (name in _NOT_NEGATIVE and min(numbers, default=0) < 0):
            raise ValueError(f"the record of training has an invalid {name!r} in its 'penalty'")
    return document
