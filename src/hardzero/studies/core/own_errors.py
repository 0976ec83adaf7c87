"""Errors in a study's own methods, told in one message that names the line, or in one line."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hardzero.studies.core.study import Study

LONGEST_REASON = 300
"""Characters of a failure's reason that are shown; the store of runs has all of it."""


@contextmanager
def errors_named(study: Study, method: str) -> Iterator[None]:
    """Turn any error of a study's method into a `ValueError` that names study, method, file and line.

    Parameters
    ----------
    study : Study
    method : str
        What is called: ``grid``, ``tables`` or ``pictures``.
    """
    try:
        yield
    except Exception as error:
        path = inspect.unwrap(getattr(type(study), method)).__code__.co_filename
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        place = f"{Path(path).name}, line {lines[-1]}" if lines else Path(path).name
        raise ValueError(
            f"{method} of the study {study.name} failed ({place}): {type(error).__name__}: {error}"
        ) from error


def first_line(error: BaseException) -> str:
    r"""Return the type of an error and the first line of its message, as a traceback has them.

    Examples
    --------
    >>> first_line(RuntimeError("out of memory\nSet a variable to see where."))
    'RuntimeError: out of memory'
    """
    parts = traceback.format_exception_only(error)
    # Of a syntax error, indented lines with its place come first; notes come last.
    kind, _, message = next(part for part in parts if not part[0].isspace()).partition(":")
    lines = message.strip().splitlines()
    return f"{kind}: {lines[0]}" if lines else kind.strip()


def reason_of(failure: str) -> str:
    r"""Return the line of a recorded failure that names the error: the first or, in older stores, the last.

    It is cut where it is long, as when it holds a whole sample.

    Examples
    --------
    >>> reason_of("RuntimeError: out of memory\n\nTraceback (most recent call last): ...")
    'RuntimeError: out of memory'
    """
    lines = failure.strip().splitlines() or [""]
    reason = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
