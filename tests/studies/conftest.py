"""The naps study, by its file."""

import signal
from pathlib import Path

import pytest


@pytest.fixture
def naps():
    return str(Path(__file__).with_name("naps.py"))


@pytest.fixture
def heeds_interrupts():
    """Whoever started the tests in the background may have told them to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
