import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from hardzero.datasets import Dataset, Split


def make(X, y, **changes):
    split = Split(X, y)
    fields = {
        "name": "made",
        "task": "classification",
        "train": split,
        "validation": split,
        "test": split,
        "feature_names": None,
        "target_names": ("y",),
        "class_names": None,
        "image_shape": None,
        "description": "",
    }
    return Dataset(**{**fields, **changes})


X = np.arange(6, dtype=np.float32).reshape(3, 2)
Y = np.array([0, 1, 0])
TEXTS = np.array(["ab", "c", ""], dtype=object)


@pytest.mark.parametrize("values", [X, csr_array(X), TEXTS], ids=["dense", "csr", "text"])
def test_equal_content_has_an_equal_checksum(values):
    assert make(values.copy(), Y.copy()).checksum == make(values, Y).checksum


def test_the_checksum_sees_every_change():
    other = X.copy()
    other[2, 1] += 1
    datasets = [
        make(X, Y),
        make(other, Y),
        make(X, Y[::-1].copy()[[1, 0, 2]]),
        *(make(X, Y, **{part: Split(X, Y[::-1] + 1)}) for part in ("train", "validation", "test")),
        make(X, Y, task="regression"),
        make(X, Y, feature_names=("a", "b")),
        make(csr_array(X), Y),
        make(TEXTS, Y, is_text=True),
        make(np.array(["a", "bc", ""], dtype=object), Y, is_text=True),
        make(X, Y.astype(str)),
    ]
    assert len({dataset.checksum for dataset in datasets}) == len(datasets)


def test_names_and_descriptions_leave_the_checksum_alone():
    assert make(X, Y, name="other", description="words").checksum == make(X, Y).checksum


def test_samples_and_targets_must_agree():
    with pytest.raises(ValueError, match="3 samples and y has 2"):
        Split(X, Y[:2])


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="ranking"):
        make(X, Y, task="ranking")


def test_a_dataset_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make(X, Y).name = "other"


def test_number_of_features():
    assert make(X, Y).n_features == 2
    assert make(TEXTS, Y, is_text=True).n_features is None
