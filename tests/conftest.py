"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hardzero import threads
from hardzero.ops import get_ops


@pytest.fixture(params=["reference", "native"])
def ops(request):
    """Each implementation of ops, on one thread."""
    return get_ops(n_threads=1, name=request.param)


@pytest.fixture
def several_cores(monkeypatch):
    """Four cores, on whatever machine, so that `n_jobs` up to 4 is that many threads."""
    monkeypatch.setattr(threads, "available_cores", lambda: 4)


@pytest.fixture(scope="session")
def digits():
    """Images of handwritten digits, from 0 to 1, and their classes."""
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


def pytest_collection_modifyitems(items):
    if os.environ.get("HARDZERO_DATA"):
        return
    skip = pytest.mark.skip(reason="set HARDZERO_DATA to the directory with the real data sets")
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close the figures that a test has drawn, before matplotlib warns of too many."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
