"""What a table or a figure calls an activation."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from hardzero.activations import Activation


def activation_label(activation: Activation) -> str:
    """Return the name of an activation, with its constants where they are not the default ones.

    Examples
    --------
    >>> from hardzero.activations import Softplus
    >>> activation_label(Softplus()), activation_label(Softplus(beta=8.0))
    ('softplus', 'Softplus(beta=8.0)')
    """
    usual = all(np.all(getattr(activation, each.name) == each.default) for each in fields(activation))
    return activation.name if usual else repr(activation)
