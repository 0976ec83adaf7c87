"""Where the files of named data sets are: the data directory, the user's cache, and the addresses they come from."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, cast

ENVIRONMENT_VARIABLE = "HARDZERO_DATA"
_FETCHING: ContextVar[bool] = ContextVar("_FETCHING", default=True)

GZIP_MAGIC = b"\x1f\x8b"
CONNECTION_TIMEOUT = 30
"""Seconds without an answer before a mirror is given up."""


class DatasetNotFound(FileNotFoundError):
    """A named data set is neither on this machine nor could it be fetched.

    Studies catch it to skip a data set and run the rest.
    """


@dataclass(frozen=True)
class RemoteFile:
    """One file of a named data set.

    Parameters
    ----------
    path : str
        Place below the data directory, with forward slashes, as it is published (often ending in ``.gz``).
    addresses : tuple of str
        Addresses to fetch it from, tried in order. Empty where there is none.
    checksum : str or None
        Checksum of the published file as ``algorithm:hexadecimal``, verified when it is fetched.
    unpacked_md5 : str or None
        MD5 of the unpacked file, verified whenever it is read.
    """

    path: str
    addresses: tuple[str, ...] = ()
    checksum: str | None = None
    unpacked_md5: str | None = None


def cache_directory() -> Path:
    """Return the folder in the user's cache that keeps what is fetched."""
    import pooch

    return Path(pooch.os_cache("hardzero"))


def data_directories() -> list[Path]:
    """Return the folders searched, in order: the one that HARDZERO_DATA names, and the user's cache.

    Raises
    ------
    ValueError
        If HARDZERO_DATA names something that is not a folder.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if not named:
        return [cache_directory()]
    directory = Path(named).expanduser()
    if not directory.is_dir():
        raise ValueError(f"{ENVIRONMENT_VARIABLE} is {named!r}, which is not a folder; correct or unset it")
    return [directory, cache_directory()]


def find(file: RemoteFile) -> Path | None:
    """Return where `file` is on this machine, packed or unpacked; None where it is not."""
    names = [file.path, file.path.removesuffix(".gz")] if file.path.endswith(".gz") else [file.path]
    for directory in data_directories():
        for name in names:
            path = directory / PurePosixPath(name)
            if path.is_file():
                return path
    return None


def find_or_fetch(file: RemoteFile, *, quiet: bool = False) -> Path:
    """Return the path of `file`, after fetching it into the user's cache if it is nowhere on this machine.

    Parameters
    ----------
    file : RemoteFile
    quiet : bool, default=False
        Show no progress bar.

    Raises
    ------
    DatasetNotFound
        If no address can be reached; the message says where to put the file.
    """
    path = find(file)
    if path is None and not _FETCHING.get():
        raise DatasetNotFound(_where_to_put(file, []))
    return path or _fetch(file, quiet)


def _fetch(file: RemoteFile, quiet: bool) -> Path:
    """Fetch `file` from the first address that delivers it with the right checksum.

    Pooch writes into a temporary file and renames it once the checksum is right, so that a broken download leaves
    nothing.
    """
    import pooch
    from requests import ConnectionError as RequestsConnectionError
    from requests import RequestException

    target = cache_directory() / PurePosixPath(file.path)
    failures = []
    for address in file.addresses:
        with _DownloadBar(target.name, quiet) as bar:
            downloader = pooch.HTTPDownloader(progressbar=bar, timeout=CONNECTION_TIMEOUT)
            try:
                pooch.utils.LOGGER.setLevel("WARNING")
                found = pooch.retrieve(address, file.checksum, target.name, target.parent, downloader=downloader)
                return Path(found)
            except RequestsConnectionError:
                failures.append(f"{address}: no connection to this address")
            except (OSError, ValueError, RequestException) as error:
                failures.append(f"{address}: {_one_line(error)}")
    raise DatasetNotFound(_where_to_put(file, failures))


def _where_to_put(file: RemoteFile, failures: Sequence[str]) -> str:
    """Say which file is missing, what was tried and where it belongs."""
    places = " or ".join(str(directory / PurePosixPath(file.path)) for directory in data_directories())
    tried = "".join(f"\n  {failure}" for failure in failures)
    if failures:
        reason = f"could not be fetched:{tried}\n"
    elif file.addresses:
        reason = "was not to be fetched. "
    else:
        reason = "has no public address to fetch it from. "
    return (
        f"{PurePosixPath(file.path).name} is not on this machine and {reason}"
        f"Put it at {places}, or set {ENVIRONMENT_VARIABLE} to the folder that holds {file.path}."
    )


def _one_line(error: BaseException) -> str:
    """Shorten an error to its kind and the first line of its message."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


def is_gzipped(path: Path) -> bool:
    """Say whether a file begins as a gzip file does."""
    with open(path, "rb") as file:
        return file.read(2) == GZIP_MAGIC


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking it while it is read if it is gzipped."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_gzipped(path) else open(path, "rb")


@contextmanager
def without_fetching() -> Iterator[None]:
    """Let nothing be fetched within the block: what is not on this machine is not found."""
    token = _FETCHING.set(False)
    try:
        yield
    finally:
        _FETCHING.reset(token)


def read_unpacked(path: Path, file: RemoteFile) -> bytes:
    """Return the bytes of a file, unpacked if it is gzipped, after verifying its MD5 where that is known.

    Raises
    ------
    ValueError
        If the file is cut off or is not the published one.
    """
    data = path.read_bytes()
    if data[:2] == GZIP_MAGIC:
        data = unpack(data, str(path))
    if file.unpacked_md5 is not None:
        verify_md5(data, file.unpacked_md5, str(path))
    return data


def unpack(packed: bytes, source: str) -> bytes:
    """Return gzipped bytes unpacked.

    Raises
    ------
    ValueError
        If they are cut off or damaged.
    """
    try:
        return gzip.decompress(packed)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{source} cannot be unpacked ({error}); delete it and load the data set again") from error


def verify_md5(data: bytes, expected: str, source: str) -> None:
    """Raise ValueError if `data` does not have the expected MD5."""
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != expected:
        raise ValueError(
            f"{source} is not the published file: the MD5 of its content is {found}, not {expected}. "
            "It may be cut off; delete it and load the data set again"
        )


class _DownloadBar:
    """A progress bar on the terminal, with the three methods that pooch calls and the total that it sets."""

    def __init__(self, description: str, quiet: bool) -> None:
        self.total = 0
        self._description = description
        self._shown = not quiet and sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> _DownloadBar:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=Console(stderr=True))
            self._progress.start()
            self._task = self._progress.add_task(f"fetching {self._description}", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, n_bytes: int) -> None:
        """Advance by `n_bytes`."""
        if self._progress is not None:
            self._progress.update(self._task, advance=n_bytes, total=self.total or None)

    def reset(self) -> None:
        """Start again at 0; pooch calls it before it sets the bar to the total at the end."""
        if self._progress is not None:
            self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Do nothing: the bar goes with the block that opened it."""
