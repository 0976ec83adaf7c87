"""Which format a user's own file has, and whether there is such a file."""

from __future__ import annotations

import os
from pathlib import Path

from hardzero.datasets.svmlight import looks_like_svmlight

CSV, NPZ, SVMLIGHT = "csv", "npz", "svmlight"
ENDINGS = {
    ".csv": CSV,
    ".tsv": CSV,
    ".tab": CSV,
    ".npz": NPZ,
    ".svmlight": SVMLIGHT,
    ".libsvm": SVMLIGHT,
    ".svm": SVMLIGHT,
}
SNIFFED_ENDINGS = (".txt", ".data", ".dat", "")
"""Endings that say nothing: the first line decides between svmlight and a delimited table."""


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return `path` if it is a file that is not empty.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is a folder, a pipe, or empty.
    """
    checked = Path(path).expanduser()
    if checked.is_dir():
        raise ValueError(f"{checked} is a folder; give the path of a file")
    if not checked.exists():
        raise FileNotFoundError(f"there is no file {checked}")
    if not checked.is_file():
        raise ValueError(f"{checked} is a pipe or a device, which can be read only once: save what it gives to a file")
    if checked.stat().st_size == 0:
        raise ValueError(f"{checked} is empty")
    return checked


def file_format(path: Path) -> str:
    """Return the format of a file by its ending, or by its first line where the ending says nothing.

    Raises
    ------
    ValueError
        If the ending is that of another format.
    """
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    ending = bare.suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if ending in SNIFFED_ENDINGS:
        return SVMLIGHT if looks_like_svmlight(path) else CSV
    raise ValueError(
        f"{path} ends in {ending!r}, which is none of the formats read: {', '.join(ENDINGS)} (each also .gz, but "
        ".npz); convert or rename it"
    )
