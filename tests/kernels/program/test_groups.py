"""Groups that read any earlier rows, against a dense twin: any acyclic wiring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bench import twins
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn
from minisnn.kernels.functions.dropout import key_of
from minisnn.kernels.program import plan as plans
from minisnn.kernels.program.graphs import COMPLETE, EDGES, Graph
from minisnn.kernels.program.plan import Plan
from minisnn.kernels.program.records import DIFFERENTIATE, PREDICT, TRAIN
from minisnn.kernels.program.structure import Group, Normal, Structure
from minisnn.network.execution import Execution
from minisnn.network.losses import LOSSES
from minisnn.network.passes import Passes
from minisnn.network.samples import Samples
from minisnn.network.tables import Table
from minisnn.training.optimizer import updates_of

N_SAMPLES = 21
HIDDEN = ("identity", "sigmoid", "tanh", "relu", "leaky_relu")


def random_groups(rng: np.random.Generator, loss: str = "mse") -> Structure:
    """Groups of several per level, edges that skip, outputs within, a complete one at the end."""
    groups, first = [Group(Graph(0, 7, 0))], 7
    for level in range(1, int(rng.integers(2, 5))):
        before = first
        for _ in range(rng.integers(1, 3)):
            n, reads = int(rng.integers(1, 6)), int(rng.integers(0, before))
            mask = rng.random((n, before - reads)) < 0.4
            indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
            graph = Graph(before - reads, n, int(mask.sum()), indptr, np.nonzero(mask)[1])
            output = sum(group.n_rows for group in groups if group.output is not None)
            is_output = rng.random() < 0.4
            name = "sigmoid" if loss == "binary_cross_entropy" and is_output else rng.choice(HIDDEN)
            groups.append(
                Group(graph, reads, level, str(name), EDGES, output if is_output else None)
            )
            first += n
    last, output = groups[-1], sum(g.n_rows for g in groups if g.output is not None)
    graph = Graph(last.n_rows, 3, 3 * last.n_rows)
    groups.append(Group(graph, first - last.n_rows, last.level + 1, "sigmoid", COMPLETE, output))
    return Structure(groups)


def dense(structure: Structure, parameters: Any) -> tuple[Any, Any]:
    """W as one matrix of all rows, and b; rows of inputs are zero."""
    W, b = np.zeros((structure.n_rows, structure.n_rows)), np.zeros(structure.n_rows)
    for number, group in structure.summing:
        indptr, indices = group.graph.rows()
        begin, places = structure.rows[number], structure.weights[number]
        for i in range(group.n_rows):
            for k in range(indptr[i], indptr[i + 1]):
                W[begin + i, group.reads + indices[k]] = parameters[places + k]
        bias = structure.biases[number]
        b[begin : begin + group.n_rows] = parameters[bias : bias + group.n_rows]
    return W, b


def twin(
    structure: Structure, parameters: Any, X: Any, T: Any, loss: str, dropout: Any, step: int
) -> tuple[Any, float, Any, Any]:
    """Activations before dropout, loss, gradients by the parameters, gradients by the inputs."""
    W, b = dense(structure, parameters)
    n, n_out = len(X), structure.n_out

    def mask(number: int) -> Any:
        ones = np.ones((structure.groups[number].n_rows, n))
        if not dropout[number]:
            return ones
        return twins.dropout(ones, dropout[number], key_of(3, step, number))

    A, kept = np.zeros((structure.n_rows, n)), np.zeros((structure.n_rows, n))
    A[:7], M = X.T, np.concatenate([mask(number) for number in range(len(structure.groups))])
    kept[:7], value, direct = A[:7] * M[:7], 0.0, np.zeros((structure.n_rows, n))
    for number, group in structure.summing:
        rows = slice(structure.rows[number], structure.rows[number + 1])
        Z = W[rows] @ kept + b[rows, None]
        A[rows] = twins.activate(group.activation, Z)
        kept[rows] = A[rows] * M[rows]
        if group.output is not None:
            share = group.n_rows / n_out
            by_Z = LOSSES[loss].wants_logits
            targets = T[group.output : group.output + group.n_rows]
            part, gradient = twins.LOSSES[loss](Z if by_Z else A[rows], targets)
            value += share * part
            if not by_Z:
                gradient = twins.activation_slope(group.activation, A[rows], 1.0, gradient)
            direct[rows] = share * gradient
    dZ = np.zeros_like(A)
    for number in reversed(range(len(structure.groups))):
        rows = slice(structure.rows[number], structure.rows[number + 1])
        back = (W.T @ dZ)[rows] * M[rows]
        name = structure.groups[number].activation
        dZ[rows] = twins.activation_slope(name, A[rows], 1.0, back) + direct[rows]
    dW, gradients = dZ @ kept.T, np.zeros_like(parameters)
    for number, group in structure.summing:
        indptr, indices = group.graph.rows()
        begin, places = structure.rows[number], structure.weights[number]
        targets = np.repeat(np.arange(group.n_rows), np.diff(indptr))
        found = dW[begin + targets, group.reads + indices]
        gradients[places : places + len(found)] = found
        bias = structure.biases[number]
        gradients[bias : bias + group.n_rows] = dZ[begin : begin + group.n_rows].sum(axis=1)
    return A, value, gradients, dZ[:7]


def outputs_of(structure: Structure, A: Any) -> Any:
    rows = [
        k
        for number in structure.outputs
        for k in range(structure.rows[number], structure.rows[number + 1])
    ]
    return A[rows]


def data(X: Any, Y: Any) -> Samples:
    return Samples(Table(X, "X"), 1.0, targets=None if Y is None else Table(Y, "Y"))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from(["mse", "huber", "binary_cross_entropy"]),
    rate=st.sampled_from([0.0, 0.3]),
    n_threads=st.sampled_from([1, 2]),
)
def test_any_wiring(seed: int, loss: str, rate: float, n_threads: int) -> None:
    rng = np.random.default_rng(seed)
    structure = random_groups(rng, loss)
    if loss == "binary_cross_entropy" and any(
        structure.groups[k].activation != "sigmoid" for k in structure.outputs
    ):
        raise AssertionError("outputs of this loss are sigmoids")
    X, T = rng.standard_normal((N_SAMPLES, 7)), rng.random((N_SAMPLES, structure.n_out))
    parameters = rng.standard_normal(structure.n_parameters)
    logits = LOSSES[loss].wants_logits
    dropout = (rate,) * len(structure.levels)
    rates = structure.by_group(dropout)  # outputs are never dropped
    assert not any(rates[number] for number in structure.outputs)
    before = plans.THREAD_CYCLES
    plans.THREAD_CYCLES = 1
    try:
        plan = Plan(structure, N_SAMPLES, np.float64, DIFFERENTIATE, n_threads, logits=logits,
                    drops=tuple(rate > 0 for rate in dropout))  # fmt: skip
        execution = Execution(plan, parameters)
        losses, _ = execution.run(
            data(X, T), np.arange(N_SAMPLES), loss=LOSSES[loss], dropout=dropout, seed=3
        )
        A, value, gradients, dX = twin(structure, parameters, X, T.T, loss, rates, 0)
        assert losses[0] == pytest.approx(value)
        close: Any = {"rtol": 1e-9, "atol": 1e-12}
        np.testing.assert_allclose(execution.gradients, gradients, **close)
        np.testing.assert_allclose(execution.input_gradients(N_SAMPLES), dX.T, **close)

        A = twin(structure, parameters, X, T.T, loss, [0.0] * len(structure.groups), 0)[0]
        for logits in (False, True):
            plan = Plan(structure, 8, np.float64, PREDICT, n_threads, logits=logits)
            _, found = Execution(plan, parameters).run(data(X, None), np.arange(N_SAMPLES))
            last = structure.outputs[-1]
            first = structure.groups[last].output
            if logits:
                found[:, first:] = twins.activate("sigmoid", found[:, first:])
                found, A = found[:, first:], A[structure.rows[last] :]
                np.testing.assert_allclose(found, A.T, **close)
            else:
                np.testing.assert_allclose(found, outputs_of(structure, A).T, **close)
    finally:
        plans.THREAD_CYCLES = before


@pytest.mark.parametrize("n_threads", [1, 2])
def test_steps_of_training(rng: np.random.Generator, n_threads: int, threads: Any) -> None:
    structure = random_groups(np.random.default_rng(5))
    assert len(structure.outputs) > 1
    X, T = rng.standard_normal((60, 7)), rng.random((60, structure.n_out))
    parameters, rates = rng.standard_normal(structure.n_parameters), np.array([0.5, 1.0, 0.1])
    expected, velocities = parameters.copy(), np.zeros_like(parameters)
    optimizer = snn.NesterovSGD(0.1, 0.8)
    plan = Plan(structure, 20, np.float64, TRAIN, n_threads)
    execution = Execution(plan, parameters, optimizer.initial_state(parameters))
    samples = rng.permutation(60)
    losses, _ = execution.run(data(X, T), samples, updates=updates_of(optimizer, rates, 0))
    for step, rate in enumerate(rates):
        batch = samples[20 * step : 20 * step + 20]
        none = [0.0] * len(structure.groups)
        _, value, gradients, _ = twin(structure, expected, X[batch], T[batch].T, "mse", none, step)
        assert losses[step] == pytest.approx(value)
        expected, velocities = twins.momentum_update(
            expected, velocities, gradients, rate, 0.8, True
        )
    np.testing.assert_allclose(parameters, expected, rtol=1e-9, atol=1e-12)


def normalised(structure: Structure) -> Structure:
    """The same with batch normalisation of all groups without outputs."""
    return Structure(
        [
            replace(group, normal=None if number == 0 or group.output is not None else Normal())
            for number, group in enumerate(structure.groups)
        ]
    )


def test_batch_normalisation_and_missing_targets(rng: np.random.Generator) -> None:
    """Gradients against central differences; predictions by running moments, of one as of all."""
    structure = normalised(random_groups(np.random.default_rng(5)))
    assert any(group.normal for group in structure.groups)
    X, T = rng.standard_normal((9, 7)), rng.random((9, structure.n_out))
    T[rng.random(T.shape) < 0.3] = np.nan
    parameters = rng.random(structure.n_parameters)
    samples = replace(data(X, T), targets=Table(T, "Y", gaps=True))
    plan = Plan(structure, 9, np.float64, DIFFERENTIATE, 1, gaps=True)

    def differentiate() -> tuple[float, Any]:
        execution = Execution(plan, parameters)
        losses, _ = execution.run(samples, np.arange(9))
        return float(losses.sum()), execution.gradients

    _, gradients = differentiate()
    for k in rng.choice(structure.n_parameters, 12, replace=False):
        values = []
        for sign in (1, -1):
            parameters[k] += sign * 1e-6
            values.append(differentiate()[0])
            parameters[k] -= sign * 1e-6
        expected = (values[0] - values[1]) / 2e-6
        assert gradients[k] == pytest.approx(expected, rel=1e-4, abs=1e-8)
    passes = Passes(structure, parameters)
    many = passes.predict(data(X, None))
    np.testing.assert_allclose(passes.predict(data(X[:1], None)), many[:1], rtol=1e-12)


@pytest.mark.parametrize("clips", [False, True])
def test_bounds_hold_after_every_step(rng: np.random.Generator, clips: bool) -> None:
    structure = normalised(random_groups(np.random.default_rng(5)))
    X, T = rng.standard_normal((24, 7)), rng.random((24, structure.n_out))
    parameters = rng.random(structure.n_parameters)
    lower, upper = np.zeros_like(parameters), np.full_like(parameters, np.inf)
    lower[::3] = upper[::3] = parameters[::3]
    before = parameters.copy()
    optimizer = snn.NesterovSGD(3.0, clip_norm=1.0 if clips else None)
    plan = Plan(structure, 8, np.float64, TRAIN, 1, clips=clips, bounded=True)
    state = optimizer.initial_state(parameters)
    execution = Execution(plan, parameters, state, (lower, upper))
    execution.run(data(X, T), np.arange(24), updates=updates_of(optimizer, np.full(3, 3.0), 0))
    np.testing.assert_array_equal(parameters[::3], before[::3])
    assert (parameters >= 0).all()
    assert (parameters != before).any()
