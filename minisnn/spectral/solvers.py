"""Largest eigenvalues of a symmetric matrix, for graphs without a closed form.

Up to `DENSE` rows LAPACK gives all of them. Above, Lanczos (ARPACK, from a start vector drawn with
a fixed seed) finds one at a time, with those found before projected away. So a multiple eigenvalue
is found as often as it is asked for, which one run of Lanczos does not promise: it sees one
direction of each eigenspace only.

Lanczos converges slowly where eigenvalues crowd at the top. In a graph that means bad expansion:
it falls into parts with few edges between them, and its vertices have an order in which edges
are short (reverse Cuthill-McKee). So where that order makes the matrix a narrow band, it is
factorised, and Lanczos on the inverse converges at once. An expander has no such order, and does
not need it. If Lanczos still fails, the band is the last resort.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from ..kernels.machine.blas_threads import blas_threads

DENSE = 500  # rows below which LAPACK is as fast
_TOLERANCE = 1e-10  # of the residual; the error of the eigenvalue is mostly its square
_BASIS = 20  # Lanczos vectors kept: with more, those of a large graph leave the caches
_RESTARTS = 500  # of about ten steps each
_NARROW = 8  # a band with so many times the matrix's entries at most is factorised at once
_SMALL = 1e-4  # a square so small beside the largest loses digits when the root is taken
_MAX_BAND = 2**27  # entries of a factor: 1 GiB


class ConvergenceError(RuntimeError):
    """Eigenvalues are too close together to be separated, in a graph that is too large."""


@blas_threads()
def largest_two(matrix: Any, low: float, high: float) -> tuple[float, float]:
    """Return the two largest eigenvalues of a symmetric matrix, counted with multiplicity.

    Parameters
    ----------
    matrix : sparse array of float64, shape (n, n), n >= 2
    low, high : float
        Bounds between which all its eigenvalues lie.

    Raises
    ------
    ConvergenceError
        If neither method converges.
    """
    if matrix.shape[0] <= DENSE:
        values = np.linalg.eigvalsh(matrix.toarray())
        return float(values[-1]), float(values[-2])
    first, vector = _largest(matrix, low, high, np.empty((matrix.shape[0], 0)))
    second, _ = _largest(matrix, low, high, vector[:, None])
    return first, min(first, second)


@blas_threads()
def largest_two_singular(B: Any, high: float) -> tuple[float, float]:
    """Return the two largest singular values of a matrix, counted with multiplicity.

    They are the largest eigenvalues of A = [0 B; Bᵀ 0]. But A has their negatives as well, on which
    Lanczos wastes half its steps. So it runs on BᵀB, or BBᵀ if that is smaller.

    Parameters
    ----------
    B : CSR array of float64, shape (n, m), n and m >= 2
    high : float
        A bound that no singular value exceeds.

    Raises
    ------
    ConvergenceError
        If neither method converges.
    """
    from scipy.sparse import linalg

    A = scipy.sparse.block_array([[None, B], [B.T, None]], format="csr")
    if A.shape[0] <= DENSE or _Band(A).is_narrow:
        return largest_two(A, -high, high)
    tall = B if B.shape[0] >= B.shape[1] else B.T.tocsr()
    wide = tall.T.tocsr()

    def lifted(x: Array) -> Array:
        return wide @ (tall @ x) + high**2 * x

    try:
        first, vector = _lanczos(lifted, np.empty((tall.shape[1], 0)))
        second, _ = _lanczos(lifted, vector[:, None])
    except linalg.ArpackNoConvergence:
        return largest_two(A, -high, high)
    squares = first - high**2, min(first, second) - high**2
    if squares[1] < _SMALL * squares[0]:  # the root of a difference that has lost its digits
        return largest_two(A, -high, high)
    return math.sqrt(squares[0]), math.sqrt(squares[1])


@blas_threads()
def largest_below(matrix: Any, low: float, high: float, known: Any) -> float:
    """Return the largest eigenvalue of a symmetric matrix after k known ones at the top.

    Parameters
    ----------
    matrix : sparse array of float64, shape (n, n)
    low, high : float
        Bounds between which all its eigenvalues lie.
    known : sparse array of float64, shape (n, k), k < n
        Orthonormal eigenvectors of the k largest eigenvalues.

    Raises
    ------
    ConvergenceError
        If neither method converges.
    """
    if matrix.shape[0] <= DENSE:
        return float(np.linalg.eigvalsh(matrix.toarray())[-1 - known.shape[1]])
    return _largest(matrix, low, high, known)[0]


class _Band:
    """The lower triangle of a symmetric matrix in an order that makes it a band."""

    def __init__(self, matrix: Any) -> None:
        from scipy.sparse import csgraph

        self.order = csgraph.reverse_cuthill_mckee(matrix, symmetric_mode=True)
        self.entries = scipy.sparse.tril(matrix[self.order][:, self.order], format="coo")
        self.width = int((self.entries.row - self.entries.col).max()) + 1
        self.size = self.width * matrix.shape[0]
        self.is_narrow = self.size <= _NARROW * matrix.nnz

    def inverse(self, ceiling: float) -> Callable[[Array], Array]:
        """Return the function x -> (ceiling I - matrix)⁻¹ x, by Cholesky's factor."""
        from scipy import linalg

        order, n = self.order, len(self.order)
        diagonals = np.zeros((self.width, n))
        diagonals[0] = ceiling
        diagonals[self.entries.row - self.entries.col, self.entries.col] -= self.entries.data
        factor = linalg.cholesky_banded(
            diagonals, overwrite_ab=True, lower=True, check_finite=False
        )

        def solve(x: Array) -> Array:
            y = np.empty(n)
            y[order] = linalg.cho_solve_banded((factor, True), x[order], check_finite=False)
            return y

        return solve


def _largest(matrix: Any, low: float, high: float, known: Any) -> tuple[float, Array]:
    """The largest eigenvalue on the complement of the known vectors, and its eigenvector."""
    from scipy.sparse import linalg

    floor, band = 2 * low - high, _Band(matrix)

    def lifted(x: Array) -> Array:  # above 0, where everything that is projected away ends up
        return matrix @ x - floor * x

    if not band.is_narrow:
        try:
            value, vector = _lanczos(lifted, known)
            return value + floor, vector
        except linalg.ArpackNoConvergence as error:
            if band.size > _MAX_BAND:
                raise ConvergenceError(
                    f"the eigenvalues of this graph of {matrix.shape[0]} vertices lie too close "
                    f"together for {_RESTARTS} restarts of Lanczos, and its band of {band.width} "
                    "is too wide to be factorised; "
                    f"take one with {math.isqrt(_MAX_BAND)} vertices at most"
                ) from error
    ceiling = high + 1e-9 * (high - low)  # just above: the band must be positive definite
    value, vector = _lanczos(band.inverse(ceiling), known)
    return ceiling - 1 / value, vector


def _lanczos(apply: Callable[[Array], Array], known: Any) -> tuple[float, Array]:
    """The largest eigenvalue and eigenvector of P apply P, P the projection off the known."""
    from scipy.sparse import linalg

    def off(x: Array) -> Array:
        return x - known @ (known.T @ x)

    n, n_known = known.shape
    operator = linalg.LinearOperator(
        (n, n), matvec=lambda x: off(apply(off(x.ravel()))), dtype=np.float64
    )
    # Never twice the same: of a multiple of the identity any start is an eigenvector, and would be
    # the known one, off which nothing is left of it.
    start = off(np.random.default_rng(n_known).standard_normal(n))
    values, vectors = linalg.eigsh(
        operator, 1, which="LA", v0=start, ncv=min(_BASIS, n), maxiter=_RESTARTS, tol=_TOLERANCE
    )
    vector = off(vectors[:, 0])
    return float(values[0]), vector / np.linalg.norm(vector)
