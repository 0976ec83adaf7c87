import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hardzero.analysis.measures import hoyer, jaccard, relative_change, treves_rolls, treves_rolls_from_sums

activities = arrays(np.float64, (5, 8), elements=st.floats(0, 1e3).map(lambda value: value if value > 1e-3 else 0.0))


@pytest.mark.parametrize("measure", [treves_rolls, hoyer])
def test_one_active_unit_is_fully_sparse_and_equal_units_not_at_all(measure):
    np.testing.assert_allclose(measure([[0, 0, 5.0], [2, 2, 2]]), [1, 0], atol=1e-12)


def test_half_of_four_units_active():
    # a = (2/4)² / (2/4) = 1/2, S = (1 - 1/2) / (1 - 1/4); Hoyer (2 - 2/√2) / (2 - 1).
    assert treves_rolls([1.0, 1.0, 0, 0]) == pytest.approx(2 / 3)
    assert hoyer([1.0, 1.0, 0, 0]) == pytest.approx(2 - np.sqrt(2))


def test_measures_have_no_value_for_silence_and_for_one_unit():
    assert np.isnan(treves_rolls([[0.0, 0.0]])).all()
    assert np.isnan(hoyer([[0.0, 0.0]])).all()
    assert np.isnan(treves_rolls([[3.0]])).all()
    assert np.isnan(hoyer([[3.0]])).all()


@given(activities, st.floats(0.01, 100))
def test_sparsity_lies_between_0_and_1_and_ignores_scale_sign_and_order(activity, scale):
    for measure in (treves_rolls, hoyer):
        values = measure(activity)
        active = activity.any(axis=1)
        assert np.isfinite(values[active]).all()
        assert ((values[active] >= 0) & (values[active] <= 1)).all()
        np.testing.assert_allclose(measure(-scale * activity[:, ::-1]), values, atol=1e-6)


@given(activities)
def test_sums_give_the_same_as_the_activities(activity):
    sums = activity.sum(axis=0), np.square(activity).sum(axis=0)
    np.testing.assert_allclose(treves_rolls_from_sums(*sums, len(activity)), treves_rolls(activity, axis=0))


def test_jaccard_counts_common_units_over_all_units():
    first = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4]])
    second = np.array([[9, 0, 9, 0], [0, 9, 0, 0], [0, 0, 0, 0], [4, 3, 2, 1]])
    np.testing.assert_allclose(jaccard(first, second), [1 / 3, 0, 1, 1])


@given(activities, activities)
def test_jaccard_is_symmetric_and_1_for_a_set_with_itself(first, second):
    overlap = jaccard(first, second)
    np.testing.assert_array_equal(overlap, jaccard(second, first))
    assert ((overlap >= 0) & (overlap <= 1)).all()
    np.testing.assert_array_equal(jaccard(first, first), 1)


def test_relative_change_is_a_ratio_of_norms():
    before = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(relative_change(before, np.array([[3.0, 9.0], [1.0, 1.0]])), [1.0, np.nan])
