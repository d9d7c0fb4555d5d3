"""Single samples against plain products, and against the same samples in a batch."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st
from naive import random_structure
from wirings import random_network

import minisnn as snn
from minisnn.kernels.layers import one_sample as single
from minisnn.kernels.machine.scattered import EXPANDS
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program import one_sample as program
from minisnn.kernels.program import steps as steps_of

needs_avx512 = pytest.mark.skipif(not EXPANDS, reason="needs AVX-512")
structures = given(
    seed=st.integers(0, 2**32),
    n_in=st.integers(1, 150),
    n_out=st.integers(1, 21),
    density=st.floats(0, 1),
    runs=st.booleans(),
    kind=st.sampled_from(
        [(np.float32, np.uint16), (np.float64, np.uint16), (np.float32, np.uint32)]
    ),
)


class Problem:
    """A product, with NaN and inf in all places that it must not look at."""

    def __init__(
        self, seed: int, n_in: int, n_out: int, density: float, runs: bool, kind: tuple[Any, Any]
    ) -> None:
        rng, (real, index) = np.random.default_rng(seed), kind
        indptr, indices = random_structure(rng, n_in, n_out, density)
        if runs:  # columns side by side, from any one on
            degrees = np.diff(indptr)
            first = rng.integers(0, n_in - degrees + 1)
            pairs = zip(first, degrees, strict=True)
            indices = np.concatenate([np.arange(f, f + n) for f, n in pairs])
        self.lanes = lanes_of(real)
        self.starts, self.indices = indptr.astype(np.uint32), indices.astype(index)
        self.weights = np.full(len(indices) + 40, np.nan, real)
        self.weights[: len(indices)] = rng.standard_normal(len(indices))
        self.x = np.full(n_in + 40, np.inf, real)
        self.x[:n_in] = rng.standard_normal(n_in)
        W = np.zeros((n_out, n_in), real)
        W[np.repeat(np.arange(n_out), np.diff(indptr)), indices] = self.weights[: len(indices)]
        self.W, self.z = W, np.full(n_out, np.nan, real)

    def check(self) -> None:
        tolerance = 1e-5 if self.z.dtype == np.float32 else 1e-13
        n_in = self.W.shape[1]
        wanted = self.W @ np.nan_to_num(self.x[:n_in])
        np.testing.assert_allclose(self.z, wanted, rtol=tolerance, atol=tolerance * n_in)

    def steps(self, registers: int) -> steps_of.Steps:
        span = registers * self.lanes
        return steps_of.steps_of(self.starts, self.indices, self.lanes, span)


@structures
def test_edges_times(**options: Any) -> None:
    it = Problem(**options)
    single.edges_times(it.starts, it.indices, it.weights, it.x, it.z)
    it.check()


@structures
def test_complete_times(**options: Any) -> None:
    it = Problem(**options)
    single.complete_times((0,) * it.lanes, it.W, it.x, it.z)
    it.check()


@needs_avx512
@structures
def test_masks_times(**options: Any) -> None:
    it = Problem(**options)
    begins, columns, masks, places = it.steps(1)
    assert not len(places)
    single.masks_times(
        (0,) * it.lanes, it.starts, begins, columns, masks.ravel(), it.weights, it.x, it.z
    )
    it.check()


@needs_avx512
@structures
def test_places_times(**options: Any) -> None:
    it = Problem(**options)
    begins, columns, masks, places = it.steps(2)
    single.places_times(
        (0,) * it.lanes, it.starts, begins, columns, masks.ravel(), places, it.weights, it.x, it.z
    )
    it.check()


@needs_avx512
@pytest.mark.parametrize("registers", [1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_see_nothing_but_their_edges(registers: int, value: float) -> None:
    """An input or a weight that is no number is seen in the rows that have it alone."""
    it = Problem(3, 60, 17, 0.4, False, (np.float32, np.uint16))
    has = it.W[:, 20] != 0
    assert 0 < has.sum() < 17
    it.x[20] = value
    it.weights[it.starts[4]] = value
    has[4] = True
    begins, columns, masks, places = it.steps(registers)
    tables = (0,) * it.lanes, it.starts, begins, columns, masks.ravel()
    if registers == 1:
        single.masks_times(*tables, it.weights, it.x, it.z)
    else:
        single.places_times(*tables, places, it.weights, it.x, it.z)
    np.testing.assert_array_equal(np.isfinite(it.z), ~has)


@structures
def test_steps_have_each_edge_once(**options: Any) -> None:
    """By brute force: the columns that masks and places stand for are those of the edges."""
    it = Problem(**options)
    for registers in (1, 2):
        begins, columns, masks, places = it.steps(registers)
        for i, (first, last) in enumerate(zip(it.starts[:-1], it.starts[1:], strict=True)):
            found: list[int] = []
            for s in range(begins[i // single.ROWS], begins[i // single.ROWS + 1]):
                mask = int(masks[s, i % single.ROWS])
                lanes = [lane for lane in range(it.lanes) if mask >> lane & 1]
                if registers == 2:
                    assert lanes == list(range(len(lanes)))
                    begin = int(first) + len(found)
                    lanes = places[begin : begin + len(lanes)].tolist()
                found += [int(columns[s]) + lane for lane in lanes]
            assert found == it.indices[first:last].tolist()


def test_ways() -> None:
    """Gathered where few columns are, by places or by masks where many or runs of them are."""

    def way(graph: snn.topology.Topology) -> int:
        starts, indices = np.asarray(graph.indptr), np.asarray(graph.indices)
        return program.choose_way(starts.astype(np.uint32), indices.astype(np.uint16), 16)

    topology = snn.topology
    assert way(topology.constant_degree(400, 64, 2, seed=0)) == single.EDGES
    ways = [way(topology.constant_degree(400, 64, degree, seed=0)) for degree in (20, 58)] + [
        way(topology.regular_rotating(400, 64, 8))
    ]
    assert ways == ([single.PLACES, single.MASKS, single.MASKS] if EXPANDS else [single.EDGES] * 3)


@pytest.mark.parametrize(
    ("kind", "functions"),
    [
        (np.uint8, ("sigmoid", "sigmoid")),
        (np.bool_, ("tanh", "softmax")),
        (np.int16, ("relu", "identity")),
        (np.float32, ("identity", "tanh")),
        (np.float64, ("leaky_relu", "sigmoid")),
    ],
)
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_a_sample_alone_has_the_outputs_of_a_batch(
    real: Any, kind: Any, functions: tuple[str, str], rng: np.random.Generator
) -> None:
    """Rows summed up in each way, idle inputs, complete layers."""
    topology = snn.topology
    for graphs in (
        [topology.constant_degree(70, 300, 90), topology.dense(300, 7), topology.dense(7, 3)],
        [topology.constant_degree(70, 301, 3), topology.constant_degree(301, 7, 6)],
        [topology.dense(66, 40), topology.regular_rotating(40, 903, 600), topology.dense(903, 2)],
        [topology.from_edges(50, 5, [(3, 0), (40, 2), (41, 2)]), topology.dense(5, 2)],
        [topology.dense(50, 40), topology.dense(40, 3)],  # on BLAS
    ):
        hidden, outputs = functions
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", snn.DeadNeuronWarning)
            net = snn.MLP(graphs, dtype=real, activation=hidden, output_activation=outputs)
        net.parameters[:] = rng.standard_normal(len(net.parameters)) / 10
        X = (rng.random((5, net.n_in)) * 255).astype(kind)
        together = net.predict(X, input_scale=1 / 255)
        alone = [net.predict(X[k : k + 1], input_scale=1 / 255) for k in range(len(X))]
        tolerance = 2e-5 if real is np.float32 else 1e-12
        np.testing.assert_allclose(
            np.concatenate(alone), together, rtol=tolerance, atol=tolerance / 10
        )


@given(seed=st.integers(0, 2**32), real=st.sampled_from([np.float32, np.float64]))
def test_wirings_of_all_kinds(seed: int, real: Any) -> None:
    """Edges over levels, outputs within and in any order, batch normalisation, idle inputs."""
    rng = np.random.default_rng(seed)
    net = random_network(rng, real)
    X = rng.random((3, net.n_in)).astype(real)
    alone = np.concatenate([net.predict(X[k : k + 1]) for k in range(len(X))])
    tolerance = 1e-4 if real is np.float32 else 1e-12
    np.testing.assert_allclose(alone, net.predict(X), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_the_loss_of_one_sample(output: str, rng: np.random.Generator) -> None:
    """It is made from pre-activations, which are those of a batch."""
    graphs = [snn.topology.constant_degree(30, 40, 20, seed=0), snn.topology.dense(40, 3)]
    net = snn.MLP(graphs, output_activation=output, dtype=np.float64, seed=0)
    X, labels = rng.random((1, 30)), np.array([2])
    loss = "cross_entropy" if output == "softmax" else "binary_cross_entropy"
    twice = snn.evaluate(net, np.concatenate([X, X]), np.array([2, 2]), loss=loss)
    np.testing.assert_allclose(snn.evaluate(net, X, labels, loss=loss).loss, twice.loss)


@pytest.fixture
def net() -> snn.MLP:
    topology = snn.topology
    return snn.MLP([topology.constant_degree(30, 40, 20, seed=0), topology.dense(40, 3)], seed=0)


def test_a_sample_of_any_form_has_the_same_bits(net: snn.MLP, rng: np.random.Generator) -> None:
    """Those that are read at once, and those that are checked first."""
    X = rng.integers(0, 256, (4, 30)).astype(np.uint8)
    wanted = net.predict(X[2:3], input_scale=0.5)
    assert wanted.shape == (1, 3)
    read_only = X.astype(np.float64)
    read_only.flags.writeable = False
    forms: list[Any] = [X[2:3].astype(kind) for kind in ("i2", "i8", "f2", "f4", "f8", ">f8"[1:])]
    forms += [np.asfortranarray(X)[2:3], X[:, ::-1][2:3, ::-1], read_only[2:3], X[2:3].tolist()]
    forms += [scipy.sparse.csr_array(X[2:3])]
    for form in forms:
        np.testing.assert_array_equal(net.predict(form, input_scale=0.5), wanted)
    np.testing.assert_array_equal(net.predict(X, rows=[2], input_scale=0.5), wanted)
    for scale in (np.float64(0.5), np.float32(0.5)):
        np.testing.assert_array_equal(net.predict(X[2:3], input_scale=scale), wanted)
    np.testing.assert_array_equal(
        net.predict(X[2:3].astype(bool), input_scale=1), net.predict(1.0 * X[2:3].astype(bool))
    )


def test_parameters_may_change_between_calls(net: snn.MLP, rng: np.random.Generator) -> None:
    x = rng.random((1, 30))
    before = net.predict(x)
    net.layers[0].weights[:] *= 2
    net.layers[1].biases[:] += 0.5
    after = net.predict(x)
    twice = np.concatenate([x, x])
    np.testing.assert_allclose(after, net.predict(twice)[:1], rtol=1e-5)
    assert (before != after).all()


def test_results_are_new_arrays(net: snn.MLP, rng: np.random.Generator) -> None:
    first, second = net.predict(rng.random((1, 30))), net.predict(rng.random((1, 30)))
    assert not np.shares_memory(first, second)
    assert first.flags.owndata
    assert first.flags.writeable


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # without compilation
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
@pytest.mark.parametrize("idle", [False, True])
def test_an_input_that_is_no_number(value: float, idle: bool) -> None:
    """It is an error as in a batch, unless no edge begins there."""
    graph = snn.topology.from_edges(4, 2, [(0, 0), (2, 1)])
    net = snn.MLP([graph, snn.topology.dense(2, 2)], seed=0)
    x = np.ones((1, 4))
    wanted = net.predict(x)
    x[0, 3 if idle else 2] = value
    if idle:
        np.testing.assert_array_equal(net.predict(x), wanted)
        return
    with pytest.raises(ValueError, match=r"X must .* in sample 0, column 2"):
        net.predict(x)


@pytest.mark.parametrize("scale", [np.nan, np.inf, 0, 0.0, True, "1"])
def test_a_scale_that_is_no_factor(net: snn.MLP, scale: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="input_scale must"):
        net.predict(np.ones((1, 30)), input_scale=scale)


def test_many_threads_predict_with_one_network(net: snn.MLP, rng: np.random.Generator) -> None:
    X = rng.random((200, 30))
    wanted = [net.predict(X[k : k + 1]) for k in range(len(X))]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: net.predict(X[k : k + 1]), range(len(X))))
    np.testing.assert_array_equal(found, wanted)


def test_tables_are_counted(net: snn.MLP) -> None:
    before = net.structure_bytes
    net.predict(np.ones((1, 30)))
    assert net.structure_bytes > before
