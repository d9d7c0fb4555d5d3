"""The constructions: small cases worked out by hand, and their defining properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisnn import spectral, topology

PAPER = (
    "random_rotating", "constant_degree", "regular_rotating", "long_range_rotating",
    "fibonacci_rotating",
)  # fmt: skip
EXACT = ("constant_degree", "regular_rotating", "long_range_rotating", "fibonacci_rotating")
ROTATING = ("random_rotating", "regular_rotating", "long_range_rotating", "fibonacci_rotating")
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda shape: st.tuples(st.just(shape[0]), st.just(shape[1]), st.integers(1, shape[1]))
)


def rows(text: str) -> list[list[int]]:
    return [[int(digit) for digit in line] for line in text.split()]


# By hand


def test_regular_rotating_by_hand() -> None:
    graph = topology.regular_rotating(5, 4, degree=2)
    assert graph.to_dense().tolist() == rows("1100 0110 0011 1001 1100")


def test_regular_rotating_with_a_stride_that_divides_both_widths_falls_apart() -> None:
    graph = topology.regular_rotating(4, 6, degree=2, stride=2)
    assert graph.to_dense().tolist() == rows("101000 010100 001010 000101")
    assert graph.generator.tolist() == [0, 2]
    assert spectral.measure(graph).n_components == 2
    assert topology.regular_rotating(4, 6, degree=2, stride=1).parameters == {"degree": 2}


def test_ones_at_a_stride_must_fit_in() -> None:
    assert topology.regular_rotating(4, 6, degree=3, stride=2).n_edges == 12
    with pytest.raises(ValueError, match=r"stride must be at most n_out // degree = 2, got 3"):
        topology.regular_rotating(4, 6, degree=3, stride=3)
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        topology.regular_rotating(4, 6, degree=3, stride=0)


def test_regular_rotating_leaves_the_last_outputs_of_a_wider_layer_alone() -> None:
    graph = topology.regular_rotating(3, 7, degree=2)
    assert graph.to_dense().tolist() == rows("1100000 0110000 0011000")
    assert graph.isolated_outputs.tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("n_out", "degree", "places"),
    [
        (14, 4, [0, 1, 5, 11]),  # 2 near; 12 places left, two parts of 6, their middles
        (14, 5, [0, 1, 2, 5, 11]),  # 3 near; 11 left, parts of 5.5: middles at 2.75 and 8.25
        (6, 6, [0, 1, 2, 3, 4, 5]),
        (9, 1, [0]),
        (10, 2, [0, 5]),  # 1 near; 9 left, one part: its middle at 4.5
    ],
)
def test_long_range_rotating_by_hand(n_out: int, degree: int, places: list[int]) -> None:
    graph = topology.long_range_rotating(n_out, n_out, degree)
    assert graph.generator.tolist() == places
    assert np.flatnonzero(graph.to_dense()[0]).tolist() == places


@pytest.mark.parametrize(
    ("n_out", "degree", "places"),
    [
        (20, 6, [0, 1, 2, 3, 5, 8]),  # no scaling
        # 0 1 2 3 5 8: not above 8, so not scaled; place 8 is place 0, the next free one is 4
        (8, 6, [0, 1, 2, 3, 4, 5]),
        # 0 1 2 3 5 8 13 by 11/13: 0 0 1 2 4 6 11; in order 0, 1, 2, 3, 4, 6, and 11 = 0 -> 5
        (11, 7, [0, 1, 2, 3, 4, 5, 6]),
        # 0 1 2 3 5 8 13 21 34 by 20/34: 0 0 1 1 2 4 7 12 20; 0, 1, 2, 3, 4, 5, 7, 12, 20 = 0 -> 6
        (20, 9, [0, 1, 2, 3, 4, 5, 6, 7, 12]),
        (30, 1, [0]),
    ],
)
def test_fibonacci_rotating_by_hand(n_out: int, degree: int, places: list[int]) -> None:
    graph = topology.fibonacci_rotating(n_out, n_out, degree)
    assert graph.generator.tolist() == places


@pytest.mark.parametrize(
    ("n_out", "degree"),
    [(1000, 13), (1000, 150), (1000, 999), (50, 50), (2000, 1800), (2_000_000, 400)],
)
def test_fibonacci_rotating_by_its_definition(n_out: int, degree: int) -> None:
    """With all numbers as they are, of which the 1800th has 376 digits."""
    numbers = [0, 1, 2]
    while len(numbers) < degree:
        numbers.append(numbers[-1] + numbers[-2])
    taken: set[int] = set()
    for number in numbers[:degree]:
        scaled = number * n_out // numbers[degree - 1] if numbers[degree - 1] > n_out else number
        while scaled % n_out in taken:
            scaled += 1
        taken.add(scaled % n_out)
    graph = topology.fibonacci_rotating(1, n_out, degree)
    assert graph.generator.tolist() == sorted(taken)


def test_random_rotating_draws_each_place_with_probability_degree_over_width() -> None:
    counts = [topology.random_rotating(1, 200, 20, seed=seed).n_edges for seed in range(300)]
    assert abs(np.mean(counts) - 20) < 4 * np.sqrt(200 * 0.1 * 0.9 / 300)
    assert len(set(counts)) > 5, "the number of ones is random too"


def test_random_rotating_never_draws_an_empty_vector() -> None:
    assert all(topology.random_rotating(3, 50, 1, seed=seed).n_edges for seed in range(200))


def test_constant_degree_reaches_all_outputs_evenly() -> None:
    graph = topology.constant_degree(5000, 20, degree=4)
    expected = 5000 * 4 / 20
    assert np.abs(graph.in_degrees - expected).max() < 5 * np.sqrt(expected)


def test_seeds() -> None:
    for name in ("random_rotating", "constant_degree"):
        construct = getattr(topology, name)
        assert construct(30, 40, 10, seed=1) == construct(30, 40, 10, seed=1)
        assert construct(30, 40, 10, seed=1) != construct(30, 40, 10, seed=2)


def test_dense_has_every_edge() -> None:
    graph = topology.dense(3, 4)
    assert graph.is_complete
    assert graph.to_dense().all()
    assert graph.indices.tolist() == [0, 1, 2] * 4
    assert graph.edges()[:4].tolist() == [[0, 0], [1, 0], [2, 0], [0, 1]]


# Properties


@given(SHAPES, st.sampled_from(EXACT))
def test_exact_degree(shape: tuple[int, int, int], name: str) -> None:
    n_in, n_out, degree = shape
    graph = topology.make(name, n_in, n_out, degree)
    assert graph.shape == (n_in, n_out)
    assert (graph.out_degrees == degree).all()
    assert graph.degree == degree
    assert graph.n_edges == n_in * degree == graph.in_degrees.sum()
    assert graph.density == pytest.approx(degree / n_out)
    assert graph.name == name
    assert graph.parameters["degree"] == degree


@given(SHAPES, st.sampled_from(ROTATING))
def test_each_row_is_the_one_before_rotated_by_one_place(
    shape: tuple[int, int, int], name: str
) -> None:
    graph = topology.make(name, *shape)
    adjacency = graph.to_dense()
    for i, row in enumerate(adjacency):
        np.testing.assert_array_equal(row, np.roll(adjacency[0], i))
    np.testing.assert_array_equal(graph.generator, np.flatnonzero(adjacency[0]))


@given(SHAPES, st.sampled_from(PAPER))
def test_structure_is_valid_and_frozen(shape: tuple[int, int, int], name: str) -> None:
    graph = topology.make(name, *shape)
    assert graph.indptr.dtype == np.int64
    assert graph.indices.dtype == np.uint32
    for array in (graph.indptr, graph.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    for start, stop in zip(graph.indptr, graph.indptr[1:], strict=False):
        inputs = graph.indices[start:stop].astype(int)
        assert (np.diff(inputs) > 0).all()


# Errors


@pytest.mark.parametrize("name", PAPER)
def test_bad_degrees_and_widths(name: str) -> None:
    construct = getattr(topology, name)
    for degree in (0, -1, 11):
        with pytest.raises(
            ValueError, match=rf"degree must be between 1 and n_out = 10 .* got {degree}"
        ):
            construct(20, 10, degree)
    if name in ("random_rotating", "constant_degree"):
        with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
            construct(20, 10, 3, seed=-1)
    for bad in (2.0, "3", True):
        with pytest.raises(TypeError, match="degree must be a whole number"):
            construct(20, 10, bad)
    with pytest.raises(ValueError, match="n_in must be between 1 and 2147483647, got 0"):
        construct(0, 10, 1)
    with pytest.raises(ValueError, match="n_out must be between 1 and 2147483647, got 2147483648"):
        construct(1, 2**31, 1)
    with pytest.raises(TypeError, match=r"n_in must be a whole number of neurons, got 1\.5"):
        construct(1.5, 10, 1)


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ([], "list of whole numbers"),
        ([0.5, 2.7], "list of whole numbers"),
        (3, "list of whole numbers"),
        ([True, False], "list of whole numbers"),
        ([5], "places between 0 and n_out - 1 = 4"),
        ([-1], "places between 0 and n_out - 1 = 4"),
        ([[1]], "list of whole numbers"),
        ([1, 1], "distinct places"),
    ],
)
def test_bad_generators(generator: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topology.rotating(3, 5, generator)
