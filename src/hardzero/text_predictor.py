"""The lean way from raw texts to predictions, without intermediate matrices."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from hardzero.network import Network
from hardzero.predictor import Cost, Predictor
from hardzero.text import Texts, check_texts, vectorize

Array = NDArray[np.float32]


class TextPredictor:
    """A vectorizer and a packed network: texts in, predictions out.

    Parameters
    ----------
    vectorizer : CountVectorizer or HashingVectorizer
        Fitted.
    network : Network
    precision : {"float32", "bfloat16", "int8"}, default="float32"
    n_threads : int, default=1
        As for `hardzero.Predictor`.

    Examples
    --------
    >>> from hardzero import RectifierClassifier
    >>> from hardzero.text import TextModel
    >>> model = TextModel(RectifierClassifier((16,), solver="lbfgs", random_state=0))
    >>> predict = model.fit(["good film", "bad film"], [1, 0]).to_predictor()
    >>> bool(predict(["a good one"])[0, 0] > 0.5)
    True
    """

    def __init__(self, vectorizer: Any, network: Network, *, precision: str = "float32", n_threads: int = 1) -> None:
        self._predict = Predictor(network, precision=precision, n_threads=n_threads)
        self._vectorizer = vectorizer
        # A subclass may weigh words, as TfidfVectorizer does.
        self._has_vocabulary = type(vectorizer) is CountVectorizer
        if self._has_vocabulary:
            self._analyze = vectorizer.build_analyzer()
            self._column = vectorizer.vocabulary_.get
            self._binary = vectorizer.binary

    def __call__(self, texts: Any) -> Array:
        """Return predictions for texts, as `rows` takes them: probabilities or targets, as of `hardzero.Predictor`."""
        return self._predict(self.rows(texts))

    def scores(self, texts: Any) -> Array:
        """Return what `__call__` does before the output function."""
        return self._predict.scores(self.rows(texts))

    def cost(self, texts: Any) -> Cost:
        """Return the active units and multiply-adds for each text and layer, as `hardzero.Predictor.cost`."""
        return self._predict.cost(self.rows(texts))

    @property
    def precision(self) -> str:
        """How weights are stored."""
        return self._predict.precision

    @property
    def n_bytes(self) -> int:
        """Memory of the weights, without the vocabulary."""
        return self._predict.n_bytes

    @property
    def n_threads(self) -> int:
        """Threads that share the texts of a call, once they are rows."""
        return self._predict.n_threads

    @n_threads.setter
    def n_threads(self, n_threads: int) -> None:
        self._predict.n_threads = n_threads

    def rows(self, texts: Any) -> csr_array:
        """Return texts as CSR rows, as the vectorizer's ``transform`` does.

        Parameters
        ----------
        texts : sequence of str
            Also a column of a table; None and NaN are empty texts (see `hardzero.text.check_texts`).

        Raises
        ------
        ValueError
            If a single text is given in place of several, or something else than texts.
        """
        checked = check_texts(texts)
        return self._count(checked) if self._has_vocabulary else vectorize(self._vectorizer, checked)

    def _count(self, texts: Texts) -> csr_array:
        """Return the rows of a vocabulary."""
        starts: list[int] = [0]
        indices: list[int] = []
        values: list[int] = []
        column = self._column
        for text in texts:
            counts: Counter[Any] = Counter(map(column, self._analyze(text)))
            counts.pop(None, None)
            present = sorted(counts)
            indices += present
            if not self._binary:
                values += [counts[index] for index in present]
            starts.append(len(indices))
        data = np.ones(len(indices), dtype=np.float32) if self._binary else np.array(values, dtype=np.float32)
        parts = (data, np.array(indices, dtype=np.int32), np.array(starts, dtype=np.int32))
        return csr_array(parts, shape=(len(texts), self._predict.n_features))
