"""Show the constructions of graphs: a table of measures, and a picture of each.

The tables have degrees and measures of connectivity (docs/measures.md). The picture has a row for
each construction: its adjacency matrix, and how many neurons of either side have which number of
edges.

examples:
  python scripts/show_topology.py --list
  python scripts/show_topology.py fibonacci_rotating constant_degree
  python scripts/show_topology.py ramanujan random_lift --outputs 980 --degree 20
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

from program import run, save_figure

import minisnn as snn
from minisnn import plots
from minisnn._support import extras
from minisnn._support.tables import align
from minisnn.topology.registry import CONSTRUCTIONS

DEGREES = (
    "topology", "edges", "density", "edges per input", "edges per output", "dead inputs",
    "dead outputs",
)  # fmt: skip
MEASURES = ("topology", "components", "connectivity", "adjacency gap", "Ramanujan gap", "mean path")


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="constructions to show")
    parser.add_argument("--list", action="store_true", help="print what NAME can be, and stop")
    parser.add_argument(
        "--inputs", type=int, default=784, metavar="N", help="input neurons (default: 784)"
    )
    parser.add_argument(
        "--outputs", type=int, default=1000, metavar="N", help="output neurons (default: 1000)"
    )
    parser.add_argument(
        "--degree", type=int, default=100, metavar="K", help="edges per input (default: 100)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of random wiring (default: 0)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="folder for topologies.png (default: runs)",
    )
    options = parser.parse_args(argv)
    if not (options.names or options.list):
        parser.error("give a NAME or several; --list prints what there is")
    return options


def summary(name: str) -> str:
    """Return the first line of a construction's documentation."""
    documentation = inspect.getdoc(CONSTRUCTIONS[name]) or ""
    return documentation.partition("\n")[0].removeprefix("Return ").replace("``", "")


def degrees(graph: snn.Topology) -> list[str]:
    """Return a graph's cells in the table of degrees."""
    left, right = graph.out_degrees, graph.in_degrees
    return [
        graph.name,
        f"{graph.n_edges:,}",
        f"{100 * graph.density:.3g} %",
        f"{left.min()} to {left.max()}",
        f"{right.min()} to {right.max()}",
        str(len(graph.isolated_inputs)),
        str(len(graph.isolated_outputs)),
    ]


def measures(graph: snn.Topology) -> list[str]:
    """Return a graph's cells in the table of measures."""
    found = snn.spectral.measure(graph)
    return [
        graph.name,
        str(found.n_components),
        f"{found.algebraic_connectivity:.3g}",
        f"{found.adjacency_gap:.3g}",
        f"{found.ramanujan_gap:.3g}",
        f"{found.mean_path_length:.3g}",
    ]


def main(argv: list[str] | None = None) -> None:
    """Run."""
    options = arguments_of(argv)
    if options.list:
        longest = max(map(len, snn.topology.names()))
        for name in snn.topology.names():
            print(f"{name:{longest}}  {summary(name)}")
        return
    extras.require("matplotlib", "plot", "scripts/show_topology.py")
    size = options.inputs, options.outputs, options.degree, options.seed
    graphs = [snn.topology.make(name, *size) for name in options.names]
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "topologies.png"
    save_figure(plots.plot_topologies(graphs), path)
    print(align(DEGREES, list(map(degrees, graphs))))
    print(f"\n{align(MEASURES, list(map(measures, graphs)))}")
    print(f"\nThe picture is {path}")


if __name__ == "__main__":
    sys.exit(run(main, "plot"))
