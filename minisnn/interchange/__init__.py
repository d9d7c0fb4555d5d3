"""Import and export of networks.

In: `from_weights` from sparse or pruned dense matrices, `from_state_dict` from what PyTorch saves.
Out: `to_torch`, `export_onnx`, `export_c`.
"""

from .c_file import export_c
from .onnx_file import export_onnx
from .state_dict import from_state_dict
from .torch_module import to_torch
from .weights import from_weights

__all__ = ["export_c", "export_onnx", "from_state_dict", "from_weights", "to_torch"]
