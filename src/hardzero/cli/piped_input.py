"""Data that come through a pipe: files are read more than once, so what a pipe gives is first written to one."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

STANDARD_INPUT = "-"

_folders: list[TemporaryDirectory[str]] = []
"""Kept here, because a folder is deleted with its object."""

_pipes: dict[str, str] = {}
"""What the user calls the pipe of each copy."""


def is_piped(data: str) -> bool:
    """Say whether data come from standard input or another pipe."""
    path = Path(data)
    return data == STANDARD_INPUT or (path.exists() and not path.is_file() and not path.is_dir())


def as_file(data: str) -> str:
    """Return the path of a file that has what a pipe gives; any other data are returned as they are.

    The file is CSV, NPZ or svmlight, as its first bytes say, in the folder for temporary files, and is deleted when the
    process ends by itself or by Ctrl-C.

    Raises
    ------
    ValueError
        If standard input is closed or a terminal.
    """
    if not is_piped(data):
        return data
    if data == STANDARD_INPUT and (sys.stdin is None or sys.stdin.isatty()):
        raise ValueError("'-' reads data from a pipe, and there is none: 'hardzero predict MODEL - < new.csv'")
    _folders.append(TemporaryDirectory(prefix="hardzero-"))
    pipe_name = "standard input" if data == STANDARD_INPUT else data
    copy = Path(_folders[-1].name, Path(pipe_name).name)
    with open(copy, "wb") as file:
        if data == STANDARD_INPUT:
            shutil.copyfileobj(sys.stdin.buffer, file)
        else:
            with open(data, "rb") as pipe:
                shutil.copyfileobj(pipe, file)
    if zipfile.is_zipfile(copy):
        copy = copy.replace(copy.with_suffix(".npz"))
    _pipes[str(copy)] = pipe_name
    return str(copy)


def with_pipe_names(message: str) -> str:
    """Return a message that names pipes where it named their copies, which are gone when it is read."""
    for copy, pipe_name in _pipes.items():
        message = message.replace(copy, pipe_name)
    return message
