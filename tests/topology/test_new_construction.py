"""A new construction: the decorator alone adds it to lists, sweeps, estimators and programs."""

from __future__ import annotations

from collections.abc import Iterator

import benchmark
import numpy as np
import pytest
import show_topology
from bench import steps
from estimating import QUICK
from sweeping import describe

import minisnn as snn
from minisnn._support.seeds import Seed, seed_of
from minisnn.command.mnist import build_networks
from minisnn.command.mnist_options import arguments_of
from minisnn.command.program import Parser
from minisnn.experiments import Run, Wiring
from minisnn.experiments.training import build_network, train_run
from minisnn.topology import assembly, registry


@pytest.fixture(autouse=True)
def comb() -> Iterator[None]:
    @registry.construction
    def comb(
        n_in: int, n_out: int, degree: int, *, gap: int = 2, seed: Seed = None
    ) -> snn.Topology:
        """Return a comb that moves along the outputs."""
        n_in, n_out, degree = assembly.check_degree(n_in, n_out, degree)
        seed = seed_of(seed)
        first = np.random.default_rng(seed).integers(n_out) + np.arange(n_in) * n_out // n_in
        targets = (first[:, None] + gap * np.arange(degree)) % n_out
        return assembly.from_targets(
            targets, n_out, name="comb", parameters={"degree": degree, "gap": gap, "seed": seed}
        )

    yield
    del registry.CONSTRUCTIONS["comb"]


@pytest.fixture
def number_of_threads() -> Iterator[None]:
    before = snn.get_num_threads()
    yield
    snn.set_num_threads(before)


def test_by_name() -> None:
    assert snn.topology.names()[-1] == "comb"
    graph = snn.topology.make("comb", 30, 45, 5, seed=1, gap=3)
    assert str(graph).startswith("Topology(comb, 30 -> 45, degree=5, gap=3, seed=1")
    assert graph != snn.topology.make("comb", 30, 45, 5, seed=2, gap=3)


def test_messages() -> None:
    with pytest.raises(ValueError, match="disconnected, comb; did you mean 'comb'"):
        snn.topology.make("combs", 30, 40, 5)
    with pytest.raises(TypeError, match="comb has no option 'gaps'; it has gap, seed; did you"):
        snn.topology.make("comb", 30, 40, 5, gaps=1)
    with pytest.raises(ValueError, match=r"topology must be one of dense, .*, comb, got 'combs'"):
        Wiring(topology="combs", degree=5)
    with pytest.raises(ValueError, match=r"options\.gaps is unknown.* of comb are: gap, seed"):
        Wiring(topology="comb", degree=5, options={"gaps": 1})


def test_in_a_training(rng: np.random.Generator) -> None:
    net = snn.MLP([snn.topology.make("comb", 8, 20, 5, seed=0), snn.topology.dense(20, 2)], seed=0)
    X = rng.random((200, 8), dtype=np.float32)
    Y = (X[:, 0] > X[:, 1]).astype(int)
    history = snn.train(net, X, Y, optimizer=snn.Adam(0.03), epochs=30, seed=0, progress=False)
    losses = history.column("loss")
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.usefixtures("number_of_threads")
def test_in_a_sweep() -> None:
    layers = [{"topology": "comb", "density": 0.2, "options": {"gap": 1}}, {"topology": "dense"}]
    run = Run.from_dict(describe(layers=layers))
    assert run.layers[0].draws
    first = build_network(run).topologies[0]
    assert first.name == "comb"
    assert first.parameters == {"degree": 6, "gap": 1, "seed": run.wiring_seeds[0]}
    outcome = train_run({}, run.to_json())
    assert outcome.error is None
    assert outcome.figures is not None
    assert outcome.figures.weights == 784 * 6 + 30 * 10


def test_in_an_estimator(rng: np.random.Generator) -> None:
    estimators = pytest.importorskip("minisnn.sklearn", reason="needs the extra sklearn")
    X = rng.random((100, 8))
    model = estimators.SparseMLPClassifier((20,), topology="comb", degree=5, **QUICK)
    model.fit(X, X[:, 0] > 0.5)
    assert [graph.name for graph in model.net_.topologies] == ["comb", "dense"]


def test_in_programs(capsys: pytest.CaptureFixture[str]) -> None:
    options = benchmark.parse(["step", "--topology", "comb"])
    problem = steps.make_problem((40, 51, 5), 0.2, n_samples=10, topology=options.topology)
    assert [mask.nnz for mask in problem.masks] == [400, 255]

    options = arguments_of(Parser(), ["--topology", "comb", "--hidden", "41", "--degree", "5"])
    graphs = build_networks(options)["sparse"].topologies
    assert [graph.name for graph in graphs] == ["comb", "dense"]

    show_topology.main(["--list"])
    *_, last = capsys.readouterr().out.splitlines()
    assert last.split(maxsplit=1) == [
        "comb",
        "a comb that moves along the outputs.",
    ]


def test_two_of_one_name() -> None:
    def comb() -> snn.Topology:
        return snn.topology.dense(2, 2)

    comb.__module__ = "elsewhere"
    with pytest.raises(ValueError, match="has a construction 'comb' already; rename that of else"):
        registry.construction(comb)
