"""The parameters of the estimator that ``hardzero fit`` trains: what the user says, and the recipe for the rest."""

from __future__ import annotations

from typing import Any

from hardzero.cli import recipe

MOST_LBFGS_STEPS = 500
"""Epochs of lbfgs, which ends by itself, by default."""


def given_settings(
    *,
    hidden: str,
    activation: str,
    target_sparsity: str | None,
    activation_l1: str | None,
    dropout: float | None,
    input_dropout: float,
    solver: str,
    learning_rate: float,
    schedule: str,
    alpha: float | None,
    early_stopping: bool,
    seed: int,
    threads: int | None,
) -> dict[str, Any]:
    """Return the parameters that do not depend on the data, by options of ``hardzero fit``.

    Raises
    ------
    ValueError
        If an option has a value that no data can make right.
    """
    given: dict[str, Any] = {
        "hidden_layer_sizes": recipe.parse_hidden(hidden),
        "activation": activation,
        "solver": solver,
        "learning_rate": schedule,
        "learning_rate_init": learning_rate,
        "tol": 0.0 if solver != "lbfgs" else 1e-4,
        "early_stopping": early_stopping and solver != "lbfgs",
        "input_dropout": input_dropout,
        "random_state": seed,
        "n_jobs": threads,
        **_sparsity(target_sparsity, activation_l1, activation, solver),
    }
    chosen_by_data = {"hidden_dropout": dropout, "alpha": alpha}
    given |= {name: value for name, value in chosen_by_data.items() if value is not None}
    check_parameters(given)
    return given


def check_parameters(given: dict[str, Any]) -> None:
    """Raise ValueError for parameters with which no estimator can be fitted, whatever the data."""
    from hardzero import RectifierClassifier

    estimator = RectifierClassifier(**given)
    estimator._validate_params()
    estimator._penalty()


def settings_for(
    given: dict[str, Any],
    task: str,
    n_train: int,
    *,
    is_text: bool,
    batch_size: int | None,
    epochs: int | None,
    patience: int | None,
) -> dict[str, Any]:
    """Return all parameters for data of a size; those that are not given are chosen by the recipe."""
    uses_lbfgs = given["solver"] == "lbfgs"
    batch = min(batch_size or recipe.batch_size(n_train), n_train)
    max_epochs = epochs or (MOST_LBFGS_STEPS if uses_lbfgs else recipe.epochs(n_train, batch))
    drops = task == "classification" and not uses_lbfgs
    return {
        "hidden_dropout": recipe.CLASSIFICATION_DROPOUT if drops else 0.0,
        "alpha": recipe.alpha(task, is_text),
        **given,
        "batch_size": batch,
        "max_iter": max_epochs,
        "n_iter_no_change": patience or max_epochs,
    }


def _sparsity(target_sparsity: str | None, activation_l1: str | None, activation: str, solver: str) -> dict[str, Any]:
    """Return the estimator's parameters that decide how many zeros there will be."""
    from hardzero.activations import ACTIVATIONS

    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown --activation {activation!r}: choose one of {', '.join(ACTIVATIONS)}")
    if activation_l1 is not None:
        if target_sparsity is not None:
            raise ValueError("give --activation-l1 or --target-sparsity, not both: the target chooses the coefficients")
        return {"activation_l1": recipe.parse_numbers("--activation-l1", activation_l1).one_or_many}
    if target_sparsity is None:
        steerable = ACTIVATIONS[activation].makes_zeros and solver != "lbfgs"
        return {"target_sparsity": recipe.TARGET_SPARSITY if steerable else None}
    if target_sparsity.strip().lower() == "none":
        return {"target_sparsity": None}
    wanted = recipe.parse_sparsities(target_sparsity)
    if not any(wanted.values):
        return {"target_sparsity": None}
    if not all(wanted.values):
        raise ValueError(
            f"--target-sparsity {target_sparsity}: 0 is no target, and all hidden layers need one, or none of them: "
            "give each a number above 0"
        )
    return {"target_sparsity": wanted.one_or_many}
