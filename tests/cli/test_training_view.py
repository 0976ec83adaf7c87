"""What is shown while a network trains."""

from __future__ import annotations

import time
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from hardzero.cli.training_view import TrainingView
from hardzero.training import EpochReport


@pytest.mark.parametrize("is_terminal", [False, True])
def test_the_display_ends_without_the_training_that_failed(is_terminal):
    shown, bests = StringIO(), [(0.7, 1), (0.8, 2)]
    view = TrainingView(Console(file=shown, force_terminal=is_terminal), "title", True, (4,), lambda: bests.pop(0))
    with view:
        for epoch, score in ((1, 0.7), (2, 0.8)):
            view(EpochReport(epoch, 100, 1.0, score, np.array([0.5]), 10.0, 50, 0.1))
        bests.clear()
    assert "(best 20.00%, epoch 2)" in shown.getvalue()


@pytest.mark.parametrize(("first_epoch", "left"), [(1, "16:30"), (91, "1:30")])
def test_the_time_left_follows_from_the_epochs_of_this_process(first_epoch, left):
    shown = StringIO()
    view = TrainingView(Console(file=shown), "title", True, (4,), lambda: None)
    view.started = time.perf_counter() - 10.0
    view(EpochReport(first_epoch, 100, 1.0, None, np.array([0.5]), 10.0, 50, 0.1))
    assert shown.getvalue().strip().endswith(f"{left} left")
