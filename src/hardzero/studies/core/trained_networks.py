"""The handful of networks whose representations studies compare."""

from __future__ import annotations

from typing import Any

from hardzero.studies.core.study import Scale, Settings

NETWORKS: dict[str, Settings] = {
    "rectifier": {"activation": "relu"},
    "rectifier, 90 % zeros": {"activation": "relu", "target_sparsity": 0.9},
    "softplus": {"activation": "softplus"},
    "tanh": {"activation": "tanh"},
}
"""Activation functions, and the rectifier also with its zeros raised by the L1 penalty."""

TRAINING: dict[Scale, dict[str, Any]] = {
    "quick": {
        "hidden_layer_sizes": [300] * 3,
        "learning_rate": "cosine",
        "learning_rate_init": 0.001,
        "batch_size": 100,
        "max_iter": 10,
        "tol": 0.0,
        "n_iter_no_change": 1000,
        "train_samples": 10_000,
    },
    "full": {
        "hidden_layer_sizes": [1000] * 3,
        "learning_rate": "cosine",
        "learning_rate_init": 0.001,
        "batch_size": 100,
        "max_iter": 50,
        "tol": 0.0,
        "n_iter_no_change": 1000,
    },
}


def network_grid(scale: Scale, **settings: Any) -> list[Settings]:
    """Return one setting a network, with the training of that scale."""
    return [{"network": name, **network, **TRAINING[scale], **settings} for name, network in NETWORKS.items()]
