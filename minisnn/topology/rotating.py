"""Rotating graphs: row i of the 0/1 matrix is one vector of length n_out, rotated by i places.

Rotation is to the right, wrapped. With n_in <= n_out - degree, a rotating vector of neighbouring
ones does not reach the last output neurons; such neurons are dead, and `minisnn.MLP` warns of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..arguments import as_array, shown
from ..checks import check_positive_integer
from ..graph import Array, Topology
from ..seeds import Seed, seed_of
from ..structure import check_size, check_widths
from .assembly import check_degree, from_pairs
from .registry import construction

_SETTLED = 300
"""Fibonacci numbers of a longer list that are computed: scaled by the last of so many, the first
are 0, and the others what they would be in any longer list, since the ratios have settled."""


@construction
def random_rotating(n_in: int, n_out: int, degree: int, *, seed: Seed = None) -> Topology:
    """Return a random binary vector, rotated: each place is 1 with probability degree / n_out.

    Source: arXiv:1706.05683, "random rotating". The number of ones is itself random, with
    ``degree`` for its mean. Our reading: a vector without any one is drawn again, since a layer
    without edges cannot be trained; that raises the mean a little where the degree is below 4.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Expected edges per left neuron, 1 to n_out.
    seed : int, SeedSequence or Generator, optional
        Of the random vector; by default fresh, and kept in ``parameters["seed"]``.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        Where the degree is not between 1 and n_out.

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

    Source: arXiv:1706.05683, "regular rotating". There the ones stand side by side, at places 0 to
    degree - 1. Other strides are ours: where the stride divides both widths the graph falls apart
    into as many pieces, the worst of offsets that a circulant can have.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.
    stride : int
        From each one to the next, at least 1; degree * stride is at most n_out.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        Where the degree is not between 1 and n_out, or the ones do not fit in at this stride.

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
    """Return half of the ones side by side and half spread over the rest, rotated.

    Source: arXiv:1706.05683, "long-range regular rotating": connections far away mix information
    better. Our readings: an odd degree puts the larger half side by side, at the places from 0;
    "spread regularly" cuts the places left into equal parts, one for each remaining one, which
    stands in the middle of its part.

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
        Where the degree is not between 1 and n_out.

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

    Source: arXiv:1706.05683, "Fibonacci rotating". Our readings: the list is 0, 1, 2, 3, 5, 8, …,
    that is place 0 and then the distinct Fibonacci numbers, ``degree`` places in all. Where the
    last exceeds n_out, all are scaled by n_out / last and rounded down. Places are circular, so
    place n_out is place 0. Going through the list in order, a place that is taken already is
    replaced by the next free one.

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
        Where the degree is not between 1 and n_out.

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
    free: dict[int, int] = {}  # of a place that is taken, one after it that may be free
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
    """Return the graph that rotates a vector of your own: left neuron i has edges to g + i.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    generator : sequence of int
        Places g of the ones, distinct, 0 to n_out - 1; left neuron i is connected to the right
        neurons (g + i) modulo n_out.
    name, parameters
        How the graph describes itself.

    Returns
    -------
    Topology
        With ``generator`` set.

    Raises
    ------
    ValueError
        Where the places are not distinct or not between 0 and n_out - 1.

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
