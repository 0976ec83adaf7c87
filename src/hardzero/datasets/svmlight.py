"""Reading svmlight (libsvm) files: a target and index:value pairs on each line."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hardzero.datasets.delimited import reading
from hardzero.datasets.directory import open_bytes

LARGEST_INDEX = 2**31 - 1
"""What the column numbers of a CSR matrix hold."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LINE = re.compile(rf"\s*{_NUMBER}(?:\s+qid:\d+)?(?:\s+\d+:{_NUMBER})*\s*(?:#.*)?".encode())
_PAIR = re.compile(rb"(\d+):\S+")


@dataclass(frozen=True)
class SvmlightChunk:
    """Consecutive samples, and the index of the first."""

    X: csr_array
    target: NDArray[np.float64]
    first_row: int


@dataclass(frozen=True)
class SvmlightShape:
    """What a first pass over a file finds.

    Parameters
    ----------
    n_samples : int
    first_index : int
        0 if it occurs, otherwise 1.
    last_index : int
        The highest index; -1 if there is none.
    """

    n_samples: int
    first_index: int
    last_index: int

    def n_features(self, first_index: int) -> int:
        """Return the features that there are if indices begin at `first_index`, but at least one."""
        return max(self.last_index - first_index + 1, 1)


def measure_svmlight(path: Path) -> SvmlightShape:
    """Count samples and features, holding one line in memory.

    Raises
    ------
    ValueError
        If a line is not in the format or has an index too large, naming it.
    """
    n_samples, last, first = 0, -1, 1
    for number, line in _sample_lines(path):
        if not _LINE.fullmatch(line.strip()):
            raise ValueError(_line_error(path, number, line))
        indices = [int(index) for index in _PAIR.findall(line.partition(b"#")[0])]
        if any(left >= right for left, right in pairwise(indices)):
            raise ValueError(
                f"the indices in line {number} of {path.name} do not increase; sort them and remove duplicates"
            )
        if indices and indices[-1] > LARGEST_INDEX:
            raise ValueError(
                f"line {number} of {path.name} has the index {indices[-1]}; indices go up to {LARGEST_INDEX}"
            )
        n_samples += 1
        if indices:
            first, last = min(first, indices[0]), max(last, indices[-1])
    if n_samples == 0:
        raise ValueError(f"{path} has no samples")
    return SvmlightShape(n_samples, first, last)


def iterate_svmlight(
    path: Path, chunk_rows: int | None, n_features: int | None, first_index: int | None = None
) -> Iterator[SvmlightChunk]:
    """Read a file, all at once (`chunk_rows` None) or in chunks.

    Parameters
    ----------
    path : Path
    chunk_rows : int or None
    n_features : int or None
        Width of `X`; None takes the highest index of the whole file.
    first_index : {0, 1} or None, default=None
        Where indices begin; None takes 0 if it occurs anywhere, and 1 otherwise.

    Yields
    ------
    SvmlightChunk

    Raises
    ------
    ValueError
        If a line is not in the format or has an index above `n_features`, or if `first_index` is not given and either
        would do for `n_features`.
    """
    from sklearn.datasets import load_svmlight_file

    shape = measure_svmlight(path)
    first_index = _settled_first_index(path, shape, n_features, first_index)
    n_found = shape.n_features(first_index)
    if n_features is not None and n_found > n_features:
        raise ValueError(f"{path} has features up to number {n_found}; {n_features} are expected")
    width = n_features if n_features is not None else n_found
    lines = (line for _, line in _sample_lines(path))
    for start in range(0, shape.n_samples, chunk_rows or shape.n_samples):
        block = b"".join(line.rstrip(b"\r\n") + b"\n" for line in islice(lines, chunk_rows or shape.n_samples))
        zero_based = first_index == 0
        X, target = load_svmlight_file(io.BytesIO(block), n_features=width, dtype=np.float64, zero_based=zero_based)
        yield SvmlightChunk(_to_float32(X, path, start), target.astype(np.float64), start)


def where(path: Path, row: int) -> str:
    """Return "line N of FILE" for the sample with this index."""
    number, _ = next(islice(_sample_lines(path), row, None), (row + 1, b""))
    return f"line {number} of {path.name}"


def looks_like_svmlight(path: Path) -> bool:
    """Say whether the first sample of a file is in this format."""
    _, line = next(_sample_lines(path), (0, b""))
    return b":" in line and _LINE.fullmatch(line.strip()) is not None


def _settled_first_index(path: Path, shape: SvmlightShape, n_features: int | None, first_index: int | None) -> int:
    """Return where indices begin, as far as it is given or the file tells."""
    if first_index not in (None, 0, 1):
        raise ValueError(f"first_index is {first_index!r}; it must be 0, 1 or None")
    if first_index == 1 and shape.first_index == 0:
        raise ValueError(f"{path} has the index 0, but its indices should begin at 1 (first_index=1)")
    if first_index is not None:
        return first_index
    if n_features is not None and shape.first_index == 1 and 1 <= shape.last_index < n_features:
        raise ValueError(
            f"the indices of {path} may begin at 0 or at 1: none is 0, and they go up to {shape.last_index} where "
            f"{n_features} features are expected. Say first_index=0, as scikit-learn writes them, or first_index=1"
        )
    return shape.first_index


def _sample_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line that holds a sample."""
    with reading(path, "ascii"), open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            if line.partition(b"#")[0].strip():
                yield number, line


def _to_float32(X: Any, path: Path, first_row: int) -> csr_array:
    with np.errstate(over="ignore"):
        converted = csr_array(X, dtype=np.float32)
    bad = ~np.isfinite(converted.data)
    if bad.any():
        position = int(np.argmax(bad))
        row = int(np.searchsorted(converted.indptr, position, side="right")) - 1
        place, column = where(path, first_row + row), converted.indices[position] + 1
        raise ValueError(f"feature {column} is {X.data[position]} in {place}; features must be finite and fit float32")
    converted.eliminate_zeros()
    return converted


def _line_error(path: Path, number: int, line: bytes) -> str:
    shown = line.strip().decode("utf-8", "replace")[:60]
    return f"line {number} of {path.name} is not in svmlight format (target index:value index:value …): {shown!r}"
