"""Calibration: the last correction of a trained network's zeros, by thresholds alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hardzero.network import Input, Network
from hardzero.ops import Ops

CALIBRATION_SAMPLES = 2048
"""Rows on which zeros are counted: they fix the fraction to a tenth of a point, at a small part of an epoch's cost."""

KEPT_OUT_SAMPLES = 500
"""Rows kept out of training to calibrate on: they fix the fraction of zeros to about a quarter of a point."""

LARGEST_PART_KEPT_OUT = 0.05
"""Part of the rows that may be kept out; where 500 are more, training rows have to do."""

LARGEST_CHANGE = 1.5
"""Largest factor by which a layer's active part changes; greater changes of a trained network cost accuracy."""


def calibrate(network: Network, ops: Ops, X: Input, zeros: Sequence[float]) -> NDArray[np.float64]:
    """Shift the biases of each hidden layer by one amount, so that its fraction of zeros is the wanted one.

    The amount is a quantile of the layer's pre-activations on rows of `X`, drawn always alike, with the layers before
    it shifted already. The active part of a layer, as training left it, is multiplied by at most 1.5, and divided by no
    more: a network that training has brought within this range keeps its accuracy. What the shifts before it do to a
    layer is undone in full. That can be much: a penalty leaves pre-activations crowded just below zero.

    Parameters
    ----------
    network : Network
        Changed in place.
    ops : Ops
    X : ndarray or csr_array of shape (n_samples, n_features), float32
        Best rows that the network was not trained on.
    zeros : sequence of float
        Wanted fraction of exact zeros of each hidden layer.

    Returns
    -------
    ndarray of shape (n_hidden_layers,)
        Fraction of zeros that was reached on these rows.
    """
    rows = ops.rows(X, drawn_alike(X.shape[0], CALIBRATION_SAMPLES))
    trained = [hidden.n_nonzero / (hidden.shape[0] * hidden.shape[1]) for hidden in network.forward(ops, rows).hidden]
    reached = []
    for layer, target, active in zip(network.hidden_layers, zeros, trained, strict=True):
        parameters, threshold = layer.parameters, layer.activation.threshold
        z = ops.affine(rows, parameters.weights, parameters.bias)
        wanted = float(np.clip(1.0 - target, active / LARGEST_CHANGE, active * LARGEST_CHANGE))
        last_zero = max(round((1.0 - wanted) * z.size), 1) - 1
        parameters.bias -= np.float32(np.partition(z, last_zero, axis=None)[last_zero] - threshold)
        rows = ops.hidden(rows, parameters.weights, parameters.bias, layer.activation)
        reached.append(1.0 - rows.n_nonzero / z.size)
    return np.array(reached)


def drawn_alike(n_rows: int, n_drawn: int) -> NDArray[np.intp]:
    """Return rows from all over the data, which may be sorted, drawn always alike; all rows where these are fewer.

    Examples
    --------
    >>> len(drawn_alike(1000, 100)), drawn_alike(3, 100).tolist()
    (100, [0, 1, 2])
    """
    return np.sort(np.random.RandomState(0).permutation(n_rows)[:n_drawn])


def keep_out(n_samples: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to train on and the rows to calibrate on, drawn always alike; none of few rows are kept out.

    Units respond to the rows they were trained on more sparsely than to others where a network overfits.

    Examples
    --------
    >>> [len(rows) for rows in keep_out(20_000)], [len(rows) for rows in keep_out(1000)]
    ([19500, 500], [1000, 0])
    """
    order = np.random.RandomState(0).permutation(n_samples)
    n_kept_out = KEPT_OUT_SAMPLES if LARGEST_PART_KEPT_OUT * n_samples >= KEPT_OUT_SAMPLES else 0
    return np.sort(order[n_kept_out:]), np.sort(order[:n_kept_out])
