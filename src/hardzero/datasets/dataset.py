"""What a data set is: three splits and what is known about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSIFICATION = "classification"
REGRESSION = "regression"


@dataclass(frozen=True, eq=False)
class Split:
    """Samples and their targets.

    Parameters
    ----------
    X : ndarray of float32 of shape (n_samples, n_features), csr_array of float32, or ndarray of str (dtype object)
        Texts, as an array of objects of shape (n_samples,), for a data set of raw text.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        int64 or str labels (int64 0 and 1 when there are several targets) for a classification; float64 values for a
        regression.

    Examples
    --------
    >>> from hardzero import datasets
    >>> len(datasets.load("digits").test)
    360
    """

    X: Any
    y: NDArray[Any]

    def __post_init__(self) -> None:
        if self.X.shape[0] != self.y.shape[0]:
            raise ValueError(f"X has {self.X.shape[0]} samples and y has {self.y.shape[0]}; they must agree")

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.y.shape[0])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set with fixed splits.

    Parameters
    ----------
    name : str
        Name in the catalog, or the file's name.
    task : {"classification", "regression"}
    train, validation, test : Split
    feature_names : tuple of str, or None
        None where features have no names of their own (pixels, words not yet counted).
    target_names : tuple of str
    class_names : tuple of str, or None
        For a classification, what the sorted labels stand for; None for a regression.
    image_shape : tuple of int, or None
        Shape of one sample as an image: (height, width), or (channels, height, width) where there are several channels.
        `X` holds its values in C order.
    description : str
        Where the data come from, their scale, how they were split, and what to beware of.
    is_text : bool, default=False
        True where `X` holds raw texts.

    Examples
    --------
    >>> from hardzero import datasets
    >>> digits = datasets.load("digits")
    >>> digits.train.X.shape, digits.image_shape, digits.task
    ((1077, 64), (8, 8), 'classification')
    """

    name: str
    task: str
    train: Split
    validation: Split
    test: Split
    feature_names: tuple[str, ...] | None
    target_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    image_shape: tuple[int, ...] | None
    description: str
    is_text: bool = False

    def __post_init__(self) -> None:
        if self.task not in (CLASSIFICATION, REGRESSION):
            raise ValueError(f'task is {self.task!r}; it must be "classification" or "regression"')

    @property
    def n_features(self) -> int | None:
        """Columns of `X`; None for raw text."""
        return None if self.is_text else int(self.train.X.shape[1])

    @cached_property
    def checksum(self) -> str:
        """SHA-256, in hexadecimal, over everything a result may depend on: task, names, and every value of every split.

        Computed on first use (about a third of a second for MNIST) and remembered.
        """
        digest = hashlib.sha256()
        for part in (self.task, self.feature_names, self.target_names, self.class_names, self.image_shape):
            digest.update(repr(part).encode())
        for split in (self.train, self.validation, self.test):
            _update_with_array(digest.update, split.X)
            _update_with_array(digest.update, split.y)
        return digest.hexdigest()


def _update_with_array(update: Callable[[Any], None], array: Any) -> None:
    """Feed shape, dtype and values of a dense, sparse or text array to a digest."""
    if hasattr(array, "indptr"):
        update(f"csr{array.shape}".encode())
        parts = [array.data, array.indices.astype(np.int64), array.indptr.astype(np.int64)]
    else:
        parts = [array]
    for part in parts:
        update(f"{part.shape}".encode())
        if part.dtype.kind in "OUT":
            for value in part.ravel():
                encoded = str(value).encode("utf-8", "surrogatepass")
                update(f"{type(value).__name__[:3]}{len(encoded)}:".encode())
                update(encoded)
        else:
            update(part.dtype.str.encode())
            update(np.ascontiguousarray(part).data)
