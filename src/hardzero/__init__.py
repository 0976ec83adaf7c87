"""Deep sparse rectifier networks whose exact zeros save time.

Names are imported on first use, so that ``import hardzero`` itself is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "DenoisingAutoencoder": "hardzero.autoencoders",
    "StackedDenoisingAutoencoder": "hardzero.autoencoders",
    "SparseAutoencoder": "hardzero.sparse_autoencoder",
    "RectifierClassifier": "hardzero.estimators",
    "RectifierRegressor": "hardzero.estimators",
    "Predictor": "hardzero.predictor",
    "TextModel": "hardzero.text",
    "load": "hardzero.model_file",
    "load_predictor": "hardzero.model_file",
    "show_config": "hardzero.config",
    "analysis": "",
    "datasets": "",
    "interop": "",
}

__all__ = ["__version__", *sorted(_HOMES)]

if TYPE_CHECKING:
    from hardzero import analysis as analysis
    from hardzero import datasets as datasets
    from hardzero import interop as interop
    from hardzero.autoencoders import DenoisingAutoencoder as DenoisingAutoencoder
    from hardzero.autoencoders import StackedDenoisingAutoencoder as StackedDenoisingAutoencoder
    from hardzero.config import show_config as show_config
    from hardzero.estimators import RectifierClassifier as RectifierClassifier
    from hardzero.estimators import RectifierRegressor as RectifierRegressor
    from hardzero.model_file import load as load
    from hardzero.model_file import load_predictor as load_predictor
    from hardzero.predictor import Predictor as Predictor
    from hardzero.sparse_autoencoder import SparseAutoencoder as SparseAutoencoder
    from hardzero.text import TextModel as TextModel


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hardzero' has no attribute {name!r}")
    home = _HOMES[name]
    return getattr(import_module(home), name) if home else import_module(f"hardzero.{name}")


def __dir__() -> list[str]:
    return __all__
