"""Baselines: weight maps and their adjoints, the mechanism that trains them, the comparison."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import compare_baselines
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines, topology
from minisnn.baselines import (
    Circulant,
    DropConnect,
    Hashed,
    Identity,
    LowRank,
    Reparametrised,
    TensorTrain,
    Toeplitz,
    WeightMap,
    train_reparametrised,
)
from minisnn.baselines.products import product

KINDS: list[type[WeightMap]] = [
    Identity, DropConnect, LowRank, Hashed, Toeplitz, Circulant, TensorTrain,
]  # fmt: skip
LINEAR = {
    "identity": Identity(7, 5),
    "mean of masks": DropConnect(7, 5, 0.3),
    "mask": DropConnect(7, 5, 0.3).draw(np.random.default_rng(1)),
    "hashed": Hashed(7, 5, 6, seed=3),
    "one weight": Hashed(7, 5, 1),
    "Toeplitz": Toeplitz(7, 5, 7),
    "Toeplitz blocks": Toeplitz(7, 5, 3),
    "circulant": Circulant(7, 5, 7),
    "circulant blocks": Circulant(7, 11, 4),
}
MULTILINEAR = {
    "low rank": LowRank(7, 5, 3),
    "rank 1": LowRank(1, 5, 1),
    "tensor train": TensorTrain((2, 3, 2), (3, 1, 4), 3),
    "one core": TensorTrain((6,), (5,), 4),
    "four cores": TensorTrain((2, 3, 2, 2), (2, 2, 2, 3), 4),
}
MAPS = LINEAR | MULTILINEAR


def problem(n: int = 300) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.random((n, 12))
    return X, (X[:, :4] @ [1, 2, 3, 4] > 5).astype(np.int64) + (X[:, 5] > 0.8)


def make(seed: int = 0, dtype: Any = np.float64) -> Reparametrised:
    return Reparametrised([LowRank(12, 30, 3), Identity(30, 3)], seed=seed, dtype=dtype)


OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0, 0.5))


# Weight maps


@pytest.mark.parametrize("layer", MAPS.values(), ids=MAPS)
def test_adjoint_against_central_differences(layer: WeightMap, rng: np.random.Generator) -> None:
    theta, dW = rng.standard_normal(layer.n_parameters), rng.standard_normal(layer.shape[::-1])
    gradient = layer.adjoint(theta, dW)
    assert gradient.shape == theta.shape
    for _ in range(3):
        direction = rng.standard_normal(theta.shape)
        values = [
            float((dW * layer.expand(theta + steps * 1e-3 * direction)).sum())
            for steps in (-2, -1, 1, 2)
        ]
        numerical = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-3
        assert numerical == pytest.approx(gradient @ direction, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("layer", LINEAR.values(), ids=LINEAR)
def test_adjoint_of_a_linear_map_is_its_transpose(
    layer: WeightMap, rng: np.random.Generator
) -> None:
    theta, dW = rng.standard_normal(layer.n_parameters), rng.standard_normal(layer.shape[::-1])
    matrix = np.stack([layer.expand(unit).ravel() for unit in np.eye(layer.n_parameters)], axis=1)
    np.testing.assert_allclose(layer.expand(theta).ravel(), matrix @ theta, atol=1e-14)
    np.testing.assert_allclose(layer.adjoint(theta, dW), matrix.T @ dW.ravel(), atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", MAPS.values(), ids=MAPS)
def test_precision_is_kept(layer: WeightMap, dtype: Any) -> None:
    theta = np.ones(layer.n_parameters, dtype=dtype)
    W = layer.expand(theta)
    assert W.shape == layer.shape[::-1]
    assert W.dtype == layer.adjoint(theta, W).dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_have_the_variance_of_glorot(
    kind: type[WeightMap], rng: np.random.Generator
) -> None:
    layer = kind.nearest(48, 60, 1000)
    squares = [np.mean(np.square(layer.draw(rng).expand(layer.initial(rng)))) for _ in range(300)]
    assert np.mean(squares) == pytest.approx(2 / 108, rel=0.05)


@given(
    kind=st.sampled_from(KINDS),
    n_in=st.integers(1, 30),
    n_out=st.integers(1, 30),
    n_weights=st.integers(1, 950),
)
def test_nearest_has_as_many_weights_as_can_be(
    kind: type[WeightMap], n_in: int, n_out: int, n_weights: int
) -> None:
    layer = kind.nearest(n_in, n_out, n_weights)
    assert layer.shape == (n_in, n_out)
    others: dict[type[WeightMap], Callable[[int], WeightMap]] = {
        LowRank: lambda size: LowRank(n_in, n_out, min(size, n_in, n_out)),
        Hashed: lambda size: Hashed(n_in, n_out, n_weights),
        Toeplitz: lambda size: Toeplitz(n_in, n_out, min(size, max(n_in, n_out))),
        Circulant: lambda size: Circulant(n_in, n_out, min(size, max(n_in, n_out))),
        TensorTrain: lambda size: TensorTrain(layer.in_factors, layer.out_factors, size),  # type: ignore[attr-defined]
    }
    if kind in others:
        best = min(abs(others[kind](size).n_parameters - n_weights) for size in range(1, 31))
        assert abs(layer.n_parameters - n_weights) <= best
    elif kind is DropConnect:
        assert layer.n_connections == min(n_weights, n_in * n_out)
    else:
        assert layer.n_parameters == n_in * n_out


def test_full_rank_represents_any_matrix(rng: np.random.Generator) -> None:
    W = rng.standard_normal((5, 7))
    left, values, right = np.linalg.svd(W, full_matrices=False)
    theta = np.concatenate([(left * values).ravel(), right.ravel()])
    np.testing.assert_allclose(LowRank(7, 5, 5).expand(theta), W, atol=1e-13)


def test_low_rank_is_a_tensor_train_of_two_cores(rng: np.random.Generator) -> None:
    low_rank, train = LowRank(7, 5, 3), TensorTrain((1, 7), (5, 1), 3)
    theta, dW = rng.standard_normal(low_rank.n_parameters), rng.standard_normal((5, 7))
    np.testing.assert_allclose(train.expand(theta), low_rank.expand(theta), atol=1e-14)
    np.testing.assert_allclose(train.adjoint(theta, dW), low_rank.adjoint(theta, dW), atol=1e-13)


def test_tensor_train_is_a_product_of_matrices_for_each_entry(rng: np.random.Generator) -> None:
    layer = TensorTrain((2, 3, 2), (3, 1, 4), 3)
    assert layer.ranks == (1, 3, 3, 1)
    theta = rng.standard_normal(layer.n_parameters)
    shapes = [(1, 3, 2, 3), (3, 1, 3, 3), (3, 4, 2, 1)]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    parts = np.split(theta, ends)
    cores = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    W = np.empty(layer.shape[::-1])
    for i in range(12):
        for j in range(12):
            product = np.eye(1)
            for core, a, b in zip(
                cores, np.unravel_index(i, (3, 1, 4)), np.unravel_index(j, (2, 3, 2)), strict=True
            ):
                product = product @ core[:, a, b, :]
            W[i, j] = product.item()
    np.testing.assert_allclose(layer.expand(theta), W, atol=1e-13)


def test_a_tensor_train_of_full_rank_represents_any_matrix(rng: np.random.Generator) -> None:
    """By the tensor-train SVD of I. V. Oseledets, 2011, doi:10.1137/090752286."""
    layer = TensorTrain((2, 3, 2), (3, 1, 4), 1000)
    assert layer.ranks == (1, 6, 8, 1)
    W = rng.standard_normal((12, 12))
    rest = W.reshape(3, 1, 4, 2, 3, 2).transpose(0, 3, 1, 4, 2, 5)
    cores, rank = [], 1
    for pair, following in zip((6, 3), layer.ranks[1:], strict=False):
        left, values, right = np.linalg.svd(rest.reshape(rank * pair, -1), full_matrices=False)
        missing = following - len(values)
        cores.append(np.pad(left, ((0, 0), (0, missing))).ravel())
        rest, rank = np.pad(values[:, None] * right, ((0, missing), (0, 0))), following
    theta = np.concatenate([*cores, rest.ravel()])
    np.testing.assert_allclose(layer.expand(theta), W, atol=1e-13)


def test_hashed_weights(rng: np.random.Generator) -> None:
    layer = Hashed(60, 50, 100, seed=1)
    theta = rng.random(100) + 1
    W = layer.expand(theta)
    assert len(np.unique(np.abs(W))) == layer.n_parameters == 100
    assert 0.45 < np.mean(W > 0) < 0.55
    counts = np.bincount(layer.table.ravel(), minlength=100)
    assert np.var(counts) < 2 * np.mean(counts)  # of a uniform hash both are 30
    np.testing.assert_array_equal(Hashed(60, 50, 100, seed=1).expand(theta), W)
    assert (Hashed(60, 50, 100, seed=2).expand(theta) != W).mean() > 0.9
    by_weight = [set(W[layer.table == k]) for k in range(100)]
    assert all(values == {-theta[k], theta[k]} for k, values in enumerate(by_weight))


def test_toeplitz_structure(rng: np.random.Generator) -> None:
    t = rng.standard_normal(11)
    W = scipy.linalg.toeplitz(t[6:], t[6::-1])  # first column, first row
    np.testing.assert_array_equal(Toeplitz(7, 5, 7).expand(t), W)
    layer = Toeplitz(7, 5, 3)
    W = layer.expand(rng.standard_normal(layer.n_parameters))
    for i in range(4):
        for j in range(6):
            if i % 3 < 2 and j % 3 < 2:  # the next of the diagonal is in the same block
                assert W[i, j] == W[i + 1, j + 1]
    assert len(np.unique(W)) == layer.n_parameters == 5 + 5 + 3 + 4 + 4 + 2
    assert Toeplitz(7, 5, 1).n_parameters == 35


def test_circulant_structure(rng: np.random.Generator) -> None:
    t = rng.standard_normal(7)
    np.testing.assert_array_equal(Circulant(7, 5, 7).expand(t), scipy.linalg.circulant(t)[:5])
    t = rng.standard_normal(4 * 3)
    W = Circulant(6, 6, 3).expand(t)
    for number, (i, j) in enumerate([(0, 0), (0, 3), (3, 0), (3, 3)]):
        block = scipy.linalg.circulant(t[3 * number : 3 * number + 3])
        np.testing.assert_array_equal(W[i : i + 3, j : j + 3], block)


def test_drop_connect_masks(rng: np.random.Generator) -> None:
    layer = DropConnect(60, 50, 0.2)
    theta = rng.random(3000) + 1
    masks = [layer.draw(rng).expand(theta) for _ in range(100)]
    assert np.mean([mask != 0 for mask in masks]) == pytest.approx(0.2, abs=0.003)
    assert (masks[0] != masks[1]).any()
    np.testing.assert_allclose(np.mean(masks, axis=0), layer.expand(theta), atol=0.4)
    np.testing.assert_array_equal(layer.expand(theta), 0.2 * theta.reshape(50, 60))
    assert layer.n_connections == 600
    full = DropConnect(6, 5, 1.0)
    np.testing.assert_array_equal(full.draw(rng).expand(theta[:30]), full.expand(theta[:30]))


# The mechanism


@pytest.mark.parametrize("optimizer", [OPTIMIZER, snn.Adam(0.01, weight_decay=0.1)], ids=repr)
@pytest.mark.parametrize("dropout", [None, [0.2, 0.5]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_identity_trains_as_the_dense_network_does(
    dtype: Any, dropout: Any, optimizer: Any
) -> None:
    X, labels = problem()
    graphs = [topology.dense(12, 40), topology.dense(40, 3)]
    twin = snn.MLP(graphs, seed=1, dtype=dtype)
    net = Reparametrised([Identity(12, 40), Identity(40, 3)], seed=1, dtype=dtype)
    np.testing.assert_array_equal(net.expanded.parameters, twin.parameters)
    options: dict[str, Any] = {
        "optimizer": optimizer, "epochs": 4, "batch_size": 77, "dropout": dropout, "seed": 5,
        "validation_data": (X, labels),
    }  # fmt: skip
    expected = snn.train(twin, X, labels, **options)
    found = train_reparametrised(net, X, labels, **options)
    np.testing.assert_array_equal(net.expanded.parameters, twin.parameters)
    for column in ("epoch", "loss", "validation_loss", "validation_accuracy", "learning_rate"):
        assert found.column(column) == expected.column(column)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_goes_down_the_gradient_of_the_parameters(kind: type[WeightMap]) -> None:
    X, labels = problem(20)
    net = Reparametrised([kind.nearest(12, 20, 80), Identity(20, 3)], dtype=np.float64)
    before = copy.deepcopy(net)
    train_reparametrised(net, X, labels, optimizer=snn.SGD(0.5), epochs=1)
    maps = [f.draw(np.random.default_rng(0).spawn(1)[0]) for f in before.maps]
    before.expand(maps)
    _, gradients = before.expanded.loss_and_gradients(X, labels)
    expected = before.parameters - 0.5 * before.pull_back(maps, gradients.parameters)
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-12, atol=1e-15)
    (theta, biases), layer = net.split(net.parameters)[0], net.expanded.layers[0]
    np.testing.assert_array_equal(layer.weights, net.maps[0].expand(theta).ravel())
    np.testing.assert_array_equal(layer.biases, biases)


def test_connections_that_are_never_dropped_are_those_of_the_dense_network() -> None:
    X, labels = problem()
    nets = [Reparametrised([f, Identity(9, 3)]) for f in (DropConnect(12, 9, 1.0), Identity(12, 9))]
    for net in nets:
        train_reparametrised(net, X, labels, optimizer=OPTIMIZER, epochs=2)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_learns(kind: type[WeightMap]) -> None:
    X, labels = problem()
    net = Reparametrised([kind.nearest(12, 30, 240), Identity(30, 3)])
    rate = 3.0 if kind is DropConnect else 1.0  # factors bear less, masks want more
    history = train_reparametrised(
        net, X.astype(np.float32), labels, optimizer=snn.NesterovSGD(snn.WarmUpDecay(rate)),
        batch_size=20, epochs=40,
    )  # fmt: skip
    assert history.epochs[-1].loss < 0.6 * history.epochs[0].loss
    assert (snn.evaluate(net.expanded, X.astype(np.float32), labels).accuracy or 0) > 0.8


def test_seeds_decide() -> None:
    X, labels = problem()

    def trained(seed: int) -> Any:
        net = Reparametrised([DropConnect(12, 30, 0.5), Identity(30, 3)], dtype=np.float64)
        train_reparametrised(net, X, labels, optimizer=OPTIMIZER, epochs=2, seed=seed)
        return net.parameters

    np.testing.assert_array_equal(trained(1), trained(1))
    assert (trained(1) != trained(2)).any()
    assert (make(seed=1).parameters != make(seed=2).parameters).any()
    np.testing.assert_array_equal(
        make(dtype=np.float32).parameters, make().parameters.astype(np.float32)
    )


def test_callbacks_see_the_network_that_predicts() -> None:
    X, labels = problem()
    net, seen = make(), []
    history = train_reparametrised(
        net, X, labels, optimizer=OPTIMIZER, epochs=9,
        callbacks=[lambda expanded, epoch: seen.append(expanded) or epoch.epoch == 3],
    )  # fmt: skip
    assert len(history.epochs) == 3
    assert all(expanded is net.expanded for expanded in seen)


def test_how_a_network_describes_itself() -> None:
    net = Reparametrised([DropConnect(12, 30, 0.25), LowRank(30, 3, 2)])
    assert repr(net) == "Reparametrised(12 -> 30 -> 3, 426 weights, 33 biases, float32)"
    assert (net.n_weights, net.n_connections) == (360 + 66, 90 + 90)
    assert repr(net.maps[1]) == "LowRank(30 -> 3, 66 parameters)"


# Networks of the ordinary kind


def test_pruning_keeps_the_largest_weights(rng: np.random.Generator) -> None:
    net = snn.MLP([topology.constant_degree(12, 9, 6), topology.dense(9, 3)], seed=2)
    net.parameters[:] += rng.standard_normal(net.parameters.size).astype(np.float32)
    pruned = baselines.prune(net, [20, 27])
    for before, after, n in zip(net.layers, pruned.layers, (20, 27), strict=True):
        assert after.topology.n_edges == n
        smallest_kept = np.abs(after.weights).min()
        assert (np.abs(before.weights) >= smallest_kept).sum() == n
        old, new = before.to_scipy().toarray(), after.to_scipy().toarray()
        np.testing.assert_array_equal(new, np.where(np.abs(old) >= smallest_kept, old, 0))
        np.testing.assert_array_equal(after.biases, before.biases)
    assert pruned.layers[1].topology.is_complete
    assert net.n_connections == 72 + 27


def test_pruning_keeps_exactly_as_many_where_weights_are_equal() -> None:
    net = snn.MLP([topology.dense(4, 3)])
    net.parameters[:] = -1
    assert baselines.prune(net, [5]).topologies[0].indices.tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(("degree", "width"), [(30, 114), (1, 4), (100, 380), (379, 380)])
def test_narrower_with_one_hidden_layer(degree: int, width: int) -> None:
    graphs = [topology.constant_degree(100, 380, degree), topology.dense(380, 10)]
    found = baselines.narrower(graphs)
    target = sum(graph.n_edges for graph in graphs)
    best = min(range(1, 381), key=lambda n: abs(110 * n - target))
    assert found.widths == (100, best, 10)
    assert found.n_weights == 110 * best
    assert found.difference == found.n_weights - target


@given(st.lists(st.integers(3, 60), min_size=3, max_size=6), st.integers(1, 3))
def test_narrower_with_any_depth(widths: list[int], degree: int) -> None:
    graphs = [topology.constant_degree(n, m, degree) for n, m in pairwise(widths)]
    found = baselines.narrower(graphs)
    assert (found.widths[0], found.widths[-1]) == (widths[0], widths[-1])
    dense = [topology.dense(n, m) for n, m in pairwise(found.widths)]
    assert found.n_weights == sum(graph.n_edges for graph in dense)
    assert found.difference == found.n_weights - sum(graph.n_edges for graph in graphs)
    coarsest = max(map(sum, zip(found.widths, found.widths[2:], strict=False)))
    assert abs(found.difference) <= coarsest or set(found.widths[1:-1]) == {1}


@given(
    m=st.integers(1, 9), k=st.integers(1, 9), n=st.integers(1, 9),
    dtype=st.sampled_from([np.float32, np.float64]), turned=st.tuples(st.booleans(), st.booleans()),
)  # fmt: skip
def test_products(m: int, k: int, n: int, dtype: Any, turned: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.random((m, k)).astype(dtype), rng.random((k, n)).astype(dtype)
    A, B = (np.asfortranarray(M) if turn else M for M, turn in zip((A, B), turned, strict=True))
    C = product(A, B)
    np.testing.assert_allclose(C, A @ B, rtol=1e-6)
    assert C.dtype == dtype
    assert C.flags.c_contiguous


# The comparison


def test_comparison() -> None:
    X, labels = problem()
    graphs = [topology.constant_degree(12, 24, 8, seed=1), topology.dense(24, 3)]
    rows = baselines.compare(
        graphs, (X, labels), (X[:50], labels[:50]), seeds=[0, 1], optimizer=OPTIMIZER, epochs=2
    )
    assert [row.name for row in rows] == list(baselines.BASELINES)
    by_name = {row.name: row for row in rows}
    for row in rows:
        assert len(row.accuracies) == len(row.seconds) == 2
        assert min(row.seconds) > 0
        if row.name not in ("dense", "DropConnect"):
            assert row.weights == pytest.approx(96 + 72, rel=0.2)
    sparse, dense = by_name["sparse"], by_name["dense"]
    assert (sparse.weights, sparse.connections) == (168, 168)
    assert sparse.bytes == 4 * (168 + 27) + 4 * 25 + 2 * 96
    assert (dense.weights, dense.bytes) == (360, 4 * 387)
    assert by_name["pruned"].bytes == sparse.bytes
    assert (by_name["DropConnect"].weights, by_name["DropConnect"].connections) == (360, 168)
    assert (by_name["hashed"].weights, by_name["hashed"].connections) == (168, 360)
    assert by_name["hashed"].bytes == 4 * (168 + 27)
    lines = baselines.format_table(rows).splitlines()
    assert len(lines) == 2 + len(rows)
    assert len(set(map(len, lines))) == 1


def test_a_rotating_graph_is_stored_as_its_generator() -> None:
    X, labels = problem()
    graphs = [topology.fibonacci_rotating(12, 12, 4), topology.dense(12, 3)]
    (row,) = baselines.compare(
        graphs, (X, labels), (X, labels), names=["sparse"], optimizer=OPTIMIZER, epochs=1
    )
    assert row.bytes == 4 * (48 + 36 + 15) + 4 * 4


def test_ctrl_c_ends_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "minisnn.baselines.comparison.train", lambda *_, **__: snn.History(interrupted=True)
    )
    X, labels = problem()
    with pytest.raises(KeyboardInterrupt):
        baselines.compare([topology.dense(12, 3)], (X, labels), (X, labels), optimizer=OPTIMIZER)


def test_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graphs = [topology.fibonacci_rotating(784, 30, degree=5), topology.dense(30, 10)]
    monkeypatch.setattr(compare_baselines, "GRAPHS", graphs)
    path = tmp_path / "comparison.json"
    options = ["--epochs", "1", "--seeds", "1,2", "--output", str(path)]
    compare_baselines.main([*options, "--learning-rates", "1,2"])
    choice, table = capsys.readouterr().out.split("4,000 digits, at these rates")
    summary = json.loads(path.read_text())
    assert [row["name"] for row in summary["networks"]] == list(baselines.BASELINES)
    assert all(len(row["accuracies"]) == 2 for row in summary["networks"])
    assert "666 digits held out" in choice
    for name, accuracies in summary["held_out_accuracies"].items():
        best = max(accuracies, key=accuracies.__getitem__)
        assert summary["learning_rates"][name] == float(best)
        starred = rf"^{name} .*\b{100 * accuracies[best]:.2f}%\*"
        assert re.search(starred, choice, re.MULTILINE), (name, choice)
        assert re.search(rf"^{name} .* %", table, re.MULTILINE)


def test_script_with_one_rate_chooses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_baselines, "GRAPHS", [topology.dense(784, 10)])
    monkeypatch.setattr(baselines, "BASELINES", {"sparse": baselines.BASELINES["sparse"]})
    compare_baselines.main(["--epochs", "1", "--learning-rates", "3"])
    printed = capsys.readouterr().out
    assert printed.startswith("4,000 digits, at 3\n")
    assert "held out" not in printed


def test_baselines_are_imported_when_they_are_asked_for() -> None:
    program = (
        "import sys, minisnn as snn; assert 'minisnn.baselines' not in sys.modules; "
        "print(snn.baselines.Identity(2, 3))"
    )
    folder = Path(__file__).resolve().parents[1]
    printed = subprocess.check_output([sys.executable, "-c", program], cwd=folder, text=True)
    assert printed.strip() == "Identity(2 -> 3, 6 parameters)"
    with pytest.raises(AttributeError, match="module 'minisnn' has no attribute 'baseline'"):
        snn.baseline  # type: ignore[attr-defined]  # noqa: B018


# Errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: LowRank(7, 5, 6),
            ValueError, "rank must be at most 5, the smaller width of 7 -> 5, got 6",
        ),
        (lambda: LowRank(7, 5, 0), ValueError, "rank must be at least 1, got 0"),
        (lambda: LowRank(0, 5, 1), ValueError, "n_in must be between 1 and"),
        (lambda: Hashed(7, 5, 0), ValueError, "n_weights must be at least 1, got 0"),
        (lambda: Hashed(7, 5, 3, seed=-1), ValueError, "seed must be between 0 and"),
        (
            lambda: Toeplitz(7, 5, 8),
            ValueError, "block must be at most 7, the larger width of 7 -> 5, got 8",
        ),
        (lambda: Circulant(7, 5, 0), ValueError, "block must be at least 1, got 0"),
        (
            lambda: TensorTrain((2, 3), (4,), 2),
            ValueError, r"must be as many, .* got \(2, 3\) and \(4,\)",
        ),
        (lambda: TensorTrain((), (), 2), ValueError, "in_factors and out_factors must be as many"),
        (lambda: TensorTrain((2, 0), (4, 1), 2), ValueError, "a factor must be at least 1, got 0"),
        (lambda: TensorTrain((2, 3), (4, 1), 0), ValueError, "rank must be at least 1, got 0"),
        (
            lambda: DropConnect(7, 5, 0.0),
            ValueError, "keep is a probability, above 0 and at most 1, got 0",
        ),
        (lambda: DropConnect(7, 5, 1.1), ValueError, r"keep is a probability, .* got 1\.1"),
        (lambda: DropConnect.nearest(7, 5, 0), ValueError, "n_weights must be at least 1, got 0"),
        (
            lambda: LowRank.nearest(7, 5, 1.5),  # type: ignore[arg-type]
            TypeError, r"n_weights must be a whole number, got 1\.5",
        ),
        (lambda: Reparametrised([]), ValueError, "an MLP needs at least one layer"),
        (
            lambda: Reparametrised([topology.dense(3, 2)]),  # type: ignore[list-item]
            TypeError, "layer 1 must be a WeightMap, got Topology",
        ),
        (
            lambda: Reparametrised([Identity(3, 2), Identity(3, 2)]),
            ValueError, "layer 1 has 2 outputs, but layer 2",
        ),
        (
            lambda: Reparametrised([Identity(3, 2)], dtype=int),
            ValueError, "dtype must be float32 or float64",
        ),
        (
            lambda: train_reparametrised(make(), *problem(), optimizer=OPTIMIZER, epochs=0),
            ValueError, "epochs must be at least 1",
        ),
        (
            lambda: train_reparametrised(make(), *problem(), optimizer=3),  # type: ignore[arg-type]
            TypeError, "optimizer must be an SGD or an Adam",
        ),
        (
            lambda: baselines.narrower([topology.dense(3, 2)]),
            ValueError, "a network without a hidden layer cannot be made narrower",
        ),
        (
            lambda: baselines.prune(snn.MLP([topology.dense(3, 2)]), [1, 2]),
            ValueError, "one number for each of the 1 layers, got 2",
        ),
        (
            lambda: baselines.prune(snn.MLP([topology.dense(3, 2)]), [7]),
            ValueError, "layer 1 has 6 weights, it cannot keep 7",
        ),
        (
            lambda: baselines.prune(snn.MLP([topology.dense(3, 2)]), [0]),
            ValueError, "n_edges must be at least 1, got 0",
        ),
        (
            lambda: compared(names=["sparse", "thin"]),
            ValueError, "a name must be one of sparse, dense, .* got 'thin'",
        ),
        (lambda: compared(seeds=[]), ValueError, "seeds must hold one at least"),
        (
            lambda: compared(test_data=(np.zeros((2, 12)), np.zeros((2, 3)))),
            ValueError, r"labels of shape \(samples,\), got \(2, 3\)",
        ),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def compared(**options: Any) -> object:
    options = {"train_data": problem(), "test_data": problem(), **options}
    return baselines.compare([topology.dense(12, 3)], optimizer=OPTIMIZER, **options)


def test_weights_that_were_broken_before() -> None:
    net = make()
    net.parameters[0] = np.nan
    with pytest.raises(
        FloatingPointError, match="parameters that are not finite before any training"
    ):
        train_reparametrised(net, *problem(), optimizer=OPTIMIZER)
