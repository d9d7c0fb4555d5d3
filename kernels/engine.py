"""The compiled interpreter: many steps of a network of any depth, on any number of threads.

A `plan` is a program: phases of tasks, each task a record of `TASK`. `execute` goes through it once
for every batch and hands each task to its kernel. All that it reads and writes stands in three
named tuples of arrays; it is compiled once for each precision and tile, not for each depth,
width or kind of data.

=========================  ======================================================================
INPUTS, TARGETS            gather rows of the batch; drop inputs
FORWARD                    rows of A = sigmoid(W X + b); then what `_complete` does
BLAS_FORWARD, ACTIVATE     the same in two phases: Z = W X by BLAS, then bias and sigmoid by rows
INPUT_GRADIENT             rows of dX = W^T dZ, times the slope of X's sigmoid
BLAS_INPUT_GRADIENT, SLOPE the same in two phases
UPDATE                     a rectangle of dW = dZ X^T, and the step that the optimiser makes of it
BLAS_GRADIENT, APPLY       the same in two phases, the gradient in memory between them
=========================  ======================================================================
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .batch import assemble
from .dropout import dropout, key_of
from .elementwise import bias_sigmoid, momentum_update, sigmoid_slope, squared_error
from .jit import jit
from .products import forward, input_gradient, row_sums, weight_gradient
from .team import claim, finish, n_threads_of, share

PREDICT, TRAIN, DIFFERENTIATE = range(3)
"""What a program is for: outputs, steps of training, or the gradients of one batch."""

(
    INPUTS,
    TARGETS,
    FORWARD,
    BLAS_FORWARD,
    ACTIVATE,
    INPUT_GRADIENT,
    BLAS_INPUT_GRADIENT,
    SLOPE,
    UPDATE,
    BLAS_GRADIENT,
    APPLY,
) = range(11)


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


TASK = _record("kind", "layer", "first", "last", "first_block", "last_block")
"""A kernel's rows (neurons, features) first to last; for UPDATE, blocks too."""

LAYER = _record(
    "n_in", "n_out", "inputs", "outputs", "deltas_in", "deltas_out",  # rows of activations, deltas
    "weights", "biases", "edges",  # where they begin
    "starts", "n_blocks", "t_edges", "t_starts", "t_blocks",
)  # fmt: skip


class Tables(NamedTuple):
    """What follows from the fixed structure."""

    layers: Any  # LAYER[n_layers]
    tasks: Any  # TASK[n_tasks]
    phases: Any  # int64[n_phases + 1]: where each phase's tasks begin
    indices: Any  # uint16 or uint32[edges]
    starts: Any  # uint32[...]: of all layers, both directions
    t_indices: Any
    t_edges: Any  # uint32


class Memory(NamedTuple):
    """What is computed."""

    parameters: Any  # real[n_parameters], layer by layer, weights before biases
    velocities: Any  # real[n_parameters], or empty
    gradients: Any  # real[n_parameters], or empty
    activations: Any  # real[sum of widths, width]
    deltas: Any  # real[..., width]: gradients by them
    targets: Any  # real[n_out, width]
    scratch: Any  # real[n_threads, edges of a task]
    losses: Any  # float64[n_steps, n_out]: each output's share of the loss
    outputs: Any  # real[n_samples, n_out], or empty


class Work(NamedTuple):
    """What to do it with."""

    purpose: int
    X: Any  # Source
    Y: Any  # Source
    samples: Any  # int64[n]: the batches' samples, one batch after another
    batch_size: int
    scale: float  # on X
    rates: Any  # float64[n_steps]: learning rate of each step
    momentum: float
    nesterov: bool
    dropout: Any  # float64[n_layers]: of the inputs and each hidden layer
    seed: int
    first_step: int


@jit
def _batch(work, step):  # type: ignore[no-untyped-def]
    """Return the samples of a step's batch."""
    begin = step * work.batch_size
    return work.samples[begin : min(begin + work.batch_size, work.samples.shape[0])]


@jit
def _drop(work, step, layer, A, first, last):  # type: ignore[no-untyped-def]
    """Apply the dropout mask of a layer's inputs; on a gradient, that mask again."""
    if work.dropout[layer] > 0:
        # int: NumPy's numbers, which there are without compilation, would warn of wrapping round
        key = key_of(int(work.seed), int(work.first_step + step), int(layer))
        dropout(A, work.dropout[layer], key, first, last)


@jit
def _starts(tables, begin, n_blocks, n_rows):  # type: ignore[no-untyped-def]
    end = begin + (n_blocks + 1) * n_rows
    return tables.starts[begin:end].reshape((n_blocks + 1, n_rows))


@jit
def _inputs(task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    X = memory.activations[: tables.layers[0]["n_in"]]
    assemble(work.X, _batch(work, step), work.scale, X, task["first"], task["last"])
    _drop(work, step, 0, X, task["first"], task["last"])


@jit
def _forward(tile, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    layer = tables.layers[task["layer"]]
    n_in, n_out = layer["n_in"], layer["n_out"]
    n_edges = layer["biases"] - layer["weights"]
    forward(
        tile,
        _starts(tables, layer["starts"], layer["n_blocks"], n_out),
        tables.indices[layer["edges"] : layer["edges"] + n_edges],
        memory.parameters[layer["weights"] : layer["biases"]],
        memory.parameters[layer["biases"] : layer["biases"] + n_out],
        memory.activations[layer["inputs"] : layer["inputs"] + n_in],
        memory.activations[layer["outputs"] : layer["outputs"] + n_out],
        task["first"],
        task["last"],
    )
    _complete(tile, task, tables, memory, work, step)


@jit
def _activate(tile, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    layer = tables.layers[task["layer"]]
    bias_sigmoid(
        memory.parameters[layer["biases"] : layer["biases"] + layer["n_out"]],
        memory.activations[layer["outputs"] : layer["outputs"] + layer["n_out"]],
        task["first"],
        task["last"],
    )
    _complete(tile, task, tables, memory, work, step)


@jit
def _complete(tile, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    """Do what follows on a row of activations while it is in a cache.

    Dropout on a hidden layer; on the last the loss and dZ, or the outputs for the caller.
    """
    layer = tables.layers[task["layer"]]
    n_out, first, last = layer["n_out"], task["first"], task["last"]
    A = memory.activations[layer["outputs"] : layer["outputs"] + n_out]
    n_samples = _batch(work, step).shape[0]
    if task["layer"] + 1 < tables.layers.shape[0]:
        _drop(work, step, task["layer"] + 1, A, first, last)
    elif work.purpose == PREDICT:
        begin = step * work.batch_size
        for s in range(n_samples):
            for i in range(first, last):
                memory.outputs[begin + s, i] = A[i, s]
    else:
        dZ = memory.deltas[layer["deltas_out"] : layer["deltas_out"] + n_out]
        losses = memory.losses[step]
        squared_error(tile, A, memory.targets, n_samples, losses, dZ, first, last)
        sigmoid_slope(A, A.dtype.type(1), dZ, first, last)


@jit
def _input_gradient(tile, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    layer = tables.layers[task["layer"]]
    n_in, n_out = layer["n_in"], layer["n_out"]
    n_edges = layer["biases"] - layer["weights"]
    input_gradient(
        tile,
        _starts(tables, layer["t_starts"], layer["t_blocks"], n_in),
        tables.t_indices[layer["t_edges"] : layer["t_edges"] + n_edges],
        tables.t_edges[layer["t_edges"] : layer["t_edges"] + n_edges],
        memory.parameters[layer["weights"] : layer["biases"]],
        memory.deltas[layer["deltas_out"] : layer["deltas_out"] + n_out],
        memory.deltas[layer["deltas_in"] : layer["deltas_in"] + n_in],
        task["first"],
        task["last"],
    )
    _slope(task, tables, memory, work, step)


@jit
def _slope(task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    """Turn dA of a layer's inputs into dZ; of the network's inputs, drop what was dropped."""
    number, first, last = task["layer"], task["first"], task["last"]
    layer = tables.layers[number]
    n_in = layer["n_in"]
    A = memory.activations[layer["inputs"] : layer["inputs"] + n_in]
    dA = memory.deltas[layer["deltas_in"] : layer["deltas_in"] + n_in]
    if number == 0:
        _drop(work, step, 0, dA, first, last)
    else:
        sigmoid_slope(A, A.dtype.type(1 - work.dropout[number]), dA, first, last)


@jit
def _apply(memory, work, step, begin, gradients):  # type: ignore[no-untyped-def]
    """Let the optimiser use the gradients of the parameters from ``begin`` on; or keep them."""
    end = begin + gradients.shape[0]
    if work.purpose == DIFFERENTIATE:
        for k in range(begin, end):
            memory.gradients[k] = gradients[k - begin]
    else:
        real = memory.parameters.dtype.type
        momentum_update(
            memory.parameters[begin:end],
            memory.velocities[begin:end],
            gradients,
            real(work.rates[step]),
            real(work.momentum),
            work.nesterov,
        )


@jit
def _update(tile, rank, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    layer = tables.layers[task["layer"]]
    n_in, n_out = layer["n_in"], layer["n_out"]
    n_edges = layer["biases"] - layer["weights"]
    rows = (task["first"], task["last"])
    blocks = (task["first_block"], task["last_block"])
    starts = _starts(tables, layer["starts"], layer["n_blocks"], n_out)
    dZ = memory.deltas[layer["deltas_out"] : layer["deltas_out"] + n_out]
    scratch = memory.scratch[rank]
    weight_gradient(
        tile,
        starts,
        tables.indices[layer["edges"] : layer["edges"] + n_edges],
        dZ,
        memory.activations[layer["inputs"] : layer["inputs"] + n_in],
        scratch,
        rows,
        blocks,
    )
    # Runs of edges without a gap, which are all rows at once where the task has all blocks.
    i, at = rows[0], np.int64(0)
    while i < rows[1]:
        begin, end = np.int64(starts[blocks[0], i]), np.int64(starts[blocks[1], i])
        i += 1
        while i < rows[1] and np.int64(starts[blocks[0], i]) == end:
            end = np.int64(starts[blocks[1], i])
            i += 1
        _apply(memory, work, step, layer["weights"] + begin, scratch[at : at + end - begin])
        at += end - begin
    if blocks[0] == 0:
        row_sums(tile, dZ, scratch, rows[0], rows[1])
        _apply(memory, work, step, layer["biases"] + rows[0], scratch[: rows[1] - rows[0]])


@jit
def _apply_dense(tile, rank, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    layer = tables.layers[task["layer"]]
    first, last = task["first"], task["last"]
    begin = layer["weights"] + first * layer["n_in"]
    end = layer["weights"] + last * layer["n_in"]
    dZ = memory.deltas[layer["deltas_out"] : layer["deltas_out"] + layer["n_out"]]
    scratch = memory.scratch[rank]
    if work.purpose == TRAIN:  # else they are where they should be
        _apply(memory, work, step, begin, memory.gradients[begin:end])
    row_sums(tile, dZ, scratch, first, last)
    _apply(memory, work, step, layer["biases"] + first, scratch[: last - first])


@jit
def _blas(task, tables, memory):  # type: ignore[no-untyped-def]
    """Make one of the three products of a complete layer by BLAS."""
    layer = tables.layers[task["layer"]]
    n_in, n_out = layer["n_in"], layer["n_out"]
    shape = (n_out, n_in)
    W = memory.parameters[layer["weights"] : layer["biases"]].reshape(shape)
    X = memory.activations[layer["inputs"] : layer["inputs"] + n_in]
    if task["kind"] == BLAS_FORWARD:
        np.dot(W, X, memory.activations[layer["outputs"] : layer["outputs"] + n_out])
    else:
        dZ = memory.deltas[layer["deltas_out"] : layer["deltas_out"] + n_out]
        if task["kind"] == BLAS_INPUT_GRADIENT:
            np.dot(W.T, dZ, memory.deltas[layer["deltas_in"] : layer["deltas_in"] + n_in])
        else:
            dW = memory.gradients[layer["weights"] : layer["biases"]].reshape(shape)
            np.dot(dZ, X.T, dW)


@jit
def _perform(tile, rank, task, tables, memory, work, step):  # type: ignore[no-untyped-def]
    kind = task["kind"]
    if kind == INPUTS:
        _inputs(task, tables, memory, work, step)
    elif kind == TARGETS:
        assemble(work.Y, _batch(work, step), 1.0, memory.targets, task["first"], task["last"])
    elif kind == FORWARD:
        _forward(tile, task, tables, memory, work, step)
    elif kind == ACTIVATE:
        _activate(tile, task, tables, memory, work, step)
    elif kind == INPUT_GRADIENT:
        _input_gradient(tile, task, tables, memory, work, step)
    elif kind == SLOPE:
        _slope(task, tables, memory, work, step)
    elif kind == UPDATE:
        _update(tile, rank, task, tables, memory, work, step)
    elif kind == APPLY:
        _apply_dense(tile, rank, task, tables, memory, work, step)
    else:
        _blas(task, tables, memory)


@jit
def execute(rank, claims, done, tile, tables, memory, work):  # type: ignore[no-untyped-def]
    """Run the program for every batch of ``work.samples``; called by `team.run` on each thread.

    Cost: the tasks', and for each phase an atomic operation a task and one look at ``done``.
    """
    n_threads = n_threads_of(claims)
    n_phases = tables.phases.shape[0] - 1
    n_steps = (work.samples.shape[0] + work.batch_size - 1) // work.batch_size
    target = 0
    for step in range(n_steps):
        for phase in range(n_phases):
            begin = tables.phases[phase]
            n_tasks = tables.phases[phase + 1] - begin
            target += n_tasks
            performed = 0
            for turn in range(n_threads):
                owner = (rank + turn) % n_threads
                first, last = share(n_tasks, owner, n_threads)
                number = claim(claims, owner, step * n_phases + phase + 1, last - first)
                while number >= 0:
                    task = tables.tasks[begin + first + number]
                    _perform(tile, rank, task, tables, memory, work, step)
                    performed += 1
                    number = claim(claims, owner, step * n_phases + phase + 1, last - first)
            finish(done, performed, target)
