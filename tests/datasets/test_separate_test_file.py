"""Test samples in a file of their own."""

import numpy as np
import pytest

from hardzero import datasets

TABLE = "a,b,label\n" + "".join(f"{i},{i * i},{'xyz'[i % 3]}\n" for i in range(60))


def test_all_of_the_other_file_serves_training_and_validation(write):
    table, test = write("table.csv", TABLE), write("test.csv", "label,id,b,a\ny,1,4,2\nx,2,9,3\n")
    dataset = datasets.load(table, test=test)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (45, 15, 2)
    assert dataset.test.X.tolist() == [[2, 4], [3, 9]]
    assert dataset.test.y.tolist() == ["y", "x"]
    assert "2 test samples from test.csv" in dataset.description


def test_the_shares_keep_their_proportion(write):
    table, test = write("table.csv", TABLE), write("test.csv", TABLE)
    dataset = datasets.load(table, test=test, fractions=(0.25, 0.25, 0.5))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (30, 30, 60)


def test_labels_are_read_as_those_to_train_on(write):
    table = write("table.csv", "a,label\n" + "".join(f"{i},{i % 4}\n" for i in range(40)))
    dataset = datasets.load(table, test=write("test.csv", "a,label\n" + "".join(f"{i},{i % 2}.0\n" for i in range(9))))
    assert dataset.test.y.dtype == dataset.train.y.dtype
    assert dataset.test.y.tolist() == [i % 2 for i in range(9)]


def test_an_unknown_class_is_named(write):
    table, test = write("table.csv", TABLE), write("test.csv", "a,b,label\n1,2,x\n1,2,other\n")
    with pytest.raises(ValueError, match=r"'other' in row 3 of test\.csv, which is none of the 3 known classes"):
        datasets.load(table, test=test)


def test_categories_and_missing_numbers_become_the_features_of_the_other_file(write):
    rows = "".join(f"{'rg'[i % 2]},{'' if i % 5 == 0 else i},{i % 2}\n" for i in range(40))
    table, test = write("table.csv", "color,a,label\n" + rows), write("test.csv", "color,a,label\ng,,1\nr,2,0\n")
    dataset = datasets.load(table, test=test, categories="color", fill_missing=True)
    assert dataset.feature_names == ("color=g", "color=r", "a", "a=")
    assert dataset.test.X.tolist() == [[1, 0, 0, 1], [0, 1, 2, 0]]


def test_texts(write):
    table = write("table.csv", "text,label\n" + "".join(f"film {i},{i % 2}\n" for i in range(40)))
    dataset = datasets.load(table, text="text", test=write("test.csv", "label,text\n1,a film\n"))
    assert dataset.is_text
    assert dataset.test.X.tolist() == ["a film"]


def test_columns_given_by_index_are_those_of_the_file_to_train_on(write):
    table = write("table.csv", "text,label,id\n" + "".join(f"film {i},{i % 2},n{i}\n" for i in range(40)))
    dataset = datasets.load(table, text=0, target=1, test=write("test.csv", "id,text,label\nn99,a film,1\n"))
    assert (dataset.test.X.tolist(), dataset.test.y.tolist()) == (["a film"], [1])


def test_indices_of_svmlight_begin_where_those_to_train_on_do(write):
    lines = "".join(f"{i % 2} 0:{i} 2:1\n" for i in range(40))
    dataset = datasets.load(write("table.svm", lines), test=write("test.svm", "1 1:5\n"))
    assert dataset.test.X.toarray().tolist() == [[0, 5, 0]]


def test_arrays(tmp_path):
    X = np.arange(80, dtype=np.float32).reshape(40, 2)
    np.savez(tmp_path / "table.npz", X=X, y=np.arange(40) % 2)
    np.savez(tmp_path / "test.npz", X=X[:5], y=np.arange(5) % 2)
    dataset = datasets.load(tmp_path / "table.npz", test=tmp_path / "test.npz")
    np.testing.assert_array_equal(dataset.test.X, X[:5])
    np.savez(tmp_path / "narrow.npz", X=X[:5, :1], y=np.arange(5) % 2)
    with pytest.raises(ValueError, match="1 feature"):
        datasets.load(tmp_path / "table.npz", test=tmp_path / "narrow.npz")


def test_a_file_that_is_divided_already_takes_none(tmp_path):
    X, y = np.arange(8, dtype=np.float32).reshape(4, 2), np.arange(4) % 2
    arrays = {
        f"{name}_{part}": value for part in ("train", "validation", "test") for name, value in (("X", X), ("y", y))
    }
    np.savez(tmp_path / "table.npz", **arrays)
    with pytest.raises(ValueError, match="brings its own splits: leave out test="):
        datasets.load(tmp_path / "table.npz", test=tmp_path / "table.npz")
