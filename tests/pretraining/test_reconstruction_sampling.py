"""Reconstruction sampling: unbiased, and exact where every column is taken."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from hardzero.activations import Rectifier
from hardzero.ops import get_ops
from hardzero.ops.updates import Gradient, Momentum
from hardzero.optimizers import AdamOptimizer, LearningRate
from hardzero.pretraining import initialize_autoencoder
from hardzero.reconstruction import get_reconstruction_head
from hardzero.reconstruction_sampling import PartialNetwork, ReconstructionSampling

N_WORDS, N_UNITS = 60, 12


@pytest.fixture
def bag():
    X = random_array((8, N_WORDS), density=0.05, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    X.data[:] = 1
    return X


def autoencoder(ops, bag, decoder="sigmoid"):
    head = get_reconstruction_head(decoder, smallest=0.0, largest=1.0)
    return initialize_autoencoder(ops, bag, N_UNITS, Rectifier(), head, np.random.RandomState(1))


def step(network, ops, rows, targets, update):
    forward_pass = network.forward(ops, rows)
    value, delta = network.loss.value_and_delta(ops, forward_pass.scores, targets)
    network.backward(ops, forward_pass, delta, update)
    return value


def gradient_room(network):
    for layer in network.parameters:
        layer.weight_state = [np.zeros_like(layer.weights)]
        layer.bias_state = [np.zeros_like(layer.bias)]


@pytest.mark.parametrize("decoder", ["softplus", "sigmoid", "linear"])
def test_expected_gradient_is_the_full_one(bag, decoder):
    ops = get_ops(1, "reference")
    full = autoencoder(ops, bag, decoder)
    gradient_room(full)
    value = step(full, ops, ops.rows(bag), bag.toarray(), Gradient())
    encoder_gradient, decoder_gradient = (layer.weight_state[0].copy() for layer in full.parameters)
    n_draws = 1500
    values = np.zeros(n_draws)
    mean_encoder, mean_decoder = np.zeros((N_WORDS, N_UNITS)), np.zeros((N_UNITS, N_WORDS))
    squares = np.zeros_like(mean_decoder)
    sampling = ReconstructionSampling(ratio=0.5)
    sampled = autoencoder(ops, bag, decoder)
    for draw in range(n_draws):
        network, inputs, targets = PartialNetwork(sampled, sampling).take(ops, bag, draw)
        gradient_room(network)
        values[draw] = step(network, ops, ops.rows(inputs), targets, Gradient())
        sample = sampling.draw(bag.indices, N_WORDS, draw)
        by_encoder, by_decoder = (layer.weight_state[0] for layer in network.parameters)
        mean_encoder[sample.nonzero] += by_encoder / n_draws
        mean_decoder[:, sample.columns] += by_decoder / n_draws
        squares[:, sample.columns] += np.square(by_decoder) / n_draws
    error = np.sqrt(np.maximum(squares - mean_decoder**2, 0) / n_draws)
    assert np.all(np.abs(mean_decoder - decoder_gradient) <= 5 * error + 1e-6)
    assert np.linalg.norm(mean_encoder - encoder_gradient) < 0.05 * np.linalg.norm(encoder_gradient)
    assert abs(values.mean() - value) < 5 * values.std() / np.sqrt(n_draws) + 1e-6


@pytest.mark.parametrize("name", ["native", "reference"])
def test_taking_every_column_is_an_ordinary_step(bag, name):
    ops = get_ops(1, name)
    whole, parted = autoencoder(ops, bag), autoencoder(ops, bag)
    update = Momentum(0.5)
    step(whole, ops, ops.rows(bag), bag.toarray(), update)
    part = PartialNetwork(parted, ReconstructionSampling(ratio=1e6))
    network, inputs, targets = part.take(ops, bag, seed=0)
    step(network, ops, ops.rows(inputs), targets, update)
    part.give_back(network)
    part.write_decoder()
    for one, other in zip(whole.parameters, parted.parameters, strict=True):
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
        np.testing.assert_allclose(one.bias, other.bias, atol=1e-5)


def test_parameters_outside_the_sample_stand_still(bag):
    ops = get_ops(1)
    network = autoencoder(ops, bag)
    optimizer = AdamOptimizer(LearningRate("constant", 0.1))
    optimizer.prepare(network.parameters)
    before = network.copy_parameters()
    sampling = ReconstructionSampling(ratio=0.5)
    part = PartialNetwork(network, sampling)
    partial, inputs, targets = part.take(ops, bag, seed=4)
    step(partial, ops, ops.rows(inputs), targets, optimizer.next_update(0.0))
    part.give_back(partial)
    part.write_decoder()
    sample = sampling.draw(bag.indices, N_WORDS, 4)
    outside = np.setdiff1d(np.arange(N_WORDS), sample.columns)
    assert len(outside)
    np.testing.assert_array_equal(network.output.weights[:, outside], before[1][0][:, outside])
    assert (network.output.weights[:, sample.columns] != before[1][0][:, sample.columns]).any(axis=0).all()


def test_sample_weights_are_inverse_probabilities():
    sample = ReconstructionSampling(ratio=2.0).draw(np.array([3, 9]), 54, seed=1)
    assert sample.nonzero.tolist() == [3, 9]
    assert len(sample.zero) == 4
    np.testing.assert_allclose(sample.weight, [1, 1, 13, 13, 13, 13])


def test_a_minibatch_of_empty_rows_is_a_step(bag):
    empty = csr_array((3, N_WORDS), dtype=np.float32)
    networks = []
    for name in ("native", "reference"):
        ops = get_ops(1, name)
        network = autoencoder(ops, bag)
        before = network.copy_parameters()
        part = PartialNetwork(network, ReconstructionSampling())
        partial, inputs, targets = part.take(ops, empty, seed=0)
        assert (inputs.shape, targets.shape) == ((3, 0), (3, 1))
        step(partial, ops, ops.rows(inputs), targets, Momentum(0.5))
        part.give_back(partial)
        part.write_decoder()
        assert np.flatnonzero(network.output.bias != before[1][1]).tolist() == part._sample.zero.tolist()
        networks.append(network)
    for one, other in zip(networks[0].parameters, networks[1].parameters, strict=True):
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
        np.testing.assert_allclose(one.bias, other.bias, atol=1e-5)
