"""What must not disturb training: a Ctrl-C ends it with its best state kept, and warnings wait until it is over."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hardzero.cli.errors import warn
from hardzero.cli.option_names import with_option_names


@dataclass
class Interruption:
    """Whether the user pressed Ctrl-C."""

    happened: bool = field(default=False)


@contextmanager
def guarded() -> Iterator[Interruption]:
    """Note a Ctrl-C, and keep warnings for after training."""
    interruption = Interruption()
    with _interruptible(interruption), _warnings_shown_after():
        yield interruption


@contextmanager
def _interruptible(interruption: Interruption) -> Iterator[None]:
    """Note a Ctrl-C, which the training loop takes as the order to stop and keep its best state."""

    def note(number: int, frame: Any) -> None:
        if interruption.happened:  # the best state is being kept
            return
        interruption.happened = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job of a shell
        yield
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def _warnings_shown_after() -> Iterator[None]:
    """Keep warnings out of the live display, and show in a line each those that matter here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    from sklearn.exceptions import ConvergenceWarning

    from hardzero.interruption import TrainingInterrupted

    expected = (ConvergenceWarning, TrainingInterrupted)
    for message in dict.fromkeys(str(item.message) for item in caught if not issubclass(item.category, expected)):
        warn(with_option_names(message))
