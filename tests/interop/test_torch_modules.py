"""`to_torch` and `from_torch`: modules and estimators predict the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.activations import ACTIVATIONS, get_activation
from hardzero.interop import from_torch, to_torch

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
prune = pytest.importorskip("torch.nn.utils.prune")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


def output(module) -> np.ndarray:
    with torch.inference_mode():
        return module.eval()(torch.from_numpy(X)).numpy()


def used_batch_norm(n_units: int):
    """Batch normalization with statistics and parameters far from where they start."""
    module = nn.BatchNorm1d(n_units)
    with torch.no_grad():
        for tensor in (module.running_mean, module.weight, module.bias):
            tensor.normal_()
        module.running_var.uniform_(0.1, 3.0)
    return module


@pytest.mark.parametrize("activation", ["relu", "signed_relu", "tanh", "logistic", "identity", "softplus"])
def test_a_module_has_the_scores_of_the_network(activation):
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    classifier = RectifierClassifier((9, 7), activation=get_activation(activation), max_iter=5, random_state=0)
    classifier.fit(X, y)
    np.testing.assert_allclose(output(to_torch(classifier)), classifier.to_predictor().scores(X), atol=1e-5)


def test_a_module_of_a_poisson_regression_has_the_logarithms_of_rates():
    regressor = RectifierRegressor("poisson", (9,), max_iter=5, random_state=0).fit(X, np.abs(X[:, 0]))
    np.testing.assert_allclose(np.exp(output(to_torch(regressor)).ravel()), regressor.predict(X), rtol=1e-5)


def test_the_module_has_weights_of_its_own():
    regressor = RectifierRegressor(hidden_layer_sizes=(9,), max_iter=5, random_state=0).fit(X, X[:, 0])
    before = regressor.predict(X)
    with torch.no_grad():
        to_torch(regressor)[0].weight.zero_()
    np.testing.assert_array_equal(regressor.predict(X), before)


def test_an_activation_that_pytorch_lacks_is_refused():
    regressor = RectifierRegressor(hidden_layer_sizes=(9,), activation="lif", max_iter=2).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="lif"):
        to_torch(regressor)


@pytest.mark.parametrize("kind", [nn.ReLU, nn.Tanh, nn.Sigmoid, lambda: nn.Softplus(3.0)])
def test_a_module_without_classes_is_a_regressor(kind):
    hidden = [nn.Linear(5, 9), kind(), nn.Dropout(0.5), nn.Linear(9, 7, bias=False), kind()]
    module = nn.Sequential(*hidden, nn.Linear(7, 2))
    regressor = from_torch(module)
    assert isinstance(regressor, RectifierRegressor)
    assert regressor.hidden_layer_sizes == (9, 7)
    np.testing.assert_allclose(regressor.predict(X), output(module), atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["start", "before", "after"]), st.booleans(), st.integers(0, 2**16))
def test_batch_normalization_goes_into_the_weights(place, has_parameters, seed):
    torch.manual_seed(seed)
    norm = used_batch_norm(5 if place == "start" else 9)
    if not has_parameters:
        norm.weight = norm.bias = None
    parts = {"start": [norm], "before": [], "after": []}[place] + [nn.Linear(5, 9)]
    parts += [norm, nn.ReLU()] if place == "before" else [nn.ReLU()] + [norm] * (place == "after")
    module = nn.Sequential(nn.Flatten(), nn.Sequential(*parts), nn.Identity(), nn.Linear(9, 1))
    np.testing.assert_allclose(from_torch(module).predict(X), output(module).ravel(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("end", [nn.Softmax(dim=1), nn.LogSoftmax(dim=1)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_module_that_ends_in_a_softmax_is_a_classifier(n_classes, end):
    module = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, n_classes), end)
    classifier = from_torch(module)
    expected = output(module[:-1])
    np.testing.assert_array_equal(classifier.predict(X), expected.argmax(axis=1))
    probabilities = torch.softmax(torch.from_numpy(expected), dim=1).numpy()
    np.testing.assert_allclose(classifier.predict_proba(X), probabilities, atol=1e-5)


@given(st.permutations(["ant", "bee", "cat"]), st.integers(1, 3))
def test_classes_name_the_outputs_in_any_order(names, n_outputs):
    module = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, n_outputs))
    classes = np.array(names[: max(n_outputs, 2)])
    scores = output(module)
    index = (scores > 0).astype(int).ravel() if n_outputs == 1 else scores.argmax(axis=1)
    np.testing.assert_array_equal(from_torch(module, classes).predict(X), classes[index])


def test_sigmoids_at_the_end_are_classes_or_labels():
    one = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 1), nn.Sigmoid())
    np.testing.assert_array_equal(from_torch(one).predict(X), (output(one).ravel() > 0.5).astype(int))
    several = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 3), nn.Sigmoid())
    labels = from_torch(several)
    np.testing.assert_array_equal(labels.predict(X), (output(several) > 0.5).astype(int))
    np.testing.assert_allclose(labels.predict_proba(X), output(several), atol=1e-5)


def test_training_goes_on_from_the_weights_of_a_module():
    module = nn.Sequential(nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 2))
    y = (X[:, 0] > 0).astype(int)
    classifier = from_torch(module, [0, 1])
    before = classifier.coefs_[0].copy()
    classifier.set_params(warm_start=True, max_iter=1, learning_rate_init=1e-4, random_state=0).fit(X, y)
    assert 0 < np.abs(classifier.coefs_[0] - before).max() < 1e-3
    classifier.set_params(target_sparsity=0.8, max_iter=300, learning_rate_init=3e-3, tol=0).fit(X, y)
    assert classifier.sparsity_[0] > 0.75


def test_there_and_back_again_changes_nothing():
    classifier = RectifierClassifier((9, 7), max_iter=5, random_state=0).fit(X, np.digitize(X[:, 0], [-0.5, 0.5]))
    back = from_torch(to_torch(classifier), classifier.classes_)
    np.testing.assert_array_equal(back.predict_proba(X), classifier.predict_proba(X))


class Custom(nn.Module):
    def forward(self, x):
        return x


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("parts", "culprit"),
    [
        ([nn.Linear(5, 9), nn.LeakyReLU(), nn.Linear(9, 1)], "LeakyReLU"),
        ([nn.Linear(5, 9), Custom(), nn.Linear(9, 1)], "Custom"),
        ([Custom()], "no layer Custom.* Give the torch.nn.Sequential"),
        ([nn.ModuleList([nn.Linear(5, 1)])], "no layer ModuleList"),
        ([nn.Conv1d(5, 9, 1)], "no layer Conv1d"),
        ([nn.Linear(5, 9), nn.ReLU(), nn.LayerNorm(9), nn.Linear(9, 1)], "no layer LayerNorm"),
        ([Residual(nn.Linear(5, 5), nn.ReLU()), nn.Linear(5, 1)], "no layer Residual"),
        ([Doubled(5, 9), nn.ReLU(), nn.Linear(9, 1)], "no layer Doubled"),
        ([nn.Linear(5, 9), nn.Softplus(1, 1.0), nn.Linear(9, 1)], "no layer Softplus"),
        ([nn.Linear(5, 2), nn.Softmax(dim=0)], "no layer Softmax"),
        ([nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 9), nn.Tanh(), nn.Linear(9, 1)], "several activation functions"),
        ([nn.Linear(5, 9), nn.ReLU(), nn.Linear(8, 1)], "9 units"),
        ([nn.Linear(5, 9), nn.ReLU()], "output layer"),
        ([nn.ReLU(), nn.Linear(5, 1)], "ReLU"),
        ([nn.Linear(5, 9), nn.ReLU(), nn.ReLU(), nn.Linear(9, 1)], "ReLU"),
        ([nn.Linear(5, 2), nn.Softmax(dim=1), nn.Linear(2, 1)], "after its softmax"),
        ([nn.Linear(5, 1), nn.Softmax(dim=1)], "single output"),
        ([nn.Linear(5, 9), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(9, 1)], "BatchNorm1d"),
        ([nn.BatchNorm1d(5, track_running_stats=False), nn.Linear(5, 1)], "minibatch"),
        ([nn.Linear(5, 9), nn.ReLU(), nn.BatchNorm1d(9)], "BatchNorm1d"),
        ([nn.Flatten()], "no Linear"),
    ],
)
def test_a_module_that_no_estimator_computes_is_refused(parts, culprit):
    with pytest.raises(ValueError, match=culprit):
        from_torch(nn.Sequential(*parts))


@pytest.mark.parametrize("hooked", [0, None], ids=["layer", "sequential"])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_forward_hooks_are_refused(hooked, kind):
    module = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 1))
    handle = getattr(module if hooked is None else module[hooked], kind)(lambda *_: None)
    with pytest.raises(ValueError, match=r"(Linear|Sequential) has forward hooks.*by their handles"):
        from_torch(module)
    handle.remove()
    np.testing.assert_allclose(from_torch(module).predict(X), output(module).ravel(), atol=1e-5)


@pytest.mark.parametrize(
    ("reparametrize", "end"),
    [
        (lambda layer: prune.l1_unstructured(layer, "weight", 0.8), lambda layer: prune.remove(layer, "weight")),
        (nn.utils.spectral_norm, nn.utils.remove_spectral_norm),
    ],
)
def test_weights_that_a_hook_computes_are_taken_once_it_has_ended(reparametrize, end):
    module = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 1))
    reparametrize(module[0])
    module.load_state_dict({name: tensor + 1 for name, tensor in module.state_dict().items()})
    with pytest.raises(ValueError, match=r"Linear has forward hooks.*torch\.nn\.utils\.prune\.remove"):
        from_torch(module)
    output(module)
    end(module[0])
    np.testing.assert_allclose(from_torch(module).predict(X), output(module).ravel(), atol=1e-5)


def test_parametrizations_are_taken_as_they_are():
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(5, 9)), nn.ReLU(), nn.Linear(9, 1))
    module.load_state_dict({name: tensor + 1 for name, tensor in module.state_dict().items()})
    np.testing.assert_allclose(from_torch(module).predict(X), output(module).ravel(), atol=1e-5)


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 1], [[0, 1, 2]], 3])
def test_classes_that_do_not_fit_the_outputs_are_refused(classes):
    with pytest.raises(ValueError, match="3 different labels for 3 outputs"):
        from_torch(nn.Sequential(nn.Linear(5, 3)), classes)


@pytest.mark.parametrize(
    ("make", "culprit"),
    [
        (lambda: RectifierRegressor(), "not fitted"),
        (lambda: make_pipeline(StandardScaler(), RectifierRegressor(max_iter=1)).fit(X, X[:, 0]), r"pipeline\[-1\]"),
        (lambda: nn.Linear(5, 1), "got Linear"),
    ],
)
def test_only_fitted_networks_become_modules(make, culprit):
    with pytest.raises(ValueError, match=culprit):
        to_torch(make())


def test_every_activation_is_either_translated_or_refused():
    for name in ACTIVATIONS:
        regressor = RectifierRegressor(hidden_layer_sizes=(3,), activation=name, max_iter=1).fit(X, X[:, 0])
        try:
            module = to_torch(regressor)
        except ValueError:
            assert name == "lif"
        else:
            np.testing.assert_allclose(output(module).ravel(), regressor.predict(X), atol=1e-5)
