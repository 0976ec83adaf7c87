"""Autoencoders in model files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

import hardzero
import hardzero.model_file
from hardzero import DenoisingAutoencoder, SparseAutoencoder, StackedDenoisingAutoencoder
from hardzero.corruption import MaskingNoise
from hardzero.ops import get_ops
from hardzero.reconstruction import DECODERS

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
    for name in ("sparsity_curves_", "n_iter_"):
        assert getattr(loaded, name) == getattr(estimator, name)
    np.testing.assert_array_equal(loaded.dead_units_, estimator.dead_units_)
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("estimator", AUTOENCODERS, ids=lambda estimator: type(estimator).__name__)
def test_a_loaded_autoencoder_goes_on_training(estimator, tmp_path):
    X = (load_digits().data / 8).astype(np.float32)
    estimator.fit(X).save(tmp_path / "features.safetensors")
    loaded = hardzero.load(tmp_path / "features.safetensors")
    before = loaded.reconstruction_error(X)
    for _ in range(10):
        loaded.partial_fit(X)
    assert loaded.reconstruction_error(X) < before
    assert [len(curve) for curve in loaded.loss_curves_] == [12] * len(loaded.networks_)
    assert loaded._trainers[0].history.n_samples_seen == 12 * len(X)
    again = hardzero.load(tmp_path / "features.safetensors").partial_fit(X)
    assert loaded.loss_curves_[0][2] == again.loss_curves_[0][2]


def test_reconstruction_sampling_noise_and_penalty_go_on(tmp_path):
    from scipy.sparse import random_array

    X = random_array((200, 600), density=0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    estimator = DenoisingAutoencoder(
        20, reconstruction_sampling=0.5, target_sparsity=0.9, corruption=MaskingNoise(0.4), max_iter=3, random_state=0
    )
    estimator.fit(X).save(tmp_path / "features.safetensors")
    loaded = hardzero.load(tmp_path / "features.safetensors")
    assert loaded.corruption == MaskingNoise(0.4)
    loaded.partial_fit(X)
    trainer, earlier = loaded._trainers[0], estimator._trainers[0]
    assert trainer.sampling == earlier.sampling
    assert trainer.corruption == MaskingNoise(0.4)
    assert trainer.seed != earlier.seed
    np.testing.assert_allclose(trainer.penalty.log_start, earlier.penalty.log_start)


def test_a_penalty_that_is_set_after_loading_counts(tmp_path):
    X = (load_digits().data / 8).astype(np.float32)
    DenoisingAutoencoder(20, target_sparsity=0.6, max_iter=10, random_state=0).fit(X).save(tmp_path / "features")
    loaded = hardzero.load(tmp_path / "features").set_params(target_sparsity=None, activation_l1=0.25)
    assert loaded.partial_fit(X)._trainers[0].penalty.coefficients == [0.25]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda document: document["architecture"]["layers"][0].update(decoder="magic"), "decoder"),
        (lambda document: document["architecture"]["layers"][0].update(n_units=7), "said to have 7"),
        (lambda document: document["architecture"].update(n_features=-1), "number of features"),
        (lambda document: document["training"].update(layers=[]), "does not describe"),
        (lambda document: document["training"]["layers"][0].update(loss_curve="low"), "loss_curve"),
        (lambda document: document["training"]["layers"][0].update(batch_size=0), "batch_size"),
        (lambda document: document["training"]["layers"][0].update(corruption={"corruption": ["x", {}]}), "corruption"),
        (lambda document: document["training"]["layers"][0].update(penalty={"coefficients": "all"}), "coefficients"),
        (lambda document: document["parameters"].update(corruption={"estimator": ["os", {}]}), "no form"),
    ],
)
def test_damage_is_found(damage, message, tmp_path):
    from hardzero.model_file.container import Contents, write_contents
    from hardzero.model_file.kinds import get_kind

    estimator = AUTOENCODERS[0].fit(np.eye(30, dtype=np.float32))
    contents = get_kind("DenoisingAutoencoder").pack(estimator)
    damage(contents.document)
    write_contents(Contents(contents.kind, contents.tensors, contents.document), tmp_path / "damaged.safetensors")
    with pytest.raises(ValueError, match=message):
        hardzero.load(tmp_path / "damaged.safetensors")


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_network_of_an_autoencoder_is_loaded_as_it_was_or_not_saved(decoder, tmp_path):
    X = np.eye(30, dtype=np.float32)
    network = DenoisingAutoencoder(8, decoder=decoder, max_iter=1, random_state=0).fit(X).networks_[0]
    if decoder == "linear":
        hardzero.model_file.save(network, tmp_path / "network")
        loaded = hardzero.load(tmp_path / "network")
        np.testing.assert_array_equal(loaded.predictions(get_ops(1), X), network.predictions(get_ops(1), X))
        return
    with pytest.raises(ValueError, match=r"cannot save a network with .* outputs: .* Save the autoencoder"):
        hardzero.model_file.save(network, tmp_path / "network")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        (DenoisingAutoencoder(8), {"n_components": 9}, "ask for layers"),
        (DenoisingAutoencoder(8), {"activation": "tanh"}, "ask for layers"),
        (DenoisingAutoencoder(8), {"tied_weights": True}, "tied_weights=True, but the fitted autoencoder has .*=False"),
        (DenoisingAutoencoder(8, tied_weights=True), {"tied_weights": False}, "tied_weights=False, but"),
        (StackedDenoisingAutoencoder((8, 6)), {"hidden_layer_sizes": (8, 7)}, "ask for layers"),
        (SparseAutoencoder(40, target_activity=0.1, selection="top_k"), {"target_activity": 0.2}, "ask for layers"),
    ],
)
def test_parameters_of_another_autoencoder_are_not_saved_with_it(estimator, parameters, message, tmp_path):
    X = np.eye(30, dtype=np.float32)
    before = estimator.set_params(max_iter=1).fit(X).get_params()
    expected = estimator.reconstruct(X)
    estimator.set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        estimator.save(tmp_path / "features")
    with pytest.raises(ValueError, match=message):
        estimator.partial_fit(X)
    estimator.set_params(**before).save(tmp_path / "features")
    np.testing.assert_array_equal(hardzero.load(tmp_path / "features").reconstruct(X), expected)


def test_parameters_that_no_file_is_loaded_with_are_not_saved(tmp_path):
    estimator = DenoisingAutoencoder(8, max_iter=1).fit(np.eye(30, dtype=np.float32)).set_params(alpha=-1.0)
    with pytest.raises(ValueError, match="The 'alpha' parameter"):
        estimator.save(tmp_path / "features")


@pytest.mark.parametrize(
    "estimator",
    [
        DenoisingAutoencoder(np.int64(8), corruption_level=np.float32(0.3), activation_l1=np.float32(0.01)),
        DenoisingAutoencoder(np.int64(8), corruption="gaussian", target_sparsity=np.float32(0.5)),
        StackedDenoisingAutoencoder(np.array([8, 6]), alpha=np.float32(0.1)),
        SparseAutoencoder(np.int64(50), target_activity=np.float32(0.05), selection="top_k"),
        SparseAutoencoder(np.int64(40), target_activity=np.float32(0.1)),
    ],
)
def test_numbers_of_numpy_are_saved(estimator, tmp_path):
    X = (load_digits().data[:200] / 8).astype(np.float32)
    estimator.set_params(batch_size=np.int64(20), max_iter=np.int64(2), tol=np.float32(0), n_iter_no_change=np.int64(3))
    estimator.fit(X, checkpoint=tmp_path / "state").save(tmp_path / "features")
    loaded = hardzero.load(tmp_path / "features")
    np.testing.assert_array_equal(loaded.reconstruct(X), estimator.reconstruct(X))
    estimator.set_params(learning_rate_init=np.float32(0.002)).partial_fit(X).save(tmp_path / "features")


def test_what_is_not_fitted_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        DenoisingAutoencoder().save(tmp_path / "features.safetensors")
