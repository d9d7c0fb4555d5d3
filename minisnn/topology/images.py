"""Local receptive fields on an image."""

from __future__ import annotations

import math

import numpy as np

from ..checks import check_positive_integer
from ..graph import Array, Topology
from .assembly import check_degree, even_bounds, from_sources


def receptive_fields(n_in: int, n_out: int, degree: int, *, height: int | None = None) -> Topology:
    """Return a graph in which each right neuron sees one small square of an image.

    The inputs are the pixels, row by row. The right neurons lie on a grid spread evenly over the
    image, row by row as well, and each has the pixels around its place. At the border the square
    is shifted into the image, so that every neuron has as many: degree * n_in / n_out, rounded.
    Where that is no square number, the square's last row is cut short; where the image is too low
    or too narrow for a square, it is a rectangle. Pixels that lie between small squares have no
    edge, and border pixels have fewer than others: the degree of left neurons is a mean.

    Source: local connections with weights that are not shared, Y. LeCun, "Generalization and
    network design strategies", 1989, there Net-3.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Mean edges per left neuron, 1 to n_out, but for the rounding.
    height : int, optional
        Rows of the image, a divisor of n_in. By default the image is square.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        Where the image is not a rectangle, or the degree is not between 1 and n_out.

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
    """Return y and x of n places spread evenly, row by row, over an image, as real numbers."""
    n_rows = min(max(1, round((n * height / width) ** 0.5)), n)
    bounds = even_bounds(n, n_rows)
    counts = np.diff(bounds)
    row = np.repeat(np.arange(n_rows), counts)
    in_row = np.arange(n) - bounds[row]
    return (row + 0.5) * height / n_rows, (in_row + 0.5) * width / counts[row]


def _corners(centers: Array, extent: int, limit: int) -> Array:
    """Return where intervals of whole pixels around real centers begin, shifted into 0 to limit."""
    return np.clip(np.rint(centers - extent / 2).astype(np.int64), 0, limit - extent)
