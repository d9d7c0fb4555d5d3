"""Questions about wiring, each as cases in which kinds of networks are compared with one of them.

Every network has one hidden layer and a fully connected output layer. Kinds of a case have as many
connections, but for dense ones. A seed stands for the initial weights, the order of samples, random
edges, the order of shuffled pixels, and the split of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.special import ndtri

import minisnn as snn
from minisnn import baselines
from minisnn._support.arrays import Array
from minisnn.command.options import load_data
from minisnn.experiments.tables import groups
from minisnn.topology.assembly import subset

HIDDEN, BATCH_SIZE = 300, 128
ON_TABLES, FAN_IN = 200, 5  # hidden neurons, and inputs of each
RANDOM, SET, RIGL = "random", "SET", "RigL"


@dataclass(frozen=True)
class Task:
    """Samples to train on and to judge by."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    scale: float = 1.0

    @property
    def n_classes(self) -> int:
        """Number of outputs."""
        return int(self.y.max()) + 1


@dataclass(frozen=True)
class Recipe:
    """Functions and optimiser of a network, with rates to choose from."""

    rates: tuple[float, ...]
    optimizer: Callable[[float], snn.SGD | snn.Adam]
    options: Mapping[str, Any] = field(default_factory=dict)


RECIPES = {
    "paper": Recipe(
        (0.3, 1.0, 3.0, 9.0, 27.0), lambda rate: snn.NesterovSGD(snn.WarmUpDecay(rate), 0.9)
    ),
    "modern": Recipe(
        (0.001, 0.003, 0.01, 0.03, 0.1),
        lambda rate: snn.Adam(snn.CosineDecay(rate)),
        {"activation": "relu", "output_activation": "softmax", "initializer": "he_normal"},
    ),
}


@dataclass(frozen=True)
class Fitted:
    """A trained network, and how long that took; a part of the seconds changed the wiring."""

    net: snn.MLP
    seconds: float
    moving_seconds: float = 0.0


Graph = Callable[[Task, int], snn.Topology]
Fit = Callable[[Task, Recipe, float, int, int], Fitted]


@dataclass(frozen=True)
class Kind:
    """A kind of network: how it is trained, and the kind whose time it takes, if any."""

    fit: Fit
    as_long_as: str | None = None


@dataclass(frozen=True)
class Case:
    """Kinds that are compared with one of them, on one task by one recipe."""

    name: str
    task: Callable[[int], Task]
    recipe: str
    kinds: Mapping[str, Kind]
    reference: str = RANDOM


# Kinds of networks


def _network(graph: snn.Topology, task: Task, recipe: Recipe, seed: int) -> snn.MLP:
    graphs = [graph, snn.topology.dense(graph.n_out, task.n_classes)]
    return snn.MLP(graphs, seed=seed, **recipe.options)


def _options(task: Task, recipe: Recipe, rate: float, epochs: int, seed: int) -> dict[str, Any]:
    return {
        "optimizer": recipe.optimizer(rate), "epochs": epochs, "batch_size": BATCH_SIZE,
        "input_scale": task.scale, "seed": seed, "progress": False,
    }  # fmt: skip


def fixed(make: Graph) -> Kind:
    """Return the kind whose wiring is fixed before training."""

    def fit(task: Task, recipe: Recipe, rate: float, epochs: int, seed: int) -> Fitted:
        net = _network(make(task, seed), task, recipe, seed)
        history = snn.train(net, task.X, task.y, **_options(task, recipe, rate, epochs, seed))
        return Fitted(net, sum(history.column("seconds")))

    return Kind(fit)


def moving(make: Graph, grow: str) -> Kind:
    """Return the kind whose wiring moves from where it begins."""

    def fit(task: Task, recipe: Recipe, rate: float, epochs: int, seed: int) -> Fitted:
        net = baselines.Moving(_network(make(task, seed), task, recipe, seed), grow=grow)
        options = _options(task, recipe, rate, epochs, seed)
        history = baselines.train_moving(net, task.X, task.y, **options)
        seconds = sum(move.seconds for move in net.moves)
        return Fitted(net.net, sum(history.column("seconds")), seconds)

    return Kind(fit)


def found_by_moving(make: Graph, change: Callable[[snn.Topology, int], snn.Topology]) -> Kind:
    """Return the kind that is trained anew on the edges that RigL ends with, or a change of them.

    Its seconds are those of the second training.
    """
    first = moving(make, "gradient")

    def fit(task: Task, recipe: Recipe, rate: float, epochs: int, seed: int) -> Fitted:
        graph = first.fit(task, recipe, rate, epochs, seed).net.topologies[0]
        again = fixed(lambda task, seed: change(graph, seed))
        return again.fit(task, recipe, rate, epochs, seed)

    return Kind(fit)


# Graphs


def dense(task: Task, seed: int, hidden: int = HIDDEN) -> snn.Topology:
    """Return all edges."""
    return snn.topology.dense(task.X.shape[1], hidden)


def random(task: Task, seed: int, degree: int, hidden: int = HIDDEN) -> snn.Topology:
    """Return random edges, as many at each neuron of a side as can be."""
    return snn.topology.biregular(task.X.shape[1], hidden, degree, seed=seed)


def fibonacci(task: Task, seed: int, degree: int, hidden: int = HIDDEN) -> snn.Topology:
    """Return the paper's Fibonacci wiring."""
    return snn.topology.fibonacci_rotating(task.X.shape[1], hidden, degree)


def correlated(task: Task, seed: int, degree: int, hidden: int = HIDDEN) -> snn.Topology:
    """Return the wiring that follows from the samples to train on."""
    return snn.topology.correlated(task.X, hidden, degree)


def of_profile(task: Task, seed: int, degree: int, profile: Callable[[Any], Any]) -> snn.Topology:
    """Return random edges whose fan-ins are in proportion to a profile, in a random order."""
    rng, n_in = np.random.default_rng(seed), task.X.shape[1]
    ends = np.cumsum(profile((rng.permutation(HIDDEN) + 0.5) / HIDDEN))
    fans = np.diff(np.round(n_in * degree * ends / ends[-1]).astype(int), prepend=0)
    edges = [
        np.column_stack([subset(rng, n_in, fan), np.full(fan, neuron)])
        for neuron, fan in enumerate(fans.tolist())
    ]
    return snn.topology.from_edges(n_in, HIDDEN, np.concatenate(edges))


PROFILES: dict[str, Callable[[Any], Any]] = {
    "linear fan-ins": lambda u: 0.1 + u,
    "lognormal fan-ins": lambda u: np.exp(0.7 * ndtri(u)),
    "power-law fan-ins": lambda u: (0.05 + u) ** -0.6,
}
"""Fan-ins by rank, from 0 to 1."""

# Tasks


@cache
def images(name: str) -> Task:
    """Return images, their pixels in order."""
    data = load_data(name)
    train, test = data.train_images, data.test_images
    return Task(train, data.train_labels, test, data.test_labels, 1 / 255)


def shuffled(task: Task, seed: int) -> Task:
    """Return the task with its inputs in a random order, another one for each seed."""
    order = np.random.default_rng(seed).permutation(task.X.shape[1])
    X, X_test = (np.take(images, order, axis=1) for images in (task.X, task.X_test))
    return replace(task, X=X, X_test=X_test)


def table(seed: int, name: str) -> Task:
    """Return a table, split at random, its columns in a random order."""
    from tables import TABLES, split

    X, y = MADE[name](seed) if name in MADE else TABLES[name]()
    parts = split(X, y, seed)
    return shuffled(Task(parts.X, parts.y, parts.X_test, parts.y_test), seed)


MADE = {
    "groups, one by one": partial(groups, products=False),
    "groups, in pairs": partial(groups, products=True),
}

# Questions


def _degree(density: float) -> int:
    return max(1, round(density * HIDDEN / 100))


def _moving(data: str) -> list[Case]:
    cases = []
    for density in (10.0, 2.0):
        wired = partial(random, degree=_degree(density))
        kinds = {
            RANDOM: fixed(wired),
            SET: moving(wired, "random"),
            RIGL: moving(wired, "gradient"),
            "random, as long as RigL": replace(fixed(wired), as_long_as=RIGL),
            "Fibonacci": fixed(partial(fibonacci, degree=_degree(density))),
            "dense": fixed(dense),
        }
        cases.append(Case(f"{density:g} %", lambda seed: images(data), "modern", kinds))
    return cases


def _width(data: str) -> list[Case]:
    n_weights = 784 * 30
    kinds = {"30 neurons, dense": fixed(partial(dense, hidden=30))}
    for hidden in (60, 120, 240, 480, 960):
        graph = partial(random, degree=n_weights // 784, hidden=hidden)
        kinds[f"{hidden} neurons"] = fixed(graph)
    return [
        Case(f"{recipe} recipe", lambda seed: images(data), recipe, kinds, "30 neurons, dense")
        for recipe in RECIPES
    ]


def _profile(data: str) -> list[Case]:
    cases = []
    for density in (10.0, 2.0):
        degree = _degree(density)
        wired = partial(random, degree=degree)
        kinds = {RANDOM: fixed(wired)}
        for name, profile in PROFILES.items():
            kinds[name] = fixed(partial(of_profile, degree=degree, profile=profile))
        kinds["RigL's fan-ins"] = found_by_moving(
            wired, lambda graph, seed: snn.topology.rewired(graph, "in_degree", seed=seed)
        )
        kinds["RigL's edges"] = found_by_moving(wired, lambda graph, seed: graph)
        cases.append(Case(f"{density:g} %", lambda seed: images(data), "modern", kinds))
    return cases


def _tables(data: str) -> list[Case]:
    cases = []
    for name in ("digits", "breast cancer", "wine", *MADE):
        degree = max(1, round(FAN_IN * ON_TABLES / table(0, name).X.shape[1]))
        size = {"degree": degree, "hidden": ON_TABLES}
        kinds = {
            RANDOM: fixed(partial(random, **size)),
            "correlated": fixed(partial(correlated, **size)),
            RIGL: moving(partial(random, **size), "gradient"),
            "dense": fixed(partial(dense, hidden=ON_TABLES)),
        }
        cases.append(Case(name, partial(table, name=name), "modern", kinds))
    return cases


QUESTIONS: dict[str, Callable[[str], list[Case]]] = {
    "moving": _moving,
    "width": _width,
    "profile": _profile,
    "tables": _tables,
}
"""Functions of a data set's name, as --data has it, that return the cases of each question."""
