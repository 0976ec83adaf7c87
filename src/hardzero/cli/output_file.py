"""Where a command may write."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from hardzero.cli.piped_input import is_piped

STANDARD_OUTPUT = Path("-")

ForceOption = Annotated[bool, typer.Option("--force", help="Replace a file of another kind.")]


def check_model_output(path: Path, *inputs: Path | str | None, force: bool) -> bool:
    """Make sure, before any work is done, that a model can be written to `path`.

    Parameters
    ----------
    path : Path
    *inputs : Path, str or None
        Files that the command reads; names of data sets are none.
    force : bool
        Whether a file of another kind may be replaced.

    Returns
    -------
    bool
        Whether an older model will be replaced.

    Raises
    ------
    ValueError
        If the folder does not exist or takes no files, or `path` is a folder, an input, or a file that is
        not a model of ours.
    """
    from hardzero.model_file import ModelFileError, describe

    def is_model(path: Path) -> bool:
        try:
            describe(path)
        except ModelFileError:
            return False
        return True

    check_output(path, *inputs)
    check_kind(path, "hardzero model", is_model, force=force)
    return path.is_file()


def check_page_output(path: Path, *inputs: Path | str | None, force: bool, option: str = "--output") -> None:
    """Make sure, before any work is done, that a page can be written to `path`.

    Parameters
    ----------
    path : Path
    *inputs : Path, str or None
        Files that the command reads; names of data sets are none.
    force : bool
        Whether a file of another kind may be replaced.
    option : str
        The option that asks for the page.

    Raises
    ------
    ValueError
        As `check_output`, or if `path` is a file that is not a page of ours.
    """
    check_output(path, *inputs, option=option)
    from hardzero.report.page import is_page

    check_kind(path, "page of hardzero", is_page, force=force)


def check_kind(path: Path, kind: str, is_of_kind: Callable[[Path], bool], *, force: bool) -> None:
    """Make sure, before any work is done, that no file of another kind is replaced; an empty one may be.

    Parameters
    ----------
    path : Path
    kind : str
        What the command writes.
    is_of_kind : callable
        Tells whether a file is such.
    force : bool
        Whether a file of another kind may be replaced.

    Raises
    ------
    ValueError
        If it would be.
    """
    if force or not path.is_file() or not path.stat().st_size or is_of_kind(path):
        return
    raise ValueError(
        f"{path} exists and is no {kind}: it is not replaced. Choose another name with --output, or replace it with "
        "--force"
    )


def check_output(path: Path, *inputs: Path | str | None, option: str = "--output") -> None:
    """Make sure, before any work is done, that a result can be written to `path` and replaces none of the inputs.

    Parameters
    ----------
    path : Path
    *inputs : Path, str or None
        Files that the command reads; names of data sets are none.
    option : str
        The option that asks for the result.

    Raises
    ------
    ValueError
        If `path` is an input or a folder, or its folder does not exist or takes no files.
    """
    if path.is_dir():
        raise ValueError(f"{option} {path} is a folder: give the name of a file in it")
    if path.exists() and not path.is_file():
        return
    # A link is followed when the file is written.
    folder = (Path(os.path.realpath(path)) if path.is_symlink() else path).parent
    if not folder.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {folder}; create it first")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{option} {path}: the folder {folder} may not be written to; choose another")
    for read in inputs:
        if read is not None and path.exists() and Path(read).exists() and path.samefile(read):
            raise ValueError(f"{option} {path} is a file that this command reads: give another name")


def check_standard_output(*, output_option: bool = False) -> None:
    """Make sure, before any work is done, that a result can be written to standard output.

    Parameters
    ----------
    output_option : bool, default=False
        Whether ``--output`` could name a file instead.

    Raises
    ------
    ValueError
        If it is closed.
    """
    if sys.stdout is None:
        raise ValueError(
            f"standard output is closed: open it{', or name a file with --output' if output_option else ''}"
        )


def check_distinct(**outputs: Path | None) -> None:
    """Make sure that no two outputs of a command, by the names of their options, are one file.

    Raises
    ------
    ValueError
        If two are.
    """
    seen: dict[Path, str] = {}
    for name, path in outputs.items():
        if path is None:
            continue
        option = f"--{name.replace('_', '-')}"
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise ValueError(f"{other} and {option} are the same file {path}: give one of them another name")


def unfinished(path: Path, goes_on: Callable[[Path], bool]) -> Path | None:
    """Return where a result that grows is kept until it is complete and may replace an older one.

    Parameters
    ----------
    path : Path
        Of the complete result.
    goes_on : callable
        Tells whether a file that an earlier command left is of the same result, which then goes on from there.

    Returns
    -------
    Path or None
        Such a file, or else a name that is free, so that what an earlier command left is kept; None for a device or a
        pipe, which take a result as a whole.

    Examples
    --------
    >>> unfinished(Path("digits-sweep.json"), lambda path: False).name
    'digits-sweep-unfinished.json'
    """
    if path.exists() and not path.is_file():
        return None
    left = path.parent.glob(f"{glob.escape(path.stem)}-unfinished*{glob.escape(path.suffix)}")
    candidates = (path.with_name(f"{path.stem}-unfinished{number}{path.suffix}") for number in _numbers())
    free = (candidate for candidate in candidates if not candidate.exists())
    return next(filter(goes_on, sorted(left)), None) or next(free)


def _numbers() -> Iterator[str]:
    yield ""
    yield from (f"-{number}" for number in count(2))


def stem(data: str, *, of_pipe: str) -> str:
    """Return the name of a data set or file without folders and endings, or `of_pipe`, from which outputs take theirs.

    Examples
    --------
    >>> stem("tables/wine.csv.gz", of_pipe="model"), stem("-", of_pipe="model")
    ('wine', 'model')
    """
    name = of_pipe if is_piped(data) else Path(data).name.removesuffix(".gz")
    return Path(name).stem or of_pipe


def beside(model: Path, ending: str) -> Path:
    """Return a file about a model: its name with another ending in place of .safetensors.

    Examples
    --------
    >>> beside(Path("wine.safetensors"), ".html").name, beside(Path("wine.v2"), ".html").name
    ('wine.html', 'wine.v2.html')
    """
    return model.with_suffix(ending) if model.suffix == ".safetensors" else model.with_name(f"{model.name}{ending}")
