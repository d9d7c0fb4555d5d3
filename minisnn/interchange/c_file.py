"""Export to C: tables of weights and a prediction function, for small devices.

The tables of a layer beside its weights follow from its graph. A complete graph needs none, a
rotating one the k places of its generator. Any other needs the input of each edge, in one, two or
four bytes, and the number of edges of each neuron unless all have the same.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_flag, check_path
from .._support.files import replace_file
from .._version import __version__
from ..network.mlp import MLP, check_mlp
from ..topology.graph import Topology
from .activations import ACTIVATIONS, activations_of
from .c_tables import c_type, narrowed, table
from .quantisation import quantised, with_quantised_weights

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


def export_c(net: MLP, path: str | PathLike[str], *, int8: bool = False) -> MLP:
    """Write the network as one C file: tables, and a function that predicts one sample.

    The file is C99, needs only math.h's functions, and allocates nothing. ``digits.c`` defines
    ``void digits_predict(const float *inputs, float *outputs)``, with double for a float64 network.
    Sums are made in another order than by minisnn and exp is the C library's: outputs agree to
    about 1e-6 in float32 and 1e-13 in float64.

    Parameters
    ----------
    net : MLP
        The network.
    path : path
        File to write. Its name without the ending must be an identifier of C, since it begins the
        function's. It is replaced if it exists.
    int8 : bool
        Store a weight as one byte, with one factor for each neuron, instead of 4 or 8: files and
        tables get smaller, outputs change. Biases and activations stay real numbers.

    Returns
    -------
    MLP
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
    net, int8 = check_mlp(net), check_flag(int8, "int8")
    name = Path(check_path(path)).stem
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            f"the file's name begins that of a C function and must be an identifier, got {name!r}; "
            "call it such as model.c"
        )
    for number, layer in enumerate(net.layers, start=1):
        if not (np.isfinite(layer.weights).all() and np.isfinite(layer.biases).all()):
            raise ValueError(f"layer {number} has weights or biases that are NaN or inf")
    text = _c_source(net, name, int8=int8)
    with replace_file(path) as file:
        file.write(text.encode("ascii"))
    return with_quantised_weights(net) if int8 else net


def _c_source(net: MLP, name: str, *, int8: bool) -> str:
    """Return the file's text. Its names contain the network's: one program may have several."""
    suffix = "f" if net.dtype == np.float32 else ""
    words = {"real": c_type(net.parameters), "exp": f"exp{suffix}", "tanh": f"tanh{suffix}"}
    layers, n_bytes = [], 0
    for number, layer in enumerate(net.layers, start=1):
        weights, scales = quantised(layer) if int8 else (layer.weights, None)
        label = f"{name}_{number}"
        tables, code = _layer(label, layer.topology, weights, scales, words)
        tables[f"biases_{label}"] = layer.biases
        layers += [*(table(*item) for item in tables.items()), code]
        n_bytes += sum(array.nbytes for array in tables.values())
    calls, n_static = _calls(net, name, words["real"])
    activations = [
        f"static void apply_{used}_{name}({words['real']} *z, uint32_t n)\n"
        f"{{{ACTIVATIONS[used].c.format(**words)}}}\n\n"
        for used in sorted(set(activations_of(net)))
        if ACTIVATIONS[used].c
    ]
    return _FILE.format(
        net=net,
        version=__version__,
        name=name,
        n_in=net.n_in,
        n_out=net.n_out,
        n_bytes=n_bytes,
        n_static=n_static,
        activations="".join(activations),
        layers="".join(f"{part}\n" for part in layers),
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


def _calls(net: MLP, name: str, real: str) -> tuple[str, int]:
    """Return the body that calls the layers one by one, and the bytes of its static memory."""
    buffers = [max(net.widths[1:-1][first::2], default=0) for first in (0, 1)]
    lines = [f"static {real} {'ab'[n]}[{width}];" for n, width in enumerate(buffers) if width]
    source = "inputs"
    for number, (n_out, used) in enumerate(zip(net.widths[1:], activations_of(net), strict=True)):
        target = "outputs" if number == len(net.layers) - 1 else "ab"[number % 2]
        lines.append(f"layer_{name}_{number + 1}({source}, {target});")
        if ACTIVATIONS[used].c:
            lines.append(f"apply_{used}_{name}({target}, {n_out});")
        source = target
    body = "".join(f"    {line}\n" for line in lines)
    return body, sum(buffers) * net.dtype.itemsize
