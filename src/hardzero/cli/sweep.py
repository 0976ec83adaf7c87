"""``hardzero sweep``: accuracy and speed against sparsity.

Networks are trained by the recipe of ``hardzero fit``, without its dropout and early stopping.
"""

from __future__ import annotations

from itertools import product
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardzero.cli import recipe
from hardzero.cli.data_options import (
    CategoriesOption,
    DataArgument,
    DecimalOption,
    DelimiterOption,
    EncodingOption,
    FillMissingOption,
    HeaderOption,
    IgnoreOption,
    SplitSeedOption,
    TargetOption,
    TaskOption,
    TestOption,
    as_target,
)
from hardzero.cli.errors import INTERRUPTED
from hardzero.cli.fit_settings import check_parameters
from hardzero.cli.guarded_training import warnings_shown_after
from hardzero.cli.output_file import ForceOption, check_kind, check_output, stem
from hardzero.cli.piped_input import as_file
from hardzero.cli.scaled_data import feature_scaling, scaled, target_scaling

if TYPE_CHECKING:
    from rich.table import Table

    from hardzero.analysis.sparsity_frontier import SparsityFrontier
    from hardzero.datasets import Dataset

EXAMPLES = """[bold]Examples[/]

hardzero sweep digits

hardzero sweep mnist --target-sparsity 0,0.8,0.9,0.95 --seeds 5 --hidden 1000,1000,1000
"""


def sweep(
    data: DataArgument,
    target_sparsity: Annotated[
        str, typer.Option(help="Wanted fractions of zeros, with commas between them; 0 or none: no penalty.")
    ] = "0,0.5,0.8,0.9,0.95,0.98",
    seeds: Annotated[int, typer.Option(min=1, help="Networks for each target.")] = 3,
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer, with commas between them.")] = recipe.HIDDEN,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of training; chosen from the size of the data by default.")
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate at the start; it falls to 0.")
    ] = recipe.LEARNING_RATE,
    target: TargetOption = None,
    task: TaskOption = None,
    ignore: IgnoreOption = None,
    categories: CategoriesOption = None,
    fill_missing: FillMissingOption = False,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = ".",
    encoding: EncodingOption = "utf-8",
    header: HeaderOption = True,
    test: TestOption = None,
    split_seed: SplitSeedOption = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to save the result; by default DATA-sweep.json.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Train networks at several sparsities; print and save error, zeros and time of prediction.

    The networks are trained by the recipe of 'hardzero fit', without its dropout, L2 penalty and early stopping. The
    result is saved after each of them, under a name with 'unfinished' in it until all are there: an interrupted sweep
    goes on from there when it is run again.

    'hardzero report MODEL --sweep FILE' draws the result.
    """
    import rich

    import hardzero
    from hardzero import datasets
    from hardzero.analysis import sparsity_frontier
    from hardzero.analysis.sparsity_frontier import CLASSIFICATION_ERROR
    from hardzero.checkpoint import fingerprint
    from hardzero.cli.finished_networks import FinishedNetworks

    path = output or Path(f"{stem(data, of_pipe='data')}-sweep.json")
    check_output(path, data, test)
    check_kind(path, "result of 'hardzero sweep'", _is_sweep, force=force)
    fractions = recipe.parse_targets(target_sparsity)
    sizes = recipe.parse_hidden(hidden)
    check_parameters({"hidden_layer_sizes": sizes, "learning_rate_init": learning_rate})
    dataset = datasets.load(
        as_file(data),
        target=as_target(target),
        task=task,
        ignore=tuple(ignore or ()),
        categories=tuple(categories or ()),
        fill_missing=fill_missing,
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        header=header,
        seed=split_seed,
        test=test,
    )
    if dataset.is_text:
        raise ValueError(f"{data} holds raw text: a sweep needs numbers; count words first")
    batch_size = min(recipe.batch_size(len(dataset.train)), len(dataset.train))
    if epochs is None:
        epochs = recipe.epochs(len(dataset.train), batch_size)
    estimator = _estimator(dataset.task)(
        hidden_layer_sizes=sizes,
        batch_size=batch_size,
        max_iter=epochs,
        learning_rate="cosine",
        learning_rate_init=learning_rate,
        n_iter_no_change=epochs,
    )
    train, held_out = _scaled(dataset)
    is_regression = dataset.task == "regression"
    error_name = "test RMSE (standard deviations)" if is_regression else CLASSIFICATION_ERROR
    made_from = fingerprint({**estimator.get_params(), "data": dataset.checksum, "version": hardzero.__version__})
    finished = FinishedNetworks(path, product(fractions, range(seeds)), error_name, made_from)
    interrupted = False
    with warnings_shown_after(), finished.shown():
        try:
            sparsity_frontier(
                estimator,
                *train,
                *held_out,
                target_sparsity=fractions,
                n_seeds=seeds,
                on_point=finished.add,
                known=list(finished.points),
            )
        except KeyboardInterrupt:
            if not finished.points:
                raise
            interrupted = True
    if interrupted:
        kept = finished.keep()
        rich.print(_table(finished.frontier()))
        where = f"{kept} has the networks that are finished; the same command goes on from there"
        typer.echo(f"Interrupted: {where if kept else f'{path} takes a result as a whole, and has none'}", err=True)
        raise typer.Exit(INTERRUPTED)
    finished.replace_by(path)
    rich.print(_table(finished.frontier()))
    typer.echo(f"Wrote {path}", err=True)


def _is_sweep(path: Path) -> bool:
    from hardzero.analysis.sparsity_frontier import SparsityFrontier

    try:
        SparsityFrontier.load(path)
    except ValueError:
        return False
    return True


def _scaled(dataset: Dataset) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return train and test part with features scaled as ``hardzero fit`` does, and real targets standardized."""
    train, test = dataset.train, dataset.test
    features = feature_scaling(train.X, "auto", dataset.feature_names)
    targets = target_scaling(train.y) if dataset.task == "regression" else None
    return scaled(train.X, train.y, features, targets), scaled(test.X, test.y, features, targets)


def _estimator(task: str) -> Any:
    import hardzero

    return hardzero.RectifierRegressor if task == "regression" else hardzero.RectifierClassifier


def _table(frontier: SparsityFrontier) -> Table:
    from rich.table import Table

    columns = ("target", "zeros", frontier.error_name, "one prediction", "against dense", "training")
    table = Table(*columns[:1])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    for row in frontier.to_frame().to_dict("records"):
        table.add_row(
            f"{100 * row['target']:g} %" if row["target"] else "none",
            f"{100 * row['zeros']:.1f} %",
            f"{row['error']:.3g}" + ("" if isnan(row["error_deviation"]) else f" ± {row['error_deviation']:.2g}"),
            f"{row['prediction_microseconds']:.1f} µs",
            f"{row['speedup']:.2f}×",
            f"{row['training_seconds']:.1f} s",
        )
    return table
