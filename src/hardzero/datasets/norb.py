"""NORB, jittered-cluttered: stereo pairs of toys before cluttered backgrounds (LeCun, Huang and Bottou 2004)."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hardzero.atomic_file import atomic_file
from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.directory import RemoteFile, cache_directory, find_or_fetch, open_bytes

MIRRORS = ("https://cs.nyu.edu/~ylclab/data/norb-v1.0/", "http://www.cs.nyu.edu/~ylclab/data/norb-v1.0/")

MAGIC_TYPES: dict[int, np.dtype[Any]] = {0x1E3D4C55: np.dtype(np.uint8), 0x1E3D4C54: np.dtype("<i4")}
"""Of the matrix format: the two kinds that NORB uses, bytes and 32-bit integers."""

LEAST_DIMENSIONS = 3
"""Dimensions written in every header; those of a vector are filled up with ones."""

SIDE, SMALL_SIDE = 108, 32
N_TRAIN = 233_172
CHUNK_IMAGES = 1024

CLASS_NAMES = ("animal", "human", "airplane", "truck", "car", "blank")


def _file(name: str, sha1: str) -> RemoteFile:
    return RemoteFile(f"norb/{name}.gz", tuple(f"{mirror}{name}.gz" for mirror in MIRRORS), f"sha1:{sha1}")


def _pair(part: str, number: int, images_sha1: str, labels_sha1: str) -> tuple[RemoteFile, RemoteFile]:
    """Return the files of images (dat) and labels (cat) of one part."""
    instances = "46789" if part == "training" else "01235"
    stem = f"norb-5x{instances}x9x18x6x2x108x108-{part}-{number:02d}"
    return _file(f"{stem}-dat.mat", images_sha1), _file(f"{stem}-cat.mat", labels_sha1)


TRAIN_FILES = (
    _pair("training", 1, "38789c74538b0a3f86a4f854f0f0e3482451fd09", "b9ed38a6af5d9287872ab7064c416fd35dcea79b"),
    _pair("training", 2, "a559ad82aad672ea281db8c437ea89ca6a76a9fa", "192e87e661f29890e0536bc6445b8fa43fbad832"),
    _pair("training", 3, "4318343182078b87af6e93eb7a1a0d63b55a7af4", "ca6f995f9f5b39ae614f8a355a70d53bf1ce4dff"),
    _pair("training", 4, "32e193bb7234de588b67592ce04c57cb5b36412a", "2353025bfcf02ec6fd91171fcf1f964c2ff1f00b"),
    _pair("training", 5, "0669b2942215f05c33d7be07df352d96b5a4bbe3", "931f63df18ec27e18a3859e35953a6f2a6478b11"),
    _pair("training", 6, "779bf6ce2e69cc8cabaf0a1716e6528313c250b0", "48b91f77aa94dfbd04ccf57b753e4cd42d0631cf"),
    _pair("training", 7, "ef6410b90cae2d11a4609787806ae44cb2bbe719", "f29cd673bd9840abf0fecd68a4d328b698f50cfa"),
    _pair("training", 8, "73302e20486b64824e29a907ec7a353c14c12215", "d3bc1d9111404d683b8ac6b7adb7e4fa972b765f"),
    _pair("training", 9, "26ad80a8b99283804ab69207f81ff902343037b3", "801d3b16f7813a9e383507a933b1d8a292f3722b"),
    _pair("training", 10, "f9d53d3cb99188b085ce304f826c95f1e3dc8e14", "1496bce011b0435da3f54e50560b66abfda9824e"),
)
TEST_FILES = (
    _pair("testing", 1, "4a2a765a8a351e0c005aef54cf320ca53b04d50c", "ba6e05ca90b151997d3fca7082e7a6bd3a470fd4"),
    _pair("testing", 2, "79e037950a5423fb126685705b4dfb874ca471f3", "13d11d472f26492e2ee68cf1cfccc23e143a97cb"),
)

DESCRIPTION = """\
NORB jittered-cluttered: stereo pairs of toys, reduced from 2 x 108 x 108 to 2 x 32 x 32 by averaging areas, values byte
/ 255 in [0, 1], 6 classes (the last: no toy).
Splits of the 2011 paper: train = the first 233,172 of the 291,600 training pairs, validation = the other 58,428, test =
the 58,320 of the test files, which show other toys.
Found as norb/norb-5x*.mat or norb/norb-5x*.mat.gz in the data directory, or fetched (6.2 GB). The reduced images are
kept in the user's cache (720 MB); the whole set takes 2.9 GB of memory."""


def load_norb() -> Dataset:
    """Load NORB: 233,172 training, 58,428 validation and 58,320 test pairs.

    The first time, reducing the images takes some minutes.

    Returns
    -------
    Dataset
        2048 features in [0, 1]: the left image, then the right.

    Raises
    ------
    DatasetNotFound
        If a file is neither on this machine nor can be fetched.
    ValueError
        If a file is damaged.
    """
    # All files are looked for before any is converted, so that an absent set is reported at once.
    train_paths = [(find_or_fetch(images), find_or_fetch(labels)) for images, labels in TRAIN_FILES]
    test_paths = [(find_or_fetch(images), find_or_fetch(labels)) for images, labels in TEST_FILES]
    X, y = _read_parts(train_paths)
    test_X, test_y = _read_parts(test_paths)
    if len(y) <= N_TRAIN:
        raise ValueError(f"the training files of NORB hold {len(y)} pairs; more than {N_TRAIN} are needed")
    return Dataset(
        name="norb",
        task=CLASSIFICATION,
        train=Split(X[:N_TRAIN], y[:N_TRAIN]),
        validation=Split(X[N_TRAIN:], y[N_TRAIN:]),
        test=Split(test_X, test_y),
        feature_names=None,
        target_names=("category",),
        class_names=CLASS_NAMES,
        image_shape=(2, SMALL_SIDE, SMALL_SIDE),
        description=DESCRIPTION,
    )


class MatrixReader:
    """Reads a file of the NORB matrix format piece by piece.

    The header, little-endian: a magic number that names the type, the number of dimensions, and the dimensions, of
    which at least three are written. The values follow in C order.

    Parameters
    ----------
    path : Path
        Gzipped or not.

    Raises
    ------
    ValueError
        If the file is not in this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_bytes(path)
        magic, n_dimensions = struct.unpack("<II", self._read(8))
        if magic not in MAGIC_TYPES:
            self._file.close()
            raise ValueError(f"{path} is not a NORB matrix of bytes or integers: its magic number is 0x{magic:08x}")
        n_written = max(n_dimensions, LEAST_DIMENSIONS)
        if n_dimensions > 8:
            raise ValueError(f"{path} claims to have {n_dimensions} dimensions; it is damaged")
        self.shape: tuple[int, ...] = struct.unpack(f"<{n_written}I", self._read(4 * n_written))[:n_dimensions]
        self.dtype = MAGIC_TYPES[magic]

    def __enter__(self) -> MatrixReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def rows(self, n_rows: int) -> NDArray[Any]:
        """Return the next `n_rows` along the first dimension."""
        shape = (n_rows, *self.shape[1:])
        data = self._read(math.prod(shape) * self.dtype.itemsize)
        return np.frombuffer(data, dtype=self.dtype).reshape(shape)

    def _read(self, n_bytes: int) -> bytes:
        try:
            data = self._file.read(n_bytes)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{self.path} cannot be unpacked ({error}); delete it and load again") from error
        if len(data) < n_bytes:
            raise ValueError(f"{self.path} is cut off; delete it and load the data set again")
        return data


def area_weights(side: int, small_side: int) -> NDArray[np.float32]:
    """Return the matrix of shape (small_side, side) that averages `side` pixels over `small_side` equal stretches.

    Examples
    --------
    >>> area_weights(3, 2).round(3).tolist()
    [[0.6669999957084656, 0.3330000042915344, 0.0], [0.0, 0.3330000042915344, 0.6669999957084656]]
    """
    stretch = side / small_side
    starts = np.arange(small_side)[:, None] * stretch
    pixels = np.arange(side)[None, :]
    overlap = np.minimum(pixels + 1, starts + stretch) - np.maximum(pixels, starts)
    weights: NDArray[np.float32] = (np.maximum(overlap, 0) / stretch).astype(np.float32)
    return weights


def reduce_images(images: NDArray[np.uint8], small_side: int = SMALL_SIDE) -> NDArray[np.uint8]:
    """Average the areas of images, to bytes.

    Parameters
    ----------
    images : ndarray of uint8 of shape (..., side, side)
    small_side : int, default=32

    Returns
    -------
    ndarray of uint8 of shape (..., small_side, small_side)
    """
    weights = area_weights(images.shape[-1], small_side)
    reduced: NDArray[np.float32] = weights @ images.astype(np.float32) @ weights.T
    return np.rint(reduced).astype(np.uint8)


def _read_parts(paths: list[tuple[Path, Path]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the reduced images of all parts as rows in [0, 1], and their labels."""
    labels = [_read_labels(path) for _, path in paths]
    X = np.empty((sum(map(len, labels)), 2 * SMALL_SIDE**2), dtype=np.float32)
    start = 0
    for (images_path, labels_path), y in zip(paths, labels, strict=True):
        small = _reduced(images_path)
        if len(small) != len(y):
            raise ValueError(
                f"{images_path} holds {len(small)} pairs and {labels_path} {len(y)} labels; they must agree"
            )
        np.divide(small.reshape(len(small), -1), np.float32(255), out=X[start : start + len(y)])
        start += len(y)
    return X, np.concatenate(labels)


def _read_labels(path: Path) -> NDArray[np.int64]:
    with MatrixReader(path) as matrix:
        if len(matrix.shape) != 1 or matrix.dtype.kind != "i":
            raise ValueError(f"{path} of shape {matrix.shape} is not a vector of integer labels")
        labels = matrix.rows(matrix.shape[0])
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
        raise ValueError(f"{path} holds labels outside 0 to {len(CLASS_NAMES) - 1}")
    return labels.astype(np.int64)


def _reduced(path: Path) -> NDArray[np.uint8]:
    """Return the reduced images of one file, from the cache if they were reduced before."""
    facts = path.stat()
    key = hashlib.sha256(f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
    cached = cache_directory() / "norb" / f"{path.name.split('.')[0]}-{SMALL_SIDE}x{SMALL_SIDE}-{key}.npy"
    if cached.is_file():
        return cast("NDArray[np.uint8]", np.load(cached, allow_pickle=False))
    small = _reduce_file(path)
    cached.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(cached) as file:
        np.save(file, small)
    return small


def _reduce_file(path: Path) -> NDArray[np.uint8]:
    """Read and reduce the images of one file, holding a piece of it in memory."""
    with MatrixReader(path) as matrix:
        if matrix.shape[1:] != (2, SIDE, SIDE) or matrix.dtype != np.uint8:
            raise ValueError(f"{path} of shape {matrix.shape} does not hold stereo pairs of {SIDE} x {SIDE} bytes")
        small = np.empty((matrix.shape[0], 2, SMALL_SIDE, SMALL_SIDE), dtype=np.uint8)
        for start in range(0, len(small), CHUNK_IMAGES):
            part = small[start : start + CHUNK_IMAGES]
            part[:] = reduce_images(matrix.rows(len(part)))
    return small
