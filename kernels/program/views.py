"""Views of the arrays of a layer and of a batch, as operations take them.

Each is written out where an operation calls it, and costs next to nothing.
"""

from __future__ import annotations

from ..layers.batch import Space
from ..machine.jit import inlined

# Parts of a layer


@inlined
def rows(matrix, begin, n):  # type: ignore[no-untyped-def]
    """Rows of a matrix, from ``begin`` on."""
    return matrix[begin : begin + n]


@inlined
def weights(context, layer):  # type: ignore[no-untyped-def]
    """W on the edges: real[n_edges]."""
    return context.memory.parameters[layer["weights"] : layer["biases"]]


@inlined
def matrix(context, layer):  # type: ignore[no-untyped-def]
    """W of a complete layer: real[n_out, n_in]."""
    return weights(context, layer).reshape((layer["n_out"], layer["n_in"]))


@inlined
def biases(context, layer):  # type: ignore[no-untyped-def]
    """b: real[n_out]."""
    return rows(context.memory.parameters, layer["biases"], layer["n_out"])


@inlined
def inputs(context, layer):  # type: ignore[no-untyped-def]
    """X: real[n_in, width]."""
    return rows(context.memory.activations, layer["inputs"], layer["n_in"])


@inlined
def outputs(context, layer):  # type: ignore[no-untyped-def]
    """A: real[n_out, width]."""
    return rows(context.memory.activations, layer["outputs"], layer["n_out"])


@inlined
def input_deltas(context, layer):  # type: ignore[no-untyped-def]
    """dX: real[n_in, width]."""
    return rows(context.memory.deltas, layer["deltas_in"], layer["n_in"])


@inlined
def output_deltas(context, layer):  # type: ignore[no-untyped-def]
    """dZ: real[n_out, width]."""
    return rows(context.memory.deltas, layer["deltas_out"], layer["n_out"])


@inlined
def partials(context, layer):  # type: ignore[no-untyped-def]
    """Sums of a complete layer over some of its inputs: real[n_partials, width]."""
    return rows(context.memory.partials, layer["partials"], layer["n_partials"])


@inlined
def starts(context, begin, n_blocks, n_rows):  # type: ignore[no-untyped-def]
    """A table of starts: uint32[n_blocks + 1, n_rows]."""
    table = context.tables.starts[begin : begin + (n_blocks + 1) * n_rows]
    return table.reshape((n_blocks + 1, n_rows))


@inlined
def row_starts(context, layer):  # type: ignore[no-untyped-def]
    """Return where each output's edges of each block begin."""
    return starts(context, layer["starts"], layer["n_blocks"], layer["n_out"])


@inlined
def indices(context, layer):  # type: ignore[no-untyped-def]
    """Inputs of the edges."""
    return rows(context.tables.indices, layer["edges"], layer["biases"] - layer["weights"])


# Parts of a batch


@inlined
def samples(context, step):  # type: ignore[no-untyped-def]
    """The batch's samples: int64[n]."""
    size = context.work.batch_size
    return context.work.samples[step * size : (step + 1) * size]


@inlined
def counts(context, step):  # type: ignore[no-untyped-def]
    """Counts of these samples in the loss: float64[n], or empty."""
    size = context.work.batch_size
    return context.work.counts[step * size : (step + 1) * size]


@inlined
def reals(context, rank):  # type: ignore[no-untyped-def]
    """The thread's space for squares of reals."""
    space = context.memory.space
    return Space(space.addresses[rank], space.items[rank], space.doubles[rank], space.square[rank])
