"""Structured graphs: complete, in blocks, N of each M, local on an image, in separate parts."""

from __future__ import annotations

import math

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from .._support.seeds import Seed, seed_of
from .assembly import check_degree, divisors, even_bounds, from_pairs, from_sources, kronecker
from .graph import Topology
from .random import biregular
from .registry import construction
from .validation import check_size, check_widths


@construction
def dense(n_in: int, n_out: int) -> Topology:
    """Return the complete graph: the fully connected layer, the baseline.

    It runs on BLAS if most connections of the network are in complete layers, as in the fully
    connected twin of a sparse network. As the output layer of a sparse network it runs on the
    sparse kernels, which saves handing the cores over to BLAS; see `MLP.runs_on_blas`.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.

    Returns
    -------
    Topology

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.dense(3, 2).n_edges
    6
    """
    return Topology.complete(n_in, n_out)


@construction
def block_random(
    n_in: int, n_out: int, degree: int, *, block: int = 4, seed: Seed = None
) -> Topology:
    """Return a random graph of complete square blocks: groups of neurons joined all to all.

    The neurons of either side are cut into groups of ``block`` consecutive neurons. The groups are
    joined by a random bi-regular graph, `biregular`.

    Source: S. Gray, A. Radford, D. P. Kingma, "GPU Kernels for Block-Sparse Weights", 2017.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons, multiples of ``block``.
    degree : int
        Edges per left neuron, 1 to n_out, a multiple of ``block``.
    block : int
        Neurons in a group.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the widths or the degree are not multiples of ``block``, or the degree is not between 1
        and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.block_random(4, 6, degree=2, block=2, seed=0).to_dense()
    array([[0, 0, 1, 1, 0, 0],
           [0, 0, 1, 1, 0, 0],
           [1, 1, 0, 0, 0, 0],
           [1, 1, 0, 0, 0, 0]], dtype=uint8)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    block = check_positive_integer(block, "block")
    for name, value in (("n_in", n_in), ("n_out", n_out), ("degree", degree)):
        if value % block:
            below = value // block * block
            nearest = f"{below} or {below + block}" if below else f"{block}"
            raise ValueError(
                f"{name} must be a multiple of block = {block}, got {value}; the nearest is "
                f"{nearest}"
            )
    seed = seed_of(seed)
    groups = biregular(n_in // block, n_out // block, degree // block, seed=seed)
    return from_pairs(
        n_in,
        n_out,
        *kronecker(groups, Topology.complete(block, block)),
        name="block_random",
        parameters={"degree": degree, "block": block, "seed": seed},
    )


@construction
def n_of_m(n_in: int, n_out: int, n: int, m: int, *, seed: Seed = None) -> Topology:
    """Return a graph in which each right neuron has exactly n of each m consecutive inputs.

    All right degrees are n_in * n / m. Left degrees are random, with the mean n_out * n / m.

    Source: N:M sparsity, A. Zhou et al., arXiv:2102.04010. NVIDIA's tensor cores take 2:4,
    A. Mishra et al., arXiv:2104.08378.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons; n_in is a multiple of m.
    n, m : int
        Edges, and the number of consecutive inputs that they are among, 1 <= n <= m.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If n exceeds m, or n_in is not a multiple of m.

    Examples
    --------
    >>> import minisnn as snn
    >>> graph = snn.topology.n_of_m(8, 100, 2, 4, seed=0)
    >>> set(graph.to_dense().reshape(2, 4, 100).sum(axis=1).ravel().tolist())
    {2}
    """
    n_in, n_out = check_widths(n_in, n_out)
    n, m = check_positive_integer(n, "n"), check_positive_integer(m, "m")
    if n > m:
        raise ValueError(f"n must be m = {m} at most, got {n}")
    if n_in % m:
        nearest = min(divisors(n_in), key=lambda d: abs(d - m))
        raise ValueError(
            f"m must divide n_in = {n_in}, got {m}; the nearest that does is {nearest}"
        )
    check_size(n_in, n_out, n_out * n_in // m * n)
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    chosen = _distinct(rng, n_out * (n_in // m), n, m).reshape(n_out, n_in // m, n)
    sources = (chosen + np.arange(0, n_in, m)[:, None]).reshape(n_out, -1)
    return from_sources(n_in, sources, name="n_of_m", parameters={"n": n, "m": m, "seed": seed})


def _distinct(rng: np.random.Generator, n_rows: int, n: int, m: int) -> Array:
    """Return n distinct numbers below m in each row, by Floyd's algorithm on all rows at once."""
    chosen = np.empty((n_rows, n), dtype=np.int64)
    for column in range(n):
        last = m - n + column
        drawn = rng.integers(last + 1, size=n_rows)
        is_taken = (chosen[:, :column] == drawn[:, None]).any(axis=1)
        chosen[:, column] = np.where(is_taken, last, drawn)
    return chosen


@construction
def receptive_fields(n_in: int, n_out: int, degree: int, *, height: int | None = None) -> Topology:
    """Return a graph in which each right neuron sees one small square of an image.

    The inputs are the pixels, row by row. The right neurons lie on a grid spread evenly over the
    image, row by row as well, and each has the pixels around its place. At the border the square
    is shifted into the image, so that all right degrees are equal: degree * n_in / n_out, rounded.
    If that is not a square number, the square's last row is cut short. If the image is too low or
    too narrow for a square, it is a rectangle. Pixels between small squares have no edge, and
    border pixels have fewer edges than others: the degree of left neurons is a mean.

    Source: local connections with weights that are not shared, Y. LeCun, "Generalization and
    network design strategies", 1989, network Net-3.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Mean edges per left neuron, 1 to n_out, before rounding.
    height : int, optional
        Rows of the image, a divisor of n_in. By default the image is square.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If n_in is not a square number and no height is given, the height does not divide n_in, or
        the degree is not between 1 and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> graph = snn.topology.receptive_fields(784, 100, degree=2)
    >>> graph.to_dense().reshape(28, 28, 100)[:6, :6, 0]
    array([[1, 1, 1, 1, 0, 0],
           [1, 1, 1, 1, 0, 0],
           [1, 1, 1, 1, 0, 0],
           [1, 1, 1, 1, 0, 0],
           [0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    if height is None:
        height = math.isqrt(n_in)
        if height**2 != n_in:
            raise ValueError(f"n_in = {n_in} pixels are no square image; give its height")
    height = check_positive_integer(height, "height")
    width = n_in // height
    if height * width != n_in:
        raise ValueError(f"height must divide n_in = {n_in} pixels, got {height}")
    fan_in = max(1, round(degree * n_in / n_out))
    side = math.isqrt(fan_in - 1) + 1
    columns = min(width, max(side, -(-fan_in // height)))
    rows = -(-fan_in // columns)
    y, x = _places(n_out, height, width)
    corners = _corners(y, rows, height) * width + _corners(x, columns, width)
    within = np.arange(fan_in)
    sources = corners[:, None] + within // columns * width + within % columns
    parameters = {"degree": degree, "height": height}
    return from_sources(n_in, sources, name="receptive_fields", parameters=parameters)


def _places(n: int, height: int, width: int) -> tuple[Array, Array]:
    """Return real coordinates y, x of n places spread evenly over an image, row by row."""
    n_rows = min(max(1, round((n * height / width) ** 0.5)), n)
    bounds = even_bounds(n, n_rows)
    counts = np.diff(bounds)
    row = np.repeat(np.arange(n_rows), counts)
    in_row = np.arange(n) - bounds[row]
    return (row + 0.5) * height / n_rows, (in_row + 0.5) * width / counts[row]


def _corners(centers: Array, extent: int, limit: int) -> Array:
    """Return the first pixels of intervals around real centers, shifted into 0 to limit."""
    return np.clip(np.rint(centers - extent / 2).astype(np.int64), 0, limit - extent)


@construction
def disconnected(
    n_in: int, n_out: int, degree: int, *, parts: int = 2, seed: Seed = None
) -> Topology:
    """Return separate parts without an edge between them: a control without any expansion.

    The neurons of either side are cut into consecutive parts whose sizes differ by at most one.
    Each part is a random bi-regular graph, `biregular`. Density and left degrees are those of its
    connected peers, but the algebraic connectivity is zero for every degree.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons, at least ``parts``.
    degree : int
        Edges per left neuron, 1 to n_out // parts.
    parts : int
        Number of parts.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If a part would have no neuron, or fewer right neurons than the degree.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.disconnected(4, 4, degree=2, seed=0).to_dense()
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]], dtype=uint8)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    parts = check_positive_integer(parts, "parts")
    if parts > min(n_in, n_out):
        raise ValueError(f"parts must be {min(n_in, n_out)} at most, one neuron each, got {parts}")
    if degree > n_out // parts:
        raise ValueError(
            f"degree must be between 1 and n_out // parts = {n_out // parts}, the right neurons "
            f"of a part, got {degree}; take a lower degree or fewer parts"
        )
    seed = seed_of(seed)
    seeds = np.random.SeedSequence(seed).generate_state(parts)
    ins, outs = even_bounds(n_in, parts), even_bounds(n_out, parts)
    edges = []
    for part, own in enumerate(seeds):
        widths = ins[part + 1] - ins[part], outs[part + 1] - outs[part]
        inside = biregular(*widths, degree, seed=own).edges()
        edges.append(inside + np.array([ins[part], outs[part]]))
    return from_pairs(
        n_in,
        n_out,
        *np.concatenate(edges).T,
        name="disconnected",
        parameters={"degree": degree, "parts": parts, "seed": seed},
    )
