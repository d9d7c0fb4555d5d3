"""Distance of a graph from the best mixing that its degrees allow.

In a biregular graph of degrees dL and dR, σ2 cannot lie below √(dL - 1) + √(dR - 1) by more than
what vanishes as the graph grows (Alon-Boppana; for biregular graphs K. Feng, W.-C. W. Li, "Spectra
of hypergraphs and applications", J. Number Theory 60, 1996). A graph that is as good is Ramanujan.
"""

from __future__ import annotations

import math

import numpy as np

from .biadjacency import leading_singular_values
from .bipartite import Bipartite, Graph, bipartite, from_biadjacency

_ROUNDING = 1e-9  # of σ1: by how much a computed σ2 may pass the bound
_LEAST = 3  # vertices of a class, and mean degrees, from which the authors' program counts it


def ramanujan_gap(graph: Graph | Bipartite) -> float:
    """Return √(dL - 1) + √(dR - 1) - σ2: how far σ2 stays below the Ramanujan bound.

    dL and dR are the degrees of left and right vertices; in an irregular graph, the mean degrees
    over those that have an edge, as the literature on pruned networks has it. There the bound
    is a yardstick, not a theorem.

    Source: D. Hoang, S. Liu, R. Marculescu, Z. Wang, "Revisiting pruning at initialization through
    the lens of Ramanujan graph", ICLR 2023, https://openreview.net/forum?id=uVcDssQff_.

    Parameters
    ----------
    graph : Topology, sequence of Topology, or MLP
        A layer, the layers of a network in a row, or such a network.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and singular values are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.ramanujan_gap(snn.topology.dense(5, 2))  # 1 + 2 - 0
    3.0
    """
    whole = bipartite(graph)
    return gap_of(whole, leading_singular_values(whole)[1])


def is_ramanujan(graph: Graph | Bipartite) -> bool:
    """Return whether the graph is biregular and connected, with σ2 <= √(dL - 1) + √(dR - 1).

    No irregular graph is, as the word is defined for biregular ones only. The comparison leaves
    room for rounding, a billionth of σ1.

    Source: A. Lubotzky, R. Phillips, P. Sarnak, "Ramanujan graphs", 1988, doi:10.1007/BF02126799;
    for bipartite biregular graphs A. W. Marcus, D. A. Spielman, N. Srivastava, 2015,
    doi:10.4007/annals.2015.182.1.7.

    Parameters
    ----------
    graph : Topology, sequence of Topology, or MLP
        A layer, the layers of a network in a row, or such a network.

    Returns
    -------
    bool

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and singular values are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.is_ramanujan(snn.topology.rotating(7, 7, [0, 1, 3]))  # Fano's plane
    True
    >>> snn.spectral.is_ramanujan(snn.topology.regular_rotating(40, 40, degree=3))
    False
    """
    whole = bipartite(graph)
    return ramanujan_of(whole, *leading_singular_values(whole))


def imdb(graph: Graph | Bipartite) -> float:
    """Return the iterative mean difference of bound: the mean Ramanujan gap of regular parts.

    For each degree d that at least three left vertices have, take these vertices, all their edges
    and the right vertices that these reach: a part K whose left side is regular. Of the parts with
    d >= 3 and a mean right degree of at least 3,

        IMDB = mean over K of √(d - 1) + √(dR(K) - 1) - σ2(K).

    This is our reading of the program that the authors published; the thresholds are its own. It
    judges an irregular graph by parts to which the bound does apply, on the left side at least. In
    a left-regular graph it is `ramanujan_gap`. NaN where no part is large enough.

    Source: D. Hoang, S. Liu, R. Marculescu, Z. Wang, "Revisiting pruning at initialization through
    the lens of Ramanujan graph", ICLR 2023, https://openreview.net/forum?id=uVcDssQff_.

    Parameters
    ----------
    graph : Topology, sequence of Topology, or MLP
        A layer, the layers of a network in a row, or such a network.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and singular values are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.imdb(snn.topology.dense(10, 5))  # √4 + √9 - 0
    5.0
    """
    whole = bipartite(graph)
    return imdb_of(whole, None)


def gap_of(whole: Bipartite, sigma2: float) -> float:
    """Return the Ramanujan gap, with σ2 at hand."""
    d_left, d_right = whole.mean_degrees
    return math.sqrt(d_left - 1) + math.sqrt(d_right - 1) - sigma2


def ramanujan_of(whole: Bipartite, sigma1: float, sigma2: float) -> bool:
    """Return whether the graph is Ramanujan, with σ1 and σ2 at hand."""
    return (
        whole.is_biregular
        and whole.components[0] == 1
        and gap_of(whole, sigma2) >= -_ROUNDING * sigma1
    )


def imdb_of(whole: Bipartite, sigma2: float | None) -> float:
    """Return the IMDB, with σ2 of the whole graph at hand, if it is."""
    degrees, counts = np.unique(whole.left_degrees, return_counts=True)
    gaps = []
    for degree in degrees[(degrees >= _LEAST) & (counts >= _LEAST)]:
        if len(degrees) == 1:  # the whole graph is one part
            part, second = whole, sigma2
        else:
            part = from_biadjacency(whole.biadjacency[whole.left_degrees == degree])
            second = None
        if part.mean_degrees[1] >= _LEAST:
            gaps.append(ramanujan_gap(part) if second is None else gap_of(part, second))
    return float(np.mean(gaps)) if gaps else math.nan
