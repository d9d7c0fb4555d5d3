"""The registry of constructions, densities of layers, and the program that shows graphs."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getmembers, isfunction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import show_topology
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import topology
from minisnn.topology import registry

SIZE = 36, 48, 12
SIZES = {"ramanujan": (35, 42, 6)}  # of those that not every size has


@pytest.mark.parametrize("name", topology.names())
def test_every_name_can_be_made(name: str) -> None:
    n_in, n_out, degree = SIZES.get(name, SIZE)
    graph = topology.make(name, n_in, n_out, degree, seed=3)
    assert graph.name == name
    assert graph.shape == (n_in, n_out)
    assert graph.parameters.get("degree", degree) == degree
    assert graph.parameters.get("seed", 3) == 3
    assert graph == topology.make(name, n_in, n_out, degree, 3)
    assert graph.degree == pytest.approx(degree, rel=0.25)
    with pytest.raises(TypeError, match=r"must be a whole number of neurons, got 1\.5"):
        topology.make(name, 1.5, n_out, degree)  # type: ignore[arg-type]
    if name != "erdos_renyi":
        for bad in (0, n_out + 1):
            with pytest.raises(ValueError, match=f"degree must be between 1 and .* got {bad}"):
                topology.make(name, n_in, n_out, bad)


def test_every_construction_is_public() -> None:
    assert set(registry.CONSTRUCTIONS) < set(topology.__all__)
    for name, construction in registry.CONSTRUCTIONS.items():
        assert getattr(topology, name) is construction


def test_names_are_those_of_constructions_that_take_a_degree() -> None:
    others = {"dense", "rotating", "n_of_m", "correlated", "radix_net", "butterfly"}
    assert set(topology.names()) == set(registry.CONSTRUCTIONS) - others


@pytest.mark.parametrize("family", sorted({f.__module__ for f in registry.CONSTRUCTIONS.values()}))
def test_type_checkers_see_what_is_exported(family: str) -> None:
    """They read ``import *`` as all public names that a module defines, and no decorator."""
    module = import_module(family)
    defined = {
        name
        for name, function in getmembers(module, isfunction)
        if function.__module__ == family and not name.startswith("_")
    }
    assert defined == set(module.__all__)


def test_the_gallery_has_every_construction() -> None:
    gallery = Path(__file__).resolve().parents[2] / "docs" / "topologies.md"
    headings = re.findall(r"^### (\w+)$", gallery.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(headings) == sorted(registry.CONSTRUCTIONS)


def test_options_are_passed_on() -> None:
    graph = topology.make("small_world", *SIZE, seed=2, beta=0.5)
    assert graph == topology.small_world(*SIZE, beta=0.5, seed=2)


def test_unknown_names_and_options() -> None:
    with pytest.raises(ValueError, match="there is no construction 'ring'; there are random_rot"):
        topology.make("ring", *SIZE)
    with pytest.raises(TypeError, match="small_world has no option 'alpha'; it has beta, seed"):
        topology.make("small_world", *SIZE, alpha=1)
    with pytest.raises(TypeError, match="fibonacci_rotating has no option 'beta'; it has none"):
        topology.make("fibonacci_rotating", *SIZE, beta=1)


# Densities


@given(st.lists(st.integers(1, 500), min_size=2, max_size=6), st.floats(1e-4, 1))
def test_erk_keeps_the_total(widths: list[int], density: float) -> None:
    densities = np.array(topology.erk_densities(widths, density))
    shapes = np.array(list(pairwise(widths)))
    sizes, neurons = shapes.prod(axis=1), shapes.sum(axis=1)
    assert (densities > 0).all()
    assert (densities <= 1).all()
    assert densities @ sizes == pytest.approx(density * sizes.sum())
    is_sparse = densities < 1
    edges_a_neuron = densities * sizes / neurons
    np.testing.assert_allclose(
        edges_a_neuron[is_sparse], edges_a_neuron.max(where=is_sparse, initial=0)
    )


def test_erk_by_hand() -> None:
    # 100 x 100 and 100 x 20: neurons 200 and 120, of 0.1 * 12,000 = 1,200 edges 750 and 450
    assert topology.erk_densities([100, 100, 20], 0.1) == pytest.approx((0.075, 0.225))
    # of 6,000 edges the second would get 2,250, but has 2,000 at most; the first gets 4,000
    assert topology.erk_densities([100, 100, 20], 0.5) == pytest.approx((0.4, 1.0))
    assert topology.erk_densities([5, 4, 3], 1) == (1.0, 1.0)


def test_bad_densities() -> None:
    for density in (0, 1.1):
        with pytest.raises(ValueError, match=f"density must be above 0 and up to 1, got {density}"):
            topology.erk_densities([3, 4], density)
    with pytest.raises(ValueError, match=r"two levels of neurons at least, got \[3\]"):
        topology.erk_densities([3], 0.5)
    with pytest.raises(ValueError, match="n_out must be between 1 and"):
        topology.erk_densities([3, 0], 0.5)


# Files


def test_real_parameters_are_saved(tmp_path: Path) -> None:
    graphs = [
        topology.small_world(20, 30, 6, beta=np.float64(0.1), seed=np.int64(2)),
        topology.erdos_renyi(30, 10, 5.5, seed=2**127),
    ]
    snn.save(snn.MLP(graphs), tmp_path / "model.npz")
    twins = snn.load(tmp_path / "model.npz").topologies
    assert twins == graphs
    assert [repr(twin) for twin in twins] == [repr(graph) for graph in graphs]
    assert twins[0].parameters == {"degree": 6, "beta": 0.1, "seed": 2}
    assert [type(value) for value in twins[0].parameters.values()] == [int, float, int]


# The program


def test_list_has_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    show_topology.main(["--list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(topology.names())
    assert all(line.endswith(".") for line in lines)


def test_table_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    show_topology.main(
        ["disconnected", "regular_rotating", "--inputs", "30", "--outputs", "40", "--degree", "4",
         "--seed", "2", "--output", str(tmp_path / "new")]
    )  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) < 100, "as wide as a terminal"
    header, _, *rows, _, more, _, first, second, _, where = lines
    assert header.endswith("dead outputs")
    assert [row.split() for row in rows] == [
        ["disconnected", "120", "10", "%", "4", "to", "4", "3", "to", "3", "0", "0"],
        ["regular_rotating", "120", "10", "%", "4", "to", "4", "0", "to", "4", "0", "7"],
    ]
    assert more.endswith("mean path")
    assert first.split()[:2] == ["disconnected", "2"]
    assert float(first.split()[2]) == 0, "two parts have no connectivity"
    assert second.split()[:2] == ["regular_rotating", "8"]
    path = tmp_path / "new" / "topologies.png"
    assert where.endswith(str(path))
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_nothing_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        show_topology.main([])
    assert "give a NAME or several; --list prints what there is" in capsys.readouterr().err
