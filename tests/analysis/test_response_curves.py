from dataclasses import replace

import numpy as np
import pytest

from hardzero.analysis import response_curves
from hardzero.analysis.response_curves import BIOLOGICAL_NEURON


def test_properties_the_paper_ascribes_to_the_functions():
    table = response_curves().properties().set_index("curve")
    assert table.loc["rectifier", "at_rest"] == 0
    assert table.loc["logistic", "at_rest"] == pytest.approx(0.5)
    assert table.loc["tanh", "at_rest"] == pytest.approx(0)
    assert table["antisymmetric"].to_dict() == {name: name == "tanh" for name in table.index}
    assert table.loc["rectifier", "zero_part"] == 0.5
    assert table.loc["LIF neuron", "zero_part"] == pytest.approx(0.5, abs=0.01)
    assert (table.loc[["softplus", "tanh", "logistic"], "zero_part"] == 0).all()
    assert table["saturates"].to_dict() == {name: name in ("tanh", "logistic") for name in table.index}


@pytest.mark.parametrize("resting", [-70.1, -65.0, -50.3, -50.0, -43.3])
def test_inputs_hold_exactly_zero(resting):
    result = response_curves(neuron=replace(BIOLOGICAL_NEURON, resting_potential=resting))
    assert np.count_nonzero(result.x == 0) == np.count_nonzero(result.current == 0) == 1
    assert np.array_equal(result.x, -result.x[::-1])
    assert result.properties().set_index("curve").loc["logistic", "at_rest"] == 0.5


def test_one_beta_may_be_a_number():
    assert "softplus, β = 2" in response_curves(betas=2.0).curves


def test_softplus_tends_to_the_rectifier():
    curves = response_curves(betas=[1, 4, 16]).curves
    gaps = [np.abs(curves[name] - curves["rectifier"]).max() for name in list(curves)[1:4]]
    np.testing.assert_allclose(gaps, np.log(2) / np.array([1, 4, 16]), rtol=1e-5)


def test_neuron_fires_above_1_5_nanoamperes():
    result = response_curves()
    assert (result.firing_rate[result.current <= 1.5] == 0).all()
    assert (result.firing_rate[result.current > 1.501] > 0).all()
    # 65 mV of drive: 1 / (2 ms + 10 ms · log(30 / 15)) at 3 nA.
    rate = BIOLOGICAL_NEURON.value(np.float32([3.0]))[0]
    assert rate == pytest.approx(1 / (0.002 + 0.01 * np.log(2)), rel=1e-5)


def test_frame_and_plot():
    result = response_curves(betas=[2.0])
    assert set(result.to_frame()["curve"]) == {
        "rectifier",
        "softplus, β = 2",
        "tanh",
        "logistic",
        "LIF neuron (Hz over nA)",
    }
    figure = result.plot().figure
    assert [ax.get_ylabel() for ax in figure.axes] == ["output", "firing rate (Hz)"]


def test_bad_beta():
    with pytest.raises(ValueError, match="beta"):
        response_curves(betas=[0.0])
