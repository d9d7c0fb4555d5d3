"""Conversion of an estimator's input to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from .._support.checks import check_unmasked, checked_sparse
from ..kernels.machine.transpose import KINDS
from ..network.tables import csr_inputs

NUMBERS = (np.float64, *(np.dtype(kind) for kind in KINDS))
"""Dtypes that are trained on without conversion; scikit-learn converts others to the first."""


def readable(value: Any, name: str) -> Any:
    """Return input that is safe for scikit-learn: no masked array, no invalid sparse array."""
    if scipy.sparse.issparse(value):
        return checked_sparse(value)
    check_unmasked(value, name)
    return value


def by_rows(X: Any) -> Any:
    """Return X as many passes can gather rows from it: in place, where they can.

    An array that lies column by column, as that of a frame does, is turned: to gather rows from it
    in each pass takes longer. A sparse array is put in order as kernels read it.
    """
    if scipy.sparse.issparse(X):
        return csr_inputs(X)
    return np.ascontiguousarray(X) if X.strides[0] < X.strides[1] else X
