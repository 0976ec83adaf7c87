"""``hardzero fit``: train a network on a named data set or the user's own file, and report on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardzero.cli import recipe
from hardzero.cli.chunked_fit import ChunkedRun
from hardzero.cli.data_options import (
    DATA,
    CategoriesOption,
    DataArgument,
    DecimalOption,
    DelimiterOption,
    EncodingOption,
    FillMissingOption,
    FirstIndexOption,
    HeaderOption,
    IgnoreOption,
    ScaleOption,
    SplitSeedOption,
    TargetOption,
    TaskOption,
    TestOption,
    as_target,
)
from hardzero.cli.errors import INTERRUPTED
from hardzero.cli.fit_run import FitRun
from hardzero.cli.fit_settings import given_settings, settings_for
from hardzero.cli.guarded_training import saved_first
from hardzero.cli.in_memory_fit import InMemoryRun
from hardzero.cli.output_file import (
    beside,
    check_distinct,
    check_model_output,
    check_output,
    check_page_output,
    stem,
)
from hardzero.cli.piped_input import as_file
from hardzero.cli.scaled_data import check_scale
from hardzero.cli.stream import Stream
from hardzero.cli.text_input import as_bags_of_words, make_vectorizer
from hardzero.cli.threads_option import check_threads

if TYPE_CHECKING:
    from hardzero.cli.evaluation import Evaluation
    from hardzero.datasets import Dataset

EXAMPLES = """[bold]Examples[/]

hardzero fit digits   (needs no download)

hardzero fit mnist --hidden 1000,1000,1000

hardzero fit wine.csv --target quality --task regression

hardzero fit reviews.csv --text text --target label

hardzero fit big.csv --target label --chunk-rows 50000

hardzero fit sales.csv --target sold --target returned --ignore id --target-sparsity none --output sales.safetensors
"""

NETWORK, TRAINING, OUTPUT = "Network and sparsity", "Training", "Output"


def fit(
    data: DataArgument,
    target: TargetOption = None,
    task: TaskOption = None,
    ignore: IgnoreOption = None,
    categories: CategoriesOption = None,
    fill_missing: FillMissingOption = False,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = ".",
    encoding: EncodingOption = "utf-8",
    header: HeaderOption = True,
    first_index: FirstIndexOption = None,
    text: Annotated[
        str | None,
        typer.Option(help="Column of raw text, which becomes a bag of words; part of the model.", rich_help_panel=DATA),
    ] = None,
    words: Annotated[
        int | None,
        typer.Option(
            min=1, help="Most frequent words kept, or columns of hashed words; 5000 or 32768.", rich_help_panel=DATA
        ),
    ] = None,
    hash_words: Annotated[
        bool,
        typer.Option("--hash-words", help="Hash words instead of learning a vocabulary.", rich_help_panel=DATA),
    ] = False,
    chunk_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Rows held in memory at a time, for files larger than memory; early stopping, the test and --report "
            "then use at most 10,000 rows each.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test: TestOption = None,
    split_seed: SplitSeedOption = 0,
    scale: ScaleOption = "auto",
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer.", rich_help_panel=NETWORK)] = recipe.HIDDEN,
    activation: Annotated[
        str,
        typer.Option(help="relu, signed_relu, softplus, tanh, logistic, identity or lif.", rich_help_panel=NETWORK),
    ] = "relu",
    target_sparsity: Annotated[
        str | None,
        typer.Option(
            help="Fraction of exact zeros to reach in the hidden layers (one for all, or one each: 0.8,0.9); 0 or "
            f"none: as they come. {recipe.TARGET_SPARSITY} where the activation makes zeros.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    activation_l1: Annotated[
        str | None,
        typer.Option(
            help="Fixed coefficient(s) of the L1 penalty on activations, in place of a target.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help=f"Part of the hidden units dropped in training; {recipe.CLASSIFICATION_DROPOUT} for classes, 0 for a "
            "regression and with lbfgs by default.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    input_dropout: Annotated[
        float, typer.Option(help="Part of the features dropped in training.", rich_help_panel=NETWORK)
    ] = 0.0,
    solver: Annotated[str, typer.Option(help="adam, sgd or lbfgs.", rich_help_panel=TRAINING)] = "adam",
    loss: Annotated[
        str, typer.Option(help="Of a regression: squared_error, or poisson for counts.", rich_help_panel=TRAINING)
    ] = "squared_error",
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate at the start.", rich_help_panel=TRAINING)
    ] = recipe.LEARNING_RATE,
    schedule: Annotated[
        str,
        typer.Option(help="cosine (falls to 0), constant, invscaling or adaptive.", rich_help_panel=TRAINING),
    ] = "cosine",
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Samples of a minibatch; 16 to 128 by default, by the size of the data.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Passes over the data; 20 to 80 by default, by the size of the data, and more for few samples.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            help="L2 penalty on weights, divided by the samples of a minibatch; by default "
            f"{recipe.CLASSIFICATION_ALPHA} for classes, {recipe.REGRESSION_ALPHA} for a regression, "
            f"{recipe.TEXT_ALPHA} for texts.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    early_stopping: Annotated[
        bool,
        typer.Option(
            help="Keep the epoch that is best on the validation split; --patience also stops when it does not improve.",
            rich_help_panel=TRAINING,
        ),
    ] = True,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Epochs without improvement before stopping; by default all epochs are run and the best one kept.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=2**32 - 1,
            help="Of weights, order of samples and dropout; the same seed gives the same bits.",
            rich_help_panel=TRAINING,
        ),
    ] = 0,
    threads: Annotated[
        int | None,
        typer.Option(
            callback=check_threads, help="All cores by default; does not change the result.", rich_help_panel=TRAINING
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Model file; NAME.safetensors by default.", rich_help_panel=OUTPUT),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an output file that is no model or page.", rich_help_panel=OUTPUT)
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write a page beside the model, ending in .html.", rich_help_panel=OUTPUT)
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="File in which the state of training is saved every 5 minutes and on Ctrl-C. If the process dies, the "
            "same command goes on from there, to the same weights; the file goes when training is complete and the "
            "model saved. Not with --chunk-rows.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Train a network, report its test error, zeros and speed, and save it.

    A file of yours is divided into train (60 %), validation (20 %) and test (20 %), or, with --test, into train (75 %)
    and validation (25 %). Ctrl-C ends training early and keeps the best state so far.
    """
    from hardzero.datasets.catalog import is_named

    path = output or Path(f"{stem(data, of_pipe='model')}.safetensors")
    page = beside(path, ".html") if report else None
    replaced = check_model_output(path, data, test, force=force)
    if page is not None:
        check_page_output(page, data, test, force=force, option="--report")
    if checkpoint is not None:
        check_output(checkpoint, data, test, option="--checkpoint")
    check_distinct(output=path, checkpoint=checkpoint, report=page)
    given = given_settings(
        hidden=hidden,
        activation=activation,
        target_sparsity=target_sparsity,
        activation_l1=activation_l1,
        dropout=dropout,
        input_dropout=input_dropout,
        solver=solver,
        learning_rate=learning_rate,
        schedule=schedule,
        alpha=alpha,
        early_stopping=early_stopping,
        seed=seed,
        threads=threads,
    )
    check_scale(scale)
    if loss not in ("squared_error", "poisson"):
        raise ValueError(f"unknown --loss {loss!r}: choose squared_error or poisson")
    options: dict[str, Any] = {
        "task": task,
        "text": text,
        "ignore": tuple(ignore or ()),
        "categories": tuple(categories or ()),
        "fill_missing": fill_missing,
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
        "header": header,
        "first_index": first_index,
    }
    vectorizer = None
    data = as_file(data)
    if chunk_rows is not None:
        if checkpoint is not None:
            raise ValueError(
                "--checkpoint saves training on data in memory, not in chunks: leave out --checkpoint or --chunk-rows"
            )
        if test is not None:
            raise ValueError(
                "--test is for data in memory: leave it out, and measure the saved model with 'hardzero evaluate'"
            )
        vectorizer = None if text is None else make_vectorizer(words, hash_words)
        stream = Stream(data, chunk_rows, {"target": as_target(target), **options}, vectorizer, split_seed)
        n_train, fitted_task, feature_names = stream.n_train, stream.summary.task, stream.summary.feature_names
        n_classes = None if stream.summary.classes is None else len(stream.summary.classes)
    else:
        dataset = _load(data, target=target, seed=split_seed, test=test, **options)
        if dataset.is_text:
            vectorizer = make_vectorizer(words, hash_words)
            dataset = as_bags_of_words(dataset, vectorizer)
        n_train, fitted_task, feature_names = len(dataset.train), dataset.task, dataset.feature_names
        n_classes = None if dataset.class_names is None else len(dataset.class_names)
    if n_classes is not None and n_classes > n_train:
        raise ValueError(
            f"the target has {n_classes} classes, more than the {n_train} rows to train on: if it is a number, say "
            "--task regression; otherwise give another --target or more rows"
        )
    if vectorizer is None and (words is not None or hash_words):
        raise ValueError("--words and --hash-words are for texts: name the column of texts with --text")
    if loss == "poisson" and fitted_task == "classification":
        raise ValueError("--loss poisson is for counts, and the target has classes: leave it out or --task regression")
    reading = {**options, "task": fitted_task, "seed": split_seed}
    reading.update(ignore=list(ignore or ()), categories={})
    if not is_named(data):
        reading["first_index"] = _first_index(data, first_index)
        reading.update(_named_columns(data, feature_names or (), **options))
    settings = settings_for(
        given,
        fitted_task,
        n_train,
        is_text=vectorizer is not None,
        batch_size=batch_size,
        epochs=epochs,
        patience=patience,
    )
    run: FitRun
    if chunk_rows is None:
        run = InMemoryRun(settings, loss, scale, dataset=dataset, checkpoint=checkpoint)
    else:
        run = ChunkedRun(settings, loss, scale, stream=stream)
    with saved_first() as interruption:
        seconds = run.train(quiet, interruption)
        estimator = run.estimator
        if interruption.happened and not estimator.n_iter_:
            typer.echo("Interrupted before the first epoch was over: nothing is saved.", err=True)
            raise typer.Exit(INTERRUPTED)
        more_notes: dict[str, Any] = run.noted_names() if vectorizer is None else {"text": reading["text"]}
        if not is_named(data):
            more_notes["reading"] = reading
        if test is not None:
            more_notes["test_file"] = test.name
        best = run.best_epoch()
        training = {
            "epochs": int(estimator.n_iter_),
            "best_epoch": best[1] if best is not None else None,
            "seconds": round(seconds, 3),
            "samples_per_second": run.samples_per_second(),
        }
        model = _complete(estimator, vectorizer)
        # Before it is tested: what follows may fail or be interrupted, and must not cost the training.
        model.save(path, notes={**run.notes(None, training, interrupted=interruption.happened), **more_notes})
    if interruption.waits:
        typer.echo(f"Interrupted after training: saved {path}, which is not tested.", err=True)
        raise typer.Exit(INTERRUPTED)
    if interruption.happened:
        what = "the best of" if best else "the state after"
        typer.echo(f"Interrupted: saved {what} {training['epochs']} epochs to {path}; testing it …", err=True)
    evaluation = run.evaluate()
    notes = run.notes(evaluation, training, interrupted=interruption.happened)
    model.save(path, notes={**notes, **more_notes})
    _print_results(evaluation, training)
    if checkpoint is not None and not interruption.happened:
        checkpoint.unlink(missing_ok=True)
    typer.echo(f"Saved {path}{' (replacing the older model)' if replaced else ''}. Next: hardzero inspect {path}")
    if page is not None:
        run.write_page(page)
        typer.echo(f"Wrote {page}")
    if interruption.happened:
        if checkpoint is not None and checkpoint.exists():
            typer.echo(f"The same command goes on from {checkpoint}; to train anew delete it", err=True)
        raise typer.Exit(INTERRUPTED)


def _first_index(data: str, given: int | None) -> int | None:
    """Return where the indices of an svmlight file begin; None for a file of another format."""
    from hardzero.datasets.file_format import SVMLIGHT, file_format
    from hardzero.datasets.svmlight import measure_svmlight

    path = Path(data).expanduser()
    if file_format(path) != SVMLIGHT:
        return None
    return measure_svmlight(path).first_index if given is None else given


def _named_columns(
    data: str, features: Sequence[str], *, text: str | None, ignore: Sequence[str], **options: Any
) -> dict[str, Any]:
    """Return columns of texts, of categories and to be left out by their names: an index means another elsewhere."""
    from hardzero.datasets.categories import categories_of
    from hardzero.datasets.columns import find_column
    from hardzero.datasets.delimited import open_delimited

    if text is None and not ignore and not options["categories"] and not options["fill_missing"]:
        return {}
    layout = {name: options[name] for name in ("delimiter", "decimal", "encoding", "header")}
    names = open_delimited(Path(data).expanduser(), **layout).names
    return {
        "text": None if text is None else find_column(names, text, "--text", data),
        "ignore": [find_column(names, column, "--ignore", data) for column in ignore],
        "categories": categories_of(features, names),
    }


def _complete(estimator: Any, vectorizer: Any) -> Any:
    """Return the estimator, with the vectorizer that makes its rows if there is one."""
    if vectorizer is None:
        return estimator
    from hardzero.text import TextModel

    return TextModel.of_fitted(estimator, vectorizer)


def _load(data: str, *, target: list[str] | None, **options: Any) -> Dataset:
    from hardzero import datasets

    dataset = datasets.load(data, target=as_target(target), **options)
    if len(dataset.test) == 0:
        raise ValueError(f"{data} has no test samples to report on; add samples")
    return dataset


def _print_results(evaluation: Evaluation, training: dict[str, Any]) -> None:
    from rich.console import Console

    from hardzero.cli.evaluation import results_table

    console = Console()
    console.print(results_table(evaluation, training), soft_wrap=not console.is_terminal)
