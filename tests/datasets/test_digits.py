import numpy as np

from hardzero.datasets import load


def test_digits_are_divided_by_class_and_scaled():
    digits = load("digits")
    assert [len(split) for split in (digits.train, digits.validation, digits.test)] == [1077, 360, 360]
    assert digits.train.X.dtype == np.float32
    assert digits.train.X.min() == 0
    assert digits.train.X.max() == 1
    assert digits.image_shape == (8, 8)
    for split in (digits.train, digits.validation, digits.test):
        np.testing.assert_allclose(np.bincount(split.y) / len(split), 0.1, atol=0.01)


def test_the_splits_never_change():
    checksum = "c4187f8eb06dc31e02ff30c67188e2cfae9bb09aedb4362ec32ee56ecd7a6d90"
    assert load("digits").checksum == checksum


def test_no_sample_is_in_two_splits():
    from sklearn.datasets import load_digits

    digits = load("digits")
    together = np.concatenate([digits.train.X, digits.validation.X, digits.test.X]) * 16
    ours, theirs = (np.array(sorted(map(tuple, X))) for X in (together, load_digits().data))
    np.testing.assert_array_equal(ours, theirs)
