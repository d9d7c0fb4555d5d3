"""Drawings of the site: SVG that stands in its pages, in the colours of the page around it.

So one drawing serves the light and the dark page, and is sharp at any size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby

import minisnn as snn

_RANDOM_STEP = (
    re.compile(  # in a table of ``scripts/benchmark.py wiring``; the last is "against dense"
        r"^as many random inputs per neuron +(\d+) % +bytes .* ([\d.]+) x$", re.MULTILINE
    )
)


def adjacency(graphs: Sequence[snn.Topology], label: str) -> str:
    """Return the adjacency matrices of graphs in a square, with a row for each input."""
    gap = 3
    n_columns = math.ceil(math.sqrt(len(graphs)))
    wide = max(graph.n_out for graph in graphs) + gap
    high = max(graph.n_in for graph in graphs) + gap
    parts = []
    for number, graph in enumerate(graphs):
        row, column = divmod(number, n_columns)
        parts.append(_matrix(graph, column * wide, row * high))
    width = n_columns * wide - gap
    height = math.ceil(len(graphs) / n_columns) * high - gap
    return (
        f'<svg class="adjacency" viewBox="-1 -1 {width + 2} {height + 2}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def speeds(table: str) -> dict[int, float]:
    """Return how many times as fast as dense steps those of random wiring are, by density in %."""
    return {int(density): float(times) for density, times in _RANDOM_STEP.findall(table)}


def speed_by_density(by_density: dict[int, float], label: str) -> str:
    """Return bars of speeds, above random graphs of these densities; dense is a dashed line."""
    side, step, base, tallest = 40, 58, 150, 126
    unit = tallest / max(by_density.values())
    parts = []
    for number, (density, times) in enumerate(sorted(by_density.items(), reverse=True)):
        left = 6 + number * step
        height = unit * times
        top = base - height
        graph = snn.topology.scattered(side, side, side * side * density // 100, seed=0)
        parts += [
            f'<rect class="bar" x="{left}" y="{top:.1f}" width="{side}" height="{height:.1f}"/>',
            f'<text x="{left + side / 2:g}" y="{top - 5:.1f}">{times:.2g}×</text>',
            _matrix(graph, left, base + 7),
            f'<text x="{left + side / 2:g}" y="{base + side + 22}">{density} %</text>',
        ]
    width = 6 + step * len(by_density)
    dense = f'<path class="dense" d="M0 {base - unit:.1f}H{width - 12}"/>'
    return (
        f'<svg class="speed" viewBox="0 0 {width - 12} {base + side + 28}" role="img" '
        f'aria-label="{label}">{"".join(parts)}{dense}'
        f'<text class="note" x="6" y="{base - unit - 22:.1f}">dense = 1</text></svg>'
    )


def _matrix(graph: snn.Topology, left: int, top: int) -> str:
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
        f'<g transform="translate({left} {top})">'
        f'<rect class="frame" x="-.5" y="-.5" width="{graph.n_out + 1}" height="{graph.n_in + 1}"/>'
        f'<path class="edges" d="{"".join(strokes)}"/></g>'
    )
