"""Names of the activations in other programs, one row per activation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..kernels.functions.activations import LEAK


@dataclass(frozen=True)
class Activation:
    """An activation in other programs.

    Parameters
    ----------
    torch : str
        Class in ``torch.nn``.
    onnx : str
        Operator of ONNX.
    c : str
        Body of a C function that overwrites z[n], with ``{real}`` for float or double and
        ``{exp}`` and ``{tanh}`` for the functions of it.
    torch_options, onnx_options : dict
        Arguments of the class, attributes of the operator.
    """

    torch: str
    onnx: str
    c: str
    torch_options: dict[str, Any] = field(default_factory=dict)
    onnx_options: dict[str, Any] = field(default_factory=dict)


ACTIVATIONS = {
    "sigmoid": Activation(
        "Sigmoid",
        "Sigmoid",
        """
    for (uint32_t i = 0; i < n; i++)
        z[i] = 1 / (1 + {exp}(-z[i]));
""",
    ),
    "tanh": Activation(
        "Tanh",
        "Tanh",
        """
    for (uint32_t i = 0; i < n; i++)
        z[i] = {tanh}(z[i]);
""",
    ),
    "relu": Activation(
        "ReLU",
        "Relu",
        """
    for (uint32_t i = 0; i < n; i++)
        z[i] = z[i] > 0 ? z[i] : 0;
""",
    ),
    "leaky_relu": Activation(
        "LeakyReLU",
        "LeakyRelu",
        f"""
    for (uint32_t i = 0; i < n; i++)
        z[i] = z[i] > 0 ? z[i] : z[i] * ({{real}}){LEAK};
""",
        {"negative_slope": LEAK},
        {"alpha": LEAK},
    ),
    "identity": Activation("Identity", "Identity", ""),
    "softmax": Activation(
        "Softmax",
        "Softmax",
        """
    {real} largest = z[0], sum = 0;
    for (uint32_t i = 1; i < n; i++)
        largest = z[i] > largest ? z[i] : largest;
    for (uint32_t i = 0; i < n; i++)
        sum += z[i] = {exp}(z[i] - largest);
    for (uint32_t i = 0; i < n; i++)
        z[i] /= sum;
""",
        {"dim": -1},
    ),
}
