"""Inverted dropout from a counter-based generator.

Whether neuron i of sample s is kept is a hash of (key, i, s): no state, so the mask is the same
for any number of threads, needs no memory, and is computed again in the backward pass.
Dropout is linear and diagonal: applied to a gradient with the same key it is its own derivative.

The hash is lowbias32 (C. Wellons, "Prospecting for Hash Functions", 2018), once over the row and
once over the column. It is written in 64-bit integers with masks, so that it is the same
function in Python, in NumPy and in machine code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine.jit import jit

WORD = 0xFFFFFFFF


def mix(x: Any) -> Any:
    """Return the hash of a 32-bit number held in a 64-bit one."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & WORD
    x = ((x ^ (x >> 15)) * 0x846CA68B) & WORD
    return x ^ (x >> 16)


_mix = jit(mix)


@jit
def key_of(seed, step, layer):  # type: ignore[no-untyped-def]
    """Return the key of one layer's mask in one training step."""
    key = 0x9E3779B9  # any constant but 0, which `mix` maps to itself
    key = _mix((key + seed) & WORD)
    key = _mix((key + step) & WORD)
    return _mix((key + layer) & WORD)


@jit
def dropout(A, rate, key, numbers, first, last):  # type: ignore[no-untyped-def]
    """Set each value of some rows to 0 with probability ``rate``, else divide it by ``1 - rate``.

    In place. A : real[n, width]; 0 <= rate < 1 : float64; key : int64, 0 <= key < 2**32; numbers :
    uint32[n], the neuron of each row, or empty for 0, 1, ….
    Cost: one hash per value of rows first to last.
    """
    threshold = int(rate * 4294967296.0)
    scale = A.dtype.type(1 / (1 - rate))
    zero = A.dtype.type(0)
    for i in range(first, last):
        neuron = int(np.int64(numbers[i])) if numbers.shape[0] > 0 else i  # one sign, then no limit
        row_key = _mix((_mix(key) + neuron) & WORD)
        for s in range(A.shape[1]):
            kept = _mix((row_key + s) & WORD) >= threshold
            A[i, s] = A[i, s] * scale if kept else zero
