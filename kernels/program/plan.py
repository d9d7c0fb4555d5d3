"""Plans: the program that is derived once from a network's structure, with reasons.

A `Plan` chooses, for one batch size and number of threads,

* the *tile*: how many registers wide the products go, so that little of them is padding;
* the *blocks* of columns of each product (`blocks`);
* the *number of threads*: one where there is little to do;
* the *tasks* of each phase (`phases`).

None of these choices changes a result by a bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..functions.activations import ACTIVATIONS, IDENTITY
from ..functions.losses import SAMPLES
from ..functions.optimizers import NORM_BLOCK
from ..layers.complete import part_of
from ..machine.blas_threads import blas_threads
from ..machine.layout import read_only
from ..machine.threads import get_num_threads
from ..machine.vector import lanes_of
from . import operations as ops
from .blocks import Product, block_starts, choose_blocks
from .effort import OVERHEAD, Effort
from .engine import prepare
from .phases import Schedule, goes_back, partials_of
from .records import DIFFERENTIATE, LAYER, OPERATION, PREDICT, TRAIN, Context, Tables
from .structure import EDGES, Transposed, Wiring

Array = npt.NDArray[Any]

THREAD_CYCLES = 60_000
"""A step should take each thread at least this long; phases wait for one another."""

START_CYCLES = 3_000_000
"""A run should take this long, some milliseconds, if threads are started for it."""

TILES = (8, 4, 2)
"""Registers of a tile. Kernels are compiled for each that is used: one of a single register would
save a few microseconds with the smallest batches, and cost seconds."""

_UPDATES = (ops.UPDATE, ops.UPDATE_BYTES, ops.COMPLETE_UPDATE, ops.APPLY, ops.BIAS_GRADIENTS)

_PASSES = {PREDICT: 1, TRAIN: 2, DIFFERENTIATE: 3}


def choose_tile(batch_size: int, dtype: npt.DTypeLike) -> tuple[int, ...]:
    """Return the tile with which a batch costs least, its padding included."""

    def cost(registers: int) -> float:
        return math.ceil(batch_size / lanes_of(dtype, registers)) * (registers + OVERHEAD)

    return (0,) * min(TILES, key=cost)


class Plan:
    """A program for batches of one size, and its tables.

    Parameters
    ----------
    wiring
        The network's structure.
    batch_size
        Samples of a batch, at most.
    dtype
        Precision.
    purpose
        `PREDICT`, `TRAIN` or `DIFFERENTIATE`.
    n_threads
        At most so many; by default as many as the process may use.
    keeps_bytes
        Whether inputs are bytes, of which none is dropped: they stay so if the wiring takes them.
    drops
        Whether some of a layer's inputs are dropped, for each layer; by default none.
    logits
        Whether outputs stay pre-activations: for the caller of a prediction, or for the loss.
    clips
        Whether training clips gradients by the norm of all: then each step is made when all are
        there, not as they come.
    """

    def __init__(
        self,
        wiring: Wiring,
        batch_size: int,
        dtype: npt.DTypeLike,
        purpose: int = TRAIN,
        n_threads: int | None = None,
        *,
        keeps_bytes: bool = False,
        drops: Sequence[bool] = (),
        logits: bool = False,
        clips: bool = False,
    ) -> None:
        self.wiring, self.batch_size, self.purpose = wiring, batch_size, purpose
        self.clips, self.logits = clips, logits
        self.dtype = np.dtype(dtype)
        self.keeps_bytes = keeps_bytes and wiring.takes_bytes
        self.tile = choose_tile(batch_size, dtype)
        self.part = part_of(self.tile)
        step = lanes_of(dtype, len(self.tile))
        self.width = -(-batch_size // step) * step
        effort = Effort(self.width, len(self.tile), self.dtype)
        self.cycles = self._cycles(effort)
        limit = get_num_threads() if n_threads is None else n_threads
        self.blas_threads = limit if wiring.uses_blas else 0
        if wiring.uses_blas:
            limit = 1  # BLAS has threads of its own, and would share the cores with ours
        self.n_threads = max(1, min(limit, int(self.cycles / THREAD_CYCLES)))
        layers = np.zeros(len(wiring.graphs), LAYER)
        self.n_partials = 0  # rows for sums over some of a complete layer's inputs
        transposed = None  # one for all that follows: another thread may have the wiring's replaced
        if purpose != PREDICT:
            transposed = wiring.transposed(first_layer=purpose == DIFFERENTIATE)
        forward, backward = self._lay_out(layers, transposed)
        self.phases = Schedule(
            wiring,
            purpose,
            replace(effort, n_threads=self.n_threads),
            forward,
            backward,
            keeps_bytes=self.keeps_bytes,
            drops=drops or [False] * len(layers),
            by_samples=self.by_samples,
            clips=clips,
        ).phases
        self.tables = self._collect(layers, forward, backward, transposed)
        self.scratch_size = self._scratch_size(forward)
        self._addresses: Array | None = None

    @property
    def by_samples(self) -> bool:
        """True if outputs and their loss are made by samples, as a softmax with its loss is."""
        over_layer = ACTIVATIONS[self.wiring.activations[-1]].over_layer
        return over_layer is not None and not (self.purpose == PREDICT and self.logits)

    @property
    def loss_shares(self) -> int:
        """In how many parts the loss of a batch comes: by outputs, or by samples."""
        return -(-self.width // SAMPLES) if self.by_samples else self.wiring.widths[-1]

    @property
    def kinds(self) -> list[int]:
        """The kinds of operation that it has."""
        return sorted(set(self.tables.operations["kind"].tolist()))

    @property
    def norm_blocks(self) -> int:
        """In how many parts the squares of all gradients come."""
        n_parameters = sum(graph.n_edges + graph.n_out for graph in self.wiring.graphs)
        return -(-n_parameters // NORM_BLOCK) if self.clips else 0

    def addresses_for(self, context: Context) -> Array:
        """Return where its operations are in memory; compiled with the first context.

        All contexts of a plan have the same types.
        """
        if self._addresses is None:
            self._addresses = prepare(self.kinds, context)
        return self._addresses

    def limits_blas(self) -> AbstractContextManager[None]:
        """Return what a run happens within: BLAS, where it is used, has the plan's threads."""
        return blas_threads(self.blas_threads) if self.wiring.uses_blas else nullcontext()

    def threads_for(self, n_steps: int) -> int:
        """Return how many threads a run of so many steps is worth."""
        return self.n_threads if n_steps * self.cycles >= START_CYCLES else 1

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that belong to this plan alone: where blocks begin, and tasks."""
        return sum(
            table.nbytes
            for table in (
                self.tables.starts,
                self.tables.operations,
                self.tables.tasks,
                self.tables.phases,
            )
        )

    def __repr__(self) -> str:
        return f"Plan({str(self).partition(chr(10))[0]})"

    def __str__(self) -> str:
        goal = {PREDICT: "prediction", TRAIN: "training", DIFFERENTIATE: "gradients"}[self.purpose]
        lines = [
            f"{goal}, batches of {self.batch_size} samples as {self.width} lanes of {self.dtype} "
            f"({len(self.tile)} registers at a time), {self.n_threads} thread"
            + "s"
            * (self.n_threads > 1),
            f"indices {np.dtype(self.wiring.index_dtype)}, structure "
            f"{self.wiring.nbytes + self.nbytes:,} bytes",
        ]
        width = max(len(phase.title) for phase in self.phases)
        lines += [
            f"  {phase.title:{width}}  {len(phase.tasks):4} task"
            + ("s" if len(phase.tasks) != 1 else " ")
            + f"  {phase.remark}".rstrip()
            for phase in self.phases
        ]
        return "\n".join(lines)

    def _cycles(self, effort: Effort) -> float:
        """About how many cycles a step takes on one core."""
        edges = sum(graph.n_edges for graph in self.wiring.graphs)
        return edges * effort.edge * _PASSES[self.purpose] + sum(self.wiring.widths) * effort.row

    def _lay_out(
        self, layers: Array, transposed: Transposed | None
    ) -> tuple[dict[int, Product], dict[int, Product]]:
        """Fill in where all that a layer has begins; return its products by its indices."""
        wiring = self.wiring
        forward: dict[int, Product] = {}
        backward: dict[int, Product] = {}
        rows = parameters = starts = 0
        skipped = 0 if self.purpose == DIFFERENTIATE else wiring.widths[0]
        for number, (layer, graph) in enumerate(zip(layers, wiring.graphs, strict=True)):
            layer["n_in"], layer["n_out"] = graph.n_in, graph.n_out
            layer["inputs"], layer["outputs"] = rows, rows + graph.n_in
            layer["deltas_in"], layer["deltas_out"] = rows - skipped, rows + graph.n_in - skipped
            layer["weights"], layer["biases"] = parameters, parameters + graph.n_edges
            layer["activation"] = ACTIVATIONS[wiring.activations[number]].number
            if self.logits and number == len(layers) - 1:
                layer["activation"] = IDENTITY
            layer["activation_in"] = layers[number - 1]["activation"] if number else IDENTITY
            rows, parameters = rows + graph.n_in, parameters + graph.n_edges + graph.n_out
            if wiring.products[number] != EDGES:
                layer["n_blocks"] = -1  # so that its table of starts has no rows
                layer["partials"], layer["n_partials"] = (
                    self.n_partials,
                    partials_of(wiring, number),
                )
                self.n_partials += int(layer["n_partials"])
                continue
            begin = layer["edges"] = wiring.first[number]
            indices = wiring.indices[begin : begin + graph.n_edges]
            as_bytes = self.keeps_bytes and number == 0
            made = self._product(wiring.indptrs[number], indices, graph.n_in, as_bytes)
            layer["starts"], layer["n_blocks"] = starts, made.blocks.number
            forward[number] = made
            starts += made.starts.size
            if transposed is not None and goes_back(self.purpose, number):
                begin = layer["t_edges"] = transposed.first[number]
                indices = transposed.indices[begin : begin + graph.n_edges]
                made = self._product(transposed.indptrs[number], indices, graph.n_out)
                layer["t_starts"], layer["t_blocks"] = starts, made.blocks.number
                backward[number] = made
                starts += made.starts.size
        return forward, backward

    def _product(
        self, indptr: Array, indices: Array, n_columns: int, of_bytes: bool = False
    ) -> Product:
        n_rows = len(indptr) - 1
        blocks = choose_blocks(
            n_rows,
            n_columns,
            len(indices),
            self.width * self.dtype.itemsize,
            passes=self.width // lanes_of(self.dtype, len(self.tile)),
            of_bytes=of_bytes,
        )
        return Product(indptr, blocks, n_columns, block_starts(indptr, indices, blocks))

    def _collect(
        self,
        layers: Array,
        forward: dict[int, Product],
        backward: dict[int, Product],
        transposed: Transposed | None,
    ) -> Tables:
        wiring = self.wiring
        tasks = [task for phase in self.phases for task in phase.tasks]
        # In the order in which `_lay_out` counted them.
        starts = [
            made[number].starts.ravel()
            for number in range(len(layers))
            for made in (forward, backward)
            if number in made
        ]
        tables = Tables(
            layers=layers,
            operations=np.array([step for task in tasks for step in task], dtype=OPERATION),
            tasks=_bounds(tasks),
            phases=_bounds([phase.tasks for phase in self.phases]),
            indices=wiring.indices,
            starts=np.concatenate([*starts, np.empty(0, np.uint32)]),
            t_indices=wiring.indices[:0] if transposed is None else transposed.indices,
            t_edges=np.empty(0, np.uint32) if transposed is None else transposed.edges,
            inputs=np.empty(0, np.uint32) if wiring.inputs is None else wiring.inputs,
        )
        return Tables(*map(read_only, tables))  # kernels trust them

    def _scratch_size(self, forward: dict[int, Product]) -> int:
        """Return how many gradients an operation holds at most."""
        size = 1
        for kind, number, first, last, begin, end in self.tables.operations.tolist():
            if kind in (ops.UPDATE, ops.UPDATE_BYTES):
                starts = forward[number].starts[:, first:last].astype(np.int64)
                size = max(size, int((starts[end] - starts[begin]).sum()))
            if kind == ops.COMPLETE_UPDATE:
                size = max(size, (last - first) * (end - begin))
            if kind in _UPDATES:
                size = max(size, last - first)
        return size


def _bounds(groups: Sequence[Sized]) -> Array:
    """Return where each group begins, and where the last one ends: int64[groups + 1]."""
    return np.cumsum([0, *map(len, groups)]).astype(np.int64)
