import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardzero.datasets.splits import (
    check_fractions,
    folds_by_text,
    normalize_text,
    parts_by_row,
    parts_by_text,
    stratified_parts,
)


@given(
    labels=st.lists(st.integers(0, 4), min_size=9, max_size=200),
    seed=st.integers(0, 100),
)
def test_stratified_parts_partition_the_samples_and_keep_every_class_in_train(labels, seed):
    labels = np.array(labels)
    parts = stratified_parts(labels, len(labels), (0.6, 0.2, 0.2), seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    assert set(labels[parts[0]]) == set(labels)
    assert len(parts[0]) == round(0.6 * len(labels))


@given(class_size=st.integers(20, 200), seed=st.integers(0, 20))
def test_stratified_parts_spread_each_class_evenly(class_size, seed):
    labels = np.repeat([0, 1, 2], [class_size, 2 * class_size, 3 * class_size])
    for part, share in zip(stratified_parts(labels, len(labels), (0.6, 0.2, 0.2), seed), (0.6, 0.2, 0.2), strict=True):
        counts = np.bincount(labels[part], minlength=3)
        np.testing.assert_allclose(counts, share * np.array([1, 2, 3]) * class_size, atol=4)


def test_stratified_parts_are_fixed_by_the_seed():
    labels = np.arange(100) % 7
    first, again, other = (stratified_parts(labels, 100, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@given(n_samples=st.integers(1, 60), share=st.floats(0.01, 0.99))
def test_a_fraction_of_zero_leaves_that_part_empty(n_samples, share):
    for empty in (1, 2):
        parts = stratified_parts(None, n_samples, np.insert([share, 1 - share], empty, 0.0))
        assert len(parts[empty]) == 0
        assert len(parts[0]) == round(share * n_samples)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.9, 0.2, 0.2), (0.0, 0.5, 0.5), (1.2, -0.1, -0.1)])
def test_fractions_that_are_no_division_are_refused(fractions):
    with pytest.raises(ValueError, match="fractions is"):
        check_fractions(fractions)


@given(st.integers(0, 10**9), st.integers(1, 50), st.integers(0, 50), st.integers(0, 5))
def test_a_rows_part_does_not_depend_on_the_chunk_it_is_read_in(first_row, n_rows, n_more, seed):
    whole = parts_by_row(first_row, n_rows + n_more, seed=seed)
    pieces = [parts_by_row(first_row, n_rows, seed=seed), parts_by_row(first_row + n_rows, n_more, seed=seed)]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_rows_are_divided_by_the_fractions():
    shares = np.bincount(parts_by_row(0, 100_000, (0.5, 0.2, 0.3), seed=1)) / 100_000
    np.testing.assert_allclose(shares, [0.5, 0.2, 0.3], atol=0.01)


def test_different_seeds_divide_rows_independently():
    first, second = parts_by_row(0, 10_000, seed=0), parts_by_row(0, 10_000, seed=1)
    agreement = np.mean(first == second)
    assert abs(agreement - (0.6**2 + 0.2**2 + 0.2**2)) < 0.03


@pytest.mark.parametrize(
    ("text", "normal"),
    [("It&#39;s GREAT!!", "it s great"), ("a<br />b", "a b"), ("  ", ""), ("Straße_1", "strasse 1")],
)
def test_normalize_text(text, normal):
    assert normalize_text(text) == normal


def test_texts_with_the_same_words_share_part_and_fold():
    texts = [f"Text number {i}" for i in range(500)]
    variants = [f"text <br /> NUMBER, {i}!" for i in range(500)]
    assert np.array_equal(parts_by_text(texts), parts_by_text(variants))
    assert np.array_equal(folds_by_text(texts, 10), folds_by_text(variants, 10))


def test_folds_are_of_similar_size():
    counts = np.bincount(folds_by_text((str(i) for i in range(20_000)), 10))
    assert len(counts) == 10
    assert abs(counts - 2000).max() < 200


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="n_folds is 1"):
        folds_by_text(["a"], 1)
