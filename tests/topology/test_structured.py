"""Structured graphs: blocks, N of M, separate parts, receptive fields, and whole networks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

import minisnn as snn
from minisnn import topology


def n_components(graph: snn.Topology) -> int:
    n = graph.n_in + graph.n_out
    adjacency = np.zeros((n, n))
    adjacency[: graph.n_in, graph.n_in :] = graph.to_dense()
    return int(connected_components(adjacency, directed=False)[0])


def n_paths(graphs: Sequence[snn.Topology]) -> np.ndarray:
    """Return how many paths lead from each input to each output."""
    return reduce(np.matmul, [graph.to_dense().astype(int) for graph in graphs])


# Blocks


@given(*[st.integers(1, 6)] * 3, st.integers(1, 5), st.integers(0, 100))
def test_block_random(groups_in: int, groups_out: int, k: int, block: int, seed: int) -> None:
    k = min(k, groups_out)
    graph = topology.block_random(
        groups_in * block, groups_out * block, k * block, block=block, seed=seed
    )
    blocks = graph.to_dense().reshape(groups_in, block, groups_out, block).sum(axis=(1, 3))
    assert set(blocks.ravel().tolist()) <= {0, block**2}
    assert (graph.out_degrees == k * block).all()
    assert np.ptp(graph.in_degrees) <= block


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((10, 12, 4), "n_in must be a multiple of block = 4, got 10; the nearest is 8 or 12"),
        ((12, 3, 3), "n_out must be a multiple of block = 4, got 3; the nearest is 4"),
        ((12, 12, 6), "degree must be a multiple of block = 4, got 6; the nearest is 4 or 8"),
    ],
)
def test_blocks_that_do_not_fit(size: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topology.block_random(*size)
    with pytest.raises(ValueError, match="block must be at least 1, got 0"):
        topology.block_random(*size, block=0)


# N of M


@given(*[st.integers(1, 8)] * 4, st.integers(0, 100))
def test_n_of_m(n: int, m: int, groups: int, n_out: int, seed: int) -> None:
    n = min(n, m)
    graph = topology.n_of_m(groups * m, n_out, n, m, seed=seed)
    assert (graph.to_dense().reshape(groups, m, n_out).sum(axis=1) == n).all()
    assert graph.parameters == {"n": n, "m": m, "seed": seed}


def test_n_of_m_takes_all_alike() -> None:
    counts = topology.n_of_m(7, 6000, 3, 7, seed=1).out_degrees
    assert np.abs(counts - 6000 * 3 / 7).max() < 5 * np.sqrt(6000 * 3 / 7 * 4 / 7)


def test_bad_n_and_m() -> None:
    with pytest.raises(ValueError, match="n must be m = 4 at most, got 5"):
        topology.n_of_m(8, 3, 5, 4)
    with pytest.raises(ValueError, match=r"m must divide n_in = 12, got 5; the nearest .* is 4"):
        topology.n_of_m(12, 3, 2, 5)


# Parts


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_disconnected(n_in: int, n_out: int, data: st.DataObject) -> None:
    parts = data.draw(st.integers(1, min(n_in, n_out)))
    degree = data.draw(st.integers(1, n_out // parts))
    graph = topology.disconnected(n_in, n_out, degree, parts=parts, seed=3)
    assert (graph.out_degrees == degree).all()
    assert n_components(graph) >= parts
    left, right = (np.arange(parts + 1) * width // parts for width in (n_in, n_out))
    mask = np.zeros(graph.shape, dtype=bool)
    for part in range(parts):
        mask[left[part] : left[part + 1], right[part] : right[part + 1]] = True
    assert not graph.to_dense()[~mask].any()


def test_disconnected_parts_are_connected_and_differ() -> None:
    graph = topology.disconnected(60, 80, 6, parts=4)
    assert n_components(graph) == 4
    first, second = graph.to_dense()[:15, :20], graph.to_dense()[15:30, 20:40]
    assert (first != second).any()
    assert graph != topology.disconnected(60, 80, 6, parts=4, seed=1)


def test_parts_that_are_too_small() -> None:
    with pytest.raises(ValueError, match="parts must be 3 at most, one neuron each, got 4"):
        topology.disconnected(3, 9, 1, parts=4)
    with pytest.raises(ValueError, match=r"between 1 and n_out // parts = 4, .* got 5; take"):
        topology.disconnected(9, 9, 5)


def test_rotating_places_can_disconnect_too() -> None:
    assert n_components(topology.rotating(12, 12, [0, 3, 6])) == 3


# Receptive fields


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40), st.data())
def test_receptive_fields(height: int, width: int, n_out: int, data: st.DataObject) -> None:
    degree = data.draw(st.integers(1, n_out))
    graph = topology.receptive_fields(height * width, n_out, degree, height=height)
    fan_in = max(1, round(degree * height * width / n_out))
    assert (graph.in_degrees == fan_in).all()
    for field in graph.to_dense().T.reshape(n_out, height, width):
        rows, columns = np.nonzero(field)
        box = field[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert box[:-1].all(), "a rectangle, but for its last row"
        if max(box.shape) < min(height, width):
            assert np.ptp(box.shape) <= 1
            assert box.size - fan_in < box.shape[1]


def test_receptive_fields_are_spread_over_the_image() -> None:
    graph = topology.receptive_fields(16, 4, 1)
    assert graph.to_dense().reshape(4, 4, 4)[..., 0].tolist() == [
        [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0],
    ]  # fmt: skip
    assert (graph.out_degrees == 1).all(), "four squares of four tile the image"
    assert graph.parameters == {"degree": 1, "height": 4}


def test_receptive_fields_around_their_places() -> None:
    fields = topology.receptive_fields(784, 1000, 40).to_dense().T.reshape(1000, 28, 28)
    centers = np.array([np.argwhere(field).mean(axis=0) for field in fields])
    assert (np.diff(centers[:, 0]) > -0.6).all(), "row by row"
    inside = centers[(centers > 4).all(axis=1) & (centers < 23).all(axis=1)]
    assert len(np.unique(np.round(inside), axis=0)) > 300, "not all in one place"


def test_bad_images() -> None:
    with pytest.raises(ValueError, match="n_in = 12 pixels are no square image; give its height"):
        topology.receptive_fields(12, 4, 2)
    with pytest.raises(ValueError, match="height must divide n_in = 12 pixels, got 5"):
        topology.receptive_fields(12, 4, 2, height=5)
    with pytest.raises(ValueError, match="height must be at least 1, got 0"):
        topology.receptive_fields(12, 4, 2, height=0)


# Networks


@pytest.mark.parametrize("n", [2, 4, 16, 64])
def test_butterfly(n: int) -> None:
    graphs = topology.butterfly(n)
    assert len(graphs) == np.log2(n)
    for graph in graphs:
        assert (graph.out_degrees == 2).all()
        assert (graph.in_degrees == 2).all()
        np.testing.assert_array_equal(graph.to_dense(), graph.to_dense().T)
    assert (n_paths(graphs) == 1).all()


@pytest.mark.parametrize(("n", "nearest"), [(1, "2$"), (6, "4 or 8"), (0, "n must be at least 1")])
def test_butterflies_of_other_sizes(n: int, nearest: str) -> None:
    with pytest.raises(ValueError, match=nearest):
        topology.butterfly(n)


@pytest.mark.parametrize(
    ("systems", "widths", "paths"),
    [
        ([[2, 3]], None, 1),
        ([[2, 2, 3], [4, 3], [6, 2]], None, 12**2),
        ([[3, 2]], [1, 5, 4], 5),
        ([[2, 2], [4], [2]], [3, 1, 2, 1, 2], 2 * 4 * 2),
    ],
)
def test_radix_net(systems: list[list[int]], widths: list[int] | None, paths: int) -> None:
    graphs = topology.radix_net(systems, widths=widths)
    radices = [radix for system in systems for radix in system]
    size = int(np.prod(systems[0]))
    copies = widths or [1] * (len(radices) + 1)
    for k, (graph, radix) in enumerate(zip(graphs, radices, strict=True)):
        assert graph.shape == (size * copies[k], size * copies[k + 1])
        assert (graph.out_degrees == radix * copies[k + 1]).all()
        assert (graph.in_degrees == radix * copies[k]).all()
    assert (n_paths(graphs) == paths).all(), "equally many between all"


def test_radix_net_of_one_copy_rotates() -> None:
    for graph, places in zip(topology.radix_net([[3, 4]]), ([0, 1, 2], [0, 3, 6, 9]), strict=True):
        assert graph == topology.rotating(12, 12, places)


@pytest.mark.parametrize(
    ("systems", "widths", "message"),
    [
        ([[2, 1]], None, r"a radix must be at least 2, got 1 in \[2, 1\]"),
        ([], None, "each number system needs a radix"),
        ([[2], []], None, "each number system needs a radix"),
        ([[2, 3], [5], [6]], None, "one product, .* with the products"),
        ([[2, 3], [4]], None, "one product, .* with the products"),
        ([[2, 3]], [1, 1], "one entry for each of the 3 levels .* got 2"),
        ([[2, 3]], [1, 0, 1], "a width must be at least 1, got 0"),
    ],
)
def test_bad_number_systems(systems: Any, widths: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topology.radix_net(systems, widths=widths)
