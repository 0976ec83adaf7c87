"""Autoencoders warn of a target for their zeros that they did not reach."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hardzero import (
    DenoisingAutoencoder,
    RectifierClassifier,
    SparseAutoencoder,
    StackedDenoisingAutoencoder,
)

X = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def target_warnings(fit):
    """Return the texts of the warnings of a fit that name a target."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(warning.message) for warning in caught if "was not reached" in str(warning.message)]


@pytest.mark.parametrize(
    ("autoencoder", "message"),
    [
        (DenoisingAutoencoder(12, target_sparsity=0.99, max_iter=2), r"target_sparsity .* wanted were 99\.0%"),
        (
            StackedDenoisingAutoencoder((12, 8), target_sparsity=[0.99, 0.5], max_iter=2),
            r"target_sparsity .* wanted were 99\.0%, 50\.0%",
        ),
        (SparseAutoencoder(20, target_activity=0.01, max_iter=2), r"target_activity .* wanted were 1\.0%"),
    ],
)
def test_a_missed_target_gives_a_warning(autoencoder, message):
    with pytest.warns(UserWarning, match=message):
        autoencoder.set_params(random_state=0).fit(X)


@pytest.mark.parametrize(
    "autoencoder",
    [
        DenoisingAutoencoder(12, max_iter=2),
        DenoisingAutoencoder(12, target_sparsity=0.55, max_iter=10),
        SparseAutoencoder(20, target_activity=0.01, selection="top_k", max_iter=2),
    ],
)
def test_no_target_or_one_that_is_met_gives_none(autoencoder):
    assert not target_warnings(lambda: autoencoder.set_params(random_state=0).fit(X))


def test_partial_fit_gives_none_since_the_target_is_still_being_approached():
    assert not target_warnings(lambda: DenoisingAutoencoder(12, target_sparsity=0.99, random_state=0).partial_fit(X))


def test_pretraining_warns_of_the_target_that_is_its_own():
    stack = StackedDenoisingAutoencoder(target_sparsity=0.99, max_iter=2)
    classifier = RectifierClassifier((12,), pretraining=stack, max_iter=2, random_state=0)
    assert len(target_warnings(lambda: classifier.fit(X, Y))) == 1
    classifier.set_params(pretraining="denoising", target_sparsity=0.99)
    assert len(target_warnings(lambda: classifier.fit(X, Y))) == 1
