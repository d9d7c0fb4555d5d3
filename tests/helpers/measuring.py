"""Graphs to measure, and their measures from dense matrices by definition."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import strategies as st

from minisnn import topology
from minisnn.spectral import solvers
from minisnn.topology.graph import Topology


@st.composite
def graphs(draw: Any, n_in: int | None = None) -> Topology:
    """Any graph of up to 7 + 7 neurons: one edge, isolated neurons, complete ones among them."""
    n_in = n_in or draw(st.integers(1, 7))
    n_out = draw(st.integers(1, 7))
    bits = draw(st.lists(st.booleans(), min_size=n_in * n_out, max_size=n_in * n_out))
    matrix = np.array(bits).reshape(n_in, n_out)
    if not matrix.any():
        matrix[draw(st.integers(0, n_in - 1)), draw(st.integers(0, n_out - 1))] = True
    return topology.from_dense(matrix)


@st.composite
def networks(draw: Any) -> list[Topology]:
    layers = [draw(graphs())]
    for _ in range(draw(st.integers(0, 3))):
        layers.append(draw(graphs(layers[-1].n_out)))
    return layers


def plane(q: int) -> Topology:
    """Points against lines of the projective plane over the integers modulo a prime q."""
    vectors = [v for v in itertools.product(range(q), repeat=3) if any(v)]
    points = [v for v in vectors if next(x for x in v if x) == 1]
    incidence = (np.array(points) @ np.array(points).T) % q == 0
    return topology.from_dense(incidence)


def cycle(n: int) -> Topology:
    """The cycle of 2 n vertices, with no word of its being a circulant."""
    edges = [(i, j % n) for i in range(n) for j in (i, i + 1)]
    return topology.from_edges(n, n, edges)


def beside(*parts: Topology) -> Topology:
    """All of the graphs side by side, unconnected."""
    rows, columns = zip(*(part.shape for part in parts), strict=True)
    matrix = np.zeros((sum(rows), sum(columns)), dtype=int)
    for number, part in enumerate(parts):
        row, column = sum(rows[:number]), sum(columns[:number])
        matrix[row : row + part.n_in, column : column + part.n_out] = part.to_dense()
    return topology.from_dense(matrix)


# Measures


def adjacency(layers: Sequence[Topology]) -> Any:
    widths = [layers[0].n_in, *(layer.n_out for layer in layers)]
    first = np.cumsum([0, *widths])
    A = np.zeros((first[-1], first[-1]))
    for number, layer in enumerate(layers):
        left = slice(first[number], first[number + 1])
        right = slice(first[number + 1], first[number + 2])
        A[left, right] = layer.to_dense()
        A[right, left] = layer.to_dense().T
    return A


def expected(layers: Sequence[Topology]) -> dict[str, Any]:
    return expected_of(adjacency(layers))


def expected_of(A: Any) -> dict[str, Any]:
    """Measures of the undirected graph of an adjacency matrix."""
    degrees = A.sum(axis=0)
    scale = np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1)), 0)
    L = np.diag(degrees) - A
    eigenvalues = np.linalg.eigvalsh(L)
    normalized = np.linalg.eigvalsh(scale[:, None] * L * scale)
    strengths = np.linalg.eigvalsh(A)[::-1]
    # A two-vertex graph has -σ1 for its second eigenvalue, and no second singular value.
    sigma1, sigma2 = strengths[0], max(strengths[1], 0)
    G = networkx.from_numpy_array(A)
    lengths = [
        length
        for source, ends in networkx.all_pairs_shortest_path_length(G)
        for end, length in ends.items()
        if end != source
    ]
    return {
        "n_vertices": len(A),
        "n_edges": np.count_nonzero(A) // 2,
        "n_components": networkx.number_connected_components(G),
        "algebraic_connectivity": eigenvalues[1],
        "smallest_nonzero_eigenvalue": eigenvalues[eigenvalues > 1e-9][0],
        "spectral_gap": eigenvalues[-1] - eigenvalues[-2],
        "normalized_lambda2": normalized[1],
        "sigma1": sigma1,
        "sigma2": sigma2,
        "adjacency_gap": sigma1 - sigma2,
        "diameter": max(lengths),
        "mean_path_length": np.mean(lengths),
        "distances_are_exact": True,
    }


def gap(B: Any) -> float:
    """The Ramanujan gap of a biadjacency matrix without empty rows and columns."""
    values = [*np.linalg.svd(B, compute_uv=False), 0.0]
    left, right = B.sum(axis=1).mean(), B.sum(axis=0).mean()
    return math.sqrt(left - 1) + math.sqrt(right - 1) - values[1]


def expected_imdb(graph: Topology) -> float:
    gaps = []
    for degree in set(graph.out_degrees.tolist()):
        B = graph.to_dense()[graph.out_degrees == degree].astype(float)
        B = B[:, B.any(axis=0)]
        if degree >= 3 and len(B) >= 3 and B.sum(axis=0).mean() >= 3:
            gaps.append(gap(B))
    return float(np.mean(gaps)) if gaps else math.nan


def expected_paths(layers: Sequence[Topology]) -> Any:
    paths = layers[0].to_dense().astype(object)
    for layer in layers[1:]:
        paths = paths @ layer.to_dense().astype(object)
    return paths


def check(layers: Sequence[Topology], measures: Any) -> None:
    check_measures(expected(layers), measures)


def check_measures(wanted: dict[str, Any], measures: Any) -> None:
    found = dataclasses.asdict(measures)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-7, abs=1e-7), name


METHODS = ("chosen", "Lanczos", "band")


def use(method: str, patch: pytest.MonkeyPatch) -> None:
    """Have one eigensolver used, however small the graph."""
    if method != "chosen":
        patch.setattr(solvers, "DENSE", 1)
        patch.setattr(solvers, "_NARROW", 0 if method == "Lanczos" else 1e9)
