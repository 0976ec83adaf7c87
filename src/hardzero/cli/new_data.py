"""Samples for a saved model: from a file whose columns are found by name, or the test split of a named data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hardzero.cli.data_options import as_target
from hardzero.cli.model_input import known_names, layout_as_noted, noted_targets, with_names
from hardzero.cli.text_input import takes_texts, texts_for

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PredictingModel:
    """A saved classifier or regressor, with or without the words of its texts.

    Parameters
    ----------
    path : Path
    estimator : TextModel, RectifierClassifier, RectifierRegressor or Pipeline
    description : dict
        What the file says of itself.
    """

    path: Path
    estimator: Any
    description: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> PredictingModel:
        """Load a model.

        Raises
        ------
        ValueError
            If it is no model, or one that does not predict.
        """
        from hardzero.model_file import describe, load

        description = describe(path)
        estimator = load(path)
        if not hasattr(estimator, "predict"):
            raise ValueError(
                f"{path} holds a {description['kind']}, which does not predict: give a classifier or regressor"
            )
        return cls(path, estimator, description)

    @property
    def notes(self) -> dict[str, Any]:
        """What was noted when it was saved."""
        notes: dict[str, Any] = self.description["notes"]
        return notes

    @property
    def takes_texts(self) -> bool:
        """Whether its samples are raw texts."""
        return takes_texts(self.description)

    def read(
        self,
        data: str,
        layout: dict[str, Any],
        *,
        text: str | None = None,
        target: Sequence[str] = (),
        task: str | None = None,
    ) -> tuple[Any, NDArray[Any] | None]:
        """Return samples as the model takes them, and their targets.

        Parameters
        ----------
        data : str
            A file, or the name of a data set, of which the test split is taken.
        layout : dict
            How the text of a file is read, of the options of `hardzero.datasets.load`; for None it is as noted.
        text : str or None
            The column of raw texts; None is the one that the model was trained on.
        target : sequence of str
            Columns of a file; none reads no targets of it.
        task : str or None
            That of the targets.

        Raises
        ------
        ValueError
            If a column is missing, a value is at fault, the model takes samples of another kind, or options for files
            are given with the name of a data set.
        """
        from hardzero.datasets.catalog import is_named

        if text is not None and not self.takes_texts:
            raise ValueError(f"--text: {self.path} takes numbers, not texts; leave the option out")
        columns = as_target(list(target))
        if is_named(data):
            given = {"text": text, "target": columns, **layout}
            return self._read_named(data, {name: value for name, value in given.items() if value is not None})
        options = {**layout_as_noted(self.notes, layout), **({"target": columns, "task": task} if target else {})}
        if self.takes_texts:
            return texts_for(data, text, self.notes, **options)
        return self._read_table(data, **options)

    def _read_named(self, data: str, options: dict[str, Any]) -> tuple[Any, NDArray[Any] | None]:
        from hardzero import datasets

        dataset = datasets.load(data, **options)
        if self.takes_texts != dataset.is_text:
            what = "takes texts" if self.takes_texts else f"takes {self.estimator.n_features_in_} features"
            raise ValueError(f"{data} holds {'raw texts' if dataset.is_text else 'no texts'}; {self.path} {what}")
        X = dataset.test.X if self.takes_texts else self._with_names(dataset.test.X, data)
        return X, dataset.test.y

    def _read_table(self, data: str, **options: Any) -> tuple[Any, NDArray[Any] | None]:
        from hardzero import datasets

        names = known_names(self.description)
        expected = self.estimator.n_features_in_ if names is None else None
        table = datasets.read_table(data, feature_names=names, n_features=expected, **options)
        unused = [name for name in table.unused_columns if name not in noted_targets(self.notes)]
        if unused:
            typer.echo(f"Columns that the model does not use: {', '.join(unused)}", err=True)
        return self._with_names(table.X, data), table.y

    def _with_names(self, X: Any, source: str) -> Any:
        """Return samples of numbers with the names that the model knows."""
        n_features = self.estimator.n_features_in_
        if X.ndim != 2 or X.shape[1] != n_features:
            raise ValueError(f"{source} has samples of {X.shape[-1]} features; {self.path} takes {n_features}")
        return with_names(X, self.description.get("feature_names"))
