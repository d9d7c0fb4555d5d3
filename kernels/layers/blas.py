"""The products of complete layers on BLAS."""

from __future__ import annotations

import numpy as np

from ..machine.jit import jit_with_arrays


@jit_with_arrays
def multiply(A, B, C):  # type: ignore[no-untyped-def]
    """C = A B.

    A, B : real[m, k], real[k, n], C-contiguous or the transpose of such; or B : real[k]. C :
    real[m, n] or real[m], C-contiguous. BLAS uses threads of its own.
    """
    np.dot(A, B, C)
