"""The file itself: named float32 arrays and one JSON document in safetensors, checked as bytes from anyone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

import hardzero
from hardzero.atomic_file import atomic_file

FORMAT_VERSION = 1
"""Raised whenever an older hardzero could misread a new file."""

METADATA_KEY = "hardzero"
"""The one metadata entry, so that the same model always makes the same bytes (entries have no fixed order)."""

_LARGEST_HEADER = 100_000_000
_LARGEST_DOCUMENT = 99_000_000
"""In bytes, as it stands in the header, which also lists the arrays."""

_FOREIGN = {
    b"PK": "a zip archive (a NumPy .npz or PyTorch file, perhaps)",
    b"\x80": "a Python pickle, which hardzero never opens because it could run anything",
    b"\x1f\x8b": "gzip-compressed",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy .npy file",
}


class ModelFileError(ValueError):
    """A model file cannot be used; the message names the file, what is wrong and what to do."""


@dataclass(frozen=True)
class Contents:
    """What a model file holds.

    Attributes
    ----------
    kind : str
        Name of the kind of model (`hardzero.model_file.kinds`).
    tensors : dict of str to ndarray
        Arrays by name, float32.
    document : dict
        Everything else, JSON-able.
    hardzero_version : str
        The version that wrote the file.
    """

    kind: str
    tensors: dict[str, NDArray[np.float32]]
    document: dict[str, Any] = field(default_factory=dict)
    hardzero_version: str = hardzero.__version__


def write_contents(contents: Contents, path: str | os.PathLike[str]) -> None:
    """Write a model file atomically.

    Raises
    ------
    ValueError
        If the document is not JSON or too large, an array is not finite, or the folder does not exist.
    """
    document = {
        "format_version": FORMAT_VERSION,
        "hardzero_version": contents.hardzero_version,
        "kind": contents.kind,
        **contents.document,
    }
    try:
        metadata = _as_json(document)
    except (TypeError, ValueError) as error:
        raise ValueError(f"cannot write {path}: {error}; the model's metadata must be plain JSON values") from error
    # The header holds it as a string, in which each quotation mark takes two bytes.
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > _LARGEST_DOCUMENT:
        raise ValueError(
            f"cannot write {path}: words, names and notes take {size:,} bytes, and safetensors has room for "
            f"{_LARGEST_DOCUMENT:,}; keep fewer words with max_features, or use hardzero.text.hashed_words"
        )
    culprit = _not_finite(contents.tensors)
    if culprit is not None:
        raise ValueError(
            f"cannot write {path}: {culprit} holds values that are infinite or not a number, as training that diverged "
            "leaves them; fit the model anew"
        )
    tensors = {name: np.ascontiguousarray(array) for name, array in contents.tensors.items()}
    encoded = safetensors.numpy.save(tensors, {METADATA_KEY: metadata})
    with atomic_file(path) as file:
        file.write(encoded)


def _as_json(document: dict[str, Any]) -> str:
    """Return JSON that can be written in UTF-8, with other letters as they are where they have such a form."""
    text = json.dumps(document, allow_nan=False, sort_keys=True, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates, as names of files may hold them
        return json.dumps(document, allow_nan=False, sort_keys=True)
    return text


def read_document(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the metadata document of a model file without reading its arrays.

    Raises
    ------
    ModelFileError
        If this is no model file that this version can read.
    """
    with _opened(path) as file:
        return _document(path, file.metadata())


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Return what a model file holds.

    Raises
    ------
    ModelFileError
        If the file is truncated, foreign, newer or damaged.
    """
    tensors = {}
    with _opened(path) as file:
        document = _document(path, file.metadata())
        for name in file.keys():  # noqa: SIM118
            dtype = file.get_slice(name).get_dtype()
            if dtype != "F32":
                raise ModelFileError(
                    f"{path} is damaged: {name} has type {dtype}, where hardzero writes F32; save the model again"
                )
            tensors[name] = file.get_tensor(name)
    culprit = _not_finite(tensors)
    if culprit is not None:
        raise ModelFileError(
            f"{path} is damaged: {culprit} holds values that are infinite or not a number; train the model again"
        )
    kind, version = document.pop("kind"), document.pop("hardzero_version")
    del document["format_version"]
    return Contents(kind, tensors, document, version)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a model file once, so that document and arrays are of one model while another takes its place.

    Raises
    ------
    ModelFileError
        If it does not begin like safetensors, or turns out to be damaged.
    """
    _check_header(Path(path))
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            yield file
    except safetensors.SafetensorError as error:
        raise ModelFileError(f"{path} is damaged ({error}): copy or download it again") from error


def _not_finite(tensors: dict[str, NDArray[np.float32]]) -> str | None:
    """Return the name of an array with values that are infinite or not a number; None if there is none."""
    return next((name for name, array in tensors.items() if not np.isfinite(array).all()), None)


def _check_header(path: Path) -> None:
    """Raise unless the file begins like safetensors and is as long as it says."""
    if path.is_dir():
        raise ModelFileError(f"{path} is a folder: give the name of a model file")
    if path.exists() and not path.is_file():
        raise ModelFileError(f"{path} is a pipe or a device: a model must be a file; write it to one first")
    with open(path, "rb") as file:
        start = file.read(9)
        size = os.fstat(file.fileno()).st_size
    if not size:
        raise ModelFileError(f"{path} is empty: it was never completely written; save the model again")
    header = int.from_bytes(start[:8], "little")
    if len(start) == 9 and start[8:] == b"{" and header <= _LARGEST_HEADER:
        if header + 8 > size:
            raise ModelFileError(
                f"{path} is truncated: {size} bytes are there, its header alone has {header + 8}; copy or download "
                "it again"
            )
        return
    what = next((what for magic, what in _FOREIGN.items() if start.startswith(magic)), "something else")
    raise ModelFileError(
        f"{path} is no hardzero model file: it looks like {what}. Give a .safetensors file written by "
        "save() or 'hardzero fit'"
    )


def _document(path: str | os.PathLike[str], metadata: dict[str, str] | None) -> dict[str, Any]:
    """Return the decoded document of our metadata entry."""
    text = (metadata or {}).get(METADATA_KEY)
    if text is None:
        raise ModelFileError(
            f"{path} is a safetensors file of another program: it has no {METADATA_KEY!r} metadata. Give a "
            "file written by save() or 'hardzero fit'"
        )
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{path} is damaged: its metadata is not JSON ({error}); copy or download it again"
        ) from error
    expected = {"format_version": int, "hardzero_version": str, "kind": str}
    for name, kind in expected.items():
        value = document.get(name) if isinstance(document, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ModelFileError(f"{path} is damaged: its metadata has no valid {name!r}; save the model again")
    if document["format_version"] > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} was written by hardzero {document['hardzero_version']} in format version "
            f"{document['format_version']}; this is hardzero {hardzero.__version__}, which reads up to version "
            f"{FORMAT_VERSION}. Upgrade with: pip install --upgrade hardzero"
        )
    if document["format_version"] < 1:
        raise ModelFileError(f"{path} is damaged: there is no format version {document['format_version']}")
    return dict(document)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
