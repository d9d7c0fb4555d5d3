"""Whole programs against the twins put together: prediction, gradients, steps of training."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bench import twins
from compiled import COMPILED_ONLY
from naive import random_structure

import minisnn as snn
from minisnn.kernels.functions.dropout import key_of
from minisnn.kernels.machine.jit import DISABLED
from minisnn.kernels.program.engine import execute
from minisnn.kernels.program.graphs import BLAS, COMPLETE, EDGES, Graph
from minisnn.kernels.program.plan import Plan
from minisnn.kernels.program.records import DIFFERENTIATE, PREDICT, TRAIN
from minisnn.kernels.program.structure import Structure, chain
from minisnn.network.execution import Execution
from minisnn.network.losses import LOSSES
from minisnn.network.samples import Samples
from minisnn.network.tables import Table
from minisnn.training.optimizer import updates_of

NARROW, WIDE = (23, 150, 9, 5), (23, 150, 36, 5)  # few outputs: a complete layer is summed apart
SCALE = 0.5
DROPOUT = (0.1, 0.2, 0.3)
FUNCTIONS = {  # the activations of three layers, and a loss
    "sigmoids": (["sigmoid"] * 3, "mse"),
    "linear outputs": (["relu", "tanh", "identity"], "mse"),
    "leaky": (["leaky_relu", "leaky_relu", "leaky_relu"], "huber"),
    "binary": (["tanh", "identity", "sigmoid"], "binary_cross_entropy"),
    "classes": (["tanh", "relu", "softmax"], "cross_entropy"),
}


def make_structure(rng: np.random.Generator, widths: Any, complete: str) -> Structure:
    """A sparse layer, a complete one, a sparse one."""
    shapes = list(pairwise(widths))
    graphs = []
    for number, (n_in, n_out) in enumerate(shapes):
        if number == 1:
            graphs.append(Graph(n_in, n_out, n_in * n_out))
        else:
            indptr, indices = random_structure(rng, n_in, n_out, 0.4)
            graphs.append(Graph(n_in, n_out, len(indices), indptr, indices))
    return chain(graphs, [complete if graph.is_complete else EDGES for graph in graphs])


def layers_of(structure: Structure, parameters: Any) -> list[tuple[Any, Any, Any, Any]]:
    """Each layer's indptr, indices, weights and biases."""
    layers, begin = [], 0
    for graph in structure.graphs:
        weights = parameters[begin : begin + graph.n_edges]
        biases = parameters[begin + graph.n_edges : begin + graph.n_edges + graph.n_out]
        layers.append((*graph.rows(), weights, biases))
        begin += graph.n_edges + graph.n_out
    return layers


def expected_pass(
    structure: Structure,
    parameters: Any,
    X: Any,
    T: Any,
    dropout: Any,
    seed: int,
    step: int,
    loss_name: str = "mse",
) -> tuple[Any, float, Any, Any]:
    """Activations, loss, gradient by the parameters, gradient by the scaled inputs."""
    layers = layers_of(structure, parameters)
    keys = [key_of(seed, step, number) for number in range(len(layers))]

    def drop(number: int, A: Any) -> Any:
        return twins.dropout(A, dropout[number], keys[number]) if dropout[number] else A

    activations = [drop(0, (SCALE * X).T)]
    names = [group.activation for group in structure.groups[1:]]
    for number, (indptr, indices, weights, biases) in enumerate(layers):
        name = names[number]
        Z = twins.forward("identity", indptr, indices, weights, biases, activations[-1])
        A = twins.activate(name, Z)
        activations.append(drop(number + 1, A) if number + 1 < len(layers) else A)
    by_Z = LOSSES[loss_name].wants_logits
    loss, dA = twins.LOSSES[loss_name](Z if by_Z else activations[-1], T.T)
    gradients: list[Any] = []
    for number in reversed(range(len(layers))):
        indptr, indices, weights, _ = layers[number]
        keep = 1.0 if number + 1 == len(layers) else 1 - dropout[number + 1]
        name = names[number]
        is_dZ = number + 1 == len(layers) and by_Z
        dZ = dA
        if not is_dZ:
            dZ = twins.activation_slope(name, activations[number + 1], keep, dA)
            if keep < 1 and not twins.ACTIVATIONS[name].shows_dropped:
                dZ = drop(number + 1, dZ)
        dW, db = twins.weight_gradient(indptr, indices, dZ, activations[number])
        gradients = [dW, db, *gradients]
        dA = twins.input_gradient(indptr, indices, weights, structure.groups[number].n_rows, dZ)
    return activations, loss, np.concatenate(gradients), drop(0, dA)


@pytest.fixture(params=list(FUNCTIONS))
def functions(request: pytest.FixtureRequest) -> tuple[list[str], str]:
    return FUNCTIONS[request.param]


def with_activations(structure: Structure, activations: list[str]) -> Structure:
    return chain(structure.graphs, [group.products for group in structure.groups[1:]], activations)


def run(execution: Execution, X: Any, Y: Any, samples: Any, **options: Any) -> tuple[Any, Any]:
    data = Samples(Table(X, "X"), SCALE, targets=None if Y is None else Table(Y, "Y"))
    execution.run(data, samples[:0], **options)
    return execution.run(data, samples, **options)


@pytest.fixture(params=[(NARROW, EDGES), (NARROW, COMPLETE), (WIDE, COMPLETE), (NARROW, BLAS)])
def structure(request: pytest.FixtureRequest, rng: np.random.Generator) -> Structure:
    return make_structure(rng, *request.param)


@pytest.fixture(params=[1] if DISABLED else [1, 2])
def n_threads(request: pytest.FixtureRequest, threads: Any) -> int:
    return int(request.param)


@pytest.fixture
def parameters(structure: Structure, rng: np.random.Generator) -> Any:
    return rng.standard_normal(structure.n_parameters)


def test_prediction(
    structure: Structure, parameters: Any, rng: np.random.Generator, n_threads: int, functions: Any
) -> None:
    structure = with_activations(structure, functions[0])
    X = rng.standard_normal((50, 23))
    samples = rng.permutation(50)[:41]
    plan = Plan(structure, 16, np.float64, PREDICT, n_threads)
    losses, outputs = run(Execution(plan, parameters), X, None, samples)
    activations, *_ = expected_pass(
        structure, parameters, X[samples], np.zeros((41, 5)), (0,) * 3, 0, 0, functions[1]
    )
    np.testing.assert_allclose(outputs, activations[-1].T, rtol=1e-10, atol=1e-12)
    assert losses.tolist() == [0, 0, 0]
    plan = Plan(structure, 16, np.float64, PREDICT, n_threads, logits=True)
    _, logits = run(Execution(plan, parameters), X, None, samples)
    expected = twins.activate(functions[0][-1], logits.T)
    np.testing.assert_allclose(outputs, expected.T, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dropout", [(0.0,) * 3, DROPOUT])
def test_gradients(
    structure: Structure,
    parameters: Any,
    rng: np.random.Generator,
    n_threads: int,
    dropout: Any,
    functions: Any,
) -> None:
    structure, loss = with_activations(structure, functions[0]), functions[1]
    X, T = rng.standard_normal((30, 23)), rng.random((30, 5))
    T /= T.sum(axis=1, keepdims=True)
    drops, logits = tuple(rate > 0 for rate in dropout), LOSSES[loss].wants_logits
    plan = Plan(structure, 30, np.float64, DIFFERENTIATE, n_threads, drops=drops, logits=logits)
    execution = Execution(plan, parameters)
    before = parameters.copy()
    losses, outputs = run(
        execution, X, T, np.arange(30), loss=LOSSES[loss], dropout=dropout, seed=7
    )
    expected = expected_pass(structure, parameters, X, T, dropout, 7, 0, loss)
    for number, A in enumerate(expected[0]):
        found = execution.activations_of(number, 30)
        np.testing.assert_allclose(found, A.T, rtol=1e-10, atol=1e-12)
    assert losses == pytest.approx([expected[1]])
    np.testing.assert_allclose(execution.gradients, expected[2], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(execution.input_gradients(30), expected[3].T, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(parameters, before)
    assert outputs.shape == (0, 5)


@pytest.mark.parametrize("nesterov", [True, False])
def test_steps_of_training(
    structure: Structure, parameters: Any, rng: np.random.Generator, n_threads: int, nesterov: bool
) -> None:
    X, labels = rng.standard_normal((60, 23)), rng.integers(0, 5, 60)
    samples, rates = rng.permutation(60)[:50], np.array([0.5, 1.0, 2.0, 0.1])
    plan = Plan(structure, 16, np.float64, TRAIN, n_threads, drops=(True,) * 3)
    expected, velocities = parameters.copy(), np.zeros_like(parameters)
    optimizer = snn.SGD(0.1, 0.8, nesterov=nesterov)
    execution = Execution(plan, parameters, optimizer.initial_state(parameters))
    losses, _ = run(
        execution, X, labels, samples, dropout=DROPOUT, seed=3, first_step=9,
        updates=updates_of(optimizer, rates, 9),
    )  # fmt: skip
    for step, rate in enumerate(rates):
        batch = samples[16 * step : 16 * step + 16]
        T = np.eye(5)[labels[batch]]
        _, loss, gradients, _ = expected_pass(
            structure, expected, X[batch], T, DROPOUT, 3, 9 + step
        )
        assert losses[step] == pytest.approx(loss)
        expected, velocities = twins.momentum_update(
            expected, velocities, gradients, rate, 0.8, nesterov
        )
    np.testing.assert_allclose(parameters, expected, rtol=1e-9, atol=1e-12)


OPTIMIZERS = [
    snn.SGD(0.1, 0.8, weight_decay=0.3), snn.NesterovSGD(0.1, clip_norm=0.01),
    snn.Adam(beta_1=0.8, beta_2=0.9, weight_decay=0.3), snn.Adam(clip_norm=0.02),
    snn.SGD(0.1, 0.8, l1=0.1), snn.NesterovSGD(0.1, clip_norm=0.01, l1=0.1), snn.Adam(l1=0.1),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_steps_of_any_optimizer(
    structure: Structure, parameters: Any, rng: np.random.Generator, n_threads: int, optimizer: Any
) -> None:
    structure = with_activations(structure, ["tanh", "relu", "softmax"])
    X, labels = rng.standard_normal((60, 23)), rng.integers(0, 5, 60)
    samples, rates = rng.permutation(60)[:50], np.array([0.05, 0.1, 0.2, 0.01])
    clips = optimizer.clip_norm is not None
    plan = Plan(structure, 16, np.float64, TRAIN, n_threads, logits=True, clips=clips)
    expected, state = parameters.copy(), optimizer.initial_state(parameters)
    twin_state = state.copy()
    losses, _ = run(
        Execution(plan, parameters, state), X, labels, samples, loss=LOSSES["cross_entropy"],
        updates=updates_of(optimizer, rates, 0),
    )  # fmt: skip
    is_weight = np.concatenate(
        [np.repeat([True, False], [graph.n_edges, graph.n_out]) for graph in structure.graphs]
    )
    decay, l1 = optimizer.weight_decay * is_weight, optimizer.l1 * is_weight
    for step, rate in enumerate(rates):
        batch = samples[16 * step : 16 * step + 16]
        T = np.eye(5)[labels[batch]]
        _, loss, gradients, _ = expected_pass(
            structure, expected, X[batch], T, (0, 0, 0), 0, step, "cross_entropy"
        )
        assert losses[step] == pytest.approx(loss)
        norm = np.linalg.norm(gradients)
        if optimizer.clip_norm is not None:
            assert norm > optimizer.clip_norm
            gradients *= optimizer.clip_norm / norm
        if isinstance(optimizer, snn.Adam):
            betas = optimizer.beta_1, optimizer.beta_2
            expected, *twin_state = twins.adam_update(
                expected, *twin_state, gradients, rate, betas, 1e-8, step + 1, decay, l1
            )
        else:
            momentum, nesterov = optimizer.momentum, optimizer.nesterov
            expected, *twin_state = twins.momentum_update(
                expected, *twin_state, gradients, rate, momentum, nesterov, decay, l1
            )
    np.testing.assert_allclose(parameters, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(state, twin_state, rtol=1e-8, atol=1e-12)


@COMPILED_ONLY
def test_one_compilation_serves_any_network_data_and_optimizer(rng: np.random.Generator) -> None:
    def train(
        widths: Any, X: Any, Y: Any, functions: Any = FUNCTIONS["sigmoids"], optimizer: Any = None
    ) -> None:
        graphs = []
        for n_in, n_out in pairwise(widths):
            indptr, indices = random_structure(rng, n_in, n_out, 0.5)
            graphs.append(Graph(n_in, n_out, len(indices), indptr, indices))
        structure = chain(graphs, activations=functions[0][-len(graphs) :])
        parameters = np.zeros(sum(g.n_edges + g.n_out for g in graphs))
        optimizer = optimizer or snn.SGD(0.1)
        clips = optimizer.clip_norm is not None
        logits = LOSSES[functions[1]].wants_logits
        plan = Plan(structure, 16, np.float64, TRAIN, 1, logits=logits, clips=clips)
        state, rates = optimizer.initial_state(parameters), np.ones(1)
        run(
            Execution(plan, parameters, state), X, Y, np.arange(16), loss=LOSSES[functions[1]],
            updates=updates_of(optimizer, rates, 0),
        )  # fmt: skip

    train((9, 5), rng.random((20, 9)), rng.integers(0, 5, 20))
    before = len(execute.signatures)
    train((9, 30, 8, 4), rng.random((20, 9), dtype=np.float32), rng.random((20, 4)))
    images = rng.integers(0, 256, (20, 70)).astype(np.uint8)
    train((70, 30, 8), images, rng.integers(0, 5, 20))
    images.flags.writeable = False  # as those of a file that is mapped
    train((70, 30, 8), images, rng.integers(0, 5, 20))
    for functions in FUNCTIONS.values():
        train((70, 30, 8), images, rng.integers(0, 5, 20), functions, snn.Adam(clip_norm=1.0))
    assert len(execute.signatures) == before
