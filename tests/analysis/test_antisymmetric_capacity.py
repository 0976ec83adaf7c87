import numpy as np
import pytest

from hardzero.activations import Softplus
from hardzero.analysis import antisymmetric_capacity
from hardzero.analysis.antisymmetric_capacity import ODD_TARGETS, AntisymmetricCapacity


@pytest.mark.parametrize("name", ODD_TARGETS)
def test_targets_are_odd(name):
    function, n_features = ODD_TARGETS[name]
    X = np.random.default_rng(0).uniform(-1, 1, (100, n_features))
    np.testing.assert_allclose(function(-X), -function(X), atol=1e-12)


def test_wider_networks_fit_better():
    result = antisymmetric_capacity(
        targets=["sine"], activations=["relu", "tanh"], widths=[12, 2], n_repeats=3, max_iter=150, n_samples=200
    )
    frame = result.to_frame().set_index(["activation", "width"])["best_error"]
    assert frame["relu", 12] < 0.5 * frame["relu", 2]
    assert frame["tanh", 12] < 0.5 * frame["tanh", 2]
    assert result.widths == [2, 12]
    assert "hidden units" in result.plot().get_xlabel()


def test_one_value_of_each_needs_no_sequence():
    result = antisymmetric_capacity(targets="sine", activations="relu", widths=2, n_repeats=1, max_iter=1, n_samples=5)
    assert (result.targets, result.activations, result.widths) == (["sine"], ["relu"], [2])


def test_settings_of_one_activation_are_told_apart():
    result = antisymmetric_capacity(
        targets="sine", activations=[Softplus(), Softplus(8.0)], widths=2, n_repeats=1, max_iter=1, n_samples=5
    )
    assert result.activations == ["softplus", "Softplus(beta=8.0)"]


def test_width_ratio_of_a_known_table():
    # The rectifier at width w errs as tanh at w/2 does.
    tanh = np.array([0.4, 0.2, 0.1, 0.05])
    relu = np.array([0.8, 0.4, 0.2, 0.1])
    errors = np.stack([relu, tanh])[np.newaxis, :, :, np.newaxis]
    table = AntisymmetricCapacity(["t"], ["relu", "tanh"], [2, 4, 8, 16], errors).width_ratios("t")
    np.testing.assert_allclose(table["against_width"], [2, 4, 8])
    np.testing.assert_allclose(table["ratio"], 2.0)


def test_a_wider_network_can_do_all_that_a_narrower_one_does():
    tanh = [0.4, 0.15, 0.1, 0.05]
    with_bad_luck, without = ([0.8, 0.2, bad, 0.1] for bad in (0.6, 0.2))
    tables = [
        AntisymmetricCapacity(
            ["t"], ["relu", "tanh"], [2, 4, 8, 16], np.array([[relu, tanh]])[..., np.newaxis]
        ).width_ratios("t")
        for relu in (with_bad_luck, without)
    ]
    assert tables[0]["against_width"].tolist() == [2, 4, 8]
    assert tables[0].equals(tables[1])


def test_widths_that_gain_nothing_are_left_out():
    errors = np.array([[[0.8, 0.4, 0.2, 0.1], [0.4, 0.39, 0.2, 0.2]]])[..., np.newaxis]
    table = AntisymmetricCapacity(["t"], ["relu", "tanh"], [2, 4, 8, 16], errors).width_ratios("t")
    assert table["against_width"].tolist() == [2, 8]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ["square"]}, "unknown target 'square'"),
        ({"widths": [0]}, "at least 1"),
        ({"n_repeats": 0}, "at least 1"),
        ({"activations": ["rely"]}, "unknown activation"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        antisymmetric_capacity(**change)
