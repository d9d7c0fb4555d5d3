"""Deterministic Ramanujan graphs: points and lines of the affine plane over a finite field."""

from __future__ import annotations

import numpy as np

from ..graph import Topology
from .assembly import check_degree, from_targets
from .finite_field import FiniteField, prime_power

_ROUNDING = 1e-9


def ramanujan(n_in: int, n_out: int, degree: int) -> Topology:
    """Return points and lines of a finite plane, which expand as well as sparse graphs can.

    Left neuron (a, x) and right neuron (b, y) are joined where y = x + a b in the field GF(q): the
    point (b, y) lies on the line with slope a through (0, x). Neuron (a, x) has number a q + x. Two
    lines share one point at most, so there are no cycles of length 4, and for every field and any
    choice of slopes the second singular value of the 0/1 matrix is at most √q. A graph with J
    slopes and L columns of points has left degree L and right degree J; it is *Ramanujan* if that
    singular value is at most √(L - 1) + √(J - 1), which infinite families cannot undercut.

    There is a graph exactly where n_in = J q, n_out = L q and degree = L for a prime power q, with
    2 <= J, L <= q < J L and √(J - 1) + √(L - 1) >= √q, so that it is certain to be connected and
    Ramanujan; then the density is 1 / q. J or L equal to q will do with any other.

    Source: array codes, J. L. Fan, 2000; that they are Ramanujan, S. P. Burnwal, K. Sinha,
    M. Vidyasagar, arXiv:1910.03937. Fields that are not prime, and more than one side short of q,
    are our extension: over the characters of the field's addition the matrix falls apart into
    J x L pieces of q x q Fourier matrices, whose singular values are √q.

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
        Where there is no such graph; the message names the nearest.

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
    """Return widths and degree that are possible, the sum of whose relative changes is least."""
    best: tuple[float, tuple[int, int, int]] = np.inf, (0, 0, 0)
    for q in range(2, 2 * max(n_in, n_out) + 3):
        # Even with the best of slopes and degrees this far, larger fields are too large: both
        # widths are at least 2 q, and one is at least q * q / 4.
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
