import numpy as np
import pytest

from hardzero.datasets import iterate_chunks, load, read_table, scan_file


def table(*targets):
    """A table in which each of the given targets stands in ten rows, or all once if they are many."""
    repeats = 10 if len(targets) < 10 else 1
    return "a,y\n" + "".join(f"{i},{target}\n" for i in range(repeats) for target in targets)


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        ("0 1", "classification", ("0", "1")),
        ("3 1 2", "classification", ("1", "2", "3")),
        ("1.0 2.0", "classification", ("1", "2")),
        ("yes no", "classification", ("no", "yes")),
        ("True False", "classification", ("False", "True")),
        ("1 2 other", "classification", ("1", "2", "other")),
        ("-1 1", "classification", ("-1", "1")),
        ("0.5 1.5", "regression", None),
        (" ".join(map(str, range(50))), "regression", None),
        (" ".join(f"{i}.5" for i in range(50)), "regression", None),
    ],
)
def test_the_task_is_inferred(write, targets, task, classes):
    dataset = load(write("a.csv", table(*targets.split())))
    assert dataset.task == task
    assert dataset.class_names == classes


@pytest.mark.parametrize(
    ("n_distinct", "repeats", "task"),
    [
        (20, 2, "classification"),
        (21, 2, "regression"),
        (20, 1, "regression"),
        (2, 1, "classification"),
    ],
)
def test_whole_numbers_are_classes_if_they_are_at_most_20_and_each_stands_twice_on_average(
    write, n_distinct, repeats, task
):
    rows = "".join(f"1,{value}\n" for value in [*range(n_distinct)] * repeats)
    assert scan_file(write("a.csv", "a,y\n" + rows)).task == task


@pytest.mark.parametrize(
    ("targets", "complaint"),
    [
        ("0.5 1.5 NA", r"is 'NA' in row 4 of a\.csv \(and 9 more rows\), .* others are, such as 0\.5; .* point"),
        ("1.5 a b c d e", "others are, such as 1.5; "),
        ('"1,75" "1,8" "2"', r"is '1,75' in row 2 of a\.csv \(and 19 more rows\), .* decimal point"),
        ('"-1,75" "1.234,5" NA', "decimal point"),
    ],
)
def test_numbers_among_texts_or_with_a_decimal_comma_are_no_classes_unless_told(write, targets, complaint):
    path = write("a.csv", table(*targets.split()))
    for read in (load, scan_file):
        with pytest.raises(ValueError, match=complaint + '.*task="classification"'):
            read(path)
    assert load(path, task="classification").task == "classification"


@pytest.mark.parametrize(
    ("targets", "dtype"),
    [("0 1", "int64"), ("1.0 2.0", "int64"), ("a b", "<U1"), ("-1 1", "<U2"), ("0.5 1.5", "float64")],
)
def test_labels_are_whole_numbers_or_texts(write, targets, dtype):
    assert load(write("a.csv", table(*targets.split()))).train.y.dtype == np.dtype(dtype)


def test_blanks_around_a_label_are_no_part_of_it(write):
    dataset = load(write("a.csv", table("cat", "cat ", " dog", "dog")))
    assert dataset.class_names == ("cat", "dog")
    assert set(dataset.train.y) == {"cat", "dog"}


@pytest.mark.parametrize(
    ("targets", "task", "dtype"),
    [
        ([str(i) for i in range(50)] * 2, "classification", "int64"),
        (["0", "1"], "regression", "float64"),
        (["0.5", "1.5"], "classification", "<U3"),
    ],
)
def test_the_task_can_be_overridden(write, targets, task, dtype):
    dataset = load(write("a.csv", table(*targets)), task=task)
    assert dataset.task == task
    assert dataset.train.y.dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "labels",
    [
        ["1234567890123456789", "1234567890123456790", "1234567890123456999"],
        ["1e30", "2e30", "5"],
        ["9007199254740992", "9007199254740993"],
        ["01", "1", "02", "10"],
        ["01001", "10001"],
        ["-01", "-1"],
    ],
)
def test_labels_that_numbers_would_merge_or_rename_stay_as_they_are_written(write, labels):
    path = write("a.csv", table(*labels))
    dataset = load(path)
    assert dataset.task == "classification"
    assert dataset.class_names == tuple(sorted(labels))
    assert set(dataset.train.y) == set(labels)
    found = scan_file(path, chunk_rows=3).classes
    assert found.tolist() == sorted(labels)
    chunks = [y for _, y in iterate_chunks(path, 3, target="y", classes=found)]
    assert np.concatenate(chunks).tolist() == labels * 10


def test_many_numbers_of_which_float64_makes_a_few_are_values(write):
    assert load(write("a.csv", table(*range(2**60, 2**60 + 600, 10)))).task == "regression"


def test_the_largest_whole_labels_that_float64_tells_apart_are_numbers(write):
    assert load(write("a.csv", table(2**53 - 1, 2**53 - 2))).train.y.dtype == np.int64


def test_values_may_have_leading_zeros(write):
    table = read_table(write("a.csv", "a,y\n1,007\n2,08\n"), target="y", task="regression")
    assert table.y.tolist() == [7.0, 8.0]


@pytest.mark.parametrize("labels", [["01", "02"], [str(2**60), str(2**60 + 1)]])
def test_a_minus_one_among_whole_numbers_kept_as_texts_marks_the_unlabeled(write, labels):
    path = write("a.csv", table(*labels, "-1"))
    dataset = load(path, unlabeled=True)
    assert dataset.class_names == tuple(labels)
    assert sum(y is None for y in dataset.train.y) == 10
    summary = scan_file(path, unlabeled=True)
    chunks = [y for _, y in iterate_chunks(path, 4, target="y", classes=summary.classes, unlabeled=True)]
    assert np.concatenate(chunks).tolist() == [*labels, None] * 10


def test_known_whole_numbers_are_found_with_leading_zeros(write):
    path = write("a.csv", "a,y\n1,01\n2,10\n")
    assert read_table(path, target="y", classes=np.array([1, 10])).y.tolist() == [1, 10]


def test_one_value_in_two_spellings_is_constant_in_a_regression(write):
    with pytest.raises(ValueError, match=r"target 'y' of a\.csv is 7 in all 20 rows"):
        load(write("a.csv", table("7", "07")), task="regression")


def test_several_values_are_a_regression(write):
    content = "a,p,q\n" + "".join(f"{i},{i * 0.5},{i * 2}\n" for i in range(10))
    dataset = load(write("a.csv", content), target=["p", "q"])
    assert dataset.task == "regression"
    assert dataset.train.y.shape == (6, 2)
    assert dataset.target_names == ("p", "q")


def test_several_targets_of_zeros_and_ones_are_labels(write):
    dataset = load(write("a.csv", "a,p,q\n" + "1,0,1\n2,1,0\n3,1,1\n" * 4), target=["p", "q"])
    assert dataset.task == "classification"
    assert dataset.class_names == ("p", "q")
    assert dataset.train.y.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "mark"),
    [(["0", "1", ""], -1), (["0", "1", "-1"], -1), (["a", "b", ""], None), (["0.5", "1.5", ""], np.nan)],
    ids=["empty", "minus one", "texts", "values"],
)
def test_unlabeled_samples_serve_training_only(write, labels, mark):
    dataset = load(write("a.csv", table(*labels)), unlabeled=True)
    is_marked = [y is None or y == mark or y != y for y in dataset.train.y]
    assert sum(is_marked) == 10
    assert len(dataset.train) == 10 + 12
    for split in (dataset.validation, dataset.test):
        assert len(split) == 4
        assert not any(y is None or y == mark or y != y for y in split.y)
    assert dataset.class_names in (("0", "1"), ("a", "b"), None)


def test_samples_that_lack_one_of_several_values_serve_training_only(write):
    content = "a,p,q\n" + "".join(f"{i},{i * 0.5},{i * 2 if i % 3 else ''}\n" for i in range(30))
    dataset = load(write("a.csv", content), target=["p", "q"], unlabeled=True)
    assert np.isnan(dataset.train.y).sum() == 10
    for split in (dataset.validation, dataset.test):
        assert len(split) == 4
        assert np.isfinite(split.y).all()


def test_a_target_of_nothing_but_missing_values_is_refused(write):
    with pytest.raises(ValueError, match=r"no row .* has a target"):
        load(write("a.csv", "a,y\n" + "1,\n" * 9), unlabeled=True)


def test_every_class_is_in_the_training_split(write):
    content = table("a", "b") + "1,rare\n"
    dataset = load(write("a.csv", content))
    assert set(dataset.train.y) == {"a", "b", "rare"}
