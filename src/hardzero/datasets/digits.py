"""The 1,797 handwritten digits of 8 by 8 pixels that come with scikit-learn (Alpaydin and Kaynak 1998)."""

from __future__ import annotations

import numpy as np

from hardzero.datasets.dataset import CLASSIFICATION, Dataset, Split
from hardzero.datasets.splits import stratified_parts

DESCRIPTION = """\
digits: the test part of the UCI optical digits, 8 x 8 pixels, values count / 16 in [0, 1], 10 classes.
Embedded in scikit-learn: no download. Splits: 1,077 train, 360 validation, 360 test, stratified by class, fixed."""


def load_digits() -> Dataset:
    """Load the digits: 1,077 training, 360 validation and 360 test images.

    The three splits come from one pool of writers: a test error is lower here than with writers kept apart.

    Returns
    -------
    Dataset
        64 features in [0, 1].

    Examples
    --------
    >>> len(load_digits().test)
    360
    """
    from sklearn.datasets import load_digits as load_bunch

    bunch = load_bunch()
    X = (bunch.data / 16).astype(np.float32)
    y = bunch.target.astype(np.int64)
    n_train, n_held_out = 1077, 360
    fractions = (n_train / len(y), n_held_out / len(y), n_held_out / len(y))
    train, validation, test = (Split(X[part], y[part]) for part in stratified_parts(y, len(y), fractions, seed=0))
    return Dataset(
        name="digits",
        task=CLASSIFICATION,
        train=train,
        validation=validation,
        test=test,
        feature_names=None,
        target_names=("digit",),
        class_names=tuple(str(name) for name in bunch.target_names),
        image_shape=(8, 8),
        description=DESCRIPTION,
    )
