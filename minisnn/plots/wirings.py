"""Plot of a wiring: its levels from left to right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_kind
from ..wiring.graph import Wiring
from .curves import curve, has_room, label, set_columns, short, width_of
from .style import COLORS, new_figure

_MOST_TERMS = 24  # of a level that are drawn one by one
_THIN, _WIDE = 0.7, 8.0  # lines, in points


class _Picture(NamedTuple):
    """Nodes, each a term or a whole level, and lines, each an edge or many.

    Parameters
    ----------
    terms : array of int, shape (n_nodes,)
        First term of each node.
    n_terms, levels : array of int, shape (n_nodes,)
        Its terms, and their level.
    begins, ends : array of int, shape (n_lines,)
        Nodes of each line.
    n_edges : array of int, shape (n_lines,)
        Its edges between neurons.
    """

    terms: Array
    n_terms: Array
    levels: Array
    begins: Array
    ends: Array
    n_edges: Array


def plot_wiring(wiring: Wiring) -> Any:
    """Return a figure of the levels of a wiring: inputs at the left, the last level at the right.

    Terms are points with their names. A level of more than 24 terms is a single bar, whose height
    grows with their number. Lines between such bars stand for many edges: the wider, the more.
    Edges that skip levels have a colour of their own.

    Parameters
    ----------
    wiring : Wiring
        Of any size.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is no wiring.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "out"), ("b", "out")])
    >>> figure = plots.plot_wiring(wiring)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['a', 'b', 'p', 'out']
    """
    picture = _picture(check_kind(wiring, Wiring, "wiring"))
    y = _heights(picture)
    most = int(np.bincount(picture.levels).max())
    n_columns = wiring.n_levels + 1
    figure = new_figure(width_of(n_columns), min(max(3.8, 1.2 + 0.3 * most), 9.0))
    axes = figure.subplots()
    _draw_lines(axes, picture, y)
    _draw_nodes(axes, wiring, picture, y)
    set_columns(axes, _columns(wiring))
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return figure


def _picture(wiring: Wiring) -> _Picture:
    levels = wiring.levels
    is_small = np.bincount(levels) <= _MOST_TERMS
    is_first = is_small[levels] | np.diff(levels, prepend=-1).astype(bool)
    node = np.cumsum(is_first) - 1
    sources, targets = wiring.term_edges()
    n_nodes = int(node[-1]) + 1
    lines, which = np.unique(node[targets] * n_nodes + node[sources], return_inverse=True)
    n_edges = np.bincount(which, wiring.units[sources] * wiring.units[targets])
    terms = np.flatnonzero(is_first)
    return _Picture(
        terms, np.bincount(node), levels[terms], lines % n_nodes, lines // n_nodes, n_edges
    )


def _heights(picture: _Picture) -> Array:
    """Return where each node stands in its column, 0 to 1: near what it reads."""
    n = picture.levels.size
    y = np.zeros(n)
    for level in range(picture.levels[-1] + 1):
        nodes = np.flatnonzero(picture.levels == level)
        if level:
            reads = np.bincount(picture.ends, picture.n_edges * y[picture.begins], n)
            mean = reads / np.maximum(np.bincount(picture.ends, picture.n_edges, n), 1)
            nodes = nodes[np.argsort(-mean[nodes], kind="stable")]
        y[nodes] = 1 - (np.arange(nodes.size) + 0.5) / nodes.size
    return y


def _draw_lines(axes: Any, picture: _Picture, y: Array) -> None:
    from matplotlib.collections import PathCollection

    levels, begins, ends = picture.levels, picture.begins, picture.ends
    span = levels[ends] - levels[begins]
    over = (span > 1) & (picture.n_terms[begins] > 1) & (picture.n_terms[ends] > 1)
    rise = np.where(over, np.minimum(0.2 + 0.1 * span, 0.6), 0)  # bars between are in the middle
    widths = np.maximum(_WIDE * np.sqrt(picture.n_edges / picture.n_edges.max()), _THIN)
    if picture.n_terms.max() == 1:
        widths[:] = _THIN
    left = _attached(picture, y, begins, y[ends] + rise)
    right = _attached(picture, y, ends, y[begins] + rise)
    text_color = axes.xaxis.label.get_color()  # that of the style: dark on light, or the reverse
    alpha = min(max(0.35, 30 / begins.size), 0.7)
    for which, color, name in (
        (span == 1, text_color, "edges from the level before"),
        (span > 1, COLORS[1], "edges that skip levels"),
    ):
        if which.any():
            paths = [
                curve(
                    (levels[begins[i]], left[i]),
                    (levels[ends[i]], right[i]),
                    rise[i],
                )
                for i in np.flatnonzero(which)
            ]
            axes.add_collection(
                PathCollection(
                    paths,
                    facecolors="none",
                    edgecolors=color,
                    alpha=alpha,
                    linewidths=widths[which].tolist(),
                )
            )
            axes.plot([], [], color=color, alpha=0.6, label=name)


def _bar_heights(picture: _Picture) -> Array:
    """Return the height of each node's bar, 0 for a single term."""
    heights = 0.9 * np.sqrt(picture.n_terms / picture.n_terms.max())
    return np.where(picture.n_terms > 1, heights, 0)


def _attached(picture: _Picture, y: Array, nodes: Array, toward: Array) -> Array:
    """Return where lines meet their nodes: spread over a bar, in the order of their other ends."""
    order = np.lexsort((toward, nodes))
    n_lines = np.bincount(nodes, minlength=y.size)
    place = np.arange(nodes.size) - (np.cumsum(n_lines) - n_lines)[nodes[order]]
    share = np.empty(nodes.size)
    share[order] = (place + 0.5) / n_lines[nodes[order]] - 0.5
    return y[nodes] + 0.9 * share * _bar_heights(picture)[nodes]


def _draw_nodes(axes: Any, wiring: Wiring, picture: _Picture, y: Array) -> None:
    outputs = set(wiring.outputs)
    kinds = np.where(picture.levels == 0, 0, 1)
    names = [wiring.terms[term] for term in picture.terms]
    kinds[[name in outputs for name in names] & (picture.n_terms == 1)] = 2
    for kind, (color, text) in enumerate(
        ((COLORS[3], "inputs"), (COLORS[0], "terms"), (COLORS[2], "outputs"))
    ):
        one = (kinds == kind) & (picture.n_terms == 1)
        many = (kinds == kind) & (picture.n_terms > 1)
        heights = _bar_heights(picture)[many]
        axes.bar(picture.levels[many], heights, 0.12, y[many] - heights / 2, color=color, zorder=3)
        if one.any() or many.any():
            axes.scatter(picture.levels[one], y[one], s=36, color=color, zorder=3, label=text)
    for node in np.flatnonzero((picture.n_terms == 1) & has_room(wiring.n_levels + 1)):
        level = int(picture.levels[node])
        label(axes, level, y[node], short(names[node]), left=level == 0)


def _columns(wiring: Wiring) -> list[str]:
    """Return what stands below each level: its terms, outputs among them, and neurons."""
    n_terms = np.bincount(wiring.levels).tolist()
    outputs = np.bincount(
        [wiring.level_of[name] for name in wiring.outputs], minlength=len(n_terms)
    )
    neurons = np.diff(wiring.level_starts).tolist()
    texts = []
    for level, n in enumerate(n_terms):
        lines = [f"level {level}", f"terms: {n:,}"] if level else [f"inputs: {n:,}"]
        if neurons[level] > n:
            lines.append(f"neurons: {neurons[level]:,}")
        if outputs[level] and n > _MOST_TERMS:
            lines.append(f"outputs: {outputs[level]:,}")
        texts.append("\n".join(lines))
    return texts
