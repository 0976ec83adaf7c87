"""Units that never fire, and a remedy: move their threshold back to where inputs reach it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hardzero.network import Input, Network
from hardzero.ops import Ops

FIRING_SHARE = 0.05
"""Largest part of the samples a revived unit fires on: enough to get gradient, few enough to disturb little."""


def active_counts(network: Network, ops: Ops, X: Input) -> list[NDArray[np.intp]]:
    """Return for each hidden layer on how many rows of `X` each unit is not zero.

    Parameters
    ----------
    network : Network
    ops : Ops
    X : ndarray or csr_array of shape (n_samples, n_features), float32

    Returns
    -------
    list of ndarray of shape (n_units,)
    """
    totals = [np.zeros(layer.n_units, dtype=np.intp) for layer in network.hidden_layers]
    for forward_pass in network.evaluate(ops, X):
        for total, rows in zip(totals, forward_pass.hidden, strict=True):
            total += np.bincount(rows.csr().indices, minlength=len(total))
    return totals


def count_dead(network: Network, ops: Ops, chunks: Iterable[Input]) -> list[int]:
    """Count the units of each hidden layer that are zero on all rows of all chunks.

    Reading ends with the chunk that leaves no unit dead.

    Parameters
    ----------
    network : Network
    ops : Ops
    chunks : iterable of ndarray or csr_array of shape (n_samples, n_features), float32

    Returns
    -------
    list of int
    """
    dead = [np.ones(layer.n_units, dtype=bool) for layer in network.hidden_layers]
    for X in chunks:
        for silent, counts in zip(dead, active_counts(network, ops, X), strict=True):
            silent &= counts == 0
        if not any(silent.any() for silent in dead):
            break
    return [int(silent.sum()) for silent in dead]


def revive(network: Network, ops: Ops, X: Input) -> int:
    """Shift the bias of every unit that is zero on all rows of `X` so that it fires on some of them.

    These are 5 %, or as many as the other units of the layer fire on in the mean, if these are fewer: units that are
    revived in a sparse layer must not make it a dense one.

    A rectifier, or another unit with a threshold, that never fires gets no gradient, so nothing brings it back. Its
    weights are kept: what it was looking for may still be useful, only its threshold has moved out of reach.

    Parameters
    ----------
    network : Network
        Changed in place.
    ops : Ops
    X : ndarray or csr_array of shape (n_samples, n_features), float32
        A sample of the training data.

    Returns
    -------
    int
        Number of units revived.
    """
    n_revived = 0
    rows = ops.rows(ops.prepare(X))
    for layer in network.hidden_layers:
        parameters = layer.parameters
        if layer.activation.makes_zeros:
            z = ops.affine(rows, parameters.weights, parameters.bias) - np.float32(layer.activation.threshold)
            shares = (z > 0).mean(axis=0)
            dead = np.flatnonzero(shares == 0)
            others = shares[shares > 0]
            share = min(FIRING_SHARE, float(others.mean())) if len(others) else FIRING_SHARE
            parameters.bias[dead] -= np.quantile(z[:, dead], 1.0 - share, axis=0).astype(np.float32)
            n_revived += len(dead)
        rows = ops.hidden(rows, parameters.weights, parameters.bias, layer.activation)
    return n_revived
