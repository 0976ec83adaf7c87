"""Numbers that are missing from a table: refused, or 0 with a feature that says where."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardzero.datasets import iterate_chunks, load, read_table, scan_file
from hardzero.datasets.categories import MISSING_NUMBERS, categories_of, missing_pairs

TABLE = "size,age,color,y\n" + "1,30,red,0\n2,,blue,1\n3,40.5,,0\n4,NA,red,1\n" * 5
NAMES = ("size", "age", "age=", "color=", "color=blue", "color=red")
ROWS = [[1, 30, 0, 0, 0, 1], [2, 0, 1, 0, 1, 0], [3, 40.5, 0, 1, 0, 0], [4, 0, 1, 0, 0, 1]]


def test_missing_numbers_are_0_and_a_feature_says_where(write):
    table = read_table(write("a.csv", TABLE), target="y", categories="color", fill_missing=True)
    assert table.feature_names == NAMES
    assert table.X[:4].tolist() == ROWS
    assert missing_pairs(table.feature_names) == ((1, 2),)


numbers = st.sampled_from(["1", "-2.5", "7e3", *MISSING_NUMBERS])


@settings(deadline=None)
@given(
    st.lists(st.tuples(numbers, st.integers(0, 9), numbers, st.booleans()), min_size=1, max_size=30), st.integers(1, 7)
)
def test_features_are_those_of_pandas_whole_and_in_chunks(tmp_path_factory, rows, chunk_rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    frame = pd.DataFrame(rows, columns=["p", "n", "q=r", "y"])
    frame.to_csv(path, index=False)
    expected = {}
    for name in ("p", "n", "q=r"):
        column = pd.to_numeric(frame[name].replace(list(MISSING_NUMBERS), np.nan))
        expected[name] = column.fillna(0)
        if column.isna().any():
            expected[f"{name}="] = column.isna()
    options = {"target": "y", "task": "classification"}
    table = read_table(path, fill_missing=True, **options)
    assert table.feature_names == tuple(expected)
    np.testing.assert_array_equal(table.X, pd.DataFrame(expected).to_numpy(np.float32))
    for ways in ({"fill_missing": True}, {"feature_names": table.feature_names}):
        chunks = iterate_chunks(path, chunk_rows, **ways, **options)
        np.testing.assert_array_equal(np.vstack([X for X, _ in chunks]), table.X)


def test_new_data_may_lack_what_the_data_of_the_model_lacked_and_nothing_else(write):
    path = write("new.csv", "color,age,size\nred,,2\nblue,5,3\n")
    table = read_table(path, feature_names=NAMES)
    assert table.X.tolist() == [[2, 0, 1, 0, 0, 1], [3, 5, 0, 0, 1, 0]]
    with pytest.raises(ValueError, match=r"'size' is missing in row 2 of gap.csv, .* no feature; fill it in, or rem"):
        read_table(write("gap.csv", "color,age,size\nred,1,\n"), feature_names=NAMES)
    with pytest.raises(
        ValueError, match=r"'size' holds texts, such as 'S' in row 2 .*, where the model takes numbers$"
    ):
        read_table(write("c.csv", "color,age,size\nred,1,S\nred,2,M\n"), feature_names=NAMES)
    with pytest.raises(ValueError, match=r"'size' is 'S' in row 3 of d.csv, which is not a number$"):
        read_table(write("d.csv", "color,age,size\nred,1,1\nred,2,S\n"), feature_names=NAMES)
    with pytest.raises(ValueError, match="lacks 2 of the 6 feature columns of the model: age, age="):
        read_table(write("b.csv", "color,size\nred,1\n"), feature_names=NAMES)


def test_the_categories_of_a_model_say_where_numbers_may_be_missing(write):
    path = write("a.csv", TABLE)
    found = load(path, target="y", categories="all", fill_missing=True)
    again = load(path, target="y", categories=categories_of(found.feature_names, ["size", "age", "color"]))
    assert again.feature_names == found.feature_names == NAMES
    assert again.checksum == found.checksum


@pytest.mark.parametrize("value", ["", "NA", "?", "nan"])
def test_by_default_they_are_refused_with_the_remedy(write, value):
    path = write("a.csv", f"size,age,y\n1,2,0\n1,{value},1\n" + "2,3,0\n" * 9)
    expected = r"'age' is missing.* in row 3 of a.csv; fill it in, remove the row, or fit with fill_missing=True"
    with pytest.raises(ValueError, match=expected):
        load(path, target="y")


def test_texts_are_no_missing_numbers(write):
    with pytest.raises(ValueError, match=r"column 'age' is 'old' in row 3 of a.csv .*, which is not a number"):
        load(write("a.csv", "size,age,y\n" + "1,2,0\n1,old,1\n2,,0\n" * 5), target="y", fill_missing=True)


def test_decimal_commas_may_be_missing_too(write):
    path = write("a.csv", "size;age;y\n1,5;2,5;0\n2;?;1\n")
    table = read_table(path, target="y", task="classification", decimal=",", fill_missing=True)
    assert table.X.tolist() == [[1.5, 2.5, 0], [2, 0, 1]]


def test_blanks_around_what_stands_for_a_missing_number_do_not_count(write):
    path = write("a.csv", "size,age,y\n1 , 5 ,0\n2, ? ,1\n3,NA ,0\n")
    table = read_table(path, target="y", task="classification", fill_missing=True)
    assert table.X.tolist() == [[1, 5, 0], [2, 0, 1], [3, 0, 1]]
    assert read_table(path, feature_names=table.feature_names).X.tolist() == table.X.tolist()


def test_a_row_that_is_too_short_is_not_one_of_missing_numbers(write):
    with pytest.raises(ValueError, match=r"row 3 of a.csv has 2 fields where 3 are expected"):
        load(write("a.csv", "y,size,age\n0,1,2\n1,2\n0,3,\n"), target="y", fill_missing=True)


def test_a_scan_knows_the_features(write):
    assert scan_file(write("a.csv", TABLE), target="y", categories="all", fill_missing=True).feature_names == NAMES


def test_files_that_cannot_lack_numbers_refuse_the_option(write, tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(4), y=[0, 1, 0, 1])
    with pytest.raises(ValueError, match="as CSV and TSV files have: leave out fill_missing="):
        load(tmp_path / "a.npz", fill_missing=True)
    with pytest.raises(ValueError, match="fill_missing= cannot be chosen for the named data set 'digits'"):
        load("digits", fill_missing=True)
    with pytest.raises(ValueError, match="text= goes with neither"):
        load(write("a.csv", "text,y\n" + "the one,0\nthe other,1\n" * 5), text="text", fill_missing=True)


def test_names_that_could_be_taken_for_such_features_are_refused(write):
    with pytest.raises(ValueError, match="rename them"):
        load(write("a.csv", "age,age=,y\n" + "1,1,0\n,2,1\n" * 5), target="y", fill_missing=True)
