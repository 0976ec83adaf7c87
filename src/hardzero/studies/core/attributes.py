"""What the attributes of a study's class must be, checked before anything is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hardzero.studies.core.study import Study


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(part, str) for part in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_numbers_by_text(value: Any) -> bool:
    return isinstance(value, Mapping) and _is_texts([*value]) and all(map(_is_whole, value.values()))


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "data": (_is_texts, "a sequence of names, such as ('digits',)"),
    "data_at_full_scale": (_is_texts, "a sequence of names, such as ('digits',)"),
    "unlabeled_data": (_is_text_or_none, "the name of a data set, or None"),
    "task": (lambda value: value in ("classification", "regression", None), "'classification', 'regression' or None"),
    "takes_text": (lambda value: value is None or isinstance(value, bool), "True, False or None"),
    "scales": (lambda value: _is_texts(value) and len(value) > 0, "a sequence of names, such as ('quick', 'full')"),
    "seeds": (_is_numbers_by_text, "a dict of whole numbers by scale, such as {'quick': 3, 'full': 5}"),
    "timed": (lambda value: isinstance(value, bool), "True or False"),
    "revision": (_is_whole, "a whole number"),
}
"""For each attribute that has a default: what tells whether a value will do, and what it must be, in words."""


def check_attributes(study: type[Study], source: str) -> None:
    """Raise a `ValueError` if a study lacks an attribute or a method, or has a value of the wrong kind in its place."""
    for attribute in ("name", "title", "claim"):
        if not isinstance(getattr(study, attribute, None), str):
            raise ValueError(f"the study {study.__name__} in {source} has no {attribute}: give it one, a str")
    for attribute, (will_do, wanted) in KINDS.items():
        value = getattr(study, attribute)
        if not will_do(value):
            raise ValueError(f"{attribute} of the study {study.__name__} in {source} must be {wanted}, got {value!r}")
    if inspect.isabstract(study):
        missing = ", ".join(sorted(study.__abstractmethods__))
        raise ValueError(f"the study {study.__name__} in {source} lacks what every study has: the method {missing}")
