"""Scores of default settings on small tables, beside those of scikit-learn's perceptrons.

    python benchmarks/tables.py
    python benchmarks/tables.py --seeds 3 --tables diabetes wine

Prints, as Markdown, means over seeds of R² or accuracy on 30 % of the rows; features are standardized. A seed divides
the rows and starts the networks. The last column has the settings of ``hardzero fit``, which wants 85 % zeros.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.cli import recipe

Table = tuple[Any, Any]

RECIPE = "`hardzero fit`"


def sine() -> Table:
    """Return one feature, a wave and noise."""
    random = np.random.default_rng(0)
    X = random.uniform(-3, 3, (300, 1))
    return X, np.sin(2 * X[:, 0]) + 0.1 * random.normal(size=300)


def friedman(factor: float = 1.0, shift: float = 0.0) -> Table:
    """Return ten features, five of which count, not linearly; in another unit."""
    X, y = datasets.make_friedman1(300, random_state=0)
    return X, factor * y + shift


def loaded(load: Callable[..., Any]) -> Callable[[], Table]:
    """Return what makes a table that comes with scikit-learn."""
    return lambda: load(return_X_y=True)


REGRESSION = {
    "friedman1": friedman,
    "friedman1, target × 0.01": lambda: friedman(factor=0.01),
    "friedman1, target + 100": lambda: friedman(shift=100.0),
    "linear": lambda: datasets.make_regression(300, 10, noise=20, random_state=0),
    "sine": sine,
    "diabetes": loaded(datasets.load_diabetes),
}
CLASSIFICATION = {
    "breast cancer": loaded(datasets.load_breast_cancer),
    "iris": loaded(datasets.load_iris),
    "wine": loaded(datasets.load_wine),
    "moons": lambda: datasets.make_moons(300, noise=0.25, random_state=0),
    "digits": loaded(datasets.load_digits),
}


def contestants(is_classification: bool, n_samples: int, seed: int) -> dict[str, Any]:
    """Return unfitted estimators by the heading of their column."""
    theirs, ours = (MLPClassifier, RectifierClassifier) if is_classification else (MLPRegressor, RectifierRegressor)
    batch_size = recipe.batch_size(n_samples)
    settings = {
        "target_sparsity": recipe.TARGET_SPARSITY,
        "learning_rate": "cosine",
        "batch_size": batch_size,
        "max_iter": recipe.epochs(n_samples, batch_size),
        "n_iter_no_change": recipe.epochs(n_samples, batch_size),
        "alpha": recipe.alpha("classification" if is_classification else "regression", is_text=False),
        "hidden_dropout": recipe.CLASSIFICATION_DROPOUT if is_classification else 0.0,
    }
    return {
        "scikit-learn": theirs(random_state=seed),
        "hardzero": ours(random_state=seed),
        RECIPE: ours(random_state=seed, **settings),
    }


def scores(table: Table, is_classification: bool, seed: int) -> dict[str, float]:
    """Return what each contestant reaches on the held-out rows."""
    X, X_test, y, y_test = train_test_split(*table, random_state=seed, test_size=0.3)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    # `hardzero fit` scales targets; the estimators, as scikit-learn's, do not.
    mean, deviation = (0, 1) if is_classification else (y.mean(), y.std())
    scaled = (y, y_test) if is_classification else ((y - mean) / deviation, (y_test - mean) / deviation)
    found = {}
    for name, estimator in contestants(is_classification, len(X), seed).items():
        targets, test_targets = scaled if name == RECIPE else (y, y_test)
        found[name] = estimator.fit(X, targets).score(X_test, test_targets)
    return found


def print_row(*cells: str) -> None:
    """Print a row of Markdown."""
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Measure, and print each row when it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tables", nargs="+", choices=[*REGRESSION, *CLASSIFICATION], metavar="TABLE")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "target_sparsity was not reached")
    header_is_there = False
    for is_classification, tables in ((False, REGRESSION), (True, CLASSIFICATION)):
        for name, make in tables.items():
            if arguments.tables is None or name in arguments.tables:
                found = [scores(make(), is_classification, seed) for seed in range(arguments.seeds)]
                means = {column: np.mean([each[column] for each in found]) for column in found[0]}
                if not header_is_there:
                    print_row("table", "score", *means)
                    print_row(*["---"] * (len(means) + 2))
                    header_is_there = True
                score = "accuracy" if is_classification else "R²"
                print_row(name, score, *(f"{mean:.3f}" for mean in means.values()))


if __name__ == "__main__":
    main()
