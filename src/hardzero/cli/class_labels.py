"""Labels of a file in the type of those that a model was fitted to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def labels_as_fitted(y: NDArray[Any], classes: NDArray[Any], source: str) -> NDArray[Any]:
    """Return labels with texts for numbers, or numbers for texts, where the classes of a model are such.

    A file does not say which of them its labels are: whole numbers are read as numbers, unless one of them is -1, has
    leading zeros or is too large for float64.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,)
    source : str
        Named in errors.

    Raises
    ------
    ValueError
        If the classes are numbers and a label is another text.

    Examples
    --------
    >>> labels_as_fitted(np.array(["-1", "1", "1"]), np.array([-1, 1]), "wine.csv")
    array([-1,  1,  1])
    """
    if _are_texts(y) == _are_texts(classes):
        return y
    texts = list(map(_written, y.tolist()))
    if _are_texts(classes):
        return np.array(texts)
    known = {_written(label): label for label in classes.tolist()}
    unknown = [text for text in texts if text not in known]
    if unknown:
        raise unknown_label(unknown[0], classes, source)
    return np.array([known[text] for text in texts], dtype=classes.dtype)


def unknown_label(label: Any, classes: NDArray[Any], source: str) -> ValueError:
    """Return the error for a label that is no class of the model."""
    from hardzero.datasets.columns import listed

    known = listed(list(map(_written, classes.tolist())))
    return ValueError(
        f"{source} has the label {label!r}, and the classes of the model are {known}: correct it, or name "
        "another column with --target"
    )


def _written(label: Any) -> str:
    """Return a label as text, numbers in one form."""
    from hardzero.datasets.target_column import label_text

    if isinstance(label, str):
        # As int first: float takes large numbers for others.
        for number in (int, float):
            with suppress(ValueError):
                return label_text(number(label))
    return label_text(label)


def _are_texts(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind in "OU"
