"""Rotating graphs: row i of the 0/1 matrix is one vector of length n_out, rotated by i places.

Rotation is to the right and wraps around. If n_in <= n_out - degree, a vector of adjacent ones does
not reach the last output neurons. Such neurons are dead, and `minisnn.MLP` warns of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_array, check_positive_integer
from .._support.messages import shown
from .._support.seeds import Seed, seed_of
from .assembly import check_degree, from_pairs
from .graph import Topology
from .registry import construction
from .validation import check_size, check_widths

_SETTLED = 300
"""Number of Fibonacci numbers that are computed at most. Scaled by the last of them, the first are
0, and the others are what they would be in a longer list, since the ratios have converged."""


@construction
def random_rotating(n_in: int, n_out: int, degree: int, *, seed: Seed = None) -> Topology:
    """Return a random binary vector, rotated: each place is 1 with probability degree / n_out.

    Source: arXiv:1706.05683, "random rotating". The number of ones is itself random, with the mean
    ``degree``. Interpretation: a vector of zeros is drawn again, since a layer without edges cannot
    be trained. That raises the mean a little if the degree is below 4.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Expected edges per left neuron, 1 to n_out.
    seed : int, SeedSequence or Generator, optional
        Seed of the random vector. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        If the degree is not between 1 and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.random_rotating(100, 100, degree=10, seed=1).generator
    array([ 9, 36, 39, 55, 61, 75, 85, 93], dtype=uint32)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    while True:
        places = np.flatnonzero(rng.random(n_out) < degree / n_out)
        if places.size:
            break
    return rotating(
        n_in, n_out, places, name="random_rotating", parameters={"degree": degree, "seed": seed}
    )


@construction
def regular_rotating(n_in: int, n_out: int, degree: int, *, stride: int = 1) -> Topology:
    """Return ``degree`` ones at even distances, rotated: the rigid, simplest form.

    Source: arXiv:1706.05683, "regular rotating", where the ones are adjacent, at places 0 to
    degree - 1. Other strides are our extension. If the stride divides both widths, the graph splits
    into that number of components: the worst offsets that a circulant can have.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.
    stride : int
        Distance from each one to the next, at least 1; degree * stride is at most n_out.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        If the degree is not between 1 and n_out, or the ones do not fit at this stride.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.regular_rotating(10, 8, degree=3).generator
    array([0, 1, 2], dtype=uint32)
    >>> snn.topology.regular_rotating(10, 8, degree=3, stride=2).generator
    array([0, 2, 4], dtype=uint32)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    stride = check_positive_integer(stride, "stride")
    if degree * stride > n_out:
        raise ValueError(
            f"stride must be at most n_out // degree = {n_out // degree}, got {stride}"
        )
    parameters = {"degree": degree} if stride == 1 else {"degree": degree, "stride": stride}
    places = range(0, degree * stride, stride)
    return rotating(n_in, n_out, places, name="regular_rotating", parameters=parameters)


@construction
def long_range_rotating(n_in: int, n_out: int, degree: int) -> Topology:
    """Return half of the ones adjacent and half spread over the rest, rotated.

    Source: arXiv:1706.05683, "long-range regular rotating": distant connections mix information
    better. Interpretation: if the degree is odd, the larger half is adjacent, from place 0 on.
    "Spread regularly" cuts the remaining places into equal parts, one for each remaining one, which
    is in the middle of its part.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        If the degree is not between 1 and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.long_range_rotating(14, 14, degree=4).generator
    array([ 0,  1,  5, 11], dtype=uint32)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    n_spread = degree // 2
    n_near = degree - n_spread
    free = n_out - n_near
    spread = [n_near + (2 * j + 1) * free // (2 * n_spread) for j in range(n_spread)]
    return rotating(
        n_in,
        n_out,
        [*range(n_near), *spread],
        name="long_range_rotating",
        parameters={"degree": degree},
    )


@construction
def fibonacci_rotating(n_in: int, n_out: int, degree: int) -> Topology:
    """Return ones at the Fibonacci numbers, rotated: dense nearby, ever sparser far away.

    Source: arXiv:1706.05683, "Fibonacci rotating". Interpretation: the list is 0, 1, 2, 3, 5, 8, …,
    that is place 0 and then the distinct Fibonacci numbers, ``degree`` places in all. If the last
    exceeds n_out, all are scaled by n_out / last and rounded down. Places are circular, so place
    n_out is place 0. The list is taken in order; a place that is taken already is replaced by the
    next free one.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        If the degree is not between 1 and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.fibonacci_rotating(20, 20, degree=6).generator
    array([0, 1, 2, 3, 5, 8], dtype=uint32)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    numbers, following = [0], (1, 2)
    while len(numbers) < min(degree, _SETTLED):
        numbers.append(following[0])
        following = following[1], following[0] + following[1]
    last = numbers[-1]
    if last > n_out:
        numbers = [number * n_out // last for number in numbers]  # exact: they outgrow floats
    free: dict[int, int] = {}  # for a place that is taken, a later one that may be free
    for number in [0] * (degree - len(numbers)) + numbers:
        place, passed = number % n_out, []
        while place in free:
            passed.append(place)
            place = free[place]
        free.update(dict.fromkeys([*passed, place], (place + 1) % n_out))
    return rotating(
        n_in, n_out, sorted(free), name="fibonacci_rotating", parameters={"degree": degree}
    )


@construction
def rotating(
    n_in: int,
    n_out: int,
    generator: Sequence[int] | Array,
    *,
    name: str = "rotating",
    parameters: Mapping[str, int | float] | None = None,
) -> Topology:
    """Return the graph that rotates a given vector: left neuron i has edges to g + i.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    generator : sequence of int
        Places g of the ones, distinct, 0 to n_out - 1; left neuron i is connected to the right
        neurons (g + i) modulo n_out.
    name, parameters
        Name and parameters of the graph, as `Topology` has them.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        If the places are not distinct or not between 0 and n_out - 1.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.rotating(3, 4, [0, 2]).to_dense()
    array([[1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 0, 1, 0]], dtype=uint8)
    """
    n_in, n_out = check_widths(n_in, n_out)
    places = as_array(generator, "generator")
    if places.ndim != 1 or places.size == 0 or not np.issubdtype(places.dtype, np.integer):
        raise ValueError(f"generator must be a list of whole numbers, got {shown(generator)}")
    places = np.sort(places.astype(np.int64))
    if places[0] < 0 or places[-1] >= n_out:
        raise ValueError(
            f"generator must hold places between 0 and n_out - 1 = {n_out - 1}, "
            f"got {shown(generator)}"
        )
    if (places[1:] == places[:-1]).any():
        raise ValueError(f"generator must hold distinct places, got {shown(generator)}")
    check_size(n_in, n_out, n_in * places.size)
    sources = np.repeat(np.arange(n_in), places.size)
    targets = (np.tile(places, n_in) + sources) % n_out
    graph = from_pairs(n_in, n_out, sources, targets, name=name, parameters=parameters)
    return graph.with_generator(places)
