"""Table 2: human ratings of text from bags of words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold

from hardzero.analysis.style import color, finish, new_axes
from hardzero.datasets.rows import stack_rows
from hardzero.datasets.splits import folds_by_text
from hardzero.estimators import RectifierRegressor
from hardzero.studies.core.networks import fit_best_rate, regression_metrics
from hardzero.studies.core.statistics import estimate
from hardzero.studies.core.study import Context, Metrics, Picture, Scale, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison

if TYPE_CHECKING:
    import pandas as pd

    from hardzero.datasets import Dataset

_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?:\s*<br\s*/?>\s*)+")

N_FOLDS = 10
N_WORDS = 5000
RIDGE_PENALTIES = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0]

LINEAR = "no hidden layer"
MODELS: dict[str, Settings] = {
    "rectifier, 1 layer": {"hidden_layers": 1, "activation": "relu"},
    "rectifier, 3 layers": {"hidden_layers": 3, "activation": "relu"},
    "tanh, 3 layers": {"hidden_layers": 3, "activation": "tanh"},
}
AUTOENCODERS: dict[str, Settings] = {
    "relu": {"decoder": "sigmoid", "corruption_level": 0.5, "learning_rate_init": 0.005, "code_scale": "initial"},
    "tanh": {"decoder": "auto", "corruption_level": 0.5, "learning_rate_init": 0.005},
}
"""How each activation is pre-trained; the sigmoid decoder, better on text, cannot reconstruct the codes of tanh."""
PROTOCOL: dict[Scale, Settings] = {
    "quick": {
        "units": 200,
        "learning_rates": [0.001, 0.0003],
        "batch_size": 50,
        "max_iter": 30,
        "early_stopping": True,
        "n_iter_no_change": 4,
        "input_dropout": 0.2,
        "hidden_dropout": 0.5,
        "pretraining_epochs": 3,
        "unlabeled_samples": 100_000,
    },
    "full": {
        "units": 5000,
        "learning_rates": [0.003, 0.001, 0.0003, 0.0001],
        "batch_size": 50,
        "max_iter": 100,
        "early_stopping": True,
        "n_iter_no_change": 10,
        "input_dropout": 0.2,
        "hidden_dropout": 0.5,
        "pretraining_epochs": 30,
        "unlabeled_samples": None,
    },
}
PAPER = {
    (LINEAR, False): {"rmse": "0.885 ± 0.006", "zeros": "99.4 (input)"},
    ("rectifier, 1 layer", True): {"rmse": "0.807 ± 0.004", "zeros": "≈ 29"},
    ("rectifier, 3 layers", True): {"rmse": "0.746 ± 0.004", "zeros": "≈ 54"},
    ("tanh, 3 layers", True): {"rmse": "0.774 ± 0.008", "zeros": "0"},
}
"""On ratings of restaurants from 1 to 5 stars; ours run from -4 to 4, so that orders compare, not values."""


class Table2(Study):
    """Root mean squared error over folds: no hidden layer, one and three rectifier layers, three of tanh."""

    name = "table2"
    title = "Table 2: ratings of text"
    claim = (
        "Three rectifier layers rate text better than three of tanh, with about half of their units at zero (table 2)."
    )
    revision = 2
    data = ("ratings:movie",)
    unlabeled_data = "reviews:imdb"
    task = "regression"
    takes_text = True
    seeds = MappingProxyType({"quick": 5, "full": N_FOLDS})

    def grid(self, scale: Scale, data: str | None) -> list[Settings]:
        """Combine the paper's models with and without pre-training; a seed is a fold of ten."""
        networks = [
            {"model": model, "pretrained": pretrained, **settings, **PROTOCOL[scale]}
            | ({"autoencoders": AUTOENCODERS[settings["activation"]]} if pretrained else {})
            for model, settings in MODELS.items()
            for pretrained in (False, True)
        ]
        return [{"model": LINEAR, "pretrained": False}, *networks]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        """Hold out a fold, learn words and weights from the others, return error and zeros on the fold."""
        texts, ratings = all_rows(context.require_data())
        held_out = folds_by_text(texts, N_FOLDS) == context.seed % N_FOLDS
        words = CountVectorizer(binary=True, max_features=N_WORDS, dtype=np.float32).fit(texts[~held_out])
        X, X_test = words.transform(texts[~held_out]), words.transform(texts[held_out])
        y, y_test = ratings[~held_out], ratings[held_out]
        if settings["model"] == LINEAR:
            rmse = float(np.sqrt(np.mean(np.square(linear_model(X, y).predict(X_test) - y_test))))
            return {"rmse": rmse, "zeros": 100.0 * (1.0 - X_test.nnz / float(np.prod(X_test.shape)))}
        if settings["pretrained"] and context.unlabeled is not None:
            more = words.transform(sentences(all_rows(context.unlabeled)[0], settings["unlabeled_samples"]))
            X, y = stack_rows([X, more]), np.concatenate([y, np.full(more.shape[0], np.nan)])
        sizes = [settings["units"]] * settings["hidden_layers"]
        regressor = fit_best_rate(RectifierRegressor, {**settings, "hidden_layer_sizes": sizes}, context, X, y)
        return regression_metrics(regressor, X_test, y_test)

    def tables(self, runs: pd.DataFrame) -> list[Table]:
        """Return one row a model."""
        measures = [Measure("rmse", "RMSE", 3, "lowest"), Measure("zeros", "zeros %", 1)]
        table = comparison(runs, self.title, {"model": "model", "pretrained": "pre-trained"}, measures, PAPER)
        table.note += " Ours: from -4 to 4; the paper's: stars from 1 to 5. Compare the order, not the values."
        return [table]

    def pictures(self, runs: pd.DataFrame) -> list[Picture]:
        """Draw the errors with intervals over folds."""
        pictures = []
        models = [LINEAR, *MODELS]
        for data, group in runs.groupby("data", sort=False):
            axes = new_axes(None)
            for i, (pretrained, label) in enumerate(((False, "without pre-training"), (True, "with pre-training"))):
                kept = group[group["pretrained"] == pretrained]
                cells = [estimate(kept.loc[kept["model"] == model, "rmse"]) for model in models]
                places = [position + 0.16 * (2 * i - 1) for position in range(len(models))]
                means, bars = [cell.mean for cell in cells], [cell.half_width for cell in cells]
                axes.errorbar(places, means, bars, fmt="o", color=color(i), capsize=4, label=label)
            axes.set_xticks(range(len(models)), models, fontsize="small")
            finish(axes, "", "RMSE")
            pictures.append(Picture(axes, f"{data}: error of predicted ratings; 95 % intervals over folds."))
        return pictures


def sentences(texts: Iterable[str], n_sentences: int | None) -> list[str]:
    """Return sentences of at least four words: what reviews and snippets, each a sentence or two, have in common.

    Parameters
    ----------
    texts : iterable of str
    n_sentences : int or None
        How many, spread evenly over the texts; None returns all.

    Examples
    --------
    >>> sentences(["Not bad. I laughed all the way.<br />A film to see again!"], None)
    ['I laughed all the way.', 'A film to see again!']
    """
    found = [part for text in texts for part in _END_OF_SENTENCE.split(text) if len(part.split()) >= 4]
    if n_sentences is None or n_sentences >= len(found):
        return found
    return [found[i] for i in np.linspace(0, len(found) - 1, n_sentences).astype(int)]


def linear_model(X: Any, y: Any) -> Ridge:
    """Return ridge regression with the penalty that is best by cross-validation."""
    search = GridSearchCV(
        Ridge(solver="sparse_cg"), {"alpha": RIDGE_PENALTIES}, cv=KFold(3, shuffle=True, random_state=0)
    )
    return cast(Ridge, search.fit(X, y).best_estimator_)


def all_rows(data: Dataset) -> tuple[Any, Any]:
    """Return texts and ratings of all splits."""
    splits = (data.train, data.validation, data.test)
    return np.concatenate([split.X for split in splits]), np.concatenate([split.y for split in splits])
