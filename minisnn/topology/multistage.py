"""Multistage graphs: lists of sparse layers that together connect every input to every output.

Each function returns a list of graphs, one for each layer. The number of paths from an input to an
output is the same for all pairs: sparsity costs depth, not reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .._support.checks import as_list, check_positive_integer
from .._support.messages import shown
from .assembly import from_pairs, from_targets, kronecker
from .graph import Topology
from .registry import construction
from .rotating import rotating
from .validation import check_size, check_widths


@construction
def radix_net(
    systems: Sequence[Sequence[int]], *, widths: Sequence[int] | None = None
) -> list[Topology]:
    """Return the layers of a RadiX-Net: digit after digit of mixed-radix numbers, then thickened.

    A number system with radices r1, r2, … has N = r1 r2 … numbers. In the layer of its k-th digit,
    neuron i is joined with i + j r1 … r(k-1), j = 0 to rk - 1, modulo N. After the last digit,
    exactly one path leads from each of the N neurons to each. Several systems follow one another;
    the product of the last may be a divisor of N. Finally, each layer becomes its Kronecker product
    with a matrix of ones, which multiplies all degrees and keeps them equal.

    Source: R. A. Robinett, J. Kepner, "RadiX-Net: Structured Sparse Matrices for Deep Neural
    Networks", arXiv:1905.00416.

    Parameters
    ----------
    systems : sequence of sequences of int
        The radices of each number system, each at least 2. There is one layer for each radix.
    widths : sequence of int, optional
        Number of copies of the N neurons at each level; there is one more level than layers. By
        default 1 everywhere.

    Returns
    -------
    list of Topology
        Layer k has widths[k] N left and widths[k + 1] N right neurons; left neurons have
        widths[k + 1] rk edges, right ones widths[k] rk.

    Raises
    ------
    ValueError
        If a system is empty or has a radix below 2, the products do not agree, or the number of
        widths is not one more than the number of layers.

    Examples
    --------
    >>> import minisnn as snn
    >>> for graph in snn.topology.radix_net([[2, 3]], widths=[1, 4, 2]):
    ...     print(graph)
    Topology(radix_net, 6 -> 24, radix=2, n_edges=48, density=33.3 %)
    Topology(radix_net, 24 -> 12, radix=3, n_edges=144, density=50 %)
    >>> snn.topology.radix_net([[2, 2]])[1].to_dense()
    array([[1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 0, 1, 0],
           [0, 1, 0, 1]], dtype=uint8)
    """
    size, layers = _check_systems(systems)
    copies = [1] * (len(layers) + 1)
    if widths is not None:
        copies = as_list(widths, "widths", "whole numbers")
    if len(copies) != len(layers) + 1:
        raise ValueError(
            f"widths must have one entry for each of the {len(layers) + 1} levels of neurons, one "
            f"more than there are radices, got {len(copies)}"
        )
    copies = [check_positive_integer(count, "a width") for count in copies]
    graphs = []
    for (radix, weight), (n_left, n_right) in zip(layers, pairwise(copies), strict=True):
        shape = check_widths(size * n_left, size * n_right)
        check_size(*shape, shape[0] * n_right * radix)
        digit = rotating(size, size, weight * np.arange(radix))
        edges = kronecker(Topology.complete(n_left, n_right), digit)
        graphs.append(from_pairs(*shape, *edges, name="radix_net", parameters={"radix": radix}))
    return graphs


def _check_systems(systems: Sequence[Sequence[int]]) -> tuple[int, list[tuple[int, int]]]:
    """Return the size of the systems, and for each digit of each its radix and its weight."""
    layers = []
    products = []
    for system in as_list(systems, "systems", "lists of radices"):
        weight = 1
        for value in as_list(system, "a number system", "radices"):
            radix = check_positive_integer(value, "a radix")
            if radix < 2:
                raise ValueError(f"a radix must be at least 2, got {radix} in {list(system)}")
            layers.append((radix, weight))
            weight *= radix
        products.append(weight)
    if not layers or 1 in products:
        raise ValueError(
            f"each number system needs a radix, and there must be one, got {shown(systems)}"
        )
    size, *others = products
    if any(other != size for other in others[:-1]) or size % products[-1]:
        raise ValueError(
            f"all systems must have one product, of which that of the last is a divisor; got "
            f"{shown(systems)} with the products {products}"
        )
    return size, layers


@construction
def butterfly(n: int) -> list[Topology]:
    """Return the log2(n) layers of a butterfly, the wiring of the fast Fourier transform.

    In layer k, neuron i is joined with itself and with the neuron whose number differs in the k-th
    binary digit, the lowest first. All degrees are 2. After the last layer, exactly one path leads
    from each neuron to each.

    Source: T. Dao, A. Gu, M. Eichhorn, A. Rudra, C. Ré, "Learning Fast Algorithms for Linear
    Transforms Using Butterfly Factorizations", arXiv:1903.05895; as sparse layers, T. Dao et al.,
    "Pixelated Butterfly", arXiv:2112.00029.

    Parameters
    ----------
    n : int
        Neurons of every level, a power of 2, at least 2.

    Returns
    -------
    list of Topology

    Raises
    ------
    ValueError
        If n is not a power of 2, or below 2.

    Examples
    --------
    >>> import minisnn as snn
    >>> layers = snn.topology.butterfly(4)
    >>> layers[1].to_dense()
    array([[1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 0, 1, 0],
           [0, 1, 0, 1]], dtype=uint8)
    """
    n = check_positive_integer(n, "n")
    n_layers = n.bit_length() - 1
    if n < 2 or n != 2**n_layers:
        nearest = f"{2**n_layers} or {2 ** (n_layers + 1)}" if n > 1 else "2"
        raise ValueError(f"n must be a power of 2, at least 2, got {n}; the nearest is {nearest}")
    check_size(*check_widths(n, n), 2 * n * n_layers)
    neurons = np.arange(n)
    return [
        from_targets(
            np.stack([neurons, neurons ^ 2**k], axis=1),
            n,
            name="butterfly",
            parameters={"stride": 2**k},
        )
        for k in range(n_layers)
    ]
