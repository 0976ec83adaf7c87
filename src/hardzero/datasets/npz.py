"""Reading samples and targets from NumPy's .npz files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hardzero.datasets.columns import TargetNotFound

CSR_NAMES = ("data", "indices", "indptr", "shape")
IMAGE_DIMENSIONS = (3, 4)
SPLIT_NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class NpzSamples:
    """Features and target arrays as they stand in a file, and the shape of a sample if it is an image."""

    X: Any
    target: NDArray[Any] | None
    image_shape: tuple[int, ...] | None


def read_npz(path: Path, target: str | None) -> NpzSamples:
    """Read ``X`` (dense, or a CSR matrix under the names that `scipy.sparse.save_npz` gives) and the target.

    Parameters
    ----------
    path : Path
    target : str or None
        Name of the target array; None reads no target.

    Raises
    ------
    ValueError
        If an array is missing, of the wrong kind or shape, or not finite. Python objects are refused: reading them
        would run code from the file.
    """
    arrays = load_arrays(path)
    X, image_shape = _features(arrays, path, "X")
    return NpzSamples(X, None if target is None else _target(arrays, path, target, X.shape[0]), image_shape)


def read_feature_names(path: Path) -> tuple[str, ...] | None:
    """Read the array ``feature_names``, if there is one."""
    if "feature_names" not in array_names(path):
        return None
    return tuple(str(name) for name in _decoded(_one_array(path, "feature_names"), path, "feature_names"))


def check_feature_names(names: Sequence[str] | None, n_features: int, path: Path) -> None:
    """Raise ValueError unless there are no names, or one for each feature."""
    if names is not None and len(names) != n_features:
        raise ValueError(f"{path} has {n_features} features and {len(names)} feature_names; they must agree")


def read_image_shape(path: Path) -> tuple[int, ...] | None:
    """Return the shape of one sample of ``X`` if samples are images, without reading the values."""
    if "X" not in array_names(path):
        return None
    with _explained(path, "X"), zipfile.ZipFile(path) as archive, archive.open("X.npy") as file:
        shape, _, _ = _read_header(file)
    return shape[1:] if len(shape) in IMAGE_DIMENSIONS else None


def has_splits(path: Path) -> bool:
    """Say whether a file holds X_train, X_validation and X_test instead of X."""
    names = array_names(path)
    return "X" not in names and all(f"X_{split}" in names for split in SPLIT_NAMES)


def read_npz_splits(path: Path) -> dict[str, NpzSamples]:
    """Read X_train, y_train, X_validation, y_validation, X_test and y_test."""
    arrays = load_arrays(path)
    samples = {}
    for split in SPLIT_NAMES:
        X, image_shape = _features(arrays, path, f"X_{split}")
        target = _target(arrays, path, f"y_{split}", X.shape[0])
        samples[split] = NpzSamples(X, target, image_shape)
    widths = {split: part.X.shape[1] for split, part in samples.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"the splits of {path} have different numbers of features: {widths}")
    return samples


def iterate_npz(path: Path, target: str | None, chunk_rows: int) -> Iterator[tuple[Any, NDArray[Any] | None, int]]:
    """Read a dense ``X`` piece by piece, holding one piece in memory; the target array is held whole.

    Yields
    ------
    X : ndarray of float32 of shape (at most chunk_rows, n_features)
    target : ndarray or None
    first_row : int
    """
    names = array_names(path)
    if "X" not in names:
        whole = read_npz(path, target)
        for start in range(0, whole.X.shape[0], chunk_rows):
            part = slice(start, start + chunk_rows)
            yield whole.X[part], None if whole.target is None else whole.target[part], start
        return
    with zipfile.ZipFile(path) as archive, archive.open("X.npy") as file:
        with _explained(path, "X"):
            shape, fortran_order, dtype = _read_header(file)
        if dtype.hasobject:
            raise _objects_error(path, "X")
        if fortran_order:
            raise ValueError(
                f"'X' of {path} is stored by columns; save numpy.ascontiguousarray(X) to read it in chunks"
            )
        _check_shape(shape, path, "X")
        targets = None if target is None else _target({target: _one_array(path, target)}, path, target, shape[0])
        row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
        for start in range(0, shape[0], chunk_rows):
            n_rows = min(chunk_rows, shape[0] - start)
            with _explained(path, "X"):
                data = file.read(n_rows * row_bytes)
            if len(data) < n_rows * row_bytes:
                raise ValueError(f"the array 'X' of {path} is cut off")
            rows = np.frombuffer(data, dtype=dtype).reshape(n_rows, -1)
            yield (
                to_finite_float32(rows, path, "X", start),
                None if targets is None else targets[start : start + n_rows],
                start,
            )


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in a file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not an .npz file, or it is cut off ({error})") from error


def load_arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    """Read every array of a file."""
    return {name: _one_array(path, name) for name in array_names(path)}


def to_finite_float32(X: NDArray[Any], path: Path, name: str, first_row: int = 0) -> NDArray[np.float32]:
    """Return `X` as float32 after checking that its values are finite numbers.

    Raises
    ------
    ValueError
        Naming the first row and column that is not.
    """
    if X.dtype.kind not in "biuf":
        raise ValueError(f"array {name!r} of {path} holds {X.dtype}; features must be numbers")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(X, dtype=np.float32)
    finite = np.isfinite(converted)
    if not finite.all():
        row, column = np.argwhere(~finite.reshape(len(X), -1))[0]
        value = X.reshape(len(X), -1)[row, column]
        raise ValueError(
            f"array {name!r} of {path} is {value} in row {first_row + row + 1}, column {column + 1} (both from 1); "
            "features must be finite and fit float32"
        )
    return converted


def _one_array(path: Path, name: str) -> NDArray[Any]:
    """Read one array, refusing Python objects."""
    available = array_names(path)
    if name not in available:
        raise ValueError(f"{path} has no array {name!r}; it holds {', '.join(available)}")
    with _explained(path, name), np.load(path, allow_pickle=False) as arrays:
        return cast("NDArray[Any]", arrays[name])


@contextmanager
def _explained(path: Path, name: str) -> Iterator[None]:
    """Name file and array where reading fails."""
    try:
        yield
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            raise _objects_error(path, name) from error
        raise ValueError(f"array {name!r} of {path} cannot be read ({error}); the file may be cut off") from error


def _objects_error(path: Path, name: str) -> ValueError:
    return ValueError(
        f"array {name!r} of {path} holds Python objects, which are not read because that would run code from the file; "
        "save texts as a str array and numbers as a numeric one"
    )


def _features(arrays: Mapping[str, NDArray[Any]], path: Path, name: str) -> tuple[Any, tuple[int, ...] | None]:
    """Return X as rows of float32, and the shape of a sample if it is an image."""
    if name not in arrays:
        if name == "X" and all(part in arrays for part in CSR_NAMES):
            return _csr(arrays, path), None
        raise ValueError(
            f"{path} has no array {name!r}; it holds {', '.join(arrays)}. Save it with numpy.savez(path, X=X, "
            "y=y), or a CSR matrix with numpy.savez(path, data=X.data, indices=X.indices, indptr=X.indptr, "
            "shape=X.shape, y=y)"
        )
    X = arrays[name]
    _check_shape(X.shape, path, name)
    image_shape = X.shape[1:] if X.ndim in IMAGE_DIMENSIONS else None
    return to_finite_float32(X.reshape(len(X), -1), path, name), image_shape


def _csr(arrays: Mapping[str, NDArray[Any]], path: Path) -> csr_array:
    """Assemble a CSR matrix and check that it is one."""
    if arrays.get("format", np.array(b"csr")).item() not in (b"csr", "csr"):
        raise ValueError(
            f"the sparse matrix of {path} is in format {arrays['format'].item()!r}; save X.tocsr() instead"
        )
    values = to_finite_float32(arrays["data"].reshape(-1, 1), path, "data").ravel()
    try:
        X = csr_array((values, arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"]))
        X.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise ValueError(f"the sparse matrix of {path} is not a valid CSR matrix ({error})") from error
    X.sum_duplicates()
    return X


def _target(arrays: Mapping[str, NDArray[Any]], path: Path, name: str, n_samples: int) -> NDArray[Any]:
    """Return the target array, one row per sample."""
    if name not in arrays:
        raise TargetNotFound(f"{path} has no target array {name!r}; it holds {', '.join(arrays)}")
    target = arrays[name]
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.ndim not in (1, 2) or len(target) != n_samples:
        raise ValueError(
            f"array {name!r} of {path} has shape {target.shape}; one row for each of {n_samples} samples is needed"
        )
    return _decoded(target, path, name)


def _decoded(array: NDArray[Any], path: Path, name: str) -> NDArray[Any]:
    """Return an array with bytes as the texts that they are in UTF-8."""
    if array.dtype.kind != "S":
        return array
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        culprit = next(index for index, text in enumerate(array.ravel()) if bytes(text) == error.object)
        row = culprit // (array.size // len(array)) + 1
        raise ValueError(
            f"array {name!r} of {path} holds bytes that are not UTF-8, {error.object!r} in row {row}; save texts as a "
            "str array"
        ) from error


def _check_shape(shape: tuple[int, ...], path: Path, name: str) -> None:
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"array {name!r} of {path} has shape {shape}; it must be (n_samples, n_features), neither 0")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether it is stored by columns, and type of the array whose values follow in `file`."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)
