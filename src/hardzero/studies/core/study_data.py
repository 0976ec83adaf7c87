"""Data sets as studies see them: those of the catalog as they are, a user's file with scaled features."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from hardzero.data_fault import DataFault
from hardzero.datasets.catalog import is_named, load
from hardzero.datasets.categories import missing_pairs
from hardzero.datasets.dataset import Dataset, Split
from hardzero.scaling import LinearScaling
from hardzero.studies.core.study import check_data

if TYPE_CHECKING:
    from hardzero.studies.core.study import Study


def checksum_of(name: str, study: Study | None = None) -> str:
    """Return the checksum of a data set, which is not kept in memory; of a study's own, only if it can be run on it."""
    data = _load(name)
    if study is not None:
        check_data(study, data)
    return data.checksum


@lru_cache(maxsize=2)
def load_data(name: str) -> Dataset:
    """Load a data set once per process."""
    return _load(name)


def _load(name: str) -> Dataset:
    try:
        data = load(name)
    except DataFault as fault:
        # A study has no parameters for how a file is read.
        raise fault.for_caller(lambda parameter: False) from fault
    return data if is_named(name) or data.is_text else _scaled(data)


def _scaled(data: Dataset) -> Dataset:
    """Return a data set whose features are scaled as those of its training part need it."""
    scaling = LinearScaling.where_needed(data.train.X, missing_pairs(data.feature_names))
    if scaling is None:
        return data
    train, validation, test = (
        Split(scaling.apply(part.X), part.y) for part in (data.train, data.validation, data.test)
    )
    return replace(data, train=train, validation=validation, test=test)
