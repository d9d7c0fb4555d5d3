"""Least times of a product: by its multiply-adds, loads, sums that come and go, and bytes.

A product is read from a plan's own tables: its rows, blocks, runs of shared columns, and the
operations that it is cut into. What it takes at least follows from the peaks of the CPU, each
resource taken by itself, as if all others cost nothing and nothing ever waited:

FMA
    A multiply-add for each edge and register of samples. Sums over lanes, and the unpacking of
    bytes, cost nothing.
loads
    Instructions that load from L1: the registers of a row of X, its index, the weight and where it
    stands, sums and rows of dZ once for each block, and what the optimiser reads.
sums
    The sums of a row loaded from L1 and stored, once for each block.
L2, L3
    Bytes that must come from there, wherever a cache of this size keeps them as well as any could:
    see `least_bytes`. What is written back does not count.

The largest of them is the bound, below which this CPU allows no time of a product in these blocks,
one or two rows at a time. A form that keeps more of X in registers would have another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minisnn.kernels.layers.two_rows import BOTH, SHIFT
from minisnn.kernels.machine.caches import CACHES
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program import operations as ops
from minisnn.kernels.program.plan import Plan

from .peaks import Peaks

Array = npt.NDArray[Any]

FORWARD, UPDATE, GRADIENT = "forward", "weight gradient", "input gradient"

KINDS = {
    FORWARD: (
        ops.FORWARD, ops.FORWARD_BYTES, ops.FORWARD_BY_TWO, ops.FORWARD_BYTES_BY_TWO,
    ),
    UPDATE: ops.UPDATES_OF_EDGES,
    GRADIENT: (ops.GRADIENT, ops.GRADIENT_BY_TWO),
}  # fmt: skip
"""Kinds of operations, by the product that they make."""

_BY_TWO = {
    ops.FORWARD_BY_TWO, ops.FORWARD_BYTES_BY_TWO, ops.UPDATE_BY_TWO, ops.UPDATE_BYTES_BY_TWO,
    ops.GRADIENT_BY_TWO,
}  # fmt: skip
_OF_BYTES = {
    ops.FORWARD_BYTES, ops.FORWARD_BYTES_BY_TWO, ops.UPDATE_BYTES, ops.UPDATE_BYTES_BY_TWO,
}  # fmt: skip
_FIELDS = {
    FORWARD: ("starts", "n_blocks", "order"),
    UPDATE: ("u_starts", "u_blocks", "order"),
    GRADIENT: ("t_starts", "t_blocks", "t_order"),
}

CAPACITY = {"L2": CACHES.L1, "L3": CACHES.L1 + CACHES.L2}
"""Bytes that need not come from a level, by its name: what the caches before it can hold, all of it
of this product."""

_STATE = 8  # bytes of a weight and its velocity, which the optimiser reads
_FLAGS = 2**26  # of stretches and columns, at most


@dataclass(frozen=True)
class Work:
    """A product, as a plan makes it.

    Attributes
    ----------
    product
        One of `KINDS`.
    at_once, of_bytes
        Rows of a turn; whether X is of bytes.
    width, registers
        Lanes of a row of activations, and registers of a tile.
    n_edges, n_shared
        Edges, and columns that two rows share, which are loaded once.
    n_columns, n_rows, n_blocks
        Of the matrix.
    n_entered
        Rows in all blocks, but where a row has no edges in one.
    index_bytes
        Of the index of an edge.
    column, rows, turn, operation
        Of each edge the column, the number of the rows of its turn, when this turn comes in this
        block, and the operation that it belongs to.
    """

    product: str
    at_once: int
    of_bytes: bool
    width: int
    registers: int
    n_edges: int
    n_shared: int
    n_columns: int
    n_rows: int
    n_blocks: int
    n_entered: int
    index_bytes: int
    column: Array
    rows: Array
    turn: Array
    operation: Array


def works_of(plan: Plan, product: str, groups: Sequence[int] | None = None) -> list[Work]:
    """Return a product of each group for which a plan has it.

    Parameters
    ----------
    plan
        The plan, for one thread.
    product
        One of `KINDS`.
    groups
        The groups whose products count; by default all.
    """
    rows = plan.tables.operations
    rows = rows[np.isin(rows["kind"], KINDS[product])]
    numbers = [n for n in np.unique(rows["group"]).tolist() if groups is None or n in groups]
    return [_work(plan, product, number, rows[rows["group"] == number]) for number in numbers]


def _work(plan: Plan, product: str, number: int, rows: Array) -> Work:
    tables, group = plan.tables, plan.tables.groups[number]
    (kind,) = np.unique(rows["kind"]).tolist()
    by_two, n_rows = kind in _BY_TWO, int(group["n_rows"])
    begin, n_blocks, order_at = (int(group[name]) for name in _FIELDS[product])
    starts = tables.starts[begin : begin + (n_blocks + 1) * n_rows].reshape(-1, n_rows)
    starts = starts.astype(np.int64)
    lengths = np.diff(starts, axis=0)  # edges of each row in each block
    n_edges = int(lengths.sum())
    if product == GRADIENT:
        at, indices, n_columns = group["t_edges"], tables.t_indices, int(group["n_readers"])
    else:
        at, indices, n_columns = group["edges"], tables.indices, int(group["n_reads"])
    place, n_shared = np.arange(n_rows), 0
    if by_two:
        order = tables.starts[order_at : order_at + n_rows]
        place[order] = np.arange(n_rows)
        ends = order_at + n_rows, order_at + n_rows + (n_blocks + 1) * (n_rows // 2) - 1
        first, last = (int(tables.starts[end]) for end in ends)
        runs = tables.runs[first:last]
        n_shared = int((runs[runs & BOTH == BOTH] >> SHIFT).astype(np.int64).sum())
    at_once = 2 if by_two else 1
    # Turns are counted in the order in which they come: by operation, block and place.
    number_of_row = np.searchsorted(np.sort(rows["last"]), place, side="right")
    keys = (number_of_row * n_blocks + np.arange(n_blocks)[:, None]) * n_rows + place // at_once
    turns = np.unique(keys, return_inverse=True)[1].reshape(keys.shape)
    return Work(
        product=product,
        at_once=at_once,
        of_bytes=kind in _OF_BYTES,
        width=plan.width,
        registers=len(plan.two if by_two and product != UPDATE else plan.tile),
        n_edges=n_edges,
        n_shared=n_shared,
        n_columns=n_columns,
        n_rows=n_rows,
        n_blocks=n_blocks,
        n_entered=int(np.count_nonzero(lengths)),
        index_bytes=indices.itemsize,
        column=indices[int(at) : int(at) + n_edges].astype(np.int64),
        rows=np.repeat(place // at_once, lengths.sum(axis=0)),
        turn=np.repeat(turns.T.ravel(), lengths.T.ravel()),
        operation=np.repeat(number_of_row, lengths.sum(axis=0)),
    )


def bounds(work: Work, peaks: Peaks) -> dict[str, float]:
    """Return the least seconds of a product by each resource.

    Parameters
    ----------
    work, peaks
        The product and the CPU.
    """
    row = work.width // lanes_of(np.float32)  # registers of a row of activations
    passes = row // work.registers
    ns = {
        "FMA": work.n_edges * row * peaks.multiply,
        "loads": _loads(work, row, passes) * peaks.load,
        "sums": 0.0,
    }
    if work.product != UPDATE:
        # The first block's need not be loaded.
        ns["sums"] = (work.n_blocks - 1) * work.n_rows * row * peaks.passage["L1"]
    for level, capacity in CAPACITY.items():
        ns[level] = least_bytes(work, capacity, passes) * peaks.byte[level]
    return {name: 1e-9 * value for name, value in ns.items()}


def arithmetic(work: Work, peaks: Peaks) -> float:
    """Return the seconds of the kernel's own arithmetic on rows of X in L1, and nothing else.

    Parameters
    ----------
    work, peaks
        The product and the CPU.
    """
    row = work.width // lanes_of(np.float32)
    kind = "bytes" if work.of_bytes else "floats"
    one, two = ("dots", "crossed dots") if work.product == UPDATE else ("one sum", "two sums")
    alone = (work.n_edges - 2 * work.n_shared) * peaks.arithmetic[f"{one}, {kind}"]
    return 1e-9 * row * (alone + work.n_shared * peaks.arithmetic[f"{two}, {kind}"])


def _loads(work: Work, row: int, passes: int) -> float:
    reads = work.n_edges - work.n_shared
    loads = reads * (row / (2 if work.of_bytes else 1) + passes)  # of X, and indices
    if work.product == UPDATE:
        return loads + work.n_entered * row + 3 * work.n_edges / lanes_of(np.float32)
    weights = work.n_edges * passes * (2 if work.product == GRADIENT else 1)
    return loads + weights + (work.n_blocks - 1) * work.n_rows * row


def least_bytes(work: Work, capacity: int, passes: int = 1) -> float:
    """Return how many bytes a product must read from behind caches of some bytes.

    A stretch of its turns that reads D different bytes misses at least D less the capacity,
    whatever the caches hold when it begins, and whatever they keep. So do all stretches of some
    length together; the length that says most counts, in turns or in whole operations.

    Parameters
    ----------
    work
        The product.
    capacity
        Bytes of the caches.
    passes
        Times that the edges come by, each time with an equal part of each row of activations.
    """
    part = 4 * work.width / passes  # of a row of sums, or of dZ
    x = part / (2 if work.of_bytes else 1)
    edge = work.index_bytes * (1 - work.n_shared / max(1, work.n_edges))
    edge += {FORWARD: 4, UPDATE: 0, GRADIENT: 8}[work.product]  # weights, and where they stand

    def missed(stretch: Array, edge: float) -> float:
        different = edge * np.bincount(stretch)
        different += x * _different(stretch, work.column)
        different += work.at_once * part * _different(stretch, work.rows)
        return float(np.maximum(different - capacity, 0).sum())

    most = 0.0
    for places, more in ((work.turn, 0), (work.operation, _STATE * (work.product == UPDATE))):
        n, length = int(places.max(initial=0)) + 1, 1
        while length < 2 * n:
            if -(-n // length) * work.n_columns <= _FLAGS:
                most = max(most, missed(places // length, edge + more))
            length *= 2
    return passes * most


def _different(stretch: Array, values: Array) -> Array:
    """Return how many different values each stretch has."""
    shape = int(stretch.max(initial=0)) + 1, int(values.max(initial=0)) + 1
    there = np.zeros(shape, np.bool_)
    there[stretch, values] = True
    return there.sum(axis=1)
