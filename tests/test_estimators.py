"""What the estimators promise: inputs of every kind, pipelines, copies, weights, the hidden representation."""

from __future__ import annotations

import copy
import io
import pickle
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_matrix, csc_array, csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import (
    load_digits,
    make_classification,
    make_friedman1,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from hardzero import DenoisingAutoencoder, RectifierClassifier, RectifierRegressor, SparseAutoencoder, load
from hardzero.activations import ACTIVATIONS, Softplus

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:target_sparsity was not reached"
)


@pytest.fixture(scope="module")
def digits(digits):
    """The first 500 of them, which are enough here."""
    X, y = digits
    return X[:500], y[:500]


@pytest.fixture(scope="module")
def regression():
    X, y = make_regression(n_samples=150, n_features=8, n_targets=2, random_state=0)
    return X, y / y.std(axis=0)


def small(kind=RectifierClassifier, **parameters):
    return kind(**{"hidden_layer_sizes": (24, 12), "max_iter": 5, "random_state": 0, "n_jobs": 1, **parameters})


@pytest.mark.parametrize("make", [csr_array, csr_matrix, csc_array, coo_matrix], ids=lambda make: make.__name__)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_and_dense_input_give_the_same_answers(digits, solver, make):
    X, y = digits
    dense, sparse = small(solver=solver).fit(X, y), small(solver=solver).fit(make(X), y)
    assert np.allclose(dense.predict_proba(X), sparse.predict_proba(make(X)), atol=1e-4)
    assert np.allclose(dense.predict_proba(X), dense.predict_proba(make(X)), atol=1e-6)
    assert abs(dense.transform(X) - dense.transform(make(X))).max() < 1e-5


def test_unsorted_and_duplicate_entries_of_csr_input_are_understood_and_left_alone():
    rows = csr_array((np.float32([3, 1, 2, 4]), [2, 0, 2, 1], [0, 3, 4]), shape=(2, 3))
    before = rows.indices.copy(), rows.data.copy()
    model = small(RectifierRegressor).fit(rows, [0.0, 1.0])
    assert np.allclose(model.predict(rows), model.predict([[1, 0, 5], [0, 4, 0]]))
    assert np.array_equal(rows.indices, before[0])
    assert np.array_equal(rows.data, before[1])


def test_bags_of_words_are_never_made_dense(monkeypatch):
    texts = ["good film", "bad film", "good plot", "bad plot", "dull film", "great plot"] * 20
    X = CountVectorizer().fit_transform(texts)
    X.resize(120, 1_000_000)
    for kind in (csr_array, csr_matrix):
        monkeypatch.setattr(kind, "toarray", narrow_only(kind.toarray))
        monkeypatch.setattr(kind, "todense", narrow_only(kind.todense))
    y = [1, 0, 1, 0, 0, 1] * 20
    model = small(hidden_layer_sizes=(4,), learning_rate_init=0.05, max_iter=15).fit(X, y)
    assert model.score(X, y) == 1.0


def narrow_only(make_dense):
    def checked(self, *arguments, **options):
        assert self.shape[1] < 1000
        return make_dense(self, *arguments, **options)

    return checked


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8, bool, object])
def test_input_of_any_numeric_type_is_taken_as_float32(digits, dtype):
    X = (digits[0] > 0.5).astype(dtype)
    model = small().fit(X, digits[1])
    expected = small().fit(X.astype(np.float32), digits[1])
    assert np.array_equal(model.predict_proba(X), expected.predict_proba(X.astype(np.float32)))
    assert model.coefs_[0].dtype == np.float32


@pytest.mark.parametrize("arrange", [np.asfortranarray, lambda X: X[::-1][::-1], lambda X: np.repeat(X, 2, 1)[:, ::2]])
def test_memory_order_does_not_matter(digits, arrange):
    X, y = digits
    assert np.array_equal(small().fit(arrange(X), y).predict_proba(arrange(X)), small().fit(X, y).predict_proba(X))


def test_input_is_never_written_to(digits):
    X, y = digits[0].copy(), digits[1].copy()
    X.setflags(write=False)
    y.setflags(write=False)
    small(input_dropout=0.2).fit(X, y).predict(X)
    assert np.array_equal(X, digits[0])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(digits, activation):
    model = small(activation=activation, learning_rate_init=0.02, max_iter=40).fit(*digits)
    assert model.score(*digits) > 0.9


def test_an_activation_may_come_with_its_constants(digits):
    model = small(activation=Softplus(beta=5.0))
    assert clone(model).activation == Softplus(beta=5.0)
    assert model.fit(*digits).network_.hidden_layers[0].activation.beta == 5.0


def test_several_labels_a_sample():
    X, y = make_multilabel_classification(300, n_classes=4, random_state=0)
    model = small(max_iter=60, learning_rate_init=0.01).fit(X, y)
    assert model.out_activation_ == "logistic"
    assert model.predict(X).shape == model.predict_proba(X).shape == y.shape
    assert np.array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    assert (model.predict(X) == y).mean() > 0.9


def test_label_matrices_may_be_sparse():
    X, y = make_multilabel_classification(80, n_classes=4, random_state=0)
    predictions = small().fit(X, csr_matrix(y)).predict(X)
    assert np.array_equal(predictions.toarray(), small().fit(X, y).predict(X))


def test_two_classes_use_one_logistic_output():
    X, y = make_classification(200, random_state=0)
    model = small(max_iter=40, learning_rate_init=0.01).fit(X, np.where(y, "yes", "no"))
    assert (model.out_activation_, model.n_outputs_) == ("logistic", 1)
    assert list(model.classes_) == ["no", "yes"]
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, np.where(y, "yes", "no")) > 0.95


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_near_zero_are_exact_and_their_logarithms_finite(n_classes):
    X, y = make_classification(100, n_informative=4, n_classes=n_classes, random_state=0)
    model = small(max_iter=30).fit(X, y)
    model.coefs_[-1][...] *= 30 if n_classes == 2 else 10
    probabilities, logs = model.predict_proba(X), model.predict_log_proba(X)
    assert all(0 < column.min() < 1e-8 for column in probabilities.T)
    np.testing.assert_allclose(np.log(probabilities), logs, rtol=1e-5, atol=1e-6)
    model.coefs_[-1][...] *= 1e4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert -np.inf < model.predict_log_proba(X).min() < -1000


def test_several_targets(regression):
    X, y = regression
    model = small(RectifierRegressor, solver="lbfgs", max_iter=200).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.predict(X).dtype == np.float64
    assert model.score(X, y) > 0.98
    single = small(RectifierRegressor).fit(X, y[:, 0])
    assert single.predict(X).shape == (150,)


def test_poisson_regression_predicts_rates():
    random = np.random.RandomState(0)
    X = random.uniform(-1, 1, (800, 3))
    rate = np.exp(1 + X @ [1.0, -0.5, 0.25])
    y = random.poisson(rate)
    model = small(RectifierRegressor, loss="poisson", max_iter=80, learning_rate_init=0.005).fit(X, y)
    assert model.out_activation_ == "exp"
    assert (model.predict(X) > 0).all()
    assert np.corrcoef(model.predict(X), rate)[0, 1] > 0.95


def test_class_weights_are_sample_weights_by_class():
    X, y = make_classification(300, weights=[0.9], random_state=0)
    by_class = small(class_weight={0: 1.0, 1: 5.0}).fit(X, y)
    by_sample = small().fit(X, y, np.where(y, 5.0, 1.0))
    assert np.array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))
    with pytest.raises(ValueError, match="class_weight times sample_weight reaches beyond"):
        small(class_weight={0: 1.0, 1: 1e30}).fit(X, y, np.full(300, 1e30))
    balanced = small(class_weight="balanced").fit(X, y)
    assert balanced.predict(X).mean() > small().fit(X, y).predict(X).mean()
    weights = np.linspace(0.5, 2.0, 300)
    both = small(class_weight={0: 1.0, 1: 5.0}).fit(X, y, weights)
    product = small().fit(X, y, np.where(y, 5.0, 1.0) * weights)
    assert np.allclose(both.predict_proba(X), product.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("names", [[0, 1, 2], ["a", "b", "c"]])
def test_classes_that_a_part_of_the_data_lacks_have_their_weight(digits, names):
    X, y = digits[0], np.array(names)[digits[1] % 3]
    part = y != names[0]
    options = {"classes": names}
    by_class = small(class_weight={names[0]: 2.0, names[1]: 5.0}).partial_fit(X[part], y[part], **options)
    weights = np.where(y[part] == names[1], 5.0, 1.0)
    by_sample = small().partial_fit(X[part], y[part], weights, **options)
    assert np.array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))
    chunks = [(X[part], y[part]), (X[~part], y[~part])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        by_class.fit_chunks(chunks)
        weighted = small(class_weight={names[0]: 2.0, names[1]: 5.0, names[2]: 1.0}).fit_chunks(chunks)
    assert np.array_equal(by_class.predict_proba(X), weighted.predict_proba(X))


@pytest.mark.parametrize("make", [np.asarray, csr_matrix])
def test_labels_weigh_in_their_own_part_of_the_loss(make):
    X, y = make_multilabel_classification(80, n_classes=3, random_state=0)
    weights = [{1: 5.0}, {0: 2.0, 1: 3.0}, {0: 0.0, 1: 0.0}]
    model = small(class_weight=weights, max_iter=1, alpha=0.0, solver="sgd", learning_rate_init=1e-30).fit(X, make(y))
    probabilities = model.predict_proba(X)
    losses = -np.log(np.where(y, probabilities, 1 - probabilities))
    expected = losses[:, 0] * np.where(y[:, 0], 5.0, 1.0) + losses[:, 1] * np.where(y[:, 1], 3.0, 2.0)
    assert model.loss_ == pytest.approx(expected.mean(), rel=1e-5)
    before = model.coefs_[-1].copy()
    model.set_params(learning_rate_init=1.0, momentum=0.0).partial_fit(X, make(y))
    assert np.array_equal(model.coefs_[-1][:, 2], before[:, 2])
    assert not np.array_equal(model.coefs_[-1][:, :2], before[:, :2])


def test_balanced_labels_train_as_a_classifier_for_each_does():
    X, y = make_multilabel_classification(200, n_classes=3, n_labels=1, random_state=0)
    settings = {"hidden_layer_sizes": (), "alpha": 0.0, "shuffle": False, "max_iter": 15}

    def from_zero(labels):
        model = small(class_weight="balanced", warm_start=True, **settings).fit(X, labels)
        model.coefs_ = [np.zeros_like(model.coefs_[0])]
        model.intercepts_ = [np.zeros_like(model.intercepts_[0])]
        return model.set_params(solver="sgd", learning_rate_init=0.01).fit(X, labels).predict_proba(X)

    together = from_zero(y)
    for label in range(3):
        assert np.allclose(from_zero(y[:, label])[:, 1], together[:, label], atol=1e-5)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: 1.0, 1: 2.0}, "list of 3 dicts"),
        ([{1: 2.0}] * 2, "list of 3 dicts"),
        ([{1: 2.0}, {1: 2.0}, {1: -1.0}], "for label 2"),
    ],
)
def test_weights_of_labels_that_cannot_be_used_are_named(class_weight, message):
    X, y = make_multilabel_classification(80, n_classes=3, random_state=0)
    with pytest.raises(ValueError, match=message):
        small(class_weight=class_weight).fit(X, y)


def test_a_label_is_present_where_its_column_is_not_zero():
    X, y = make_multilabel_classification(80, n_classes=3, random_state=0)
    expected = small().fit(X, y).predict_proba(X)
    for labels in (y * 255, y.astype(bool), csr_matrix(y * 2)):
        assert np.array_equal(small().fit(X, labels).predict_proba(X), expected)
    for labels in (2 * y - 1, y + 1):
        with pytest.raises(ValueError, match="y has several columns, which hold the values"):
            small().fit(X, labels)


def test_parameters_that_are_assigned_are_copied_into_the_network(digits):
    model, other = small(max_iter=1).fit(*digits), small(max_iter=1, random_state=1).fit(*digits)
    model.coefs_, model.intercepts_ = other.coefs_, other.intercepts_
    assert np.array_equal(model.predict_proba(digits[0]), other.predict_proba(digits[0]))
    model.coefs_[0] = np.zeros_like(model.coefs_[0])
    assert not model.network_.parameters[0].weights.any()
    assert other.coefs_[0].any()
    with pytest.raises(ValueError, match="does not fit layer 0"):
        model.coefs_[0] = np.zeros((2, 2))
    before = [array.copy() for array in model.coefs_]
    with pytest.raises(ValueError, match="does not fit layer 1"):
        model.coefs_ = [np.ones_like(model.coefs_[0]), np.zeros((2, 2)), model.coefs_[2]]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.coefs_, strict=True))
    with pytest.raises(ValueError, match="1 arrays do not fit"):
        model.intercepts_ = [np.zeros(32)]


@pytest.mark.parametrize(
    "learn",
    [
        lambda model, X, y: model.partial_fit(X, y, classes=np.arange(10)),
        lambda model, X, y: model.fit_chunks([(X, y)]),
        lambda model, X, y: model.fit_chunks([(X, y)], classes=np.arange(10), n_samples=len(X)),
    ],
    ids=["partial_fit", "fit_chunks", "fit_chunks without a survey"],
)
def test_classes_cannot_be_balanced_part_by_part(digits, learn):
    with pytest.raises(ValueError, match=r"class_weight='balanced' needs .* set class_weight to a dict"):
        learn(small(class_weight="balanced"), *digits)
    model = small(class_weight="balanced").fit(*digits)
    with pytest.raises(ValueError, match="class_weight='balanced' needs"):
        learn(model, *digits)


def test_weights_are_repetition_for_lbfgs():
    X, y = make_classification(100, random_state=0)
    counts = np.random.RandomState(0).randint(0, 4, 100)
    options = {"solver": "lbfgs", "hidden_layer_sizes": (), "alpha": 1.0, "max_iter": 300}
    weighted = small(**options).fit(X, y, counts)
    repeated = small(**options).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert np.allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-3)


def test_the_default_network_fits_common_data_well():
    X, y = load_digits(return_X_y=True)
    train, test = slice(0, 1200), slice(1200, None)
    model = make_pipeline(MinMaxScaler(), RectifierClassifier(random_state=0, max_iter=40)).fit(X[train], y[train])
    assert model.score(X[test], y[test]) > 0.93
    X, y = make_regression(400, 10, noise=1.0, random_state=0)
    y = (y - y.mean()) / y.std()
    model = make_pipeline(StandardScaler(), RectifierRegressor(random_state=0)).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.9


@pytest.mark.parametrize("model", [RectifierClassifier(12, max_iter=2), DenoisingAutoencoder(12, max_iter=2)])
def test_transform_says_how_to_get_a_frame(digits, model):
    X, y = digits
    model.fit(X, y).set_output(transform="pandas")
    with pytest.raises(ValueError, match="sparse matrix"):
        model.transform(X)
    model.set_output(transform="default")
    remedy = re.search("``(pd.*)``", model.transform.__doc__).group(1)
    frame = eval(remedy, {"pd": pd, "model": model, "X": X})
    assert frame.columns.tolist() == model.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), model.transform(X).toarray())


def test_searches_pipelines_and_meta_estimators_work(digits):
    X, y = digits
    pipeline = make_pipeline(StandardScaler(), small())
    grid = {"rectifierclassifier__hidden_layer_sizes": [(8,), (32,)]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    assert search.best_params_["rectifierclassifier__hidden_layer_sizes"] == (32,)
    assert cross_val_score(small(RectifierRegressor), X, y, cv=2, error_score="raise").shape == (2,)
    assert MultiOutputClassifier(small()).fit(X, np.stack([y, y % 2], axis=1)).predict(X).shape == (500, 2)
    as_features = make_pipeline(small(max_iter=40), small(max_iter=40, learning_rate_init=0.01)).fit(X, y)
    assert as_features.score(X, y) > 0.8


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: joblib_round_trip(model),
        lambda model: pickle.loads(pickle.dumps(copy.copy(model))),
    ],
    ids=["deepcopy", "pickle", "joblib", "copy and pickle"],
)
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_copies_predict_alike_and_go_on_training_alike(digits, solver, duplicate):
    X, y = digits
    model = small(solver=solver).fit(X, y)
    twin = duplicate(model)
    assert np.array_equal(twin.predict_proba(X), model.predict_proba(X))
    if solver != "lbfgs":
        twin.partial_fit(X, y)
        model.partial_fit(X, y)
        assert np.array_equal(twin.predict_proba(X), model.predict_proba(X))


def test_equal_fits_are_equal_to_a_cache(digits):
    assert joblib.hash(small().fit(*digits)) == joblib.hash(small().fit(*digits))


def joblib_round_trip(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "model",
    [
        RectifierClassifier(16, random_state=0),
        RectifierClassifier(16, solver="sgd", random_state=0),
        DenoisingAutoencoder(16, tied_weights=True, random_state=0),
        DenoisingAutoencoder(16, reconstruction_sampling=1.0, random_state=0),
        SparseAutoencoder(60, selection="top_k", random_state=0),
    ],
    ids=str,
)
def test_models_in_mapped_memory_go_on_training(digits, model, tmp_path):
    X, y = digits
    X, arguments = csr_array(X), {"classes": range(10)} if isinstance(model, RectifierClassifier) else {}
    model = clone(model).partial_fit(X, y, **arguments)
    joblib.dump(model, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    twin.partial_fit(X, y)
    model.partial_fit(X, y)
    assert np.array_equal(twin.transform(X).toarray(), model.transform(X).toarray())


def test_clone_takes_parameters_only(digits):
    model = small(activation_l1=[0.1, 0.2], target_sparsity=None).fit(*digits)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "network_")
    assert not hasattr(twin, "coefs_")


def test_names_of_features_are_kept_and_checked(digits):
    X = pd.DataFrame(digits[0], columns=[f"pixel{i}" for i in range(64)])
    y = pd.Series(digits[1].astype(str), name="digit")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = small(max_iter=20).fit(X, y)
        assert list(model.feature_names_in_[:2]) == ["pixel0", "pixel1"]
        assert model.score(X, y) > 0.3
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X.rename(columns={"pixel3": "other"}))
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(digits[0])


@pytest.mark.parametrize("layer", [0, 1, -1, -2])
def test_transform_gives_a_hidden_layer_without_stored_zeros(digits, layer):
    model = small().fit(*digits)
    hidden = model.transform(digits[0], layer=layer)
    assert isinstance(hidden, csr_array)
    assert hidden.dtype == np.float32
    assert hidden.shape == (500, (24, 12)[layer])
    assert (hidden.data > 0).all()
    assert hidden.has_sorted_indices
    values = digits[0]
    for weights, bias in list(zip(model.coefs_, model.intercepts_, strict=True))[: layer % 2 + 1]:
        values = np.maximum(values @ weights + bias, 0)
    assert np.allclose(hidden.toarray(), values, rtol=1e-5, atol=1e-6)


def test_sparsity_is_measured_per_layer(digits):
    model = small().fit(*digits)
    zeros = [1 - model.transform(digits[0], layer=i).nnz / (500 * width) for i, width in enumerate((24, 12))]
    assert np.allclose(model.sparsity_, zeros)
    assert np.allclose(model.measure_sparsity(digits[0]), zeros)
    assert model.sparsity_curve_.shape == (5, 2)
    assert list(model.get_feature_names_out()[:2]) == ["unit0", "unit1"]
    assert len(model.get_feature_names_out()) == 12


@pytest.mark.parametrize("nothing", [0, 0.0, [0.0, 0.0]])
def test_a_target_of_no_zeros_leaves_them_as_they_come(nothing, digits):
    settings = {"hidden_layer_sizes": (8, 8), "max_iter": 2}
    ours, plain = (small(**settings, target_sparsity=target).fit(*digits) for target in (nothing, None))
    for first, second in zip(ours.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_target_sparsity_is_reached(digits):
    model = small(hidden_layer_sizes=(64, 64), target_sparsity=[0.7, 0.9], max_iter=60, tol=0).fit(*digits)
    assert np.abs(model.sparsity_ - [0.7, 0.9]).max() < 0.05
    assert model.score(*digits) > 0.8


def test_a_network_without_hidden_layers_is_a_linear_model(digits):
    model = small(hidden_layer_sizes=(), max_iter=30, learning_rate_init=0.01).fit(*digits)
    assert model.n_layers_ == 2
    assert model.sparsity_.shape == (0,)
    assert model.score(*digits) > 0.9
    with pytest.raises(ValueError, match="network has 0 hidden layers"):
        model.transform(digits[0])
    with pytest.raises(ValueError, match="no hidden layer"):
        model.get_feature_names_out()


def test_one_sample_and_one_feature_are_enough():
    assert small(RectifierRegressor).fit([[1.0]], [2.0]).predict([[1.0]]).shape == (1,)
    model = small().fit([[0.0], [1.0]], ["a", "b"])
    assert model.predict([[0.5]]).shape == (1,)


def test_wide_layers_and_odd_sizes(digits):
    X, y = digits
    model = small(hidden_layer_sizes=[1, 333, 17], max_iter=2, batch_size=7).fit(X[:, :63], y)
    assert [array.shape for array in model.coefs_] == [(63, 1), (1, 333), (333, 17), (17, 10)]


MODEL_DATA = make_classification(60, random_state=0)
TARGETS = make_regression(60, 20, random_state=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: small().fit(X, np.zeros(60)), r"only one class \(0.0\).*at least two classes"),
        (lambda X, y: small().fit(X, np.full(60, "cat")), r"only one class \(cat\)"),
        (lambda X, y: small().fit(X, y, np.zeros(60)), "[Ss]ample weights .*zero"),
        (lambda X, y: small().fit(X, y, -np.ones(60)), "[Nn]egative values in.*weight"),
        (lambda X, y: small(class_weight={0: 0, 1: 0}).fit(X, y), "[Ss]ample weights .*zero"),
        (lambda X, y: small(class_weight={0: 1, 2: 1}).fit(X, y), "class"),
        (lambda X, y: small(class_weight="even").fit(X, y), "class_weight"),
        (lambda X, y: small().fit(np.full((60, 20), 1e39), y), "infinity|too large"),
        (lambda X, y: small(activation="rectifier").fit(X, y), "activation.*relu"),
        (lambda X, y: small(activation_l1=-1.0).fit(X, y), "activation_l1"),
        (lambda X, y: small(activation_l1=[0.1]).fit(X, y), "activation_l1 has 1 values for 2 hidden layers"),
        (lambda X, y: small(activation_l1=[0.1, np.nan]).fit(X, y), "activation_l1 must be finite"),
        (lambda X, y: small(activation_l1=["a", "b"]).fit(X, y), "activation_l1"),
        (lambda X, y: small(target_sparsity=1.0).fit(X, y), "target_sparsity"),
        (lambda X, y: small(target_sparsity=[0.5, 1.5]).fit(X, y), r"target_sparsity must lie in \[0, 1\)"),
        (lambda X, y: small(target_sparsity=[0.5]).fit(X, y), "target_sparsity has 1 values for 2"),
        (lambda X, y: small(target_sparsity=0.9, activation="tanh").fit(X, y), "makes exact zeros"),
        (lambda X, y: small(target_sparsity=0.9, activation_l1=0.1).fit(X, y), "not both"),
        (lambda X, y: small(target_sparsity=0.9, solver="lbfgs").fit(X, y), "target_sparsity needs solver"),
        (lambda X, y: small(hidden_dropout=0.5, solver="lbfgs").fit(X, y), "hidden_dropout need solver"),
        (lambda X, y: small(input_dropout=1.0).fit(X, y), "input_dropout"),
        (lambda X, y: small(hidden_dropout=-0.1).fit(X, y), "hidden_dropout"),
        (lambda X, y: small(hidden_layer_sizes=(10, 0)).fit(X, y), "hidden_layer_sizes must be > 0"),
        (lambda X, y: small(hidden_layer_sizes=(8.0, 4.5)).fit(X, y), "hidden_layer_sizes must be whole numbers"),
        (lambda X, y: small(hidden_layer_sizes="10").fit(X, y), "hidden_layer_sizes"),
        (lambda X, y: small(hidden_layer_sizes=("a",)).fit(X, y), "hidden_layer_sizes"),
        (lambda X, y: small(n_jobs=0).fit(X, y), "n_jobs=0"),
        (lambda X, y: small(n_jobs=1.5).fit(X, y), "n_jobs"),
        (lambda X, y: small().fit(X, y).transform(X, layer=2), "layer=2 does not exist.*2 hidden layers"),
        (lambda X, y: small().fit(X, y).transform(X, layer=-3), "layer=-3 does not exist"),
        (lambda X, y: small().fit(X, y).transform(X, layer="last"), "layer='last' does not exist"),
        (lambda X, y: small().fit(X, np.array(["a", 1] * 30, dtype=object)), "y mixes labels of types int, str"),
        (lambda X, y: small().fit(X, y, checkpoint=""), "path of a file"),
        (lambda X, y: small().fit(X, y, checkpoint=7), "path of a file.*got 7"),
        (lambda X, y: small().fit(X, y, checkpoint="/"), "is a folder"),
        (lambda X, y: small().fit(X, y).transform(X[:, 1:]), "19 features.*20 features"),
        (
            lambda X, y: small(early_stopping=True).fit(X, y, np.eye(60)[0]),
            "all sample weights of the .* part are zero.*validation_fraction",
        ),
        (
            lambda X, y: small(early_stopping=True, class_weight={0: 0}).fit(X, np.arange(60) == 7),
            "all sample weights of the .* part are zero.*validation_fraction",
        ),
    ],
)
def test_what_a_classifier_cannot_use_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*MODEL_DATA)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: small(RectifierRegressor).fit(X, np.ones(60)), r"target is constant \(1\).*check y"),
        (lambda X, y: small(RectifierRegressor).fit(X, np.stack([y, 0 * y], 1)), "target column 1 is constant"),
        (lambda X, y: small(RectifierRegressor).fit(X, np.full(60, "cat")), "y must hold numbers.*cat"),
        (lambda X, y: small(RectifierRegressor, loss="poisson").fit(X, y), "targets that are not negative"),
        (lambda X, y: small(RectifierRegressor, loss="absolute").fit(X, y), "loss.*squared_error"),
        (lambda X, y: small(RectifierRegressor).fit(X, 1e60 * y), "too large for float32: scale"),
        (lambda X, y: small(RectifierRegressor).fit(X, 1e20 * y), "whose square is too large for float32: scale"),
        (
            lambda X, y: small(RectifierRegressor, early_stopping=True).fit(X, y, validation=(X[:1], y[:1])),
            "single row",
        ),
        (lambda X, y: small(RectifierRegressor).fit(X, np.zeros((60, 0))), "target|0 feature|column"),
        (lambda X, y: small(RectifierRegressor).fit(X, np.zeros((60, 2, 2))), "dim|Found array"),
    ],
)
def test_what_a_regressor_cannot_use_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*TARGETS)


def test_texts_of_several_types_are_texts():
    X, _ = MODEL_DATA
    labels = np.array(["a", np.str_("b")] * 30, dtype=object)
    assert set(small().fit(X, labels).predict(X)) <= {"a", "b"}


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "predict_expectation"])
def test_unfitted_classifiers_say_so(method):
    with pytest.raises(NotFittedError):
        getattr(RectifierClassifier(), method)(np.eye(3))


def test_attributes_of_an_unfitted_estimator_are_absent():
    model = RectifierClassifier()
    for name in ("coefs_", "intercepts_", "sparsity_", "network_"):
        assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="call fit first"):
        _ = model.coefs_


def test_partial_fit_reaches_the_target_sparsity_after_max_iter_passes():
    X, y = load_digits(return_X_y=True)
    classifier = RectifierClassifier((100, 60), target_sparsity=(0.9, 0.8), max_iter=40, batch_size=100, random_state=0)
    for _ in range(40):
        classifier.partial_fit(X / 16, y, classes=np.arange(10))
    assert classifier.measure_sparsity(X / 16) == pytest.approx([0.9, 0.8], abs=0.02)
    classifier.partial_fit(X / 16, y)
    assert classifier.measure_sparsity(X / 16) == pytest.approx([0.9, 0.8], abs=0.05)


def test_a_loaded_model_keeps_its_target_sparsity_in_further_passes(tmp_path):
    X, y = load_digits(return_X_y=True)
    classifier = RectifierClassifier((100, 60), target_sparsity=0.9, max_iter=30, batch_size=50, random_state=0)
    classifier.fit(X / 16, y).save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    for _ in range(10):
        classifier.partial_fit(X / 16, y)
        loaded.partial_fit(X / 16, y)
    assert loaded._trainer.penalty.coefficients == pytest.approx(classifier._trainer.penalty.coefficients, rel=0.5)
    np.testing.assert_allclose(loaded.measure_sparsity(X / 16), classifier.measure_sparsity(X / 16), atol=0.03)


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (0.01, 0.0), (1.0, 100.0), (30.0, -1000.0)])
def test_targets_in_any_unit_are_learned(factor, shift):
    X, y = make_friedman1(200, random_state=0)
    X = StandardScaler().fit_transform(X)
    assert RectifierRegressor(random_state=0).fit(X, factor * y + shift).score(X, factor * y + shift) > 0.85


def test_counts_of_any_size_are_learned():
    X = np.random.default_rng(0).normal(size=(200, 5))
    for size in (3.0, 1000.0):
        counts = np.random.default_rng(1).poisson(size * np.exp(0.5 * X[:, 0]))
        regressor = RectifierRegressor("poisson", random_state=0).fit(X, counts)
        assert regressor.score(X, counts) > 0.8
