import numpy as np
import pytest
from scipy.sparse import csr_array

from hardzero import RectifierClassifier
from hardzero.activations import Softplus
from hardzero.analysis import initial_sparsity
from hardzero.analysis.initial_sparsity import INITIALIZATIONS
from hardzero.text import TextModel

X = np.random.default_rng(0).normal(size=(200, 30))


def test_rectifiers_start_half_zero_and_smooth_units_not_at_all():
    result = initial_sparsity((300, 300), X, n_repeats=2)
    zeros = result.to_frame().groupby("activation")["zeros"].mean()
    assert zeros["relu"] == pytest.approx(0.5, abs=0.03)
    assert zeros["signed_relu"] == pytest.approx(0.5, abs=0.03)
    assert zeros["lif"] == pytest.approx(0.5, abs=0.03)
    assert zeros["tanh"] == 0
    assert zeros["softplus"] == 0
    assert result.plot().get_ylabel().endswith("(%)")


def test_one_name_needs_no_sequence():
    result = initial_sparsity((3,), X, activations="relu", initializations="he_uniform", n_repeats=1)
    assert (result.activations, result.initializations) == (["relu"], ["he_uniform"])


def test_the_spread_of_one_network_is_not_known():
    result = initial_sparsity((3,), X, activations="relu", n_repeats=1)
    assert result.to_frame()["standard_deviation"].isna().all()


@pytest.mark.parametrize("name", INITIALIZATIONS)
@pytest.mark.parametrize("shape", [(400, 300), (300, 400)])
def test_initializations_have_the_published_variance(name, shape):
    n, m = shape
    weights = INITIALIZATIONS[name](np.random.default_rng(1), n, m)
    published = {"he_uniform": 2 / n, "he_normal": 2 / n, "glorot_uniform": 2 / (n + m), "lecun_uniform": 1 / n}
    assert weights.shape == shape
    assert weights.var() == pytest.approx(published.get(name, 2 / max(n, m)), rel=0.05)


def test_layer_sizes_come_from_a_model(classifier, digits):
    result = initial_sparsity(classifier, digits[0], activations=["relu"], initializations=["he_normal"], n_repeats=1)
    assert result.zeros.shape == (1, 1, 1, 2)


def test_the_same_seed_gives_the_same():
    first, second = (initial_sparsity((20,), X, n_repeats=2, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.zeros, second.zeros)


def test_an_initialization_has_networks_of_its_own_whichever_others_are_named():
    together = initial_sparsity((200,), X, activations="relu", n_repeats=2)
    for j, name in enumerate(INITIALIZATIONS):
        alone = initial_sparsity((200,), X, activations="relu", initializations=name, n_repeats=2)
        np.testing.assert_array_equal(alone.zeros[:, 0], together.zeros[:, j])
    assert len(np.unique(together.zeros)) == together.zeros.size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initializations": ["zero"]}, "unknown initialization 'zero'"),
        ({"activations": ["rely"]}, "unknown activation"),
        ({"n_repeats": 0}, "n_repeats"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        initial_sparsity((10,), X, **change)


def test_bad_sizes_and_data():
    with pytest.raises(ValueError, match="layer sizes"):
        initial_sparsity((10, 0), X)
    with pytest.raises(ValueError, match="n_samples, n_features"):
        initial_sparsity((10,), X[0])


def test_layer_sizes_of_a_text_model_go_with_its_words():
    texts = ["a good film", "a bad film", "very good", "very bad"]
    model = TextModel(RectifierClassifier((16,), solver="lbfgs", random_state=0)).fit(texts, ["+", "-", "+", "-"])
    result = initial_sparsity(model, texts, activations="relu", initializations="he_normal", n_repeats=1)
    words = initial_sparsity(
        (16,), model.transform_texts(texts), activations="relu", initializations="he_normal", n_repeats=1
    )
    np.testing.assert_array_equal(result.zeros, words.zeros)


def test_columns_beyond_the_width_of_sparse_input_are_refused():
    broken = csr_array((np.ones(3, dtype=np.float32), np.array([1, 2, 10]), np.array([0, 3])), shape=(1, 10))
    with pytest.raises(ValueError, match="indices must be < 10"):
        initial_sparsity((16,), broken)


def test_settings_of_one_activation_are_told_apart():
    result = initial_sparsity((3,), X, activations=[Softplus(), Softplus(beta=8.0)], n_repeats=1)
    assert result.activations == ["softplus", "Softplus(beta=8.0)"]
