import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from hardzero.analysis import representation_size

X = np.array([[2.0, 3.0], [-2.0, 1.0], [4.0, -1.0]])


def test_hand_computed_bytes(signs):
    size = representation_size(signs, X, [0, 0, 1])
    # Four units; 2, 2 and 1 of them active; values and indices of 4 bytes each.
    assert size.csr_bytes("layer 1").tolist() == [20, 20, 12]
    assert size.packed_bytes("layer 1").tolist() == [9, 9, 5]
    assert size.dense_bytes("layer 1") == 16
    frame = size.to_frame().set_index("class")
    assert frame.loc["0", "csr_ratio"] == pytest.approx(20 / 16)
    assert frame.loc["all", "active_mean"] == pytest.approx(5 / 3)
    assert frame.loc["1", "inputs"] == 1


def test_csr_bytes_are_those_of_scipy(classifier, digits):
    size = representation_size(classifier, digits[0])
    hidden = csr_array(classifier.transform(digits[0]))
    actual = hidden.data.nbytes + hidden.indices.nbytes + hidden.indptr[1:].nbytes
    assert size.csr_bytes("layer 2").sum() == actual


def test_correlation_with_information():
    from .conftest import network_of

    network = network_of(np.eye(64))
    generator = np.random.default_rng(0)
    ink = np.array([generator.random(64) * (generator.random(64) < share) for share in np.linspace(0, 1, 60)])
    assert representation_size(network, ink).information_correlation("layer 1") > 0.9
    assert np.isnan(representation_size(network, np.ones((5, 64))).information_correlation("layer 1"))


def test_classes_follow_the_rows_that_are_drawn(signs):
    y = np.arange(50)
    inputs = np.outer(np.where(y % 2, 1.0, 0.0), [1.0, 1.0])
    size = representation_size(signs, inputs, y, max_samples=20)
    np.testing.assert_array_equal(size.active_units["layer 1"] > 0, size.classes % 2 == 1)


def test_plot(classifier, digits):
    with_classes = representation_size(classifier, *digits).plot()
    assert len(with_classes.get_xticks()) == 10
    assert "dense" in [text.get_text() for text in with_classes.get_legend().get_texts()]
    assert not with_classes.texts
    assert "% of dense" in representation_size(classifier, digits[0]).plot().get_ylabel()


@pytest.mark.parametrize("y", [[0.0, np.nan], ["a", None], ["a", np.nan], pd.Series([1, None], dtype="Int64")])
def test_missing_classes_are_refused_at_once(signs, y):
    with pytest.raises(ValueError, match="y contains missing values, the first in row 1"):
        representation_size(signs, [[1.0, 2.0], [2.0, 1.0]], y)


def test_bad_classes(signs):
    with pytest.raises(ValueError, match="one class a row"):
        representation_size(signs, X, [0, 1])
