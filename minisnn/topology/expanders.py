"""Expanders: random lifts, and Ramanujan graphs from finite fields."""

from __future__ import annotations

import math

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from .._support.seeds import Seed, seed_of
from ..kernels.machine.blas_threads import blas_threads
from .assembly import check_degree, divisors, from_targets
from .finite_field import FiniteField, prime_power
from .graph import Topology
from .registry import construction

_TOLERANCE = 1e-3  # of the squared singular value; if two tries are closer, either will do
_ROUNDING = 1e-9


@construction
def random_lift(
    n_in: int, n_out: int, degree: int, *, tries: int = 5, seed: Seed = None
) -> Topology:
    """Return a random lift of a complete bipartite graph, the best expander of several tries.

    The base graph has every edge between ``n_in / k`` left and ``degree`` right neurons, with
    k = n_out / degree. In its lift each neuron becomes a fibre of k neurons, and each edge one
    random perfect matching of two fibres: the matrix consists of k x k permutation matrices. All
    left degrees are equal, and so are all right degrees. The try with the smallest second singular
    value is taken. With high probability that of a random lift is near the least possible,
    √(left degree - 1) + √(right degree - 1).

    There is a graph if and only if the degree divides n_out and n_out / degree divides n_in.

    Source: Y. Bilu, N. Linial, "Lifts, discrepancy and nearly optimal spectral gap", 2006,
    doi:10.1007/s00493-006-0029-7. Good lifts exist for all degrees: A. Marcus, D. Spielman,
    N. Srivastava, 2015, doi:10.4007/annals.2015.182.1.7. These sources double the graph repeatedly;
    a single lift by k is our choice.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out, a divisor of n_out.
    tries : int
        Number of lifts to choose from.
    seed : int, SeedSequence or Generator, optional
        Seed of the permutations. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If there is no such lift; the message names the nearest degrees.

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
    """Return that of a bi-regular matrix, whose first singular vectors are constant."""
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
    start = np.random.default_rng(0).standard_normal(n_out)  # ARPACK's own is not repeatable
    (largest,) = linalg.eigsh(square, k=1, v0=start, tol=_TOLERANCE, return_eigenvectors=False)
    return float(max(largest, 0.0) ** 0.5)


@construction
def ramanujan(n_in: int, n_out: int, degree: int) -> Topology:
    """Return points and lines of a finite plane, which expand as well as sparse graphs can.

    Left neuron (a, x) and right neuron (b, y) are joined if y = x + a b in the field GF(q): the
    point (b, y) lies on the line with slope a through (0, x). Neuron (a, x) has number a q + x. Two
    lines share one point at most, so there are no cycles of length 4. For every field and any
    choice of slopes, the second singular value of the 0/1 matrix is at most √q. A graph with J
    slopes and L columns of points has left degree L and right degree J. It is *Ramanujan* if that
    singular value is at most √(L - 1) + √(J - 1), a bound that no infinite family can undercut.

    There is a graph if and only if n_in = J q, n_out = L q and degree = L for a prime power q, with
    2 <= J, L <= q < J L and √(J - 1) + √(L - 1) >= √q. These conditions make it connected and
    Ramanujan; its density is 1 / q. If J or L is equal to q, the other may be 2 to q.

    Source: array codes, J. L. Fan, 2000; proof that they are Ramanujan: S. P. Burnwal, K. Sinha,
    M. Vidyasagar, arXiv:1910.03937. Fields that are not prime, and both J and L below q, are our
    extension: in the basis of the characters of the field's addition, the matrix splits into
    J x L blocks of q x q Fourier matrices, whose singular values are √q.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If there is no such graph; the message names the nearest.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.ramanujan(784, 980, degree=20)
    Topology(ramanujan, 784 -> 980, degree=20, n_edges=15680, density=2.04 %)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    q = n_out // degree
    slopes = n_in // q
    if (slopes * q, degree * q) != (n_in, n_out) or not _is_possible(q, slopes, degree):
        nearest = _nearest(n_in, n_out, degree)
        raise ValueError(
            f"no Ramanujan graph of this family has n_in = {n_in}, n_out = {n_out}, degree = "
            f"{degree}; the nearest has n_in = {nearest[0]}, n_out = {nearest[1]}, degree = "
            f"{nearest[2]}"
        )
    field = FiniteField(q)
    a, x, b = np.ogrid[:slopes, :q, :degree]
    targets = b * q + field.add(x, field.multiply(a, b))
    return from_targets(
        targets.reshape(n_in, degree), n_out, name="ramanujan", parameters={"degree": degree}
    )


def _is_possible(q: int, slopes: int, degree: int) -> bool:
    return (
        prime_power(q) is not None
        and min(slopes, degree) >= 2
        and max(slopes, degree) <= q < slopes * degree
        and (slopes - 1) ** 0.5 + (degree - 1) ** 0.5 >= q**0.5 - _ROUNDING
    )


def _nearest(n_in: int, n_out: int, degree: int) -> tuple[int, int, int]:
    """Return the possible widths and degree with the least sum of relative changes."""
    best: tuple[float, tuple[int, int, int]] = np.inf, (0, 0, 0)
    for q in range(2, 2 * max(n_in, n_out) + 3):
        # Larger fields cannot be nearer, whatever the slopes and degree: both widths are at least
        # 2 q, and one is at least q * q / 4.
        if max(np.log(q * q / 4 / max(n_in, n_out)), 0) > best[0]:
            break
        if prime_power(q) is None:
            continue
        slopes = np.arange(2, q + 1)
        fewest = np.ceil((q**0.5 - (slopes - 1) ** 0.5) ** 2 + 1 - _ROUNDING).astype(np.int64)
        for wanted in (degree, n_out // q, -(-n_out // q)):
            degrees = np.clip(wanted, np.maximum(fewest, q // slopes + 1), q)
            distances = (
                np.abs(np.log(slopes * q / n_in))
                + np.abs(np.log(degrees * q / n_out))
                + np.abs(np.log(degrees / degree))
            )
            i = int(np.argmin(distances))
            if distances[i] < best[0]:
                best = distances[i], (slopes[i] * q, degrees[i] * q, degrees[i])
    return best[1]
