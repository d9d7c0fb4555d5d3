"""Structures are checked before kernels see them."""

from __future__ import annotations

import copy
import importlib.util
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import experiments, plots, topology
from minisnn._support import memory
from minisnn._support.archive import FileFormatError
from minisnn.datasets import DatasetError

GRAPHS = [
    topology.fibonacci_rotating(9, 7, 3),
    topology.constant_degree(9, 7, 3),
    topology.dense(9, 7),
    topology.regular_rotating(4, 4, 4),
]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_arrays_are_read_only(graph: snn.Topology) -> None:
    for again in (graph, pickle.loads(pickle.dumps(graph)), copy.copy(graph)):
        for name in ("indptr", "indices", "compact_indices", "generator"):
            array = getattr(again, name)
            if array is not None:
                with pytest.raises(ValueError, match="assignment destination is read-only"):
                    array[0] = 5
        assert again == graph


def test_arrays_that_change_later() -> None:
    indptr, indices = np.array([0, 1, 2]), np.array([1, 2], dtype=np.uint16)
    graph = snn.Topology(4, 2, indptr, indices)
    places = np.array([0, 1], dtype=np.uint32)
    rotated = topology.regular_rotating(3, 3, 2).with_generator(places)
    indptr[1] = indices[0] = places[1] = 1000
    assert graph.edges().tolist() == [[1, 0], [2, 1]]
    np.testing.assert_array_equal(rotated.generator, [0, 1])


@pytest.mark.parametrize("text", ["\x1b[2J", "two\nlines", "\ud800"])
def test_names_can_be_printed(text: str) -> None:
    """They come from files, and go to terminals."""
    with pytest.raises(ValueError, match=r"name must be a text that can be printed, got '.*\\"):
        snn.Topology(2, 1, [0, 1], [0], name=text)
    with pytest.raises(ValueError, match="parameters must be finite numbers by their names, got '"):
        snn.Topology(2, 1, [0, 1], [0], parameters={text: 1})


def broken(kind: str, **arrays: Any) -> Any:
    """Return a sparse array that was sound when it was made."""
    matrix = scipy.sparse.csr_array(np.eye(3)).asformat(kind)
    for name, array in arrays.items():
        setattr(matrix, name, array)
    return matrix


BROKEN = [
    broken("csr", indices=np.array([0, 10**9, 2])),
    broken("csc", indptr=np.array([0, 10**9, 2, 3])),
    broken("bsr", indices=np.array([-(10**9)])),
    broken("coo", coords=(np.array([0, 1, 10**9]), np.arange(3))),
    broken("coo", coords=(np.arange(3), np.arange(9))),
]


@pytest.mark.parametrize("matrix", BROKEN, ids=lambda matrix: matrix.format)
def test_sparse_arrays_whose_parts_were_changed(matrix: Any) -> None:
    """Most of these end the process, once SciPy's own code converts them."""
    message = "the sparse array is broken: .*; make it anew"
    with pytest.raises(ValueError, match=message):
        topology.from_scipy(matrix)
    with pytest.raises(ValueError, match=message):
        snn.from_weights([(matrix, None)])
    if importlib.util.find_spec("sklearn") is not None:
        from minisnn.sklearn import SparseMLPRegressor

        net = SparseMLPRegressor(max_iter=1, tol=None).fit(np.eye(3), np.arange(3.0))
        for call in (lambda: net.fit(matrix, np.arange(3.0)), lambda: net.predict(matrix)):
            with pytest.raises(ValueError, match=message):
                call()


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo", "dia", "lil", "dok"])
def test_sound_sparse_arrays_of_all_formats(kind: str) -> None:
    dense = np.array([[1, 0, 1, 0], [0, 1, 0, 0]], dtype=np.uint8)
    for make in (scipy.sparse.csr_array, scipy.sparse.csr_matrix):
        graph = topology.from_scipy(make(dense).asformat(kind))
        np.testing.assert_array_equal(graph.to_dense(), dense)


def remade(graph: snn.Topology, **changes: Any) -> snn.Topology:
    """Return a graph from a pickle, something in which is another."""
    make, values = graph.__reduce__()
    names = (
        "n_in", "n_out", "indptr", "indices", "name", "parameters", "generator",
        "input_names", "output_names",
    )  # fmt: skip
    result = make(*{**dict(zip(names, values, strict=True)), **changes}.values())
    assert isinstance(result, snn.Topology)
    return result


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_in": 3}, "indices must lie between 0 and n_in - 1 = 2"),
        ({"n_out": 8}, "indptr must have n_out . 1 = 9 entries"),
        ({"indptr": np.array([0, 10**9])}, "indptr must have n_out . 1 = 8 entries"),
        ({"indices": np.full(27, 10**6)}, "indices must lie between"),
        ({"indices": np.arange(27)}, "indices must lie between"),
        ({"name": 5}, "name must be of type str, got 5"),
        ({"generator": np.array([0, 1, 3])}, r"does not rotate ones at array\(\[0, 1, 3\]\)"),
        ({"generator": np.array([0, 1, 10**6])}, "does not rotate ones"),
        ({"generator": np.array([2, 1, 0])}, "does not rotate ones"),
    ],
)
def test_pickles_are_checked(changes: Any, message: str) -> None:
    graph = topology.fibonacci_rotating(9, 7, 3)
    assert remade(graph) == graph
    with pytest.raises((ValueError, TypeError), match=message):
        remade(graph, **changes)


def test_a_network_whose_vector_is_looked_at_read_only() -> None:
    net = snn.MLP([topology.dense(4, 3)])
    net.parameters.setflags(write=False)
    net.parameters[:] = 0
    assert (net.predict(np.ones((3, 4))) == 0.5).all()


def test_data_that_changes_while_it_is_trained_on() -> None:
    X, Y = np.random.default_rng(0).random((8, 4)), np.array([0, 1, 2, 0, 1, 2, 0, 1])

    def spoil(*_: Any) -> None:
        Y[:] = 10**9

    net, twin = (snn.MLP([topology.dense(4, 3)], seed=0) for _ in range(2))
    snn.train(twin, X.copy(), Y.copy(), optimizer=snn.SGD(0.1), epochs=3, seed=0)
    snn.train(net, X, Y, optimizer=snn.SGD(0.1), epochs=3, seed=0, callbacks=[spoil])
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def test_optimisers_that_say_what_is_not_so() -> None:
    """One vector of state, for a kernel that reads and writes two."""

    class Mine(snn.SGD):
        number = 2

    net = snn.MLP([topology.dense(4, 3)])
    with pytest.raises(TypeError, match="or one of SGD, Adam, such as SGD"):
        snn.train(net, np.eye(4), [0, 1, 2, 0], optimizer=Mine(0.1), epochs=1)


def test_lengths_and_gradients_that_are_lists() -> None:
    parameters, state = np.zeros(4), np.zeros((1, 4))
    snn.SGD(0.5).update(parameters, state, [2, 2, 2, 2.0], 0.5, lengths=[3, 1])  # type: ignore[arg-type]
    assert parameters.tolist() == [-1, -1, -1, -1]
    with pytest.raises(TypeError, match=r"a length must be a whole number, got 2\.5"):
        snn.SGD(0.5).update(parameters, state, parameters, 0.5, lengths=[2.5, 1.5])  # type: ignore[list-item]


# Structures that were wrongly accepted or refused


def test_callbacks_that_can_be_gone_through_once() -> None:
    seen: list[int] = []

    def callbacks() -> Iterator[Any]:
        yield lambda net, epoch: seen.append(epoch.epoch)

    net = snn.MLP([topology.dense(4, 2)])
    data = np.eye(4), [0, 1, 0, 1]
    snn.train(net, *data, optimizer=snn.SGD(0.1), epochs=2, callbacks=callbacks())  # type: ignore[arg-type]
    assert seen == [1, 2]


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1.0, 1e300])
def test_weights_of_samples_are_relative(scale: float) -> None:
    X, Y = np.random.default_rng(0).random((6, 4)), [0, 1, 2, 0, 1, 2]
    net = snn.MLP([topology.dense(4, 3)], dtype=np.float64)
    weights = np.array([1, 2, 4, 8, 16, 0.0])
    expected = net.loss_and_gradients(X, Y, sample_weight=weights)
    found = net.loss_and_gradients(X, Y, sample_weight=weights * scale)
    assert found[0] == pytest.approx(expected[0], rel=1e-3 if scale < 1e-310 else 1e-12)
    assert np.isfinite(found[1].parameters).all()
    assert found[1].parameters.any()


def exact_places(n_out: int, degree: int) -> list[int]:
    """As the paper's reading has it, with numbers as long as they get."""
    numbers = [0, 1, 2]
    while len(numbers) < degree:
        numbers.append(numbers[-1] + numbers[-2])
    numbers = numbers[:degree]
    if numbers[-1] > n_out:
        numbers = [number * n_out // numbers[-1] for number in numbers]
    places: set[int] = set()
    for number in numbers:
        while number % n_out in places:
            number += 1
        places.add(number % n_out)
    return sorted(places)


@given(n_out=st.integers(1, 2000), degree=st.integers(1, 1000))
def test_long_lists_of_fibonacci_numbers(n_out: int, degree: int) -> None:
    degree = min(degree, n_out)
    generator = topology.fibonacci_rotating(1, n_out, degree).generator
    assert generator is not None
    assert generator.tolist() == exact_places(n_out, degree)


def test_a_list_too_long_to_write_out() -> None:
    """Its last number would have 40,000 digits; all of them would take 2 GB."""
    assert topology.fibonacci_rotating(1, 200_001, 200_000).n_edges == 200_000


def test_numpys_numbers_describe_the_same_run() -> None:
    base = {
        "data": {"name": "mnist_sample", "samples": 300},
        "hidden": [30],
        "layers": [{"topology": "biregular", "degree": 5}, {"topology": "dense"}],
        "optimizer": {"peak": 1.0},
        "epochs": 3,
        "seed": 1,
    }
    run = experiments.Run.from_dict(base)
    again = experiments.Run(
        data=experiments.Data(name="mnist_sample", samples=np.int64(300)),
        hidden=[np.int32(30)],
        layers=[
            experiments.Wiring(topology="biregular", degree=np.int16(5)),
            experiments.Wiring(topology="dense"),
        ],
        optimizer=experiments.Optimizer(peak=np.float32(1)),
        epochs=np.int64(3),
        seed=np.uint8(1),
    )
    assert again.hash == run.hash


def test_more_networks_than_colours() -> None:
    net = snn.MLP([topology.dense(4, 2)])
    history = snn.train(net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=2)
    figure = plots.plot_training({f"network {n}": history for n in range(6)})
    assert len(figure.axes[-1].lines) == 6


def test_what_does_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_bytes", lambda: 2.0**20)
    message = "to make a graph 1000 -> 1000 of 100000 edges would take .* this machine has"
    with pytest.raises(MemoryError, match=message):
        topology.fibonacci_rotating(1000, 1000, 100)
    with pytest.raises(MemoryError, match=r"a network of 1001000 parameters would take .* GiB"):
        snn.MLP([topology.dense(1000, 1000)])
    assert topology.fibonacci_rotating(100, 100, 10).n_edges == 1000


def test_what_a_pass_or_a_training_takes_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the process would be killed."""
    net = snn.MLP([topology.dense(1000, 100), topology.dense(100, 10)], seed=0)
    X, Y = np.zeros((5000, 1000), np.float32), np.zeros(5000, int)
    before = net.parameters.copy()
    monkeypatch.setattr(memory, "memory_left", lambda: 2.0**24)
    message = "the activations of 5000 samples at once would take .* GiB, the memory limit of this "
    advice = "container or job leaves .*; take fewer samples at a time"
    with pytest.raises(MemoryError, match=message + advice):
        net.loss_and_gradients(X, Y)
    with pytest.raises(MemoryError, match=message + advice):
        net.forward(X)
    assert net.predict(X).shape == (5000, 10)  # by batches
    monkeypatch.setattr(memory, "memory_bytes", lambda: 2.0**19)
    message = (
        "to train 101110 parameters by Adam would take .* GiB, this machine has .*; take fewer"
    )
    with pytest.raises(MemoryError, match=message):
        snn.train(net, X, Y, optimizer=snn.Adam(0.1), epochs=1, seed=0)
    assert (net.parameters == before).all()


def test_memory_that_no_one_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2**28 < memory.memory_bytes() < 2**60
    monkeypatch.delattr(os, "sysconf")
    assert memory.memory_bytes() == float("inf")
    memory.check_fits(1e30, "all")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Opening it would wait for a writer, for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe is a pipe or a device, not a file"):
        snn.load(tmp_path / "pipe")
    for write in (False, True):
        with pytest.raises(OSError, match="is a pipe or a device"):
            experiments.Store(tmp_path / "pipe", write=write)


def test_one_error_for_all_files() -> None:
    assert issubclass(DatasetError, FileFormatError)
    assert issubclass(FileFormatError, ValueError)
