"""What must not disturb training: a Ctrl-C ends it with its best state saved, and warnings wait until it is over."""

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
    """Whether the user pressed Ctrl-C.

    Attributes
    ----------
    happened : bool
        Whether it ended training early.
    training_is_over : bool
        Whether all that is left to do is to save the model.
    waits : bool
        Whether it was first pressed then, and is to be heeded once the model is saved.
    """

    happened: bool = field(default=False, init=False)
    training_is_over: bool = field(default=False, init=False)
    waits: bool = field(default=False, init=False)


@contextmanager
def saved_first() -> Iterator[Interruption]:
    """Note a Ctrl-C, which the training loop takes as the order to stop, and raise nothing after training."""
    interruption = Interruption()

    def note(number: int, frame: Any) -> None:
        if interruption.happened:  # the best state is being kept
            return
        if interruption.training_is_over:
            interruption.waits = True
            return
        interruption.happened = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job of a shell
        yield interruption
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def warnings_shown_after() -> Iterator[None]:
    """Keep warnings out of what is displayed meanwhile, and show in a line each those that matter here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    from sklearn.exceptions import ConvergenceWarning

    from hardzero.interruption import TrainingInterrupted

    expected = (ConvergenceWarning, TrainingInterrupted)
    for message in dict.fromkeys(str(item.message) for item in caught if not issubclass(item.category, expected)):
        warn(with_option_names(message))
