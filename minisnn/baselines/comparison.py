"""Comparison of a sparse network with every baseline of equal size: one training each, a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import topology
from .._support.checks import (
    as_array,
    as_list,
    as_list_of,
    check_choice,
    check_function,
    check_pair,
)
from .._support.interruption import interruptible_at_once
from .._support.messages import did_you_mean
from .._support.seeds import Seed, seed_of
from .._support.tables import align
from ..interchange.network_file import packed
from ..network.evaluation import evaluate
from ..network.layer import check_graphs
from ..network.mlp import MLP
from ..topology.graph import Topology
from ..training.history import History
from ..training.train import train
from .drop_connect import DropConnect
from .hashed import Hashed
from .identity import Identity
from .low_rank import LowRank
from .moving import Moving, train_moving
from .pruning import prune
from .reparametrised import Reparametrised, train_reparametrised
from .tensor_train import TensorTrain
from .toeplitz import Circulant, Toeplitz
from .weight_map import WeightMap
from .widths import narrower


@dataclass(frozen=True)
class Comparison:
    """Figures of one kind of network, trained once for each seed.

    Parameters
    ----------
    name : str
        Kind of network.
    weights : int
        Trained weights of the final network; biases are not counted.
    connections : int
        Entries of the weight matrices that a sample is multiplied by in a step of training; where
        random, what is expected.
    bytes : int
        Of the arrays that `minisnn.save` would write: parameters, and the list of edges of a graph
        that is not complete, or its generator if it rotates.
    accuracies : list of float
        Share of test samples whose largest output is the label's, for each seed.
    seconds : list of float
        Of training, for each seed; neither compilation nor evaluation are in it.
    seeds : list of int
        The seeds.
    """

    name: str
    weights: int
    connections: int
    bytes: int
    accuracies: list[float]
    seconds: list[float]
    seeds: list[int] = field(default_factory=list)


class Trained(NamedTuple):
    """A trained network, whichever way it was trained."""

    net: MLP
    weights: int
    connections: int
    bytes: int
    seconds: float


Network = MLP | Moving | Reparametrised
Fit = Callable[[Network], History]
Baseline = Callable[[Sequence[Topology], int, Fit], Trained]


def _sparse(graphs: Sequence[Topology], seed: int, fit: Fit) -> Trained:
    net = MLP(graphs, seed=seed)
    return _outcome(net, _seconds(fit(net)))


def _dense(graphs: Sequence[Topology], seed: int, fit: Fit) -> Trained:
    return _sparse([topology.dense(*graph.shape) for graph in graphs], seed, fit)


def _narrower(graphs: Sequence[Topology], seed: int, fit: Fit) -> Trained:
    widths = narrower(graphs).widths
    return _sparse([topology.dense(*shape) for shape in pairwise(widths)], seed, fit)


def _pruned(graphs: Sequence[Topology], seed: int, fit: Fit) -> Trained:
    dense = _dense(graphs, seed, fit)
    net = prune(dense.net, [graph.n_edges for graph in graphs])
    return _outcome(net, dense.seconds + _seconds(fit(net)))


def _moving(grow: str) -> Baseline:
    def trained(graphs: Sequence[Topology], seed: int, fit: Fit) -> Trained:
        net = Moving(MLP(graphs, seed=seed), grow=grow)
        seconds = _seconds(fit(net))
        return _outcome(net.net, seconds)

    return trained


def _reparametrised(kind: type[WeightMap]) -> Baseline:
    def trained(graphs: Sequence[Topology], seed: int, fit: Fit) -> Trained:
        maps = [_nearest(kind, graph, number) for number, graph in enumerate(graphs)]
        net = Reparametrised(maps, seed=seed)
        seconds = _seconds(fit(net))
        return Trained(
            net.expanded, net.n_weights, net.n_connections, net.parameters.nbytes, seconds
        )

    return trained


def _nearest(kind: type[WeightMap], graph: Topology, number: int) -> WeightMap:
    """Return the map whose number of weights is nearest to a graph's number of edges."""
    if graph.is_complete:
        kind = Identity
    if kind is Hashed:  # as the graphs: the same in each run, another in each layer
        return Hashed(*graph.shape, graph.n_edges, seed=number)
    return kind.nearest(*graph.shape, graph.n_edges)


def _outcome(net: MLP, seconds: float) -> Trained:
    n_bytes = sum(array.nbytes for array in packed(net)[1].values())
    return Trained(net, net.n_connections, net.n_connections, n_bytes, seconds)


def _seconds(history: History) -> float:
    return float(sum(history.column("seconds")))


BASELINES: dict[str, Baseline] = {
    "sparse": _sparse,
    "dense": _dense,
    "narrower dense": _narrower,
    "pruned": _pruned,
    "SET": _moving("random"),
    "RigL": _moving("gradient"),
    "DropConnect": _reparametrised(DropConnect),
    "low rank": _reparametrised(LowRank),
    "hashed": _reparametrised(Hashed),
    "Toeplitz blocks": _reparametrised(Toeplitz),
    "circulant blocks": _reparametrised(Circulant),
    "tensor train": _reparametrised(TensorTrain),
}
"""Functions that make and train each kind of network, the sparse one first."""


def compare(
    topologies: Sequence[Topology],
    train_data: tuple[npt.ArrayLike, npt.ArrayLike],
    test_data: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    seeds: Sequence[Seed] = (None,),
    names: Sequence[str] = tuple(BASELINES),
    report: Callable[[Comparison], object] = lambda row: None,
    **options: Any,
) -> list[Comparison]:
    """Train a sparse network and baselines with as many weights, all alike.

    Fully connected layers of the sparse network, such as the last, are so in all others. A pruned
    network is trained twice, once dense and once sparse, and its seconds are of both. Those of SET
    and RigL, which begin with the sparse network, are of the changes of the wiring, too.

    Parameters
    ----------
    topologies : sequence of Topology
        The graphs of the sparse network's layers.
    train_data, test_data : (X, Y)
        Inputs and labels.
    seeds : sequence of int, SeedSequence, Generator or None
        Of the initial weights, and of shuffling; by default one, fresh, and kept in each row.
    names : sequence of str
        Baselines to train, from `BASELINES`; by default all.
    report : callable, optional
        Called with each row as it is ready.
    **options
        Of `minisnn.train`, such as optimizer, epochs and input_scale; those that
        `train_reparametrised` and `train_moving` have, too.

    Returns
    -------
    list of Comparison
        One row for each name.

    Raises
    ------
    ValueError
        If a name is unknown, there is no seed, or the test data has no labels.
    KeyboardInterrupt
        If the user presses Ctrl-C.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> data = np.random.default_rng(0).random((50, 8)), np.arange(50) % 3
    >>> graphs = [snn.topology.fibonacci_rotating(8, 9, degree=4), snn.topology.dense(9, 3)]
    >>> rows = baselines.compare(graphs, data, data, names=["sparse", "low rank"], seeds=[0],
    ...                          optimizer=snn.NesterovSGD(1.0), epochs=2)
    >>> [(row.name, row.weights) for row in rows]
    [('sparse', 59), ('low rank', 61)]
    """
    graphs = check_graphs(topologies)
    names = [check_choice(n, "a name", BASELINES) for n in as_list(names, "names", "baselines")]
    numbers = [seed_of(seed) for seed in as_list(seeds, "seeds", "whole numbers")]
    if not numbers:
        raise ValueError("seeds must hold one at least")
    check_pair(train_data, "train_data")
    X, Y = check_pair(test_data, "test_data")
    labels = as_array(Y, "test Y")
    if labels.ndim != 1:
        raise ValueError(f"test_data must have labels of shape (samples,), got {labels.shape}")
    check_function(report, "report")
    all_options = [inspect.signature(f).parameters for f in (train_reparametrised, train_moving)]
    known = all_options[0].keys() & all_options[1].keys() - {"seed"}
    unknown = options.keys() - known
    if unknown:
        first = min(unknown)
        raise TypeError(f"compare takes no option {first!r}{did_you_mean(first, known)}")
    scale = options.get("input_scale", 1.0)

    rows = []
    for name in names:
        runs = [
            BASELINES[name](graphs, seed, _fit(train_data, {**options, "seed": seed}))
            for seed in numbers
        ]
        accuracies = [evaluate(run.net, X, Y, input_scale=scale).accuracy or 0.0 for run in runs]
        seconds = [run.seconds for run in runs]
        rows.append(Comparison(name, *runs[0][1:4], accuracies, seconds, numbers))
        report(rows[-1])
    return rows


def _fit(data: tuple[npt.ArrayLike, npt.ArrayLike], options: dict[str, Any]) -> Fit:
    def fit(net: Network) -> History:
        with interruptible_at_once():
            if isinstance(net, MLP):
                return train(net, *data, **options)
            if isinstance(net, Moving):
                return train_moving(net, *data, **options)
            return train_reparametrised(net, *data, **options)

    return fit


def format_table(rows: Sequence[Comparison]) -> str:
    """Return the rows as an aligned table: means over the seeds, accuracy with its range.

    Parameters
    ----------
    rows : sequence of Comparison
        From `compare`.

    Returns
    -------
    str

    Examples
    --------
    >>> from minisnn.baselines import Comparison, format_table
    >>> print(format_table([Comparison("sparse", 380, 380, 1540, [0.97, 0.98], [0.7, 0.9])]))
            accuracy           range  weights  connections  bytes  seconds
    ------  --------  --------------  -------  -----------  -----  -------
    sparse   97.50 %  97.00 to 98.00      380          380  1,540      0.8
    """
    rows, cells = as_list_of(Comparison, rows, "rows"), []
    for row in rows:
        percent = [100 * accuracy for accuracy in row.accuracies]
        cells.append(
            [
                row.name,
                f"{np.mean(percent):.2f} %",
                f"{min(percent):.2f} to {max(percent):.2f}",
                f"{row.weights:,}",
                f"{row.connections:,}",
                f"{row.bytes:,}",
                f"{np.mean(row.seconds):.1f}",
            ]
        )
    return align(["", "accuracy", "range", "weights", "connections", "bytes", "seconds"], cells)
