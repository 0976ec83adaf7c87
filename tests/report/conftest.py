import matplotlib as mpl
import pytest
from sklearn.datasets import make_regression

from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.analysis.sparsity_frontier import FrontierPoint, SparsityFrontier

mpl.use("Agg")


@pytest.fixture(scope="session")
def classifier(digits):
    X, y = digits
    settings = {"target_sparsity": 0.8, "early_stopping": True, "n_iter_no_change": 100, "random_state": 0}
    return RectifierClassifier((48, 32), max_iter=12, learning_rate_init=0.005, **settings).fit(X[:1200], y[:1200])


@pytest.fixture(scope="session")
def regressor():
    X, y = make_regression(200, 6, random_state=0)
    return RectifierRegressor(hidden_layer_sizes=(24,), solver="lbfgs", max_iter=50, random_state=0).fit(X, y), X, y


@pytest.fixture(scope="session")
def sweep():
    points = [
        FrontierPoint(target, seed, [target, target], 2.0 + 5 * target**8 + 0.1 * seed, 50 - 30 * target, 2.0, 1.0)
        for target in (0.0, 0.5, 0.9)
        for seed in (0, 1)
    ]
    return SparsityFrontier(points, "test error (%)")


@pytest.fixture(scope="session")
def page(tmp_path_factory, classifier, digits, sweep):
    """The full page about a classifier of images, as a file."""
    from hardzero.report import write_report

    path = tmp_path_factory.mktemp("report") / "page.html"
    X, y = digits
    write_report(classifier, path, (X[1200:], y[1200:]), sweep, image_shape=(8, 8))
    return path
