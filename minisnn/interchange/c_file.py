"""Export to C: tables of weights and a prediction function, for small devices.

The tables of a layer beside its weights follow from its graph. A complete graph needs none, a
rotating one the k places of its generator. Any other needs the input of each edge, in one, two or
four bytes, and the number of edges of each neuron unless all have the same.

The layers of an `MLP` write into two arrays in turn. Those of a `Network` may read any earlier
ones, so it has one array of all neurons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_flag, check_path
from .._support.files import replace_file
from .._version import __version__
from ..network.mlp import MLP
from ..network.network import Network
from ..topology.graph import Topology
from .activations import ACTIVATIONS
from .c_tables import c_type, narrowed, table
from .quantisation import quantised, with_quantised_weights
from .sums import Sum, Sums, sums_of

_FILE = """\
/* {net}, written by minisnn {version}.
 *
 *     void {name}_predict(const {real} inputs[{n_in}], {real} outputs[{n_out}]);
 *
 * One sample per call; the arrays must not overlap. C99; needs only the mathematical library (-lm)
 * and allocates nothing. Hidden activations are kept in static memory: only one call at a time.
 * Tables: {n_bytes} bytes, static memory: {n_static} bytes.
 */

#include <math.h>
#include <stdint.h>

void {name}_predict(const {real} *inputs, {real} *outputs);

{activations}{layers}void {name}_predict(const {real} *inputs, {real} *outputs)
{{
{calls}}}
"""

_ROTATING = """\
static void layer_{label}(const {real} *x, {real} *z)
{{
    const {weight} *w = weights_{label};
    uint32_t turn = 0;
    for (uint32_t j = 0; j < {n_out}; j++)
        z[j] = 0;
    for (uint32_t i = 0; i < {n_in}; i++) {{
        for (uint32_t k = 0; k < {degree}; k++) {{
            uint32_t j = places_{label}[k] + turn;
            z[j < {n_out} ? j : j - {n_out}] += *w++ * x[i];
        }}
        turn = turn + 1 < {n_out} ? turn + 1 : 0;
    }}
    for (uint32_t j = 0; j < {n_out}; j++)
        z[j] = z[j]{scaled} + biases_{label}[j];
}}
"""

_ROWS = """\
static void layer_{label}(const {real} *x, {real} *z)
{{
    const {weight} *w = weights_{label};
{inputs}    for (uint32_t j = 0; j < {n_out}; j++) {{
        {real} sum = 0;
        for (uint32_t i = 0; i < {n_inputs}; i++)
            sum += *w++ * x[{input}];
        z[j] = sum{scaled} + biases_{label}[j];
    }}
}}
"""


def export_c(net: MLP | Network, path: str | PathLike[str], *, int8: bool = False) -> MLP | Network:
    """Write the network as one C file: tables, and a function that predicts one sample.

    The file is C99, needs only math.h's functions, and allocates nothing. ``digits.c`` defines
    ``void digits_predict(const float *inputs, float *outputs)``, with double for a float64 network.
    Sums are made in another order than by minisnn and exp is the C library's: outputs agree to
    about 1e-6 in float32 and 1e-13 in float64.

    Parameters
    ----------
    net : MLP or Network
        The network.
    path : path
        File to write. Its name without the ending must be an identifier of C, since it begins the
        function's. It is replaced if it exists.
    int8 : bool
        Store a weight as one byte, with one factor for each neuron, instead of 4 or 8: files and
        tables get smaller, outputs change. Biases and activations stay real numbers.

    Returns
    -------
    MLP or Network
        The network that the file computes: ``net`` itself, or with ``int8`` a copy with rounded
        weights. Evaluate it to know what the rounding costs.

    Raises
    ------
    ValueError
        If the file's name cannot begin the name of a function, or a parameter is NaN or inf.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(8, 4, degree=2, seed=0)])
    >>> rounded = snn.export_c(net, os.path.join(tempfile.mkdtemp(), "model.c"), int8=True)
    >>> X = np.ones((1, 8))
    >>> bool(np.abs(rounded.predict(X) - net.predict(X)).max() < 0.01)
    True
    """
    found, int8 = sums_of(net), check_flag(int8, "int8")
    name = Path(check_path(path)).stem
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            f"the file's name begins that of a C function and must be an identifier, got {name!r}; "
            "call it such as model.c"
        )
    text = _c_source(net, found, name, int8=int8)
    with replace_file(path) as file:
        file.write(text.encode("ascii"))
    return with_quantised_weights(net) if int8 else net


def _c_source(net: MLP | Network, found: Sums, name: str, *, int8: bool) -> str:
    """Return the file's text. Its names contain the network's: one program may have several."""
    suffix = "f" if net.dtype == np.float32 else ""
    words = {"real": c_type(net.parameters), "exp": f"exp{suffix}", "tanh": f"tanh{suffix}"}
    parts, n_bytes = [], 0
    for number, each in enumerate(found.sums, start=1):
        layer = each.layer
        weights, scales = quantised(layer) if int8 else (layer.weights, None)
        label = f"{name}_{number}"
        tables, code = _layer(label, layer.topology, weights, scales, words)
        tables[f"biases_{label}"] = layer.biases
        parts += [*(table(*item) for item in tables.items()), code]
        n_bytes += sum(array.nbytes for array in tables.values())
    if isinstance(net, MLP):
        calls, n_static = _calls(found, name, words["real"])
    else:
        tables, calls, n_static = _calls_over_rows(found, name, words["real"])
        parts += [table(*item) for item in tables.items()]
        n_bytes += sum(array.nbytes for array in tables.values())
    activations = [
        f"static void apply_{used}_{name}({words['real']} *z, uint32_t n)\n"
        f"{{{ACTIVATIONS[used].c.format(**words)}}}\n\n"
        for used in sorted({each.activation for each in found.sums})
        if ACTIVATIONS[used].c
    ]
    return _FILE.format(
        net=net,
        version=__version__,
        name=name,
        n_in=net.n_in,
        n_out=net.n_out,
        n_bytes=n_bytes,
        n_static=n_static * net.dtype.itemsize,
        activations="".join(activations),
        layers="".join(f"{part}\n" for part in parts),
        calls=calls,
        **words,
    )


def _layer(
    label: str, graph: Topology, weights: Array, scales: Array | None, words: dict[str, str]
) -> tuple[dict[str, Array], str]:
    """Return a layer's tables, but for its biases, and its function."""
    tables = {f"weights_{label}": weights}
    if scales is not None:
        tables[f"scales_{label}"] = scales
    words = words | {
        "label": label,
        "n_in": str(graph.n_in),
        "n_out": str(graph.n_out),
        "weight": c_type(weights),
        "scaled": "" if scales is None else f" * scales_{label}[j]",
    }
    if graph.generator is not None and not graph.is_complete:
        tables[f"weights_{label}"] = weights[_rotated_order(graph, graph.generator)]
        tables[f"places_{label}"] = narrowed(graph.generator)
        return tables, _ROTATING.format(degree=len(graph.generator), **words)
    if graph.is_complete:
        return tables, _ROWS.format(inputs="", input="i", n_inputs=graph.n_in, **words)
    inputs = tables[f"inputs_{label}"] = narrowed(graph.compact_indices)
    degrees = graph.in_degrees
    n_inputs = str(degrees[0])
    if (degrees != degrees[0]).any():
        tables[f"n_inputs_{label}"] = narrowed(degrees)
        n_inputs = f"n_inputs_{label}[j]"
    pointer = f"    const {c_type(inputs)} *input = inputs_{label};\n"
    return tables, _ROWS.format(inputs=pointer, input="*input++", n_inputs=n_inputs, **words)


def _rotated_order(graph: Topology, places: Array) -> Array:
    """Return the edges by input, then by place: the order of the rotating loop."""
    inputs, outputs = graph.edges().T
    order = np.empty(graph.n_edges, dtype=np.int64)
    which = np.searchsorted(places, (outputs - inputs) % graph.n_out)
    order[inputs * len(places) + which] = np.arange(graph.n_edges)
    return order


def _calls(found: Sums, name: str, real: str) -> tuple[str, int]:
    """Return the body that calls the layers one by one, and the numbers in its static memory."""
    widths = [each.n_rows for each in found.sums]
    buffers = [max(widths[first:-1:2], default=0) for first in (0, 1)]
    lines = [f"static {real} {'ab'[n]}[{width}];" for n, width in enumerate(buffers) if width]
    source = "inputs"
    for number, each in enumerate(found.sums):
        target = "outputs" if number == len(widths) - 1 else "ab"[number % 2]
        lines.append(f"layer_{name}_{number + 1}({source}, {target});")
        lines += _applied(each, name, target)
        source = target
    return _body(lines), sum(buffers)


def _calls_over_rows(found: Sums, name: str, real: str) -> tuple[dict[str, Array], str, int]:
    """Return the same where layers read any earlier rows, all in one array; and its tables."""
    n_inputs, n_rows = found.sums[0].row, found.sums[-1].row + found.sums[-1].n_rows
    tables = {f"output_rows_{name}": narrowed(found.output_rows)}
    row = "i"
    if found.inputs is not None:
        tables[f"used_inputs_{name}"] = narrowed(found.inputs)
        row = f"used_inputs_{name}[i]"
    lines = [f"static {real} rows[{n_rows}];"]
    lines += [f"for (uint32_t i = 0; i < {n_inputs}; i++)", f"    rows[i] = inputs[{row}];"]
    for number, each in enumerate(found.sums, start=1):
        lines.append(f"layer_{name}_{number}(rows + {each.reads}, rows + {each.row});")
        lines += _applied(each, name, f"rows + {each.row}")
    n_out = len(found.output_rows)
    lines += [
        f"for (uint32_t i = 0; i < {n_out}; i++)",
        f"    outputs[i] = rows[output_rows_{name}[i]];",
    ]
    return tables, _body(lines), n_rows


def _applied(each: Sum, name: str, target: str) -> list[str]:
    """Return the line that applies the activation of a sum, if it has one."""
    used = each.activation
    return [f"apply_{used}_{name}({target}, {each.n_rows});"] if ACTIVATIONS[used].c else []


def _body(lines: Sequence[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)
