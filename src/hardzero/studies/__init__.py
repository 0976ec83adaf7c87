"""The paper's tables and figures as studies, one file each, and what runs and reports any study.

A study is named, resumable, and runs at several scales: ``quick`` shows the effect within minutes, ``full`` is the
paper's protocol. A file of one's own with a `Study` in it is run by its path in the same way.

Examples
--------
>>> "sparsity-error" in study_names()
True
>>> get_study("response-curves").title
'Response curves'
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

from hardzero.studies.core.attributes import check_attributes
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study

__all__ = ["Context", "Metrics", "Picture", "Scale", "Settings", "Study", "get_study", "study_names"]

NAMES = (
    "response-curves",
    "initial-sparsity",
    "sparsity-error",
    "softplus-hardening",
    "antisymmetry",
    "disentangling",
    "separability",
    "activation-cost",
    "table1",
    "semi-supervised",
    "table2",
)


_LOADING = threading.RLock()
"""Held while a study's file is loaded, which threads of one worker may ask for at the same time."""


def study_names() -> tuple[str, ...]:
    """Return the names of the studies of the paper, in the paper's order."""
    return NAMES


def get_study(source: str, code: bytes | None = None) -> Study:
    """Return a study by its name, or from a Python file that defines one.

    Parameters
    ----------
    source : str
        One of `study_names`, or the path of a file (ending in ``.py``) with one subclass of `Study`.
    code : bytes, optional
        What the file holds, for a worker that may not have it; the file is read by default.

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        If there is no such study, or the file cannot be loaded or does not define exactly one, with a name (not that
        of a built-in study), title and claim, all methods, and attributes of the kinds that `Study` says.
    """
    with _LOADING:
        return _study(source, study_code(source) if code is None else code)


def study_code(source: str) -> bytes | None:
    """Return what the file of a study holds, None for a built-in study.

    Raises
    ------
    ValueError
        If there is no such file.
    """
    if not source.endswith(".py"):
        return None
    if not Path(source).is_file():
        raise ValueError(f"there is no study file {source}")
    return Path(source).read_bytes()


@cache
def _study(source: str, code: bytes | None) -> Study:
    if code is not None:
        module = _load_code(source, code)
    elif source in NAMES:
        module = importlib.import_module(f"hardzero.studies.{source.replace('-', '_')}")
    else:
        raise ValueError(f"unknown study {source!r}: choose one of {', '.join(NAMES)}, or name a .py file")
    found = [
        member
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, Study) and member.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise ValueError(f"{source} defines {len(found)} studies: a file holds one subclass of hardzero.studies.Study")
    check_attributes(found[0], source)
    _check_name(found[0], source)
    return found[0]()


def _check_name(study: type[Study], source: str) -> None:
    if not re.fullmatch(r"\w[\w.-]*", study.name):
        raise ValueError(
            f"the name {study.name!r} of the study in {source} becomes that of files: use letters, digits, -_."
        )
    if study.name in NAMES and source not in NAMES:
        raise ValueError(
            f"the study {study.__name__} in {source} has the name of a built-in study, {study.name!r}, "
            "and would be given its results: give it a name of its own"
        )


def _load_code(source: str, code: bytes) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"hardzero_study_{Path(source).stem}", source)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name. It stays there no longer: joblib would import it in other processes.
    sys.modules[module.__name__] = module
    try:
        exec(compile(code, str(spec.origin), "exec", dont_inherit=True), vars(module))
    except Exception as error:
        raise ValueError(f"the study file {source} cannot be loaded: {type(error).__name__}: {error}") from error
    finally:
        del sys.modules[module.__name__]
    return module
