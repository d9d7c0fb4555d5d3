"""Null models of a graph: a part of its structure is kept, and the rest drawn at random."""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice, check_kind
from .._support.seeds import Seed, seed_of
from .assembly import from_pairs
from .graph import Topology
from .margins import KEEPING


def rewired(topology: Topology, keep: str = "degrees", *, seed: Seed = None) -> Topology:
    """Return a random graph that has the same degrees, in-degrees or number of edges.

    If a network on the real graph is no better than networks on such graphs, then it is not the
    wiring that matters, but what they keep of it. Each is drawn from all graphs that keep the same,
    the real one among them, which are equally likely; with ``"degrees"`` nearly so. The less is
    kept, the more may explain a difference: with ``"density"`` it may be no more than a few inputs
    that many outputs read.

    Source: for ``"degrees"`` the Curveball algorithm, G. Strona et al., 2014,
    doi:10.1038/ncomms5114; that it is uniform in the limit, C. J. Carstens, 2015,
    doi:10.1103/PhysRevE.91.042812. There are 100 global trades (C. J. Carstens et al., 2018,
    arXiv:1804.08487), alternately among outputs and among inputs. Time is proportional to edges,
    about 4 us for each.

    Parameters
    ----------
    topology : Topology
        The real graph.
    keep : {"degrees", "in_degree", "density"}
        What is kept: the number of edges of each input and of each output; that of each output; the
        number of all edges. With ``"in_degree"`` an output's inputs are drawn without replacement,
        and an input may have no edge. With ``"density"`` an output may have none, too;
        `minisnn.MLP` warns of it.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology
        With the same names of neurons. Where no other graph keeps the same, it has the same edges:
        always so for a complete graph; with ``"degrees"`` also for a single edge, a single output,
        and a star.

    Raises
    ------
    ValueError, TypeError
        If there is nothing called so to keep, or the graph is no Topology.

    Examples
    --------
    >>> import minisnn as snn
    >>> real = snn.topology.scale_free(100, 60, degree=5, seed=0)
    >>> null = snn.topology.rewired(real, seed=1)
    >>> null
    Topology(rewired_degrees, 100 -> 60, seed=1, n_edges=500, density=8.33 %)
    >>> null == real, (null.in_degrees == real.in_degrees).all()
    (False, np.True_)
    """
    check_kind(topology, Topology, "topology")
    draw = KEEPING[check_choice(keep, "keep", KEEPING)]
    seed = seed_of(seed)
    targets, sources = draw(topology.to_scipy().T, 0, np.random.default_rng(seed))
    return _null(topology, sources, targets, f"rewired_{keep}", seed)


def permuted(topology: Topology, *, seed: Seed = None) -> Topology:
    """Return the same graph with its inputs in a random order.

    Whatever can be said of the graph without naming an input stays true: degrees, the inputs that
    two outputs share, all `minisnn.spectral.measures`. Only which input is which is lost: input 7
    takes the place of some other one. It is as if the columns of the data were permuted. On a graph
    whose inputs cannot be told apart, such as a complete one, that changes nothing.

    Parameters
    ----------
    topology : Topology
        The real graph.
    seed : int, SeedSequence or Generator, optional
        Seed of the order. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology
        With the same names of neurons: a name stays at its number, and its edges move.

    Raises
    ------
    TypeError
        If the graph is no Topology.

    Examples
    --------
    >>> import minisnn as snn
    >>> real = snn.topology.from_dense([[1, 0], [1, 0], [0, 1]])
    >>> snn.topology.permuted(real, seed=0).to_dense()
    array([[1, 0],
           [0, 1],
           [1, 0]], dtype=uint8)
    """
    check_kind(topology, Topology, "topology")
    seed = seed_of(seed)
    sources, targets = topology.edges().T
    places = np.random.default_rng(seed).permutation(topology.n_in)
    return _null(topology, places[sources], targets, "permuted", seed)


def _null(real: Topology, sources: Array, targets: Array, name: str, seed: int) -> Topology:
    graph = from_pairs(*real.shape, sources, targets, name=name, parameters={"seed": seed})
    return graph.with_names(real.input_names, real.output_names)
