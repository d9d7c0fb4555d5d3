"""Networks of an estimator, from its parameters."""

from __future__ import annotations

from typing import Any

from ..network.base import SparseNetwork
from ..network.layer import HIDDEN
from ..network.mlp import MLP
from ..network.network import Network
from ..topology.chains import make_graphs
from ..wiring.graph import Wiring
from .topologies import hidden_sizes

_LARGEST_SEED = 2**31 - 1


def make_mlp(model: Any, n_inputs: int, n_outputs: int, **options: Any) -> SparseNetwork:
    """Return a network of the layers that an estimator's parameters describe.

    Parameters
    ----------
    model : SparseMLP
        Its generator draws the wiring, then the weights.
    n_inputs, n_outputs : int
        Columns of X, and outputs.
    **options
        As for `minisnn.MLP`.
    """
    sizes = hidden_sizes(model.hidden_layer_sizes, model.topology, n_outputs)
    graphs = make_graphs(
        [n_inputs, *sizes, n_outputs], model.topology, model.degree, model.density,
        model._random.randint(_LARGEST_SEED),
    )  # fmt: skip
    return MLP(graphs, seed=model._random.randint(_LARGEST_SEED), **options)


def make_network(model: Any, wiring: Wiring, **options: Any) -> SparseNetwork:
    """Return a network of a wiring that has been matched to the data; see `make_mlp`."""
    inner = [name for name in wiring.outputs if wiring.level_of[name] < wiring.n_levels]
    if inner and options["output_activation"] not in HIDDEN:
        raise ValueError(
            f"cross-entropy is of outputs in the last level, got {inner[0]!r} in level "
            f"{wiring.level_of[inner[0]]} of {wiring.n_levels}; take loss='binary_cross_entropy'"
        )
    return Network(wiring, seed=model._random.randint(_LARGEST_SEED), **options)
