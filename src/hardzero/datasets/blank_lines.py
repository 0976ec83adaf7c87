"""Blank lines of a text table: which of them are left out, line by line."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import dropwhile, islice

LINES_AT_A_TIME = 100


def blank_letters(delimiter: str) -> str:
    """Return the letters of which a blank line consists: white space that divides no columns."""
    return " \t\r\n".replace(delimiter, "")


def without_first_blank(lines: Iterable[str], blank: str) -> Iterator[str]:
    r"""Yield lines from the first on that does not consist of these letters.

    Examples
    --------
    >>> list(without_first_blank(["\n", "a\n", "\n"], blank_letters(",")))
    ['a\n', '\n']
    """
    return dropwhile(lambda line: not line.strip(blank), lines)


def without_last_blank(lines: Iterable[str], blank: str) -> Iterator[str]:
    r"""Yield lines up to the last that does not consist of these letters.

    Examples
    --------
    >>> list(without_last_blank(["\n", "a\n", "\n"], blank_letters(",")))
    ['\n', 'a\n']
    """
    held_back: list[str] = []
    for line in lines:
        held_back.append(line)
        if line.strip(blank):
            yield from held_back
            held_back.clear()


class LineReader(io.TextIOBase):
    """Lines as a file that can be read.

    Parameters
    ----------
    lines : iterable of str
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)

    def read(self, size: int | None = -1) -> str:
        """Return the next hundred lines, whatever the size."""
        return "".join(islice(self._lines, LINES_AT_A_TIME))
