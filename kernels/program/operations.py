"""The operations of programs, each a function of its own.

All have the same arguments: a reference to the `Context`; the thread's rank; the record of the
operation, which says on which layer and rows; the number of the step within the run. They are
called by address (`calls`): compiled only if a plan has them, once for each precision and tile.

Nothing is decided here. The plan has chosen the operation, and the layer's record says the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..functions.activations import activate_layer, activation_slope, bias_activation
from ..functions.dropout import dropout, key_of
from ..functions.losses import loss_of_outputs, loss_of_samples
from ..functions.optimizers import block_norms, clipping, update
from ..layers import blas, complete, sparse
from ..layers.batch import Space, assemble, gather, pack
from ..machine.jit import jit
from . import views

OPERATIONS: list[Any] = []
"""All of them; an operation's kind is its place in here."""


def _operation(function: Callable[..., None]) -> int:
    """Have the function compiled when it is needed; return its kind."""
    OPERATIONS.append(jit(function))
    return len(OPERATIONS) - 1


# The batch


def _gather_inputs(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A_0 = scale X, for features first to last."""
    layer, work = context.tables.layers[operation["layer"]], context.work
    found = assemble(
        work.X, views.samples(context, step), views.samples(context, step + 1), work.scale,
        views.inputs(context, layer), views.reals(context, rank), operation["first"],
        operation["last"],
    )  # fmt: skip
    if found:
        context.memory.faults[step] = 1


def _gather_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same of bytes that stay bytes until the first layer scales its sums."""
    memory, space = context.memory, context.memory.space
    square = memory.byte_square[rank]
    space_ = Space(space.addresses[rank], space.items[rank], space.doubles[rank], square)
    first, last = operation["first"], operation["last"]
    gather(
        context.work.X, views.samples(context, step), views.samples(context, step + 1),
        context.work.scale, memory.bytes, space_, first, last,
    )  # fmt: skip
    pack(memory.bytes, memory.parameters, memory.pairs, first, last)


def _gather_targets(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """T, for outputs first to last."""
    found = assemble(
        context.work.Y, views.samples(context, step), views.samples(context, step + 1), 1.0,
        context.memory.targets, views.reals(context, rank), operation["first"], operation["last"],
    )  # fmt: skip
    if found:
        context.memory.faults[step] = 1


# Dropout of a layer's inputs


@jit
def _drop(context, number, step, A, first, last):  # type: ignore[no-untyped-def]
    work, numbers = context.work, context.tables.inputs
    # int: NumPy's numbers, which there are without compilation, would warn of wrapping round
    key = key_of(int(work.seed), int(work.first_step + step), int(number))
    dropout(A, work.dropout[number], key, numbers if number == 0 else numbers[:0], first, last)


def _drop_inputs(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of a layer's inputs, dropped at random."""
    number = operation["layer"]
    A = views.inputs(context, context.tables.layers[number])
    _drop(context, number, step, A, operation["first"], operation["last"])


def _drop_input_deltas(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Those that were dropped have no gradient."""
    number = operation["layer"]
    dX = views.input_deltas(context, context.tables.layers[number])
    _drop(context, number, step, dX, operation["first"], operation["last"])


# Forward


def _forward(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(W X + b), for rows first to last."""
    layer = context.tables.layers[operation["layer"]]
    A = views.outputs(context, layer)
    sparse.forward(
        context.tile, views.row_starts(context, layer), views.indices(context, layer),
        views.weights(context, layer), views.biases(context, layer), views.inputs(context, layer),
        A.dtype.type(1), layer["activation"], A, operation["first"], operation["last"],
    )  # fmt: skip


def _forward_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(scale W X + b), of bytes."""
    layer = context.tables.layers[operation["layer"]]
    A = views.outputs(context, layer)
    sparse.forward(
        context.tile, views.row_starts(context, layer), views.indices(context, layer),
        views.weights(context, layer), views.biases(context, layer), context.memory.pairs,
        A.dtype.type(context.work.scale), layer["activation"], A, operation["first"],
        operation["last"],
    )  # fmt: skip


def _complete_forward(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Z = W X of a complete layer, for rows first to last, over its inputs begin to end."""
    layer = context.tables.layers[operation["layer"]]
    complete.complete_forward(
        context.part, views.matrix(context, layer), views.inputs(context, layer),
        views.outputs(context, layer), views.partials(context, layer),
        (operation["first"], operation["last"]), (operation["begin"], operation["end"]),
    )  # fmt: skip


def _blas_forward(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Z = W X of a complete layer, on BLAS."""
    layer = context.tables.layers[operation["layer"]]
    blas.multiply(
        views.matrix(context, layer), views.inputs(context, layer), views.outputs(context, layer)
    )


def _activate(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(Z + b) for rows first to last of a complete layer, after what is left of its sums."""
    layer = context.tables.layers[operation["layer"]]
    A, first, last = views.outputs(context, layer), operation["first"], operation["last"]
    complete.add_partials(A, views.partials(context, layer), first, last)
    biases = views.biases(context, layer)
    bias_activation(layer["activation"], biases, A.dtype.type(1), A, first, last)


# The outputs


def _output(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of the outputs, for the caller."""
    layer = context.tables.layers[operation["layer"]]
    A, outputs, begin = (
        views.outputs(context, layer),
        context.memory.outputs,
        step * context.work.batch_size,
    )
    for s in range(views.samples(context, step).shape[0]):
        for i in range(operation["first"], operation["last"]):
            outputs[begin + s, i] = A[i, s]


def _activate_layer(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(Z) of the outputs, where f is over all of them, for samples first to last."""
    layer = context.tables.layers[operation["layer"]]
    first, last = operation["first"], operation["last"]
    A, workspace = views.outputs(context, layer), context.memory.workspace
    activate_layer(layer["activation"], A, workspace, first, last)


def _output_samples(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Samples first to last of the outputs, for the caller."""
    layer = context.tables.layers[operation["layer"]]
    A, outputs, begin = (
        views.outputs(context, layer),
        context.memory.outputs,
        step * context.work.batch_size,
    )
    n_samples = views.samples(context, step).shape[0]
    for s in range(operation["first"], min(operation["last"], n_samples)):
        for i in range(A.shape[0]):
            outputs[begin + s, i] = A[i, s]


def _loss(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Outputs first to last: their shares of the loss, and dZ."""
    layer, memory = context.tables.layers[operation["layer"]], context.memory
    A, dZ = views.outputs(context, layer), views.output_deltas(context, layer)
    first, last = operation["first"], operation["last"]
    n_samples, counts = views.samples(context, step).shape[0], views.counts(context, step)
    loss_of_outputs(
        context.work.loss, context.tile, A, memory.targets, n_samples, counts,
        memory.losses[step], dZ, first, last,
    )  # fmt: skip
    activation_slope(layer["activation"], A, A.dtype.type(1), dZ, first, last)


def _loss_of_samples(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Samples first to last: their share of the loss, and dZ."""
    layer, memory = context.tables.layers[operation["layer"]], context.memory
    A, dZ = views.outputs(context, layer), views.output_deltas(context, layer)
    n_samples, counts = views.samples(context, step).shape[0], views.counts(context, step)
    loss_of_samples(
        context.work.loss, A, memory.targets, n_samples, counts, memory.workspace,
        memory.losses[step], dZ, operation["first"], operation["last"],
    )  # fmt: skip


# Backward


@jit
def _kept(context, number, real):  # type: ignore[no-untyped-def]
    """The share of a layer's inputs that dropout leaves."""
    return real(1 - context.work.dropout[number])


def _input_gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dX = W^T dZ, times the slope of what made X, for inputs first to last."""
    layer, tables = context.tables.layers[operation["layer"]], context.tables
    n, dX = layer["biases"] - layer["weights"], views.input_deltas(context, layer)
    sparse.input_gradient(
        context.tile, views.starts(context, layer["t_starts"], layer["t_blocks"], layer["n_in"]),
        views.rows(tables.t_indices, layer["t_edges"], n),
        views.rows(tables.t_edges, layer["t_edges"], n), views.weights(context, layer),
        views.output_deltas(context, layer), views.inputs(context, layer), layer["activation_in"],
        _kept(context, operation["layer"], dX.dtype.type), dX, operation["first"],
        operation["last"],
    )  # fmt: skip


def _complete_input_gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same of a complete layer."""
    layer = context.tables.layers[operation["layer"]]
    dX = views.input_deltas(context, layer)
    complete.complete_input_gradient(
        context.part, views.matrix(context, layer), views.output_deltas(context, layer),
        views.inputs(context, layer), layer["activation_in"],
        _kept(context, operation["layer"], dX.dtype.type), dX, operation["first"],
        operation["last"],
    )  # fmt: skip


def _blas_input_gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dX = W^T dZ of a complete layer, on BLAS; `SLOPE` comes after it."""
    layer = context.tables.layers[operation["layer"]]
    W, dZ = views.matrix(context, layer), views.output_deltas(context, layer)
    blas.multiply(W.T, dZ, views.input_deltas(context, layer))


def _slope(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dX times the slope of what made X, for inputs first to last."""
    layer = context.tables.layers[operation["layer"]]
    X, dX = views.inputs(context, layer), views.input_deltas(context, layer)
    keep = _kept(context, operation["layer"], dX.dtype.type)
    activation_slope(layer["activation_in"], X, keep, dX, operation["first"], operation["last"])


# Gradients of parameters, and what becomes of them


@jit
def _use(context, step, run, gradients, scale, decays):  # type: ignore[no-untyped-def]
    """Let the optimiser use the gradients of the parameters from ``run`` on; or keep them.

    They are still to be multiplied by ``scale``; decays : whether they are those of weights.
    """
    memory, work = context.memory, context.work
    if work.keeps_gradients:
        for k in range(gradients.shape[0]):
            memory.gradients[run + k] = scale * gradients[k]
    else:
        row = work.coefficients[step]
        update(work.optimizer, row, scale, decays, memory.parameters, memory.state, run, gradients)


@jit
def _update_biases(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The biases of rows first to last, once for each row: with the first of its blocks."""
    layer, scratch = context.tables.layers[operation["layer"]], context.memory.scratch[rank]
    first, last = operation["first"], operation["last"]
    if operation["begin"] == 0:
        sparse.row_sums(context.tile, views.output_deltas(context, layer), scratch, first, last)
        one = scratch.dtype.type(1)
        _use(context, step, layer["biases"] + first, scratch[: last - first], one, False)


@jit
def _update_edges(context, rank, operation, step, X, scale):  # type: ignore[no-untyped-def]
    layer, scratch = context.tables.layers[operation["layer"]], context.memory.scratch[rank]
    starts, first, last = views.row_starts(context, layer), operation["first"], operation["last"]
    begin, end = operation["begin"], operation["end"]
    sparse.weight_gradient(
        context.tile, starts, views.indices(context, layer), views.output_deltas(context, layer),
        X, scratch, (first, last), (begin, end),
    )  # fmt: skip
    # Runs of edges without a gap, which are all rows at once where the task has all blocks.
    i, at = first, np.int64(0)
    while i < last:
        run, stop = np.int64(starts[begin, i]), np.int64(starts[end, i])
        i += 1
        while i < last and np.int64(starts[begin, i]) == stop:
            stop = np.int64(starts[end, i])
            i += 1
        piece = scratch[at : at + stop - run]
        _use(context, step, layer["weights"] + run, piece, scale, True)
        at += stop - run
    _update_biases(context, rank, operation, step)


def _update(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dW = dZ X^T for rows first to last, blocks begin to end, and the optimiser's step."""
    layer = context.tables.layers[operation["layer"]]
    X = views.inputs(context, layer)
    _update_edges(context, rank, operation, step, X, X.dtype.type(1))


def _update_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where X is of bytes."""
    scale = context.memory.parameters.dtype.type(context.work.scale)
    _update_edges(context, rank, operation, step, context.memory.pairs, scale)


def _complete_update(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same of a complete layer, for rows first to last, inputs begin to end."""
    layer, scratch = context.tables.layers[operation["layer"]], context.memory.scratch[rank]
    first, last = operation["first"], operation["last"]
    begin, end = operation["begin"], operation["end"]
    complete.complete_weight_gradient(
        context.tile, views.output_deltas(context, layer), views.inputs(context, layer), scratch,
        (first, last), (begin, end),
    )  # fmt: skip
    for i in range(first, last):
        piece = scratch[(i - first) * (end - begin) : (i - first + 1) * (end - begin)]
        run = layer["weights"] + i * layer["n_in"] + begin
        _use(context, step, run, piece, scratch.dtype.type(1), True)
    _update_biases(context, rank, operation, step)


def _blas_gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dW = dZ X^T of a complete layer, on BLAS."""
    layer = context.tables.layers[operation["layer"]]
    dW = context.memory.gradients[layer["weights"] : layer["biases"]]
    dW = dW.reshape((layer["n_out"], layer["n_in"]))
    blas.multiply(views.output_deltas(context, layer), views.inputs(context, layer).T, dW)


def _apply(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The optimiser's step of rows first to last, whose gradients BLAS has made."""
    layer = context.tables.layers[operation["layer"]]
    n_in, weights, gradients = layer["n_in"], layer["weights"], context.memory.gradients
    begin, end = weights + operation["first"] * n_in, weights + operation["last"] * n_in
    _use(context, step, begin, gradients[begin:end], gradients.dtype.type(1), True)
    _update_biases(context, rank, operation, step)


def _bias_gradients(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The biases of rows first to last alone."""
    _update_biases(context, rank, operation, step)


def _norm(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Squares of blocks first to last of all gradients."""
    memory = context.memory
    block_norms(context.tile, memory.gradients, memory.norms, operation["first"], operation["last"])


def _clipped_step(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The optimiser's step of parameters first to last of a layer, by clipped gradients."""
    memory, work, first = context.memory, context.work, operation["first"]
    gradients = memory.gradients[first : operation["last"]]
    factor = gradients.dtype.type(clipping(memory.norms, work.limit))
    decays = first < context.tables.layers[operation["layer"]]["biases"]
    row = work.coefficients[step]
    update(work.optimizer, row, factor, decays, memory.parameters, memory.state, first, gradients)


INPUTS = _operation(_gather_inputs)
INPUT_BYTES = _operation(_gather_bytes)
TARGETS = _operation(_gather_targets)
DROP = _operation(_drop_inputs)
DROP_DELTAS = _operation(_drop_input_deltas)
FORWARD = _operation(_forward)
FORWARD_BYTES = _operation(_forward_bytes)
COMPLETE_FORWARD = _operation(_complete_forward)
BLAS_FORWARD = _operation(_blas_forward)
ACTIVATE = _operation(_activate)
OUTPUT = _operation(_output)
ACTIVATE_LAYER = _operation(_activate_layer)
OUTPUT_SAMPLES = _operation(_output_samples)
LOSS = _operation(_loss)
LOSS_OF_SAMPLES = _operation(_loss_of_samples)
INPUT_GRADIENT = _operation(_input_gradient)
COMPLETE_INPUT_GRADIENT = _operation(_complete_input_gradient)
BLAS_INPUT_GRADIENT = _operation(_blas_input_gradient)
SLOPE = _operation(_slope)
UPDATE = _operation(_update)
UPDATE_BYTES = _operation(_update_bytes)
COMPLETE_UPDATE = _operation(_complete_update)
BLAS_GRADIENT = _operation(_blas_gradient)
APPLY = _operation(_apply)
BIAS_GRADIENTS = _operation(_bias_gradients)
NORM = _operation(_norm)
STEP = _operation(_clipped_step)

ALL = range(len(OPERATIONS))
"""All kinds."""
