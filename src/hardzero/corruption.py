"""Corruption of a minibatch, from which a denoising autoencoder recovers the clean input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hardzero.ops import Ops, Rows
from hardzero.ops.random_bits import keep_threshold, mix

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Corruption(ABC):
    """A random change of the input.

    What happens to entry (i, j) is a function of the seed, i and j alone, so that it does not depend on the
    number of threads.
    """

    name: ClassVar[str]

    @abstractmethod
    def corrupt(self, ops: Ops, rows: Rows, seed: int) -> Rows:
        """Return a corrupted copy of a minibatch."""


@dataclass(frozen=True)
class MaskingNoise(Corruption):
    """Sets each entry to 0 with probability `level` (Vincent et al. 2008); the others keep their value.

    Parameters
    ----------
    level : float, default=0.25
        The level of Glorot, Bordes and Bengio (2011), section 4.1.

    Raises
    ------
    ValueError
        If `level` is not in [0, 1).
    """

    level: float = 0.25
    name: ClassVar[str] = "masking"

    def __post_init__(self) -> None:
        if not 0 <= self.level < 1:
            raise ValueError(f"the level of masking noise must lie in [0, 1), got {self.level!r}")

    def corrupt(self, ops: Ops, rows: Rows, seed: int) -> Rows:
        """Return the minibatch with a part of its entries at zero; zeros stay zeros."""
        return ops.dropout(rows, self.level, seed, scale=1.0) if self.level else rows


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    """Adds normal noise to every entry. The corrupted minibatch is dense.

    Parameters
    ----------
    level : float, default=0.25
        Standard deviation, in the unit of the input.

    Raises
    ------
    ValueError
        If `level` is negative or not finite.
    """

    level: float = 0.25
    name: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.level) and self.level >= 0):
            raise ValueError(f"the level of Gaussian noise must be finite and not negative, got {self.level!r}")

    def corrupt(self, ops: Ops, rows: Rows, seed: int) -> Rows:
        """Return the minibatch plus noise (Box and Muller 1958 from two 32-bit draws an entry)."""
        if not self.level:
            return rows
        bits = _draws(rows.shape, seed)
        radius = np.sqrt(-2.0 * np.log(_uniform(bits >> np.uint64(32))))
        angle = np.float32(2.0 * np.pi) * _uniform(bits & np.uint64(0xFFFFFFFF))
        return ops.rows(rows.dense() + np.float32(self.level) * radius * np.cos(angle))


@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    """Sets each entry with probability `level` to `low` or `high`, a fair coin deciding which.

    Parameters
    ----------
    level : float, default=0.25
    low, high : float, default=0.0, 1.0
        The two values: the least and the largest value of the input (estimators measure them).

    Raises
    ------
    ValueError
        If `level` is not in [0, 1].
    """

    level: float = 0.25
    low: float = 0.0
    high: float = 1.0
    name: ClassVar[str] = "salt_and_pepper"

    def __post_init__(self) -> None:
        if not 0 <= self.level <= 1:
            raise ValueError(f"the level of salt-and-pepper noise must lie in [0, 1], got {self.level!r}")

    def corrupt(self, ops: Ops, rows: Rows, seed: int) -> Rows:
        """Return the minibatch with a part of its entries at either end of the range."""
        if not self.level:
            return rows
        draw = (_draws(rows.shape, seed) >> np.uint64(32)).astype(np.uint32)
        either_end = np.where(draw & 1, np.float32(self.high), np.float32(self.low))
        return ops.rows(np.where(draw < keep_threshold(self.level), either_end, rows.dense()))


CORRUPTIONS: dict[str, type[Corruption]] = {kind.name: kind for kind in (MaskingNoise, GaussianNoise, SaltAndPepper)}


def get_corruption(corruption: str | Corruption | None, level: float = 0.25) -> Corruption | None:
    """Return the corruption of that name with that level, or the instance (or None) given.

    Parameters
    ----------
    corruption : {"masking", "gaussian", "salt_and_pepper"}, Corruption or None
        None does not corrupt: a plain autoencoder.
    level : float, default=0.25

    Raises
    ------
    ValueError
        If the name is unknown or the level is out of range.

    Examples
    --------
    >>> get_corruption("masking", 0.5)
    MaskingNoise(level=0.5)
    """
    if corruption is None or isinstance(corruption, Corruption):
        return corruption
    if corruption not in CORRUPTIONS:
        raise ValueError(f"unknown corruption {corruption!r}: choose one of {', '.join(CORRUPTIONS)}, or None")
    return CORRUPTIONS[corruption](level)  # type: ignore[call-arg]


def _draws(shape: tuple[int, int], seed: int) -> NDArray[np.uint64]:
    """Return 64 random bits for every entry of a minibatch."""
    return mix(np.arange(shape[0] * shape[1], dtype=np.uint64), seed).reshape(shape)


def _uniform(bits: NDArray[np.uint64]) -> Array:
    """Return uniform numbers in (0, 1) from 32-bit draws."""
    return ((bits >> np.uint64(8)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)
