import numpy as np
import pytest

from hardzero.analysis import sparsity_profile

from .conftest import network_of


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 3])
def test_hand_computed_profile(signs, monkeypatch, rows_at_a_time):
    monkeypatch.setattr("hardzero.analysis.hidden_activations.PREDICTION_ROWS", rows_at_a_time)
    profile = sparsity_profile(signs, [[4.0, -1.0], [2.0, 3.0], [-2.0, 1.0]])
    layer = profile.layers[0]
    # Active units: {0}, {0, 2}, {1, 2}.
    assert layer.active_units.tolist() == [1, 2, 2]
    assert layer.zeros == pytest.approx(1 - 5 / 12)
    np.testing.assert_allclose(layer.firing_fraction, [2 / 3, 1 / 3, 2 / 3, 0])
    assert layer.dead_units.tolist() == [3]
    assert layer.always_on_units.tolist() == []
    assert layer.largest == 4
    # Unit 1 is active for one of three inputs alone; unit 0 has activities 4, 2, 0.
    assert layer.lifetime_sparsity[1] == pytest.approx(1)
    assert layer.lifetime_sparsity[0] == pytest.approx((1 - (6 / 3) ** 2 / (20 / 3)) / (1 - 1 / 3))
    assert np.isnan(layer.lifetime_sparsity[3])
    assert layer.population_hoyer[0] == pytest.approx(1)


def test_always_on_and_silent(signs):
    profile = sparsity_profile(signs, [[1.0, 0.0], [2.0, 0.0]])
    assert profile.layers[0].always_on_units.tolist() == [0]
    nearly = sparsity_profile(signs, [[1.0, 0.0]] * 199 + [[-1.0, 0.0]])
    assert nearly.layers[0].always_on_units.tolist() == []
    frame = sparsity_profile(signs, [[0.0, 0.0], [2.0, 0.0]]).to_frame()
    assert frame.loc[0, "silent_inputs"] == 1
    assert frame.loc[0, "treves_rolls"] == pytest.approx(1)


def test_agrees_with_the_estimator(classifier, digits):
    profile = sparsity_profile(classifier, digits[0])
    np.testing.assert_allclose([layer.zeros for layer in profile.layers], classifier.measure_sparsity(digits[0]))
    frame = profile.to_frame()
    np.testing.assert_allclose(frame["times_biological"], (1 - frame["zeros"]) / 0.04)
    assert len(profile.units_frame()) == 48 + 32


def test_minibatches_do_not_matter(classifier, digits):
    X = np.tile(digits[0], (2, 1))
    once, twice = sparsity_profile(classifier, digits[0]), sparsity_profile(classifier, X)
    assert twice.n_samples == 2 * once.n_samples
    np.testing.assert_allclose(twice.layers[1].firing_fraction, once.layers[1].firing_fraction)


def test_plots_label_axes_and_layers(classifier, digits):
    profile = sparsity_profile(classifier, digits[0])
    ax = profile.plot()
    assert "%" in ax.get_xlabel()
    assert "%" in ax.get_ylabel()
    assert [text.get_text().split(":")[0] for text in ax.get_legend().get_texts()] == ["cortex", "layer 1", "layer 2"]
    assert profile.plot_units(ax) is ax


def test_each_layer_is_drawn_around_its_own_counts():
    # The first n of 100 units are active, for n from 21 to 41, and with them the one unit of the second layer.
    profile = sparsity_profile(network_of(np.eye(100), np.ones((100, 1))), np.tri(100)[20:41])
    outlines = [patch.get_xy() for patch in profile.plot().patches[-3::2]]
    first, second = (np.unique(outline[outline[:, 1] > 0, 0]) for outline in outlines)
    np.testing.assert_allclose(first, np.arange(19.5, 42, 2))
    np.testing.assert_allclose(second, [97.5, 102.5])


def test_a_single_unit_is_marked():
    lines = sparsity_profile(network_of(np.eye(3), np.ones((3, 1))), np.eye(3)).plot_units().get_lines()
    assert [line.get_marker() for line in lines] == ["", "o"]
