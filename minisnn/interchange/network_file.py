"""Files of trained networks: archives (`minisnn._support.archive`) with a strict format.

The header holds the activations, the seed of the initial weights if it is known, and one entry per
layer: its widths and number of edges, the name of its graph, and the form in which that is stored:
``"rotating"`` as its generator, k numbers; ``"complete"`` as nothing more; ``"edges"`` as CSR
arrays. All weights and biases are one array. So a file takes 4 or 8 bytes per parameter and, where
edges are listed, 2 or 4 bytes per edge.

Format 3 is format 2 with the state of the optimiser: the arrays ``optimizer`` and ``steps``, as in
a checkpoint. Format 4 is for networks whose inputs or outputs have names, see
`minisnn._support.archived_names`; its header says whether there is the state of an optimiser.
Format 5 is for networks of a wiring, see `minisnn.interchange.wiring_file`.

Kernels trust the structure of a graph, so it is checked as strictly as that of a user's own graph.
A few bytes can describe a graph that takes all memory. So a file must hold the weights of all edges
that it claims before any edge is made.
"""

from __future__ import annotations

import math
from os import PathLike
from typing import Any

import numpy as np

from .._support.archive import Archive, FileFormatError, entry, read_archive, write_archive
from .._support.archived_names import pack_names, unpack_names
from .._support.arrays import Array
from .._support.checks import check_kind
from .._support.files import replace_file
from ..network.base import check_network
from ..network.layer import PRECISIONS
from ..network.mlp import MLP
from ..network.network import Network
from ..topology import rotating
from ..topology.graph import Topology
from ..topology.validation import check_widths
from ..training.optimizer_state import OptimizerState
from .wiring_file import packed_network, unpacked_network

KIND = "network"
FORMAT, FORMAT_WITH_STATE, FORMAT_WITH_NAMES, FORMAT_OF_WIRING = 2, 3, 4, 5
ROTATING, COMPLETE, EDGES = "rotating", "complete", "edges"


def save(
    net: MLP | Network,
    path: str | PathLike[str],
    *,
    optimizer_state: OptimizerState | None = None,
) -> None:
    """Write a network to a file.

    The file takes its name only when it is complete and on the disk: an interrupted ``save``
    leaves the old file as it was. The same network gives the same bytes.

    Parameters
    ----------
    net : MLP or Network
        The network. Parameters that are NaN or inf, after a training that diverged, are kept. The
        terms of a wiring must have names that are texts, numbers, bools, or tuples of these.
    path : path
        File to write, usually with the ending .npz. It is replaced if it exists.
    optimizer_state : OptimizerState, optional
        State of the optimiser, such as ``history.optimizer_state``, to train on later; the
        file takes two or three times the space. By default it is not kept: predictions do not need
        it.

    Raises
    ------
    ValueError
        If the state is not one for this network, or holds NaN or inf.
    TypeError
        If a term has a name of another kind.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(8, 4, degree=2, seed=0)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> snn.save(net, path)
    >>> bool((snn.load(path).parameters == net.parameters).all())
    True
    """
    check_network(net)
    if isinstance(net, Network):
        number, (content, arrays) = FORMAT_OF_WIRING, packed_network(net)
    else:
        content, arrays = packed(net)
        number = FORMAT_WITH_NAMES if content.get("names") else FORMAT
    if optimizer_state is not None:
        check_kind(optimizer_state, OptimizerState, "optimizer_state")
        optimizer_state.check_for(net.parameters)
        number, arrays = max(number, FORMAT_WITH_STATE), arrays | optimizer_state.arrays()
    if number > FORMAT_WITH_STATE:
        content["optimizer_state"] = optimizer_state is not None
    with replace_file(path) as file:
        write_archive(file, KIND, number, content, arrays)


def load(path: str | PathLike[str]) -> MLP | Network:
    """Read a network that `save` wrote.

    Files from strangers may be loaded: nothing in them is run, a damaged or malicious one raises
    an error, and loading takes memory in proportion to the file's size. For the state of an
    optimiser that is in the file see `load_optimizer_state`.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    MLP or Network
        The kind that was saved, with the same parameters, bit for bit.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If the file is not such a network, is damaged, or has another format.

    Examples
    --------
    >>> import os, tempfile
    >>> import minisnn as snn
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> snn.save(snn.MLP([snn.topology.dense(8, 4)], seed=1), path)
    >>> snn.load(path)
    MLP(8 -> 4, 32 connections, 4 biases, float32, seed=1)
    """
    return _read(path)[0]


def load_optimizer_state(path: str | PathLike[str]) -> OptimizerState:
    """Read the state of the optimiser that `save` wrote beside a network.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    OptimizerState
        The same, bit for bit, for `minisnn.train` to continue with.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If the file is not one that `load` accepts, or the network was saved without such a state.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import minisnn as snn
    >>> X, Y, optimizer = np.eye(4), [0, 1, 0, 1], snn.Adam(0.01)
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(net, X, Y, optimizer=optimizer, epochs=3)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> snn.save(net, path, optimizer_state=history.optimizer_state)

    Later, perhaps in another program:

    >>> net, state = snn.load(path), snn.load_optimizer_state(path)
    >>> history = snn.train(net, X, Y, optimizer=optimizer, optimizer_state=state, epochs=2)
    >>> history.optimizer_state
    OptimizerState(2 vectors of 10 float32, 5 steps)
    """
    state = _read(path)[1]
    if state is None:
        raise FileFormatError(
            f"{path} holds no state of an optimiser: its network was saved without one. Train on "
            "without it, or save it with save(net, path, optimizer_state=history.optimizer_state)"
        )
    return state


def _read(path: str | PathLike[str]) -> tuple[MLP | Network, OptimizerState | None]:
    with read_archive(path, KIND, range(FORMAT, FORMAT_OF_WIRING + 1)) as archive:
        number, state = archive.entry("format", int), None
        net = unpacked_network(archive) if number == FORMAT_OF_WIRING else unpacked(archive)
        if number == FORMAT_WITH_STATE or (
            number > FORMAT_WITH_STATE and archive.entry("optimizer_state", bool)
        ):
            state = OptimizerState(
                archive.array("optimizer", [net.dtype], (None, len(net.parameters))),
                int(archive.array("steps", [np.int64], ())),
            )
            state.check_for(net.parameters)
        return net, state


def packed(net: MLP) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays of a network, for `write_archive`."""
    arrays: dict[str, Array] = {"parameters": net.parameters}
    layers = []
    for number, graph in enumerate(net.topologies):
        if graph.generator is not None:
            form = ROTATING
            arrays[f"generator_{number}"] = graph.generator
        elif graph.is_complete:
            form = COMPLETE
        else:
            form = EDGES
            arrays[f"indptr_{number}"] = graph.indptr.astype(np.uint32)  # fewer than 2**32 edges
            arrays[f"indices_{number}"] = graph.compact_indices
        layers.append(
            {
                "n_in": graph.n_in,
                "n_out": graph.n_out,
                "n_edges": graph.n_edges,
                "graph": form,
                "name": graph.name,
                "parameters": graph.parameters,
            }
        )
    functions = {"activation": net.activation, "output_activation": net.output_activation}
    drawn = {} if net.seed is None else {"seed": net.seed}
    named, names = pack_names([net.input_names, net.output_names])
    return {**functions, **drawn, "layers": layers, **named}, arrays | names


def unpacked(archive: Archive) -> MLP:
    """Return the network that an archive holds; raise a ValueError where it holds none."""
    functions = archive.entry("activation", str), archive.entry("output_activation", str)
    layers = archive.entry("layers", list)
    total = sum(_check_layer(layer) for layer in layers)
    parameters = archive.array("parameters", PRECISIONS, (total,))
    graphs = [_graph(archive, number, layer) for number, layer in enumerate(layers)]
    seed = archive.entry("seed", int) if "seed" in archive.header else None
    net = MLP.from_parameters(graphs, parameters, *functions, seed)
    net.input_names, net.output_names = unpack_names(archive)
    return net


def _check_layer(layer: Any) -> int:
    """Return the number of parameters that a layer claims."""
    n_in, n_out = check_widths(entry(layer, "n_in", int), entry(layer, "n_out", int))
    n_edges, form = entry(layer, "n_edges", int), entry(layer, "graph", str)
    if form not in (ROTATING, COMPLETE, EDGES):
        raise ValueError(f"its graphs are {ROTATING}, {COMPLETE} or {EDGES}, got {form!r:.60}")
    if not 1 <= n_edges <= n_in * n_out or (form == COMPLETE and n_edges != n_in * n_out):
        raise ValueError(f"a {form} graph {n_in} -> {n_out} cannot have {n_edges!r:.60} edges")
    for value in entry(layer, "parameters", dict).values():
        if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
            raise ValueError(f"parameters of its graphs must be numbers, got {value!r:.60}")
    return n_edges + n_out


def _graph(archive: Archive, number: int, layer: dict[str, Any]) -> Topology:
    n_in, n_out, n_edges = layer["n_in"], layer["n_out"], layer["n_edges"]
    about = {"name": entry(layer, "name", str), "parameters": layer["parameters"]}
    if layer["graph"] == ROTATING:
        places = archive.array(f"generator_{number}", [np.uint32], (None,))
        if len(places) * n_in != n_edges:
            raise ValueError(f"{len(places)} rotated places give {n_in} inputs not {n_edges} edges")
        return rotating(n_in, n_out, places, **about)
    if layer["graph"] == EDGES:
        indptr = archive.array(f"indptr_{number}", [np.uint32], (n_out + 1,))
        indices = archive.array(f"indices_{number}", [np.uint16, np.uint32], (n_edges,))
    else:
        complete = Topology.complete(n_in, n_out)
        if complete.name == about["name"]:
            return complete
        indptr, indices = complete.indptr, complete.compact_indices
    return Topology(n_in, n_out, indptr, indices, **about)
