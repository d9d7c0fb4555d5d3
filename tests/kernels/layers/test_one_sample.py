"""Single samples against plain products, with the same bits as in a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import random_structure

import minisnn as snn
from minisnn.kernels.layers import one_sample as single


@given(
    seed=st.integers(0, 2**32),
    n_in=st.integers(1, 150),
    n_out=st.integers(1, 13),
    density=st.floats(0, 1),
    real=st.sampled_from([np.float32, np.float64]),
    index=st.sampled_from([np.uint16, np.uint32]),
)
def test_products_of_a_vector(
    seed: int, n_in: int, n_out: int, density: float, real: Any, index: Any
) -> None:
    rng = np.random.default_rng(seed)
    indptr, indices = random_structure(rng, n_in, n_out, density)
    weights = rng.standard_normal(len(indices)).astype(real)
    x = rng.standard_normal(n_in).astype(real)
    W = np.zeros((n_out, n_in), real)
    W[np.repeat(np.arange(n_out), np.diff(indptr)), indices] = weights
    z = np.full(n_out, np.nan, real)
    tolerance = 1e-4 if real is np.float32 else 1e-12
    close = {"rtol": tolerance, "atol": tolerance * n_in}
    pointers = indptr.astype(np.uint32)
    single.edges_times(pointers[:-1], pointers[1:], indices.astype(index), weights, x, z)
    np.testing.assert_allclose(z, W @ x, **close)
    single.complete_times(W, x, z)
    np.testing.assert_allclose(z, W @ x, **close)


@pytest.mark.parametrize(
    "functions",
    [("sigmoid", "sigmoid"), ("tanh", "softmax"), ("relu", "identity"), ("identity", "tanh")],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_a_sample_alone_has_the_bits_of_a_batch(
    real: Any, kind: Any, functions: tuple[str, str], rng: np.random.Generator
) -> None:
    """Rows in blocks, a complete layer in parts, a wide complete one."""
    topology = snn.topology
    for graphs in (
        [topology.constant_degree(70, 300, 90), topology.dense(300, 7), topology.dense(7, 3)],
        [topology.constant_degree(70, 300, 200), topology.dense(300, 7)],  # no bytes
        [topology.dense(66, 40), topology.constant_degree(40, 900, 300), topology.dense(900, 2)],
    ):
        hidden, outputs = functions
        net = snn.MLP(graphs, dtype=real, activation=hidden, output_activation=outputs)
        net.parameters[:] = rng.standard_normal(len(net.parameters))
        assert not net.runs_on_blas
        X = (rng.random((20, net.n_in)) * 255).astype(kind)
        together = net.predict(X, input_scale=1 / 255)
        alone = [net.predict(X[k : k + 1], input_scale=1 / 255) for k in range(len(X))]
        np.testing.assert_array_equal(np.concatenate(alone), together)


def test_a_sample_alone_on_blas(rng: np.random.Generator) -> None:
    net = snn.MLP([snn.topology.dense(50, 40), snn.topology.dense(40, 3)], dtype=np.float64)
    assert net.runs_on_blas
    X = rng.integers(0, 256, (20, 50)).astype(np.uint8)
    alone = [net.predict(X[k : k + 1], input_scale=1 / 255) for k in range(len(X))]
    np.testing.assert_allclose(np.concatenate(alone), net.predict(X, input_scale=1 / 255))
