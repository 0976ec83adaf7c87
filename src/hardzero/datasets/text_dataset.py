"""Assembling a data set of raw texts whose splits are fixed by the texts themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.datasets.dataset import Dataset, Split
from hardzero.datasets.splits import PARTS, parts_by_text


def assemble_text_dataset(
    texts: Sequence[str],
    y: NDArray[Any],
    *,
    name: str,
    task: str,
    target_name: str,
    class_names: tuple[str, ...] | None,
    description: str,
) -> Dataset:
    """Divide texts by a hash of their words, so that duplicates never straddle two splits."""
    X = np.empty(len(texts), dtype=object)
    X[:] = texts
    part = parts_by_text(texts)
    train, validation, test = (Split(X[part == index], y[part == index]) for index in range(len(PARTS)))
    return Dataset(
        name=name,
        task=task,
        train=train,
        validation=validation,
        test=test,
        feature_names=None,
        target_names=(target_name,),
        class_names=class_names,
        image_shape=None,
        description=description,
        is_text=True,
    )


def chosen(what: str, wanted: Iterable[str], available: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted parts of a data set, in the order of `available`.

    Raises
    ------
    ValueError
        If one is unknown or none is wanted.
    """
    given = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    unknown = [name for name in given if name not in available]
    if unknown or not given:
        raise ValueError(f"{what} is {given}; it must name one or more of {', '.join(available)}")
    return tuple(name for name in available if name in given)
