"""Networks as files."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import topology


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(tmp_path: Path, dtype: Any, rng: np.random.Generator) -> None:
    graphs = [
        topology.fibonacci_rotating(20, 30, 5),
        topology.constant_degree(30, 15, 6, seed=2),
        topology.from_dense(np.ones((15, 8))),
        topology.from_dense(np.triu(np.ones((8, 6)))),
        topology.regular_rotating(6, 4, 4),
    ]
    with pytest.warns(snn.DeadNeuronWarning):
        net = snn.MLP(graphs, seed=5, dtype=dtype)
    path = tmp_path / "model.npz"
    snn.save(net, path)
    twin = snn.load(path)
    X = rng.random((10, 20))
    np.testing.assert_array_equal(twin.predict(X), net.predict(X))
    np.testing.assert_array_equal(twin.parameters, net.parameters)
    assert twin.dtype == net.dtype
    assert twin.topologies == net.topologies
    assert [repr(g) for g in twin.topologies[:2]] == [repr(g) for g in net.topologies[:2]]
    assert twin.topologies[0].generator.tolist() == net.topologies[0].generator.tolist()


def test_numpy_integers_can_be_saved(tmp_path: Path) -> None:
    net = snn.MLP([topology.constant_degree(np.uint8(20), np.int64(8), np.int64(5))])
    snn.save(net, tmp_path / "model.npz")
    assert snn.load(tmp_path / "model.npz").topologies == net.topologies


def test_a_rotating_graph_is_saved_as_its_generator(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    net = snn.MLP([topology.fibonacci_rotating(2000, 2000, 10), topology.dense(2000, 2)])
    snn.save(net, path)
    assert path.stat().st_size < net.parameter_bytes + 2000


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(FileNotFoundError):
        snn.load(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(ValueError, match=r"model\.npz is not a network saved by minisnn"):
        snn.load(path)
    net = snn.MLP([topology.constant_degree(8, 4, 2)])
    snn.save(net, path)
    content = path.read_bytes()
    broken = [content[: len(content) // 2], b"", b"hello", pickle.dumps(net)]
    for bad in broken:
        path.write_bytes(bad)
        with pytest.raises(
            ValueError, match=r"model\.npz is not a network saved by minisnn, or dam"
        ):
            snn.load(path)


def test_newer_formats_and_wrong_sizes(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    snn.save(snn.MLP([topology.constant_degree(8, 4, 2)]), path)
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays["header"]))
    np.savez(path, **{**arrays, "parameters": np.zeros(3)})
    with pytest.raises(ValueError, match=r"model\.npz is not .* or damaged: these topologies need"):
        snn.load(path)
    np.savez(path, **{**arrays, "header": np.array(json.dumps({**header, "format": 99}))})
    with pytest.raises(ValueError, match="has format 99, this version of minisnn reads format 1"):
        snn.load(path)
