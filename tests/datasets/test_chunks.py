import csv
import tracemalloc
from itertools import chain

import numpy as np
import pytest

from hardzero.datasets import delimited, iterate_chunks, read_table, scan_file
from hardzero.datasets.splits import parts_by_row

TABLE = "width,height,label\n" + "".join(f"{i},{i * 2.5},{'ab'[i % 2]}\n" for i in range(20))


@pytest.mark.parametrize("chunk_rows", [1, 7, 20, 1000])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_chunks_are_the_whole(write, name, chunk_rows):
    path = write(name, TABLE)
    whole = read_table(path, target="label")
    chunks = list(iterate_chunks(path, chunk_rows, target="label"))
    assert max(len(X) for X, _ in chunks) <= chunk_rows
    np.testing.assert_array_equal(np.concatenate([X for X, _ in chunks]), whole.X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in chunks]), whole.y)


def test_chunks_without_a_target(write):
    assert all(y is None for _, y in iterate_chunks(write("a.csv", TABLE), 6, ignore=["label"]))


def test_chunks_of_text(write):
    path = write("a.csv", "text,label\n" + "".join(f'"a, {i}",{i % 2}\n' for i in range(10)))
    chunks = list(iterate_chunks(path, 4, text="text", target="label"))
    assert [text for X, _ in chunks for text in X] == [f"a, {i}" for i in range(10)]


@pytest.mark.parametrize("chunk_rows", [1, 7, 100])
@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1,x,a", "column 'height' is 'x' in row 22 of a.csv"),
        ("1,2,", "target 'label' is missing in row 22"),
        ("1,2,a,4", "row 22 of a.csv has 4 fields"),
        ("1,2", "row 22 of a.csv has 2 fields"),
    ],
)
def test_errors_name_the_row_of_the_file(write, chunk_rows, row, complaint):
    with pytest.raises(ValueError, match=complaint):
        list(iterate_chunks(write("a.csv", f"{TABLE}{row}\n"), chunk_rows, target="label"))


def test_empty_fields_cost_one_more_reading_of_the_file(write, monkeypatch):
    path = write("a.csv", "label,text\n" + "0,\n1,x\n" * 20)
    opened, open_text = [], delimited.open_text
    monkeypatch.setattr(delimited, "open_text", lambda *arguments: opened.append(1) or open_text(*arguments))
    limit = csv.field_size_limit()
    for texts, labels in iterate_chunks(path, 4, text="text", target="label"):
        assert texts.tolist() == ["", "x"] * 2
        assert labels.tolist() == [0, 1] * 2
        assert csv.field_size_limit() == limit
    assert len(opened) == 3


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_a_short_row_is_found_after_empty_fields(write, chunk_rows):
    path = write("a.csv", "id,label,text\n" + "5,0,\n6,1,x\n" * 20 + "7,1\n8,0,\n")
    with pytest.raises(ValueError, match=r"row 42 of a\.csv has 2 fields where 3 are expected"):
        list(iterate_chunks(path, chunk_rows, text="text", target="label"))


def test_what_the_first_chunk_settles_the_later_ones_must_keep(write):
    path = write("a.csv", "a,y\n" + "1,0\n2,1\n" * 4 + "3,x\n")
    with pytest.raises(ValueError, match=r"target 'y' is 'x' in row 10 .* classes="):
        list(iterate_chunks(path, 4, target="y"))
    labels = np.concatenate([y for _, y in iterate_chunks(path, 4, target="y", classes=np.array(["0", "1", "x"]))])
    assert labels.tolist() == ["0", "1"] * 4 + ["x"]


def test_a_minus_one_after_whole_labels_is_not_taken_for_unlabeled(write):
    path = write("a.csv", "a,y\n" + "1,0\n2,1\n" * 4 + "3,-1\n")
    with pytest.raises(ValueError, match=r"target 'y' is '-1' in row 10"):
        list(iterate_chunks(path, 4, target="y"))


@pytest.mark.parametrize("label", ["01", "1e30"])
def test_a_label_after_whole_ones_that_numbers_would_rename_is_refused(write, label):
    path = write("a.csv", "a,y\n" + "1,0\n2,1\n" * 4 + f"3,{label}\n")
    with pytest.raises(ValueError, match=rf"target 'y' is '{label}' in row 10 .* classes="):
        list(iterate_chunks(path, 4, target="y"))


def test_labels_beyond_the_known_classes_are_refused(write):
    with pytest.raises(ValueError, match=r"'b' in row 3 of a.csv, which is none of the 1 known classes"):
        list(iterate_chunks(write("a.csv", TABLE), 4, target="label", classes=np.array(["a"])))


def test_the_parts_divide_the_rows_whatever_the_chunks(write):
    path = write("a.csv", "a,y\n" + "".join(f"{i},{i}.5\n" for i in range(300)))

    def rows(part, chunk_rows):
        return [value for X, _ in iterate_chunks(path, chunk_rows, target="y", part=part) for value in X.ravel()]

    parts = {part: rows(part, 17) for part in ("train", "validation", "test")}
    assert sorted(chain.from_iterable(parts.values())) == list(range(300))
    assert all(rows(part, 300) == values for part, values in parts.items())
    assert 140 < len(parts["train"]) < 220


def test_the_parts_follow_the_fractions_and_the_seed(write):
    path = write("a.csv", "a,y\n" + "".join(f"{i},{i}.5\n" for i in range(300)))
    fractions = (0.2, 0.2, 0.6)
    chunks = list(iterate_chunks(path, 40, target="y", part="test", fractions=fractions, seed=3))
    rows = np.flatnonzero(parts_by_row(0, 300, fractions, seed=3) == 2)
    np.testing.assert_array_equal(np.concatenate([X.ravel() for X, _ in chunks]), rows)
    np.testing.assert_array_equal(np.concatenate([y for _, y in chunks]), rows + 0.5)


@pytest.mark.parametrize(
    ("options", "complaint"), [({"chunk_rows": 0}, "at least 1"), ({"part": "dev"}, "part is 'dev'")]
)
def test_bad_arguments_are_refused_at_once(write, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        iterate_chunks(write("a.csv", TABLE), target="label", **options)


def test_a_scan_settles_task_and_classes(write):
    summary = scan_file(write("a.csv", TABLE), chunk_rows=6)
    assert summary.n_samples == 20
    assert summary.feature_names == ("width", "height")
    assert summary.task == "classification"
    assert summary.classes.tolist() == ["a", "b"]
    assert scan_file(write("b.csv", TABLE), target="height", ignore=["label"], chunk_rows=6).task == "regression"


@pytest.mark.parametrize("chunk_rows", [3, 100])
@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("1,2,a\n" * 9, "is 'a' in all 9 rows"),
        ("".join(f"1,2,n{i}\n" for i in range(40)), "different text in each of 40 rows"),
        ("".join(f"1,2,{i}.5\n" for i in range(40)) + "1,2,x\n", "target 'label' is 'x' in row 42"),
        ("1,2,0\n1,,1\n", "column 'height' is missing in row 3"),
    ],
)
def test_a_scan_finds_what_a_whole_read_finds(write, rows, complaint, chunk_rows):
    with pytest.raises(ValueError, match=complaint):
        scan_file(write("a.csv", "width,height,label\n" + rows), chunk_rows=chunk_rows)


def test_memory_does_not_grow_with_the_file(write):
    def peak(n_rows):
        row = ",".join(["0.125"] * 50)
        content = ",".join(f"c{i}" for i in range(50)) + ",y\n" + "".join(f"{row},{i % 2}\n" for i in range(n_rows))
        path = write("big.csv", content)
        del content
        tracemalloc.start()
        for _ in iterate_chunks(path, 500, target="y"):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(500)
    assert peak(16_000) < 1.3 * peak(2_000)


def test_prediction_files_are_matched_by_name(write):
    table = read_table(write("a.csv", "height,id,width\n1,x,2\n"), feature_names=["width", "height"])
    assert table.X.tolist() == [[2.0, 1.0]]
    assert table.unused_columns == ("id",)
    assert table.y is None


def test_prediction_files_may_bring_the_target(write):
    path = write("a.csv", "width,height,label\n1,2,a\n")
    known = {"feature_names": ["width", "height"], "target": "label", "target_required": False}
    assert read_table(path, **known).y.tolist() == ["a"]
    assert read_table(write("b.csv", "width,height\n1,2\n"), **known).y is None
    with pytest.raises(ValueError, match="no column 'label' for the target"):
        read_table(write("c.csv", "width,height\n1,2\n"), feature_names=["width", "height"], target="label")


@pytest.mark.parametrize("target", [-1, 2, "2", "label"])
def test_a_target_that_is_not_required_may_be_given_by_its_index(write, target):
    table = read_table(write("a.csv", "a,b,label\n1,2,0\n3,4,1\n"), target=target, target_required=False)
    assert table.X.tolist() == [[1, 2], [3, 4]]
    assert table.y.tolist() == [0, 1]


@pytest.mark.parametrize("known", [{"feature_names": ["a", "b"]}, {"n_features": 2}])
@pytest.mark.parametrize("target", [-1, 2, "2", "label"])
def test_an_index_of_a_feature_or_of_no_column_is_no_target(write, target, known):
    path = write("a.csv", "a,b\n1,2\n3,4\n")
    table = read_table(path, target=target, target_required=False, **known)
    assert table.X.tolist() == [[1, 2], [3, 4]]
    assert table.y is None


def test_a_column_the_model_needs_must_be_there(write):
    path = write("a.csv", "width,heigth,depth\n1,2,3\n")
    complaint = r"lacks 1 of the 2 feature columns of the model: height\. Did you mean 'heigth'"
    with pytest.raises(ValueError, match=complaint):
        read_table(path, feature_names=["width", "height"])


def test_the_number_of_columns_is_checked(write):
    with pytest.raises(ValueError, match="has 3 feature columns; 2 are expected"):
        read_table(write("a.csv", "a,b,c\n1,2,3\n"), n_features=2)
