"""Peers of the benchmark do the work that they are timed for."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bench import peers
from scipy import sparse
from threadpoolctl import threadpool_info

THREADS = 1  # JAX cannot change them within a process


def make_problem(widths: list[int], density: float, rng: np.random.Generator) -> Any:
    """The last layer is complete; others have their edges anywhere, and a neuron without any."""
    masks, biases = [], []
    for n_inputs, n_outputs in pairwise(widths):
        dense = rng.uniform(0.1, 1, (n_outputs, n_inputs)) * rng.choice([-1, 1], n_inputs)
        if density < 1 and n_outputs != widths[-1]:
            dense *= rng.random(dense.shape) < density
            dense[1] = 0
        masks.append(sparse.csr_array(dense.astype(np.float32)))
        biases.append(rng.normal(size=n_outputs).astype(np.float32))
    return peers.Problem(
        images=rng.integers(0, 256, (300, widths[0]), np.uint8),
        labels=rng.integers(0, widths[-1], 300),
        masks=masks, biases=biases, rate=0.5, momentum=0.9,
    )  # fmt: skip


class Reference:
    """The sparse network's training in float64, dense with masks."""

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        self.masks = [mask.toarray() != 0 for mask in problem.masks]
        self.weights = [mask.toarray().astype(np.float64) for mask in problem.masks]
        self.biases = [bias.astype(np.float64) for bias in problem.biases]
        self.velocities = [np.zeros_like(x) for x in self.weights + self.biases]

    def gradients(self, samples: np.ndarray) -> tuple[float, list[Any]]:
        values = [self.problem.images[samples] / 255]
        for weights, bias in zip(self.weights, self.biases, strict=True):
            values.append(1 / (1 + np.exp(-(values[-1] @ weights.T + bias))))
        error = values[-1] - np.eye(values[-1].shape[1])[self.problem.labels[samples]]
        delta, found = 2 / error.size * error, []
        for k in reversed(range(len(self.weights))):
            delta = delta * values[k + 1] * (1 - values[k + 1])
            found.append((delta.T @ values[k] * self.masks[k], delta.sum(axis=0)))
            delta = delta @ self.weights[k]
        return float(np.mean(error**2)), found[::-1]

    def step(self, samples: np.ndarray) -> None:
        eta, mu = self.problem.rate, self.problem.momentum
        _, found = self.gradients(samples)
        gradients = [weights for weights, _ in found] + [bias for _, bias in found]
        parameters = self.weights + self.biases
        for w, v, g in zip(parameters, self.velocities, gradients, strict=True):
            v *= mu
            v -= eta * g
            w += mu * v - eta * g

    def on_edges(self, pairs: Any) -> list[Any]:
        edges = zip(pairs, self.masks, strict=True)
        return [(matrix[mask], bias) for (matrix, bias), mask in edges]

    def parameters(self) -> list[Any]:
        return self.on_edges(list(zip(self.weights, self.biases, strict=True)))


def make(peer: Any, problem: Any) -> Any:
    if package := peer.missing():
        pytest.importorskip(package)
    return peer(problem, THREADS)


def assert_close(found: Any, expected: Any) -> None:
    assert len(found) == len(expected)
    for pair, other in zip(found, expected, strict=True):
        for x, y in zip(pair, other, strict=True):
            assert x.dtype == np.float32
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5 * np.abs(y).max())


every_peer = pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.__name__)


@every_peer
@pytest.mark.parametrize("density", [0.4, 0.02, 1])
def test_gradients(peer: Any, density: float, rng: np.random.Generator) -> None:
    problem = make_problem([30, 70, 80, 12, 5], density, rng)
    reference, network = Reference(problem), make(peer, problem)
    samples = rng.permutation(300)[:16]
    with network.limits():
        for batch in (samples, samples[:7]):
            assert_close(
                network.gradients(batch), reference.on_edges(reference.gradients(batch)[1])
            )
    assert_close(network.parameters(), reference.parameters())


@every_peer
def test_training(peer: Any, rng: np.random.Generator) -> None:
    problem = make_problem([30, 70, 80, 12, 5], 0.4 if peer.keeps_edges else 1, rng)
    before = [mask.copy() for mask in problem.masks]
    reference, network = Reference(problem), make(peer, problem)
    with network.limits():
        for size in (16, 16, 16, 9, 16):
            samples = rng.permutation(300)[:size]
            network.step(samples)
            reference.step(samples)
    assert_close(network.parameters(), reference.parameters())
    for mask, copy in zip(problem.masks, before, strict=True):
        np.testing.assert_array_equal(mask.data, copy.data)


@every_peer
def test_batches_of_128_at_784_100_10(peer: Any, rng: np.random.Generator) -> None:
    problem = make_problem([784, 100, 10], 0.1 if peer.keeps_edges else 1, rng)
    reference, network = Reference(problem), make(peer, problem)
    samples = rng.permutation(300)[:128]
    before, _ = reference.gradients(samples)
    with network.limits():
        for _ in range(2):
            network.step(samples)
            reference.step(samples)
    assert_close(network.parameters(), reference.parameters())
    assert reference.gradients(samples)[0] < before


def test_missing_package(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    problem = make_problem([30, 5], 1, rng)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    needy = [peer for peer in peers.PEERS if peer.packages]
    assert peers.available() == [peer for peer in peers.PEERS if peer not in needy]
    assert needy
    for peer in needy:
        with pytest.raises(ImportError, match=r"needs \w+, which .* pip install -e '\.\[bench\]'"):
            peer(problem, THREADS)


def test_available_peers_can_be_made(rng: np.random.Generator) -> None:
    problem = make_problem([30, 5], 1, rng)
    for peer in peers.available():
        assert peer(problem, THREADS).problem is problem


def test_limits_are_taken_back(rng: np.random.Generator) -> None:
    network = peers.NumPyDense(make_problem([30, 5], 1, rng), THREADS)
    before = [pool["num_threads"] for pool in threadpool_info()]
    with network.limits():
        assert {pool["num_threads"] for pool in threadpool_info()} == {THREADS}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_torch_threads_are_taken_back(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    network = peers.TorchDense(make_problem([30, 5], 1, rng), before + 1)
    with network.limits():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_jax_keeps_its_threads(rng: np.random.Generator) -> None:
    pytest.importorskip("jax")
    problem = make_problem([30, 5], 1, rng)
    before = os.environ.get("NPROC")
    peers.JaxDense(problem, THREADS)
    with pytest.raises(RuntimeError, match="cannot change the number of threads"):
        peers.JaxDense(problem, THREADS + 1)
    assert os.environ.get("NPROC") == before
