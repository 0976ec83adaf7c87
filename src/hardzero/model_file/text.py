"""Vectorizers in a model file: the vocabulary beside the network, and pipelines of the two."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import Pipeline

from hardzero.model_file.container import Contents
from hardzero.model_file.kinds import get_kind
from hardzero.model_file.values import decode_value, encode_value
from hardzero.text import TextModel, n_columns

VECTORIZERS: dict[str, type[Any]] = {"CountVectorizer": CountVectorizer, "HashingVectorizer": HashingVectorizer}
ESTIMATORS = ("RectifierClassifier", "RectifierRegressor")
DTYPES = ("float32", "float64", "int64")
_CALLABLE = ("preprocessor", "tokenizer", "analyzer", "stop_words")


def pack_text_model(model: TextModel) -> Contents:
    """Return a fitted text model as contents of a file.

    Raises
    ------
    ValueError
        If it is not fitted, or its vectorizer runs code of its own, which a file does not hold.
    """
    if "estimator_" not in vars(model):
        raise ValueError("cannot save this TextModel: it is not fitted yet; call fit first")
    return _pack("TextModel", model.vectorizer_, model.estimator_, {})


def unpack_text_model(contents: Contents) -> TextModel:
    """Return the model of `pack_text_model`.

    Raises
    ------
    ValueError
        If parts of the contents do not fit each other.
    """
    vectorizer, estimator = _unpack(contents)
    return TextModel.of_fitted(estimator, vectorizer)


def pack_pipeline(pipeline: Pipeline) -> Contents:
    """Return a fitted pipeline of a vectorizer and an estimator as contents of a file.

    Raises
    ------
    ValueError
        If it has other steps.
    """
    kinds = [type(step).__name__ for _, step in pipeline.steps]
    if len(kinds) != 2 or kinds[0] not in VECTORIZERS or kinds[1] not in ESTIMATORS:
        raise ValueError(
            f"cannot save a Pipeline of {', '.join(kinds)}: a model file holds pipelines of one of "
            f"{', '.join(VECTORIZERS)} and one of {', '.join(ESTIMATORS)}; save other steps by themselves"
        )
    return _pack("Pipeline", pipeline[0], pipeline[1], {"step_names": [name for name, _ in pipeline.steps]})


def unpack_pipeline(contents: Contents) -> Pipeline:
    """Return the pipeline of `pack_pipeline`.

    Raises
    ------
    ValueError
        If parts of the contents do not fit each other.
    """
    vectorizer, estimator = _unpack(contents)
    model = TextModel.of_fitted(estimator, vectorizer)
    names = contents.document.get("step_names")
    if not isinstance(names, list) or len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise ValueError("the names of the steps are missing")
    return Pipeline(list(zip(names, (model.vectorizer_, model.estimator_), strict=True)))


def encode_vectorizer(vectorizer: Any) -> dict[str, Any]:
    """Return a fitted vectorizer as a JSON value: class, parameters, and words in the order of their columns.

    Raises
    ------
    ValueError
        If it is of another class, not fitted, or runs functions of its own.
    """
    name = type(vectorizer).__name__
    if VECTORIZERS.get(name) is not type(vectorizer):
        raise ValueError(f"cannot save a {name}: a model file holds one of {', '.join(VECTORIZERS)}")
    parameters = vectorizer.get_params()
    functions = [parameter for parameter in _CALLABLE if callable(parameters.get(parameter))]
    if functions:
        raise ValueError(
            f"cannot save a {name} with {functions[0]}={parameters[functions[0]]!r}: a model file holds no code; "
            "prepare the texts beforehand"
        )
    if parameters["input"] != "content":
        raise ValueError(f"cannot save a {name} with input={parameters['input']!r}: a model takes texts, not files")
    dtype = np.dtype(parameters.pop("dtype")).name
    if dtype not in DTYPES:
        raise ValueError(f"cannot save a {name} with dtype={dtype}: use numpy.float32")
    if isinstance(parameters.get("stop_words"), set | frozenset):
        parameters["stop_words"] = sorted(parameters["stop_words"])
    parameters.pop("vocabulary", None)
    encoded: dict[str, Any] = {
        "class": name,
        "dtype": dtype,
        "parameters": {key: encode_value(value) for key, value in parameters.items()},
    }
    if isinstance(vectorizer, CountVectorizer):
        vocabulary = getattr(vectorizer, "vocabulary_", None)
        if vocabulary is None:
            raise ValueError(f"cannot save this {name}: it is not fitted yet; call fit first")
        encoded["words"] = sorted(vocabulary, key=vocabulary.__getitem__)
        if vectorizer.fixed_vocabulary_:
            encoded["words_are_given"] = True
    return encoded


def decode_vectorizer(value: Any) -> Any:
    """Return the vectorizer of `encode_vectorizer`.

    Raises
    ------
    ValueError
        If class, parameters or words are not those of a vectorizer.
    """
    if not isinstance(value, dict) or value.get("class") not in VECTORIZERS:
        raise ValueError("the vectorizer is of no known class")
    kind = VECTORIZERS[value["class"]]
    parameters = value.get("parameters")
    if not isinstance(parameters, dict) or not set(parameters) <= set(kind._get_param_names()) - {"vocabulary"}:
        raise ValueError("the vectorizer's parameters are not those of its class")
    if value.get("dtype") not in DTYPES:
        raise ValueError(f"the vectorizer has the type {value.get('dtype')!r}")
    decoded = {key: decode_value(item) for key, item in parameters.items()}
    _check_parameters(decoded)
    vectorizer = kind(**decoded, dtype=np.dtype(value["dtype"]).type)
    vectorizer._validate_params()
    if kind is CountVectorizer:
        words = value.get("words")
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise ValueError("the vectorizer's words are not a list of strings")
        if len(set(words)) < len(words):
            raise ValueError("the vectorizer has a word twice")
        given = value.get("words_are_given", False)
        if not isinstance(given, bool):
            raise ValueError("the file does not say whether the vectorizer's words were given")
        vectorizer.vocabulary = words if given else None
        vectorizer.vocabulary_ = {word: index for index, word in enumerate(words)}
        vectorizer.fixed_vocabulary_ = given
    return vectorizer


def _check_parameters(parameters: dict[str, Any]) -> None:
    """Refuse what would open files or is no pattern."""
    if parameters.get("input", "content") != "content":
        raise ValueError("the vectorizer reads files, which a model must not")
    try:
        re.compile(parameters.get("token_pattern") or "")
    except (re.error, TypeError) as error:
        raise ValueError(f"the vectorizer's token pattern is invalid: {error}") from error


def _pack(kind: str, vectorizer: Any, estimator: Any, more: dict[str, Any]) -> Contents:
    name = type(estimator).__name__
    if name not in ESTIMATORS:
        raise ValueError(f"cannot save a {kind} of a {name}: a model file holds one of {', '.join(ESTIMATORS)}")
    contents = get_kind(name).pack(estimator)
    document = {**contents.document, "estimator": name, "vectorizer": encode_vectorizer(vectorizer), **more}
    return replace(contents, kind=kind, document=document)


def _unpack(contents: Contents) -> tuple[Any, Any]:
    """Return vectorizer and estimator, after checking that they fit."""
    name = contents.document.get("estimator")
    if name not in ESTIMATORS:
        raise ValueError(f"{name!r} is no estimator")
    vectorizer = decode_vectorizer(contents.document.get("vectorizer"))
    estimator = get_kind(name).unpack(replace(contents, kind=name))
    if n_columns(vectorizer) != estimator.n_features_in_:
        raise ValueError(
            f"the vectorizer makes {n_columns(vectorizer)} columns, the network takes {estimator.n_features_in_}"
        )
    return vectorizer, estimator
