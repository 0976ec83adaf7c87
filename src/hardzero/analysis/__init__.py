"""What a representation is like: each function measures one property and returns figures and a picture.

Most take a model: a fitted estimator, a `hardzero.network.Network`, or, where PyTorch is installed, a
`torch.nn.Module`. `prediction_cost` takes no module, `initial_sparsity` also sizes of layers, and `sparsity_frontier`
an estimator that it fits itself. `activation_cost`, `antisymmetric_capacity` and `response_curves` take no model.
"""

from hardzero.analysis.activation_cost import activation_cost
from hardzero.analysis.active_set_overlap import active_set_overlap
from hardzero.analysis.antisymmetric_capacity import antisymmetric_capacity
from hardzero.analysis.initial_sparsity import initial_sparsity
from hardzero.analysis.linear_separability import linear_separability
from hardzero.analysis.prediction_cost import prediction_cost
from hardzero.analysis.representation_size import representation_size
from hardzero.analysis.response_curves import response_curves
from hardzero.analysis.sparsity_frontier import sparsity_frontier
from hardzero.analysis.sparsity_profile import sparsity_profile

__all__ = [
    "activation_cost",
    "active_set_overlap",
    "antisymmetric_capacity",
    "initial_sparsity",
    "linear_separability",
    "prediction_cost",
    "representation_size",
    "response_curves",
    "sparsity_frontier",
    "sparsity_profile",
]
