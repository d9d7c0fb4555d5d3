"""Validation of a graph before it is made: its widths, its size, its CSR structure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.checks import is_whole
from .._support.memory import check_fits
from .._support.messages import shown

_MAX_NEURONS = 2**31  # what SciPy's int32 indices can address, which transpose the graph
_MAX_EDGES = 2**32  # what uint32 can address
_EDGE, _NEURON = 40, 16  # bytes that one takes while a graph is made


def check_widths(n_in: Any, n_out: Any) -> tuple[int, int]:
    """Return both as Python integers; raise unless the index type can address so many neurons."""
    for name, width in (("n_in", n_in), ("n_out", n_out)):
        if not is_whole(width):
            raise TypeError(f"{name} must be a whole number of neurons, got {shown(width)}")
        if not 1 <= width < _MAX_NEURONS:
            raise ValueError(
                f"{name} must be between 1 and {_MAX_NEURONS - 1}, got {shown(int(width))}"
            )
    return int(n_in), int(n_out)


def check_size(n_in: int, n_out: int, n_edges: float) -> None:
    """Raise, before it is made, where a graph has too many edges, or takes too much memory."""
    _check_edges(n_edges)
    n_bytes = _EDGE * n_edges + _NEURON * (n_in + n_out)
    check_fits(n_bytes, f"to make a graph {n_in} -> {n_out} of {n_edges:.0f} edges")


def check_complete(n_in: int, n_out: int) -> None:
    """The same for a complete graph: it does not list its edges, so it may have any number."""
    check_fits(_NEURON * n_out, f"a complete graph {n_in} -> {n_out}")


def _check_edges(n_edges: float) -> None:
    if n_edges >= _MAX_EDGES:
        raise ValueError(f"a graph may have {_MAX_EDGES - 1} edges at most, got {n_edges:.0f}")


def check_structure(
    n_in: int, n_out: int, indptr: npt.NDArray[Any], indices: npt.NDArray[Any]
) -> None:
    """Raise unless the arrays are a CSR structure: a row for each output, ascending indices."""
    for name, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
            raise ValueError(
                f"{name} must be a 1-D array of integers, got {array.ndim}-D {array.dtype}"
            )
    if len(indptr) != n_out + 1 or indptr[0] != 0 or indptr[-1] != len(indices):
        raise ValueError(
            f"indptr must have n_out + 1 = {n_out + 1} entries, from 0 to the number of edges "
            f"{len(indices)}, got {len(indptr)} entries from {indptr[:1]} to {indptr[-1:]}"
        )
    if (indptr[1:] < indptr[:-1]).any():
        raise ValueError("indptr must not decrease")
    if indices.size == 0:
        raise ValueError("the graph has no edge; a layer needs at least one")
    _check_edges(indices.size)
    if indices.min() < 0 or indices.max() >= n_in:
        raise ValueError(
            f"indices must lie between 0 and n_in - 1 = {n_in - 1}, "
            f"got {indices.min()} to {indices.max()}"
        )
    ascending = indices[1:].astype(np.int64) > indices[:-1].astype(np.int64)
    row_begins = indptr[1:-1]
    ascending[row_begins[(row_begins > 0) & (row_begins < len(indices))] - 1] = True
    if not ascending.all():
        raise ValueError(
            "indices must be strictly ascending within an output neuron; "
            "use minisnn.topology.from_edges for edges in any order"
        )
