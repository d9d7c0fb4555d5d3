"""Sparse layers as modules of PyTorch, on the kernels of minisnn.

>>> import torch
>>> import minisnn as snn
>>> from minisnn.torch import SparseLinear
>>> graph = snn.topology.fibonacci_rotating(784, 1000, degree=50)
>>> model = torch.nn.Sequential(SparseLinear(graph), torch.nn.ReLU(), torch.nn.Linear(1000, 10))
>>> model(torch.zeros(32, 784)).shape
torch.Size([32, 10])

Needs the extra ``torch``.
"""

from .._support.extras import require

require("torch", "torch", "minisnn.torch")

from .linear import SparseLinear  # noqa: E402
from .stack import SparseStack  # noqa: E402

__all__ = ["SparseLinear", "SparseStack"]
