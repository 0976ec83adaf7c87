"""Options that say what data are and how a file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA = "Data"
"""Panel of the help."""

DataArgument = Annotated[
    str,
    typer.Argument(
        help="A named data set (digits, mnist, …), a file (CSV, TSV, NPZ, svmlight, also .gz), or a pipe (-)."
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Target column; may be given several times. By default the column called target, label, class or y.",
        rich_help_panel=DATA,
    ),
]
TaskOption = Annotated[
    str | None,
    typer.Option(help="classification or regression; by default what the target says.", rich_help_panel=DATA),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option(help="Column to leave out; may be given several times.", rich_help_panel=DATA),
]
CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Column of categories, with a feature for each of them; may be given several times, and 'all' takes every "
        "column of texts besides.",
        rich_help_panel=DATA,
    ),
]
FillMissingOption = Annotated[
    bool,
    typer.Option(
        "--fill-missing",
        help="Take the mean of a column (0 where features are not scaled) for a number that is missing, with a feature "
        "that says where; otherwise such a file is refused.",
        rich_help_panel=DATA,
    ),
]
ScaleOption = Annotated[
    str,
    typer.Option(
        help="Scaling of features: 'standard' (mean 0, variance 1; it becomes part of the model), 'none', or 'auto': "
        "standard unless all values lie between -1 and 1 and a quarter or more of them are 0.",
        rich_help_panel=DATA,
    ),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        callback=lambda given: "\t" if given == r"\t" else given,
        help=r"Between the columns of a CSV file, \t for tabs; found by default.",
        rich_help_panel=DATA,
    ),
]
DECIMAL_HELP = "Before the decimals of numbers in a CSV file: a point or a comma"
DecimalOption = Annotated[str, typer.Option(help=f"{DECIMAL_HELP}.", rich_help_panel=DATA)]
NotedDecimalOption = Annotated[
    str | None, typer.Option(help=f"{DECIMAL_HELP}; by default as 'hardzero fit' was told.", rich_help_panel=DATA)
]
EncodingOption = Annotated[str, typer.Option(help="Of a CSV file.", rich_help_panel=DATA)]
HeaderOption = Annotated[
    bool, typer.Option(help="Whether the first row of a CSV file names the columns.", rich_help_panel=DATA)
]
NotedEncodingOption = Annotated[
    str | None, typer.Option(help="Of a CSV file; by default as 'hardzero fit' was told.", rich_help_panel=DATA)
]
NotedHeaderOption = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first row of a CSV file names the columns; by default as 'hardzero fit' was told.",
        rich_help_panel=DATA,
    ),
]
FirstIndexOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=1,
        help="Where the indices of an svmlight file begin, 0 or 1; found by default, and noted in the model.",
        rich_help_panel=DATA,
    ),
]
NotedFirstIndexOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=1,
        help="Where the indices of an svmlight file begin; as in the data of 'hardzero fit' by default.",
        rich_help_panel=DATA,
    ),
]
TestOption = Annotated[
    Path | None,
    typer.Option(
        help="File of test samples, with the same columns; all of DATA is then for training and validation.",
        rich_help_panel=DATA,
    ),
]
SplitSeedOption = Annotated[
    int, typer.Option(min=0, help="Divides a file into train, validation and test.", rich_help_panel=DATA)
]


def as_target(names: list[str] | None) -> str | list[str] | None:
    """Return target columns as `hardzero.datasets.load` takes them."""
    return None if not names else names[0] if len(names) == 1 else names
