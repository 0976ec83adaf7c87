"""The naps study, by its file."""

from pathlib import Path

import pytest


@pytest.fixture
def naps():
    return str(Path(__file__).with_name("naps.py"))
