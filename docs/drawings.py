"""Drawings of the site: SVG that stands in its pages, in the colours of the page around it.

So one drawing serves the light and the dark page, and is sharp at any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import minisnn as snn


def adjacency(graphs: Sequence[snn.Topology], label: str) -> str:
    """Return the adjacency matrices of graphs side by side: a row for each input."""
    gap = 3
    width = sum(graph.n_out for graph in graphs) + gap * (len(graphs) - 1)
    height = max(graph.n_in for graph in graphs)
    parts, left = [], 0
    for graph in graphs:
        parts.append(_matrix(graph, left))
        left += graph.n_out + gap
    return (
        f'<svg class="adjacency" viewBox="-1 -1 {width + 2} {height + 2}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _matrix(graph: snn.Topology, left: int) -> str:
    """Return one matrix: the neighbours of each row are one stroke."""
    strokes = []
    for row, ones in enumerate(graph.to_dense().tolist()):
        column = 0
        for is_edge, run in groupby(ones):
            length = len(list(run))
            if is_edge:
                strokes.append(f"M{column} {row}.5h{length}")
            column += length
    return (
        f'<g transform="translate({left})">'
        f'<rect class="frame" x="-.5" y="-.5" width="{graph.n_out + 1}" height="{graph.n_in + 1}"/>'
        f'<path class="edges" d="{"".join(strokes)}"/></g>'
    )
