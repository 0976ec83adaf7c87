"""The published files themselves; run with HARDZERO_DATA set to the folder that holds them."""

import numpy as np
import pytest

from hardzero.datasets import load
from hardzero.datasets.splits import normalize_text

pytestmark = pytest.mark.real_data


def splits(dataset):
    return dataset.train, dataset.validation, dataset.test


def test_mnist():
    mnist = load("mnist", download=False)
    assert [len(split) for split in splits(mnist)] == [50_000, 10_000, 10_000]
    assert mnist.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(mnist.test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs((mnist.train.X == 0).mean() - 0.81) < 0.005
    assert (mnist.train.X.min(), mnist.train.X.max()) == (0, 1)


def test_reviews():
    reviews = load("reviews", download=False)
    assert sum(map(len, splits(reviews))) == 33_530
    assert sum(split.y.sum() for split in splits(reviews)) == 16_765
    assert sum(map(len, splits(load("reviews:imdb", download=False)))) == 25_000


@pytest.mark.parametrize(("domain", "n_texts"), [("movie", 10_605), ("product", 3_708), ("tweet", 4_200)])
def test_ratings(domain, n_texts):
    ratings = load(f"ratings:{domain}", download=False)
    assert sum(map(len, splits(ratings))) == n_texts
    values = np.concatenate([split.y for split in splits(ratings)])
    assert values.min() >= -4
    assert values.max() <= 4


def test_no_text_is_in_the_training_split_of_one_set_and_the_test_split_of_another():
    sets = [load(name, download=False) for name in ("reviews", "ratings")]
    train, _, test = ({normalize_text(text) for data in sets for text in splits(data)[i].X} for i in range(3))
    assert not train & test
