"""``minisnn export``: a network for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.files import replace_file
from ..interchange import export_c, export_onnx
from ..interchange.network_file import load
from ..interchange.sums import sums_of
from ..network.mlp import MLP
from ..network.network import Network
from .program import Parser, show_warnings_in_one_line

DESCRIPTION = """\
Write a network for other programs, by the ending of the new file:

  .c     one file of C99, without dependencies, for small devices
  .onnx  for ONNX runtimes (extra onnx)
  .npz   plain arrays of NumPy's: of each sum the weights as a CSR matrix with
         a row for each neuron, the biases, the activation, the rows it reads

examples:
  %(prog)s iris.npz iris.c
  %(prog)s iris.npz iris.onnx
  %(prog)s iris.npz iris-arrays.npz
"""


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    parser = Parser(
        prog="minisnn export",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    options = parser.parse_args(argv)
    show_warnings_in_one_line()
    source, output = options.network, options.output
    kind = output.suffix
    if kind not in (".c", ".onnx", ".npz"):
        parser.error(f"the new file must end in .c, .onnx or .npz, got {output}")
    for name, allowed in (("int8", ".c"), ("dense", ".onnx")):
        if getattr(options, name) and kind != allowed:
            parser.error(f"--{name} is of {allowed} files, got {output}")
    if output.exists() and output.samefile(source):
        parser.error(f"{output} is the network itself; give another name")
    net = load(source)
    if kind == ".c":
        export_c(net, output, int8=options.int8)
    elif kind == ".onnx":
        export_onnx(net, output, sparse=not options.dense)
    else:
        with replace_file(output) as file:
            np.savez(file, **arrays_of(net))  # type: ignore[arg-type]
    n_bytes = output.stat().st_size
    result = {"network": str(source), "output": str(output), "bytes": n_bytes}
    print(json.dumps(result, indent=2) if options.json else f"{output}: {n_bytes:,} bytes")
    return 0


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    parser.add_argument("network", type=Path, metavar="NETWORK", help="file of a network")
    parser.add_argument("output", type=Path, metavar="FILE", help="file to write")
    parser.add_argument(
        "--int8", action="store_true", help="C: a byte for each weight; outputs change a little"
    )
    parser.add_argument(
        "--dense", action="store_true", help="ONNX: weights as dense matrices, which all tools read"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def arrays_of(net: MLP | Network) -> dict[str, Array]:
    """Return plain arrays that determine a network.

    Rows are the inputs, then all neurons. ``sums`` is the number of sums, which are made one after
    another; sum k, from 1, reads rows from ``k_reads`` on and makes rows from ``k_row`` on, as
    ``k_activation`` of ``k_weights`` times these plus ``k_biases``. ``inputs`` are the columns that
    the first rows are of, ``outputs`` the rows of the outputs in their order, ``input_names`` and
    ``output_names`` their names if there are any.
    """
    found = sums_of(net)
    used = np.arange(net.n_in) if found.inputs is None else found.inputs
    arrays: dict[str, Array] = {
        "sums": np.array(len(found.sums)),
        "inputs": used,
        "outputs": found.output_rows,
    }
    for number, each in enumerate(found.sums, start=1):
        matrix = each.layer.to_scipy().T.tocsr()
        parts: dict[str, Any] = {
            "weights_data": matrix.data, "weights_indices": matrix.indices,
            "weights_indptr": matrix.indptr, "weights_shape": matrix.shape,
            "biases": each.layer.biases, "activation": each.activation,
            "reads": each.reads, "row": each.row,
        }  # fmt: skip
        arrays |= {f"{number}_{name}": np.asarray(part) for name, part in parts.items()}
    for name in ("input_names", "output_names"):
        if getattr(net, name) is not None:
            arrays[name] = np.array(getattr(net, name))
    return arrays
