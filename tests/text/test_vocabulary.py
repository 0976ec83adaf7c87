"""The most frequent words, found chunk by chunk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from hardzero.text import bag_of_words
from hardzero.vocabulary import learn_vocabulary

WORDS = st.sampled_from(["aa", "bb", "cc", "dd", "ee", "ff"])
TEXTS = st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=12)


@given(texts=TEXTS.filter(any), chunk_rows=st.integers(1, 5), min_df=st.sampled_from([1, 2, np.int64(2), 0.3]))
def test_chunks_give_the_vocabulary_of_the_whole(texts, chunk_rows, min_df):
    whole = CountVectorizer(binary=True, min_df=min_df)
    try:
        whole.fit(texts)
    except ValueError:
        return
    chunked = CountVectorizer(binary=True, min_df=min_df)
    learn_vocabulary(chunked, [texts[start : start + chunk_rows] for start in range(0, len(texts), chunk_rows)])
    assert chunked.vocabulary_ == whole.vocabulary_
    np.testing.assert_array_equal(chunked.transform(texts).toarray(), whole.transform(texts).toarray())


def test_the_words_of_most_texts_are_kept():
    vectorizer = bag_of_words(2)
    learn_vocabulary(vectorizer, [["red red red blue", "green blue"], ["green blue"], ["green"]])
    assert vectorizer.vocabulary_ == {"blue": 0, "green": 1}


def test_memory_is_bounded_and_frequent_words_survive():
    random = np.random.default_rng(0)
    chunks = [
        [
            " ".join(["the", f"often{i % 5}", *(f"rare{word}" for word in random.integers(0, 10**9, 20))])
            for i in range(50)
        ]
        for _ in range(40)
    ]
    vectorizer = bag_of_words(6)
    learn_vocabulary(vectorizer, chunks, most_words=2000)
    assert set(vectorizer.vocabulary_) == {"the", *(f"often{index}" for index in range(5))}


def test_only_binary_bags_are_learned_from_chunks():
    with pytest.raises(ValueError, match="binary=True"):
        learn_vocabulary(CountVectorizer(), [["a text"]])
    with pytest.raises(ValueError, match="TfidfVectorizer"):
        learn_vocabulary(TfidfVectorizer(), [["a text"]])


def test_texts_without_words_are_refused():
    with pytest.raises(ValueError, match="none of the 2 texts"):
        learn_vocabulary(bag_of_words(), [["", "!"]])
