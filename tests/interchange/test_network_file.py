"""Networks as files."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import topology
from minisnn._support.archive import write_archive
from minisnn.interchange.network_file import packed

NOT_SAVED = "model.npz is not a network saved by minisnn, or damaged: "


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.npz"


def some_net(dtype: Any = np.float32) -> snn.MLP:
    """A network with each kind of graph that a file knows."""
    graphs = [
        topology.fibonacci_rotating(20, 30, 5),
        topology.constant_degree(30, 15, 6, seed=2),
        topology.from_dense(np.ones((15, 8))),
        topology.from_dense(np.triu(np.ones((8, 6)))),
        topology.regular_rotating(6, 4, 4),
        topology.dense(4, 3),
    ]
    with pytest.warns(snn.DeadNeuronWarning):
        return snn.MLP(graphs, seed=5, dtype=dtype, activation="tanh", output_activation="softmax")


def assert_same(twin: snn.MLP, net: snn.MLP) -> None:
    np.testing.assert_array_equal(twin.parameters.view(np.uint8), net.parameters.view(np.uint8))
    assert twin.dtype == net.dtype
    assert twin.activation == net.activation
    assert twin.output_activation == net.output_activation
    assert twin.topologies == net.topologies
    assert [repr(g) for g in twin.topologies] == [repr(g) for g in net.topologies]
    for left, right in zip(twin.topologies, net.topologies, strict=True):
        assert (left.generator is None) == (right.generator is None)
        if left.generator is not None:
            assert left.generator.tolist() == right.generator.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(
    path: Path, dtype: Any, rng: np.random.Generator, threads: Callable[[int], None]
) -> None:
    net = some_net(dtype)
    snn.save(net, path)
    threads(1)
    X = rng.random((300, 20))
    predictions = net.predict(X)
    for n in (1, 2, 3):
        threads(n)
        twin = snn.load(path)
        assert_same(twin, net)
        np.testing.assert_array_equal(twin.predict(X), predictions)


def test_a_loaded_network_can_be_trained(path: Path, rng: np.random.Generator) -> None:
    net = some_net()
    snn.save(net, path)
    twin = snn.load(path)
    X, Y = rng.random((50, 20)), rng.integers(3, size=50)
    for each in (net, twin):
        snn.train(each, X, Y, optimizer=snn.NesterovSGD(0.1), epochs=2, batch_size=10)
    np.testing.assert_array_equal(twin.parameters, net.parameters)


def test_numpy_integers_can_be_saved(path: Path) -> None:
    net = snn.MLP([topology.constant_degree(np.uint8(20), np.int64(8), np.int64(5))])
    snn.save(net, path)
    assert snn.load(path).topologies == net.topologies


def test_parameters_that_diverged_are_kept(path: Path) -> None:
    net = some_net()
    net.parameters[:3] = np.nan, np.inf, -0.0
    snn.save(net, path)
    assert_same(snn.load(path), net)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_files_grow_with_the_connections(path: Path, dtype: Any) -> None:
    net = snn.MLP([topology.fibonacci_rotating(2000, 2000, 10), topology.dense(2000, 2)])
    snn.save(net, path)
    assert path.stat().st_size < net.parameter_bytes + 2000
    net = snn.MLP([topology.biregular(2000, 2000, 10), topology.dense(2000, 2)], dtype=dtype)
    snn.save(net, path)
    listed = 2 * net.topologies[0].n_edges + 4 * 2001
    assert path.stat().st_size < net.parameter_bytes + listed + 2000


def test_the_same_network_gives_the_same_bytes(path: Path) -> None:
    snn.save(some_net(), path)
    before = path.read_bytes()
    snn.save(some_net(), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_anything_can_read_the_arrays(path: Path) -> None:
    net = some_net()
    snn.save(net, path)
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["parameters"], net.parameters)
        header = json.loads(archive["header.json"])
    assert [layer["n_edges"] for layer in header["layers"]] == [
        graph.n_edges for graph in net.topologies
    ]


def test_other_files(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        snn.load(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + "it has no header.json"):
        snn.load(path)
    for content in (b"", b"hello", pickle.dumps(some_net())):
        path.write_bytes(content)
        with pytest.raises(snn.FileFormatError, match=NOT_SAVED + "File is not a zip file"):
            snn.load(path)


def load_changed(path: Path, change: Callable[[Any, Any], object], number: int = 2) -> snn.MLP:
    """Load a file whose layers or arrays have been changed."""
    header, arrays = packed(some_net())
    change(header["layers"], arrays)
    with open(path, "wb") as file:
        write_archive(file, "network", number, header, arrays)
    return snn.load(path)


def test_newer_formats(path: Path) -> None:
    with pytest.raises(
        snn.FileFormatError, match="has format 99, this version of minisnn reads format 2"
    ):
        load_changed(path, lambda layers, arrays: None, 99)


def changed(array: Any, place: int, value: int) -> Any:
    twin = array.copy()
    twin[place] = value
    return twin


BAD_HEADERS: list[tuple[Callable[[Any], object], str]] = [
    (lambda layers: layers.clear(), r"parameters must be float32 or float64 of shape \(0,\), got"),
    (lambda layers: layers.insert(0, 5), "n_in in its header must be of type int, got None"),
    (lambda layers: layers[0].pop("name"), "name in its header must be of type str, got None"),
    (lambda layers: layers[0].update(n_in=0), "n_in must be between 1 and 2147483647, got 0"),
    (lambda layers: layers[0].update(n_in=2**40), "n_in must be between 1 and 2147483647"),
    (lambda layers: layers[0].update(n_out=-1), "n_out must be between 1 and 2147483647, got -1"),
    (lambda layers: layers[0].update(n_out=True), "n_out in its header must be of type int"),
    (lambda layers: layers[0].update(n_in=20.0), "n_in in its header must be of type int"),
    (lambda layers: layers[0].update(graph="torus"), "its graphs are rotating, .* got 'torus'"),
    (lambda layers: layers[0].update(n_edges=0), "a rotating graph 20 -> 30 cannot have 0 edges"),
    (lambda layers: layers[0].update(n_edges=601), "rotating graph 20 -> 30 cannot have 601 edges"),
    (lambda layers: layers[0].update(n_edges=101), r"parameters must be .* of shape \(524,\), got"),
    (lambda layers: layers[2].update(n_edges=7), "a complete graph 15 -> 8 cannot have 7 edges"),
    (lambda layers: layers[0].update(n_out=20), r"parameters must be .* of shape \(513,\)"),
    (lambda layers: layers[1].update(n_in=31), "layer 1 has 30 outputs, but layer 2 takes 31"),
    (lambda layers: layers[0].update(parameters=[]), "parameters in its header must be of type"),
    (lambda layers: layers[0]["parameters"].update(degree="5"), "parameters of its graphs must be"),
    (lambda layers: layers[0]["parameters"].update(x=True), "parameters of its graphs must be"),
    (lambda layers: layers[1].update(graph="complete", n_edges=450), "shape"),
    (lambda layers: layers[1].update(graph="rotating"), "it has no generator_1.npy"),
    (lambda layers: layers[0].update(graph="edges"), "it has no indptr_0.npy"),
]


@pytest.mark.parametrize(("change", "message"), BAD_HEADERS)
def test_bad_headers(path: Path, change: Callable[[Any], object], message: str) -> None:
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + ".*" + message):
        load_changed(path, lambda layers, arrays: change(layers))


@pytest.mark.parametrize("name", ["activation", "output_activation"])
def test_bad_activations(path: Path, name: str) -> None:
    header, arrays = packed(some_net())
    for value, message in (
        ("step", f"{name} must be one of .* got 'step'"),
        (None, f"{name} in its header must be of type str, got None"),
    ):
        with open(path, "wb") as file:
            write_archive(file, "network", 2, header | {name: value}, arrays)
        with pytest.raises(snn.FileFormatError, match=NOT_SAVED + message):
            snn.load(path)


BAD_ARRAYS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("parameters", lambda a: a[:-1], r"parameters must be .* of shape \(523,\), got float32 of"),
    ("parameters", lambda a: a[None], r"parameters must be .*, got float32 of shape \(1, 523\)"),
    ("parameters", lambda a: a.astype("f2"), "parameters must be float32 or float64 .* float16"),
    ("parameters", lambda a: a.astype("i4"), "parameters must be float32 or float64 .* int32"),
    ("generator_0", lambda a: a[:-1], "4 rotated places give 20 inputs not 100 edges"),
    ("generator_0", lambda a: a.astype("i4"), "generator_0 must be uint32 .* got int32"),
    ("generator_0", lambda a: changed(a, 0, 30), "generator must hold places between 0 and"),
    ("generator_0", lambda a: changed(a, 0, a[1]), "generator must hold distinct places"),
    ("generator_4", lambda a: a[:0], "0 rotated places give 6 inputs not 24 edges"),
    ("indptr_1", lambda a: a[:-1], r"indptr_1 must be uint32 of shape \(16,\), got .* \(15,\)"),
    ("indptr_1", lambda a: a.astype("i8"), "indptr_1 must be uint32 .* got int64"),
    ("indptr_1", lambda a: changed(a, 0, 1), "indptr must have n_out . 1 = 16 entries, from 0"),
    ("indptr_1", lambda a: changed(a, -1, 2**32 - 1), "indptr must have n_out . 1 = 16 entries"),
    ("indptr_1", lambda a: changed(a, 3, 2**32 - 1), "indptr must not decrease"),
    ("indices_1", lambda a: a[:-1], r"indices_1 must be uint16 or uint32 of shape \(180,\), got"),
    ("indices_1", lambda a: a.astype("i2"), "indices_1 must be uint16 or uint32 .* got int16"),
    ("indices_1", lambda a: changed(a, 7, 30), "indices must lie between 0 and n_in - 1 = 29"),
    ("indices_1", lambda a: changed(a, 1, a[0]), "indices must be strictly ascending"),
    ("indices_1", lambda a: a[::-1], "indices must be strictly ascending"),
]


@pytest.mark.parametrize(("name", "change", "message"), BAD_ARRAYS)
def test_bad_arrays(path: Path, name: str, change: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + message):
        load_changed(path, lambda layers, arrays: arrays.update({name: change(arrays[name])}))


def test_missing_and_extra_arrays(path: Path) -> None:
    for name in ("parameters", "generator_0", "indices_1", "indptr_1"):
        with pytest.raises(snn.FileFormatError, match=NOT_SAVED + f"it has no {name}"):
            load_changed(path, lambda layers, arrays, name=name: arrays.pop(name))
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + "it also holds indices_9.npy"):
        load_changed(path, lambda layers, arrays: arrays.update(indices_9=np.zeros(3)))


HUGE = {"n_in": 2**20, "n_out": 2**20, "name": "dense", "parameters": {}}


@pytest.mark.parametrize(
    "layer",
    [
        HUGE | {"graph": "complete", "n_edges": 2**40},
        HUGE | {"graph": "rotating", "n_edges": 2**20},
        HUGE | {"graph": "edges", "n_edges": 1},
    ],
)
def test_a_small_file_cannot_ask_for_much_memory(path: Path, layer: dict[str, Any]) -> None:
    def change(layers: Any, arrays: Any) -> None:
        layers[:] = [layer]
        arrays.clear()
        arrays.update(parameters=np.zeros(5), generator_0=np.zeros(1, "u4"))

    tracemalloc.start()
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + "parameters must be"):
        load_changed(path, change)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_inputs_without_edges_take_no_memory(path: Path) -> None:
    net = snn.MLP.from_parameters(
        [snn.Topology(2**31 - 1, 1, [0, 1], [2**31 - 2])], np.ones(2, dtype=np.float32)
    )
    snn.save(net, path)
    tracemalloc.start()
    assert_same(snn.load(path), net)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def small_net() -> snn.MLP:
    graphs = [topology.fibonacci_rotating(6, 8, 3), topology.constant_degree(8, 4, 2)]
    return snn.MLP([*graphs, topology.dense(4, 2)])


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, snn.MLP]:
    path, net = tmp_path_factory.mktemp("fuzz") / "model.npz", small_net()
    snn.save(net, path)
    return path, path.read_bytes(), net


def load_or_refuse(path: Path, content: bytes, net: snn.MLP) -> None:
    """Whatever the bytes: the same network, or the one error."""
    path.write_bytes(content)
    with contextlib.suppress(snn.FileFormatError):
        assert_same(snn.load(path), net)


@given(data=st.data())
def test_mutated_files(valid: tuple[Path, bytes, snn.MLP], data: st.DataObject) -> None:
    path, content, net = valid
    changed = bytearray(content)
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        kind = data.draw(st.sampled_from(["replace", "insert", "delete", "copy"]))
        length = data.draw(st.integers(1, 12))
        new = data.draw(st.binary(min_size=length, max_size=length))
        if kind == "insert":
            changed[place:place] = new
        elif kind == "delete":
            del changed[place : place + length]
        elif kind == "copy":
            source = data.draw(places)
            changed[place : place + length] = changed[source : source + length]
        else:
            changed[place : place + length] = new
    load_or_refuse(path, bytes(changed), net)


@given(content=st.binary(max_size=300))
def test_any_bytes(valid: tuple[Path, bytes, snn.MLP], content: bytes) -> None:
    load_or_refuse(valid[0], content, valid[2])


@pytest.mark.slow
def test_the_fuzzing_program_runs() -> None:
    program = Path(__file__).parents[1] / "fuzz" / "fuzz_files.py"
    done = subprocess.run(
        [sys.executable, str(program), "--loop", "3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    targets = ["file", "members", "wired", "terms", "idx", "checkpoint", "state", "store", "rows"]
    if importlib.util.find_spec("yaml") is not None:
        targets.append("description")
    for target in targets:
        target = f"try_{target}"
        assert re.search(rf"{target}: \d+ read", done.stdout), done.stdout
        assert re.search(rf"{target}: \d+ refused", done.stdout), done.stdout
