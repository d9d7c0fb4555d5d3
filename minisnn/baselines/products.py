"""Matrix products of weight maps, which share BLAS with the engine."""

from __future__ import annotations

from scipy.linalg import get_blas_funcs

from .._support.arrays import Array
from ..kernels.machine.blas_threads import blas_threads


def product(A: Array, B: Array) -> Array:
    """Return A B from SciPy's BLAS, which the engine also uses.

    NumPy brings a BLAS of its own, with threads of its own: the two in turn, step by step, take ten
    times as long, since the threads of either wait busily for work while the other's have some.

    Parameters
    ----------
    A, B : array of float32 or float64, shapes (m, k) and (k, n)
        Factors, best C-contiguous.

    Returns
    -------
    array, shape (m, n), C-contiguous

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.baselines.products import product
    >>> product(np.ones((2, 3)), np.ones((3, 1))).tolist()
    [[3.0], [3.0]]
    """
    (gemm,) = get_blas_funcs(["gemm"], (A, B))
    with blas_threads():
        return gemm(1, B.T, A.T).T  # BLAS counts columns first: what is C-contiguous is no copy
