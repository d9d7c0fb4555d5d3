"""Validation of tensors, and the way around `torch.compile`."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any

import torch

from .._support.messages import shown

_REASON = "minisnn's kernels are compiled already, so torch.compile calls the layer as it is"
_OPTIONS = {"reason": _REASON} if "reason" in signature(torch.compiler.disable).parameters else {}

outside_compilation: Any = partial(torch.compiler.disable, **_OPTIONS)  # older ones have no reason
"""Decorator of what ``torch.compile`` calls as it is, with a break in its graph."""

PRECISIONS = (torch.float32, torch.float64)


def check_dtype(dtype: Any) -> torch.dtype:
    """Return the precision of a layer, by default that of PyTorch."""
    if dtype is None:
        dtype = torch.get_default_dtype()
    if dtype not in PRECISIONS:
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {shown(dtype)}")
    return dtype


def check_no_record(name: str) -> None:
    """Raise where PyTorch records operations: it would take outputs for constants."""
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        raise RuntimeError(
            f"{name} cannot be traced or exported by PyTorch, which sees none of its operations; "
            "take to_dense() of each layer, or minisnn.export_onnx and to_minisnn()"
        )


def check_inputs(x: Any, n_in: int, weight: torch.Tensor, name: str) -> None:
    """Raise unless a layer with this weight can read the tensor."""
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{name} takes a torch.Tensor, got {shown(x)}; torch.as_tensor makes one")
    dtype, shape = weight.dtype, x.shape
    if not (x.is_cpu and weight.is_cpu):
        what, tensor, them = ("inputs", x, "them") if weight.is_cpu else ("weights", weight, "it")
        raise ValueError(
            f"{name} runs on the CPU, but its {what} are on {tensor.device}; move {them} by .cpu()"
        )
    if dtype not in PRECISIONS:
        raise ValueError(
            f"{name} has kernels for float32 and float64, but its weights are {dtype}; "
            "convert it by .float() or .double()"
        )
    if x.dtype != dtype:
        raise TypeError(
            f"{name} has {dtype} weights and needs inputs of the same dtype, "
            f"got {x.dtype}; convert them by x.to({dtype})"
        )
    if x.layout != torch.strided:
        raise TypeError(f"{name} takes dense tensors, got {x.layout}; convert it by x.to_dense()")
    if not shape or shape[-1] != n_in:
        raise ValueError(
            f"{name} takes inputs of shape (..., {n_in}), got {tuple(shape)}; "
            "the last axis must have the inputs of one sample"
        )
