"""The arithmetic that a network needs, behind one small protocol with two implementations.

`native` is C++ that skips zeros; `reference` is NumPy and SciPy, the readable specification and the oracle
of the tests. The environment variable ``HARDZERO_OPS`` (``native`` or ``reference``) selects one.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from hardzero.ops.updates import Parameters, Update

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from hardzero.activations import Activation


class Rows(Protocol):
    """A minibatch of activations, one row a sample: dense, or only its non-zeros."""

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and units."""

    @property
    def n_nonzero(self) -> int:
        """Number of entries that are not exactly zero."""

    def absolute_sum(self, weights: NDArray[np.float32] | None = None) -> float:
        """Return the sum of all absolute values, each row times its weight where weights are given."""

    def dense(self) -> NDArray[np.float32]:
        """Return the activations as an array."""

    def csr(self) -> csr_array:
        """Return the activations as CSR with sorted indices and no stored zero."""


class Ops(Protocol):
    """The products, activations, losses and updates of fully connected layers over minibatches.

    An instance may keep scratch memory: use one per thread of Python. Results have the same bits for any
    `n_threads`.
    """

    name: str
    n_threads: int

    def matrix(self, n_rows: int, n_columns: int) -> NDArray[np.float32]:
        """Return a matrix of zeros in the layout that this implementation works on fastest."""

    def prepare(self, X: NDArray[np.float32] | csr_array) -> NDArray[np.float32] | csr_array:
        """Return `X` in the form that `rows` takes minibatches from fastest: dense, or CSR if mostly zero."""

    def rows(self, X: NDArray[np.float32] | csr_array, samples: NDArray[np.intp] | slice | None = None) -> Rows:
        """Take a minibatch of network input, finite float32, dense or CSR: all rows of `X`, or `samples`."""

    def dropout(self, rows: Rows, rate: float, seed: int, scale: float | None = None) -> Rows:
        """Set entries to zero with probability `rate`, multiply the others by `scale`.

        None scales by ``1/(1-rate)``, which keeps the expected value; 1.0 is masking noise.

        Whether entry (i, j) is kept is a hash of `seed`, i and j (`hardzero.ops.random_bits`), so that all
        implementations drop the same entries.
        """

    def affine(self, rows: Rows, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``rows @ weights + bias``, dense."""

    def hidden(
        self,
        rows: Rows,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
        activation: Activation,
        *,
        slopes: bool = True,
    ) -> Rows:
        """Return ``activation(rows @ weights + bias)``, by default with what `backward` needs to pass through it.

        Without `slopes` the values are the same, and `backward` must not be given them.
        """

    def backward(
        self,
        rows: Rows,
        delta: NDArray[np.float32],
        parameters: Parameters,
        update: Update,
        *,
        activation_l1: float | NDArray[np.float32] = 0.0,
        input_delta: bool = True,
    ) -> NDArray[np.float32] | None:
        """Pass `delta` back through one layer and apply `update` to its parameters.

        Parameters
        ----------
        rows : Rows
            The layer's input in the forward pass.
        delta : ndarray of shape (n_samples, n_outputs), float32
            Derivative of the minibatch's mean loss by the layer's pre-activations.
        parameters : Parameters
            Changed in place: stepped, or, for `Gradient`, given their gradient as state.
        update : Gradient, Momentum or Adam
        activation_l1 : float or ndarray of shape (n_samples,), float32
            Derivative of the penalty by the absolute value of each entry of `rows` (the coefficient times the
            sample's share in the mean). Added to the returned delta before the slope.
        input_delta : bool
            Whether the derivative by the input is wanted; False for the first layer.

        Returns
        -------
        ndarray of shape (n_samples, n_inputs), float32, or None
            ``(delta @ weights.T + activation_l1 * sign(rows)) * slope`` for the weights before the update,
            with the slope of the activation (and dropout) that made `rows`; exactly zero where a
            zero-making activation is zero.
        """

    def softmax_loss(
        self,
        scores: NDArray[np.float32],
        targets: NDArray[np.float32],
        sample_weight: NDArray[np.float32] | None = None,
    ) -> tuple[float, NDArray[np.float32]]:
        """Return the mean cross-entropy of a softmax over the outputs, and its derivative by the scores.

        Parameters
        ----------
        scores, targets : ndarray of shape (n_samples, n_outputs), float32
            The loss of a sample is ``-sum(targets * log(softmax(scores)))``.
        sample_weight : ndarray of shape (n_samples,), float32, optional
            Weights of the mean.

        Returns
        -------
        float
            To the precision of float32; not finite where a score is not.
        ndarray of shape (n_samples, n_outputs), float32
        """

    def logistic_loss(
        self,
        scores: NDArray[np.float32],
        targets: NDArray[np.float32],
        sample_weight: NDArray[np.float32] | None = None,
    ) -> tuple[float, NDArray[np.float32]]:
        """Return the mean cross-entropy of independent logistic outputs, and its derivative; see `softmax_loss`.

        The loss of a sample is ``sum(log(1 + exp(scores)) - targets * scores)``.
        """

    def lazy_updates(self, parameters: Parameters) -> AbstractContextManager[None]:
        """Return a context in which `backward` may leave alone the weights of input units that are idle.

        A rule that moves weights without gradient, such as `Adam`, costs a pass over all weights of a layer in every
        step, however few of its input units are active. Within the context such steps may be put off, to be taken
        together, with the same result but for rounding, by `catch_up` or at the end of the context, however it is
        left. Meanwhile nothing but `catch_up`, then `hidden` or `affine`, and `backward` may look at the weights
        or their state.
        """

    def grouped_rows(self) -> AbstractContextManager[None]:
        """Return a context in which the rows of a product may share work.

        That is faster where some half of the entries are zero. Outside, a row's results have the same bits whatever
        other rows it comes with; within, its rounding errors may depend on its neighbors.
        """

    def catch_up(self, rows: Rows, parameters: Parameters) -> None:
        """Bring the weights of the units that are active in `rows` up to date, before these meet them."""


MOST_THREADS = 1024
"""More are taken for so many: each has scratch memory of its own."""


def get_ops(n_threads: int = 1, name: str | None = None) -> Ops:
    """Return a fresh instance of the selected implementation.

    Parameters
    ----------
    n_threads : int
        Threads of the native kernels, `MOST_THREADS` at most. The results do not depend on it.
    name : {"native", "reference"} or None
        None reads the environment variable ``HARDZERO_OPS`` and falls back to ``native``.

    Raises
    ------
    ValueError
        If the name is neither.

    Examples
    --------
    >>> get_ops(name="reference").name
    'reference'
    """
    name = name or os.environ.get("HARDZERO_OPS") or "native"
    if name == "native":
        from hardzero.ops.native import NativeOps

        return cast(Ops, NativeOps(min(n_threads, MOST_THREADS)))
    if name == "reference":
        from hardzero.ops.reference import ReferenceOps

        return cast(Ops, ReferenceOps(n_threads))
    raise ValueError(f"unknown ops {name!r}: set HARDZERO_OPS to 'native' or 'reference'")
