"""Spectra that need no solver: of complete graphs, and of circulants by a Fourier transform.

A rotating graph whose n_in is a multiple of n_out turns into itself when every left and every right
neuron moves on by one place. Its biadjacency matrix stacks r = n_in / n_out copies of one circulant
matrix, which the discrete Fourier transform diagonalises: the singular values are √r |FFT(v)|, v
the 0/1 vector that is rotated. See P. J. Davis, "Circulant Matrices", Wiley, 1979.

Both kinds are biregular, and the singular values of a biregular graph give its Laplacian spectrum.
"""

from __future__ import annotations

import math

import numpy as np

from .._support.arrays import Array
from ..topology.graph import Topology


def turns(graph: Topology) -> bool:
    """True if shifting all neurons by one place maps the graph to itself and reaches all of them.

    So each side looks the same from all its neurons.
    """
    return graph.is_complete or (graph.generator is not None and graph.n_in % graph.n_out == 0)


def singular_values(graph: Topology) -> Array | None:
    """Return all singular values of B, descending, float64[min(n_in, n_out)]; None if unknown."""
    if graph.is_complete:
        values = np.zeros(min(graph.shape))
        values[0] = math.sqrt(graph.n_in * graph.n_out)
        return values
    if graph.generator is None or graph.n_in % graph.n_out:
        return None
    vector = np.zeros(graph.n_out)
    vector[graph.generator] = 1
    copies = graph.n_in // graph.n_out
    return np.sort(np.abs(np.fft.fft(vector)))[::-1] * math.sqrt(copies)


def laplacian_eigenvalues(values: Array, n_left: int, n_right: int, n_edges: int) -> Array:
    """Return the eigenvalues of L of a biregular graph from all singular values of B, ascending.

    On the plane that a pair of singular vectors spans, L is [dL -σ; -σ dR], which has the
    eigenvalues m ± √(h² + σ²), m the mean of dL and dR and h half their difference. The rest of
    the wider side, orthogonal to all singular vectors, has its degree for eigenvalue.
    """
    d_left, d_right = n_edges / n_left, n_edges / n_right
    mean = (d_left + d_right) / 2
    root = np.hypot((d_left - d_right) / 2, values)
    rest = np.full(abs(n_left - n_right), min(d_left, d_right))
    return np.sort(np.concatenate([mean - root, mean + root, rest]))


def normalized_eigenvalues(values: Array, n_left: int, n_right: int) -> Array:
    """Return the eigenvalues of the normalised Laplacian from all singular values, ascending.

    Those are 1 ± σ / σ1, and 1 for the rest of the wider side.
    """
    ratios = values / values[0]
    return np.sort(np.concatenate([1 - ratios, 1 + ratios, np.ones(abs(n_left - n_right))]))
