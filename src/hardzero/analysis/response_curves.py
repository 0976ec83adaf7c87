"""Activation functions beside the firing rate of a biological neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardzero.activations import LeakyIntegrateAndFire, Softplus, get_activation
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.result import Result
from hardzero.analysis.style import LINES, color, finish, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float32]

BIOLOGICAL_NEURON = LeakyIntegrateAndFire(
    refractory_time=0.002,
    time_constant=0.01,
    resting_potential=-65.0,
    reset_potential=-65.0,
    threshold_potential=-50.0,
    resistance=10.0,
)
"""A cortical neuron in seconds, millivolts, nanoamperes and megaohms (Dayan and Abbott 2001, section 5.4),
with a refractory time of 2 ms: it fires above 1.5 nA."""


@dataclass(frozen=True)
class ResponseCurves(Result):
    """The result of `response_curves`.

    Attributes
    ----------
    x : ndarray of shape (n_points,)
        Pre-activations from -8 to 8; one of them is exactly 0, and for each `x` there is ``-x``.
    curves : dict of str to ndarray of shape (n_points,)
        Values of each activation function.
    current : ndarray of shape (n_points,)
        Input current of the neuron, nA; one of them is exactly 0.
    firing_rate : ndarray of shape (n_points,)
        Its firing rate, Hz.
    """

    x: Array
    curves: dict[str, Array]
    current: Array
    firing_rate: Array

    def to_frame(self) -> pd.DataFrame:
        """Return one row a point: the curve's name, its input and its value."""
        import pandas as pd

        parts = [pd.DataFrame({"curve": name, "input": self.x, "value": y}) for name, y in self.curves.items()]
        neuron = {"curve": "LIF neuron (Hz over nA)", "input": self.current, "value": self.firing_rate}
        return pd.concat([*parts, pd.DataFrame(neuron)], ignore_index=True)

    def properties(self) -> pd.DataFrame:
        """Return what sets the functions apart, one row each.

        Columns: ``at_rest`` (value at input 0; for the neuron, without current), ``zero_part`` (part of the
        range, 0 left out, where the value is exactly 0), ``antisymmetric`` (f(-x) = -f(x) throughout) and ``saturates``
        (the last tenth of the range adds less than 1 % of the curve's span).
        """
        import pandas as pd

        all_curves = {name: (self.x, y) for name, y in self.curves.items()}
        all_curves["LIF neuron"] = (self.current, self.firing_rate)
        return pd.DataFrame(
            {
                "curve": name,
                "at_rest": float(y[x == 0][0]),
                "zero_part": float(np.mean(y[x != 0] == 0)),
                "antisymmetric": bool(np.allclose(y, -y[::-1], atol=1e-6)),
                "saturates": bool(y[-1] - y[-max(len(y) // 10, 2)] < 0.01 * (y.max() - y.min())),
            }
            for name, (x, y) in all_curves.items()
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the functions; in a new figure also, beside them, the firing rate of the neuron."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, (ax, neuron) = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained", width_ratios=(3, 2))
            self.plot_neuron(neuron)
        assert ax is not None
        for index, (name, y) in enumerate(self.curves.items()):
            ax.plot(self.x, y, color=color(index), linestyle=LINES[index % len(LINES)], linewidth=1.8, label=name)
        ax.set_xlim(-3.0, 3.0)
        ax.set_ylim(-1.2, 3.2)
        ax.axhline(0.0, color="#888888", linewidth=0.8)
        return finish(ax, "input", "output")

    def plot_neuron(self, ax: Axes | None = None) -> Axes:
        """Draw the firing rate of the neuron against its input current."""
        ax = new_axes(ax)
        ax.plot(
            self.current,
            self.firing_rate,
            color=color(4),
            linewidth=1.8,
            label="leaky integrate-and-fire neuron",
        )
        return finish(ax, "input current (nA)", "firing rate (Hz)")


def response_curves(
    *, betas: float | Sequence[float] = (1.0, 2.0, 4.0, 8.0), neuron: LeakyIntegrateAndFire = BIOLOGICAL_NEURON
) -> ResponseCurves:
    """Compute the responses that Glorot et al. (2011, figures 1 and 2) compare.

    Parameters
    ----------
    betas : float or sequence of float, default=(1, 2, 4, 8)
        Hardness of each softplus; the curves tend to the rectifier.
    neuron : LeakyIntegrateAndFire, default=`BIOLOGICAL_NEURON`
        In seconds, millivolts, nanoamperes and megaohms.

    Returns
    -------
    ResponseCurves

    Raises
    ------
    ValueError
        If a beta is not positive.

    Examples
    --------
    >>> curves = response_curves(betas=[1.0])
    >>> list(curves.curves)
    ['rectifier', 'softplus', 'tanh', 'logistic']
    """
    x = (np.arange(-800, 801) / 100).astype(np.float32)
    functions = {"rectifier": get_activation("relu")}
    for beta in as_list(betas):
        functions["softplus" if beta == 1 else f"softplus, β = {beta:g}"] = Softplus(beta)
    functions.update(tanh=get_activation("tanh"), logistic=get_activation("logistic"))
    rheobase = (neuron.threshold_potential - neuron.resting_potential) / neuron.resistance
    current = (abs(rheobase or 1.0) * np.arange(-200, 401) / 100).astype(np.float32)
    return ResponseCurves(
        x, {name: function.value(x) for name, function in functions.items()}, current, neuron.value(current)
    )
