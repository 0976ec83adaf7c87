"""Messages for those who call Python, retold for those who type options."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Any

OPTIONS = {
    "hidden_layer_sizes": "--hidden",
    "hidden_dropout": "--dropout",
    "learning_rate": "--schedule",
    "learning_rate_init": "--learning-rate",
    "max_iter": "--epochs",
    "n_iter_no_change": "--patience",
    "n_jobs": "--threads",
    "random_state": "--seed",
    "seed": "--split-seed",
}
"""Options that are not called as the parameter is."""

_ALONE = (
    "activation_l1",
    "batch_size",
    "early_stopping",
    "hidden_dropout",
    "hidden_layer_sizes",
    "input_dropout",
    "learning_rate_init",
    "max_iter",
    "n_iter_no_change",
    "n_jobs",
    "target_sparsity",
)
"""Parameters that are known by their name alone, being no words of English."""

_BEFORE = r"(?<![\w'\"/.-])"
_VALUE = r"\"[^\"]*\"|'[^']*'|[\w+-]+(?:\.\w+)?"
_ASSIGNMENT = re.compile(rf"{_BEFORE}(?P<name>[a-z_0-9]+)=(?P<value>{_VALUE})?")
_NAME_ALONE = re.compile(rf"{_BEFORE}(?P<name>{'|'.join(_ALONE)})(?![\w'\"/=]|\.\w)")


def option_names(command: Any) -> list[str]:
    """Return the options that a command of typer has; none for None."""
    parameters = [] if command is None else command.params
    return [name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)]


def option_for(parameter: str, options: Collection[str] | None) -> str | None:
    """Return the option for a parameter; None if it has none among these, by default those for training."""
    option = OPTIONS.get(parameter, f"--{parameter.replace('_', '-')}")
    known = parameter in _ALONE if options is None else option in options
    return option if known else None


def with_option_names(message: str, options: Collection[str] | None = None) -> str:
    """Return a message with the parameters in it called by the options of a command.

    Parameters
    ----------
    message : str
    options : collection of str, optional
        Those that the command has, such as ``--encoding``; parameters without an option stay as they are. By default
        those of ``hardzero fit`` for training.

    Examples
    --------
    >>> with_option_names('pass encoding="utf-16"; leave it out with ignore=', ["--encoding", "--ignore"])
    'pass --encoding utf-16; leave it out with --ignore'
    """
    option = partial(option_for, options=options)

    def assignment(match: re.Match[str]) -> str:
        name, value = match["name"], (match["value"] or "").strip("\"'")
        if option(name) is None:
            return match[0]
        if value in ("True", "False"):
            return f"--{'' if value == 'True' else 'no-'}{name.replace('_', '-')}"
        return f"{option(name)} {value}".rstrip()

    message = re.sub(r"The '(?P<name>\w+)' parameter of \w+", lambda match: option(match["name"]) or match[0], message)
    message = message.replace("(passes)", f"({OPTIONS['max_iter']})")
    message = _ASSIGNMENT.sub(assignment, message)
    return _NAME_ALONE.sub(lambda match: option(match["name"]) or match[0], message)
