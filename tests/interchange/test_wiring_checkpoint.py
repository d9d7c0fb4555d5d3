"""Checkpoints of networks of a wiring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wirings import some_network

import minisnn as snn


def train(net: Any, path: Path, **options: Any) -> snn.History:
    X = np.random.default_rng(0).random((20, 2))
    return snn.train(
        net, X, X, optimizer=snn.SGD(0.1), epochs=3, seed=0, checkpoint=path, **options
    )


OTHERS: list[tuple[Callable[[], Any], str]] = [
    (lambda: some_network(weights=True), "network: this call has Network"),
    (lambda: snn.MLP([snn.topology.dense(2, 2)], seed=0), "network: this call has MLP"),
    (
        lambda: snn.Network(
            snn.wiring.from_edges(
                [("a", "p"), ("b", "p"), ("b", "Q"), ("p", "Q"), ("a", "late"), ("Q", "late")],
                outputs=["late", "p"],
            ).with_units({"Q": 3}),
            activation=["tanh", "relu", "tanh"],
        ),
        "but with other contents",
    ),
]


@pytest.mark.parametrize(("other", "message"), OTHERS)
def test_the_checkpoint_of_another_network(tmp_path: Path, other: Any, message: str) -> None:
    path = tmp_path / "net.npz"
    train(some_network(), path)
    content, net = path.read_bytes(), other()
    before = net.parameters.copy()
    with pytest.raises(snn.FileFormatError, match="is of another training.*" + message):
        train(net, path, resume=True)
    np.testing.assert_array_equal(net.parameters, before)
    assert path.read_bytes() == content


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, snn.Network]:
    path, net = tmp_path_factory.mktemp("damaged") / "checkpoint.npz", some_network()
    train(net, path)
    return path, path.read_bytes(), net


@settings(max_examples=20)
@given(data=st.data())
def test_a_damaged_checkpoint(checkpoint: tuple[Path, bytes, snn.Network], data: Any) -> None:
    path, content, trained = checkpoint
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(damaged))
    net = some_network()
    try:
        train(net, path, resume=True)
    except snn.FileFormatError:
        np.testing.assert_array_equal(net.parameters, some_network().parameters)
    else:
        np.testing.assert_array_equal(net.parameters, trained.parameters)
