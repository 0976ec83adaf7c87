"""Data sets: named ones with fixed splits, and users' own files.

`load` returns a `Dataset` for a name or a path; `read_table` reads a file for prediction; `scan_file` and
`iterate_chunks` read files larger than memory.
"""

from __future__ import annotations

from hardzero.datasets.catalog import load, names
from hardzero.datasets.chunked_files import FileSummary, iterate_chunks, scan_file
from hardzero.datasets.dataset import Dataset, Split
from hardzero.datasets.directory import DatasetNotFound, cache_directory, data_directories
from hardzero.datasets.splits import folds_by_text
from hardzero.datasets.whole_files import Table, read_table

__all__ = [
    "Dataset",
    "DatasetNotFound",
    "FileSummary",
    "Split",
    "Table",
    "cache_directory",
    "data_directories",
    "folds_by_text",
    "iterate_chunks",
    "load",
    "names",
    "read_table",
    "scan_file",
]
