"""EMNIST ByClass: 814,255 handwritten characters in 62 classes (Cohen, Afshar, Tapson and van Schaik 2017)."""

from __future__ import annotations

import string
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.deformations import deform
from hardzero.datasets.directory import RemoteFile, find, find_or_fetch, read_unpacked, unpack
from hardzero.datasets.idx import flat_pixels, parse_idx
from hardzero.datasets.splits import stratified_parts

ARCHIVE = RemoteFile(
    "emnist/gzip.zip",
    (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "http://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ),
    "md5:58c8d27c78d21e728a6bc7b3cc06412e",
)
STEM = "emnist-byclass"

CLASS_NAMES = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)

VALIDATION_SHARE = 80_000 / 697_932
"""Share of the training file held out: 80,000 images, as many as the 2011 paper holds out of NISTP."""

DEFORMED_SIZES = (82_000, 80_000, 20_000)
"""Train, validation and test images of the paper's NISTP."""

DEFORMED_SIDE = 32

DESCRIPTION = """\
EMNIST ByClass: handwritten digits, upper-case and lower-case letters, 28 x 28 pixels, values byte / 255 in [0, 1], 62
classes of unequal size. The files' images are transposed; here they stand upright.
Splits: of the training file a stratified 80,000 for validation and the other 617,932 for training; the 116,323 images
of the test file for test. The whole set takes 2.6 GB of memory.
Found as emnist/gzip.zip, emnist/emnist-byclass-*-ubyte.gz or emnist/emnist-byclass-*-ubyte in the data directory, or
fetched (560 MB)."""

DEFORMED_DESCRIPTION = """\
EMNIST ByClass, deformed: a stand-in for NISTP, the deformed NIST characters of the 2011 paper, which are not public. 32
x 32 pixels, values byte / 255 in [0, 1], 62 classes. Each image is deformed once with a fixed seed: thickness, slant,
affine map, elastic distortion, pinch. Errors cannot be compared with NISTP's digit by digit.
Splits: 82,000 train and 80,000 validation of the training file, 20,000 test of the test file."""


def load_emnist_byclass(deformed: bool = False) -> Dataset:
    """Load handwritten characters of 62 classes.

    Parameters
    ----------
    deformed : bool, default=False
        True gives a stand-in for the paper's NISTP: 82,000 / 80,000 / 20,000 images of 32 x 32 pixels, deformed.

    Returns
    -------
    Dataset
        784 features in [0, 1], or 1024 if deformed.

    Raises
    ------
    DatasetNotFound
        If the files are neither on this machine nor can be fetched.
    ValueError
        If a file is damaged.
    """
    images, labels = _read_split("train")
    test_images, test_labels = _read_split("test")
    if deformed:
        return _deformed_dataset(images, labels, test_images, test_labels)
    fractions = (1 - VALIDATION_SHARE, VALIDATION_SHARE, 0.0)
    train, validation, _ = stratified_parts(labels, len(labels), fractions, seed=0)
    return _dataset(
        "emnist_byclass",
        Split(flat_pixels(images[train]), labels[train]),
        Split(flat_pixels(images[validation]), labels[validation]),
        Split(flat_pixels(test_images), test_labels),
        images.shape[1:],
        DESCRIPTION,
    )


def _deformed_dataset(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    test_images: NDArray[np.uint8],
    test_labels: NDArray[np.int64],
) -> Dataset:
    """Draw the paper's numbers of images and deform them."""
    n_train, n_validation, n_test = DEFORMED_SIZES
    if len(labels) < n_train + n_validation or len(test_labels) < n_test:
        raise ValueError(
            f"EMNIST ByClass has {len(labels)} training and {len(test_labels)} test images here; "
            f"{n_train + n_validation} and {n_test} are needed"
        )
    random = np.random.default_rng(0)
    drawn = random.permutation(len(labels))[: n_train + n_validation]
    drawn_test = random.permutation(len(test_labels))[:n_test]
    return _dataset(
        "emnist_byclass:deformed",
        _deformed_split(images, labels, drawn[:n_train], seed=0),
        _deformed_split(images, labels, drawn[n_train:], seed=1),
        _deformed_split(test_images, test_labels, drawn_test, seed=2),
        (DEFORMED_SIDE, DEFORMED_SIDE),
        DEFORMED_DESCRIPTION,
    )


def _deformed_split(images: NDArray[np.uint8], labels: NDArray[np.int64], index: NDArray[np.intp], seed: int) -> Split:
    return Split(flat_pixels(deform(_padded(images[index]), seed)), labels[index])


def _dataset(
    name: str, train: Split, validation: Split, test: Split, image_shape: tuple[int, ...], description: str
) -> Dataset:
    return Dataset(
        name=name,
        task=CLASSIFICATION,
        train=train,
        validation=validation,
        test=test,
        feature_names=None,
        target_names=("character",),
        class_names=CLASS_NAMES,
        image_shape=image_shape,
        description=description,
    )


def _padded(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Center images on a background of 0 of 32 x 32 pixels."""
    margin = DEFORMED_SIDE - images.shape[1]
    before, after = margin // 2, margin - margin // 2
    return np.pad(images, ((0, 0), (before, after), (before, after)))


def _read_split(part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read the upright images and the labels of "train" or "test"."""
    images = _read_array(f"{STEM}-{part}-images-idx3-ubyte.gz")
    labels = _read_array(f"{STEM}-{part}-labels-idx1-ubyte.gz")
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"the {part} files of EMNIST ByClass have shapes {images.shape} and {labels.shape}; they do not fit"
        )
    if labels.max() >= len(CLASS_NAMES):
        raise ValueError(
            f"the {part} labels of EMNIST ByClass reach {labels.max()}; there are {len(CLASS_NAMES)} classes"
        )
    return images.transpose(0, 2, 1), labels.astype(np.int64)


def _read_array(name: str) -> NDArray[np.uint8]:
    """Read one file from the data directory, or else from the archive."""
    file = RemoteFile(f"emnist/{name}")
    path = find(file)
    if path is not None:
        return parse_idx(read_unpacked(path, file), str(path))
    archive = find_or_fetch(ARCHIVE)
    return parse_idx(_archive_member(archive, f"gzip/{name}"), f"gzip/{name} in {archive}")


def _archive_member(path: Path, name: str) -> bytes:
    """Read and unpack one file of the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            packed = archive.read(name)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{name} cannot be read from {path} ({error}); delete it and load the data set again"
        ) from error
    return unpack(packed, f"{name} in {path}")
