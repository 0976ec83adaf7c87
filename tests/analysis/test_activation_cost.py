import numpy as np
import pytest

from hardzero.activations import Rectifier
from hardzero.analysis import activation_cost
from hardzero.analysis.activation_cost import MEASURES, ActivationCost


def test_every_measure_of_every_activation_is_timed():
    cost = activation_cost(("relu", "tanh"), n_samples=32, n_units=32, n_rounds=3)
    frame = cost.to_frame().set_index("activation")
    assert (frame[["numpy_forward", "numpy_slope", "engine_layer", "engine_affine"]] > 0).all(axis=None)
    times = cost.nanoseconds["numpy_forward"]
    assert times.shape == (2, 3)
    assert frame.loc["tanh", "numpy_forward"] == pytest.approx(np.median(times[1]))
    assert cost.n_elements == 1024
    assert "nanoseconds" in cost.plot().get_xlabel()


def test_the_engine_s_activation_costs_what_a_layer_takes_beyond_its_product():
    times = dict.fromkeys(MEASURES, np.ones((1, 3)))
    times |= {"engine_layer": np.array([[3.0, 4.0, 9.0]]), "engine_affine": np.array([[1.0, 1.0, 7.0]])}
    assert ActivationCost(["relu"], times, "native", 1).to_frame()["engine_activation"].tolist() == [2.0]


@pytest.mark.parametrize("activation", ["relu", Rectifier()])
def test_one_activation_needs_no_sequence(activation):
    assert activation_cost(activation, n_samples=2, n_units=2, n_rounds=1).activations == ["relu"]


@pytest.mark.parametrize(("change", "message"), [({"n_rounds": 0}, "at least 1"), ({"activations": ["x"]}, "unknown")])
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        activation_cost(**change)
