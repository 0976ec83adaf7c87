"""Raw text on the command line: bags of words made for training, and found again in the model for prediction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hardzero.datasets import Dataset, Split


def make_vectorizer(n_words: int | None, hash_words: bool) -> Any:
    """Return the vectorizer that the options ask for."""
    from hardzero.text import N_HASHES, N_WORDS, bag_of_words, hashed_words

    if n_words is not None and n_words < 1:
        raise ValueError(f"--words {n_words} must be at least 1")
    return hashed_words(n_words or N_HASHES) if hash_words else bag_of_words(n_words or N_WORDS)


def as_bags_of_words(dataset: Dataset, vectorizer: Any) -> Dataset:
    """Return a data set of raw texts as one of word counts; the vectorizer learns its words from the training texts."""
    from hardzero.text import TextModel

    model = TextModel(None, vectorizer)
    model.vectorizer_ = vectorizer
    try:
        vectorizer.fit(dataset.train.X)
    except ValueError as error:
        raise ValueError(f"{dataset.name}: {error}; check that --text names the column of texts") from error
    return in_words_of(model, dataset)


def in_words_of(model: Any, dataset: Dataset) -> Dataset:
    """Return a data set of raw texts as one of the counts of a text model's words."""

    def bags(split: Split) -> Split:
        return replace(split, X=model.transform_texts(split.X))

    return replace(
        dataset,
        train=bags(dataset.train),
        validation=bags(dataset.validation),
        test=bags(dataset.test),
        is_text=False,
    )


def takes_texts(description: dict[str, Any]) -> bool:
    """Tell from its metadata whether a model takes raw texts."""
    return "vectorizer" in description


def network_estimator(model: Any) -> Any:
    """Return the estimator in a text model or a pipeline, and others as they are."""
    if hasattr(model, "estimator_"):
        return model.estimator_
    return model[-1] if hasattr(model, "steps") else model


def text_column(given: str | None, notes: dict[str, Any], data: str) -> str:
    """Return the column of a file that holds the texts: the one that is given, or that the model was trained on.

    Raises
    ------
    ValueError
        If neither is known.
    """
    column: str | None = given or notes.get("text")
    if column is None:
        raise ValueError(f"name the column of {data} that holds the texts, with --text")
    return column


def texts_for(
    data: str, text: str | None, notes: dict[str, Any], **options: Any
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the texts of a file that a text model is to predict for, and their targets where the options name some.

    Parameters
    ----------
    data : str
    text : str or None
        The column; None is the one that the model was trained on.
    notes : dict
        Of the model file.
    **options
        As for `hardzero.datasets.read_table`.
    """
    from hardzero import datasets

    table = datasets.read_table(data, text=text_column(text, notes, data), **options)
    texts = table.X
    n_empty = int(np.count_nonzero(texts == ""))
    if n_empty:
        typer.echo(f"{n_empty:,} of {len(texts):,} texts are empty: they get the prediction for no words", err=True)
    return texts, table.y
