"""Views of the arrays of a group and of a batch, as operations take them.

Most are addresses and shapes (`stretches`); the others are written out where an operation calls
them. All cost next to nothing.
"""

from __future__ import annotations

from ..functions.activations import NONE
from ..machine.jit import inlined, jit
from ..machine.stretches import batch_of, rows_of, stretch_of
from .records import SLOPES, VALUES

# Functions by address


@jit
def values(context, activation):  # type: ignore[no-untyped-def]
    """The address of an activation's function, given by its number; 0 of none."""
    return context.addresses[VALUES + activation] if activation != NONE else 0


@jit
def slopes(context, activation):  # type: ignore[no-untyped-def]
    """The address of an activation's slopes, given by its number."""
    return context.addresses[SLOPES + activation]


# Parts of a group, by its record


def _rows(array, begin, n):  # type: ignore[no-untyped-def]
    """Rows of an array of `Memory`: the fields that say where they begin, and how many they are."""
    return stretch_of(f"memory.{array}", lambda group: group[begin], lambda group: group[n])


def _n_edges(group):  # type: ignore[no-untyped-def]
    return group["biases"] - group["weights"]


def _n_rows(group):  # type: ignore[no-untyped-def]
    return group["n_rows"]


def _starts(begin, n_blocks):  # type: ignore[no-untyped-def]
    """A table of starts: uint32[n_blocks + 1, n_rows]."""
    return stretch_of(
        "tables.starts", lambda group: group[begin], lambda group: group[n_blocks] + 1, _n_rows
    )


def _starts_of_two(order, n_blocks):  # type: ignore[no-untyped-def]
    return stretch_of(
        "tables.starts",
        lambda group: group[order] + group["n_rows"],
        lambda group: group[n_blocks] + 1,
        lambda group: group["n_rows"] // 2,
    )


weights = stretch_of("memory.parameters", lambda group: group["weights"], _n_edges)
"""W on the edges: real[n_edges]."""

matrix = stretch_of(
    "memory.parameters", lambda group: group["weights"], _n_rows, lambda group: group["n_reads"]
)
"""W of a complete group: real[n_rows, n_reads]."""

biases = _rows("parameters", "biases", "n_rows")
"""b: real[n_rows]."""

inputs = _rows("activations", "reads", "n_reads")
"""X, what the group reads: real[n_reads, width]."""

pairs = _rows("pairs", "reads", "n_reads")
"""The same as bytes, two in a word: uint32[n_reads, width / 2]."""

activations = _rows("activations", "rows", "n_rows")
"""A: real[n_rows, width]."""

deltas = _rows("deltas", "deltas", "n_rows")
"""dZ; of inputs dX: real[n_rows, width]."""

readers = _rows("deltas", "readers", "n_readers")
"""dZ of all that read the group: real[n_readers, width]."""

loss_deltas = _rows("deltas", "loss_deltas", "n_rows")
"""dZ as the loss makes it: real[n_rows, width]."""

gains = _rows("parameters", "gains", "n_rows")
"""gamma of a batch normalisation: real[n_rows]."""

means = stretch_of("memory.parameters", lambda group: group["gains"] + group["n_rows"], _n_rows)
"""Running means: real[n_rows]."""

variances = stretch_of(
    "memory.parameters", lambda group: group["gains"] + group["n_rows"] + group["n_rows"], _n_rows
)
"""Running variances: real[n_rows]."""

normalised = _rows("normal", "normal", "n_rows")
"""H: real[n_rows, width]."""

partials = _rows("partials", "partials", "n_partials")
"""Sums of a complete group over some of its inputs: real[n_partials, width]."""

row_starts = _starts("starts", "n_blocks")
"""First edge of each row in each block: uint32[n_blocks + 1, n_rows]."""

starts_of_update = _starts("u_starts", "u_blocks")
"""The same in the blocks of the update."""

starts_of_transpose = _starts("t_starts", "t_blocks")
"""The same of the transpose."""

order = stretch_of("tables.starts", lambda group: group["order"], _n_rows)
"""Rows in the order in which they are taken two at a time: uint32[n_rows]."""

order_of_transpose = stretch_of("tables.starts", lambda group: group["t_order"], _n_rows)
"""The same of the transpose."""

starts_of_two = _starts_of_two("order", "n_blocks")
"""First run of each two rows in each block, behind it: uint32[n_blocks + 1, n_rows // 2]."""

transposed_starts_of_two = _starts_of_two("t_order", "t_blocks")
"""The same of the transpose."""

indices = stretch_of("tables.indices", lambda group: group["edges"], _n_edges)
"""Inputs of the edges."""

transposed_indices = stretch_of(
    "tables.t_indices", lambda group: group["t_edges"], lambda group: group["n_t_edges"]
)
"""Of the edges of the transpose, in its order."""

transposed_edges = stretch_of(
    "tables.t_edges", lambda group: group["t_edges"], lambda group: group["n_t_edges"]
)
"""Numbers of these edges."""

targets = _rows("targets", "output", "n_rows")
"""T: real[n_rows, width]."""


@inlined
def biases_of_sums(context, group):  # type: ignore[no-untyped-def]
    """b, or zeros under batch normalisation, which has its shifts there."""
    found = biases(context, group)
    if group["normal"] >= 0:
        found = context.memory.zeros[: group["n_rows"]]
    return found


@inlined
def statistics(context, group):  # type: ignore[no-untyped-def]
    """Statistics of a batch: real[N_STATISTICS, n_rows]."""
    first = group["normal"]
    return context.memory.statistics[:, first : first + group["n_rows"]]


@inlined
def losses(context, group, step):  # type: ignore[no-untyped-def]
    """Shares of the loss: float64[n_rows]."""
    first = group["output"]
    return context.memory.losses[step][first : first + group["n_rows"]]


# Parts of a batch


samples = batch_of("work.samples", "work.batch_size")
"""The batch's samples: int64[n]; before the first batch, and after the last one, none."""

counts = batch_of("work.counts", "work.batch_size")
"""Counts of these samples in the loss: float64[n], or empty."""

space = rows_of("memory.space")
"""The thread's `Space` for squares; a reference to it."""
