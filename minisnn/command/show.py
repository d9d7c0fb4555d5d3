"""``minisnn show``: a network or a wiring, in words and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .._support.messages import few
from .._support.tables import align
from ..interchange.network_file import load
from ..network.mlp import MLP
from ..network.network import Network
from ..wiring import Wiring, from_edges
from .options import picture_file
from .program import Parser, save_figure, show_warnings_in_one_line

DESCRIPTION = """\
Summarise a network that minisnn train, or minisnn.save, wrote, or a wiring: a table of edges
between names (.csv, .tsv, .parquet: source, target) or gene sets (.gmt).

examples:
  %(prog)s iris.npz
  %(prog)s pathways.gmt --output pathways.png
  %(prog)s iris.npz --json
"""


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    parser = Parser(
        prog="minisnn show",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    options = parser.parse_args(argv)
    show_warnings_in_one_line()
    shown: Any = load(options.file) if options.file.suffix == ".npz" else from_edges(options.file)
    if options.output is not None:
        save_figure(picture(shown), options.output)
    print(json.dumps(facts(shown), indent=2) if options.json else text(shown))
    return 0


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="network (.npz) or wiring")
    parser.add_argument(
        "--output", type=picture_file, metavar="FILE", help="picture to write: .png, .svg or .pdf"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def picture(shown: MLP | Network | Wiring) -> Any:
    """Return a figure of the connections."""
    from .. import plots

    if isinstance(shown, MLP):
        return plots.plot_adjacency(shown.topologies)
    return plots.plot_wiring(shown if isinstance(shown, Wiring) else shown.wiring)


def facts(shown: MLP | Network | Wiring) -> dict[str, Any]:
    """Return what there is to say, as JSON has it."""
    if isinstance(shown, Wiring):
        return wiring_facts(shown)
    finite = bool(np.isfinite(shown.parameters).all())
    about = {
        "kind": type(shown).__name__,
        "inputs": shown.n_in,
        "outputs": shown.n_out,
        "connections": shown.n_connections,
        "bytes": shown.parameter_bytes + shown.structure_bytes,
        "dtype": str(shown.dtype),
        "output_activation": shown.output_activation,
        "input_names": shown.input_names,
        "output_names": shown.output_names,
        "parameters_are_finite": finite,
    }
    if isinstance(shown, Network):
        return about | {"activation": shown.activation, "wiring": wiring_facts(shown.wiring)}
    layers = [
        {
            "inputs": graph.n_in,
            "outputs": graph.n_out,
            "connections": graph.n_edges,
            "density": graph.density,
            "topology": graph.name,
            "parameters": graph.parameters,
        }
        for graph in shown.topologies
    ]
    return about | {"activation": shown.activation, "layers": layers}


def wiring_facts(wiring: Wiring) -> dict[str, Any]:
    """Return what there is to say of a wiring."""
    return {
        "inputs": wiring.n_inputs,
        "outputs": list(wiring.outputs),
        "levels": wiring.n_levels,
        "terms": len(wiring.terms),
        "neurons": wiring.n_neurons,
        "edges": wiring.n_edges,
        "skips": wiring.n_skips,
        "dead_ends": list(wiring.dead_ends),
    }


def text(shown: MLP | Network | Wiring) -> str:
    """Return what there is to say, for a person."""
    if isinstance(shown, Wiring):
        return f"{shown!r}\n\n{shown}"
    lines = [repr(shown), ""]
    if isinstance(shown, Network):
        lines += [str(shown.wiring), ""]
    else:
        header = ["layer", "inputs", "outputs", "connections", "density", "topology"]
        rows = [
            [str(number), f"{graph.n_in:,}", f"{graph.n_out:,}", f"{graph.n_edges:,}",
             f"{100 * graph.density:.3g} %", graph.name]
            for number, graph in enumerate(shown.topologies, start=1)
        ]  # fmt: skip
        lines += [align(header, rows), ""]
    for kind, names in (("inputs", shown.input_names), ("outputs", shown.output_names)):
        lines.append(f"{kind}: {'without names' if names is None else few(names, str)}")
    n_bytes = shown.parameter_bytes + shown.structure_bytes
    lines.append(f"memory: {n_bytes:,} bytes, {shown.parameter_bytes:,} of them weights and biases")
    if not np.isfinite(shown.parameters).all():
        lines.append("weights or biases are NaN or inf")
    return "\n".join(lines)
