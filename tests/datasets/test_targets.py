import numpy as np
import pytest

from hardzero.datasets import load


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
    ("targets", "dtype"),
    [("0 1", "int64"), ("1.0 2.0", "int64"), ("a b", "<U1"), ("-1 1", "<U2"), ("0.5 1.5", "float64")],
)
def test_labels_are_whole_numbers_or_texts(write, targets, dtype):
    assert load(write("a.csv", table(*targets.split()))).train.y.dtype == np.dtype(dtype)


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


def test_a_target_of_nothing_but_missing_values_is_refused(write):
    with pytest.raises(ValueError, match=r"no row .* has a target"):
        load(write("a.csv", "a,y\n" + "1,\n" * 9), unlabeled=True)


def test_every_class_is_in_the_training_split(write):
    content = table("a", "b") + "1,rare\n"
    dataset = load(write("a.csv", content))
    assert set(dataset.train.y) == {"a", "b", "rare"}
