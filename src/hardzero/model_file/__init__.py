"""Models to and from one safetensors file, without pickle.

The arrays are named ``layers.0.weights``, ``layers.0.bias``, … and can be read by any safetensors library; the
metadata entry ``hardzero`` holds everything else as one JSON document.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from hardzero.model_file.container import FORMAT_VERSION as FORMAT_VERSION
from hardzero.model_file.container import Contents, read_contents, read_document, write_contents
from hardzero.model_file.container import ModelFileError as ModelFileError
from hardzero.model_file.kinds import KINDS, NETWORK_KINDS, get_kind, is_of_a_kind

__all__ = ["FORMAT_VERSION", "ModelFileError", "describe", "load", "load_predictor", "save"]


def save(model: Any, path: str | os.PathLike[str], *, notes: dict[str, Any] | None = None) -> None:
    """Write a fitted model to one safetensors file.

    The file is written beside `path` and takes its place when it is complete: whatever happens on the way, an
    older file stays as it was. The same model makes the same bytes.

    Parameters
    ----------
    model : RectifierClassifier, RectifierRegressor, TextModel, autoencoder, Pipeline or Network
        A pipeline of a vectorizer and a classifier or regressor.
    path : str or path-like
        Usually with the ending ``.safetensors``.
    notes : dict, optional
        Anything of yours that JSON can hold, such as where the data came from; `describe` returns it. By default those
        that a loaded model came with, if it has not been fitted anew since.

    Raises
    ------
    ValueError
        If the model is not fitted or of another class, or holds what a file without code cannot: class labels of
        mixed types, an activation of your own, a network with the outputs of an autoencoder.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> import hardzero
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = hardzero.RectifierClassifier((16,), solver="lbfgs", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(classifier, f"{folder}/iris.safetensors")
    ...     loaded = load(f"{folder}/iris.safetensors")
    >>> bool((loaded.predict_proba(X) == classifier.predict_proba(X)).all())
    True
    """
    name = type(model).__name__
    if not is_of_a_kind(model):
        raise ValueError(
            f"cannot save a {name} of {type(model).__module__}: a model file holds one of {', '.join(KINDS)}, as "
            "hardzero and scikit-learn have them"
        )
    contents = get_kind(name).pack(model)
    if notes is not None and not isinstance(notes, dict):
        raise ValueError(f"notes must be a dict, got a {type(notes).__name__}")
    if notes is not None:
        contents = replace(contents, document={**contents.document, "notes": notes})
    write_contents(contents, path)


def load(path: str | os.PathLike[str]) -> Any:
    """Return the model of a file written by `save`.

    An estimator predicts the same bits as the saved one and can go on training with ``partial_fit`` or
    ``warm_start`` (an optimizer's momentum starts again at zero; after a finished run with the ``cosine`` rate,
    ``partial_fit`` asks to raise ``max_iter``). `save` writes its notes again, until a new `fit` replaces the network.
    Nothing in the file is executed, and nothing in it is trusted.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    object
        Of the class that was saved.

    Raises
    ------
    ValueError
        If the file is truncated, not a model file, written by a newer version, or damaged; the message says which,
        and what to do.
    FileNotFoundError
        If there is no such file.
    """
    contents = read_contents(path)
    return _unpacked(path, contents, contents.kind)


def load_predictor(path: str | os.PathLike[str], *, precision: str = "float32", n_threads: int = 1) -> Any:
    """Return the lean prediction path of a saved model, without the model and without importing scikit-learn.

    Until the first prediction it takes a fifth of the time of ``load(path).to_predictor()``, most of which is spent on
    importing what training needs; a text model, which is read with the vectorizer of scikit-learn, saves nothing. The
    names of classes and features are in `describe`.

    Parameters
    ----------
    path : str or path-like
        Of a classifier, regressor, text model or network.
    precision : {"float32", "bfloat16", "int8"}, default="float32"
    n_threads : int, default=1
        As for `hardzero.Predictor`.

    Returns
    -------
    Predictor, or what ``TextModel.to_predictor`` returns

    Raises
    ------
    ValueError
        If the file is no model that predicts, or is damaged, or an argument is wrong.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from hardzero import RectifierRegressor
    >>> X = np.eye(3, dtype=np.float32)
    >>> model = RectifierRegressor(hidden_layer_sizes=4, solver="lbfgs", random_state=0).fit(X, [1.0, 2.0, 3.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/m.safetensors")
    ...     predict = load_predictor(f"{folder}/m.safetensors")
    >>> bool((predict(X).ravel() == model.predict(X)).all())
    True
    """
    from hardzero.predictor import Predictor

    contents = read_contents(path)
    if contents.kind in NETWORK_KINDS:
        return Predictor(_unpacked(path, contents, "Network"), precision=precision, n_threads=n_threads)
    model = _unpacked(path, contents, contents.kind)
    if not hasattr(model, "predict"):
        raise ValueError(f"{path} holds a {contents.kind}, which does not predict: give a classifier or regressor")
    from hardzero.text import as_text_model

    return as_text_model(model).to_predictor(precision=precision, n_threads=n_threads)


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the metadata of a model file without reading its arrays.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict
        ``kind``, ``format_version``, ``hardzero_version``, ``architecture``, ``notes`` (empty if there are none)
        and what the kind stores beside them (docs/model_file.md).

    Raises
    ------
    ValueError
        If the file is truncated, not a model file, written by a newer version, or damaged.
    """
    document = read_document(path)
    notes = document.setdefault("notes", {})
    if not isinstance(notes, dict):
        raise ModelFileError(f"{path} is damaged: its notes are not an object; save the model again")
    return document


def _unpacked(path: str | os.PathLike[str], contents: Contents, kind: str) -> Any:
    """Return the model of a file, or its network alone; say of contents that do not fit each other what to do."""
    try:
        return get_kind(kind).unpack(contents)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(
            f"{path} cannot be used: {error}. It was written by hardzero {contents.hardzero_version}; if that is "
            "newer than yours, upgrade, else save the model again"
        ) from error
