"""Networks for a table, from options: layers wired by a construction, or a named wiring."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np

from .._support.messages import few
from ..network.mlp import MLP
from ..network.network import Network
from ..topology.chains import make_graphs
from ..wiring import Wiring, from_edges
from .tables import Inputs
from .targets import Target


def make_network(options: Namespace, inputs: Inputs, target: Target) -> MLP | Network:
    """Return a new network with a column of the table as each input, and the target's outputs.

    Parameters
    ----------
    options : Namespace
        Those of `minisnn train`.
    inputs : Inputs
        Of the table.
    target : Target
        What is predicted.

    Raises
    ------
    ValueError, OSError
        If the options do not fit the table, or a file is no wiring.
    """
    functions: dict[str, Any] = {
        "activation": options.activation,
        "output_activation": "identity" if target.labels is None else "softmax",
        "seed": options.seed,
    }
    if options.wiring is not None:
        if inputs.names is None:
            raise ValueError(
                "--wiring has named inputs, so the table must have named columns: take .csv, .tsv "
                "or .parquet"
            )
        wiring = with_outputs(from_edges(options.wiring), target.outputs)
        wiring = wiring.restricted_to(inputs.names)
        return Network(wiring.with_units(options.units), **functions)
    widths = [inputs.values.shape[1], *options.hidden, len(target.outputs)]
    degrees = options.degree[0] if len(options.degree or ()) == 1 else options.degree
    density = "auto" if options.density is None else options.density
    density = density[0] if len(density) == 1 else density
    net = MLP(make_graphs(widths, options.topology, degrees, density, options.seed), **functions)
    net.input_names, net.output_names = inputs.names, target.outputs
    return net


def with_outputs(wiring: Wiring, names: tuple[str, ...]) -> Wiring:
    """Return a wiring whose outputs have these names, in this order.

    Where its own have other names, each new output reads all of them.

    Parameters
    ----------
    wiring : Wiring
        Of texts.
    names : tuple of str
        Labels of classes, or the name of what is predicted.

    Raises
    ------
    ValueError
        If one is the name of another term.
    """
    terms, outputs = list(wiring.terms), list(wiring.outputs)
    sources, targets = (ends.tolist() for ends in wiring.term_edges())
    if set(outputs) != set(names):
        taken = [name for name in names if name in wiring]
        if taken:
            raise ValueError(
                f"the wiring has terms {few(taken)} that are none of its outputs, {few(outputs)}, "
                "but are called as what is predicted; rename them"
            )
        places = [terms.index(name) for name in outputs]
        for name in names:
            targets += [len(terms)] * len(places)
            sources += places
            terms.append(name)
    edges = np.array([sources, targets], dtype=np.int64)
    return Wiring(terms, edges[0], edges[1], n_inputs=wiring.n_inputs, outputs=names)
