"""Ways to divide samples into train, validation and test that depend on their content and a seed alone."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTS = ("train", "validation", "test")
DEFAULT_FRACTIONS = (0.6, 0.2, 0.2)

TEXT_FRACTIONS = (0.7, 0.1, 0.2)
"""Shares of every named text set: the same edges, so that a text two sets share is in the same part of both."""

_TAG = re.compile(r"<[^<>]*>")
_NOT_WORD = re.compile(r"[\W_]+")


def check_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    """Return `fractions` as three floats.

    Raises
    ------
    ValueError
        If they are not three numbers in [0, 1] whose sum is 1, or the first (train) is 0.
    """
    values = tuple(float(fraction) for fraction in fractions)
    valid = len(values) == 3 and all(0 <= value <= 1 for value in values) and abs(sum(values) - 1) < 1e-9
    if not valid or values[0] == 0:
        raise ValueError(
            f"fractions is {tuple(fractions)}; it must be three numbers for train, validation and test whose sum is 1, "
            "such as (0.6, 0.2, 0.2)"
        )
    return values[0], values[1], values[2]


def without_test(fractions: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return fractions that divide all samples among train and validation, in the same proportion.

    Examples
    --------
    >>> without_test((0.6, 0.2, 0.2))
    (0.75, 0.25, 0.0)
    """
    validation = fractions[1] / (fractions[0] + fractions[1])
    return 1.0 - validation, validation, 0.0


def stratified_parts(
    labels: NDArray[Any] | None, n_samples: int, fractions: Sequence[float] = DEFAULT_FRACTIONS, seed: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Divide samples at random so that each class is spread evenly over the three parts.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), or None
        Classes; None divides at random without classes.
    n_samples : int
    fractions : sequence of three floats, default=(0.6, 0.2, 0.2)
        Train, validation, test.
    seed : int, default=0

    Returns
    -------
    train, validation, test : ndarray of intp
        Sorted indices. Every class has a sample in `train`, so that nothing held out is of a class never seen, unless
        there are more classes than training samples.

    Examples
    --------
    >>> import numpy as np
    >>> train, validation, test = stratified_parts(np.repeat([0, 1], 5), 10)
    >>> len(train), len(validation), len(test)
    (6, 2, 2)
    """
    fractions = check_fractions(fractions)
    random = np.random.default_rng(seed)
    order = random.permutation(n_samples)
    position = np.empty(n_samples)
    groups = [order] if labels is None else _by_class(order, labels)
    for members in groups:
        position[members] = (np.arange(len(members)) + random.uniform()) / len(members)
        if labels is not None:
            position[members[0]] = -1.0
    ranked = order[np.argsort(position[order], kind="stable")]
    first = round(fractions[0] * n_samples)
    second = first + round(fractions[1] * n_samples) if fractions[2] > 0 else n_samples
    train, validation, test = np.split(ranked, [first, second])
    return np.sort(train), np.sort(validation), np.sort(test)


def _by_class(order: NDArray[np.intp], labels: NDArray[Any]) -> list[NDArray[np.intp]]:
    """Group the samples of `order` by class, keeping their order."""
    codes = np.unique(labels, return_inverse=True)[1][order]
    by_code = order[np.argsort(codes, kind="stable")]
    return np.split(by_code, np.cumsum(np.bincount(codes))[:-1])


def parts_by_row(
    first_row: int, n_rows: int, fractions: Sequence[float] = DEFAULT_FRACTIONS, seed: int = 0
) -> NDArray[np.int8]:
    """Part (0 train, 1 validation, 2 test) of each row of a stream, from its number alone.

    A row's part depends neither on the size of the chunks it is read in nor on the other rows, so that a file larger
    than memory can be divided while it is read.

    Parameters
    ----------
    first_row : int
        Number of the first row.
    n_rows : int
    fractions : sequence of three floats
    seed : int

    Returns
    -------
    ndarray of int8 of shape (n_rows,)
    """
    fractions = check_fractions(fractions)
    # The finalizer of SplitMix64 (Steele, Lea and Flood 2014) turns consecutive counters into independent-looking bits.
    with np.errstate(over="ignore"):
        bits = np.arange(first_row, first_row + n_rows, dtype=np.uint64) + np.uint64(1)
        bits = (bits + np.uint64(seed & 0xFFFFFFFF) * np.uint64(0xD1342543DE82EF95)) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
    uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.digitize(uniform, np.cumsum(fractions)[:2]).astype(np.int8)


def normalize_text(text: str) -> str:
    """Reduce a text to what makes two texts duplicates: its words, in lower case, without markup or punctuation.

    Examples
    --------
    >>> normalize_text("It&#39;s <br />GREAT!!")
    'it s great'
    """
    without_markup = _TAG.sub(" ", html.unescape(text))
    return _NOT_WORD.sub(" ", without_markup.casefold()).strip()


def parts_by_text(texts: Iterable[str], fractions: Sequence[float] = TEXT_FRACTIONS) -> NDArray[np.int8]:
    """Part (0 train, 1 validation, 2 test) of each text, from a hash of its normalized words.

    Duplicates fall into the same part, whatever file they are in and whatever stands beside them.

    Parameters
    ----------
    texts : iterable of str
    fractions : sequence of three floats, default=(0.7, 0.1, 0.2)

    Returns
    -------
    ndarray of int8 of shape (n_texts,)
    """
    edges = np.cumsum(check_fractions(fractions))[:2]
    return np.digitize(_uniform_by_text(texts), edges).astype(np.int8)


def folds_by_text(texts: Iterable[str], n_folds: int) -> NDArray[np.intp]:
    """Fold of each text for cross-validation, from a hash of its normalized words: duplicates share a fold.

    Parameters
    ----------
    texts : iterable of str
    n_folds : int

    Returns
    -------
    ndarray of intp of shape (n_texts,)
        From 0 to ``n_folds - 1``; folds have the same size on average.

    Raises
    ------
    ValueError
        If there are fewer than two folds.
    """
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; it must be at least 2")
    return np.floor(_uniform_by_text(texts) * n_folds).astype(np.intp)


def _uniform_by_text(texts: Iterable[str]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each text, the same for duplicates."""
    digests = [hashlib.sha256(normalize_text(text).encode("utf-8", "surrogatepass")).digest()[:8] for text in texts]
    bits = np.frombuffer(b"".join(digests), dtype=">u8") >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53
