"""Measures of a wiring, against dense matrices, networkx, and the same wiring as layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measuring import METHODS, check_measures, expected_of, networks, use

import minisnn as snn
from minisnn import spectral
from minisnn.topology.graph import Topology


@st.composite
def wirings(draw: Any) -> Any:
    """Any acyclic graph of up to 9 terms, some of two neurons; outputs at any level."""
    n = draw(st.integers(2, 9))
    pairs = [(a, b) for b in range(n) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    read = {b for _, b in edges}
    extra = draw(st.sets(st.sampled_from(sorted(read))))
    ends = read - {a for a, _ in edges}
    wiring = snn.wiring.from_edges(edges, outputs=sorted(ends | extra))
    inner = [name for name in wiring.terms if name in read and name not in wiring.outputs]
    return wiring.with_units({name: draw(st.integers(1, 2)) for name in inner})


def adjacency(wiring: Any) -> Any:
    below = wiring.matrix().toarray().astype(bool).astype(float)
    return below + below.T


@pytest.mark.parametrize("name", METHODS)
@given(wiring=wirings())
def test_a_wiring(name: str, wiring: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use(name, patch)
        measures = spectral.measure_network(wiring)
    check_measures(expected_of(adjacency(wiring)), measures)
    directed = networkx.from_numpy_array(
        wiring.matrix().toarray().T.astype(bool), create_using=networkx.DiGraph
    )
    outputs = [
        row for name in wiring.outputs for row in range(wiring.n_neurons)[wiring.rows_of(name)]
    ]
    powers = [np.linalg.matrix_power(networkx.to_numpy_array(directed), k) for k in range(1, 18)]
    paths = sum(powers)[: wiring.n_inputs, outputs]
    assert measures.n_paths == paths.sum()
    shares = (paths > 0).mean(axis=0)
    np.testing.assert_allclose(spectral.reach(wiring), shares)
    assert measures.least_reach == shares.min()
    assert measures.mean_reach == pytest.approx(shares.mean())


@given(layers=networks())
def test_a_chain_measures_what_its_layers_do(layers: Sequence[Topology]) -> None:
    try:
        wiring = snn.wiring.from_topologies(layers)
    except ValueError:  # it has neurons without inputs
        return
    expected = dataclasses.asdict(spectral.measure_network(layers))
    found = dataclasses.asdict(spectral.measure_network(wiring))
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-7, abs=1e-7), name


def test_networks_are_their_wirings() -> None:
    layers = [snn.topology.constant_degree(30, 20, 3, seed=0), snn.topology.dense(20, 4)]
    of_layers = spectral.measure_network(layers)
    assert spectral.measure_network(snn.MLP(layers, seed=0)) == of_layers
    wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "q"), ("a", "q")])
    assert spectral.measure_network(snn.Network(wiring)) == spectral.measure_network(wiring)
    assert spectral.imdb(snn.MLP(layers, seed=0)) == spectral.imdb(layers)
    for function in (spectral.ramanujan_gap, spectral.is_ramanujan, spectral.imdb):
        with pytest.raises(TypeError, match="this measure is of a layer, or of layers in a row, g"):
            function(wiring)


@pytest.mark.parametrize("kept", [500, 1])
def test_a_large_wiring(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more outputs than a word has bits, by LAPACK and by Lanczos."""
    from minisnn.spectral import solvers

    rng = np.random.default_rng(0)
    edges = {(a, b) for b in range(60, 400) for a in rng.integers(0, b, 4).tolist()}
    read = {a for a, _ in edges}
    wiring = snn.wiring.from_edges(
        sorted(edges), outputs=[b for b in range(60, 400) if b not in read or b % 3 == 0]
    )
    assert len(wiring.outputs) > 64
    monkeypatch.setattr(solvers, "DENSE", kept)
    measures = spectral.measure_network(wiring)
    check_measures(expected_of(adjacency(wiring)), measures)


def test_paths_of_a_wiring_beyond_64_bits_are_exact() -> None:
    chain = [(f"{level}{side}", f"{level + 1}{other}")
             for level in range(80) for side in "ab" for other in "ab"]  # fmt: skip
    assert spectral.n_paths(snn.wiring.from_edges(chain)) == 2 * 2**80
