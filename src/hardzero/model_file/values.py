"""Constructor parameters and class labels as JSON values, and back."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import ACTIVATIONS, Activation, get_activation, is_built_in
from hardzero.corruption import CORRUPTIONS, Corruption

LABEL_KINDS = "biufU"
"""Kinds of NumPy types that class labels may have: bool, integers, floats, text."""


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number; truth values are none."""
    return type(value) in (int, float) and math.isfinite(value)


def encode_activation(activation: Activation) -> dict[str, Any]:
    """Return name and constants of an activation.

    Raises
    ------
    ValueError
        If it is not one of hardzero's own: a file holds no code.
    """
    if not is_built_in(activation):
        raise ValueError(
            f"cannot save the activation {activation!r}: a model file holds no code, only names of hardzero's "
            f"activations ({', '.join(ACTIVATIONS)})"
        )
    constants = {name: encode_value(constant) for name, constant in activation.parameters().items()}
    return {"name": activation.name, "constants": constants}


def decode_activation(value: Any) -> Activation:
    """Return the activation of `encode_activation`.

    Raises
    ------
    ValueError
        If the name or the constants are not those of an activation.
    """
    if not isinstance(value, dict) or set(value) != {"name", "constants"}:
        raise ValueError(f"{value!r} does not describe an activation")
    name, constants = value["name"], value["constants"]
    numbers = isinstance(constants, dict) and all(map(is_number, constants.values()))
    if not isinstance(name, str) or not numbers:
        raise ValueError(f"{value!r} does not describe an activation")
    return get_activation(name, **constants)


def encode_value(value: Any) -> Any:
    """Return a parameter as a JSON value; whatever JSON has no form for becomes an object with one marked key.

    Raises
    ------
    TypeError
        If there is no form for such a value.

    Examples
    --------
    >>> encode_value((1000, 1000)), encode_value(np.inf)
    ({'tuple': [1000, 1000]}, {'float': 'inf'})
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Activation):
        return {"activation": encode_activation(value)}
    if CORRUPTIONS.get(getattr(value, "name", "")) is type(value):
        return {"corruption": [value.name, {name: encode_value(item) for name, item in asdict(value).items()}]}
    if isinstance(value, np.ndarray):
        return [encode_value(item) for item in value.tolist()]
    if isinstance(value, tuple):
        return {"tuple": [encode_value(item) for item in value]}
    if isinstance(value, list):
        return [encode_value(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encode_value(key), encode_value(item)] for key, item in value.items()]}
    raise TypeError(f"a {type(value).__name__} has no form in a model file")


def decode_value(value: Any) -> Any:
    """Return the parameter of `encode_value`.

    Raises
    ------
    ValueError
        If `value` is none of the forms.
    """
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"float": "inf" | "-inf" | "nan" as text, **rest} if not rest:
            return float(text)
        case {"activation": description, **rest} if not rest:
            return decode_activation(description)
        case {"corruption": [str() as name, dict() as constants], **rest} if not rest:
            return _decode_corruption(name, constants)
        case {"tuple": list(items), **rest} if not rest:
            return tuple(decode_value(item) for item in items)
        case {"dict": list(pairs), **rest} if not rest:
            return dict(_decode_pair(pair) for pair in pairs)
    raise ValueError(f"{value!r} is no form of a parameter")


def _decode_corruption(name: str, constants: dict[str, Any]) -> Corruption:
    numbers = all(map(is_number, constants.values()))
    known = name in CORRUPTIONS and set(constants) <= {field.name for field in fields(CORRUPTIONS[name])}
    if not (numbers and known):
        raise ValueError(f"{name!r} with {constants!r} does not describe a corruption")
    return CORRUPTIONS[name](**constants)


def _decode_pair(pair: Any) -> tuple[Any, Any]:
    if not (isinstance(pair, list) and len(pair) == 2):
        raise ValueError(f"{pair!r} is no key with its value")
    key = decode_value(pair[0])
    if isinstance(key, list | dict):
        raise ValueError(f"{key!r} cannot be a key")
    return key, decode_value(pair[1])


def encode_labels(labels: NDArray[Any]) -> dict[str, Any]:
    """Return class labels with their type.

    Raises
    ------
    ValueError
        If they are not integers, floats, booleans or text.
    """
    labels = np.asarray(labels)
    text_objects = labels.dtype == object and all(isinstance(label, str) for label in labels)
    if labels.dtype.kind not in LABEL_KINDS and not text_objects:
        kinds = sorted({type(label).__name__ for label in labels.tolist()})
        raise ValueError(
            f"cannot save class labels of type {labels.dtype} ({', '.join(kinds)}): convert y to integers, floats, "
            "booleans or strings before fitting, for example with y.astype(str)"
        )
    if not text_objects and labels.dtype.kind == "f" and labels.dtype.itemsize > 8:
        raise ValueError(f"cannot save class labels of type {labels.dtype}: convert y to float64 before fitting")
    return {"dtype": labels.dtype.str if not text_objects else "object", "values": labels.tolist()}


def decode_labels(value: Any) -> NDArray[Any]:
    """Return the labels of `encode_labels`.

    Raises
    ------
    ValueError
        If type and values do not fit each other, or labels are not in strictly ascending order.
    """
    if not (
        isinstance(value, dict)
        and set(value) == {"dtype", "values"}
        and isinstance(value["dtype"], str)
        and isinstance(value["values"], list)
    ):
        raise ValueError("class labels are not a type and a list of values")
    dtype, values = value["dtype"], value["values"]
    try:
        if dtype == "object":
            labels, python_type = np.array(values, dtype=object), _PYTHON_TYPES["U"]
        else:
            labels = np.array(values, dtype=_label_dtype(dtype))
            python_type = _PYTHON_TYPES[labels.dtype.kind]
    except (TypeError, OverflowError) as error:
        raise ValueError(f"class labels do not have the type {dtype!r}: {error}") from error
    if labels.ndim != 1 or not all(type(item) in python_type for item in values):
        raise ValueError(f"class labels do not have the type {dtype!r}")
    if any(not earlier < later for earlier, later in pairwise(values)):
        raise ValueError("class labels are not in ascending order")
    return labels


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "b": (bool,),
    "i": (int,),
    "u": (int,),
    "f": (int, float),
    "U": (str,),
}


def _label_dtype(text: str) -> np.dtype[Any]:
    """Return the NumPy type of that name, of the kinds that labels may have."""
    plain = len(text) <= 12 and text[:1] in "<>|=" and text[1:2] in LABEL_KINDS and text[2:].isascii()
    if not plain or not text[2:].isdigit() or int(text[2:]) > 100_000:
        raise ValueError(f"class labels cannot have the type {text!r}")
    return np.dtype(text)
