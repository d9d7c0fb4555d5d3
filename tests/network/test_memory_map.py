"""X in a memory map: the bits of the same X in memory, and no copy of it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn

N, N_OUT = 200, 3
USED = {"all": 1.0, "most": 0.63, "few": 0.01}


def mapped(path: Path, X: Any) -> Any:
    np.save(path / "X.npy", X)
    found = np.load(path / "X.npy", mmap_mode="r")
    assert isinstance(found, np.memmap)
    return found


def make(n_in: int, share: float) -> snn.MLP:
    """A network of which a share of the inputs, picked at random, have one edge each."""
    rng = np.random.default_rng(1)
    used = np.sort(rng.choice(n_in, max(1, round(share * n_in)), replace=False))
    edges = np.stack([used, np.arange(len(used)) % 12], axis=1)
    return snn.MLP(
        [snn.topology.from_edges(n_in, 12, edges), snn.topology.dense(12, N_OUT)], seed=0
    )


def results(X: Any, share: float) -> list[Any]:
    net, Y = make(X.shape[1], share), np.arange(N) % N_OUT
    options: dict[str, Any] = {"batch_size": 48, "seed": 2, "input_scale": 1 / 255}
    snn.train(net, X, Y, optimizer=snn.NesterovSGD(0.3), epochs=2, **options)
    rows = np.arange(0, N, 3)
    loss = snn.evaluate(net, X, Y, rows=rows, input_scale=1 / 255).loss
    return [net.parameters.copy(), net.predict(X, input_scale=1 / 255), loss]


@pytest.mark.parametrize("dtype", ["u1", "i1", "f4"])
@pytest.mark.parametrize("share", USED.values(), ids=USED)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_bits_of_data_in_memory(
    dtype: str, share: float, n_threads: int, threads: Any, tmp_path: Path
) -> None:
    threads(n_threads)
    X = np.random.default_rng(0).integers(0, 100, (N, 1500)).astype(dtype)
    for found, expected in zip(results(mapped(tmp_path, X), share), results(X, share), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["u1", "f4"])
@pytest.mark.parametrize("share", USED.values(), ids=USED)
def test_memory_does_not_grow_with_samples(dtype: str, share: float, tmp_path: Path) -> None:
    """There are the buffers of a batch, whatever the size of the file."""
    peaks, n_in, rng = [], 10_000, np.random.default_rng(0)
    for n in (300, 300, 1000):  # the first compiles
        X = mapped(tmp_path, rng.integers(0, 100, (n, n_in)).astype(dtype))
        net, Y = make(n_in, share), np.arange(n) % N_OUT
        tracemalloc.start()
        snn.train(net, X, Y, optimizer="sgd", batch_size=16, epochs=1, seed=0, progress=False)
        net.predict(X)
        snn.evaluate(net, X, Y, rows=np.arange(0, n, 2))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 700 * 200  # bytes: X has 10,000 and more for each sample
