"""How far classes (or targets) can be told apart by a linear function of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardzero.analysis.hidden_activations import EstimatorSubject, Subject, dense, subject_of
from hardzero.analysis.one_or_several import as_list
from hardzero.analysis.result import Result
from hardzero.analysis.style import color, finish, marker, new_axes
from hardzero.unusable_targets import refuse_unusable_targets

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

RIDGE_PENALTIES = np.logspace(-3, 4, 8)
"""L2 penalties among which leave-one-out error chooses, for entries of unit variance."""
LOGISTIC_INVERSE_PENALTIES = np.logspace(-4, 2, 7)
"""Inverse L2 penalties among which cross-validation chooses."""
LOGISTIC_FOLDS = 3
"""Of this cross-validation, which needs as many labels of a class."""


@dataclass(frozen=True)
class LinearSeparability(Result):
    """The result of `linear_separability`.

    Attributes
    ----------
    layers : list of str
        ``input``, then the hidden layers.
    label_budgets : list of int
    scores : ndarray of shape (n_layers, n_budgets, n_resamples)
        Test accuracy, or R² for real targets.
    score_name : str
        ``accuracy`` or ``R²``.
    confidence : float
    probe : str
    """

    layers: list[str]
    label_budgets: list[int]
    scores: NDArray[np.float64]
    score_name: str
    confidence: float
    probe: str

    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of Student's t interval of the mean over resamples, by layer and budget.

        It covers the draw of the labels, not the draw of the test set, which all resamples share.
        """
        from scipy.stats import t

        n_resamples = self.scores.shape[2]
        quantile = t.ppf(0.5 + self.confidence / 2, n_resamples - 1)
        half = quantile * self.scores.std(axis=2, ddof=1) / np.sqrt(n_resamples)
        mean = self.scores.mean(axis=2)
        return mean - half, mean + half

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each layer and budget: mean score and confidence interval."""
        import pandas as pd

        low, high = self.interval()
        return pd.DataFrame(
            {
                "layer": layer,
                "labels": budget,
                "score": self.scores[i, j].mean(),
                "low": low[i, j],
                "high": high[i, j],
            }
            for i, layer in enumerate(self.layers)
            for j, budget in enumerate(self.label_budgets)
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the score of the probe on each layer against the number of labels, with intervals."""
        ax = new_axes(ax)
        low, high = self.interval()
        for i, layer in enumerate(self.layers):
            shade = "#888888" if i == 0 else color(i - 1)
            style: dict[str, Any] = {"color": shade, "marker": marker(i), "markersize": 4.5, "linewidth": 1.5}
            ax.plot(self.label_budgets, self.scores[i].mean(axis=1), label=layer, **style)
            ax.fill_between(self.label_budgets, low[i], high[i], color=shade, alpha=0.2, linewidth=0)
        ax.set_xscale("log")
        ax.set_xticks(self.label_budgets, [f"{budget:,}" for budget in self.label_budgets])
        ax.minorticks_off()
        return finish(ax, "labels the probe learns from", f"test {self.score_name} of a linear probe")


def linear_separability(
    model: Any,
    X: Any,
    y: ArrayLike,
    X_test: Any,
    y_test: ArrayLike,
    *,
    label_budgets: int | Sequence[int] | None = None,
    n_resamples: int = 10,
    confidence: float = 0.95,
    probe: str = "ridge",
    max_test_samples: int = 5000,
    random_state: int = 0,
) -> LinearSeparability:
    """Fit linear probes on the input and on each hidden layer, at several numbers of labels.

    Glorot et al. (2011, section 2.2): sparse representations are more likely to be linearly separable. The
    probe (Alain and Bengio 2016) sees entries scaled to unit variance and chooses its own penalty, so that
    the scale of a layer does not matter.

    Parameters
    ----------
    model : fitted hardzero estimator, hardzero.network.Network or torch.nn.Module
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The pool that labels are drawn from. Rows that the model was trained on flatter its last layers;
        rows it has not seen answer how it generalizes.
    y : array-like of shape (n_samples,)
        Classes, or real targets. Whole numbers are classes, unless the model is a regressor.
    X_test, y_test
        Held-out rows on which probes are scored.
    label_budgets : int or sequence of int, optional
        Labels for a probe; by default 30, 100, 300, … as far as the pool goes, up to 3000. Draws are
        stratified by class.
    n_resamples : int, default=10
        Draws for each budget; all layers see the same draws.
    confidence : float, default=0.95
        Of the intervals over resamples.
    probe : {"ridge", "logistic"}, default="ridge"
        ``ridge`` is regularized least squares with a leave-one-out choice of the penalty; ``logistic`` is
        logistic regression with a cross-validated one, about a hundred times slower. Real targets use ridge.
    max_test_samples : int, default=5000
        Held-out rows used, the first ones; enough for a standard error of an accuracy below 0.7 points.
    random_state : int, default=0

    Returns
    -------
    LinearSeparability

    Raises
    ------
    ValueError
        For budgets below two labels a class (three for ``logistic``; three in all for real targets) or larger than
        the pool, a pool of fewer rows than that, less than two resamples, no test samples, an unknown probe, missing
        targets, or data that do not suit the model.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> train, test = (X[:1000] / 16, y[:1000]), (X[1000:] / 16, y[1000:])
    >>> classifier = RectifierClassifier((64,), max_iter=20, tol=0, random_state=0).fit(*train)
    >>> probes = linear_separability(classifier, *train, *test, label_budgets=[100], n_resamples=3)
    >>> probes.layers
    ['input', 'layer 1']
    """
    subject = subject_of(model)
    pool, test = subject.check(X), subject.check(X_test)
    y = _checked_targets(y, pool.shape[0], "y", "X")
    y_test = _checked_targets(y_test, test.shape[0], "y_test", "X_test")
    if max_test_samples < 1:
        raise ValueError(f"max_test_samples must be at least 1, got {max_test_samples}")
    test, y_test = test[:max_test_samples], y_test[:max_test_samples]
    is_classification = not _is_real(y, subject)
    if n_resamples < 2:
        raise ValueError(f"n_resamples must be at least 2 for a confidence interval, got {n_resamples}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    if probe not in ("ridge", "logistic"):
        raise ValueError(f"unknown probe {probe!r}: choose 'ridge' or 'logistic'")
    budgets = _check_budgets(label_budgets, y, is_classification, probe)
    test_layers = _layers(subject, test)
    scores = np.zeros((len(test_layers), len(budgets), n_resamples))
    for j, budget in enumerate(budgets):
        for resample in range(n_resamples):
            generator = np.random.default_rng([random_state, j, resample])
            drawn = _draw(y, budget, is_classification, generator)
            drawn_layers = _layers(subject, pool[drawn])
            for i, name in enumerate(test_layers):
                fitted = _probe(probe, is_classification).fit(drawn_layers[name], y[drawn])
                scores[i, j, resample] = fitted.score(test_layers[name], y_test)
    score_name = "accuracy" if is_classification else "R²"
    return LinearSeparability(list(test_layers), budgets, scores, score_name, confidence, probe)


def _is_real(y: NDArray[Any], subject: Subject) -> bool:
    """Tell whether targets are real: by their values, and where these are whole numbers by what the model predicts."""
    from sklearn.base import is_regressor
    from sklearn.utils.multiclass import type_of_target

    if isinstance(subject, EstimatorSubject) and is_regressor(subject.estimator) and y.dtype.kind in "iuf":
        return True
    return bool(type_of_target(y).startswith("continuous"))


def _layers(subject: Subject, X: Any) -> dict[str, NDArray[np.float32]]:
    flat = dense(X).reshape(X.shape[0], -1)
    return {"input": flat, **subject.all_hidden(X)}


def _probe(kind: str, is_classification: bool) -> Any:
    from sklearn.linear_model import LogisticRegressionCV, RidgeClassifierCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not is_classification:
        return make_pipeline(StandardScaler(), RidgeCV(RIDGE_PENALTIES))
    if kind == "ridge":
        return make_pipeline(StandardScaler(), RidgeClassifierCV(RIDGE_PENALTIES))
    logistic = LogisticRegressionCV(
        Cs=LOGISTIC_INVERSE_PENALTIES,
        cv=LOGISTIC_FOLDS,
        max_iter=500,
        scoring="accuracy",
        use_legacy_attributes=False,
        l1_ratios=(0.0,),
    )
    return make_pipeline(StandardScaler(), logistic)


def _draw(y: NDArray[Any], budget: int, is_classification: bool, generator: np.random.Generator) -> NDArray[np.intp]:
    """Return `budget` random rows, the same number (give or take one) of each class as far as they go."""
    order = generator.permutation(len(y))
    if not is_classification:
        return order[:budget]
    rank = np.empty(len(y), dtype=np.intp)
    for label in np.unique(y):
        members = order[y[order] == label]
        rank[members] = np.arange(len(members))
    return order[np.argsort(rank[order], kind="stable")][:budget]


def _checked_targets(y: ArrayLike, n_samples: int, name: str, X_name: str) -> NDArray[Any]:
    """Return one usable target a row as an array."""
    refuse_unusable_targets(y, is_classifier=True, remedy=f"leave these samples out, of {X_name} also", name=name)
    targets = np.asarray(y)
    if targets.shape != (n_samples,):
        raise ValueError(f"{name} needs one target a row of {X_name}, shape ({n_samples},), got {targets.shape}")
    if targets.dtype.kind == "f" and not np.isfinite(targets).all():
        raise ValueError(f"{name} contains infinity")
    return targets


def _check_budgets(
    label_budgets: int | Sequence[int] | None, y: NDArray[Any], is_classification: bool, probe: str
) -> list[int]:
    if is_classification and len(np.unique(y)) < 2:
        raise ValueError(f"y contains only one class ({y[0]!r}): separability needs at least two")
    of_each_class = LOGISTIC_FOLDS if probe == "logistic" else 2
    least, why = 3, "for real targets"
    if is_classification:
        least, why = of_each_class * len(np.unique(y)), f"{of_each_class} a class"
    if least > len(y):
        remedy = ": divide y by its standard deviation if its numbers are no classes" if is_classification else ""
        raise ValueError(f"X needs at least {least} rows ({why}), got {len(y)}{remedy}")
    if label_budgets is None:
        label_budgets = [budget for budget in (30, 100, 300, 1000, 3000) if least <= budget <= len(y)] or [len(y)]
    budgets = sorted({int(budget) for budget in as_list(label_budgets)})
    if not budgets or budgets[0] < least or budgets[-1] > len(y):
        raise ValueError(
            f"label_budgets must lie from {least} ({why}) to {len(y)} (rows of X), got {as_list(label_budgets)}"
        )
    return budgets
