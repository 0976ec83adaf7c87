import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from hardzero import RectifierClassifier
from hardzero.analysis.hidden_activations import checked_input, subject_of

from .conftest import network_of


def test_network_activations_are_rectified_products(signs):
    hidden = subject_of(signs).all_hidden(subject_of(signs).check([[2.0, -3.0], [-1.0, 5.0]]))
    np.testing.assert_array_equal(hidden["layer 1"], [[2, 0, 0, 0], [0, 1, 5, 0]])


def test_estimator_gives_what_transform_gives(classifier, digits):
    subject = subject_of(classifier)
    hidden = subject.all_hidden(subject.check(digits[0]))
    assert list(hidden) == ["layer 1", "layer 2"]
    np.testing.assert_array_equal(hidden["layer 2"], classifier.transform(digits[0]).toarray())


def test_sparse_input_gives_the_same(classifier, digits):
    subject = subject_of(classifier)
    dense, sparse = (subject.all_hidden(subject.check(X)) for X in (digits[0], csr_array(digits[0])))
    np.testing.assert_allclose(dense["layer 2"], sparse["layer 2"], rtol=1e-4, atol=1e-5)


def test_stack_of_autoencoders_is_the_chain_of_its_encoders(digits):
    from hardzero.autoencoders import StackedDenoisingAutoencoder

    autoencoder = StackedDenoisingAutoencoder((20, 10), max_iter=1, random_state=0).fit(digits[0])
    subject = subject_of(autoencoder)
    hidden = subject.all_hidden(subject.check(digits[0]))
    assert hidden["layer 1"].shape == (len(digits[0]), 20)
    np.testing.assert_allclose(hidden["layer 2"], autoencoder.transform(digits[0]).toarray(), rtol=1e-5, atol=1e-6)


def test_text_model_takes_texts():
    from hardzero.text import TextModel

    texts = ["a good film", "a bad film", "very good", "very bad"]
    model = TextModel(RectifierClassifier((16,), solver="lbfgs", random_state=0)).fit(texts, ["+", "-", "+", "-"])
    subject = subject_of(model)
    hidden = subject.all_hidden(subject.check(texts))
    np.testing.assert_allclose(hidden["layer 1"], model.transform(texts).toarray(), rtol=1e-5, atol=1e-6)


def test_bad_models_are_refused():
    with pytest.raises(TypeError, match="cannot analyze a list"):
        subject_of([1, 2])
    with pytest.raises(NotFittedError):
        subject_of(RectifierClassifier())
    with pytest.raises(ValueError, match="no hidden layer"):
        subject_of(network_of())


def test_bad_input_is_refused(signs):
    subject = subject_of(signs)
    with pytest.raises(ValueError, match="3 features"):
        subject.check(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="NaN"):
        subject.check([[np.nan, 0.0]])
    with pytest.raises(ValueError, match="max_samples"):
        checked_input(subject, np.zeros((4, 2)), 0, 0)


def test_rows_are_drawn_without_repetition(signs):
    X = np.arange(20.0).reshape(10, 2)
    drawn, chosen = checked_input(subject_of(signs), X, 4, random_state=1)
    assert len(set(chosen)) == 4
    np.testing.assert_array_equal(drawn, X[chosen])


class TestTorch:
    torch = pytest.importorskip("torch")

    def test_rectifiers_are_found_by_hooks(self):
        nn = self.torch.nn
        module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(inplace=True), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
        X = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
        subject = subject_of(module)
        hidden = subject.all_hidden(subject.check(X))
        assert list(hidden) == ["1", "3"]
        first = np.maximum(X @ module[0].weight.detach().numpy().T + module[0].bias.detach().numpy(), 0)
        np.testing.assert_allclose(hidden["1"], first, rtol=1e-5, atol=1e-6)

    def test_output_activation_is_not_hidden_and_training_mode_is_restored(self):
        nn = self.torch.nn
        module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.9), nn.Linear(3, 1), nn.Sigmoid())
        module.train()
        hidden = subject_of(module).hidden(np.ones((4, 2), dtype=np.float32))
        assert list(hidden) == ["1"]
        assert module.training
        assert not module[1]._forward_hooks

    @pytest.mark.parametrize("outer", [True, False])
    def test_every_part_keeps_its_own_mode(self, outer):
        nn = self.torch.nn
        shared = nn.BatchNorm1d(3)
        inner = nn.Sequential(shared, nn.ReLU())
        module = nn.Sequential(nn.Linear(2, 3), inner, nn.Sequential(shared, nn.Linear(3, 1)))
        module.train(outer)
        shared.train(not outer)
        before = [part.training for part in module.modules()]
        subject_of(module).hidden(np.ones((4, 2), dtype=np.float32))
        assert [part.training for part in module.modules()] == before

    def test_a_module_in_training_mode_is_analyzed_without_dropout(self):
        nn = self.torch.nn
        module = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 1)).train()
        X = np.ones((20, 4), dtype=np.float32)
        without = subject_of(nn.Sequential(*module[1:])).hidden(X)
        np.testing.assert_array_equal(subject_of(module).hidden(X)["2"], without["1"])

    def test_activations_that_the_next_part_changes_in_place_are_kept(self):
        nn = self.torch.nn

        class Doubled(nn.Module):
            def forward(self, x):
                return x.mul_(2.0)

        module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), Doubled(), nn.Linear(3, 1))
        X = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
        plain = subject_of(nn.Sequential(module[0], module[1], module[3])).hidden(X)
        np.testing.assert_array_equal(subject_of(module).hidden(X)["1"], plain["1"])

    def test_samples_of_another_shape_are_refused(self):
        nn = self.torch.nn
        subject = subject_of(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1)))
        with pytest.raises(ValueError, match=r"Sequential does not take samples of shape \(2,\)"):
            subject.hidden(np.ones((5, 2), dtype=np.float32))

    def test_convolutions_are_flattened_and_repeated_calls_named(self):
        nn = self.torch.nn

        class Twice(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.relu = nn.Conv2d(1, 2, 3), nn.ReLU()

            def forward(self, x):
                return self.relu(self.relu(self.first(x)) - 0.1).sum((1, 2, 3))

        subject = subject_of(Twice())
        hidden = subject.all_hidden(subject.check(np.ones((3, 1, 5, 5))))
        assert {name: values.shape for name, values in hidden.items()} == {
            "relu": (3, 18),
            "relu call 2": (3, 18),
        }

    def test_modules_without_findable_activations_are_refused(self):
        nn = self.torch.nn
        with pytest.raises(ValueError, match="no activation module that hooks"):
            subject_of(nn.Linear(2, 2))
        only_output = subject_of(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
        with pytest.raises(ValueError, match="between input and output"):
            only_output.hidden(np.ones((1, 2), dtype=np.float32))
        with pytest.raises(ValueError, match="NaN"):
            only_output.check([[np.nan, 1.0]])
