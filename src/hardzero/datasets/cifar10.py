"""CIFAR-10: 60,000 color photographs of 32 by 32 pixels in 10 classes (Krizhevsky 2009)."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.directory import RemoteFile, data_directories, find, find_or_fetch, verify_md5
from hardzero.datasets.idx import flat_pixels

FOLDER = "cifar10"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")


def _archive(name: str, md5: str) -> RemoteFile:
    return RemoteFile(f"{FOLDER}/{name}", tuple(mirror + name for mirror in MIRRORS), f"md5:{md5}")


BINARY_ARCHIVE = _archive("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530")
PYTHON_ARCHIVE = _archive("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a")
BINARY_FOLDER, PYTHON_FOLDER = "cifar-10-batches-bin", "cifar-10-batches-py"

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

PYTHON_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_SHAPE = (3, 32, 32)
N_PIXELS = 3 * 32 * 32

DESCRIPTION = """\
CIFAR-10: color photographs, 3 x 32 x 32 (red, green, blue), values byte / 255 in [0, 1], 10 classes.
Splits of the 2011 paper: train = all 50,000 training images, validation = the first half of the test file (5,000), test
= its second half (5,000). An error on this test split is thus on half of the images others report.
Found in the data directory as cifar10/cifar-10-binary.tar.gz or cifar10/cifar-10-batches-bin/ (binary version), or as
cifar10/cifar-10-python.tar.gz or cifar10/cifar-10-batches-py/ (Python version), or fetched."""

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


def load_cifar10() -> Dataset:
    """Load CIFAR-10: 50,000 training, 5,000 validation and 5,000 test images.

    Returns
    -------
    Dataset
        3072 features in [0, 1]: all red values, then all green, then all blue.

    Raises
    ------
    DatasetNotFound
        If the archive is neither on this machine nor can be fetched.
    ValueError
        If a file is damaged, or a pickle of the Python version holds anything but arrays, lists and bytes.
    """
    batches = _read_batches()
    images, labels = (np.concatenate(parts) for parts in zip(*batches[:-1], strict=True))
    test_images, test_labels = batches[-1]
    half = len(test_labels) // 2
    return Dataset(
        name="cifar10",
        task=CLASSIFICATION,
        train=Split(flat_pixels(images), labels),
        validation=Split(flat_pixels(test_images[:half]), test_labels[:half]),
        test=Split(flat_pixels(test_images[half:]), test_labels[half:]),
        feature_names=None,
        target_names=("label",),
        class_names=CLASS_NAMES,
        image_shape=IMAGE_SHAPE,
        description=DESCRIPTION,
    )


def parse_binary_batch(data: bytes, source: str) -> Batch:
    """Read a batch of the binary version: for each image a byte for the label and 3072 for the pixels.

    Raises
    ------
    ValueError
        If `data` is cut off or a label is above 9.
    """
    if len(data) == 0 or len(data) % (1 + N_PIXELS):
        raise ValueError(f"{source} has {len(data)} bytes, not a multiple of {1 + N_PIXELS}; it is cut off or damaged")
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, 1 + N_PIXELS)
    return records[:, 1:], _checked_labels(records[:, 0], source)


def parse_python_batch(data: bytes, source: str) -> Batch:
    """Read a batch of the Python version, a pickle, without running any code that it may hold.

    Raises
    ------
    ValueError
        If `data` is not such a batch, or refers to anything but NumPy arrays.
    """
    try:
        batch = _ArraysOnlyUnpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # A damaged pickle can fail in any way.
        raise ValueError(f"{source} is not a batch of the Python version ({error})") from error
    fields = batch if isinstance(batch, dict) else {}
    images, labels = fields.get(b"data"), fields.get(b"labels")
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (N_PIXELS,):
        raise ValueError(f"{source} has no array b'data' of bytes of shape (n_images, {N_PIXELS})")
    if not isinstance(labels, list) or len(labels) != len(images):
        raise ValueError(f"{source} has no list b'labels' with a label for each of its {len(images)} images")
    return images, _checked_labels(np.array(labels), source)


class _ArraysOnlyUnpickler(pickle.Unpickler):
    """Rebuilds arrays, and refuses every other global name: a pickle can otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three objects an array is rebuilt from."""
        rebuild = np.empty(0).__reduce__()[0]
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which is refused because it could run code")
        return allowed[module, name]


def _read_batches() -> list[Batch]:
    """Read the six batches from whichever form is there: binary first, because it holds nothing but bytes."""
    forms: tuple[tuple[RemoteFile, str, str, Callable[[bytes, str], Batch]], ...] = (
        (BINARY_ARCHIVE, BINARY_FOLDER, ".bin", parse_binary_batch),
        (PYTHON_ARCHIVE, PYTHON_FOLDER, "", _parse_verified_python_batch),
    )
    for archive, folder, ending, parse in forms:
        names = [f"{batch}{ending}" for batch in BATCHES]
        for directory in data_directories():
            unpacked = directory / FOLDER / folder
            if all((unpacked / name).is_file() for name in names):
                return [parse((unpacked / name).read_bytes(), str(unpacked / name)) for name in names]
        path = find(archive)
        if path is not None:
            return [parse(*member) for member in _archive_members(path, archive, folder, names)]
    names = [f"{batch}.bin" for batch in BATCHES]
    path = find_or_fetch(BINARY_ARCHIVE)
    return [parse_binary_batch(*member) for member in _archive_members(path, BINARY_ARCHIVE, BINARY_FOLDER, names)]


def _archive_members(path: Path, file: RemoteFile, folder: str, names: list[str]) -> list[tuple[bytes, str]]:
    """Read files of an archive into memory, each with where it came from, after verifying the archive."""
    if file.checksum is not None:
        verify_md5(path.read_bytes(), file.checksum.removeprefix("md5:"), str(path))
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    contents[member.name.removeprefix("./")] = stream.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} cannot be unpacked ({error}); delete it and load the data set again") from error
    missing = [name for name in names if f"{folder}/{name}" not in contents]
    if missing:
        raise ValueError(f"{path} has no {folder}/{missing[0]}; delete it and load the data set again")
    return [(contents[f"{folder}/{name}"], f"{folder}/{name} in {path}") for name in names]


def _parse_verified_python_batch(data: bytes, source: str) -> Batch:
    """Read a batch of the Python version that is the published one."""
    name = next(batch for batch in BATCHES if batch in source.split(" in ")[0])
    verify_md5(data, PYTHON_MD5[name], source)
    return parse_python_batch(data, source)


def _checked_labels(labels: NDArray[Any], source: str) -> NDArray[np.int64]:
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
        raise ValueError(f"{source} has labels that are not whole numbers from 0 to {len(CLASS_NAMES) - 1}")
    return labels.astype(np.int64)
