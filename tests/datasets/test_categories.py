"""Columns of categories: one feature of 0 and 1 for each category, found again by its name."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardzero.datasets import iterate_chunks, load, read_table, scan_file
from hardzero.datasets.categories import categories_of

TABLE = "size,color,y\n" + "1,red,0\n2,blue,1\n3,,0\n4,red,1\n5, blue ,0\n" * 4

NAMES = ("size", "color=", "color=blue", "color=red")


def test_a_category_is_1_where_a_row_has_it(write):
    table = read_table(write("a.csv", TABLE), target="y", categories="color")
    assert table.feature_names == NAMES
    assert table.X[:5].tolist() == [[1, 0, 0, 1], [2, 0, 1, 0], [3, 1, 0, 0], [4, 0, 0, 1], [5, 0, 1, 0]]
    assert table.X.dtype == np.float32
    assert table.unused_columns == ()


words = st.sampled_from(["a", "b", "c=d", "é", "7", ""])


@settings(deadline=None)
@given(st.lists(st.tuples(words, st.integers(0, 9), words, st.booleans()), min_size=1, max_size=30), st.integers(1, 7))
def test_features_are_those_of_pandas_whole_and_in_chunks(tmp_path_factory, rows, chunk_rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    frame = pd.DataFrame(rows, columns=["p", "n", "q=r", "y"])
    frame.to_csv(path, index=False)
    expected = pd.get_dummies(frame.drop(columns="y"), columns=["p", "q=r"], prefix_sep="=", dtype=np.float32)
    for name in ("p", "q=r"):
        if (frame[name] == "").all():
            expected[name] = 0  # as of numbers that are all missing
    options = {"target": "y", "task": "classification"}
    table = read_table(path, categories=["p", "q=r"], **options)
    assert set(table.feature_names) == set(expected.columns)
    np.testing.assert_array_equal(table.X, expected[list(table.feature_names)])
    for ways in ({"categories": ["q=r", 0]}, {"feature_names": table.feature_names}):
        chunks = iterate_chunks(path, chunk_rows, **ways, **options)
        np.testing.assert_array_equal(np.vstack([X for X, _ in chunks]), table.X)


def test_new_data_have_the_features_of_the_model_in_its_order(write):
    path = write("new.csv", "other,color,size\nx,red,2\ny,blue,3\n")
    table = read_table(path, feature_names=["color=red", "size", "color=blue"])
    assert table.X.tolist() == [[1, 2, 0], [0, 3, 1]]
    assert table.unused_columns == ("other",)
    with pytest.raises(ValueError, match="lacks 2 of the 3 feature columns of the model: color=red, color=blue"):
        read_table(write("a.csv", "size\n1\n"), feature_names=["color=red", "size", "color=blue"])


@pytest.mark.parametrize(("value", "what"), [("violet", "'violet'"), ("", "missing")])
def test_a_category_that_is_not_known_has_no_feature_and_is_told(write, value, what):
    path = write("new.csv", f"size,color\n1,red\n2,{value}\n3,{value}\n")
    with pytest.warns(UserWarning, match=f"column 'color' is {what} in row 3 of new.csv"):
        table = read_table(path, feature_names=["size", "color=red", "color=blue"])
    assert table.X.tolist() == [[1, 1, 0], [2, 0, 0], [3, 0, 0]]


def test_a_column_is_told_once_of_in_a_file_of_many_chunks(write):
    path = write("new.csv", "a,b\n" + "x,p\nv,q\n" * 20)
    with pytest.warns(UserWarning, match="which is none of its 1 known categories") as caught:
        list(iterate_chunks(path, 3, feature_names=["a=x", "b=q"]))
    told = sorted(str(warning.message).split(", ")[0] for warning in caught)
    assert told == ["column 'a' is 'v' in row 3 of new.csv", "column 'b' is 'p' in row 2 of new.csv"]


def test_columns_without_names_are_found_by_their_numbers_in_new_data(write):
    path = write("a.csv", "5,1.5,10\n7,2.5,20\n")
    options = {"header": False, "target": 2, "task": "regression"}
    fitted = read_table(path, categories=[0], **options)
    assert fitted.feature_names == ("column_1=5", "column_1=7", "column_2")
    for new in (path, write("b.csv", "5,1.5\n7,2.5\n")):
        table = read_table(new, feature_names=fitted.feature_names, header=False)
        np.testing.assert_array_equal(table.X, fitted.X)


def test_the_width_that_a_model_expects_is_that_with_categories(write):
    path = write("a.csv", TABLE)
    assert read_table(path, target="y", categories="color", n_features=4).X.shape[1] == 4
    with pytest.raises(ValueError, match="has 4 feature columns; 2 are expected"):
        read_table(path, target="y", categories="color", n_features=2)


def test_known_categories_are_told_by_their_column(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_table(write("a.csv", TABLE), target="y", categories={"1": ["red", "blue", "", "violet", "red"]})
    assert table.feature_names == ("size", "color=red", "color=blue", "color=", "color=violet")
    assert table.X[:3].tolist() == [[1, 1, 0, 0, 0], [2, 0, 1, 0, 0], [3, 0, 0, 1, 0]]


def test_all_columns_of_texts_have_categories_and_no_others(write):
    text = "a,b,c,y\n" + "".join(f"{i},{'xyz'[i % 3]},{i % 2}{'' if i % 2 else 'n'},{'pq'[i % 2]}\n" for i in range(20))
    dataset = load(write("a.csv", text.replace("n,", ",")), target="y", categories="all")
    assert dataset.feature_names == ("a", "b=x", "b=y", "b=z", "c")
    ages = load(write("c.csv", "age,y\n" + "18_25,0\nnan,1\ninf,0\n" * 4), target="y", categories="all")
    assert ages.feature_names == ("age=18_25", "age=inf", "age=nan")
    for content, culprit in [
        (text, "column 'c' is '0n' in row 2 .* name the column with categories="),
        ("a;y\n" + "1,5;0\n2,5;1\n" * 5, "column 'a' holds texts, such as '1,5'"),
        ("a,b,y\n" + "x,,0\nz,,1\n" * 5, "column 'b' is missing"),
    ]:
        with pytest.raises(ValueError, match=culprit):
            load(write("b.csv", content), target="y", categories="all")


def test_columns_are_named_besides_all_columns_of_texts(write):
    text = "zip,n,color,y\n" + "8001,1,red,0\n8002,2,blue,1\n" * 5
    expected = ("zip=8001", "zip=8002", "n", "color=blue", "color=red")
    for categories in (["all", "zip"], ["zip", "all"], ["all", 0, "color"]):
        assert load(write("a.csv", text), target="y", categories=categories).feature_names == expected
    every = load(write("a.csv", text), target="y", categories=["all", "zip", "n", "color"])
    assert every.feature_names == ("zip=8001", "zip=8002", "n=1", "n=2", "color=blue", "color=red")


def test_a_column_called_all_is_meant_by_its_name(write):
    text = "all,color,y\n" + "1,red,0\n2,blue,1\n" * 5
    named = load(write("a.csv", text), target="y", categories=["all", "color"])
    assert named.feature_names == ("all=1", "all=2", "color=blue", "color=red")
    with pytest.raises(ValueError, match="column 'color' holds texts"):
        load(write("a.csv", text), target="y", categories="all")


def test_a_file_is_scanned_with_its_categories(write):
    summary = scan_file(write("a.csv", TABLE), target="y", categories=["color"], chunk_rows=3)
    assert summary.feature_names == NAMES
    assert summary.n_features == len(NAMES)


def test_columns_without_names_may_have_categories(write):
    table = read_table(write("a.csv", "1,red\n2,blue\n"), header=False, categories=[1])
    assert table.feature_names == ("column_1", "column_2=blue", "column_2=red")


@pytest.mark.parametrize(
    ("content", "options", "complaint"),
    [
        (TABLE, {}, r'holds texts, .* in row 2 .* categories= .* \(categories="all"'),
        (TABLE, {"categories": "colour"}, "no column 'colour' for categories=.* Did you mean 'color'"),
        (TABLE, {"categories": ["y"]}, "'y' of .* is named by categories= and is no feature"),
        (TABLE, {"categories": ["color"], "ignore": ["color"]}, "is named by categories= and is no feature"),
        (TABLE, {"categories": ["size"], "text": "color"}, "text= goes with neither categories= nor"),
        ("a,y\n" + "".join(f"id{i},{i % 2}\n" for i in range(1001)), {"categories": "a"}, "more than 1000 different"),
        ("a,a=x,y\n" + "x,1,0\nz,2,1\n" * 5, {"categories": "a"}, "columns whose names with '=' could be taken"),
        ("a,a=b,y\n" + "b=c,1,0\nd,2,1\n" * 5, {"categories": "a"}, "columns whose names with '=' could be taken"),
        ("a,a=b,y\n" + "b=c,c,0\nd,c,1\n" * 5, {"categories": "all"}, "columns whose names with '=' could be taken"),
        (TABLE, {"categories": {"color": "red"}}, "categories of column 'color' are 'red': give a list of them"),
        (TABLE, {"categories": {"color": []}}, r"categories of column 'color' are \[\]: give a list of them"),
        ("a,y\n", {"categories": "a"}, "a header and no rows"),
        ("a,y\n", {"categories": "all"}, "a header and no rows"),
        ('a,y\n"x,2\n3,4\n', {"categories": "a"}, "quotation mark .* never closed"),
        ('a,y\n"x,2\n3,4\n', {"categories": "all"}, "quotation mark .* never closed"),
        ("a,y\nx,2,3\n", {"categories": "a"}, "row 2 of a.csv has 3 fields where 2 are expected"),
    ],
)
def test_what_cannot_be_categories_is_refused(write, content, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        load(write("a.csv", content), target="y", **options)


def test_arrays_have_no_columns_of_categories(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((9, 2)), y=np.arange(9) % 2)
    with pytest.raises(ValueError, match="as CSV and TSV files have: leave out categories="):
        load(tmp_path / "a.npz", categories="all")


def test_the_longest_column_that_begins_a_name_has_the_category():
    assert categories_of(["a=b=c", "a=d", "x"], ["a", "a=b", "x"]) == {"a=b": ("c",), "a": ("d",)}
