"""Equal rows merged into one."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.sparse import csr_array

from hardzero import RectifierClassifier
from hardzero.repeated_rows import merge_repeated_rows


def weighted_rows(X, targets, weights):
    """Return the total weight of each distinct row."""
    totals = {}
    for row, target, weight in zip(X.tolist(), targets.tolist(), weights, strict=True):
        key = (tuple(row), tuple(target))
        totals[key] = totals.get(key, 0.0) + float(weight)
    return {key: total for key, total in totals.items() if total}


@given(
    values=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30),
    seed=st.integers(0, 1000),
    sparse=st.booleans(),
    weighted=st.booleans(),
)
def test_the_weight_of_every_row_is_kept_whatever_the_order(values, seed, sparse, weighted):
    random = np.random.RandomState(seed)
    table = np.array(values, dtype=np.float32)
    X, targets = table[:, :2], table[:, 2:]
    weights = random.randint(0, 3, len(table)).astype(np.float32) if weighted else None
    given_X = csr_array(X) if sparse else X
    merged = merge_repeated_rows(given_X, targets, weights)
    kept = merged[0].toarray() if sparse else merged[0]
    kept_weights = np.ones(len(kept)) if merged[2] is None else merged[2]
    counted = np.ones(len(table)) if weights is None else weights
    assert weighted_rows(kept, merged[1], kept_weights) == weighted_rows(X, targets, counted)
    assert len(kept) == len(weighted_rows(X, targets, counted))
    order = random.permutation(len(table))
    again = merge_repeated_rows(given_X[order], targets[order], None if weights is None else weights[order])
    assert np.array_equal(again[0].toarray() if sparse else again[0], kept)
    assert np.array_equal(again[1], merged[1])
    assert np.array_equal(np.ones(len(kept)) if again[2] is None else again[2], kept_weights)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_full_batch_gives_the_same_bits_in_any_order_of_the_rows():
    random = np.random.RandomState(0)
    X, y = random.rand(40, 7).astype(np.float32), random.randint(0, 3, 40)
    order = random.permutation(40)
    first = RectifierClassifier(hidden_layer_sizes=(20,), max_iter=30, random_state=0).fit(X, y)
    second = RectifierClassifier(hidden_layer_sizes=(20,), max_iter=30, random_state=0).fit(X[order], y[order])
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
