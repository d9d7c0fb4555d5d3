"""Attributions: against a dense twin of the definitions, and against what must add up."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from bench import twins
from hypothesis import given, settings
from hypothesis import strategies as st
from wirings import random_network

import minisnn as snn
from minisnn import attribution, topology
from minisnn.attribution import Attribution
from minisnn.attribution.baselines import baseline_of
from minisnn.network.samples import check_inputs

SMOOTH = ("sigmoid", "tanh", "identity")
BY_INPUTS: list[Callable[..., Attribution]] = [
    attribution.gradient_times_input,
    attribution.integrated_gradients,
]
STEP = 1e-4  # of the twin's differences


def smooth_network(rng: np.random.Generator) -> snn.Network:
    """A random network without kinks, whose biases are not zero."""
    wiring = random_network(rng).wiring
    net = snn.Network(
        wiring,
        activation=[str(rng.choice(SMOOTH)) for _ in range(wiring.n_levels)],
        output_activation=str(rng.choice(SMOOTH)),
        seed=0,
        dtype=np.float64,
    )
    net.parameters[:] = rng.normal(0, 0.7, net.parameters.size)
    return net


class Twin:
    """The same network as one dense matrix of all neurons, and paths through it, in NumPy."""

    def __init__(self, net: snn.Network, X: Any, baseline: Any, output: int) -> None:
        wiring = self.wiring = net.wiring
        n, n_in = wiring.n_neurons, wiring.n_inputs
        place = {name: row for row, name in enumerate(wiring.neuron_names())}
        self.W, self.b = np.zeros((n, n)), np.zeros(n)
        for source, target, weight in net.weights_frame().itertuples(index=False):
            self.W[place[target], place[source]] = weight
        for target, bias in net.biases_frame().itertuples(index=False):
            self.b[place[target]] = bias
        outputs = [row for name in wiring.outputs for row in range(n)[wiring.rows_of(name)]]
        self.levels = np.repeat(wiring.levels, wiring.units)
        functions = net.activation
        if isinstance(functions, str):
            functions = (functions,) * wiring.n_levels
        self.functions = [
            net.output_activation if row in outputs else functions[self.levels[row] - 1]
            for row in range(n)
        ]
        self.n_in, self.output = n_in, outputs[output]
        nodes, weights = np.polynomial.legendre.leggauss(40)
        shape = len(X), n
        self.conductances = np.zeros(shape)  # of inputs, these are integrated gradients
        self.flows = np.zeros((len(X), n, n))  # through each edge
        for alpha, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            points = baseline + alpha * (X - baseline)
            A = self.forward(points)[0]
            after = self.forward(points + STEP * (X - baseline))[0]
            before = self.forward(points - STEP * (X - baseline))[0]
            tangents = (after - before) / (2 * STEP)
            dA, dZ = self.backward(A)
            self.conductances += weight * (dA * tangents).T
            self.flows += weight * np.einsum("ts,tp,sp->pts", self.W, dZ, tangents)
        self.differences = (self.forward(X)[0] - self.forward(baseline[None])[0])[self.output]
        A, _ = self.forward(X)
        self.at_end = (self.backward(A)[0] * (A - self.forward(baseline[None])[0])).T[:, :n_in]

    def forward(self, X: Any) -> tuple[Any, Any]:
        A, Z = np.zeros((len(self.b), len(X))), np.zeros((len(self.b), len(X)))
        A[: self.n_in] = X.T
        for i in range(self.n_in, len(self.b)):
            Z[i] = self.W[i] @ A + self.b[i]
            A[i] = twins.activate(self.functions[i], Z[i][None])[0]
        return A, Z

    def backward(self, A: Any) -> tuple[Any, Any]:
        dA, dZ = np.zeros_like(A), np.zeros_like(A)
        for i in reversed(range(len(A))):
            dA[i] = self.W[:, i] @ dZ + (i == self.output)
            if i >= self.n_in:
                dZ[i] = twins.activation_slope(self.functions[i], A[i][None], 1.0, dA[i][None])[0]
        return dA, dZ


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_wiring_is_its_dense_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = smooth_network(rng)
    wiring, output = net.wiring, int(rng.integers(net.n_out))
    X, baseline = rng.normal(size=(int(rng.integers(1, 5)), net.n_in)), rng.normal(size=net.n_in)
    twin = Twin(net, X, baseline, output)
    close = {"rtol": 1e-6, "atol": 1e-6 * (1 + np.abs(twin.conductances).max())}
    at_end = attribution.gradient_times_input(net, X, output, baseline)
    np.testing.assert_allclose(at_end.values, twin.at_end, **close)
    by_inputs = attribution.integrated_gradients(net, X, output, baseline)
    np.testing.assert_allclose(by_inputs.values, twin.conductances[:, : net.n_in], **close)
    np.testing.assert_allclose(by_inputs.differences, twin.differences, **close)
    read = {source for source, _ in wiring.edges()}
    own = wiring.terms[np.searchsorted(wiring.row_starts, twin.output, side="right") - 1]
    unread = {name for name in wiring.outputs if name not in read}
    hidden = [name for name in wiring.terms if name not in {*wiring.inputs, *unread, own}]
    if not hidden:
        with pytest.raises(ValueError, match="no hidden neurons"):
            attribution.conductance(net, X, output, baseline)
        return
    through = attribution.conductance(net, X, output, baseline)
    assert [*through.names] == hidden
    for name, level, values in zip(through.names, through.levels, through.values.T, strict=True):
        of_units = twin.conductances[:, wiring.rows_of(name)]
        np.testing.assert_allclose(through.of_units(name), of_units, **close)
        np.testing.assert_allclose(values, of_units.sum(axis=1), **close)
        assert level == wiring.level_of[name]
    # What flows through a level and around it is the whole, wherever that level is.
    for level in range(1, twin.levels[twin.output]):
        of_level = through.values[:, through.levels == level].sum(axis=1)
        below, above = twin.levels < level, twin.levels > level
        around = twin.flows[:, above][:, :, below].sum(axis=(1, 2))
        np.testing.assert_allclose(of_level + around, twin.differences, **close)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), dtype=st.sampled_from([np.float32, np.float64]))
def test_integrals_are_complete(seed: int, dtype: Any) -> None:
    """Also with ReLUs, of which paths need more nodes."""
    rng = np.random.default_rng(seed)
    net = random_network(rng, dtype)
    X, output = rng.normal(size=(7, net.n_in)), int(rng.integers(net.n_out))
    result = attribution.integrated_gradients(net, X, output)
    outputs = net.predict(np.concatenate([X, X.mean(axis=0, keepdims=True)]))[:, output]
    np.testing.assert_allclose(result.differences, outputs[:-1] - outputs[-1], atol=1e-5)
    sizes = np.maximum(1, np.abs(result.values).sum(axis=1))
    sums = result.values.sum(axis=1, dtype=np.float64)
    assert (np.abs(sums - result.differences) <= 1.1e-3 * sizes).all()
    assert result.completeness == pytest.approx(np.abs(sums - result.differences).max(), abs=1e-5)
    if not any("relu" in group.activation for group in net.structure.groups):
        assert (result.steps == 64).all()
        assert result.completeness < (1e-9 if dtype == np.float64 else 1e-4)


def layers(**options: Any) -> snn.MLP:
    graphs = [
        topology.biregular(6, 9, degree=6, seed=0),
        topology.biregular(9, 5, degree=3, seed=1),
        topology.dense(5, 3),
    ]
    net = snn.MLP(graphs, seed=0, **({"dtype": np.float64, "activation": "tanh"} | options))
    net.parameters[:] = np.random.default_rng(3).normal(0, 0.8, net.parameters.size)
    return net


@pytest.fixture
def X() -> Any:
    return np.random.default_rng(1).normal(size=(40, 6))


@pytest.mark.parametrize("output_activation", ["softmax", "sigmoid", "identity"])
def test_each_layer_of_an_mlp_is_a_cut(X: Any, output_activation: str) -> None:
    net = layers(output_activation=output_activation)
    for output in range(3):
        result = attribution.conductance(net, X, output)
        assert result.names[:2] == ("1.0", "1.1")
        assert result.names[-1] == "2.4"
        outputs = net.predict(X)[:, output] - net.predict(X.mean(axis=0)[None])[:, output]
        np.testing.assert_allclose(result.differences, outputs, atol=1e-12)
        for level in (1, 2):
            sums = result.values[:, result.levels == level].sum(axis=1)
            np.testing.assert_allclose(sums, outputs, atol=1e-9)


def test_layers_on_blas() -> None:
    net = snn.MLP([topology.dense(6, 40), topology.dense(40, 1)], seed=0, dtype=np.float64)
    assert net.runs_on_blas
    X = np.random.default_rng(0).normal(size=(5, 6))
    result = attribution.conductance(net, X)
    np.testing.assert_allclose(result.values.sum(axis=1), result.differences, atol=1e-9)


def test_a_relu_path_has_more_nodes_and_a_linear_one_is_exact(X: Any) -> None:
    kinked = layers(activation="relu", output_activation="identity")
    assert (attribution.integrated_gradients(kinked, X).steps >= 512).all()
    assert (attribution.integrated_gradients(kinked, X, steps=300).steps == 300).all()
    one, many = (
        attribution.integrated_gradients(kinked, X, steps=n).completeness for n in (4, 999)
    )
    assert many < 0.1 * one
    linear = layers(activation="identity", output_activation="identity")
    for result in (
        attribution.gradient_times_input(linear, X),
        attribution.integrated_gradients(linear, X, steps=1),
    ):
        assert result.completeness < 1e-12


def test_more_nodes_where_a_path_is_steep() -> None:
    net = snn.MLP([topology.dense(1, 1), topology.dense(1, 1)], dtype=np.float64)
    net.parameters[:] = 5000, -1234.5, 1, 0
    X = np.array([[1.0], [0.001]])
    result = attribution.integrated_gradients(net, X, baseline=[0.0])
    assert result.steps[0] > 64 == result.steps[1]
    assert abs(result.errors[0]) < 1e-3 * result.differences[0]
    assert abs(attribution.integrated_gradients(net, X, baseline=[0.0], steps=64).errors[0]) > 0.01


def test_samples_do_not_depend_on_one_another(X: Any) -> None:
    net = layers()
    for function in (*BY_INPUTS, attribution.conductance):
        whole = function(net, X, 1, np.zeros(6))
        np.testing.assert_allclose(
            function(net, X[7:8], 1, np.zeros(6)).values, whole.values[7:8], rtol=1e-12, atol=1e-15
        )
        last = function(net, X[-3:], 1, np.zeros(6))
        np.testing.assert_allclose(last.values, whole.values[-3:], rtol=1e-12, atol=1e-15)


def test_results_do_not_depend_on_threads(X: Any) -> None:
    net = layers()
    results = []
    n_threads = snn.get_num_threads()
    for n in (1, n_threads):
        snn.set_num_threads(n)
        results.append([f(net, X).values for f in (*BY_INPUTS, attribution.conductance)])
    snn.set_num_threads(n_threads)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_network_is_not_changed(X: Any) -> None:
    net = layers()
    before = net.parameters.copy()
    attribution.conductance(net, X)
    np.testing.assert_array_equal(net.parameters, before)


def test_memory_is_that_of_the_result() -> None:
    net = layers(dtype=np.float32)
    data = np.random.default_rng(0).normal(size=(4000, 6)).astype(np.float32)
    peaks = []
    for n in (40, 4000):
        attribution.integrated_gradients(net, data[:2], steps=8)
        tracemalloc.start()
        attribution.integrated_gradients(net, data[:n], steps=8)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 4000 * (6 * 4 + 12 * 8)  # attributions, and a few figures of each


def test_sparse_data() -> None:
    """Counts have an exact mean, so that not a bit differs."""
    rng = np.random.default_rng(0)
    X = rng.integers(1, 9, (300, 6)) * (rng.random((300, 6)) < 0.3)
    net = layers()
    for function in (*BY_INPUTS, attribution.conductance):
        dense, sparse = (function(net, x, steps=4) if function is not BY_INPUTS[0] else
                         function(net, x) for x in (X, scipy.sparse.csr_array(X)))  # fmt: skip
        np.testing.assert_array_equal(sparse.baseline, dense.baseline)
        np.testing.assert_array_equal(sparse.values, dense.values)
    baseline = attribution.gradient_times_input(net, scipy.sparse.coo_array(X / 7)).baseline
    np.testing.assert_allclose(baseline, (X / 7).mean(axis=0), rtol=1e-14)


def test_the_mean_of_sparse_data_takes_no_dense_copy() -> None:
    n_rows, n_columns = 4000, 20_000  # dense, 320 MB
    X = scipy.sparse.random_array((n_rows, n_columns), density=1e-4, format="csr", rng=0)
    net = snn.MLP([topology.constant_degree(n_columns, 2, 1)], seed=0)
    samples = check_inputs(net, X, 0.5)
    tracemalloc.start()
    mean = baseline_of(net, samples, "mean")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(mean, 0.5 * X.mean(axis=0))
    assert peak < 3 * X.data.nbytes + 5 * mean.nbytes


def test_data_of_all_kinds() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (9, 6), dtype=np.uint8)
    net = layers()
    for function in (*BY_INPUTS, attribution.conductance):
        scaled = function(net, images / 255.0)
        result = function(net, images, input_scale=1 / 255)
        np.testing.assert_allclose(result.values, scaled.values, atol=1e-12)
        np.testing.assert_allclose(result.baseline, (images / 255.0).mean(axis=0))
        fixed = function(net, images, 0, np.full(6, 51), input_scale=1 / 255)
        np.testing.assert_allclose(fixed.baseline, 0.2)
    net.input_names = list("abcdef")
    frame = pd.DataFrame(images / 255.0, columns=list("abcdef"))
    series = frame.iloc[3]
    expected = attribution.integrated_gradients(net, frame, 0, series.to_numpy())
    assert expected.names == tuple("abcdef")
    mixed = attribution.integrated_gradients(net, frame[list("fbcdea")], 0, series[list("cbafed")])
    np.testing.assert_array_equal(mixed.values, expected.values)
    assert not mixed.values[3].any()


def test_inputs_without_edges_have_no_attribution(X: Any) -> None:
    graph = topology.from_edges(6, 1, [(0, 0), (4, 0)])
    net = snn.MLP([graph, topology.dense(1, 1)], seed=0, dtype=np.float64)
    result = attribution.integrated_gradients(net, X)
    assert np.flatnonzero(result.values.any(axis=0)).tolist() == [0, 4]
    assert result.completeness < 1e-12


def test_batch_normalisation_is_that_of_predictions() -> None:
    edges = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "case"), ("q", "case")]
    wiring = snn.wiring.from_edges(edges).with_units(3)
    net = snn.Network(wiring, activation="tanh", batch_norm=True, seed=0, dtype=np.float64)
    X = np.random.default_rng(0).normal(2, 3, size=(80, 2))
    snn.train(net, X, X[:, :1] * X[:, 1:] > 0, optimizer=snn.Adam(0.02), epochs=5, seed=0)
    outputs = net.predict(X)[:, 0] - net.predict(np.zeros((1, 2)))[0, 0]
    assert np.ptp(outputs) > 0.01
    for function in (attribution.integrated_gradients, attribution.conductance):
        result = function(net, X, "case", [0, 0])
        np.testing.assert_allclose(result.values.sum(axis=1), outputs, atol=1e-9)


def test_outputs_by_name_and_outputs_that_are_read() -> None:
    edges = [("a", "p"), ("b", "p"), ("p", "q"), ("b", "r"), ("q", "r")]
    wiring = snn.wiring.from_edges(edges, outputs=["r", "p"])
    net = snn.Network(wiring, activation="tanh", seed=0, dtype=np.float64)
    X = np.random.default_rng(0).normal(size=(5, 2))
    named, numbered = (attribution.conductance(net, X, output) for output in ("r", 0))
    np.testing.assert_array_equal(named.values, numbered.values)
    assert named.output == numbered.output == "r"
    assert named.names == ("p", "q")  # an output, which is read
    inner = attribution.conductance(net, X, "p")
    assert inner.names == ("q",)
    assert not inner.values.any()  # nothing of p comes through q
    layered = layers()
    layered.output_names = ["x", "y", "z"]
    assert attribution.conductance(layered, np.eye(6), "z").output == "z"


def test_the_planted_pathway_comes_first() -> None:
    rng = np.random.default_rng(0)
    members = {f"pathway {k}": [f"g{g}" for g in range(6 * k, 6 * k + 6)] for k in range(8)}
    edges = [(gene, pathway) for pathway, genes in members.items() for gene in genes]
    # Each gene also stands in another pathway, so that no wiring could tell by itself.
    edges += [(f"g{g}", f"pathway {(g // 6 + 1 + g % 5) % 8}") for g in range(48)]
    edges += [(pathway, "case") for pathway in members]
    genes = [f"g{g}" for g in range(48)]
    wiring = snn.wiring.from_edges(edges, inputs=genes)
    net = snn.Network(wiring, activation="tanh", seed=0)
    X = pd.DataFrame(rng.normal(size=(1500, 48)), columns=genes)
    score = X[members["pathway 3"]].sum(axis=1)
    y = (score + 0.3 * rng.normal(size=1500) > 0).to_numpy(float)[:, None]
    snn.train(net, X, y, loss="binary_cross_entropy", optimizer=snn.Adam(0.01), epochs=25, seed=0)
    inside = attribution.conductance(net, X[:200]).to_frame()
    assert inside["name"][0] == "pathway 3"
    assert inside["attribution"][0] > 2 * inside["attribution"][1]
    for function in BY_INPUTS:
        frame = function(net, X[:200], "case").to_frame()
        assert {*frame["name"][:6]} == {*members["pathway 3"]}


def test_tables(X: Any) -> None:
    net = layers()
    result = attribution.integrated_gradients(net, X, 2)
    frame = result.to_frame()
    assert list(frame.columns) == ["name", "level", "attribution", "mean"]
    sizes = dict(zip(result.names, np.abs(result.values).mean(axis=0), strict=True))
    assert frame["name"].tolist() == sorted(sizes, key=lambda name: -sizes[name])
    np.testing.assert_allclose(frame["attribution"], [sizes[name] for name in frame["name"]])
    first = result.values[:, result.names.index(frame["name"][0])]
    assert frame["mean"][0] == pytest.approx(first.mean())
    assert not frame["level"].any()
    assert repr(result) == (
        "Attribution(integrated_gradients of output 2, 40 samples x 6 inputs, "
        f"completeness error {result.completeness:.1e})"
    )
    lines = str(attribution.conductance(net, X, 2)).splitlines()
    assert len({len(line) for line in lines[2:-1]}) == 1  # aligned
    assert "40 samples x 14 hidden terms" in lines[0]
    assert lines[-1] == "and 4 more"
    assert lines[4].split()[1] in "12"


def test_progress_is_shown(X: Any, capfd: Any) -> None:
    attribution.conductance(layers(activation="relu"), X, progress=True)
    assert "40/40" in capfd.readouterr().err
    attribution.conductance(layers(), X, progress=False)
    assert not capfd.readouterr().err
