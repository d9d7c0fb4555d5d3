"""Names of a network's inputs and outputs as texts, as the columns of a table have them."""

from __future__ import annotations

from ..network.base import SparseNetwork
from ..network.network import Network

Texts = tuple[str, ...]


def input_texts(net: SparseNetwork) -> Texts | None:
    """Return the names of the inputs, if there are any; those of a wiring may be numbers."""
    if net.input_names is None and isinstance(net, Network):
        return _different(tuple(map(str, net.wiring.inputs)))
    return net.input_names


def output_texts(net: SparseNetwork) -> Texts:
    """Return the names of the outputs; their numbers, where there are no names."""
    names = net.output_names
    if names is None and isinstance(net, Network) and len(net.wiring.outputs) == net.n_out:
        names = _different(tuple(map(str, net.wiring.outputs)))
    return tuple(map(str, range(net.n_out))) if names is None else names


def _different(texts: Texts) -> Texts | None:
    """Return texts, unless two are the same: of 1 and "1" none is a name."""
    return texts if len(set(texts)) == len(texts) else None
