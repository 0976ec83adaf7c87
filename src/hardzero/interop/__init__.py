"""Networks to and from other libraries: scikit-learn, PyTorch and ONNX.

A trained network of another library becomes a fitted estimator of hardzero, which predicts the same and skips the
zeros; one of hardzero's becomes a PyTorch module or an ONNX file.
"""

from hardzero.interop.onnx_model import to_onnx
from hardzero.interop.scikit_learn import from_scikit_learn
from hardzero.interop.torch_module import from_torch, to_torch

__all__ = ["from_scikit_learn", "from_torch", "to_onnx", "to_torch"]
