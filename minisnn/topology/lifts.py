"""Random lifts of complete bipartite graphs, the best expander of several tries."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse

from ..checks import check_positive_integer
from ..graph import Array, Topology
from ..kernels.blas_threads import blas_threads
from ..seeds import Seed, seed_of
from .assembly import check_degree, divisors, from_targets

_TOLERANCE = 1e-3  # of the squared singular value: tries differ by more, or either will do


def random_lift(
    n_in: int, n_out: int, degree: int, *, tries: int = 5, seed: Seed = None
) -> Topology:
    """Return a random lift of a complete bipartite graph, the best expander of several tries.

    The base graph has every edge between ``n_in / k`` left and ``degree`` right neurons, with
    k = n_out / degree. In its lift each neuron becomes a fibre of k neurons, and each edge one
    random perfect matching of two fibres: the matrix consists of k x k permutation matrices. All
    left degrees are equal, all right ones too. Of the tries, that with the smallest second
    singular value is taken, which a random lift keeps near the least possible,
    √(left degree - 1) + √(right degree - 1), with high probability.

    There is a graph exactly where the degree divides n_out and n_out / degree divides n_in.

    Source: Y. Bilu, N. Linial, "Lifts, discrepancy and nearly optimal spectral gap", 2006,
    doi:10.1007/s00493-006-0029-7; that good lifts exist for all degrees, A. Marcus, D. Spielman,
    N. Srivastava, 2015, doi:10.4007/annals.2015.182.1.7. Lifts by k at once are our choice; those
    sources double the graph again and again.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out, a divisor of n_out.
    tries : int
        Lifts to choose from.
    seed : int, SeedSequence or Generator, optional
        Of the permutations; by default fresh, and kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        Where there is no such lift; the message names the nearest degrees.

    Examples
    --------
    >>> import minisnn as snn
    >>> graph = snn.topology.random_lift(60, 40, degree=4, seed=0)
    >>> set(graph.out_degrees.tolist()), set(graph.in_degrees.tolist())
    ({4}, {6})
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    tries = check_positive_integer(tries, "tries")
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    order = n_out // degree
    if order * degree != n_out or n_in % order:
        common = math.gcd(n_in, n_out)
        possible = [n_out // k for k in divisors(common)]
        nearest = sorted(possible, key=lambda other: abs(other - degree))[:3]
        raise ValueError(
            f"degree must divide n_out = {n_out}, and n_out / degree must divide n_in = {n_in}, "
            f"got {degree}; the nearest degrees that do are {', '.join(map(str, sorted(nearest)))}"
        )
    starts = order * np.arange(degree)
    best, smallest = None, np.inf
    for _ in range(tries):
        shape = n_in // order, degree, order
        matchings = rng.permuted(np.broadcast_to(np.arange(order), shape), axis=2)
        targets = matchings.swapaxes(1, 2).reshape(n_in, degree) + starts
        value = _second_singular_value(targets, n_out)
        if value < smallest:
            best, smallest = targets, value
    assert best is not None
    parameters = {"degree": degree, "tries": tries, "seed": seed}
    return from_targets(best, n_out, name="random_lift", parameters=parameters)


@blas_threads()
def _second_singular_value(targets: Array, n_out: int) -> float:
    """Return it for a bi-regular matrix, whose first singular vectors are constant."""
    from scipy.sparse import linalg  # takes 40 ms to import

    n_in, degree = targets.shape
    if degree == n_out:
        return 0.0
    indptr = np.arange(n_in + 1) * degree
    matrix = scipy.sparse.csr_array(
        (np.ones(targets.size), targets.ravel(), indptr), shape=(n_in, n_out)
    )
    constant = degree / n_out  # what each entry of the first singular pair's part is

    def multiply(vector: Array) -> Array:
        hidden = matrix @ vector - constant * vector.sum()
        return matrix.T @ hidden - constant * hidden.sum()

    square = linalg.LinearOperator((n_out, n_out), matvec=multiply, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(n_out)  # ARPACK's own would not be repeatable
    (largest,) = linalg.eigsh(square, k=1, v0=start, tol=_TOLERANCE, return_eigenvectors=False)
    return float(max(largest, 0.0) ** 0.5)
