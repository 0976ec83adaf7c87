"""Reading CSV and TSV files, gzipped or not, so that every error names the column and the row."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from hardzero.data_fault import DataFault
from hardzero.datasets.blank_lines import LineReader, blank_letters, without_first_blank, without_last_blank
from hardzero.datasets.categories import MISSING, MISSING_NUMBERS, CategoryFinder, is_missing
from hardzero.datasets.columns import Selection, listed
from hardzero.datasets.decimal_comma import comma_numbers, labels_with_points
from hardzero.datasets.directory import is_gzipped, open_bytes
from hardzero.datasets.feature_matrix import feature_matrix
from hardzero.datasets.target_column import DECIMAL_COMMA, to_numbers

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = (",", "\t", ";", "|")
LONGEST_FIELD = 2**31 - 1
CATEGORY_ROWS = 50_000
"""Rows in memory at a time while categories are looked for."""
DELIMITER_LINE = re.compile(r"sep=(.)[\r\n]+$")
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SAVE_REMEDY = "save it as UTF-8"


@dataclass(frozen=True)
class DelimitedFile:
    """A CSV or TSV file whose first row has been looked at.

    Row numbers count the header as row 1, as a spreadsheet does. Names are unique: a column without a name, or with
    that of one before it, has a name that describes it. Blank lines are no rows; in a file of one column those between
    rows are, with an empty field.
    """

    path: Path
    delimiter: str
    encoding: str
    has_header: bool
    names: tuple[str, ...]
    faults: Mapping[str, DataFault] = field(default_factory=dict)
    """What is wrong with columns that cannot be told by their name."""
    decimal: str = "."

    @property
    def has_one_column(self) -> bool:
        """Whether a blank line between rows is an empty field."""
        return len(self.names) == 1

    @property
    def blank(self) -> str:
        """Letters of which a blank line consists."""
        return blank_letters(self.delimiter)

    @property
    def source(self) -> str:
        """Return the path for errors, with the delimiter where another might be meant."""
        if any(other in name for name in self.names for other in DELIMITERS):
            return f"{self.path} (columns divided by {self.delimiter!r}; delimiter= sets another)"
        return str(self.path)

    def refuse_faults(self, selection: Selection) -> None:
        """Raise ValueError if a selected column cannot be told by its name."""
        for name in (*selection.features, *selection.texts):
            if name in self.faults:
                raise self.faults[name]

    def refuse_numbers(self) -> None:
        """Raise ValueError if the header looks like data."""
        if self.has_header and all(_is_number(name.replace(self.decimal, ".")) for name in self.names):
            raise DataFault(
                f"the first row of {self.path} holds only numbers ({listed(self.names)}), not column names",
                "add a header row",
                "rename the columns if these are their names",
                "pass header=False if the data begin there",
            )

    def where(self, record: int) -> str:
        """Return "row N of FILE" for the data record with this index."""
        wanted = record + self.has_header
        number, _ = next(islice(self.rows(), wanted, None), (wanted + 1, []))
        return f"row {number} of {self.path.name}"

    def numbers(self, column: pd.Series[Any]) -> NDArray[np.float64]:
        """Return a column as float64, NaN where it is missing or not a number."""
        from pandas.api.types import is_numeric_dtype

        if self.decimal == "." or is_numeric_dtype(column):
            return to_numbers(column)
        return comma_numbers(column)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield number and fields of each row, header included; slower than pandas, and exact."""
        with reading(self.path, self.encoding), open_text(self.path, self.encoding) as file:
            _skip_delimiter_line(file)
            lines = without_last_blank(file, self.blank) if self.has_one_column else file
            rows = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True)
            blank_is_row = self.has_one_column and not self.has_header
            for number, row in enumerate(iter(partial(_next_row, rows), None), 1):
                if blank_is_row or len(row) > 1 or (row and row[0].strip()):
                    yield number, row or [""]
                    blank_is_row = self.has_one_column


@dataclass(frozen=True)
class DelimitedChunk:
    """Consecutive rows: features (or texts), raw target columns, and the index of the first data record."""

    X: Any
    targets: list[NDArray[Any]]
    first_record: int


def open_delimited(
    path: Path, *, delimiter: str | None, encoding: str, header: bool, decimal: str = "."
) -> DelimitedFile:
    """Look at the first row of a file: delimiter and column names.

    Parameters
    ----------
    path : Path
    delimiter : str or None
        None: the one that a first line such as ``sep=;`` names; without it a tab for .tsv and .tab, else whichever of
        comma, tab, semicolon and bar divides the first row.
    encoding : str
    header : bool
        False if the first row is data; columns are then called column_1, column_2, …
    decimal : {".", ","}, default="."
        Before the decimals of numbers.

    Raises
    ------
    ValueError
        If the file is empty, or an option has no such value.
    """
    if decimal not in (".", ","):
        raise ValueError(f"decimal={decimal!r} must be a point or a comma")
    if delimiter is not None and len(delimiter) != 1:
        raise ValueError(f"delimiter={delimiter!r} must be one character")
    encoding = _known_encoding(encoding)
    with reading(path, encoding), open_text(path, encoding) as file:
        named = _skip_delimiter_line(file)
        lines = list(_through_first_content(file))
        if not lines or not lines[-1].strip():
            raise ValueError(f"{path} is empty")
        delimiter = delimiter or named or _detect_delimiter(path, lines[-1], decimal)
        kept = without_first_blank(chain(lines, file), blank_letters(delimiter))
        row = _next_row(csv.reader(kept, delimiter=delimiter, skipinitialspace=True)) or []
    if not header:
        names = tuple(f"column_{i + 1}" for i in range(len(row)))
        return DelimitedFile(path, delimiter, encoding, header, names, decimal=decimal)
    names = tuple(name.strip() for name in row)
    unique, faults = _unique_names(names), _name_faults(names, path)
    faults_by_name = {unique[i]: fault for i, fault in faults.items()}
    return DelimitedFile(path, delimiter, encoding, header, unique, faults_by_name, decimal)


def read_chunks(file: DelimitedFile, selection: Selection, chunk_rows: int | None) -> Iterator[DelimitedChunk]:
    """Read a file, all at once (`chunk_rows` None) or in chunks.

    Yields
    ------
    DelimitedChunk
        `X` is float32 of shape (n_rows, n_features), or an object array of str for a text column.

    Raises
    ------
    ValueError
        If a selected column has no name of its own, a row is ragged or, in a tab-separated file, swallowed by a
        quotation mark, or a feature is missing or not a finite number.
    """
    file.refuse_faults(selection)
    first_record = 0
    may_be_empty = list(selection.texts)
    short_rows, told = _ShortRows(file), set[str]()
    for frame in _frames(file, selection, chunk_rows):
        if file.delimiter == "\t":
            _refuse_swallowed_rows(frame, selection, file, first_record)
        if selection.text is None:
            X: Any = feature_matrix(frame, selection, file, first_record, told)
        else:
            X = _raw_values(frame[selection.text], "")
        # pandas takes fields that are not there for empty ones; a row that is too short always lacks its last.
        suspects = frame[may_be_empty].isna().any(axis=1) & frame[file.names[-1]].isna()
        short_rows.refuse(first_record + np.flatnonzero(suspects))
        targets = [_raw_target(frame[name], file, first_record) for name in selection.targets]
        yield DelimitedChunk(X, targets, first_record)
        first_record += len(frame)
    if first_record == 0:
        raise _no_rows(file)


def _refuse_swallowed_rows(frame: pd.DataFrame, selection: Selection, file: DelimitedFile, first_record: int) -> None:
    """Refuse a field of a tab-separated file in which a quotation mark that was not meant as such joined rows."""
    read, n_tabs = set(selection.texts), len(file.names) - 1
    for position, name in enumerate(file.names):
        if name not in read:
            continue
        for index, value in enumerate(frame[name].to_numpy()):
            if isinstance(value, str) and "\n" in value and _holds_rows(value, position, n_tabs):
                n_rows = value.count("\n")
                raise ValueError(
                    f"column {name!r} in {file.where(first_record + index)} begins with a quotation mark that takes in "
                    f"the next {n_rows} rows; remove it, or put the text in quotation marks and double those within"
                )


def _holds_rows(field: str, position: int, n_tabs: int) -> bool:
    """Tell whether the lines of a field in this column have the tabs of rows, one whole row among them."""
    first, *others = field.split("\n")
    if first.count("\t") != n_tabs - position or others[-1].count("\t") != position:
        return False
    whole = others[:-1]
    are_rows = n_tabs > 0 and len(whole) > 0 and all(line.count("\t") == n_tabs for line in whole)
    return are_rows and not all(line.startswith("\t") for line in others)


class _ShortRows:
    """Looks for rows with fewer fields than there are columns, with one reading of the file however many it looks at.

    Parameters
    ----------
    file : DelimitedFile
    """

    def __init__(self, file: DelimitedFile) -> None:
        self._file = file
        self._rows = file.rows()
        self._n_read = 0

    def refuse(self, records: Iterable[int]) -> None:
        """Raise ValueError if one of these data records is short; they ascend, from call to call as well."""
        for record in records:
            index = record + self._file.has_header
            number, row = next(islice(self._rows, index - self._n_read, None), (0, self._file.names))
            self._n_read = index + 1
            if len(row) < len(self._file.names):
                raise ValueError(
                    f"row {number} of {self._file.path.name} has {len(row)} fields where {len(self._file.names)} are "
                    "expected"
                )


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a text file, unpacking it while it is read if it is gzipped."""
    if is_gzipped(path):
        return cast("IO[str]", gzip.open(path, "rt", encoding=encoding, newline=""))
    return open(path, encoding=encoding, newline="")


def _frames(
    file: DelimitedFile, selection: Selection, chunk_rows: int | None, columns: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """Yield data frames with columns of the file, by default all; only the features are turned into numbers."""
    import pandas as pd

    features = set(selection.features)
    as_text = {name: str for name in file.names if name not in features}
    may_lack_numbers = features.intersection(selection.categories)
    missing = {name: MISSING_NUMBERS if name in may_lack_numbers else (MISSING,) for name in file.names}
    with reading(file.path, file.encoding), open_text(file.path, file.encoding) as handle, _parsing(file):
        _skip_delimiter_line(handle)
        reader = pd.read_csv(
            _text_of_one_column(file, handle) if file.has_one_column else handle,
            sep=file.delimiter,
            decimal=file.decimal,
            header=0 if file.has_header else None,
            names=list(file.names),
            index_col=False,
            usecols=None if columns is None else list(columns),
            dtype=cast("Any", as_text),
            keep_default_na=False,
            na_values=cast("Any", missing),
            skipinitialspace=True,
            skip_blank_lines=not file.has_one_column,
            low_memory=False,
            chunksize=chunk_rows or sys.maxsize,
        )
        with reader:
            while True:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("error", pd.errors.ParserWarning)
                        frame = next(reader, None)
                except pd.errors.EmptyDataError:
                    return
                if frame is None:
                    return
                yield frame


def _text_of_one_column(file: DelimitedFile, lines: Iterable[str]) -> LineReader:
    """Return the text of a file without the blank lines that are no rows."""
    from_header = without_first_blank(lines, file.blank) if file.has_header else lines
    return LineReader(without_last_blank(from_header, file.blank))


@contextmanager
def _parsing(file: DelimitedFile) -> Iterator[None]:
    """Turn errors of pandas' parser into ones that name the row."""
    import pandas as pd

    try:
        yield
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise _row_error(file, error) from error


def _row_error(file: DelimitedFile, error: Exception) -> ValueError:
    """Explain what pandas could not parse: a ragged row, or a quotation mark that is never closed."""
    n_columns = len(file.names)
    for number, row in file.rows():
        if len(row) > n_columns:
            return ValueError(
                f"row {number} of {file.path.name} has {len(row)} fields where {n_columns} are expected; put "
                f"texts that contain {file.delimiter!r} in quotation marks"
            )
    if "inside string" in str(error):
        return ValueError(f"a quotation mark in {file.path.name} is never closed ({error})")
    return ValueError(f"{file.path.name} cannot be read: {error}")


def _no_rows(file: DelimitedFile) -> ValueError:
    return ValueError(f"{file.path} has a header and no rows" if file.has_header else f"{file.path} has no rows")


def find_categories(
    file: DelimitedFile, columns: Sequence[str], *, only_texts: bool, chunk_rows: int = CATEGORY_ROWS
) -> dict[str, tuple[str, ...]]:
    """Pass once over columns of a file and return the categories of each.

    Parameters
    ----------
    file : DelimitedFile
    columns : sequence of str
    only_texts : bool
        Leave out those that hold a number.
    chunk_rows : int
        Rows in memory at a time.

    Raises
    ------
    ValueError
        If the file has no rows, or a column too many different values.
    """
    import pandas as pd

    def hold_number(texts: list[str]) -> bool:
        is_number = np.isfinite(file.numbers(pd.Series(texts, dtype=object)))
        return bool(is_number.any()) or any(map(DECIMAL_COMMA.match, texts))

    finder, as_texts = CategoryFinder(columns, only_texts=only_texts), Selection((), (), None, ())
    if only_texts and columns:
        # Most columns of numbers are known as such by the first rows, and need not be read to the end.
        for frame in islice(_frames(file, as_texts, chunk_rows, columns), 1):
            finder.look_at(frame, hold_number)
    if finder.columns:
        for frame in _frames(file, as_texts, chunk_rows, finder.columns):
            finder.look_at(frame, hold_number)
    found = finder.categories(file.path.name)
    if not all(found.values()):
        raise _no_rows(file)
    return found


def find_missing(file: DelimitedFile, columns: Sequence[str], chunk_rows: int = CATEGORY_ROWS) -> list[str]:
    """Pass once over columns of numbers and return those that lack some.

    Parameters
    ----------
    file : DelimitedFile
    columns : sequence of str
    chunk_rows : int
        Rows in memory at a time.
    """
    lacking, as_texts = set[str](), Selection((), (), None, ())
    for frame in _frames(file, as_texts, chunk_rows, columns):
        lacking.update(name for name in columns if is_missing(frame[name]).any())
    return [name for name in columns if name in lacking]


def _raw_target(column: pd.Series[Any], file: DelimitedFile, first_record: int) -> NDArray[np.object_]:
    """Return a target column of str, numbers with a decimal point, and None in place of empty fields."""
    values = _raw_values(column, None)
    if file.decimal == ".":
        return values
    return labels_with_points(values, lambda index: f"target {column.name!r} in {file.where(first_record + index)}")


def _raw_values(column: pd.Series[Any], empty: str | None) -> NDArray[np.object_]:
    """Return a column of str with `empty` in place of empty fields."""
    values: NDArray[np.object_] = np.array(column, dtype=object)
    values[column.isna().to_numpy(dtype=bool)] = empty
    return values


def _next_row(rows: Iterator[list[str]]) -> list[str] | None:
    """Return the next row of a reader, whose fields may be of any length, and leave the limit to others as it was."""
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        return next(rows, None)
    finally:
        csv.field_size_limit(limit)


def _skip_delimiter_line(file: IO[str]) -> str | None:
    """Read past a first line such as `sep=;`, which is for spreadsheets alone, and return the delimiter it names."""
    found = DELIMITER_LINE.match(file.readline(len("sep=;\r\n")))
    if found is None:
        file.seek(0)
        return None
    return found[1]


def _through_first_content(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines up to the first with more than white space."""
    for line in lines:
        yield line
        if line.strip():
            return


def _detect_delimiter(path: Path, first_line: str, decimal: str) -> str:
    """Choose the delimiter by the file's ending and what divides its first line, the decimal comma as a last resort."""
    endings = {ending.lower() for ending in path.suffixes}
    if endings & {".tsv", ".tab"}:
        return "\t"
    n_fields = {
        delimiter: len(_next_row(csv.reader([first_line], delimiter=delimiter, skipinitialspace=True)) or [])
        for delimiter in DELIMITERS
    }
    for preferred in [","] if ".csv" in endings else ["\t"]:
        if n_fields[preferred] > 1 and preferred != decimal:
            return preferred
    dividing = [delimiter for delimiter in DELIMITERS if n_fields[delimiter] > 1 and delimiter != decimal]
    return max(dividing or DELIMITERS, key=lambda delimiter: n_fields[delimiter])


def _name_faults(names: tuple[str, ...], path: Path) -> dict[int, DataFault]:
    """Return what is wrong with nameless and duplicate columns, by their index."""
    n_columns = Counter(names)
    faults = {}
    for index, name in enumerate(names):
        if not name:
            faults[index] = DataFault(
                f"column {index + 1} of {path} has no name", "name it", f"leave it out with ignore={index}"
            )
        elif n_columns[name] > 1:
            faults[index] = DataFault(
                f"{path} has several columns of the same name: {name}",
                "rename them",
                f"leave them out with ignore= and their numbers (column {index + 1} is {index})",
            )
    return faults


def _unique_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, with a description in place of none and of one that was there before."""
    unique: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        known = f"{name} (column {number})" if name in unique else name
        unique[known or f"column {number} without a name"] = None
    return tuple(unique)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def reading(path: Path, encoding: str) -> Iterator[None]:
    """Turn errors of decoding and unpacking into clear ones."""
    try:
        yield
    except UnicodeError as error:
        raise _encoding_fault(path, encoding) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is cut off or damaged and cannot be unpacked ({error})") from error
    except csv.Error as error:
        raise ValueError(f"{path} is not a text table ({error})") from error


def _known_encoding(encoding: str) -> str:
    """Return the encoding, with UTF-8 as the variant that drops a byte order mark."""
    try:
        name = codecs.lookup(encoding).name
        # Fails, too, for those that are no encodings of text, such as base64.
        "".encode(encoding)
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown; use a name such as utf-8, latin-1 or utf-16") from error
    return "utf-8-sig" if name == "utf-8" else encoding


def _encoding_fault(path: Path, encoding: str) -> DataFault:
    """Say where a file stops being text in its supposed encoding."""
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    with open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            if number == 1 and line[:2] in UTF_16_MARKS:
                return DataFault(f"{path} is in UTF-16, not {name}", 'pass encoding="utf-16"', SAVE_REMEDY)
            try:
                line.decode(encoding)
            except UnicodeError as error:
                fault = f"line {number} of {path} is not {name} ({error})"
                return DataFault(fault, 'pass encoding="latin-1" or such', SAVE_REMEDY)
    return DataFault(f"{path} is not {name}", "pass another encoding=", SAVE_REMEDY)
