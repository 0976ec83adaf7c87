"""Side by side with scikit-learn's MLPClassifier and MLPRegressor: parameters, attributes, errors and warnings."""

from __future__ import annotations

import inspect
import re
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, make_classification, make_multilabel_classification, make_regression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from hardzero import RectifierClassifier, RectifierRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PAIRS = [(MLPClassifier, RectifierClassifier), (MLPRegressor, RectifierRegressor)]
CLASSIFIERS = PAIRS[0]
REGRESSORS = PAIRS[1]
IRIS = load_iris(return_X_y=True)
REGRESSION = make_regression(n_samples=80, n_features=4, random_state=0)
REGRESSION = REGRESSION[0], REGRESSION[1] / REGRESSION[1].std()
SMALL = {"hidden_layer_sizes": (12, 6), "max_iter": 4, "random_state": 0}

DELIBERATE_DEFAULTS = {"hidden_layer_sizes": (256, 256)}


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_every_parameter_of_theirs_is_one_of_ours_with_the_same_default(theirs, ours):
    expected = {**theirs().get_params(), **DELIBERATE_DEFAULTS}
    present = ours().get_params()
    assert {name: present[name] for name in expected} == expected


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_positional_parameters_keep_their_order(theirs, ours):
    def positional(kind):
        parameters = inspect.signature(kind).parameters.values()
        return [item.name for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]

    assert positional(ours)[: len(positional(theirs))] == positional(theirs)


@pytest.mark.parametrize(
    ("theirs", "ours", "name"), [(*pair, name) for pair in PAIRS for name in sorted(pair[0]().get_params())]
)
def test_what_they_refuse_as_a_parameter_we_refuse(theirs, ours, name):
    X, y = IRIS if theirs is MLPClassifier else REGRESSION
    wrong = ["nonsense", -1, -0.5, 0, 1.5, 2.0, None, [], [0], (3, -1), {}, np.nan, np.inf, object()]
    for value in wrong:
        verdicts = []
        for kind in (theirs, ours):
            try:
                kind(**{**SMALL, "max_iter": 1, name: value}).fit(X, y)
                verdicts.append(None)
            except (ValueError, TypeError) as error:
                verdicts.append(type(error))
        if verdicts[0] is not None:
            assert verdicts[1] is not None, f"{name}={value!r} is refused by scikit-learn and accepted by us"
            assert issubclass(verdicts[1], verdicts[0]) or verdicts[0] is not ValueError, (name, value, verdicts)


def shared_attributes(kind, data, **parameters):
    model = kind(**{**SMALL, **parameters}).fit(*data)
    return {name: getattr(model, name) for name in dir(model) if re.fullmatch(r"[a-z]\w*_", name)}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_every_fitted_attribute_of_theirs_is_one_of_ours_of_the_same_shape(theirs, ours, solver, early_stopping):
    data = IRIS if theirs is MLPClassifier else REGRESSION
    expected = shared_attributes(theirs, data, solver=solver, early_stopping=early_stopping)
    present = shared_attributes(ours, data, solver=solver, early_stopping=early_stopping)
    for name, value in expected.items():
        assert name in present, name
        if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
            assert [array.shape for array in present[name]] == [array.shape for array in value]
        elif isinstance(value, np.ndarray):
            assert np.array_equal(present[name], value)
        elif isinstance(value, int | str) or value is None:
            assert present[name] == value, name
        else:
            assert np.shape(present[name]) == np.shape(value), name
    assert all(array.dtype == np.float32 for array in present["coefs_"] + present["intercepts_"])


DATA = {
    "two classes": (CLASSIFIERS, (IRIS[0][:100], IRIS[1][:100])),
    "three classes": (CLASSIFIERS, IRIS),
    "names": (CLASSIFIERS, (IRIS[0], np.array(["setosa", "versicolor", "virginica"])[IRIS[1]])),
    "objects": (CLASSIFIERS, (IRIS[0], np.array(["a", "b", "c"], dtype=object)[IRIS[1]])),
    "booleans": (CLASSIFIERS, (IRIS[0], IRIS[1] > 0)),
    "labels": (CLASSIFIERS, make_multilabel_classification(60, 4, n_classes=3, random_state=0)),
    "a column": (REGRESSORS, (REGRESSION[0], REGRESSION[1])),
    "three targets": (REGRESSORS, make_regression(60, 4, n_targets=3, random_state=0)),
    "integers": (REGRESSORS, (IRIS[0], IRIS[1])),
}


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize(("pair", "data"), DATA.values(), ids=DATA)
def test_predictions_have_their_shapes_and_kinds(pair, data, sparse):
    X, y = data
    X = csr_array(X) if sparse else X
    theirs, ours = (kind(**SMALL).fit(X, y) for kind in pair)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(theirs, method):
            expected, present = getattr(theirs, method)(X), getattr(ours, method)(X)
            assert present.shape == expected.shape
            assert present.dtype.kind == expected.dtype.kind
    assert isinstance(ours.score(X, y), float)
    if hasattr(theirs, "classes_"):
        assert np.array_equal(ours.classes_, theirs.classes_)
        assert ours.classes_.dtype == theirs.classes_.dtype


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_the_same_parameters_predict_and_score_the_same_regression(activation, loss):
    X, y = REGRESSION
    y = np.abs(y)
    options = {"activation": activation, "loss": loss, **SMALL}
    theirs, ours = MLPRegressor(**options).fit(X, y), RectifierRegressor(**options).fit(X, y)
    copy_parameters(ours, theirs)
    assert np.allclose(ours.predict(X), theirs.predict(X), rtol=1e-4, atol=1e-5)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-4)


@pytest.mark.parametrize("name", ["two classes", "three classes", "labels"])
def test_the_same_parameters_give_the_same_probabilities(name):
    X, y = DATA[name][1]
    theirs, ours = MLPClassifier(**SMALL).fit(X, y), RectifierClassifier(**SMALL).fit(X, y)
    copy_parameters(ours, theirs)
    assert np.allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    assert np.array_equal(ours.predict(X), theirs.predict(X))


def copy_parameters(ours, theirs):
    for arrays, copies in ((ours.coefs_, theirs.coefs_), (ours.intercepts_, theirs.intercepts_)):
        for array, copy in zip(arrays, copies, strict=True):
            array[...] = copy


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["three classes", "a column"])
def test_from_the_same_parameters_one_epoch_gives_the_same_loss_and_step(solver, name):
    (their_kind, our_kind), (X, y) = DATA[name]
    options = {**SMALL, "solver": solver, "shuffle": False, "batch_size": 40, "alpha": 0.1, "learning_rate_init": 0.01}
    theirs, ours = their_kind(**options, warm_start=True).fit(X, y), our_kind(**options, warm_start=True).fit(X, y)
    copy_parameters(ours, theirs)
    for model in (theirs, ours):
        model.set_params(max_iter=3).fit(X, y)
    for present, expected in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert np.allclose(present, expected, rtol=1e-3, atol=1e-5)
    assert ours.loss_curve_[-3:] == pytest.approx(theirs.loss_curve_[-3:], rel=0.02)


X, Y = IRIS
R = REGRESSION[1]


def fitted_then(method, *arguments):
    return lambda kind: getattr(kind(**SMALL).fit(*(IRIS if "Classifier" in kind.__name__ else REGRESSION)), method)(
        *arguments
    )


def with_nan(array, value=np.nan):
    array = np.array(array, dtype=float)
    array.flat[3] = value
    return array


MISUSE = {
    "nan in X": (PAIRS, lambda kind: kind(**SMALL).fit(with_nan(X), Y)),
    "inf in X": (PAIRS, lambda kind: kind(**SMALL).fit(with_nan(X, np.inf), Y)),
    "nan in y": (PAIRS, lambda kind: kind(**SMALL).fit(X, with_nan(Y))),
    "inf in y": (PAIRS, lambda kind: kind(**SMALL).fit(X, with_nan(Y, np.inf))),
    "no y": (PAIRS, lambda kind: kind(**SMALL).fit(X, None)),
    "one-dimensional X": (PAIRS, lambda kind: kind(**SMALL).fit(X[0], Y)),
    "three-dimensional X": (PAIRS, lambda kind: kind(**SMALL).fit(X[None], Y)),
    "no samples": (PAIRS, lambda kind: kind(**SMALL).fit(X[:0], Y[:0])),
    "no features": (PAIRS, lambda kind: kind(**SMALL).fit(X[:, :0], Y)),
    "lengths differ": (PAIRS, lambda kind: kind(**SMALL).fit(X, Y[:-1])),
    "words in X": (PAIRS, lambda kind: kind(**SMALL).fit(np.full(X.shape, "word"), Y)),
    "complex X": (PAIRS, lambda kind: kind(**SMALL).fit(X + 1j, Y)),
    "not fitted": (PAIRS, lambda kind: kind().predict(X)),
    "features differ": (PAIRS, fitted_then("predict", X[:, :2])),
    "nan to predict": (PAIRS, fitted_then("predict", with_nan(X))),
    "nothing to predict": (PAIRS, fitted_then("predict", X[:0])),
    "weights of another length": (PAIRS, lambda kind: kind(**SMALL).fit(X, Y, np.ones(3))),
    "nan weights": (PAIRS, lambda kind: kind(**SMALL).fit(X, Y, with_nan(np.ones(len(Y))))),
    "partial_fit with lbfgs": ([CLASSIFIERS], lambda kind: kind(**SMALL, solver="lbfgs").partial_fit(X, Y)),
    "partial_fit with early stopping": (
        [REGRESSORS],
        lambda kind: kind(**SMALL, early_stopping=True).partial_fit(X, Y),
    ),
    "validation set too small": (PAIRS, lambda kind: kind(**SMALL, early_stopping=True).fit(X[::50], Y[::50])),
    "continuous classes": ([CLASSIFIERS], lambda kind: kind(**SMALL).fit(X, Y + 0.5)),
    "several columns of classes": ([CLASSIFIERS], lambda kind: kind(**SMALL).fit(X, np.stack([Y, Y], axis=1))),
    "partial_fit without classes": ([CLASSIFIERS], lambda kind: kind(**SMALL).partial_fit(X, Y)),
    "unknown class": ([CLASSIFIERS], lambda kind: kind(**SMALL).partial_fit(X, Y, classes=[0, 1])),
    "classes changed": (
        [CLASSIFIERS],
        lambda kind: kind(**SMALL).partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y, classes=[0, 1]),
    ),
    "warm start with other classes": (
        [CLASSIFIERS],
        lambda kind: kind(**SMALL, warm_start=True).fit(X, Y).fit(X[:100], Y[:100]),
    ),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("misuse", MISUSE)
def test_the_same_misuse_gives_the_same_kind_of_error(misuse):
    pairs, call = MISUSE[misuse]
    for theirs, ours in pairs:
        with pytest.raises((ValueError, TypeError, AttributeError)) as expected:
            call(theirs)
        with pytest.raises(type(expected.value)) as present:
            call(ours)
        # The first words name the trouble; what follows names the estimator or gives advice.
        beginning = " ".join(re.findall(r"[A-Za-z]+", str(expected.value))[:3])
        if theirs.__name__ not in beginning:
            assert " ".join(re.findall(r"[A-Za-z]+", str(present.value))[:3]) == beginning


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
@pytest.mark.parametrize(
    "call",
    [
        lambda kind: kind(**SMALL).fit(X, Y),
        lambda kind: kind(**SMALL, batch_size=1000).fit(X, Y),
        lambda kind: kind(**SMALL).fit(X, Y[:, None]),
        lambda kind: kind(**{**SMALL, "solver": "lbfgs"}).fit(X, Y),
        lambda kind: kind(**{**SMALL, "max_iter": 300, "tol": 1.0}).fit(X, Y),
    ],
    ids=["not converged", "batch too large", "column vector", "lbfgs not converged", "converged"],
)
def test_the_same_use_gives_the_same_warnings(theirs, ours, call):
    categories = []
    for kind in (theirs, ours):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(kind)
        categories.append(sorted({warning.category.__name__ for warning in caught}))
    assert categories[0] == categories[1]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_early_stopping_copes_with_a_class_of_one_sample(n_classes):
    X, y = make_classification(60, n_informative=4, n_classes=n_classes, random_state=0)
    y[y == n_classes - 1] = 0
    y[7] = n_classes - 1
    # Theirs cannot stratify two classes, of which one has a single sample.
    for kind in CLASSIFIERS if n_classes == 3 else CLASSIFIERS[1:]:
        assert kind(**SMALL, early_stopping=True, validation_fraction=0.2).fit(X, y).predict(X).shape == (60,)
