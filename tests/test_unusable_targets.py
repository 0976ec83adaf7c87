"""Targets, and dates among the features, that no fit can learn from."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from hardzero import DenoisingAutoencoder, RectifierClassifier, RectifierRegressor, SparseAutoencoder
from hardzero.unusable_targets import refuse_dates

X = np.random.default_rng(0).random((30, 4)).astype(np.float32)
Y = np.arange(30) % 3
KINDS = [RectifierClassifier, RectifierRegressor]
FITS = {
    "fit": lambda model, y: model.fit(X, y),
    "partial_fit": lambda model, y: model.partial_fit(X, y, **classes(model)),
    "fit_chunks": lambda model, y: model.fit_chunks([(X, y)]),
    "fit_chunks with classes": lambda model, y: model.fit_chunks([(X, y)], n_samples=30, **classes(model)),
}


def small(kind, **parameters):
    return kind(hidden_layer_sizes=(4,), max_iter=1, random_state=0, **parameters)


def classes(model):
    return {"classes": [0, 1, 2]} if isinstance(model, RectifierClassifier) else {}


def with_missing(value):
    y = Y.astype(object)
    y[4:6] = value
    return y


MISSING = {
    "None": with_missing(None),
    "pandas.NA": with_missing(pd.NA),
    "NaN": np.where(np.arange(30) == 4, np.nan, Y),
    "nullable integers": pd.Series(Y).astype("Int64").where(np.arange(30) != 4),
    "texts": pd.Series(Y.astype(str)).where(np.arange(30) != 4).astype("string"),
    "a list of texts": [float("nan") if row == 4 else str(label) for row, label in enumerate(Y)],
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("y", MISSING.values(), ids=MISSING)
def test_missing_targets_are_named(y, kind, fit):
    with pytest.raises(ValueError, match="Input y contains missing values, the first in row 4: drop these rows"):
        fit(small(kind), y)


@pytest.mark.parametrize("kind", KINDS)
def test_pretraining_is_offered_where_it_takes_rows_without_a_target(kind):
    with pytest.raises(ValueError, match="or set pretraining='denoising', which takes rows without a target"):
        small(kind).fit(X, MISSING["None"])
    with pytest.raises(ValueError, match=r"the first in row 4: drop these rows$"):
        small(kind).partial_fit(X, MISSING["None"], **classes(small(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_validation_data_need_all_their_targets(kind):
    with pytest.raises(ValueError, match=r"Input y of validation contains missing values, .* 4: drop these rows$"):
        small(kind, early_stopping=True, pretraining="denoising").fit(X, Y, validation=(X, MISSING["None"]))


DATES = pd.date_range("2020-01-01", periods=30)
DATED = {
    "index": DATES,
    "time zone": pd.Series(DATES.tz_localize("UTC")),
    "durations": np.arange(30).astype("timedelta64[s]"),
    "list": list(DATES.to_numpy()),
    "objects": [datetime.date(2020, 1, 1) + datetime.timedelta(day) for day in range(30)],
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("y", DATED.values(), ids=DATED)
def test_dates_are_no_targets(y, kind, fit):
    with pytest.raises(ValueError, match="y holds dates or durations: convert them to numbers"):
        fit(small(kind), y)


DATED_FEATURES = pytest.mark.parametrize(
    ("dated", "culprit"),
    [
        (pd.DataFrame({"size": np.arange(30.0), "day": DATES}), "column 'day' of X"),
        (pd.DataFrame({"size": DATES - DATES[0], "day": DATES}), "column 'size' of X"),
        (np.stack([DATES.to_numpy()] * 2, axis=1), "X"),
    ],
)


@pytest.mark.parametrize("pretraining", [None, "denoising"])
@DATED_FEATURES
def test_dates_are_no_features(dated, culprit, pretraining):
    model = small(RectifierRegressor, pretraining=pretraining)
    with pytest.raises(ValueError, match=f"^{culprit} holds dates or durations"):
        model.fit(dated, Y)
    with pytest.raises(ValueError, match=f"^{culprit} holds dates or durations"):
        model.fit(X[:, :2], Y).predict(dated)


@pytest.mark.parametrize("kind", [DenoisingAutoencoder, SparseAutoencoder])
@DATED_FEATURES
def test_autoencoders_learn_nothing_from_dates(dated, culprit, kind):
    model = kind(4, max_iter=1, random_state=0)
    for call in (model.fit, model.partial_fit, kind(4, max_iter=1).partial_fit(X[:, :2]).transform):
        with pytest.raises(ValueError, match=f"^{culprit} holds dates or durations"):
            call(dated)


@pytest.mark.parametrize("data", [X, X.tolist(), csr_matrix(X), pd.DataFrame(X), None])
def test_numbers_are_no_dates(data):
    refuse_dates(data, "X")


@pytest.mark.parametrize("pretraining", [None, "denoising"])
def test_a_regressor_names_the_way_out_of_sparse_targets(pretraining):
    with pytest.raises(TypeError, match=r"Sparse data was passed for y.*\.toarray\(\)"):
        small(RectifierRegressor, pretraining=pretraining).fit(X, csr_matrix(X[:, :2]))
