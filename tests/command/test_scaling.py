"""Standardisation in the weights: the folded network against the trained one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn.command.scaling import Scaling, folded, no_scaling, scaling_of

WIRINGS = (
    [("a", "p"), ("b", "p"), ("b", "q"), ("p", "q"), ("c", "q"), ("p", "out"), ("q", "out")],
    [("a", "p"), ("a", "out"), ("c", "out"), ("p", "out"), ("b", "other"), ("p", "other")],
)


def network(kind: int, output: str, seed: int) -> Any:
    """Return a network of three inputs; with kind 0 and 1 of layers, one of which is idle."""
    options: dict[str, Any] = {
        "activation": "tanh", "output_activation": output, "seed": seed, "dtype": "float64"
    }  # fmt: skip
    if kind == 0:
        return snn.MLP([snn.topology.dense(3, 40), snn.topology.dense(40, 2)], **options)
    if kind == 1:
        graph = snn.topology.from_edges(3, 4, [(0, 0), (2, 1), (2, 2), (0, 3)])
        return snn.MLP([graph, snn.topology.dense(4, 2)], **options)
    wiring = snn.wiring.from_edges(WIRINGS[kind - 2]).with_units(3)
    return snn.Network(wiring.restricted_to(("c", "a", "idle", "b")), **options)


@pytest.mark.filterwarnings("ignore::UserWarning")  # an input is idle
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
@pytest.mark.parametrize("kind", range(4))
@given(seed=st.integers(0, 1000))
def test_the_folded_network_predicts_the_same(kind: int, output: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = network(kind, output, seed)
    X = rng.standard_normal((20, net.n_in)) * rng.uniform(0.1, 9, net.n_in) + rng.uniform(-9, 9)
    inputs = scaling_of(X, np.arange(15))
    outputs = Scaling(np.array([7.0]), np.array([3.0])) if output == "identity" else no_scaling(1)
    before = net.parameters.copy()
    result = folded(net, inputs, outputs, X)
    wanted = net.predict((X - inputs.mean) / inputs.scale) * outputs.scale + outputs.mean
    np.testing.assert_allclose(result.predict(X), wanted, rtol=1e-4, atol=1e-5)
    assert (net.parameters == before).all()
    assert result.input_names == net.input_names


def test_means_and_deviations() -> None:
    X = np.array([[1, 5, 2.0], [3, 5, 4], [5, 5, 9], [99, 99, 99]])
    scaling = scaling_of(X, np.arange(3))
    np.testing.assert_allclose(scaling.mean, [3, 5, 5])
    np.testing.assert_allclose(scaling.scale, X[:3].std(axis=0) + np.array([0, 1, 0]))
    scaled = scaling(X)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[:3].mean(axis=0), 0, atol=1e-6)


def test_sparse_columns_are_not_centred() -> None:
    dense = np.array([[0, 3.0, 0], [2, 0, 0], [0, 4, 0]])
    scaling = scaling_of(scipy.sparse.csr_array(dense), np.arange(3))
    assert (scaling.mean == 0).all()
    np.testing.assert_allclose(scaling.scale, [np.sqrt(4 / 3), np.sqrt(25 / 3), 1])
    scaled = scaling(scipy.sparse.csr_array(dense))
    assert scipy.sparse.issparse(scaled)
    np.testing.assert_allclose(scaled.toarray(), dense / scaling.scale, rtol=1e-6)


@pytest.mark.parametrize(("far", "precision"), [(3.0, "float32"), (1e9, "float64")])
def test_a_column_far_from_0_needs_float64(far: float, precision: str) -> None:
    X = far + np.random.default_rng(0).standard_normal((30, 3))
    net = snn.MLP([snn.topology.dense(3, 5), snn.topology.dense(5, 2)], seed=0)
    scaling = scaling_of(X, np.arange(30))
    result = folded(net, scaling, no_scaling(1), X)
    assert result.dtype == precision
    assert np.abs(result.predict(X) - net.predict(scaling(X))).max() < 1e-4
