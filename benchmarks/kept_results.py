"""Results in a file, from which a later call of the same command goes on."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class OutOfTime(Exception):
    """What is measured so far is in the file of results."""


@dataclass
class Results:
    """What is measured, kept in a file from which a later call goes on.

    Parameters
    ----------
    path : Path or None
        A line of JSON a result; None keeps nothing.
    minutes : float
        After which nothing more is started.
    """

    path: Path | None
    minutes: float = float("inf")
    found: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.deadline = time.perf_counter() + 60 * self.minutes
        if self.path is not None and self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.found = dict(json.loads(line) for line in lines)

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """Return the result of that name, measuring it where it is new."""
        if key not in self.found:
            if time.perf_counter() > self.deadline:
                raise OutOfTime
            self.found[key] = measure()
            print(f"{key}: {self.found[key]}", file=sys.stderr, flush=True)
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, self.found[key]]) + "\n")
        return self.found[key]
