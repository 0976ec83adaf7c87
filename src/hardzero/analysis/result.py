"""What all analyses return: figures as a table and as a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Result(ABC):
    """The outcome of an analysis."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the figures as a table, one observation a row."""

    @abstractmethod
    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the figures.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
