"""A trained network as one file: a NumPy .npz archive without any pickle.

It holds the format's version, and for each layer the widths, the graph and the parameters. A
rotating graph is held as its generator, a complete one as its name; any other as its edges.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from os import PathLike
from typing import Any

import numpy as np

from . import topology
from .graph import Array, Topology
from .mlp import MLP

FORMAT = 1


def save(net: MLP, path: str | PathLike[str]) -> None:
    """Write a network to a file.

    Parameters
    ----------
    net : MLP
        The network.
    path : path
        File to write, usually with the ending .npz. It is replaced if it exists.

    Examples
    --------
    >>> import os, tempfile
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(8, 4, degree=2)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> snn.save(net, path)
    >>> bool((snn.load(path).parameters == net.parameters).all())
    True
    """
    arrays: dict[str, Array] = {"parameters": net.parameters}
    graphs = []
    for number, graph in enumerate(net.topologies):
        graphs.append(
            {
                "n_in": graph.n_in,
                "n_out": graph.n_out,
                "name": graph.name,
                "parameters": graph.parameters,
                "complete": graph.is_complete,
            }
        )
        if graph.generator is not None:
            arrays[f"generator_{number}"] = graph.generator
        elif not graph.is_complete:
            arrays[f"indptr_{number}"] = graph.indptr
            arrays[f"indices_{number}"] = graph.indices
    header = json.dumps({"format": FORMAT, "graphs": graphs})
    with open(path, "wb") as file:
        np.savez(file, header=np.array(header), **arrays)  # type: ignore[arg-type]


def load(path: str | PathLike[str]) -> MLP:
    """Read a network that `save` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    MLP
        With the same parameters, bit for bit.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where the file is not such a network, is damaged, or has another format.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            number = header["format"]
            if number == FORMAT:
                graphs = [_graph(archive, n, item) for n, item in enumerate(header["graphs"])]
                return MLP.from_parameters(graphs, archive["parameters"])
    except (
        AttributeError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(
            f"{path} is not a network saved by minisnn, or damaged: {error}"
        ) from error
    raise ValueError(f"{path} has format {number}, this version of minisnn reads format {FORMAT}")


def _graph(archive: Any, number: int, item: dict[str, Any]) -> Topology:
    n_in, n_out = item["n_in"], item["n_out"]
    about = {"name": item["name"], "parameters": item["parameters"]}
    if f"generator_{number}" in archive:
        return topology.rotating(n_in, n_out, archive[f"generator_{number}"], **about)
    if item["complete"]:
        return topology.dense(n_in, n_out)
    return Topology(n_in, n_out, archive[f"indptr_{number}"], archive[f"indices_{number}"], **about)
