"""The kinds of model that a file can hold, by class name.

A new kind is one line in `KINDS` and two functions: one that returns a model as `Contents`, and one that makes the
model again. Kinds may build on each other: what stores a vectorizer beside an estimator packs the estimator with
its own functions and adds to the document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hardzero.model_file.container import Contents

KINDS: dict[str, tuple[str, str, str]] = {
    "Network": ("hardzero.model_file.network", "pack_network", "unpack_network"),
    "RectifierClassifier": ("hardzero.model_file.estimators", "pack_estimator", "unpack_classifier"),
    "RectifierRegressor": ("hardzero.model_file.estimators", "pack_estimator", "unpack_regressor"),
    "DenoisingAutoencoder": ("hardzero.model_file.autoencoders", "pack_autoencoder", "unpack_denoising"),
    "StackedDenoisingAutoencoder": ("hardzero.model_file.autoencoders", "pack_autoencoder", "unpack_stack"),
    "SparseAutoencoder": ("hardzero.model_file.autoencoders", "pack_autoencoder", "unpack_dictionary"),
    "TextModel": ("hardzero.model_file.text", "pack_text_model", "unpack_text_model"),
    "Pipeline": ("hardzero.model_file.text", "pack_pipeline", "unpack_pipeline"),
}
"""Class name: module, packing function, unpacking function. Files name a kind, never a module."""


NETWORK_KINDS = {"Network", "RectifierClassifier", "RectifierRegressor"}
"""Whose arrays are those of one network, with an architecture beside them."""

PACKAGES = {"hardzero", "sklearn"}
"""Where the classes of these names come from: PyTorch modules are often called Network, too."""


@dataclass(frozen=True)
class ModelKind:
    """How models of one class are stored.

    Attributes
    ----------
    name : str
        Name of the class.
    pack : callable
        Returns a model as `Contents`; raises ValueError for what cannot be stored.
    unpack : callable
        Returns the model of `Contents` from a file, of which nothing is to be trusted; raises ValueError where
        parts do not fit each other.
    """

    name: str
    pack: Callable[[Any], Contents]
    unpack: Callable[[Contents], Any]


def is_of_a_kind(model: Any) -> bool:
    """Tell whether a file can hold models of this class, which is, or derives from, one of `KINDS`."""
    name = type(model).__name__
    packages = {base.__module__.partition(".")[0] for base in type(model).__mro__ if base.__name__ == name}
    return name in KINDS and not packages.isdisjoint(PACKAGES)


def get_kind(name: str) -> ModelKind:
    """Return the kind of that name.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if name not in KINDS:
        raise ValueError(f"unknown kind of model {name!r}: this version knows {', '.join(KINDS)}")
    module, pack, unpack = KINDS[name]
    home = import_module(module)
    return ModelKind(name, getattr(home, pack), getattr(home, unpack))
