"""Sparse X: the bits of the same X dense, and no copy of it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn
from minisnn._support.columns import read_sparse
from minisnn.network.tables import csr_inputs

N_OUT = 3
DTYPES = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


def make(n_in: int, dtype: Any = np.float32) -> snn.MLP:
    """A network in which some inputs have no edges."""
    mask = np.random.default_rng(2).random((n_in, 12)) < 1.5 / n_in
    mask[np.arange(12) % (n_in // 2 + 1), np.arange(12)] = True
    graphs = [snn.topology.from_dense(mask), snn.topology.dense(12, N_OUT)]
    return snn.MLP(graphs, seed=1, output_activation="softmax", dtype=dtype)


def data(seed: int, n: int, n_in: int, density: float, dtype: Any = np.float32) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 2 if dtype == "?" else 100, (n, n_in)).astype(dtype)
    X[rng.random((n, n_in)) >= density] = 0
    X[rng.integers(n)] = 0
    X[:, rng.integers(n_in)] = 0
    return X, rng.integers(0, N_OUT, n)


def trained(X: Any, Y: Any, net: snn.MLP, **options: Any) -> Any:
    defaults = {"optimizer": snn.NesterovSGD(0.3), "batch_size": 16, "epochs": 2, "seed": 3}
    history = snn.train(net, X, Y, **{**defaults, **options})
    return net.parameters.copy(), [epoch.loss for epoch in history.epochs]


def assert_same(X: Any, Y: Any, real: Any = np.float32, sparse: Any = None, **options: Any) -> None:
    """All that a network makes of X has the same bits for sparse X."""
    sparse = scipy.sparse.csr_array(X) if sparse is None else sparse
    net, scale = make(X.shape[1], real), options.get("input_scale", 1.0)
    rows = {"rows": options.get("rows")}
    dense, found = (trained(x, Y, make(X.shape[1], real), **options) for x in (X, sparse))
    np.testing.assert_array_equal(found[0], dense[0])
    assert found[1] == dense[1]
    outputs = [net.predict(x, input_scale=scale, **rows) for x in (X, sparse)]
    np.testing.assert_array_equal(*outputs)
    ones = [net.predict(x, input_scale=scale, rows=[1]) for x in (X, sparse)]
    np.testing.assert_array_equal(*ones)
    first, second = (snn.evaluate(net, x, Y, input_scale=scale, **rows) for x in (X, sparse))
    assert first == second
    kept = {name: options[name] for name in ("dropout", "sample_weight") if name in options}
    both = [net.loss_and_gradients(x, Y, input_scale=scale, seed=4, **kept) for x in (X, sparse)]
    assert both[0][0] == both[1][0]
    np.testing.assert_array_equal(both[0][1].parameters, both[1][1].parameters)
    np.testing.assert_array_equal(both[0][1].inputs, both[1][1].inputs)


@settings(max_examples=30)
@given(
    st.sampled_from(DTYPES),
    st.sampled_from([np.float32, np.float64]),
    st.integers(2, 60),
    st.integers(1, 90),
    st.sampled_from([0.0, 0.02, 0.2, 1.0]),
    st.sampled_from([1.0, 0.25, -2.0]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_the_bits_of_dense_data(
    dtype: str, real: Any, n: int, n_in: int, density: float, scale: float, some: bool, seed: int
) -> None:
    X, Y = data(seed, n, n_in, density, dtype)
    rows = np.random.default_rng(seed).integers(0, n, n) if some else None
    assert_same(X, Y, real, input_scale=scale, rows=rows)


@pytest.mark.parametrize("dtype", ["u1", "f4"])
@pytest.mark.parametrize("density", [0.005, 0.3])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_with_every_option(dtype: str, density: float, n_threads: int, threads: Any) -> None:
    X, Y = data(7, 300, 700, density, dtype)
    threads(n_threads)
    for options in (
        {"dropout": 0.3}, {"dropout": (0.4, 0.0)}, {"optimizer": "adam"}, {"shuffle": False},
        {"optimizer": snn.SGD(0.1, clip_norm=0.5)}, {"batch_size": 128},
        {"sample_weight": np.arange(300.0)}, {"validation_rows": np.arange(50)},
    ):  # fmt: skip
        assert_same(X, Y, **options)


def test_threads_share_wide_batches(threads: Any) -> None:
    X, Y = data(8, 300, 20_000, 0.01)
    nets = []
    for n_threads, x in ((1, X), (1, scipy.sparse.csr_array(X)), (2, scipy.sparse.csr_array(X))):
        threads(n_threads)
        graphs = [snn.topology.constant_degree(20_000, 50, 2, seed=0), snn.topology.dense(50, 3)]
        nets.append(snn.MLP(graphs, seed=0))
        trained(x, Y, nets[-1], batch_size=128, input_scale=0.01)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    np.testing.assert_array_equal(nets[0].parameters, nets[2].parameters)


def test_batches_of_many_and_of_few_values() -> None:
    """Rare values are exchanged, others written with their zeros: in turn, in one training."""
    X, Y = data(9, 256, 400, 1.0)
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) >= np.repeat([0.5, 0.001, 0.5, 0.001], 64)[:, None]] = 0
    for dtype in ("f4", "u1"):
        assert_same(X.astype(dtype), Y, batch_size=32, shuffle=False)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(form: str) -> None:
    X, Y = data(1, 40, 30, 0.2)
    sparse = scipy.sparse.csr_array(X).asformat(form)
    assert_same(X, Y, sparse=sparse)
    assert_same(X, Y, sparse=getattr(scipy.sparse, f"{form}_matrix")(sparse))


def test_entries_in_any_order_and_more_than_once() -> None:
    X, Y = data(2, 40, 30, 0.3)
    plain = scipy.sparse.coo_array(X)
    order = np.random.default_rng(0).permutation(np.tile(np.arange(plain.nnz), 2))
    rows, columns, values = (a[order] for a in (plain.row, plain.col, plain.data))
    by_row = np.argsort(rows, kind="stable")
    indptr = np.searchsorted(rows[by_row], np.arange(41))
    mixed = scipy.sparse.csr_array((values[by_row], columns[by_row], indptr), X.shape)
    before = [a.copy() for a in (mixed.data, mixed.indices, mixed.indptr)]
    mixed.has_canonical_format = True  # nobody checks what is said here
    assert_same(2 * X, Y, sparse=mixed)
    for old, new in zip(before, (mixed.data, mixed.indices, mixed.indptr), strict=True):
        np.testing.assert_array_equal(old, new)


def test_zeros_may_be_stored() -> None:
    X, Y = data(3, 40, 30, 0.3)
    sparse = scipy.sparse.csr_array(np.where(X == 0, 1, X))
    sparse.data[sparse.data == 1] = 0
    assert_same(np.where(X == 1, 0, X), Y, sparse=sparse)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_what_kernels_can_read_is_not_copied(index: Any) -> None:
    X = scipy.sparse.csr_array(data(4, 40, 30, 0.3)[0])
    X = scipy.sparse.csr_array((X.data, X.indices.astype(index), X.indptr.astype(index)), X.shape)
    read = csr_inputs(X)
    assert np.shares_memory(read.data, X.data)
    assert np.shares_memory(read.indices, X.indices) == (index is np.int32)
    assert read.indices.dtype == np.int32


def test_columns_of_frames_go_by_name() -> None:
    """Also those of sparse frames, whose zeros may not be what they leave out."""
    pd = pytest.importorskip("pandas")
    X, Y = data(10, 40, 5, 0.4, np.float64)
    frame = pd.DataFrame(X, columns=[*"abcde"])
    nets = [make(5), make(5)]
    found = []
    for net, fill in zip(nets, (0.0, 1.0), strict=True):
        sparse = frame.astype(pd.SparseDtype(float, fill))
        found.append(trained(sparse, Y, net))
        assert net.input_names == (*"abcde",)
        other = sparse[[*"dabec"]]
        np.testing.assert_array_equal(net.predict(other), net.predict(frame))
        np.testing.assert_array_equal(net.predict(other[:1]), net.predict(frame[:1]))
        with pytest.raises(ValueError, match=r"the columns of X must be .* it lacks 'b'"):
            net.predict(sparse[[*"acde"]])
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][0], trained(frame, Y, make(5))[0])
    assert read_sparse(frame, "X") is None
    matrix, names = read_sparse(frame.astype(pd.SparseDtype(float, 0.0)), "X") or (None, None)
    assert scipy.sparse.issparse(matrix)
    assert names == (*"abcde",)


def test_activations_of_a_network() -> None:
    pairs = [("a", "p"), ("b", "p"), ("c", "q"), ("p", "q")]
    net = snn.Network(snn.wiring.from_edges(pairs), seed=0)
    X = np.array([[0, 2, 0], [1, 0, 0], [0, 0, 0]], np.float32)
    dense, sparse = (net.activations(x) for x in (X, scipy.sparse.csr_array(X)))
    for name in dense:
        np.testing.assert_array_equal(dense[name], sparse[name])


def test_values_that_are_not_finite() -> None:
    """They are found as their batch is read, at the sample and column; unless no edge uses them."""
    X, Y = data(5, 300, 40, 0.2)
    net = make(40)
    used = net.structure.inputs
    assert used is not None
    idle = np.setdiff1d(np.arange(40), used)[0]
    X[:, idle] = np.nan
    assert np.isfinite(net.predict(scipy.sparse.csr_array(X))).all()
    X[204, used[5]] = np.inf
    before = net.parameters.copy()
    sparse = scipy.sparse.csr_array(X)
    message = rf"X must be finite, got inf in sample 204, column {used[5]};"
    with pytest.raises(snn.DataError, match=message):
        snn.train(net, sparse, Y, optimizer="adam", seed=0)
    with pytest.raises(snn.DataError, match=message):
        net.predict(sparse)
    with pytest.raises(snn.DataError, match=message):
        net.predict(sparse[:, :], rows=[204])
    np.testing.assert_array_equal(before, net.parameters)


def test_checkpoints(tmp_path: Path) -> None:
    """A training resumes on the same data, whatever its format; not on other values."""
    X, Y = data(6, 60, 40, 0.2)
    sparse, path = scipy.sparse.csr_array(X), tmp_path / "kept.npz"
    whole = trained(sparse, Y, make(40), epochs=3)
    trained(sparse, Y, make(40), epochs=2, checkpoint=path)
    found = trained(sparse.tocsc(), Y, make(40), epochs=3, checkpoint=path, resume="extend")
    np.testing.assert_array_equal(found[0], whole[0])
    other = sparse.copy()
    other.indices[:2] = other.indices[1::-1]
    other.data[7] += 1
    with pytest.raises(ValueError, match="of another training"):
        trained(other, Y, make(40), epochs=3, checkpoint=path, resume="extend")


def test_memory_does_not_grow_with_samples() -> None:
    """Beside a few numbers for each sample, there are the buffers of a batch."""
    peaks, n_in = [], 20_000
    graphs = [snn.topology.constant_degree(n_in, 10, 1, seed=0), snn.topology.dense(10, N_OUT)]
    for n in (500, 4000):
        rng = np.random.default_rng(0)
        X = scipy.sparse.random_array(
            (n, n_in), density=0.01, format="csr", rng=rng, dtype=np.float32
        )
        X.sort_indices()
        Y, net = rng.integers(0, N_OUT, n), snn.MLP(graphs, seed=0)
        tracemalloc.start()
        trained(X, Y, net, epochs=1, progress=False)
        net.predict(X)
        snn.evaluate(net, X, Y, rows=np.arange(0, n, 2))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 3500 * 200  # bytes: X has 1600 for each sample, dense 80,000


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (scipy.sparse.csr_array((5, 3)), ValueError, r"shape \(samples, 4\), got \(5, 3\)"),
        (scipy.sparse.coo_array(np.ones(4)), ValueError, r"axis: X.reshape\(1, -1\)"),
        (scipy.sparse.csr_array((0, 4)), ValueError, "holds no samples"),
        (
            scipy.sparse.csr_array((5, 4), dtype=complex),
            TypeError,
            r"pass both parts .*sparse\.hstack",
        ),
    ],
)
def test_what_is_refused(X: Any, error: type[Exception], message: str) -> None:
    net = snn.MLP([snn.topology.dense(4, N_OUT)])
    with pytest.raises(error, match=message):
        net.predict(X)


def test_a_broken_structure_is_refused() -> None:
    X = scipy.sparse.csr_array(np.eye(5, 4))
    X.indices[2] = 7
    with pytest.raises(ValueError, match=r"the sparse array is broken: .*; make it anew"):
        snn.MLP([snn.topology.dense(4, N_OUT)]).predict(X)
