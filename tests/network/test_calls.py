"""Passes as calls of their own, against those of a network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from compiled import COMPILED_ONLY
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import related_structure

import minisnn as snn
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.program.records import Wanted
from minisnn.network import calls
from minisnn.network.calls import Calls, Matrix

pytestmark = pytest.mark.filterwarnings("ignore::minisnn.DeadNeuronWarning")
ALL = True, True, True


def topology(rng: np.random.Generator, n_in: int, n_out: int) -> snn.Topology:
    indptr, indices = related_structure(rng, n_in, n_out)
    if not len(indices):
        indptr, indices = np.arange(n_out + 1).clip(max=1), np.zeros(1, np.int64)
    return snn.Topology(n_in, n_out, indptr, indices)


def network(rng: np.random.Generator, widths: Any, dtype: Any, *activations: str) -> snn.MLP:
    """Sparse layers, and a complete one at the end where that is narrow."""
    graphs = [topology(rng, *shape) for shape in pairwise(widths)]
    if widths[-1] == 5:
        graphs[-1] = snn.topology.dense(*widths[-2:])
    net = snn.MLP(
        graphs, seed=1, dtype=dtype, activation=activations[0], output_activation=activations[-1]
    )
    net.parameters[:] = rng.standard_normal(len(net.parameters)) / 2
    return net


def matrix(array: Any) -> Matrix:
    return Matrix(array.ctypes.data, len(array), *array.strides)


def forward(
    net: snn.MLP, X: Any, made: Calls | None = None, **options: Any
) -> tuple[Calls, Any, Any]:
    made = made or Calls(net.structure)
    room = feature_major(net.structure.n_rows, made.width(len(X), X.dtype), X.dtype)
    outputs = np.full((len(X), net.n_out), np.nan, X.dtype)
    made.forward(
        X.dtype, net.parameters.ctypes.data, matrix(X), room.ctypes.data, outputs.ctypes.data,
        **options,
    )  # fmt: skip
    return made, room, outputs


def backward(
    made: Calls, wanted: tuple[bool, bool, bool], net: snn.MLP, room: Any, dA: Any
) -> tuple[Any, Any]:
    """Return the gradients by parameters and inputs; what is not wanted stays NaN."""
    inputs, weights, biases = wanted
    n_layers = len(net.topologies)
    by_parameters = np.full_like(net.parameters, np.nan)
    by_inputs = np.full((len(dA), net.structure.n_inputs), np.nan, dA.dtype)
    made.backward(
        dA.dtype, Wanted(inputs, (weights,) * n_layers, (biases,) * n_layers),
        net.parameters.ctypes.data, room.ctypes.data, matrix(dA), by_parameters.ctypes.data,
        by_inputs.ctypes.data,
    )  # fmt: skip
    return by_parameters, by_inputs


@settings(max_examples=25)
@given(
    data=st.integers(0, 2**32 - 1),
    widths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    n_out=st.sampled_from([1, 5, 17, 33]),
    n_samples=st.integers(1, 200),
    dtype=st.sampled_from([np.float32, np.float64]),
    activations=st.sampled_from([("identity",), ("tanh", "sigmoid"), ("leaky_relu", "relu")]),
)
def test_as_a_network(
    data: int, widths: Any, n_out: int, n_samples: int, dtype: Any, activations: Any
) -> None:
    rng = np.random.default_rng(data)
    net = network(rng, (*widths, n_out), dtype, *activations)
    X = rng.standard_normal((n_samples, net.n_in)).astype(dtype)
    T = rng.standard_normal((n_samples, net.n_out)).astype(dtype)
    made, room, outputs = forward(net, X)
    assert outputs.tobytes() == net.forward(X)[-1].tobytes()
    again = np.full_like(outputs, np.nan)
    made.predict(X.dtype, net.parameters.ctypes.data, matrix(X), again.ctypes.data)
    assert again.tobytes() == outputs.tobytes()
    _, expected = net.loss_and_gradients(X, T)
    dA = 2 * (outputs - T) / dtype(T.size)
    by_parameters, by_inputs = backward(made, ALL, net, room, dA)
    used = slice(None) if net.structure.inputs is None else net.structure.inputs
    close = {"rtol": 0, "atol": 2e-5 if dtype == np.float32 else 1e-13}
    np.testing.assert_allclose(by_parameters, expected.parameters, **close)
    np.testing.assert_allclose(by_inputs, expected.inputs[:, used], **close)


@pytest.mark.parametrize("wanted", list(product([False, True], repeat=3))[1:])
def test_nothing_else_is_made(rng: np.random.Generator, wanted: Any) -> None:
    net = network(rng, (20, 30, 17), np.float64, "tanh", "identity")
    X, dA = rng.standard_normal((40, 20)), rng.standard_normal((40, 17))
    made, room, _ = forward(net, X)
    expected = backward(made, ALL, net, room, dA)
    by_parameters, by_inputs = backward(made, wanted, net, room, dA)
    is_bias = np.concatenate([np.repeat([0, 1], [g.n_edges, g.n_out]) for g in net.topologies]) > 0
    chosen = np.where(is_bias, wanted[2], wanted[1])
    np.testing.assert_array_equal(np.isfinite(by_parameters), chosen)
    np.testing.assert_array_equal(by_parameters[chosen], expected[0][chosen])
    np.testing.assert_array_equal(by_inputs, expected[1] if wanted[0] else np.nan)


def test_gradients_of_some_layers(rng: np.random.Generator) -> None:
    """Nothing is done below the lowest layer that is asked for."""
    net = network(rng, (20, 30, 25, 17), np.float64, "tanh", "identity")
    X, dA = rng.standard_normal((40, 20)), rng.standard_normal((40, 17))
    made, room, _ = forward(net, X)
    expected, _ = backward(made, ALL, net, room, dA)
    by_parameters = np.full_like(expected, np.nan)
    only = Wanted(False, (False, True, False), (False, False, True))
    made.backward(
        dA.dtype, only, net.parameters.ctypes.data, room.ctypes.data, matrix(dA),
        by_parameters.ctypes.data, 0,
    )  # fmt: skip
    weights, biases = net.structure.weights, net.structure.biases
    chosen = np.zeros(len(expected), bool)
    chosen[weights[2] : biases[2]] = chosen[biases[3] :] = True
    np.testing.assert_array_equal(np.isfinite(by_parameters), chosen)
    np.testing.assert_array_equal(by_parameters[chosen], expected[chosen])
    titles = [phase.title for phase in made._programs[list(made._programs)[-1]].plan.phases]
    assert titles == ["gradients by outputs", "layer 2 gradient", "weight gradients"]


def test_any_values(rng: np.random.Generator) -> None:
    """NaN and infinity spread along the edges of their sample."""
    net = network(rng, (20, 30), np.float32, "identity")
    X = rng.standard_normal((9, 20)).astype(np.float32)
    expected = net.predict(X)
    X[3, 4], X[5, 6] = np.nan, np.inf
    _, _, outputs = forward(net, X)
    reads = net.topologies[0].to_dense() != 0
    expected[3, reads[4]] = np.nan
    np.testing.assert_array_equal(np.isfinite(outputs[5]), ~reads[6])
    others = np.arange(9) != 5
    np.testing.assert_array_equal(outputs[others], expected[others])


def test_any_strides(rng: np.random.Generator) -> None:
    net = network(rng, (20, 30), np.float64, "identity")
    X, dA = rng.standard_normal((20, 40)).T, np.broadcast_to(rng.standard_normal(30), (40, 30))
    made, room, outputs = forward(net, X)
    assert outputs.tobytes() == net.predict(X.copy()).tobytes()
    one = backward(made, ALL, net, room, dA)
    other = backward(made, ALL, net, room, dA.copy())
    assert [x.tobytes() for x in one] == [x.tobytes() for x in other]


@COMPILED_ONLY
def test_bits_on_threads(rng: np.random.Generator, threads: Any) -> None:
    net = network(rng, (60, 70, 33), np.float32, "tanh", "sigmoid")
    X = rng.standard_normal((100, 60)).astype(np.float32)
    dA = rng.standard_normal((100, 33)).astype(np.float32)
    found = set()
    for number in (1, 3):
        threads(number)
        made, room, outputs = forward(net, X)
        gradients = backward(made, ALL, net, room, dA)
        assert {key[3] for key in made._programs} == {number}
        found.add(b"".join(array.tobytes() for array in (outputs, *gradients)))
    assert len(found) == 1
    made, _, _ = forward(net, X, n_threads=2)
    assert [key[3] for key in made._programs] == [2]


@COMPILED_ONLY
def test_calls_at_once(rng: np.random.Generator) -> None:
    """Each thread has its own workspace, and a call back finds what its call forward left."""
    net = network(rng, (60, 70, 33), np.float32, "tanh", "sigmoid")
    made = Calls(net.structure)

    def work(number: int) -> bytes:
        own = np.random.default_rng(number % 3)
        X = own.standard_normal((100, 60)).astype(np.float32)
        dA = own.standard_normal((100, 33)).astype(np.float32)
        room = feature_major(net.structure.n_rows, made.width(100, X.dtype), X.dtype)
        outputs = np.empty((100, 33), np.float32)
        for _ in range(5):
            made.forward(
                X.dtype, net.parameters.ctypes.data, matrix(X), room.ctypes.data,
                outputs.ctypes.data,
            )  # fmt: skip
            gradients = backward(made, ALL, net, room, dA)
        return b"".join(array.tobytes() for array in (outputs, *gradients))

    expected = [work(number) for number in range(3)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(12))) == 4 * expected


def test_little_is_kept(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(rng, (20, 30), np.float32, "identity")
    made = Calls(net.structure)
    monkeypatch.setattr(calls, "_free", {})
    monkeypatch.setattr(calls, "_PLANS_KEPT", 3)
    for n_samples in (1, 300, 700, 1500, 3000):
        forward(net, np.zeros((n_samples, 20), np.float32), made)
    assert len(made._programs) == 3
    (spaces,) = calls._free.values()
    assert len(spaces) == 1
    monkeypatch.setattr(calls, "_ROWS_KEPT", 10)
    calls._free.clear()
    forward(net, np.zeros((300, 20), np.float32))
    X, outputs = np.zeros((9, 20), np.float32), np.zeros((9, 30), np.float32)
    made.predict(X.dtype, net.parameters.ctypes.data, matrix(X), outputs.ctypes.data)
    assert not any(calls._free.values())
