"""All measures of a layer or of a network at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from .._support.seeds import Seed
from ..topology.graph import Topology
from .biadjacency import leading_singular_values
from .bipartite import Graph, bipartite, graph_of, undirected
from .distances import distances
from .laplacian import (
    normalized_lambda2,
    smallest_nonzero_eigenvalue,
    spectral_gap,
)
from .paths import n_paths, reach
from .ramanujan import gap_of, imdb_of, ramanujan_of
from .undirected import Undirected


@dataclass(frozen=True)
class _Measures:
    """Measures of every graph."""

    n_vertices: int
    n_edges: int
    n_components: int
    algebraic_connectivity: float
    smallest_nonzero_eigenvalue: float
    spectral_gap: float
    normalized_lambda2: float
    sigma1: float
    sigma2: float
    adjacency_gap: float
    diameter: int
    mean_path_length: float
    distances_are_exact: bool

    def __str__(self) -> str:
        """A table with one measure per line."""
        rows = [(field.name, _shown(getattr(self, field.name))) for field in fields(self)]
        names, values = (max(map(len, column)) for column in zip(*rows, strict=True))
        return "\n".join(f"{name:<{names}}  {value:>{values}}" for name, value in rows)


@dataclass(frozen=True)
class Measures(_Measures):
    """Measures of the graph of one layer, as `measure` returns them; see docs/measures.md.

    Parameters
    ----------
    n_vertices, n_edges, n_components : int
        Neurons of both sides, edges, connected components.
    algebraic_connectivity, smallest_nonzero_eigenvalue, spectral_gap : float
        Of the Laplacian: its second smallest eigenvalue, its smallest that is not 0, and the
        difference of its two largest.
    normalized_lambda2 : float
        Second smallest eigenvalue of the normalised Laplacian.
    sigma1, sigma2, adjacency_gap : float
        Largest singular values of the biadjacency matrix, and their difference.
    diameter : int
    mean_path_length : float
    distances_are_exact : bool
        Whether both are; see `distances`.
    ramanujan_gap, imdb : float
        See the functions of the same names.
    is_ramanujan : bool
    """

    ramanujan_gap: float
    is_ramanujan: bool
    imdb: float


@dataclass(frozen=True)
class NetworkMeasures(_Measures):
    """Measures of a network, as `measure_network` returns them; see docs/measures.md.

    Parameters
    ----------
    n_vertices, n_edges, n_components : int
        Neurons of all layers, edges, connected components.
    algebraic_connectivity, smallest_nonzero_eigenvalue, spectral_gap : float
        Of the Laplacian: its second smallest eigenvalue, its smallest that is not 0, and the
        difference of its two largest.
    normalized_lambda2 : float
        Second smallest eigenvalue of the normalised Laplacian.
    sigma1, sigma2, adjacency_gap : float
        Largest singular values of the biadjacency matrix of even against odd layers, or
        eigenvalues of the adjacency matrix of a wiring, and their difference.
    diameter : int
    mean_path_length : float
    distances_are_exact : bool
        Whether both are; see `distances`.
    n_paths : int
        Paths from any input to any output.
    least_reach, mean_reach : float
        Share of the inputs that reach an output: the worst output's, and the mean.
    """

    n_paths: int
    least_reach: float
    mean_reach: float


def measure(graph: Topology, *, seed: Seed = 0) -> Measures:
    """Return all measures of the graph of one layer.

    Parameters
    ----------
    graph : Topology
        The graph.
    seed : int, SeedSequence, Generator or None
        Of the sample of vertices from which distances in a large graph are measured; see
        `distances`.

    Returns
    -------
    Measures

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the seed is invalid.
    ConvergenceError
        If the graph is large and eigenvalues are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> fano = snn.topology.rotating(7, 7, [0, 1, 3])
    >>> print(snn.spectral.measure(fano))
    n_vertices                         14
    n_edges                            21
    n_components                        1
    algebraic_connectivity        1.58579
    smallest_nonzero_eigenvalue   1.58579
    spectral_gap                  1.58579
    normalized_lambda2           0.528595
    sigma1                              3
    sigma2                        1.41421
    adjacency_gap                 1.58579
    diameter                            3
    mean_path_length              2.07692
    distances_are_exact              True
    ramanujan_gap                 1.41421
    is_ramanujan                     True
    imdb                          1.41421
    """
    if not isinstance(graph, Topology):
        raise TypeError(
            f"measure takes one Topology, got {type(graph).__name__}; "
            "for the layers of a network use measure_network"
        )
    whole = bipartite(graph)
    common = _common(whole, seed)
    return Measures(
        **common,
        ramanujan_gap=gap_of(whole, common["sigma2"]),
        is_ramanujan=ramanujan_of(whole, common["sigma1"], common["sigma2"]),
        imdb=imdb_of(whole, common["sigma2"]),
    )


def measure_network(graphs: Graph, *, seed: Seed = 0) -> NetworkMeasures:
    """Return all measures of the graph on all neurons of a network.

    Parameters
    ----------
    graphs : sequence of Topology, Wiring, MLP or Network
        The layers in a row, a wiring, or a network. Neurons of several units are vertices each;
        weights and directions of edges do not count.
    seed : int, SeedSequence, Generator or None
        Of the sample of vertices from which distances in a large graph are measured; see
        `distances`.

    Returns
    -------
    NetworkMeasures

    Raises
    ------
    TypeError, ValueError
        If it is not a network, the widths of the layers do not fit, or the seed is invalid.
    ConvergenceError
        If the graph is large and eigenvalues are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> layers = [snn.topology.fibonacci_rotating(20, 30, degree=4), snn.topology.dense(30, 10)]
    >>> measures = snn.spectral.measure_network(layers)
    >>> measures.n_vertices, measures.n_paths, measures.least_reach
    (60, 800, 1.0)
    """
    found = graph_of(graphs)
    shares = reach(found)
    return NetworkMeasures(
        **_common(undirected(found), seed),
        n_paths=n_paths(found),
        least_reach=float(shares.min()),
        mean_reach=float(shares.mean()),
    )


def _common(whole: Undirected, seed: Seed) -> dict[str, Any]:
    lengths = distances(whole, seed=seed)
    sigma1, sigma2 = leading_singular_values(whole)
    smallest = smallest_nonzero_eigenvalue(whole)
    n_components = whole.components[0]
    return {
        "n_vertices": whole.n_vertices,
        "n_edges": whole.n_edges,
        "n_components": n_components,
        "algebraic_connectivity": 0.0 if n_components > 1 else smallest,
        "smallest_nonzero_eigenvalue": smallest,
        "spectral_gap": spectral_gap(whole),
        "normalized_lambda2": normalized_lambda2(whole),
        "sigma1": sigma1,
        "sigma2": sigma2,
        "adjacency_gap": sigma1 - sigma2,
        "diameter": lengths.diameter,
        "mean_path_length": lengths.mean_path_length,
        "distances_are_exact": lengths.exact,
    }


def _shown(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
