"""Null models of a wiring: its levels are kept, and what is between two of them drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import check_choice, check_kind
from .._support.seeds import Seed, seed_of
from ..topology.margins import KEEPING
from .graph import Wiring


def rewired(wiring: Wiring, keep: str = "degrees", *, seed: Seed = None) -> Wiring:
    """Return a wiring of the same terms, levels and numbers of edges, otherwise random.

    Each pair of levels is drawn separately: as many edges lead from one to the other as before, so
    that edges that skip levels are as many as before and skip as many levels. Every term still
    reads a term of the level just before, so it stays on its level, and inputs reach it. That is
    part of the null model: of the wirings without such edges none is ever drawn. All others that
    keep the same are equally likely; with ``"degrees"`` nearly so.

    Edges are drawn between terms. Where units differ within a level, edges between neurons may be
    more or fewer than before. Weights are shuffled among the edges of each pair of levels: a
    sign that belongs to a source is not kept.

    Source: as for `minisnn.topology.rewired`.

    Parameters
    ----------
    wiring : Wiring
        The real one.
    keep : {"degrees", "in_degree", "density"}
        What is kept for each pair of levels: how many edges each source has to that level, and how
        many each target has from it; only the latter; only how many edges there are. But for
        ``"degrees"`` a term may lose all its readers: `Wiring.dead_ends` names those that no output
        reads any more. With ``"degrees"`` there are none if the real wiring has none.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws; by default fresh, and not recorded.

    Returns
    -------
    Wiring
        With the same terms in the same order, outputs and units. If no other keeps the same, it
        has the same edges.

    Raises
    ------
    ValueError, TypeError
        If there is nothing called so to keep, or the wiring is no Wiring.

    Examples
    --------
    >>> import minisnn as snn
    >>> genes = [(f"g{number}", f"p{number % 3}") for number in range(9)]
    >>> real = snn.wiring.from_edges([*genes, ("p0", "out"), ("p1", "out"), ("p2", "out")])
    >>> real.edges()[:3]
    [('g0', 'p0'), ('g3', 'p0'), ('g6', 'p0')]
    >>> snn.wiring.rewired(real, seed=1).edges()[:3]
    [('g4', 'p0'), ('g5', 'p0'), ('g8', 'p0')]
    """
    check_kind(wiring, Wiring, "wiring")
    draw = KEEPING[check_choice(keep, "keep", KEEPING)]
    rng = np.random.default_rng(seed_of(seed))
    sources, targets = wiring.term_edges()
    weights = None if wiring.weights is None else wiring.weights.copy()
    for pair in _pairs(wiring, sources, targets):
        ends, begins = draw(pair.matrix, pair.least, rng)
        sources[pair.edges], targets[pair.edges] = (
            begins + pair.first_source,
            ends + pair.first_target,
        )
        if weights is not None:
            weights[pair.edges] = rng.permutation(weights[pair.edges])
    return _null(wiring, sources, targets, weights)


def permuted(wiring: Wiring, *, seed: Seed = None) -> Wiring:
    """Return the same wiring with its inputs in a random order.

    Whatever can be said of the wiring without naming an input stays true. Only which input is which
    is lost: it takes the place of some other one, at whatever levels that enters. It is as if the
    columns of the data were permuted.

    Parameters
    ----------
    wiring : Wiring
        The real one.
    seed : int, SeedSequence or Generator, optional
        Seed of the order; by default fresh, and not recorded.

    Returns
    -------
    Wiring
        With the same terms in the same order, outputs, units and weights.

    Raises
    ------
    TypeError
        If the wiring is no Wiring.

    Examples
    --------
    >>> import minisnn as snn
    >>> real = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("c", "out"), ("p", "out")])
    >>> snn.wiring.permuted(real, seed=0).edges()
    [('a', 'p'), ('c', 'p'), ('b', 'out'), ('p', 'out')]
    """
    check_kind(wiring, Wiring, "wiring")
    sources, targets = wiring.term_edges()
    places = np.arange(len(wiring.terms))
    np.random.default_rng(seed_of(seed)).shuffle(places[: wiring.n_inputs])
    return _null(wiring, places[sources], targets, wiring.weights)


def _null(real: Wiring, sources: Array, targets: Array, weights: Array | None) -> Wiring:
    return Wiring(
        real.terms,
        sources,
        targets,
        n_inputs=real.n_inputs,
        outputs=real.outputs,
        units=real.units,
        weights=weights,
    )


class _Pair(NamedTuple):
    """Edges from one level to another.

    Parameters
    ----------
    edges : array of int
        Their positions among all edges.
    first_source, first_target : int
        First term of each level.
    matrix : scipy.sparse.csr_array of ones, shape (targets, sources)
        The edges.
    least : int
        Edges that each target has at least: 1 from the level just before its own.
    """

    edges: Array
    first_source: int
    first_target: int
    matrix: scipy.sparse.csr_array
    least: int


def _pairs(wiring: Wiring, sources: Array, targets: Array) -> Iterator[_Pair]:
    """Yield all pairs of levels with edges; what was yielded may change."""
    begins, ends = wiring.levels[sources], wiring.levels[targets]
    firsts = np.searchsorted(wiring.levels, np.arange(wiring.n_levels + 2))
    sizes = np.diff(firsts)
    keys, numbers = np.unique(ends * sizes.size + begins, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    for key, edges in zip(
        keys.tolist(), np.split(order, np.cumsum(np.bincount(numbers))[:-1]), strict=True
    ):
        end, begin = divmod(key, sizes.size)
        first_source, first_target = int(firsts[begin]), int(firsts[end])
        ones = np.ones(edges.size, dtype=np.uint8)
        places = targets[edges] - first_target, sources[edges] - first_source
        matrix = scipy.sparse.csr_array((ones, places), shape=(sizes[end], sizes[begin]))
        yield _Pair(edges, first_source, first_target, matrix, int(end == begin + 1))
