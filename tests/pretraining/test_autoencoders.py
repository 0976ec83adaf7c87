"""The autoencoders as scikit-learn transformers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.utils.estimator_checks import parametrize_with_checks

from hardzero import DenoisingAutoencoder, StackedDenoisingAutoencoder
from hardzero.activations import get_activation
from hardzero.codes import encode
from hardzero.ops import get_ops
from hardzero.ops.updates import Momentum
from hardzero.pretraining import initialize_autoencoder
from hardzero.reconstruction import DECODERS, get_reconstruction_head
from hardzero.tied_network import TiedNetwork


@pytest.fixture(scope="module")
def digits(digits):
    """The images alone."""
    return digits[0]


@parametrize_with_checks([DenoisingAutoencoder(20, max_iter=3), StackedDenoisingAutoencoder((20, 10), max_iter=3)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("tied_weights", [False, True])
@pytest.mark.parametrize("decoder", DECODERS)
def test_training_lowers_the_reconstruction_error(digits, decoder, tied_weights):
    autoencoder = DenoisingAutoencoder(80, decoder=decoder, tied_weights=tied_weights, max_iter=15, random_state=0).fit(
        digits
    )
    mean_error = float(np.square(digits - digits.mean(axis=0)).mean())
    assert autoencoder.reconstruction_error(digits) < 0.6 * mean_error
    assert autoencoder.loss_curves_[0][-1] < autoencoder.loss_curves_[0][0]


@pytest.mark.parametrize("activation", ["relu", "signed_relu", "softplus", "tanh", "logistic"])
def test_any_activation_encodes_a_stack(digits, activation):
    stack = StackedDenoisingAutoencoder((30, 20, 12), activation, max_iter=2, random_state=0).fit(digits)
    codes = stack.transform(digits)
    assert isinstance(codes, csr_array)
    assert codes.shape == (len(digits), 12)
    assert codes.dtype == np.float32
    assert stack.inverse_transform(codes).shape == digits.shape
    np.testing.assert_allclose(stack.inverse_transform(codes), stack.reconstruct(digits), rtol=1e-5, atol=1e-6)


def test_inverse_transform_wants_codes(digits):
    autoencoder = DenoisingAutoencoder(10, max_iter=1).fit(digits)
    with pytest.raises(ValueError, match="codes have 64 columns, but transform gives 10"):
        autoencoder.inverse_transform(digits)


def test_target_sparsity_is_reached(digits):
    autoencoder = DenoisingAutoencoder(100, target_sparsity=0.85, max_iter=60, tol=0, random_state=0).fit(digits)
    assert autoencoder.sparsity_[0] == pytest.approx(0.85, abs=0.03)


@pytest.mark.usefixtures("several_cores")
def test_threads_do_not_change_the_bits(digits):
    for parameters in ({}, {"corruption": "gaussian"}, {"tied_weights": True}):
        fits = [
            StackedDenoisingAutoencoder((40, 20), max_iter=2, random_state=5, n_jobs=n_jobs, **parameters).fit(digits)
            for n_jobs in (1, 2)
        ]
        np.testing.assert_array_equal(fits[0].reconstruct(digits), fits[1].reconstruct(digits))


def test_sparse_and_dense_input_learn_the_same(digits):
    dense = DenoisingAutoencoder(20, max_iter=2, random_state=0).fit(digits)
    sparse = DenoisingAutoencoder(20, max_iter=2, random_state=0).fit(csr_array(digits))
    np.testing.assert_allclose(dense.reconstruct(digits), sparse.reconstruct(digits), atol=1e-4)


def test_reconstruction_sampling_learns_as_the_full_reconstruction():
    X = random_array((600, 400), density=0.02, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    X.data[:] = 1
    errors = {}
    for ratio in (None, 1.0):
        autoencoder = DenoisingAutoencoder(
            64, decoder="sigmoid", reconstruction_sampling=ratio, batch_size=20, max_iter=20, random_state=0
        ).fit(X)
        errors[ratio] = autoencoder.reconstruction_error(X)
    at_start = float(np.square(X.toarray() - X.toarray().mean(axis=0)).mean())
    assert errors[None] < 0.8 * at_start
    assert errors[1.0] < 0.9 * at_start


@pytest.mark.parametrize(
    ("parameters", "need"),
    [({}, "sparse input"), ({"tied_weights": True}, "tied_weights=False"), ({"corruption": "gaussian"}, "masking")],
)
def test_sampling_says_what_it_needs(digits, parameters, need):
    X = digits if not parameters else csr_array(digits)
    with pytest.raises(ValueError, match=need):
        DenoisingAutoencoder(10, reconstruction_sampling=1.0, **parameters).fit(X)


def test_partial_fit_goes_on(digits):
    stack = StackedDenoisingAutoencoder((30, 15), random_state=0)
    errors = [stack.partial_fit(digits).reconstruction_error(digits) for _ in range(12)]
    assert errors[-1] < errors[0]
    assert len(stack.loss_curves_[0]) == 12


def test_pickled_tied_autoencoder_goes_on_training(digits):
    autoencoder = DenoisingAutoencoder(30, tied_weights=True, random_state=0).partial_fit(digits)
    copy = pickle.loads(pickle.dumps(autoencoder))
    for one in (autoencoder, copy):
        one.partial_fit(digits)
        network = one.networks_[0]
        np.testing.assert_array_equal(network.output.weights, network.hidden_layers[0].parameters.weights.T)
    np.testing.assert_array_equal(autoencoder.reconstruct(digits), copy.reconstruct(digits))


def test_gradient_of_tied_weights_is_the_sum_of_both(digits):
    ops, batch = get_ops(1), digits[:20]
    head = get_reconstruction_head("softplus", smallest=0.0, largest=1.0)
    network = initialize_autoencoder(
        ops, digits, 16, get_activation("softplus"), head, np.random.RandomState(0), tied=True
    )
    assert isinstance(network, TiedNetwork)
    weights = network.hidden_layers[0].parameters.weights.copy()

    def cost(weights):
        network.hidden_layers[0].parameters.weights[...] = weights
        network.output.weights[...] = weights.T
        return head.value(network.scores(ops, batch), batch)

    expected = np.zeros((4, 3))
    for i, j in np.ndindex(4, 3):
        shift = np.zeros_like(weights)
        shift[20 + i, j] = 1e-2
        expected[i, j] = (cost(weights + shift) - cost(weights - shift)) / 2e-2
    cost(weights)
    forward_pass = network.forward(ops, ops.rows(batch))
    _, delta = head.value_and_delta(ops, forward_pass.scores, batch)
    network.backward(ops, forward_pass, delta, Momentum(1.0))
    gradient = weights - network.hidden_layers[0].parameters.weights
    np.testing.assert_allclose(gradient[20:24, :3], expected, rtol=1e-2, atol=1e-3)


def test_negative_input_takes_the_linear_decoder(digits):
    autoencoder = DenoisingAutoencoder(20, max_iter=1).fit(digits - 0.5)
    assert autoencoder.networks_[0].loss.decoder == "linear"
    with pytest.raises(ValueError, match="use decoder='linear'"):
        DenoisingAutoencoder(20, decoder="softplus").fit(digits - 0.5)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize(("activation", "decoder"), [("signed_relu", "softplus"), ("tanh", "sigmoid")])
def test_a_decoder_that_cannot_reconstruct_codes_is_refused_before_training(digits, activation, decoder, call):
    stack = StackedDenoisingAutoencoder((20, 10), activation, decoder=decoder)
    callback = {"callback": lambda report: pytest.fail("trained")} if call == "fit" else {}
    with pytest.raises(ValueError, match=rf"the codes of layer 1, which .* '{activation}' .* use decoder='auto'"):
        getattr(stack, call)(digits, **callback)


def test_any_decoder_will_do_for_codes_that_no_layer_learns_from(digits):
    for sizes, activation in (((20,), "tanh"), ((1, 10), "signed_relu"), ((20, 10), "logistic")):
        StackedDenoisingAutoencoder(sizes, activation, decoder="sigmoid", max_iter=1, random_state=0).fit(digits)


@pytest.mark.parametrize("as_input", [np.asarray, csr_array])
@pytest.mark.parametrize(
    ("decoder", "shift", "factor", "message"),
    [
        ("auto", -0.5, 1, "no negative value, but now decoder='softplus' cannot .* smallest value is -0.5"),
        ("rectifier", -0.5, 1, "no negative value, but now decoder='rectifier' cannot"),
        ("sigmoid", -0.5, 1, "no negative value, but now decoder='sigmoid' cannot"),
        ("sigmoid", 0, 100, "input of up to 100: the first call measured values of up to 1"),
    ],
)
def test_partial_fit_refuses_what_the_decoder_cannot_reconstruct(digits, as_input, decoder, shift, factor, message):
    X, other = digits[:60], as_input(digits[:60] * factor + np.float32(shift))
    stack = StackedDenoisingAutoencoder((10, 5), decoder=decoder, max_iter=5, random_state=0).partial_fit(as_input(X))
    before = stack.reconstruct(X)
    with pytest.raises(ValueError, match=message):
        stack.partial_fit(other)
    np.testing.assert_array_equal(stack.reconstruct(X), before)
    assert len(stack.partial_fit(X).loss_curves_[0]) == 2


def test_partial_fit_of_a_linear_decoder_takes_any_range(digits):
    autoencoder = DenoisingAutoencoder(10, decoder="linear", max_iter=5, random_state=0)
    for X in (digits, digits - 0.5, digits * 100):
        autoencoder.partial_fit(X)


def test_input_clipped_to_what_the_message_tells_is_taken(digits):
    X = digits * np.float32(0.1234566)
    autoencoder = DenoisingAutoencoder(10, decoder="sigmoid", max_iter=5, random_state=0).partial_fit(X)
    with pytest.raises(ValueError, match=r"values of up to 0\.123457\. Clip"):
        autoencoder.partial_fit(2 * X)
    autoencoder.partial_fit(np.minimum(2 * X, np.float32(0.123457)))


def test_partial_fit_of_a_sigmoid_stack_takes_codes_that_grow(digits):
    stack = StackedDenoisingAutoencoder((20, 10), decoder="sigmoid", learning_rate_init=0.01, random_state=0)
    scale = stack.partial_fit(digits).networks_[1].loss.scale
    for _ in range(5):
        stack.partial_fit(digits)
    assert encode(get_ops(1), stack.networks_[0], digits).max() > scale


@pytest.mark.parametrize("corruption", ["masking", None])
@pytest.mark.parametrize(("n_words", "sampled"), [(100, False), (5000, True)])
def test_sampling_is_the_default_where_it_leaves_out_most_columns(n_words, sampled, corruption):
    random = np.random.default_rng(0)
    X = random_array((60, n_words), density=10 / n_words, format="csr", dtype=np.float32, rng=random)
    autoencoder = DenoisingAutoencoder(8, corruption=corruption, batch_size=20, max_iter=1).fit(X)
    assert (autoencoder._trainers[0].sampling is not None) == sampled


def test_only_the_input_of_a_stack_is_sampled_and_its_codes_are_not():
    X = random_array((60, 400), density=0.02, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    stack = StackedDenoisingAutoencoder((20, 10), reconstruction_sampling=1.0, batch_size=20, max_iter=1).fit(X)
    assert [trainer.sampling is not None for trainer in stack._trainers] == [True, False]


def test_partial_fit_reaches_the_target_sparsity_after_max_iter_passes(digits):
    autoencoder = DenoisingAutoencoder(100, target_sparsity=0.85, max_iter=60, random_state=0)
    for _ in range(60):
        autoencoder.partial_fit(digits)
    assert autoencoder.sparsity_[0] == pytest.approx(0.85, abs=0.03)


def test_parameters_set_between_passes_count(digits):
    plain, sparser = (
        StackedDenoisingAutoencoder((64, 32), learning_rate_init=0.01, max_iter=3, random_state=0).fit(digits)
        for _ in range(2)
    )
    sparser.set_params(activation_l1=[1.0, 0.0], alpha=0.5, batch_size=50, shuffle=False)
    for _ in range(5):
        plain.partial_fit(digits)
        sparser.partial_fit(digits)
    assert sparser.sparsity_[0] > plain.sparsity_[0] + 0.2
    for trainer, coefficient in zip(sparser._trainers, [1.0, 0.0], strict=True):
        assert trainer.penalty.coefficients == [coefficient]
        assert (trainer.settings.alpha, trainer.settings.batch_size, trainer.settings.shuffle) == (0.5, 50, False)


@pytest.mark.parametrize("sampling", [None, 1.0])
@pytest.mark.parametrize("parameters", [{"solver": "sgd", "learning_rate_init": 0.05}, {"learning_rate_init": 0.01}])
def test_an_optimizer_set_between_passes_counts(parameters, sampling):
    X = random_array((60, 200), density=0.05, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    settings = {"reconstruction_sampling": sampling, "batch_size": 20, "max_iter": 5, "random_state": 0}
    autoencoder = DenoisingAutoencoder(8, **settings).partial_fit(X).set_params(**parameters)
    before = autoencoder.networks_[0].output.weights.copy()
    autoencoder.partial_fit(X)
    trainer = autoencoder._trainers[0]
    assert type(trainer.optimizer) is type(autoencoder._optimizer())
    assert trainer.optimizer.n_steps == (3 if "solver" in parameters else 6)
    assert trainer.optimizer.learning_rate.current == parameters["learning_rate_init"]
    assert len(autoencoder.loss_curves_[0]) == 2
    assert not np.array_equal(autoencoder.networks_[0].output.weights, before)


def test_a_target_that_stays_keeps_its_controller(digits):
    autoencoder = DenoisingAutoencoder(30, target_sparsity=0.8, max_iter=5, random_state=0).partial_fit(digits)
    controller = autoencoder._trainers[0].penalty
    assert autoencoder.partial_fit(digits)._trainers[0].penalty is controller
    autoencoder.set_params(target_sparsity=0.9).partial_fit(digits)
    assert autoencoder._trainers[0].penalty.wanted == ("targets", [0.9])


def test_a_cosine_rate_that_reached_zero_is_told(digits):
    autoencoder = DenoisingAutoencoder(10, learning_rate="cosine", max_iter=2, random_state=0).fit(digits)
    with pytest.raises(ValueError, match="raise max_iter, or set learning_rate='constant'"):
        autoencoder.partial_fit(digits)
    error = autoencoder.reconstruction_error(digits)
    autoencoder.set_params(learning_rate="constant").partial_fit(digits)
    assert autoencoder.reconstruction_error(digits) < error


def test_dead_units_are_counted(digits):
    autoencoder = DenoisingAutoencoder(30, activation_l1=5.0, max_iter=4, random_state=0).fit(digits)
    assert 0 < autoencoder.dead_units_[0] <= 30
    assert DenoisingAutoencoder(30, "tanh", max_iter=2).fit(digits).dead_units_[0] == 0
