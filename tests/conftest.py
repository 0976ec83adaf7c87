"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from hardzero.ops import get_ops


@pytest.fixture(params=["reference", "native"])
def ops(request):
    """Each implementation of ops, on one thread."""
    return get_ops(n_threads=1, name=request.param)


@pytest.fixture
def reference_ops():
    return get_ops(name="reference")


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
