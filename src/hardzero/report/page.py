"""Put the page about a model together and write it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

import hardzero
from hardzero.analysis.hidden_activations import network_of
from hardzero.analysis.image_shape import check_image_shape
from hardzero.analysis.sparsity_frontier import SparsityFrontier
from hardzero.atomic_file import atomic_file
from hardzero.network_estimator import NetworkEstimator
from hardzero.report.activity_section import activity_section, class_section
from hardzero.report.atoms_section import atoms_section, is_dictionary
from hardzero.report.cost_section import cost_section, frontier_section
from hardzero.report.figures import plotting
from hardzero.report.first_layer_section import first_layer_section
from hardzero.report.model_section import KeyFigure, is_autoencoder, key_figures, model_section
from hardzero.report.reconstruction_section import reconstruction_section
from hardzero.report.section import Section
from hardzero.report.training_section import training_section
from hardzero.text import TextModel, as_text_model
from hardzero.unusable_targets import as_entries, refuse_unusable_targets

if TYPE_CHECKING:
    from hardzero.datasets.dataset import Dataset

MAX_SAMPLES = 10_000
"""Held-out samples shown: enough for a standard error of an error rate below 0.5 points, and quick."""

TITLE_END = " · hardzero</title>"
"""How the title of every page ends, those of studies as well."""

HEAD_BYTES = 4096
"""In which a page has its title."""


@dataclass(frozen=True)
class ReportData:
    """The held-out samples that a page shows a model on."""

    X: Any
    y: NDArray[Any] | None
    image_shape: tuple[int, ...] | None
    class_names: Sequence[str] | None
    name: str


def write_report(
    estimator: Any,
    path: str | os.PathLike[str],
    dataset: Dataset | tuple[Any, Any] | None = None,
    sweep: SparsityFrontier | str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    image_shape: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
    max_samples: int = MAX_SAMPLES,
    held_out: bool = True,
) -> None:
    """Write one self-contained HTML page about a fitted model.

    The page has what the model is, learning curves and zeros over training; with data also active units, a map
    of units by class, cost against dense, and for images the weights of units of the first layer and what excites
    them; with a sweep the trade-off of sparsity, accuracy and speed. It needs no network and no script.

    Parameters
    ----------
    estimator : fitted RectifierClassifier, RectifierRegressor, TextModel, autoencoder, or Pipeline that can be saved
        Autoencoders are shown with reconstructions in place of cost.
    path : str or path-like
        The file; it appears complete or not at all.
    dataset : hardzero.datasets.Dataset or (X, y), optional
        Held-out data: the test part of a data set, or samples and targets (None for none).
    sweep : SparsityFrontier or path, optional
        Result of `hardzero.analysis.sparsity_frontier`, or the file it was saved in.
    title : str, optional
        Heading of the page; by default the kind of the model and the name of the data set.
    image_shape : tuple of int, optional
        (height, width) or (channels, height, width) of each sample; a data set brings its own.
    class_names : sequence of str, optional
        Names of the sorted classes; a data set brings its own.
    max_samples : int, default=10000
        Samples used, the first ones.
    held_out : bool, default=True
        False if training may have seen the data; the page then does not call them held out.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the estimator is not of hardzero, the data or `image_shape` do not suit it, targets that the page needs are
        missing, or the page or the sweep cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from hardzero import RectifierClassifier
    >>> from hardzero.report import write_report
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = RectifierClassifier((64,), max_iter=20, tol=0, random_state=0).fit(X[:1000] / 16, y[:1000])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(classifier, f"{folder}/page.html", (X[1000:] / 16, y[1000:]), image_shape=(8, 8))
    """
    estimator = _fitted_model(estimator)
    if isinstance(sweep, (str, os.PathLike)):
        sweep = SparsityFrontier.load(sweep)
    data = _report_data(dataset, image_shape, class_names, max_samples)
    kind = type(estimator).__name__
    if hasattr(estimator, "transform_texts"):
        data = data and replace(data, X=estimator.transform_texts(data.X))
        estimator = estimator.estimator_
    if data is not None and (data.class_names is not None or not is_autoencoder(estimator)):
        refuse_unusable_targets(data.y, is_classifier=True, remedy="leave these samples out, of X also")
    if data is not None and image_shape is not None:
        check_image_shape(image_shape, (network_of(estimator).n_features,))
    with plotting():
        sections, figures = _sections(estimator, data, sweep, held_out)
    heading = title or (f"{kind} on {data.name}" if data is not None and data.name else kind)
    html = _render(heading, figures, sections, data is not None)
    with atomic_file(path) as file:
        # Names of files may hold bytes that are no text.
        file.write(html.encode("utf-8", errors="replace"))


def _fitted_model(model: Any) -> Any:
    """Return a fitted estimator or text model; a pipeline of a vectorizer and an estimator is the latter."""
    from sklearn.utils.validation import check_is_fitted

    kind = type(model).__name__
    if hasattr(model, "get_params"):
        check_is_fitted(model)
        model = as_text_model(model)
    if not isinstance(model.estimator_ if isinstance(model, TextModel) else model, NetworkEstimator):
        raise ValueError(
            f"a page needs a fitted estimator of hardzero, not a {kind}: of a pipeline or a search give the fitted "
            "network within, and the data as the steps before it transform them"
        )
    return model


def is_page(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a page that hardzero wrote."""
    with open(path, "rb") as file:
        return TITLE_END.encode() in file.read(HEAD_BYTES)


def _sections(
    estimator: Any, data: ReportData | None, sweep: SparsityFrontier | None, held_out: bool
) -> tuple[list[Section], list[KeyFigure]]:
    from sklearn.base import is_classifier

    X, y = (data.X, data.y) if data is not None else (None, None)
    figures = key_figures(estimator, X, y, held_out=held_out)
    sections: list[Section | None] = [model_section(estimator), training_section(estimator)]
    has_hidden = bool(network_of(estimator).hidden_layers)
    if data is not None and has_hidden:
        sections.append(activity_section(estimator, data.X))
        has_classes = is_classifier(estimator) or (is_autoencoder(estimator) and data.class_names is not None)
        classes = data.y if data.y is not None and data.y.ndim == 1 and has_classes else None
        if classes is not None:
            sections.append(class_section(estimator, data.X, classes, data.class_names))
        if data.image_shape is not None:
            names = None if classes is None else [str(label) for label in classes]
            sections.append(first_layer_section(estimator, data.X, data.image_shape, names))
        few = classes if classes is not None and len(np.unique(classes)) <= 20 else None
        if is_dictionary(estimator):
            sections.append(atoms_section(estimator, data.X, data.image_shape))
        if is_autoencoder(estimator):
            sections.append(reconstruction_section(estimator, data.X, data.image_shape))
        else:
            section, cost = cost_section(estimator, data.X, few)
            sections.append(section)
            faster = cost.speedup[0]
            figures.insert(-1, KeyFigure(f"{faster:.1f}×", "speed of one prediction against dense arithmetic"))
    if sweep is not None:
        sections.append(frontier_section(sweep))
    return [section for section in sections if section is not None], figures


def _report_data(
    dataset: Any, image_shape: tuple[int, ...] | None, class_names: Sequence[str] | None, max_samples: int
) -> ReportData | None:
    if dataset is None:
        return None
    if max_samples < 1:
        raise ValueError(f"max_samples must be at least 1, got {max_samples}")
    if isinstance(dataset, (tuple, list)) and len(dataset) == 2:
        X, y = dataset
        name = ""
    elif not hasattr(dataset, "test"):
        raise ValueError(
            "dataset must be (X, y) or a data set of hardzero.datasets; for samples without targets give (X, None), "
            f"got {_kind(dataset)}"
        )
    else:
        held_out = next((part for part in (dataset.test, dataset.validation, dataset.train) if len(part)), None)
        if held_out is None:
            raise ValueError(f"data set {dataset.name} has no samples")
        X, y, name = held_out.X, held_out.y, dataset.name
        image_shape = image_shape or dataset.image_shape
        class_names = class_names or dataset.class_names
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    if issparse(X):
        # Not every sparse format can be sliced by rows.
        X = csr_array(cast(Any, X))
    if y is not None and len(y) != X.shape[0]:
        raise ValueError(f"X has {X.shape[0]} samples and y has {len(y)}; they must agree")
    if not X.shape[0]:
        raise ValueError("the data have no samples: a page needs at least one")
    head = partial(_first_rows, n_rows=max_samples)
    return ReportData(head(X), None if y is None else _targets(head(y)), image_shape, class_names, name)


def _targets(y: Any) -> NDArray[Any]:
    """Return targets as an array, a single column of them with one axis."""
    targets = as_entries(y)
    return targets.ravel() if targets.shape[1:] == (1,) else targets


def _kind(dataset: Any) -> str:
    kind = type(dataset).__name__
    return f"a {kind} of {len(dataset)}" if isinstance(dataset, (tuple, list)) else f"a value of type {kind}"


def _first_rows(array: Any, n_rows: int) -> Any:
    return array.iloc[:n_rows] if hasattr(array, "iloc") else array[:n_rows]


def _render(title: str, figures: list[KeyFigure], sections: list[Section], has_data: bool) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = resources.files("hardzero.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        title=title,
        key_figures=figures,
        sections=sections,
        has_data=has_data,
        version=hardzero.__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
