"""Write a file completely or not at all."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class UnusablePlace(OSError, ValueError):
    """No file can be written where it is wanted: a ValueError as a wrong path, an OSError as a folder lost."""


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file beside `path` for writing; it takes the place of `path` when the block ends without error.

    The bytes are on the disk before the name changes, so that a crash, a full disk or Ctrl-C leaves the old
    file, if there was one, as it was.

    Parameters
    ----------
    path : str or path-like
        The file to write; a symbolic link is followed. Its folder must exist. A device or a pipe is written into.

    Yields
    ------
    BinaryIO

    Raises
    ------
    UnusablePlace
        If the folder does not exist, or `path` is a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(f"{folder}/numbers.txt") as file:
    ...         _ = file.write(b"1 2 3")
    ...     os.listdir(folder)
    ['numbers.txt']
    """
    if _is_special(path):
        with open(path, "wb") as file:
            yield file
        return
    final = Path(os.path.realpath(path))
    if not final.parent.is_dir():
        raise UnusablePlace(f"cannot write {path}: there is no folder {final.parent}; create it first")
    if final.is_dir():
        raise UnusablePlace(f"cannot write {path}: it is a folder; give the name of a file")
    # Without the final name, which may be as long as a name can be.
    beside = final.with_name(f".hardzero-{uuid.uuid4().hex[:12]}.tmp")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if final.exists():
            os.chmod(beside, final.stat().st_mode)
        os.replace(beside, final)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    _sync_folder(final.parent)


def _is_special(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is a device, a pipe or the like, whose place no file may take."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _sync_folder(folder: Path) -> None:
    """Make a change of names durable, where the system can do that for folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
