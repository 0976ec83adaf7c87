"""Stacked sparse rows, and their 32-bit indices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from hardzero import csr_rows
from hardzero.csr_rows import shorten_indices, stack_csr_rows


def long_rows():
    rows = csr_array(np.float32([[0, 2, 0], [1, 0, 3]]))
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


def test_indices_become_short_and_tell_the_same():
    rows = long_rows()
    shorten_indices(rows)
    assert rows.indices.dtype == rows.indptr.dtype == np.int32
    np.testing.assert_array_equal(rows.toarray(), long_rows().toarray())


def test_short_indices_are_not_copied():
    rows = csr_array(np.eye(3, dtype=np.float32))
    before = rows.indices
    shorten_indices(rows)
    assert rows.indices is before


def test_indices_stay_long_where_short_ones_cannot_count(monkeypatch):
    monkeypatch.setattr(csr_rows, "MOST_NONZEROS", 2)
    rows = long_rows()
    shorten_indices(rows)
    assert rows.indices.dtype == rows.indptr.dtype == np.int64


@pytest.mark.parametrize("n_batches", [1, 3])
def test_batches_are_stacked_in_order(n_batches):
    stacked = stack_csr_rows([long_rows()] * n_batches)
    assert stacked.indices.dtype == stacked.indptr.dtype == np.int32
    np.testing.assert_array_equal(stacked.toarray(), np.tile(long_rows().toarray(), (n_batches, 1)))
