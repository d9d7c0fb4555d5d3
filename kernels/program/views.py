"""Views of the arrays of a group and of a batch, as operations take them.

Each is written out where an operation calls it, and costs next to nothing.
"""

from __future__ import annotations

import numpy as np

from ..functions.activations import NONE
from ..layers.squares import Space
from ..machine.jit import inlined
from .records import SLOPES, VALUES

# Functions by address


@inlined
def values(context, activation):  # type: ignore[no-untyped-def]
    """The address of an activation's function, given by its number; 0 of none."""
    address = np.int64(0)
    if activation != NONE:
        address = context.addresses[VALUES + activation]
    return address


@inlined
def slopes(context, activation):  # type: ignore[no-untyped-def]
    """The address of an activation's slopes, given by its number."""
    return context.addresses[SLOPES + activation]


# Parts of a group


@inlined
def rows(matrix, begin, n):  # type: ignore[no-untyped-def]
    """Rows of a matrix, from ``begin`` on."""
    return matrix[begin : begin + n]


@inlined
def weights(context, group):  # type: ignore[no-untyped-def]
    """W on the edges: real[n_edges]."""
    return context.memory.parameters[group["weights"] : group["biases"]]


@inlined
def matrix(context, group):  # type: ignore[no-untyped-def]
    """W of a complete group: real[n_rows, n_reads]."""
    W = context.memory.parameters[group["weights"] : group["biases"]]
    return W.reshape((group["n_rows"], group["n_reads"]))


@inlined
def biases(context, group):  # type: ignore[no-untyped-def]
    """b: real[n_rows]."""
    first = group["biases"]
    return context.memory.parameters[first : first + group["n_rows"]]


@inlined
def biases_of_sums(context, group):  # type: ignore[no-untyped-def]
    """The same, or zeros under batch normalisation, which has its shifts there."""
    found = biases(context, group)
    if group["normal"] >= 0:
        found = context.memory.zeros[: group["n_rows"]]
    return found


@inlined
def inputs(context, group):  # type: ignore[no-untyped-def]
    """X, what the group reads: real[n_reads, width]."""
    first = group["reads"]
    return context.memory.activations[first : first + group["n_reads"]]


@inlined
def pairs(context, group):  # type: ignore[no-untyped-def]
    """The same as bytes, two in a word: uint32[n_reads, width / 2]."""
    first = group["reads"]
    return context.memory.pairs[first : first + group["n_reads"]]


@inlined
def activations(context, group):  # type: ignore[no-untyped-def]
    """A: real[n_rows, width]."""
    first = group["rows"]
    return context.memory.activations[first : first + group["n_rows"]]


@inlined
def deltas(context, group):  # type: ignore[no-untyped-def]
    """dZ; of inputs dX: real[n_rows, width]."""
    first = group["deltas"]
    return context.memory.deltas[first : first + group["n_rows"]]


@inlined
def readers(context, group):  # type: ignore[no-untyped-def]
    """dZ of all that read the group: real[n_readers, width]."""
    first = group["readers"]
    return context.memory.deltas[first : first + group["n_readers"]]


@inlined
def loss_deltas(context, group):  # type: ignore[no-untyped-def]
    """dZ as the loss makes it: real[n_rows, width]."""
    first = group["loss_deltas"]
    return context.memory.deltas[first : first + group["n_rows"]]


@inlined
def gains(context, group):  # type: ignore[no-untyped-def]
    """gamma of a batch normalisation: real[n_rows]."""
    first = group["gains"]
    return context.memory.parameters[first : first + group["n_rows"]]


@inlined
def means(context, group):  # type: ignore[no-untyped-def]
    """Running means: real[n_rows]."""
    n = group["n_rows"]
    return rows(context.memory.parameters, group["gains"] + n, n)


@inlined
def variances(context, group):  # type: ignore[no-untyped-def]
    """Running variances: real[n_rows]."""
    n = group["n_rows"]
    return rows(context.memory.parameters, group["gains"] + 2 * n, n)


@inlined
def normalised(context, group):  # type: ignore[no-untyped-def]
    """H: real[n_rows, width]."""
    first = group["normal"]
    return context.memory.normal[first : first + group["n_rows"]]


@inlined
def statistics(context, group):  # type: ignore[no-untyped-def]
    """Statistics of a batch: real[N_STATISTICS, n_rows]."""
    first = group["normal"]
    return context.memory.statistics[:, first : first + group["n_rows"]]


@inlined
def partials(context, group):  # type: ignore[no-untyped-def]
    """Sums of a complete group over some of its inputs: real[n_partials, width]."""
    first = group["partials"]
    return context.memory.partials[first : first + group["n_partials"]]


@inlined
def starts(context, begin, n_blocks, n_rows):  # type: ignore[no-untyped-def]
    """A table of starts: uint32[n_blocks + 1, n_rows]."""
    table = context.tables.starts[begin : begin + (n_blocks + 1) * n_rows]
    return table.reshape((n_blocks + 1, n_rows))


@inlined
def row_starts(context, group):  # type: ignore[no-untyped-def]
    """First edge of each row in each block: uint32[n_blocks + 1, n_rows]."""
    shape = group["n_blocks"] + 1, group["n_rows"]
    first = group["starts"]
    return context.tables.starts[first : first + shape[0] * shape[1]].reshape(shape)


@inlined
def order(context, begin, n_rows):  # type: ignore[no-untyped-def]
    """Rows in the order in which they are taken two at a time: uint32[n_rows]."""
    return context.tables.starts[begin : begin + n_rows]


@inlined
def starts_of_two(context, begin, n_blocks, n_rows):  # type: ignore[no-untyped-def]
    """First run of each two rows in each block, behind it: uint32[n_blocks + 1, n_rows // 2]."""
    return starts(context, begin + n_rows, n_blocks, n_rows // 2)


@inlined
def indices(context, group):  # type: ignore[no-untyped-def]
    """Inputs of the edges."""
    first = group["edges"]
    return context.tables.indices[first : first + group["biases"] - group["weights"]]


# Parts of outputs


@inlined
def targets(context, group):  # type: ignore[no-untyped-def]
    """T: real[n_rows, width]."""
    first = group["output"]
    return context.memory.targets[first : first + group["n_rows"]]


@inlined
def losses(context, group, step):  # type: ignore[no-untyped-def]
    """Shares of the loss: float64[n_rows]."""
    first = group["output"]
    return context.memory.losses[step][first : first + group["n_rows"]]


# Parts of a batch


@inlined
def samples(context, step):  # type: ignore[no-untyped-def]
    """The batch's samples: int64[n]; before the first batch, and after the last one, none."""
    size = context.work.batch_size
    return context.work.samples[step * size : (step + 1) * size]


@inlined
def counts(context, step):  # type: ignore[no-untyped-def]
    """Counts of these samples in the loss: float64[n], or empty."""
    size = context.work.batch_size
    return context.work.counts[step * size : (step + 1) * size]


@inlined
def space(context, rank):  # type: ignore[no-untyped-def]
    """The thread's space for squares."""
    all_ = context.memory.space
    return Space(
        all_.addresses[rank],
        all_.items[rank],
        all_.doubles[rank],
        all_.square[rank],
        all_.bytes[rank],
        all_.places[rank],
    )
