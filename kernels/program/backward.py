"""Operations of the backward pass: gradients, and what becomes of those of parameters.

Arguments as in `forward`.
"""

from __future__ import annotations

import numpy as np

from ..functions import normalisation, optimizers
from ..functions.activations import activation_slope
from ..functions.optimizers import block_norms, clipping
from ..layers import batch, blas, complete, sparse, two_rows
from ..layers.squares import turn_back
from ..machine.calls import call
from ..machine.jit import inlined, jit
from . import views
from .forward import drop
from .records import BROKEN_NORM, BROKEN_UPDATE, OPTIMIZER, UPDATE

# Gradients by outputs and by inputs, of a caller's


def take_gradients(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dZ = dA, which is given, times the slope, for rows first to last of the outputs."""
    group, work = context.tables.groups[operation["group"]], context.work
    dZ, first, last = views.loss_deltas(context, group), operation["first"], operation["last"]
    batch.gather(
        work.Y, views.samples(context, step), views.samples(context, step + 1), 1.0, dZ,
        views.space(context, rank), first, last,
    )  # fmt: skip
    slopes, A = views.slopes(context, group["makes"]), views.activations(context, group)
    activation_slope(slopes, A, dZ.dtype.type(1), dZ, first, last)


def hand_over(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of the gradient by the inputs, for the caller."""
    group, begin = context.tables.groups[operation["group"]], step * context.work.batch_size
    turn_back(
        views.deltas(context, group), views.samples(context, step).shape[0], begin, 0,
        context.memory.outputs, operation["first"], operation["last"], views.space(context, rank),
    )  # fmt: skip


# Gradients by activations


@jit
def _kept(context, number, real):  # type: ignore[no-untyped-def]
    """The share of a group's activations that dropout leaves."""
    return real(1 - context.work.dropout[number])


def gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dZ = W^T dZ of all readers, times the slope of what made A, for rows first to last."""
    group = context.tables.groups[operation["group"]]
    dZ = views.deltas(context, group)
    sparse.input_gradient(
        context.tile, views.starts_of_transpose(context, group),
        views.transposed_indices(context, group), views.transposed_edges(context, group),
        context.memory.parameters, views.readers(context, group), views.activations(context, group),
        views.slopes(context, group["activation"]),
        _kept(context, operation["group"], dZ.dtype.type), dZ,
        operation["first"], operation["last"],
    )  # fmt: skip


def gradient_by_two(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same, two rows at a time."""
    group = context.tables.groups[operation["group"]]
    dZ = views.deltas(context, group)
    two_rows.input_gradient(
        context.two, views.starts_of_transpose(context, group),
        views.order_of_transpose(context, group),
        views.transposed_starts_of_two(context, group), context.tables.runs,
        views.transposed_indices(context, group), views.transposed_edges(context, group),
        context.memory.parameters, views.readers(context, group), views.activations(context, group),
        views.slopes(context, group["activation"]),
        _kept(context, operation["group"], dZ.dtype.type), dZ,
        operation["first"], operation["last"],
    )  # fmt: skip


def complete_gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where the only reader is complete."""
    group = context.tables.groups[operation["group"]]
    reader, dZ = context.tables.groups[group["reader"]], views.deltas(context, group)
    complete.complete_input_gradient(
        context.part, views.matrix(context, reader), views.deltas(context, reader),
        views.activations(context, group), views.slopes(context, group["activation"]),
        _kept(context, operation["group"], dZ.dtype.type), dZ, operation["first"],
        operation["last"],
    )  # fmt: skip


def blas_gradient(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """W^T dZ of a complete reader, on BLAS; `slope` comes after it."""
    group = context.tables.groups[operation["group"]]
    reader = context.tables.groups[group["reader"]]
    W, dZ = views.matrix(context, reader), views.deltas(context, reader)
    blas.multiply(W.T, dZ, views.deltas(context, group))


def slope(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Gradients times the slope of what made A, for rows first to last."""
    group = context.tables.groups[operation["group"]]
    A, dZ = views.activations(context, group), views.deltas(context, group)
    keep = _kept(context, operation["group"], dZ.dtype.type)
    slopes = views.slopes(context, group["activation"])
    activation_slope(slopes, A, keep, dZ, operation["first"], operation["last"])


def drop_deltas(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last: what was dropped has no gradient."""
    number = operation["group"]
    dZ = views.deltas(context, context.tables.groups[number])
    drop(context, number, step, dZ, operation["first"], operation["last"])


def add_loss(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of outputs that are read, too: what the loss adds to their gradient."""
    group = context.tables.groups[operation["group"]]
    dZ, of_loss = views.deltas(context, group), views.loss_deltas(context, group)
    for i in range(operation["first"], operation["last"]):
        for s in range(dZ.shape[1]):
            dZ[i, s] += of_loss[i, s]


def normalise_back(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """From gradients by gamma H + beta to dZ, for rows first to last."""
    group = context.tables.groups[operation["group"]]
    normalisation.normalise_back(
        context.tile, views.deltas(context, group), views.samples(context, step).shape[0],
        views.gains(context, group), views.normalised(context, group),
        views.statistics(context, group), operation["first"], operation["last"],
    )  # fmt: skip


# Gradients of parameters, and their use


@inlined
def _refused(context, operation):  # type: ignore[no-untyped-def]
    """The mark that a group's parameters had new values that are not finite: int64[1]."""
    number = operation["group"]
    return context.memory.refused[number : number + 1]


@jit
def _note_refused(context, operation, step):  # type: ignore[no-untyped-def]
    if _refused(context, operation)[0]:
        context.memory.faults[step] = BROKEN_UPDATE


@jit
def _use(context, operation, step, scale, decays, first, gradients):  # type: ignore[no-untyped-def]
    """Make the step of a group's parameters from ``first`` on, or keep their gradients."""
    memory, row = context.memory, context.work.coefficients[step]
    call(context.addresses[UPDATE], (
        row, scale, decays, memory.moved, memory.state, first, gradients,
        _refused(context, operation),
    ))  # fmt: skip
    _note_refused(context, operation, step)


@jit
def _use_edges(context, rank, operation, step, scale, starts):  # type: ignore[no-untyped-def]
    """Use the gradients of some rows and blocks, which are in the thread's scratch."""
    group, scratch = context.tables.groups[operation["group"]], context.memory.scratch[rank]
    begin, end = operation["begin"], operation["end"]
    # Runs of edges without a gap, which are all rows at once where the task has all blocks.
    i, last, at = operation["first"], operation["last"], np.int64(0)
    while i < last:
        run, stop = np.int64(starts[begin, i]), np.int64(starts[end, i])
        i += 1
        while i < last and np.int64(starts[begin, i]) == stop:
            stop = np.int64(starts[end, i])
            i += 1
        part = scratch[at : at + stop - run]
        _use(context, operation, step, scale, True, group["weights"] + run, part)
        at += stop - run


@jit
def _update_edges(context, rank, operation, step, X, scale):  # type: ignore[no-untyped-def]
    group, scratch = context.tables.groups[operation["group"]], context.memory.scratch[rank]
    starts = views.starts_of_update(context, group)
    sparse.weight_gradient(
        context.tile, starts, views.indices(context, group), views.deltas(context, group),
        X, scratch, (operation["first"], operation["last"]), (operation["begin"], operation["end"]),
    )  # fmt: skip
    _use_edges(context, rank, operation, step, scale, starts)


@jit
def _update_edges_by_two(context, rank, operation, step, X, scale):  # type: ignore[no-untyped-def]
    group, scratch = context.tables.groups[operation["group"]], context.memory.scratch[rank]
    starts = views.row_starts(context, group)
    two_rows.weight_gradient(
        context.tile, starts, views.order(context, group),
        views.starts_of_two(context, group), context.tables.runs,
        views.indices(context, group), views.deltas(context, group), X, scratch,
        operation["first"], operation["last"],
    )  # fmt: skip
    _use_edges(context, rank, operation, step, scale, starts)


def update(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dW = dZ X^T for rows first to last, blocks begin to end, and the optimiser's step."""
    X = views.inputs(context, context.tables.groups[operation["group"]])
    _update_edges(context, rank, operation, step, X, X.dtype.type(1))


def update_of_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where X is of bytes."""
    X = views.pairs(context, context.tables.groups[operation["group"]])
    scale = context.memory.parameters.dtype.type(context.work.scale)
    _update_edges(context, rank, operation, step, X, scale)


def update_by_two(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same as `update`, all blocks, two rows at a time."""
    X = views.inputs(context, context.tables.groups[operation["group"]])
    _update_edges_by_two(context, rank, operation, step, X, X.dtype.type(1))


def update_of_bytes_by_two(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same as `update_of_bytes`, all blocks, two rows at a time."""
    X = views.pairs(context, context.tables.groups[operation["group"]])
    scale = context.memory.parameters.dtype.type(context.work.scale)
    _update_edges_by_two(context, rank, operation, step, X, scale)


def complete_update(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same of a complete group, for rows first to last, inputs begin to end."""
    group, scratch = context.tables.groups[operation["group"]], context.memory.scratch[rank]
    first, last = operation["first"], operation["last"]
    begin, end = operation["begin"], operation["end"]
    complete.complete_weight_gradient(
        context.tile, views.deltas(context, group), views.inputs(context, group), scratch,
        (first, last), (begin, end),
    )  # fmt: skip
    for i in range(first, last):
        at = (i - first) * (end - begin)
        _use(
            context, operation, step, scratch.dtype.type(1), True,
            group["weights"] + i * group["n_reads"] + begin, scratch[at : at + end - begin],
        )  # fmt: skip


def blas_weights(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """dW = dZ X^T of a complete group, on BLAS."""
    group = context.tables.groups[operation["group"]]
    dW = context.memory.gradients[group["weights"] : group["biases"]]
    dW = dW.reshape((group["n_rows"], group["n_reads"]))
    blas.multiply(views.deltas(context, group), views.inputs(context, group).T, dW)


def apply(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The optimiser's step of rows first to last, whose gradients BLAS has made."""
    group, memory = context.tables.groups[operation["group"]], context.memory
    begin = group["weights"] + operation["first"] * group["n_reads"]
    end = group["weights"] + operation["last"] * group["n_reads"]
    gradients = memory.gradients[begin:end]
    _use(context, operation, step, gradients.dtype.type(1), True, begin, gradients)


def biases(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """db = row sums of dZ for rows first to last, and the optimiser's step."""
    group, scratch = context.tables.groups[operation["group"]], context.memory.scratch[rank]
    first, last = operation["first"], operation["last"]
    sparse.row_sums(context.tile, views.deltas(context, group), scratch, first, last)
    db, one = scratch[: last - first], scratch.dtype.type(1)
    _use(context, operation, step, one, False, group["biases"] + first, db)


@jit
def _update_normal(context, operation, step, parameters, kind):  # type: ignore[no-untyped-def]
    group, memory = context.tables.groups[operation["group"]], context.memory
    first, last = group["normal"] + operation["first"], group["normal"] + operation["last"]
    gradients = memory.statistics[kind][first:last]
    one = gradients.dtype.type(1)
    _use(context, operation, step, one, False, parameters + operation["first"], gradients)


def shifts(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The optimiser's step of the shifts of rows first to last."""
    group = context.tables.groups[operation["group"]]
    _update_normal(context, operation, step, group["biases"], normalisation.SHIFT)


def gains(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The optimiser's step of the gains of rows first to last."""
    group = context.tables.groups[operation["group"]]
    _update_normal(context, operation, step, group["gains"], normalisation.GAIN)


def add_moments(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Let the batch's statistics have their share in the running ones, for rows first to last."""
    group, memory = context.tables.groups[operation["group"]], context.memory
    if memory.norms.shape[0] > 0 and np.isnan(clipping(memory.norms, context.work.limit)):
        return  # as `clipped_step`
    normalisation.add_moments(
        views.samples(context, step).shape[0], views.statistics(context, group),
        views.means(context, group), views.variances(context, group), operation["first"],
        operation["last"], _refused(context, operation),
    )  # fmt: skip
    _note_refused(context, operation, step)


def clamp(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Bring parameters first to last into their bounds."""
    memory, first, last = context.memory, operation["first"], operation["last"]
    optimizers.clamp(memory.parameters, memory.lower, memory.upper, first, last)


def leave_out_frozen(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Take gradients first to last of frozen parameters out of the norm."""
    memory, first, last = context.memory, operation["first"], operation["last"]
    optimizers.leave_out_frozen(memory.gradients, memory.lower, memory.upper, first, last)


def norm(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Squares of blocks first to last of all gradients."""
    memory = context.memory
    block_norms(context.tile, memory.gradients, memory.norms, operation["first"], operation["last"])


def clipped_step(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The optimiser's step of parameters first to last of a group, by clipped gradients.

    None is made where their norm is not finite.
    """
    memory, work, first = context.memory, context.work, operation["first"]
    gradients = memory.gradients[first : operation["last"]]
    factor = gradients.dtype.type(clipping(memory.norms, work.limit))
    if np.isnan(factor):
        memory.faults[step] = BROKEN_NORM
        return
    decays = first < context.tables.groups[operation["group"]]["biases"]
    call(context.addresses[OPTIMIZER], (
        work.coefficients[step], factor, decays, memory.parameters, memory.state, first, gradients,
        _refused(context, operation),
    ))  # fmt: skip
    _note_refused(context, operation, step)
