"""Sankey diagram of a wiring: shares of its strongest terms in the outputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import as_array, check_kind
from ..wiring.graph import Wiring
from .curves import has_room, label, ribbon, set_columns, short, width_of
from .style import COLORS, new_figure

_MOST_TERMS = 8  # of a level that have nodes of their own
_GAP = 0.04  # between nodes; all outputs together are 1
_BAR = 0.08  # width of a node; columns are 1 apart
_NOTHING = 1e-9  # share that is not drawn
_GREY = "#888888"


class _Diagram(NamedTuple):
    """Nodes, each a term or the others of a level, and the bands between them.

    Parameters
    ----------
    names : list of str
        Name of each node.
    is_term, levels, shares : array, shape (n_nodes,)
        Whether it is a single term; its level; its share in the outputs.
    begins, ends, widths : array, shape (n_bands,)
        Nodes of each band, and the share that it brings.
    """

    names: list[str]
    is_term: Array
    levels: Array
    shares: Array
    begins: Array
    ends: Array
    widths: Array


def plot_sankey(wiring: Wiring, values: npt.ArrayLike | None = None) -> Any:
    """Return a Sankey diagram of the terms with the largest shares in the outputs.

    The outputs have equal shares in a total of 100 %. Each term hands its share to its sources, in
    proportion to the magnitudes of the values of their edges: a node takes in at the left as much
    as it hands out at the right. The eight largest terms of each level are nodes of their own; all
    others of the level are one grey node.

    Parameters
    ----------
    wiring : Wiring
        Of any size.
    values : array-like of float, shape (n_edges,), optional
        A value for each edge in the order of `Wiring.indices`, such as a network's weights. By
        default `Wiring.weights`; if there are none, all edges are alike.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If it is no wiring, there is not a finite number for each edge, or all that lead to
        outputs are 0.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "out"), ("b", "out")])
    >>> figure = plots.plot_sankey(wiring, [0.5, 0.5, -1, 3])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['a  37.5 %', 'b  62.5 %', 'p  75 %', 'out  100 %']
    """
    diagram = _diagram(check_kind(wiring, Wiring, "wiring"), _magnitudes(wiring, values))
    n_columns = wiring.n_levels + 1
    figure = new_figure(width_of(n_columns), 5.5)
    axes = figure.subplots()
    colors, tops = _draw_nodes(axes, diagram)
    _draw_bands(axes, diagram, colors, tops)
    set_columns(axes, ["inputs", *(f"level {level}" for level in range(1, n_columns))])
    axes.set_title("shares in the outputs", fontsize=10)
    return figure


def _magnitudes(wiring: Wiring, values: npt.ArrayLike | None) -> Array:
    """Return a magnitude for each edge between terms: the sum over its edges between neurons."""
    if values is None:
        values = np.ones(wiring.n_edges) if wiring.weights is None else wiring.weights
    array = as_array(values, "values")
    if array.shape != (wiring.n_edges,) or array.dtype.kind not in "buif":
        raise ValueError(
            f"values must be a number for each of the {wiring.n_edges} edges, got shape "
            f"{array.shape} of {array.dtype}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"values must be finite numbers, got {array[~np.isfinite(array)][0]}")
    sources, targets = wiring.term_edges()
    n = len(wiring.terms)
    term = np.repeat(np.arange(n), wiring.units)  # of each row
    edges = np.repeat(term, np.diff(wiring.indptr)) * n + term[wiring.indices]
    places = np.searchsorted(targets * n + sources, edges)
    return np.bincount(places, np.abs(array.astype(np.float64)))


def _shares(wiring: Wiring, magnitudes: Array) -> tuple[Array, Array]:
    """Return the share of each term in the outputs, and the part that each edge hands on."""
    sources, targets = wiring.term_edges()
    total = np.bincount(targets, magnitudes)[targets]
    parts = np.divide(magnitudes, total, out=np.zeros_like(magnitudes), where=total > 0)
    shares = np.zeros(len(wiring.terms))
    outputs = set(wiring.outputs)
    shares[[name in outputs for name in wiring.terms]] = 1 / len(outputs)
    bounds = np.searchsorted(wiring.levels[targets], np.arange(1, wiring.n_levels + 2))
    for begin, end in zip(bounds[-2::-1], bounds[:0:-1], strict=True):
        parts[begin:end] *= shares[targets[begin:end]]
        np.add.at(shares, sources[begin:end], parts[begin:end])
    if not parts.any():
        raise ValueError("values must not be 0 for all edges that lead to outputs")
    return shares, parts


def _diagram(wiring: Wiring, magnitudes: Array) -> _Diagram:
    shares, parts = _shares(wiring, magnitudes)
    order = np.lexsort((-shares, wiring.levels))
    starts = np.searchsorted(wiring.levels, np.arange(wiring.n_levels + 2))
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size) - starts[wiring.levels[order]]  # within the level
    has_share = shares > _NOTHING
    n_shared = np.bincount(wiring.levels, has_share)[wiring.levels]
    most = np.where(n_shared > _MOST_TERMS + 1, _MOST_TERMS, n_shared)
    key = wiring.levels * (_MOST_TERMS + 2) + np.minimum(rank, most)
    keys, first, node = np.unique(key[has_share], return_index=True, return_inverse=True)
    of_term = np.full(len(wiring.terms), -1)
    of_term[has_share] = node
    counts = np.bincount(node)
    firsts = np.flatnonzero(has_share)[first]
    sources, targets = wiring.term_edges()
    drawn = parts > _NOTHING
    pairs, which = np.unique(
        of_term[targets[drawn]] * keys.size + of_term[sources[drawn]], return_inverse=True
    )
    return _Diagram(
        [
            short(wiring.terms[term]) if n == 1 else f"{n:,} others"
            for term, n in zip(firsts, counts, strict=True)
        ],
        counts == 1,
        wiring.levels[firsts],
        np.bincount(node, shares[has_share]),
        pairs % keys.size,
        pairs // keys.size,
        np.bincount(which, parts[drawn]),
    )


def _draw_nodes(axes: Any, diagram: _Diagram) -> tuple[list[str], Array]:
    """Draw the nodes column by column from the right, each near its readers."""
    n = diagram.levels.size
    tops, colors = np.zeros(n), [_GREY] * n
    for level in range(diagram.levels.max(), -1, -1):
        nodes = np.flatnonzero(diagram.levels == level)
        middle = tops - diagram.shares / 2
        pull: Array = np.bincount(diagram.begins, diagram.widths * middle[diagram.ends], n)
        pull = pull / np.maximum(np.bincount(diagram.begins, diagram.widths, n), _NOTHING)
        nodes = nodes[np.lexsort((-pull[nodes], ~diagram.is_term[nodes]))]
        heights = diagram.shares[nodes]
        tops[nodes] = -np.cumsum(heights + _GAP) + heights
        for place, node in enumerate(nodes):
            if diagram.is_term[node]:
                colors[node] = COLORS[place % len(COLORS)]
    for node in np.lexsort((-tops, diagram.levels)):
        level, share = int(diagram.levels[node]), diagram.shares[node]
        axes.bar(level, share, _BAR, tops[node] - share, color=colors[node], zorder=3)
        if not has_room(diagram.levels.max() + 1):
            continue
        x = level - _BAR / 2 if level == 0 else level + _BAR / 2
        percent = f"{100 * share:.3g} %" if share >= 0.001 else "< 0.1 %"
        text = f"{diagram.names[node]}  {percent}"
        label(axes, x, tops[node] - share / 2, text, left=level == 0)
    return colors, tops


def _draw_bands(axes: Any, diagram: _Diagram, colors: list[str], tops: Array) -> None:
    from matplotlib.collections import PathCollection

    begins, ends, widths = diagram.begins, diagram.ends, diagram.widths
    left, right = tops[begins].copy(), tops[ends].copy()
    for of_band, side, other in ((left, begins, ends), (right, ends, begins)):
        order = np.lexsort((-tops[other], side))
        before = np.cumsum(widths[order]) - widths[order]  # above it at its node, and other nodes
        first = np.searchsorted(side[order], side[order])
        of_band[order] -= before - before[first]
    paths = [
        ribbon((begin + _BAR / 2, top), (end - _BAR / 2, bottom), width)
        for begin, end, top, bottom, width in zip(
            diagram.levels[begins], diagram.levels[ends], left, right, widths, strict=True
        )
    ]
    faces = [colors[node] for node in begins]
    axes.add_collection(PathCollection(paths, facecolors=faces, edgecolors="none", alpha=0.4))
