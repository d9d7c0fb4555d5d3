"""Expanders: degrees, and the second singular value against the Ramanujan bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import spectral, topology
from minisnn.topology.expanders import _second_singular_value
from minisnn.topology.finite_field import FiniteField, prime_power

FIELDS = (2, 3, 4, 5, 7, 8, 9, 16, 25, 27)


def singular_values(graph: snn.Topology) -> np.ndarray:
    return np.linalg.svd(graph.to_dense().astype(float), compute_uv=False)


def bound(graph: snn.Topology) -> float:
    return float(np.sqrt(graph.degree - 1) + np.sqrt(graph.in_degrees[0] - 1))


# Fields


def test_prime_powers() -> None:
    assert {q: prime_power(q) for q in (2, 7, 8, 9, 49, 64)} == {
        2: (2, 1), 7: (7, 1), 8: (2, 3), 9: (3, 2), 49: (7, 2), 64: (2, 6),
    }  # fmt: skip
    assert not any(map(prime_power, (1, 6, 12, 100)))


@pytest.mark.parametrize("q", FIELDS)
def test_field_axioms(q: int) -> None:
    field = FiniteField(q)
    e = np.arange(q)
    a, b, c = e[:, None, None], e[:, None], e
    add, multiply = field.add, field.multiply
    np.testing.assert_array_equal(np.sort(add(b, c)), np.tile(e, (q, 1)))
    np.testing.assert_array_equal(np.sort(multiply(b[1:], c[1:])), np.tile(e[1:], (q - 1, 1)))
    for operation in (add, multiply):
        np.testing.assert_array_equal(operation(b, c), operation(c, b))
        np.testing.assert_array_equal(operation(operation(a, b), c), operation(a, operation(b, c)))
    np.testing.assert_array_equal(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)))
    np.testing.assert_array_equal(multiply(e, np.array(1)), e)
    np.testing.assert_array_equal(add(e, np.array(0)), e)
    assert not multiply(e, np.array(0)).any()


def test_no_field_of_six() -> None:
    with pytest.raises(ValueError, match="a field of q elements only for prime powers, got 6"):
        FiniteField(6)


# Ramanujan


@pytest.mark.parametrize("q", FIELDS[:-2])
def test_ramanujan_bound_and_girth(q: int) -> None:
    n_graphs = 0
    for slopes in range(2, q + 1, max(1, q // 4)):
        for degree in {2, q // 2, q - 1, q}:
            if slopes * degree <= q or (slopes - 1) ** 0.5 + (degree - 1) ** 0.5 < q**0.5:
                continue
            n_graphs += 1
            graph = topology.ramanujan(slopes * q, degree * q, degree)
            assert (graph.out_degrees == degree).all()
            assert (graph.in_degrees == slopes).all()
            assert spectral.is_ramanujan(graph)
            values = singular_values(graph)
            assert values[0] == pytest.approx(np.sqrt(slopes * degree))
            assert values[1] <= min(np.sqrt(q), bound(graph)) + 1e-9
            matrix = graph.to_dense().astype(float)  # exact, and a product of BLAS
            common = matrix @ matrix.T
            np.fill_diagonal(common, 0)
            assert common.max() <= 1, "no cycles of length 4"
    assert n_graphs


def test_ramanujan_for_mnist() -> None:
    graph = topology.ramanujan(784, 980, 20)
    assert singular_values(graph)[1] == pytest.approx(7)  # √49
    assert bound(graph) == pytest.approx(8.232, abs=1e-3)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((784, 1000, 20), (784, 980, 20)),
        ((25, 25, 4), (25, 20, 4)),
        ((10, 12, 2), (12, 12, 3)),
        ((1, 1, 1), (4, 4, 2)),
        ((36, 36, 6), (35, 42, 6)),
        ((8, 8, 2), (9, 6, 2)),  # of four elements would fall into two parts
    ],
)
def test_where_there_is_no_ramanujan_graph(
    size: tuple[int, int, int], nearest: tuple[int, int, int]
) -> None:
    text = "no Ramanujan .* n_in = {}, n_out = {}, degree = {}; the nearest has".format(*size)
    with pytest.raises(ValueError, match=text) as caught:
        topology.ramanujan(*size)
    assert str(caught.value).endswith("n_in = {}, n_out = {}, degree = {}".format(*nearest))
    topology.ramanujan(*nearest)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_the_nearest_ramanujan_graph_exists(n_in: int, n_out: int, data: st.DataObject) -> None:
    degree = data.draw(st.integers(1, n_out))
    try:
        topology.ramanujan(n_in, n_out, degree)
    except ValueError as error:
        numbers = [int(word.strip(",;")) for word in str(error).split() if word[0].isdigit()]
        nearest = topology.ramanujan(*numbers[3:])
        assert (nearest.in_degrees == nearest.in_degrees[0]).all()


def test_a_plane_without_enough_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="no Ramanujan graph"):
        topology.ramanujan(2 * 25, 2 * 25, 2)  # 1 + 1 < 5


# Lifts


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8), st.integers(0, 100))
def test_lift_is_made_of_permutations(order: int, left: int, right: int, seed: int) -> None:
    graph = topology.random_lift(left * order, right * order, right, tries=1, seed=seed)
    blocks = graph.to_dense().reshape(left, order, right, order)
    assert (blocks.sum(axis=1) == 1).all()
    assert (blocks.sum(axis=3) == 1).all()


@pytest.mark.parametrize("shape", [(60, 40, 4), (784, 980, 20), (100, 100, 10), (6, 4, 2)])
def test_second_singular_value_of_lifts(shape: tuple[int, int, int]) -> None:
    graph = topology.random_lift(*shape, seed=3)
    values = singular_values(graph)
    targets = graph.to_scipy().tocsr().indices.reshape(graph.n_in, -1)
    assert _second_singular_value(targets, graph.n_out) == pytest.approx(values[1], rel=2e-3)
    assert values[1] < 1.1 * bound(graph)


def test_more_tries_give_better_lifts() -> None:
    values = [
        singular_values(topology.random_lift(60, 40, 4, tries=tries, seed=5))[1]
        for tries in (1, 5, 40)
    ]
    assert values[2] < values[0]
    assert values == sorted(values, reverse=True)


def test_lift_by_one_is_complete() -> None:
    assert topology.random_lift(3, 5, 5).is_complete


def test_seeds_of_lifts() -> None:
    construct = topology.random_lift
    assert construct(30, 40, 8, seed=1) == construct(30, 40, 8, seed=1)
    assert construct(30, 40, 8, seed=1) != construct(30, 40, 8, seed=2)
    assert construct(30, 40, 8, tries=2, seed=0).parameters == {"degree": 8, "tries": 2, "seed": 0}


def test_where_there_is_no_lift() -> None:
    with pytest.raises(ValueError, match=r"n_out = 1000.*n_in = 784, got 150.* 125, 250, 500"):
        topology.random_lift(784, 1000, 150)
    with pytest.raises(ValueError, match=r"got 3; the nearest .* that do are 1, 2, 4$"):
        topology.random_lift(8, 4, 3)
    with pytest.raises(ValueError, match="tries must be at least 1, got 0"):
        topology.random_lift(4, 4, 2, tries=0)
