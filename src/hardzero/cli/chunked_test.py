"""The test part of a file that a model was fitted to in chunks, as far as it is held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardzero.cli.data_options import as_target
from hardzero.cli.stream import Stream

if TYPE_CHECKING:
    from hardzero.datasets import Split


@dataclass(frozen=True)
class ChunkedTest:
    """What a page needs to know of the data; it has the names of `hardzero.datasets.Dataset`.

    Attributes
    ----------
    stream : Stream
    test : Split
    """

    stream: Stream
    test: Split
    image_shape: tuple[int, ...] | None = None
    class_names: Sequence[str] | None = None

    @classmethod
    def read(cls, data: str, chunk_rows: int, targets: list[str] | None, reading: dict[str, Any]) -> ChunkedTest:
        """Read a file in the chunks in which a model was fitted to it, with texts as they are.

        Parameters
        ----------
        data : str
        chunk_rows : int
        targets : list of str, optional
        reading : dict
            How the file was read; see `hardzero.cli.model_input.noted_reading`.
        """
        options = {name: value for name, value in reading.items() if name != "seed"}
        stream = Stream(data, chunk_rows, {"target": as_target(targets), **options}, None, reading.get("seed", 0))
        return cls(stream, stream.test())

    @property
    def name(self) -> str:
        """The file without its folders."""
        return Path(self.stream.path).name

    @property
    def checksum(self) -> str:
        """That of the file."""
        return self.stream.checksum

    @property
    def feature_names(self) -> Sequence[str] | None:
        """Names of the columns."""
        return self.stream.summary.feature_names

    @property
    def is_text(self) -> bool:
        """Whether rows are texts."""
        return self.stream.options.get("text") is not None and self.stream.vectorizer is None
