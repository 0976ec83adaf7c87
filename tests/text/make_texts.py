"""Texts made of words with a sentiment."""

from __future__ import annotations

import numpy as np

GOOD, BAD = ["good", "great", "fine", "lovely"], ["bad", "poor", "dull", "awful"]
NEUTRAL = [f"word{index}" for index in range(60)]


def make_texts(n_texts, seed=0):
    """Return texts and labels, 1 for positive; one sentiment word among neutral ones."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n_texts)
    texts = []
    for label in labels:
        words = [*random.choice(NEUTRAL, 6), random.choice(GOOD if label else BAD)]
        random.shuffle(words)
        texts.append(" ".join(words))
    return texts, labels
