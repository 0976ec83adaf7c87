"""The peer of the text benchmark in PyTorch: a network on bags of words, its first layer in several forms."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import nn

DENSE = "dense input"
BAG = "EmbeddingBag"
LAZY_BAG = "EmbeddingBag, sparse gradient"
LAZY_ADAM = "EmbeddingBag, SparseAdam"

VARIANTS = {"sgd": (DENSE, BAG, LAZY_BAG), "adam": (DENSE, BAG, LAZY_ADAM)}
"""First layers by solver. All follow the dense rule but SparseAdam, which skips words that do not occur."""

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


class TorchBags:
    """A rectifier network with a logistic output, trained by plain SGD or Adam.

    Whatever does not depend on the minibatch is prepared once, and optimizers are fused wherever PyTorch has them so.
    """

    def __init__(
        self,
        X: csr_array,
        y: NDArray[np.int64],
        sizes: tuple[int, ...],
        solver: str,
        variant: str,
        *,
        rate: float,
        batch_size: int,
        n_threads: int,
    ) -> None:
        torch.manual_seed(0)
        self._n_threads, self._batch_size, self._is_dense = n_threads, batch_size, variant == DENSE
        self._rows: Any = torch.from_numpy(X.toarray()) if self._is_dense else X
        self._targets = torch.from_numpy(y.astype(np.float32))[:, None]
        n_words, is_lazy = X.shape[1], variant in (LAZY_BAG, LAZY_ADAM)
        if self._is_dense:
            self._first: Any = nn.Linear(n_words, sizes[0])
        else:
            self._first = nn.EmbeddingBag(n_words, sizes[0], mode="sum", sparse=is_lazy)
            nn.init.uniform_(self._first.weight, -(n_words**-0.5), n_words**-0.5)  # as nn.Linear starts
        self._bias = torch.zeros(sizes[0], requires_grad=not self._is_dense)
        layers = [layer for inputs, outputs in pairwise(sizes) for layer in (nn.Linear(inputs, outputs), nn.ReLU())]
        self._rest = nn.Sequential(nn.ReLU(), *layers, nn.Linear(sizes[-1], 1))
        self._loss = nn.BCEWithLogitsLoss()
        first = list(self._first.parameters())
        rest = [*([] if self._is_dense else [self._bias]), *self._rest.parameters()]
        make = OPTIMIZERS[solver]
        if is_lazy:
            make_lazy = torch.optim.SparseAdam if variant == LAZY_ADAM else make
            self._optimizers = [make_lazy(first, lr=rate), make(rest, lr=rate, fused=True)]
        else:
            self._optimizers = [make([*first, *rest], lr=rate, fused=True)]

    def epoch(self) -> None:
        """Train on every sample once."""
        torch.set_num_threads(self._n_threads)
        for samples in torch.randperm(len(self._targets)).split(self._batch_size):
            for optimizer in self._optimizers:
                optimizer.zero_grad(set_to_none=True)
            rows = self._rows[samples] if self._is_dense else self._rows[samples.numpy()]
            self._loss(self._scores(rows), self._targets[samples]).backward()
            for optimizer in self._optimizers:
                optimizer.step()

    def score(self, X: csr_array, y: NDArray[np.int64]) -> float:
        """Return the accuracy on other rows."""
        with torch.no_grad():
            scores = self._scores(torch.from_numpy(X.toarray()) if self._is_dense else X)
        return float(((scores[:, 0] > 0).numpy() == y).mean())

    def _scores(self, rows: Any) -> torch.Tensor:
        if self._is_dense:
            return self._rest(self._first(rows))
        hidden = self._first(torch.from_numpy(rows.indices), torch.from_numpy(rows.indptr[:-1]))
        return self._rest(hidden + self._bias)
