"""Packages of other libraries, which come with extras of hardzero."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def optional_package(name: str) -> Any:
    """Return the package that the extra of its name brings.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(f"this needs the package {name}: pip install 'hardzero[{name}]'") from error
