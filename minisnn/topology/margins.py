"""Random 0/1 matrices that share something with a given one: sums of rows and columns, or less."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from .._support.arrays import Array
from .assembly import subset
from .curveball import traded


def _same_degrees(matrix: scipy.sparse.csr_array, least: int, rng: np.random.Generator) -> Array:
    return np.stack(traded(matrix, rng).tocoo().coords)


def _same_in_degrees(matrix: scipy.sparse.csr_array, least: int, rng: np.random.Generator) -> Array:
    return _of_sums(np.diff(matrix.indptr), matrix.shape[1], rng)


def _same_density(matrix: scipy.sparse.csr_array, least: int, rng: np.random.Generator) -> Array:
    n_rows, n_columns = matrix.shape
    if least:
        return _of_sums(_sums(n_rows, n_columns, matrix.nnz, rng), n_columns, rng)
    return np.stack(np.divmod(subset(rng, n_rows * n_columns, matrix.nnz), n_columns))


KEEPING: dict[str, Callable[[scipy.sparse.csr_array, int, np.random.Generator], Array]] = {
    "degrees": _same_degrees,
    "in_degree": _same_in_degrees,
    "density": _same_density,
}
"""Functions that draw a matrix of the same shape: (matrix, least, rng) to int[2, ones], rows and
columns. All matrices that keep the same are equally likely; ``"degrees"`` loses the one given. No
row of it is empty if ``least`` is 1, and then none of the one drawn is."""


def _of_sums(sums: Array, n_columns: int, rng: np.random.Generator) -> Array:
    """Return the ones of a matrix with these sums of rows."""
    columns = [rng.choice(n_columns, size, replace=False, shuffle=False) for size in sums.tolist()]
    return np.stack([np.repeat(np.arange(sums.size), sums), np.concatenate(columns)])


def _sums(n_rows: int, n_columns: int, n_ones: int, rng: np.random.Generator) -> Array:
    """Return sums of rows, at least 1 each, as a uniform draw among such matrices has them.

    They are independent binomial numbers, conditional on being at least 1 and on their sum; their
    probability is any. All but the last are drawn, until the last has what is missing, which is
    then accepted as often as it is likely.
    """
    if n_ones in (n_rows, n_rows * n_columns):
        return np.full(n_rows, n_ones // n_rows)
    k = np.arange(1, n_columns + 1)
    logarithms = np.cumsum(np.log((n_columns + 1 - k) / k))  # of the subsets of k columns
    odds = _log_odds(logarithms, n_ones / n_rows)
    likely = np.exp(logarithms + odds * k - (logarithms + odds * k).max())
    bounds = np.cumsum(likely)
    while True:
        sums = 1 + np.searchsorted(bounds, bounds[-1] * rng.random(n_rows - 1), side="right")
        last = n_ones - int(sums.sum())
        if 1 <= last <= n_columns and rng.random() < likely[last - 1]:
            return np.append(sums, last)


def _log_odds(logarithms: Array, mean: float) -> float:
    """Return the odds of a one for which a row has this many on average, by bisection."""
    k = np.arange(1, logarithms.size + 1)
    low, high = -100.0, 100.0
    for _ in range(50):
        odds = (low + high) / 2
        likely = np.exp(logarithms + odds * k - (logarithms + odds * k).max())
        low, high = (odds, high) if likely @ k < mean * likely.sum() else (low, odds)
    return odds
