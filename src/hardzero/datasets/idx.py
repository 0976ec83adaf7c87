"""The IDX format of MNIST and its relatives: a magic number, the dimensions, the values."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.directory import RemoteFile, find_or_fetch, read_unpacked

UNSIGNED_BYTE = 0x08

N_TRAIN = 50_000


@dataclass(frozen=True)
class IdxFiles:
    """The four files of an image data set in this format."""

    train_images: RemoteFile
    train_labels: RemoteFile
    test_images: RemoteFile
    test_labels: RemoteFile


def parse_idx(data: bytes, source: str) -> NDArray[np.uint8]:
    """Read an array of bytes in IDX format.

    Parameters
    ----------
    data : bytes
        Two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit
        integer, then the values in C order.
    source : str
        Named in errors.

    Returns
    -------
    ndarray of uint8
        Read-only.

    Raises
    ------
    ValueError
        If `data` is not in this format, or cut off.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "three labels").tolist()
    [7, 8, 9]
    """
    if len(data) < 4 or data[:2] != b"\0\0":
        raise ValueError(f"{source} is not an IDX file: it does not begin with two zero bytes")
    if data[2] != UNSIGNED_BYTE:
        raise ValueError(f"{source} holds values of IDX type 0x{data[2]:02x}; only unsigned bytes (0x08) are read")
    n_dimensions = data[3]
    start = 4 + 4 * n_dimensions
    if n_dimensions == 0 or len(data) < start:
        raise ValueError(f"{source} ends within its IDX header; it is cut off")
    shape = struct.unpack(f">{n_dimensions}I", data[4:start])
    expected = math.prod(shape)
    if len(data) - start != expected:
        raise ValueError(
            f"{source} holds {len(data) - start} values where its IDX header {shape} asks for {expected}; "
            "it is cut off or damaged"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def read_idx(file: RemoteFile) -> NDArray[np.uint8]:
    """Find or fetch a file and read it."""
    path = find_or_fetch(file)
    return parse_idx(read_unpacked(path, file), str(path))


def read_images_and_labels(
    images_file: RemoteFile, labels_file: RemoteFile, n_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read a file of images and the labels that go with it.

    Returns
    -------
    images : ndarray of uint8 of shape (n_samples, height, width)
    labels : ndarray of int64 of shape (n_samples,)

    Raises
    ------
    ValueError
        If the two do not fit together.
    """
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"{images_file.path} of shape {images.shape} and {labels_file.path} of shape {labels.shape} are not images "
            "(samples, height, width) and their labels (samples,)"
        )
    if labels.size and labels.max() >= n_classes:
        raise ValueError(f"{labels_file.path} holds the label {labels.max()}; there are {n_classes} classes, from 0")
    return images, labels.astype(np.int64)


def flat_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as rows of float32 in [0, 1]: byte / 255."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def load_idx_dataset(
    name: str, files: IdxFiles, class_names: Sequence[str], description: str, n_train: int = N_TRAIN
) -> Dataset:
    """Load a data set of four files; the training images from `n_train` on are for validation.

    Raises
    ------
    DatasetNotFound
        If a file is neither on this machine nor can be fetched.
    ValueError
        If a file is damaged.
    """
    images, labels = read_images_and_labels(files.train_images, files.train_labels, len(class_names))
    test_images, test_labels = read_images_and_labels(files.test_images, files.test_labels, len(class_names))
    if len(images) <= n_train:
        raise ValueError(f"{files.train_images.path} holds {len(images)} images; more than {n_train} are needed")
    return Dataset(
        name=name,
        task=CLASSIFICATION,
        train=Split(flat_pixels(images[:n_train]), labels[:n_train]),
        validation=Split(flat_pixels(images[n_train:]), labels[n_train:]),
        test=Split(flat_pixels(test_images), test_labels),
        feature_names=None,
        target_names=("label",),
        class_names=tuple(class_names),
        image_shape=images.shape[1:],
        description=description,
    )
