"""``hardzero bench``: timings against other libraries, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hardzero.cli.output_file import ForceOption, check_kind, check_output

PARTS_HELP = (
    "prediction, training, bag-of-words, time-to-error, import, gpu, scaling; without any, all but time-to-error."
)

EXAMPLES = """[bold]Examples[/]

hardzero bench

hardzero bench prediction training --output timings.csv

hardzero bench time-to-error
"""


def bench(
    parts: Annotated[list[str] | None, typer.Argument(help=PARTS_HELP)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the table as CSV, after each part.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Time hardzero against PyTorch, ONNX Runtime, OpenVINO and scikit-learn on the same networks.

    Contestants take turns in one run; figures are medians, but for time-to-error, which counts failed runs. Peers that
    are not installed are skipped by name.
    The MNIST parts need the data set (see HARDZERO_DATA).
    """
    from hardzero.benchmarks import run

    chosen = parts or [part for part in run.PARTS if part != "time-to-error"]
    unknown = [part for part in chosen if part not in run.PARTS]
    if unknown:
        raise typer.BadParameter(f"no part named {', '.join(unknown)}: choose from {', '.join(run.PARTS)}")
    if output is not None:
        check_output(output)
        check_kind(output, "table of 'hardzero bench'", run.is_table, force=force)
    run.print_header()
    rows = []
    for part in chosen:
        rows += run.run_part(part)
        if output is not None:
            run.write_csv(rows, output)
    if output is not None:
        typer.echo(f"Wrote {output}")
