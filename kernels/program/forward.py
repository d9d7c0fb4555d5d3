"""Operations that assemble a batch, and those of the forward pass.

All operations have the same arguments: a reference to the `Context`; the thread's rank; the record
of the operation, which says on which group and rows; the number of the step within the run.
"""

from __future__ import annotations

from ..functions import normalisation
from ..functions.activations import activate as apply_activation
from ..functions.activations import activate_layer, activation_slope, bias_activation
from ..functions.dropout import dropout, key_of
from ..layers import batch, blas, complete, csr_batch, sparse, two_rows
from ..layers.gaps import set_apart
from ..layers.squares import turn_back
from ..machine.calls import call
from ..machine.jit import jit
from . import views
from .records import BROKEN_BATCH, LOSS, LOSS_OF_SAMPLES

# The batch


def gather_inputs(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A_0 = scale X, for features first to last."""
    group, work = context.tables.groups[operation["group"]], context.work
    found = batch.gather(
        work.X, views.samples(context, step), views.samples(context, step + 1), work.scale,
        views.activations(context, group), views.space(context, rank), operation["first"],
        operation["last"],
    )  # fmt: skip
    if found:
        context.memory.faults[step] = BROKEN_BATCH


def gather_any_inputs(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A_0 = X, for features first to last, whatever the values: NaN and infinity among them."""
    group, work = context.tables.groups[operation["group"]], context.work
    batch.gather(
        work.X, views.samples(context, step), views.samples(context, step + 1), 1.0,
        views.activations(context, group), views.space(context, rank), operation["first"],
        operation["last"],
    )  # fmt: skip


def gather_csr_inputs(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where X is of CSR data."""
    group, work = context.tables.groups[operation["group"]], context.work
    found = csr_batch.assemble_inputs(
        work.X, views.samples(context, step - 1), views.samples(context, step), work.scale,
        views.activations(context, group), views.space(context, rank), operation["first"],
        operation["last"],
    )  # fmt: skip
    if found:
        context.memory.faults[step] = BROKEN_BATCH


def gather_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A_0 = X, of bytes that stay bytes until those who read them scale their sums."""
    memory = context.memory
    batch.gather_bytes(
        context.work.X, views.samples(context, step), views.samples(context, step + 1),
        memory.pairs, memory.parameters, views.space(context, rank), operation["first"],
        operation["last"],
    )  # fmt: skip


def gather_csr_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where X is of CSR data."""
    memory = context.memory
    csr_batch.assemble_bytes(
        context.work.X, views.samples(context, step - 1), views.samples(context, step),
        views.samples(context, step + 1), memory.pairs, memory.parameters,
        views.space(context, rank), operation["first"], operation["last"],
    )  # fmt: skip


def gather_targets(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """T, for outputs first to last."""
    found = batch.gather(
        context.work.Y, views.samples(context, step), views.samples(context, step + 1), 1.0,
        context.memory.targets, views.space(context, rank), operation["first"], operation["last"],
    )  # fmt: skip
    if found:
        context.memory.faults[step] = BROKEN_BATCH


def spread_labels(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where targets are labels."""
    batch.one_hot(
        context.work.Y.labels, views.samples(context, step), context.memory.targets,
        operation["first"], operation["last"],
    )  # fmt: skip


def gather_targets_with_gaps(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where NaN stands for a target that is missing."""
    memory, n_samples = context.memory, views.samples(context, step).shape[0]
    first, last = operation["first"], operation["last"]
    batch.assemble(
        context.work.Y, views.samples(context, step), views.samples(context, step + 1), 1.0,
        memory.targets, views.space(context, rank), first, last,
    )  # fmt: skip
    counts = views.counts(context, step)
    if set_apart(memory.targets, n_samples, counts, memory.counts, first, last):
        memory.faults[step] = BROKEN_BATCH


# Dropout


@jit
def drop(context, number, step, A, first, last):  # type: ignore[no-untyped-def]
    """Rows first to last of what belongs to a group, dropped at random."""
    work, numbers = context.work, context.tables.inputs
    # int: NumPy's numbers, which there are without compilation, would warn of wrapping round
    key = key_of(int(work.seed), int(work.first_step + step), int(number))
    dropout(A, work.dropout[number], key, numbers if number == 0 else numbers[:0], first, last)


def drop_activations(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of a group, dropped at random."""
    number = operation["group"]
    A = views.activations(context, context.tables.groups[number])
    drop(context, number, step, A, operation["first"], operation["last"])


# Sums and activations


@jit
def _sum(context, operation, X, scale):  # type: ignore[no-untyped-def]
    group = context.tables.groups[operation["group"]]
    sparse.forward(
        context.tile, views.row_starts(context, group), views.indices(context, group),
        views.weights(context, group), views.biases_of_sums(context, group), X, scale,
        views.values(context, group["sums"]), views.activations(context, group),
        operation["first"], operation["last"],
    )  # fmt: skip


@jit
def _sum_by_two(context, operation, X, scale):  # type: ignore[no-untyped-def]
    group = context.tables.groups[operation["group"]]
    two_rows.forward(
        context.two, views.row_starts(context, group),
        views.order(context, group), views.starts_of_two(context, group), context.tables.runs,
        views.indices(context, group), views.weights(context, group),
        views.biases_of_sums(context, group), X, scale, views.values(context, group["sums"]),
        views.activations(context, group), operation["first"], operation["last"],
    )  # fmt: skip


def sums(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(W X + b), for rows first to last; under batch normalisation W X."""
    X = views.inputs(context, context.tables.groups[operation["group"]])
    _sum(context, operation, X, X.dtype.type(1))


def sums_of_bytes(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(scale W X + b), of bytes; under batch normalisation scale W X."""
    X = views.pairs(context, context.tables.groups[operation["group"]])
    _sum(context, operation, X, context.memory.parameters.dtype.type(context.work.scale))


def sums_by_two(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same as `sums`, two rows at a time."""
    X = views.inputs(context, context.tables.groups[operation["group"]])
    _sum_by_two(context, operation, X, X.dtype.type(1))


def sums_of_bytes_by_two(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same as `sums_of_bytes`, two rows at a time."""
    X = views.pairs(context, context.tables.groups[operation["group"]])
    _sum_by_two(context, operation, X, context.memory.parameters.dtype.type(context.work.scale))


def complete_sums(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Z = W X of a complete group, for rows first to last, over its inputs begin to end."""
    group = context.tables.groups[operation["group"]]
    complete.complete_forward(
        context.part, views.matrix(context, group), views.inputs(context, group),
        views.activations(context, group), views.partials(context, group),
        (operation["first"], operation["last"]), (operation["begin"], operation["end"]),
    )  # fmt: skip


def blas_sums(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Z = W X of a complete group, on BLAS."""
    group = context.tables.groups[operation["group"]]
    A = views.activations(context, group)
    blas.multiply(views.matrix(context, group), views.inputs(context, group), A)


def activate(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(Z + b) for rows first to last of a complete group, after the rest of its sums."""
    group = context.tables.groups[operation["group"]]
    A, first, last = views.activations(context, group), operation["first"], operation["last"]
    complete.add_partials(A, views.partials(context, group), first, last)
    biases = views.biases(context, group)
    values = views.values(context, group["makes"])
    bias_activation(values, biases, A.dtype.type(1), A, first, last)


# Batch normalisation


def normalise(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(gamma H + beta) for rows first to last, by the statistics of the batch."""
    group = context.tables.groups[operation["group"]]
    A, first, last = views.activations(context, group), operation["first"], operation["last"]
    complete.add_partials(A, views.partials(context, group), first, last)
    normalisation.normalise(
        context.tile, views.values(context, group["makes"]), A,
        views.samples(context, step).shape[0], views.gains(context, group),
        views.biases(context, group),
        views.normalised(context, group), views.statistics(context, group), first, last,
    )  # fmt: skip


def apply_moments(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(gamma H + beta) for rows first to last, by running statistics."""
    group = context.tables.groups[operation["group"]]
    A, first, last = views.activations(context, group), operation["first"], operation["last"]
    complete.add_partials(A, views.partials(context, group), first, last)
    normalisation.apply_moments(
        views.values(context, group["makes"]), A, views.gains(context, group),
        views.biases(context, group),
        views.means(context, group), views.variances(context, group), first, last,
    )  # fmt: skip


# The outputs


def output(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of a group of outputs, for the caller."""
    group, begin = context.tables.groups[operation["group"]], step * context.work.batch_size
    turn_back(
        views.activations(context, group), views.samples(context, step).shape[0], begin,
        group["output"], context.memory.outputs, operation["first"], operation["last"],
        views.space(context, rank),
    )  # fmt: skip


def activate_output(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(Z) for rows first to last of outputs that were handed over as Z, and are read."""
    group = context.tables.groups[operation["group"]]
    A, values = views.activations(context, group), views.values(context, group["activation"])
    for i in range(operation["first"], operation["last"]):
        apply_activation(values, A[i], A.dtype.type(1), A.dtype.type(0))


def activate_whole(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """A = f(Z) of the outputs, where f is over all of them, for samples first to last."""
    group = context.tables.groups[operation["group"]]
    first, last = operation["first"], operation["last"]
    A, workspace = views.activations(context, group), context.memory.workspace
    activate_layer(group["makes"], A, workspace, first, last)


def output_samples(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Samples first to last of the outputs, for the caller."""
    group, outputs = context.tables.groups[operation["group"]], context.memory.outputs
    A, begin = views.activations(context, group), step * context.work.batch_size
    n_samples = views.samples(context, step).shape[0]
    for s in range(operation["first"], min(operation["last"], n_samples)):
        for i in range(A.shape[0]):
            outputs[begin + s, i] = A[i, s]


@jit
def _loss_of_row(context, group, step, i, counts):  # type: ignore[no-untyped-def]
    work, n_samples = context.work, views.samples(context, step).shape[0]
    A, dZ = views.activations(context, group), views.loss_deltas(context, group)
    call(context.addresses[LOSS], (
        context.tile, A, views.targets(context, group), n_samples,
        n_samples * work.output_counts[group["output"] + i], counts,
        views.losses(context, group, step), dZ, i, i + 1,
    ))  # fmt: skip
    activation_slope(views.slopes(context, group["makes"]), A, A.dtype.type(1), dZ, i, i + 1)


def loss(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Rows first to last of a group of outputs: their shares of the loss, and dZ."""
    group, counts = context.tables.groups[operation["group"]], views.counts(context, step)
    for i in range(operation["first"], operation["last"]):
        _loss_of_row(context, group, step, i, counts)


def loss_with_gaps(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """The same where targets are missing: samples count otherwise for each output."""
    group, counts = context.tables.groups[operation["group"]], context.memory.counts
    n_samples = views.samples(context, step).shape[0]
    for i in range(operation["first"], operation["last"]):
        _loss_of_row(context, group, step, i, counts[group["output"] + i][:n_samples])


def loss_by_samples(context, rank, operation, step):  # type: ignore[no-untyped-def]
    """Samples first to last: their share of the loss, and dZ."""
    group, memory = context.tables.groups[operation["group"]], context.memory
    A, dZ = views.activations(context, group), views.loss_deltas(context, group)
    n_samples, counts = views.samples(context, step).shape[0], views.counts(context, step)
    call(context.addresses[LOSS_OF_SAMPLES], (
        A, memory.targets, n_samples, counts, memory.workspace,
        memory.losses[step], dZ, operation["first"], operation["last"],
    ))  # fmt: skip
