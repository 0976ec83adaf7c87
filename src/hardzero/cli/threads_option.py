"""The option that says how many threads a command may use."""

from __future__ import annotations

import typer


def check_threads(given: int | None) -> int | None:
    """Return a number of threads, of which negative ones leave cores free as scikit-learn's ``n_jobs`` does.

    Raises
    ------
    typer.BadParameter
        If it is 0.
    """
    if given == 0:
        raise typer.BadParameter("0 threads can do no work: give a number, or leave the option out for all cores")
    return given
