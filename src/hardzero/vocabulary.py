"""The most frequent words of texts that do not fit into memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

MOST_WORDS = 1_000_000
"""Words that are counted at a time: about 100 MB. Texts go on bringing new words, nearly all of them rare."""


def learn_vocabulary(vectorizer: Any, chunks: Iterable[Iterable[str]], most_words: int = MOST_WORDS) -> None:
    """Give a vectorizer the vocabulary that `fit` would find in all chunks together.

    Whenever more than `most_words` words are known, the rarest are forgotten until half as many are left (lossy
    counting, Manku and Motwani 2002), so that memory is bounded. The count of a word can then be short by as much as
    the counts forgotten, which are far below those of frequent words.

    Parameters
    ----------
    vectorizer : CountVectorizer
        With ``binary=True``: words are ranked by the number of texts that they are in. Changed in place.
    chunks : iterable of iterables of str
    most_words : int, default=1_000_000

    Raises
    ------
    ValueError
        If the vectorizer counts occurrences, or no text holds a word.

    Examples
    --------
    >>> vectorizer = CountVectorizer(binary=True, max_features=2)
    >>> learn_vocabulary(vectorizer, [["a good film", "bad film"], ["good film"]])
    >>> vectorizer.vocabulary_
    {'film': 0, 'good': 1}
    """
    if type(vectorizer) is not CountVectorizer:
        raise ValueError(f"a {type(vectorizer).__name__} cannot be learned from chunks: use CountVectorizer or hashing")
    if not vectorizer.binary:
        raise ValueError("a vocabulary is learned from chunks for binary bags of words only: set binary=True")
    analyze = vectorizer.build_analyzer()
    texts_with: Counter[str] = Counter()
    n_texts = 0
    for chunk in chunks:
        for text in chunk:
            texts_with.update(set(analyze(text)))
            n_texts += 1
        if len(texts_with) > most_words:
            _forget_rarest(texts_with, most_words // 2)
    fewest, most = _bounds(vectorizer, n_texts)
    kept = [(word, count) for word, count in texts_with.items() if fewest <= count <= most]
    if not kept:
        raise ValueError(
            f"none of the {n_texts} texts holds a word that the vectorizer keeps: check that this is the column of "
            "texts"
        )
    if vectorizer.max_features is not None and len(kept) > vectorizer.max_features:
        kept = sorted(kept, key=lambda item: (-item[1], item[0]))[: vectorizer.max_features]
    vectorizer.vocabulary_ = {word: index for index, word in enumerate(sorted(word for word, _ in kept))}
    vectorizer.fixed_vocabulary_ = False


def _forget_rarest(counts: Counter[str], most_words: int) -> None:
    """Remove the words of the smallest counts until at most `most_words` are left."""
    by_count = Counter(counts.values())
    left, threshold = len(counts), 0
    for count in sorted(by_count):
        if left <= most_words:
            break
        left -= by_count[count]
        threshold = count
    for word in [word for word, count in counts.items() if count <= threshold]:
        del counts[word]


def _bounds(vectorizer: Any, n_texts: int) -> tuple[float, float]:
    """Return the fewest and the most texts that a word may be in."""

    def n_bounding_texts(bound: Any) -> float:
        return float(bound if isinstance(bound, int | np.integer) else bound * n_texts)

    return n_bounding_texts(vectorizer.min_df), n_bounding_texts(vectorizer.max_df)
