"""Text in, predictions out: a vectorizer and a network as one model, sparse all the way.

Texts become rows of CSR by scikit-learn's vectorizers; the first layer reads the words that occur and nothing else.
Nothing of the size samples × vocabulary is ever dense.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from hardzero.checkpoint import Checkpoint
from hardzero.chunks import Chunks, open_chunks
from hardzero.network_estimator import unchanged_by_errors
from hardzero.training import Callback
from hardzero.user_warnings import warn_user
from hardzero.vocabulary import learn_vocabulary

if TYPE_CHECKING:
    from hardzero.text_predictor import TextPredictor

Texts = NDArray[np.object_]

N_WORDS = 5000
"""Size of a vocabulary by default: that of the paper's sentiment data."""

N_HASHES = 2**15
"""Columns of hashed words by default: few collisions among the words that matter, weights that fit in a cache."""


def bag_of_words(max_features: int = N_WORDS, *, ngram_range: tuple[int, int] = (1, 1)) -> CountVectorizer:
    """Return the vectorizer of the paper's section 4.2: which of the most frequent words occur in a text.

    Parameters
    ----------
    max_features : int, default=5000
        Words kept: those that occur in most texts.
    ngram_range : tuple of int, default=(1, 1)
        Shortest and longest sequences of words that count as a word.

    Examples
    --------
    >>> bag_of_words().fit_transform(["good good film", "bad film"]).toarray()
    array([[0., 1., 1.],
           [1., 1., 0.]], dtype=float32)
    """
    return CountVectorizer(binary=True, max_features=max_features, ngram_range=ngram_range, dtype=np.float32)


def hashed_words(n_features: int = N_HASHES, *, ngram_range: tuple[int, int] = (1, 1)) -> HashingVectorizer:
    """Return a vectorizer without vocabulary, which a hash of each word takes the place of.

    It needs no pass over the texts, so that it suits streams; in return two words may share a column.

    Parameters
    ----------
    n_features : int, default=32768
        Columns, each a row of first-layer weights.
    ngram_range : tuple of int, default=(1, 1)
        Shortest and longest sequences of words that count as a word.
    """
    return HashingVectorizer(
        n_features=n_features,
        binary=True,
        norm=None,
        alternate_sign=False,
        ngram_range=ngram_range,
        dtype=np.float32,
    )


def check_texts(X: Any) -> Texts:
    """Return texts as a one-dimensional object array of str.

    Parameters
    ----------
    X : sequence of str
        Also a column of a table. None and NaN, the forms of a missing text, become empty texts; bytes are decoded.

    Raises
    ------
    ValueError
        If `X` is one text, or holds something else than texts, or bytes that are not UTF-8; the message names the row.

    Examples
    --------
    >>> check_texts(["good", None, b"bad"]).tolist()
    ['good', '', 'bad']
    """
    if isinstance(X, str | bytes):
        raise ValueError("a single text was given where texts are expected: put it in a list, [text]")
    values = _column(np.asarray(X, dtype=object)) if hasattr(X, "shape") else list(X)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [value if type(value) is str else _as_text(value, row) for row, value in enumerate(values)]
    return texts


def _texts_and_targets(chunk: Any) -> tuple[Texts, Any]:
    """Return the two parts of a chunk, its texts checked."""
    if not isinstance(chunk, tuple | list) or len(chunk) != 2:
        raise ValueError("a chunk must be a tuple (texts, y); fit_chunks takes no sample weights")
    return check_texts(chunk[0]), chunk[1]


class TextModel(BaseEstimator):  # type: ignore[misc]
    """A network estimator that takes raw texts.

    Stored with its vocabulary in one file (`save`), so that the loaded model takes raw texts, too.

    Parameters
    ----------
    estimator : RectifierClassifier or RectifierRegressor
        Cloned, not changed.
    vectorizer : CountVectorizer, HashingVectorizer or None, default=None
        Turns texts into rows; None is `bag_of_words()`, the 5000 most frequent words.

    Attributes
    ----------
    estimator_ : RectifierClassifier or RectifierRegressor
        The fitted estimator, on the vectorizer's columns.
    vectorizer_ : CountVectorizer or HashingVectorizer
        The fitted vectorizer.

    References
    ----------
    X. Glorot, A. Bordes, Y. Bengio. Deep Sparse Rectifier Neural Networks. AISTATS 2011, section 4.2.

    Examples
    --------
    >>> from hardzero import RectifierClassifier
    >>> texts = ["a good film", "a bad film", "very good", "very bad"]
    >>> model = TextModel(RectifierClassifier((16,), solver="lbfgs", random_state=0))
    >>> model.fit(texts, ["+", "-", "+", "-"]).predict(["good!", "so bad"]).tolist()
    ['+', '-']
    """

    estimator_: Any

    def __init__(self, estimator: Any, vectorizer: Any = None) -> None:
        self.estimator = estimator
        self.vectorizer = vectorizer

    @classmethod
    def of_fitted(cls, estimator: Any, vectorizer: Any) -> TextModel:
        """Return the model of a fitted estimator and the vectorizer that made its rows.

        Raises
        ------
        ValueError
            If the vectorizer makes rows of another width.
        """
        model = cls(estimator, vectorizer)
        model.estimator_, model.vectorizer_ = estimator, vectorizer
        width = n_columns(vectorizer)
        if width != estimator.n_features_in_:
            raise ValueError(f"the vectorizer makes {width} columns, the estimator takes {estimator.n_features_in_}")
        return model

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[Any, Any] | None = None,
        callback: Callback | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    ) -> TextModel:
        """Learn the vocabulary and the network.

        Parameters
        ----------
        X : sequence of str
            None and NaN count as empty texts.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
        validation : tuple (texts, y), optional
            Data that the estimator's `early_stopping` judges progress by.
        callback, checkpoint
            As for the `fit` of the estimator.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the texts hold no word, or the estimator cannot learn from the data.
        """
        texts = check_texts(X)
        with unchanged_by_errors(self):
            if self._goes_on():
                rows = self.transform_texts(texts)
            else:
                self._start()
                with _named_lack_of_words(len(texts)):
                    rows = _fit_vectorize(self.vectorizer_, texts)
            if validation is not None:
                validation = (self.transform_texts(validation[0]), validation[1])
            given = _given(sample_weight=sample_weight, validation=validation, callback=callback, checkpoint=checkpoint)
            self.estimator_.fit(rows, y, **given)
        return self

    def partial_fit(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, classes: ArrayLike | None = None
    ) -> TextModel:
        """Go on training for one pass over the given texts.

        The first call learns the vocabulary from its texts, if the vectorizer has one; later words are unseen ones.
        `fit_chunks` learns it from all texts, and `hashed_words` needs none. Parameters of `estimator` that are set
        between calls count as in its own `partial_fit`.

        Parameters
        ----------
        X : sequence of str
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        classes : array-like of shape (n_classes,), optional
            All classes there will be; needed in a classifier's first call.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For texts that are no sequence of strings, and where the estimator's `partial_fit` refuses.
        """
        texts = check_texts(X)
        with unchanged_by_errors(self):
            if "estimator_" in vars(self):
                self._take_parameters()
            else:
                self._start()
                with _named_lack_of_words(len(texts)):
                    self.vectorizer_.fit(texts)
            given = _given(sample_weight=sample_weight, classes=classes)
            self.estimator_.partial_fit(self.transform_texts(texts), y, **given)
        return self

    def fit_chunks(
        self,
        chunks: Chunks,
        *,
        passes: int = 1,
        classes: ArrayLike | None = None,
        n_samples: int | None = None,
        validation: tuple[Any, Any] | None = None,
        callback: Callback | None = None,
        on_chunk: Callable[[int], Any] | None = None,
    ) -> TextModel:
        """Fit on texts that come in chunks, of which one is in memory at a time.

        A vectorizer with a vocabulary costs a pass over the chunks before training; `hashed_words` does not.

        Parameters
        ----------
        chunks : iterable of (texts, y), or a function that returns one
        passes, classes, n_samples, validation, callback, on_chunk
            As for `RectifierClassifier.fit_chunks`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For texts that are no sequence of strings, for chunks that serve a single pass where the vocabulary needs
            one of its own, for a vectorizer that learns more than which words there are (one without ``binary=True``,
            TfidfVectorizer), and where the estimator's `fit_chunks` refuses.
        """

        def rows() -> Iterator[tuple[csr_array, Any]]:
            for chunk in open_chunks(chunks, rewind=passes > 1 or n_samples is None or needs_classes):
                texts, y = _texts_and_targets(chunk)
                yield vectorize(self.vectorizer_, texts), y

        with unchanged_by_errors(self):
            goes_on = self._goes_on()
            if not goes_on:
                self._start()
                self._learn_words(chunks)
            needs_classes = not goes_on and classes is None and is_classifier(self.estimator_)
            if validation is not None:
                validation = (self.transform_texts(validation[0]), validation[1])
            self.estimator_.fit_chunks(
                rows,
                passes=passes,
                classes=classes,
                n_samples=n_samples,
                validation=validation,
                callback=callback,
                on_chunk=on_chunk,
            )
        return self

    def transform_texts(self, X: Any) -> csr_array:
        """Return texts as the estimator's rows.

        Parameters
        ----------
        X : sequence of str

        Returns
        -------
        csr_array of shape (n_samples, n_words), float32
            Empty texts and texts of unseen words are rows without entries.

        Warns
        -----
        UserWarning
            If no text holds a known word: another column or language, most likely.
        """
        if "vectorizer_" not in vars(self):
            check_is_fitted(self)
        texts = check_texts(X)
        rows = vectorize(self.vectorizer_, texts)
        if rows.nnz == 0 and any(texts):
            warn_user(
                f"no word of the {len(texts)} texts is in the vocabulary: check that this is the column of texts, and "
                "that they are in the language that the model was trained on",
            )
        return rows

    def predict(self, X: Any) -> Any:
        """Return the estimator's predictions for texts, a sparse matrix of labels if it was fitted to one."""
        return self._fitted().predict(self.transform_texts(X))

    @available_if(lambda self: hasattr(self._present(), "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return class probabilities for texts, columns in the order of `classes_`."""
        return np.asarray(self._fitted().predict_proba(self.transform_texts(X)))

    @available_if(lambda self: hasattr(self._present(), "predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> NDArray[np.float32]:
        """Return the logarithm of `predict_proba`."""
        return np.asarray(self._fitted().predict_log_proba(self.transform_texts(X)))

    @available_if(lambda self: hasattr(self._present(), "predict_expectation"))  # type: ignore[untyped-decorator]
    def predict_expectation(self, X: Any) -> NDArray[np.float64]:
        """Return the expected value of numeric classes for texts."""
        return np.asarray(self._fitted().predict_expectation(self.transform_texts(X)))

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return accuracy or R² on texts."""
        return float(self._fitted().score(self.transform_texts(X), y, **_given(sample_weight=sample_weight)))

    def transform(self, X: Any, layer: int = -1) -> csr_array:
        """Return the activations of a hidden layer for texts, as CSR."""
        return csr_array(self._fitted().transform(self.transform_texts(X), layer))

    @available_if(lambda self: hasattr(self._present(), "get_feature_names_out"))  # type: ignore[untyped-decorator]
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return names for the columns of `transform`."""
        return np.asarray(self._fitted().get_feature_names_out(input_features))

    def measure_sparsity(self, X: Any) -> NDArray[np.float64]:
        """Return the fraction of exact zeros of each hidden layer on texts."""
        return np.asarray(self._fitted().measure_sparsity(self.transform_texts(X)))

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels, of a classifier."""
        return np.asarray(self._fitted().classes_)

    def save(self, path: str | os.PathLike[str], *, notes: dict[str, Any] | None = None) -> None:
        """Write estimator, vocabulary and notes to one safetensors file; see `hardzero.model_file.save`."""
        from hardzero.model_file import save

        save(self, path, notes=notes)

    def to_predictor(self, precision: str = "float32", n_threads: int = 1) -> TextPredictor:
        """Return the lean prediction path: texts in, scores out.

        Parameters
        ----------
        precision, n_threads
            As for `hardzero.Predictor`.

        Returns
        -------
        TextPredictor

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If the precision is unknown, `n_threads` is not positive, or an activation is not one of hardzero's own.
        """
        from hardzero.text_predictor import TextPredictor

        network = self._fitted().network_
        return TextPredictor(self.vectorizer_, network, precision=precision, n_threads=n_threads)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a fitted estimator."""
        return "estimator_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False, True
        return tags

    def _learn_words(self, chunks: Chunks) -> None:
        """Fit the vectorizer to the texts of all chunks, where it learns anything from them."""
        has_words = getattr(self.vectorizer_, "vocabulary", None) is not None
        if has_words and not getattr(self.vectorizer_, "use_idf", False):
            self.vectorizer_.fit([""])  # the words are given: nothing is learned from texts
        elif not isinstance(self.vectorizer_, HashingVectorizer):
            all_texts = (_texts_and_targets(chunk)[0] for chunk in open_chunks(chunks, rewind=True))
            learn_vocabulary(self.vectorizer_, all_texts)

    def _goes_on(self) -> bool:
        """Return whether `warm_start` goes on from an earlier fit, and give the estimator the parameters of now."""
        if "estimator_" not in vars(self) or not getattr(self.estimator, "warm_start", False):
            return False
        self._take_parameters()
        return True

    def _take_parameters(self) -> None:
        """Give the fitted estimator the parameters of now; its copy of a random generator goes on."""
        if type(self.estimator) is not type(self.estimator_):
            kinds = type(self.estimator).__name__, type(self.estimator_).__name__
            raise ValueError(
                f"estimator is a {kinds[0]}, and the fitted one a {kinds[1]}: call fit, without warm_start"
            )
        # A copy with the same network: after an error the one with the parameters of before takes its place again.
        self.estimator_ = copy.copy(self.estimator_)
        parameters = self.estimator.get_params(deep=False).items()
        self.estimator_.set_params(
            **{name: value for name, value in parameters if not isinstance(value, np.random.RandomState)}
        )

    def _start(self) -> None:
        """Replace what an earlier fit has left."""
        self.vectorizer_ = bag_of_words() if self.vectorizer is None else clone(self.vectorizer)
        self.estimator_ = clone(self.estimator)

    def _present(self) -> Any:
        return vars(self).get("estimator_", self.estimator)

    def _fitted(self) -> Any:
        check_is_fitted(self)
        return self.estimator_


def _given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are not None: an estimator within may know none of the others."""
    return {name: value for name, value in arguments.items() if value is not None}


def as_text_model(model: Any) -> Any:
    """Return a fitted pipeline of a vectorizer and an estimator as the `TextModel` it is; other models unchanged."""
    if not isinstance(model, Pipeline) or len(model) != 2 or not hasattr(model[0], "build_analyzer"):
        return model
    return TextModel.of_fitted(model[1], model[0])


def vectorize(vectorizer: Any, texts: Texts) -> csr_array:
    """Return texts as the rows of a fitted vectorizer, float32; no texts are no rows, for which hashing has no answer.

    Examples
    --------
    >>> vectorize(hashed_words(64), check_texts([])).shape
    (0, 64)
    """
    if not len(texts):
        return csr_array(np.empty((0, n_columns(vectorizer)), dtype=np.float32))
    return csr_array(vectorizer.transform(texts)).astype(np.float32, copy=False)


def _fit_vectorize(vectorizer: Any, texts: Texts) -> csr_array:
    """Return texts as rows after a vectorizer has learned its words from them."""
    return csr_array(vectorizer.fit_transform(texts)) if len(texts) else vectorize(vectorizer.fit(texts), texts)


def n_columns(vectorizer: Any) -> int:
    """Return the number of columns that a fitted vectorizer makes."""
    if isinstance(vectorizer, HashingVectorizer):
        return int(vectorizer.n_features)
    return len(vectorizer.vocabulary_)


def _column(values: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return an array of texts, or a table of one column of them, as one-dimensional."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"texts must be one-dimensional, a text a sample; got an array of shape {values.shape}")
    return values


@contextmanager
def _named_lack_of_words(n_texts: int) -> Iterator[None]:
    """Say what to do where texts hold no word for the vocabulary."""
    try:
        yield
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise ValueError(
            f"none of the {n_texts} texts holds a word that the vectorizer keeps: check that this is the column of "
            "texts"
        ) from error


def _as_text(value: Any, row: int) -> str:
    if value is None or type(value).__name__ == "NAType" or value != value:
        return ""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeError as error:
            raise ValueError(f"the bytes of row {row} are not UTF-8 ({error}): decode the texts first") from error
    raise ValueError(f"row {row} is {value!r}, a {type(value).__name__}, where a text (str) is expected")
