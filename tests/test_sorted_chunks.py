"""Chunks that differ in their classes."""

from __future__ import annotations

import numpy as np
import pytest

from hardzero.sorted_chunks import association


def test_association_of_chunks_and_classes_is_free_of_chance():
    random = np.random.default_rng(1)
    assert association(random.multinomial(3, np.full(10, 0.1), size=40)) < 0.2
    assert association(np.eye(5, dtype=int)[:, [0, 1, 2, 3, 4]] * 20) == pytest.approx(1.0, abs=0.02)
    assert association(np.array([[7, 0]])) == 0.0
