"""Names of what an output is attributed to, and of outputs."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_whole_number, is_whole
from .._support.messages import did_you_mean, few, shown
from ..network.base import SparseNetwork
from ..network.network import Network


class Terms(NamedTuple):
    """Inputs, or hidden terms.

    Parameters
    ----------
    names : tuple of hashable
        Their names.
    levels : array of int64, shape (n_terms,)
        Level of each: 0 of inputs.
    starts : array of int64, shape (n_terms + 1,)
        Where the neurons of each begin among those of all, and last the end.
    rows : array of int64, shape (n_neurons,)
        Rows of activations of these neurons, for hidden terms.
    """

    names: tuple[Hashable, ...]
    levels: Array
    starts: Array
    rows: Array


def inputs_of(net: SparseNetwork) -> Terms:
    """Return the inputs with their names: x0, x1 and so on where they have none."""
    n = net.n_in
    names = net.wiring.inputs if isinstance(net, Network) else net.input_names
    return Terms(
        names or tuple([f"x{k}" for k in range(n)]),
        np.zeros(n, np.int64),
        np.arange(n + 1),
        np.empty(0, np.int64),
    )


def hidden_of(net: SparseNetwork, position: int) -> Terms:
    """Return all terms but inputs, the output at a position, and outputs that nothing reads.

    Those of an `MLP` are its hidden neurons: "1.0" is the first one of the first layer.

    Raises
    ------
    ValueError
        If there is no such term.
    """
    structure, widths = net.structure, np.diff(net.structure.rows)
    if isinstance(net, Network):
        wiring = net.wiring
        names, levels = wiring.terms[wiring.n_inputs :], wiring.levels[wiring.n_inputs :]
        bounds = wiring.row_starts[wiring.n_inputs :] - wiring.n_inputs + structure.n_inputs
    else:
        pairs = [(level, k) for level, n in enumerate(widths) if level for k in range(n)]
        names = tuple([f"{level}.{k}" for level, k in pairs])
        levels = np.array([level for level, _ in pairs])
        bounds = structure.n_inputs + np.arange(len(pairs) + 1)
    is_left_out = structure.out_degrees() == 0
    is_left_out[~_is_output(net)] = False
    is_left_out[row_of_output(net, position)] = True
    kept, rows = [], []
    for place, (first, last) in enumerate(pairwise(bounds.tolist())):
        if not is_left_out[first:last].any():
            kept.append(place)
            rows.append(np.arange(first, last))
    if not kept:
        raise ValueError(
            f"net has no hidden neurons, got {net}; its inputs have attributions by "
            "integrated_gradients"
        )
    starts = np.cumsum([0, *map(len, rows)])
    return Terms(tuple([names[k] for k in kept]), levels[kept], starts, np.concatenate(rows))


def output_of(net: SparseNetwork, output: Any) -> tuple[int, Hashable]:
    """Return the position of an output, and its name if it has one.

    Raises
    ------
    ValueError, TypeError
        If there is no such output.
    """
    names = net.wiring.output_neurons if isinstance(net, Network) else net.output_names
    if is_whole(output):
        position = check_whole_number(output, "output", 0, net.n_out - 1)
        return position, position if names is None else names[position]
    if names is None:
        raise TypeError(
            f"output must be a whole number from 0 to {net.n_out - 1}, since the outputs have no "
            f"names, got {shown(output)}"
        )
    if not isinstance(output, Hashable) or output not in names:
        near = did_you_mean(output, [name for name in names if isinstance(name, str)])
        raise ValueError(
            f"output must be the name or the position of one, such as {few(names)}, got "
            f"{shown(output)}{near}"
        )
    return names.index(output), output


def _output_rows(net: SparseNetwork) -> list[int]:
    """Return the rows of the outputs, in their order among all rows."""
    structure = net.structure
    return [
        row for number in structure.outputs for row in range(*structure.rows[number : number + 2])
    ]


def _is_output(net: SparseNetwork) -> Array:
    found = np.zeros(net.structure.n_rows, dtype=bool)
    found[_output_rows(net)] = True
    return found


def row_of_output(net: SparseNetwork, position: int) -> int:
    """Return the row of the output at a position."""
    given = net.structure.outputs_given
    place = position if given is None else int(np.flatnonzero(given == position)[0])
    return _output_rows(net)[place]
