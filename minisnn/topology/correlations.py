"""Graphs that follow the correlations of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.columns import read_columns
from .._support.memory import check_fits
from ..kernels.machine.blas_threads import blas_threads
from .assembly import check_degree, even_bounds, from_pairs
from .graph import Topology
from .registry import construction

_BLOCK = 2**22  # correlations that are looked at at once
_DIGITS = 9  # of a correlation; what is equal but for rounding is a tie


@construction
def correlated(X: Any, n_out: int, degree: int) -> Topology:
    """Return a graph in which each output reads the inputs that are most correlated with one.

    Each output stands for an input: outputs are spread evenly over all inputs that are not the same
    in all samples. If there are more outputs than inputs, several stand for one, and read the same.
    An output reads those inputs whose Pearson correlation with its own one is largest, whatever the
    sign, and its own one last. Of equal ones it reads the first. In-degrees differ by at most 1;
    inputs that many others resemble become hubs. The graph follows X alone, without labels; take
    training samples only.

    Source: correlated sparse topological initialisation (CSTI), Y. Zhang et al., ICLR 2024,
    doi:10.20944/preprints202207.0139. There one threshold holds for all pairs, so that an output
    may have no edge; here each has its share.

    Parameters
    ----------
    X : array-like or DataFrame, shape (samples, n_in)
        Data of the layer's inputs, numbers of any type; at least 2 samples. The names of columns
        become those of the inputs.
    n_out : int
        Number of right (output) neurons.
    degree : int
        Edges per left neuron on average, 1 to n_out: an output has ``n_in * degree / n_out``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError, TypeError
        If X is no matrix of finite numbers, no input varies, or the degree is out of range.
    MemoryError
        If X in float64 would not fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> signal = np.random.default_rng(0).standard_normal((200, 2))
    >>> X = signal @ [[1, 1, 0, 0], [0, 0, 1, 1]]  # columns 0 and 1 are alike, and so are 2 and 3
    >>> snn.topology.correlated(X, 4, degree=1).edges().tolist()
    [[1, 0], [0, 1], [3, 2], [2, 3]]
    """
    data, names = read_columns(X, "X")
    _check(data)
    n_in, n_out, degree = check_degree(data.shape[1], n_out, degree)
    varying, scaled = _standardised(data)
    shares = np.diff(even_bounds(n_in * degree, n_out))
    closest = _most_correlated(scaled, varying, int(shares.max()))
    targets = np.repeat(np.arange(n_out), shares)
    ranks = np.arange(targets.size) - np.repeat(np.cumsum(shares) - shares, shares)
    sources = closest[targets * len(varying) // n_out, ranks]
    parameters = {"degree": degree}
    graph = from_pairs(n_in, n_out, sources, targets, name="correlated", parameters=parameters)
    return graph.with_names(names or None, None)


def _check(data: Array) -> None:
    if data.ndim != 2 or data.shape[0] < 2 or data.shape[1] < 1:
        raise ValueError(f"X must have shape (samples, n_in), 2 samples at least, got {data.shape}")
    if data.dtype.kind not in "buif":
        raise TypeError(f"X must hold numbers, got {data.dtype}")
    check_fits(8 * data.size, f"X of shape {data.shape} in float64", "take fewer samples")
    if not np.isfinite(data).all():
        row, column = np.argwhere(~np.isfinite(data))[0]
        raise ValueError(
            f"X must hold finite numbers, got {data[row, column]} in row {row}, column {column}"
        )


def _standardised(data: Array) -> tuple[Array, Array]:
    """Return the inputs that vary, and float64[samples, n_in] of columns of mean 0 and norm 1."""
    scaled = data.astype(np.float64)
    varies = (scaled != scaled[0]).any(axis=0)
    if not varies.any():
        raise ValueError("X must hold an input that varies; each is the same in all samples")
    _, exponents = np.frexp(np.abs(scaled).max(axis=0))
    scaled = np.ldexp(scaled, -exponents)  # exactly, so that squares stay finite
    scaled -= scaled.mean(axis=0)
    scaled /= np.where(varies, np.linalg.norm(scaled, axis=0), np.inf)
    return np.flatnonzero(varies), scaled


@blas_threads()
def _most_correlated(scaled: Array, inputs: Array, n: int) -> Array:
    """Return the n inputs that are correlated most with each of some, int64[inputs, n]."""
    closest = np.empty((len(inputs), n), dtype=np.int64)
    step = max(1, _BLOCK // scaled.shape[1])
    for begin in range(0, len(inputs), step):
        own = inputs[begin : begin + step]
        sizes = np.round(np.abs(scaled[:, own].T @ scaled), _DIGITS)
        sizes[np.arange(len(own)), own] = -1
        closest[begin : begin + step] = np.argsort(-sizes, axis=1, kind="stable")[:, :n]
    return closest
