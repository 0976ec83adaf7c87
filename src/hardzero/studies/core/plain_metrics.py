"""What a study measured, as values that the store can keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from hardzero.studies.core.run_store import check_names
from hardzero.studies.core.study import Metrics, Study


def plain_metrics(study: Study, settings: Mapping[str, Any], metrics: Any) -> Metrics:
    """Return metrics as the store gives them back: NumPy's numbers and arrays become numbers and lists.

    Parameters
    ----------
    study : Study
        Named in errors.
    settings : mapping
        Of the run.
    metrics : dict
        What its `measure` returned.

    Returns
    -------
    dict
        JSON values by name.

    Raises
    ------
    TypeError
        If the metrics are no dict, or one of them cannot be kept.
    ValueError
        If one of them is named like a column of the store's own, or like a setting.

    Examples
    --------
    >>> from hardzero.studies import get_study
    >>> plain_metrics(get_study("table1"), {}, {"errors": np.int64(3), "zeros": np.array([0.5, 0.25])})
    {'errors': 3, 'zeros': [0.5, 0.25]}
    """
    if not isinstance(metrics, dict):
        raise TypeError(f"measure of {study.name} returned {metrics!r}: it must return a dict of numbers")
    check_names(metrics, f"a metric of {study.name}")
    for name in metrics:
        if name in settings:
            raise ValueError(
                f"the metric {name!r} of {study.name} would take the place of the setting of that name in the table of "
                "runs: rename one of the two"
            )
    plain: Metrics = {}
    for name, value in metrics.items():
        try:
            plain |= json.loads(json.dumps({name: value}, default=_without_numpy))
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"the metric {name!r} of {study.name} cannot be kept ({error}): return numbers or lists of numbers"
            ) from error
    return plain


def _without_numpy(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no value of JSON")
