"""Tables of numbers in C: the shortest types that hold them, and exact literals."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.arrays import Array

_LINE = 96  # characters


def c_type(array: Array) -> str:
    """Return the C type of an array's numbers."""
    kind, bits = array.dtype.kind, 8 * array.itemsize
    if kind == "f":
        return "float" if bits == 32 else "double"
    return f"{'u' if kind == 'u' else ''}int{bits}_t"


def narrowed(numbers: Any) -> Array:
    """Return whole numbers from 0 in as few bytes as hold the largest."""
    array = np.asarray(numbers)
    return array.astype(np.min_scalar_type(int(array.max())))


def table(name: str, array: Array) -> str:
    """Return the C definition of a constant array."""
    lines, line = [], "   "
    for literal in map(_literal(array), array.tolist()):
        if len(line) + len(literal) > _LINE:
            lines.append(line)
            line = "   "
        line += f" {literal},"
    lines.append(line)
    body = "\n".join(lines)
    return f"static const {c_type(array)} {name}[{array.size}] = {{\n{body}\n}};\n"


def _literal(array: Array) -> Any:
    if array.dtype.kind != "f":
        return str
    digits, suffix = (".9g", "f") if array.itemsize == 4 else (".17g", "")

    def real(value: float) -> str:
        text = format(value, digits)
        return f"{text if {'.', 'e'} & set(text) else text + '.0'}{suffix}"

    return real
