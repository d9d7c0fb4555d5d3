"""Helpers shared by constructions: checks, shares, random subsets, graphs from lists of edges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import is_whole
from .._support.messages import shown
from .graph import Topology
from .validation import check_size, check_widths

Parameters = Mapping[str, int | float]

_DENSE = 8  # pairs per edge; up to this a list of all pairs takes no more memory than the edges


def check_degree(n_in: Any, n_out: Any, degree: Any) -> tuple[int, int, int]:
    """Return widths and degree; raise unless a left neuron can have this many edges."""
    n_in, n_out = check_widths(n_in, n_out)
    if not is_whole(degree):
        raise TypeError(
            f"degree must be a whole number of edges per left neuron, got {shown(degree)}"
        )
    degree = int(degree)
    if not 1 <= degree <= n_out:
        raise ValueError(
            f"degree must be between 1 and n_out = {n_out} edges per left neuron, "
            f"got {shown(degree)}"
        )
    check_size(n_in, n_out, n_in * degree)
    return n_in, n_out, degree


def divisors(number: int) -> list[int]:
    """Return all divisors of a positive number, ascending."""
    low = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return low + [number // d for d in reversed(low) if d * d != number]


def even_bounds(total: int, parts: int) -> Array:
    """Return int64[parts + 1], bounds of parts of ``total`` items; sizes differ by at most one."""
    return np.arange(parts + 1) * total // parts


def from_targets(
    targets: Array, n_out: int, *, name: str, parameters: Parameters | None = None
) -> Topology:
    """Return the graph whose left neuron i has edges to ``targets[i]``, int64[n_in, degree]."""
    n_in, degree = targets.shape
    sources = np.repeat(np.arange(n_in), degree)
    return from_pairs(n_in, n_out, sources, targets.ravel(), name=name, parameters=parameters)


def from_sources(
    n_in: int, sources: Array, *, name: str, parameters: Parameters | None = None
) -> Topology:
    """Return the graph whose right neuron j has edges from ``sources[j]``, int64[n_out, k]."""
    n_out, fan_in = sources.shape
    targets = np.repeat(np.arange(n_out), fan_in)
    return from_pairs(n_in, n_out, sources.ravel(), targets, name=name, parameters=parameters)


def from_pairs(
    n_in: int,
    n_out: int,
    sources: Array,
    targets: Array,
    *,
    name: str,
    parameters: Parameters | None = None,
) -> Topology:
    """Return the graph of edges within range, in any order; raise if an edge is repeated."""
    order = np.lexsort((sources, targets))
    sources, targets = sources[order], targets[order]
    twice = np.flatnonzero((sources[1:] == sources[:-1]) & (targets[1:] == targets[:-1]))
    if twice.size:
        first = twice[0]
        raise ValueError(
            f"edge ({sources[first]}, {targets[first]}) comes more than once "
            f"({twice.size} repetitions in all); give each edge once"
        )
    indptr = np.concatenate([[0], np.cumsum(np.bincount(targets, minlength=n_out))])
    return Topology(n_in, n_out, indptr, sources, name=name, parameters=parameters)


def kronecker(a: Topology, b: Topology) -> tuple[Array, Array]:
    """Return the edges' left and right neurons in the Kronecker product of two graphs' matrices.

    Each left neuron of ``a`` is replaced by all left neurons of ``b``: neurons i and k become
    neuron ``i * b.n_in + k``. Right neurons likewise.
    """
    outer, inner = a.edges(), b.edges()
    edges = outer[:, None] * b.shape + inner
    return edges[..., 0].ravel(), edges[..., 1].ravel()


def subset(rng: np.random.Generator, n: int, size: int) -> Array:
    """Return distinct numbers below n, ascending, uniform among sets of this size."""
    if size <= n - size:
        return _small_subset(rng, n, size)
    return np.delete(np.arange(n), _small_subset(rng, n, n - size))


def _small_subset(rng: np.random.Generator, n: int, size: int) -> Array:
    """The same for at most half of the numbers.

    No draw favours a number, so the set of distinct draws, once it is large enough, is as likely as
    any other of its size.
    """
    if n <= _DENSE * size:  # draws would be repeated too often
        return np.sort(rng.choice(n, size=size, replace=False, shuffle=False))
    chosen = np.empty(0, dtype=np.int64)
    while chosen.size < size:
        drawn = rng.integers(n, size=size - chosen.size)
        chosen = np.sort(np.concatenate([chosen, drawn]))
        chosen = chosen[np.diff(chosen, prepend=-1) > 0]
    return chosen
