"""Autoencoders in model files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

import hardzero
from hardzero import DenoisingAutoencoder, SparseAutoencoder, StackedDenoisingAutoencoder

AUTOENCODERS = [
    DenoisingAutoencoder(20, decoder="sigmoid", max_iter=2, random_state=0),
    DenoisingAutoencoder(20, "tanh", tied_weights=True, max_iter=2, random_state=0),
    StackedDenoisingAutoencoder((20, 10), "signed_relu", max_iter=2, random_state=0),
    SparseAutoencoder(40, target_activity=0.1, selection="top_k", max_iter=2, random_state=0),
]


@pytest.mark.parametrize("estimator", AUTOENCODERS, ids=lambda estimator: type(estimator).__name__)
def test_a_loaded_autoencoder_gives_the_same_bits(estimator, tmp_path):
    X = (load_digits().data / 8).astype(np.float32)
    path = tmp_path / "features.safetensors"
    estimator.fit(X).save(path)
    loaded = hardzero.load(path)
    assert type(loaded) is type(estimator)
    assert loaded.get_params() == estimator.get_params()
    np.testing.assert_array_equal(loaded.transform(X).toarray(), estimator.transform(X).toarray())
    np.testing.assert_array_equal(loaded.reconstruct(X), estimator.reconstruct(X))
    assert loaded.loss_curves_ == estimator.loss_curves_
    with pytest.raises(ValueError, match="cannot go on training"):
        loaded.partial_fit(X)


def test_what_is_not_fitted_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        DenoisingAutoencoder().save(tmp_path / "features.safetensors")
