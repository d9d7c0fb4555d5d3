"""A network as a table for notebooks: a row for the neurons of each layer or level."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._support import html
from ..kernels.program.structure import Structure
from ..topology.graph import Topology


def network_html(
    title: str,
    structure: Structure,
    place_of: Callable[[int], str],
    graphs: Sequence[Topology] = (),
) -> str:
    """Return an HTML table with a row for each group of neurons that sum.

    Parameters
    ----------
    title : str
        Line above the table.
    structure : Structure
        The groups.
    place_of : callable
        Takes the number of a group, and returns a phrase for where it stands.
    graphs : sequence of Topology
        The graphs of an MLP, whose groups are its layers.

    Returns
    -------
    str
    """
    groups = [group for _, group in structure.summing]
    columns: dict[str, list[str]] = {
        "": [place_of(number) for number, _ in structure.summing],
        "neurons": [f"{group.n_rows:,}" for group in groups],
        "connections": [f"{group.graph.n_edges:,}" for group in groups],
    }
    if graphs:
        columns["density"] = [f"{100 * graph.density:.3g} %" for graph in graphs]
    n_numbers = len(columns)
    columns["activation"] = [group.activation for group in groups]
    if graphs:
        columns["graph"] = [graph.name for graph in graphs]
    if any(group.normal for group in groups):
        columns["batch norm"] = ["yes" if group.normal else "no" for group in groups]
    rows = [*zip(*columns.values(), strict=True)]
    words = [0, *range(n_numbers, len(columns))]
    return html.table([*columns], rows, title=title, words=words)
