"""What is worked out once from a network's structure: its program, and why it is this one.

A `Plan` chooses, for one batch size and number of threads,

* the *tile*: how many registers wide the products go, so that little of them is padding;
* the *blocks* of columns of each product (`blocks`);
* the *tasks* of each phase: as many as keep all threads busy, each large enough to be worth its
  atomic operation and to use what its blocks bring into the cache, each with as many edges as
  the next;
* the *number of threads*: one where there is little to do.

None of these choices changes a result by a bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from . import engine
from .blocks import Blocks, block_starts, choose_blocks
from .caches import CACHES
from .complete import COLUMNS, GROUP
from .engine import DIFFERENTIATE, LAYER, PREDICT, TASK, TRAIN, Tables
from .squares import SIDE
from .team import get_num_threads
from .vector import MOST_REGISTERS, lanes_of
from .wiring import BLAS, COMPLETE, EDGES, NARROW, Wiring

Array = npt.NDArray[Any]

TASK_CYCLES = 8_000
"""A task should take at least this long, some two microseconds, if there are others."""

TASKS_A_THREAD = 4
"""In each phase, so that a thread that is held up leaves some for the others to take."""

THREAD_CYCLES = 60_000
"""A step should take each thread at least this long; phases wait for one another."""

START_CYCLES = 3_000_000
"""A run should take this long, some milliseconds, if threads are started for it."""

_PER_VALUE = 0.2  # cycles for a value of an activation: gathered, or through sigmoid and slope
_OVERHEAD = 2.0  # loads beside the vectors, for an edge: index and weight
_REUSE = 12  # times that a task should use each row of a block in L1, so that fetching it pays
_SCRATCH = 2**15  # edges whose gradients a task holds, at most, if it has more than one row
_PASSES = {PREDICT: 1, TRAIN: 2, DIFFERENTIATE: 3}


def choose_tile(batch_size: int, dtype: npt.DTypeLike) -> tuple[int, ...]:
    """Return the tile with which a batch costs least, its padding included."""

    def cost(registers: int) -> float:
        return math.ceil(batch_size / lanes_of(dtype, registers)) * (registers + _OVERHEAD)

    sizes = [2**k for k in range(MOST_REGISTERS.bit_length())]
    return (0,) * min(reversed(sizes), key=cost)


@dataclass(frozen=True)
class Phase:
    """Tasks that may run in any order, and how to say what they do."""

    title: str
    tasks: list[tuple[int, ...]]
    remark: str = ""


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
        Whether inputs are bytes, of which none is dropped: then they stay bytes until the first
        layer scales its products, unless that runs on BLAS.
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
    ) -> None:
        self.wiring, self.batch_size, self.purpose = wiring, batch_size, purpose
        self.dtype = np.dtype(dtype)
        self.keeps_bytes = keeps_bytes and wiring.products[0] != BLAS
        self.tile = choose_tile(batch_size, dtype)
        self.half = self.tile[: max(1, len(self.tile) // 2)]
        step = lanes_of(dtype, len(self.tile))
        self.width = -(-batch_size // step) * step
        self._vectors = self.width // lanes_of(dtype)
        self.cycles = self._cycles()
        limit = get_num_threads() if n_threads is None else n_threads
        if wiring.uses_blas:
            limit = 1  # BLAS has threads of its own, and would share the cores with ours
        self.n_threads = max(1, min(limit, int(self.cycles / THREAD_CYCLES)))
        self._layers = np.zeros(len(wiring.graphs), LAYER)
        self._block_tables: list[Array] = []  # where blocks begin
        self._forward: dict[int, _Product] = {}
        self._backward: dict[int, _Product] = {}
        self._lay_out()
        self.phases = self._phases()
        self.scratch_size = self._scratch_size()
        self.tables = self._collect()
        # They have served; the tables hold a copy of what is large in them.
        del self._block_tables, self._forward, self._backward

    def threads_for(self, n_steps: int) -> int:
        """Return how many threads a run of so many steps is worth."""
        return self.n_threads if n_steps * self.cycles >= START_CYCLES else 1

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that belong to this plan alone: where blocks begin, and tasks."""
        return sum(a.nbytes for a in (self.tables.starts, self.tables.tasks, self.tables.phases))

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

    # How much there is to do

    def _edge_cycles(self) -> float:
        return 0.6 * self._vectors * (1 + _OVERHEAD / len(self.tile))

    def _cycles(self) -> float:
        """About how many cycles a step takes on one core."""
        edges = sum(graph.n_edges for graph in self.wiring.graphs)
        values = sum(self.wiring.widths) * self.width
        return edges * self._edge_cycles() * _PASSES[self.purpose] + values * _PER_VALUE

    # Where everything begins

    def _lay_out(self) -> None:
        wiring, layers = self.wiring, self._layers
        rows = parameters = 0
        skipped = 0 if self.purpose == DIFFERENTIATE else wiring.widths[0]
        for number, (layer, graph) in enumerate(zip(layers, wiring.graphs, strict=True)):
            layer["n_in"], layer["n_out"] = graph.n_in, graph.n_out
            layer["inputs"], layer["outputs"] = rows, rows + graph.n_in
            layer["deltas_in"], layer["deltas_out"] = (
                layer["inputs"] - skipped,
                rows + graph.n_in - skipped,
            )
            layer["weights"], layer["biases"] = parameters, parameters + graph.n_edges
            rows, parameters = rows + graph.n_in, parameters + graph.n_edges + graph.n_out
            if wiring.products[number] != EDGES:
                layer["n_blocks"] = -1  # so that its table of starts has no rows
                continue
            begin = layer["edges"] = wiring.first[number]
            indices = wiring.indices[begin : begin + graph.n_edges]
            as_bytes = self.keeps_bytes and number == 0
            product = self._product(wiring.indptrs[number], indices, graph.n_in, as_bytes)
            layer["starts"], layer["n_blocks"] = product.begin, product.blocks.number
            self._forward[number] = product
            if self._goes_back(number):
                transposed = wiring.transposed(first_layer=self.purpose == DIFFERENTIATE)
                begin = layer["t_edges"] = transposed.first[number]
                indices = transposed.indices[begin : begin + graph.n_edges]
                product = self._product(transposed.indptrs[number], indices, graph.n_out)
                layer["t_starts"], layer["t_blocks"] = product.begin, product.blocks.number
                self._backward[number] = product

    def _goes_back(self, number: int) -> bool:
        """Whether the gradient by a layer's inputs is wanted."""
        return self.purpose == DIFFERENTIATE or (self.purpose == TRAIN and number > 0)

    def _product(
        self, indptr: Array, indices: Array, n_columns: int, of_bytes: bool = False
    ) -> _Product:
        n_rows = len(indptr) - 1
        row_bytes = self.width * (1 if of_bytes else self.dtype.itemsize)
        blocks = choose_blocks(n_rows, n_columns, len(indices), row_bytes, of_bytes=of_bytes)
        starts = block_starts(indptr, indices, blocks)
        begin = sum(table.size for table in self._block_tables)
        self._block_tables.append(starts.ravel())
        return _Product(indptr, starts, blocks, n_columns, begin)

    def _collect(self) -> Tables:
        wiring = self.wiring
        tasks = [task for phase in self.phases for task in phase.tasks]
        transposed = wiring.transposed() if self._backward else None
        return Tables(
            layers=self._layers,
            tasks=np.array(tasks, dtype=TASK),
            phases=np.cumsum([0, *(len(phase.tasks) for phase in self.phases)]).astype(np.int64),
            indices=wiring.indices,
            starts=np.concatenate([*self._block_tables, np.empty(0, np.uint32)]),
            t_indices=wiring.indices[:0] if transposed is None else transposed.indices,
            t_edges=np.empty(0, np.uint32) if transposed is None else transposed.edges,
        )

    def _scratch_size(self) -> int:
        size = 1
        for kind, number, first, last, begin, end in (
            task for phase in self.phases for task in phase.tasks
        ):
            if kind == engine.UPDATE:
                starts = self._forward[number].starts[:, first:last].astype(np.int64)
                size = max(size, int((starts[end] - starts[begin]).sum()))
            if kind == engine.COMPLETE_UPDATE:
                size = max(size, (last - first) * (end - begin))
            if kind in (engine.UPDATE, engine.COMPLETE_UPDATE, engine.APPLY):
                size = max(size, last - first)
        return size

    # Phases and tasks

    def _phases(self) -> list[Phase]:
        layers = range(len(self.wiring.graphs))
        phases = [Phase("batch", self._assembly())]
        for number in layers:
            phases += self._forward_phases(number)
        if self.purpose != PREDICT:
            for number in reversed(layers):
                if self._goes_back(number):
                    phases += self._backward_phases(number)
            dense = [number for number in layers if self.wiring.products[number] == BLAS]
            if dense:
                tasks = [_task(engine.BLAS_GRADIENT, number) for number in dense]
                phases.append(Phase("weight gradients of complete layers", tasks, "BLAS"))
            tasks = [task for number in layers for task in self._updates(number)]
            phases.append(Phase("weight gradients and update", tasks))
        return phases

    def _forward_phases(self, number: int) -> list[Phase]:
        title, n_out = f"layer {number + 1} forward", self.wiring.graphs[number].n_out
        products = self.wiring.products[number]
        if products == EDGES:
            product = self._forward[number]
            tasks = [_task(engine.FORWARD, number, *rows) for rows in self._rows(product)]
            remark = str(product.blocks)
            if number == 0 and self.keeps_bytes:
                remark += ", as bytes"
            return [Phase(title, tasks, remark)]
        if products == BLAS:
            tasks = [_task(engine.BLAS_FORWARD, number)]
        else:
            # First the samples are shared, since every row of W needs all inputs of a sample.
            step = lanes_of(self.dtype, len(self.half))
            graph = self.wiring.graphs[number]
            parts = self._parts(graph.n_edges * self._edge_cycles(), 1)
            samples = _even(self.width // step, parts)
            groups = _even(-(-n_out // GROUP), parts // len(samples))
            tasks = [
                _task(
                    engine.COMPLETE_FORWARD, number,
                    first * GROUP, min(last * GROUP, n_out), begin * step, end * step,
                )
                for first, last in groups
                for begin, end in samples
            ]  # fmt: skip
        rows = [_task(engine.ACTIVATE, number, *r) for r in self._rows_of_values(n_out)]
        return [Phase(title, tasks, products), Phase(f"{title}, sigmoid", rows)]

    def _backward_phases(self, number: int) -> list[Phase]:
        title, graph = f"layer {number + 1} input gradient", self.wiring.graphs[number]
        products = self.wiring.products[number]
        if products == EDGES:
            product = self._backward[number]
            tasks = [_task(engine.INPUT_GRADIENT, number, *rows) for rows in self._rows(product)]
            return [Phase(title, tasks, str(product.blocks))]
        if products == COMPLETE:
            parts = self._parts(graph.n_edges * self._edge_cycles())
            groups = _even(-(-graph.n_in // GROUP), parts)
            tasks = [
                _task(engine.COMPLETE_INPUT_GRADIENT, number, k * GROUP, min(m * GROUP, graph.n_in))
                for k, m in groups
            ]
            return [Phase(title, tasks, products)]
        rows = self._rows_of_values(graph.n_in)
        return [
            Phase(title, [_task(engine.BLAS_INPUT_GRADIENT, number)], products),
            Phase(f"{title}, slope", [_task(engine.SLOPE, number, *r) for r in rows]),
        ]

    def _updates(self, number: int) -> list[tuple[int, ...]]:
        graph = self.wiring.graphs[number]
        products = self.wiring.products[number]
        least = -(-graph.n_edges // _SCRATCH)
        parts = max(least, self._parts(graph.n_edges * self._edge_cycles()))
        if products == BLAS:
            return [_task(engine.APPLY, number, *rows) for rows in _even(graph.n_out, least)]
        if products == COMPLETE:
            # As in the forward pass of the layer below, inputs are shared in their order.
            blocks = _even(-(-graph.n_in // COLUMNS), parts)
            row_parts = _even(graph.n_out, -(-least // len(blocks)))
            return [
                _task(
                    engine.COMPLETE_UPDATE, number,
                    *rows, begin * COLUMNS, min(end * COLUMNS, graph.n_in),
                )
                for begin, end in blocks
                for rows in row_parts
            ]  # fmt: skip
        product = self._forward[number]
        n_blocks = product.blocks.number
        if graph.n_out < NARROW and n_blocks > 1:  # too few rows to share: share the blocks
            shares = _even(n_blocks, parts)
            return [_task(engine.UPDATE, number, 0, graph.n_out, *share) for share in shares]
        rows_of = self._rows(product, least)
        return [_task(engine.UPDATE, number, *rows, 0, n_blocks) for rows in rows_of]

    def _assembly(self) -> list[tuple[int, ...]]:
        n_in, n_out = self.wiring.widths[0], self.wiring.widths[-1]
        squares = -(-n_in // SIDE)
        parts = _even(squares, self._parts(n_in * self.width * _PER_VALUE))
        tasks = [
            _task(engine.INPUTS, 0, first * SIDE, min(last * SIDE, n_in)) for first, last in parts
        ]
        if self.purpose != PREDICT:
            tasks += [_task(engine.TARGETS, 0, *rows) for rows in self._rows_of_values(n_out)]
        return tasks

    def _parts(self, cycles: float, a_thread: int = TASKS_A_THREAD) -> int:
        """How many tasks so much work is to be cut into."""
        if self.n_threads == 1:
            return 1
        return max(1, min(a_thread * self.n_threads, int(cycles / TASK_CYCLES)))

    def _rows_of_values(self, n_rows: int) -> list[tuple[int, int]]:
        return _even(n_rows, self._parts(n_rows * self.width * _PER_VALUE))

    def _rows(self, product: _Product, least: int = 1) -> list[tuple[int, int]]:
        """Ranges of rows with about as much work each, at least so many if there are the rows."""
        n_rows, n_edges = len(product.indptr) - 1, int(product.indptr[-1])
        cycles = n_edges * self._edge_cycles() + n_rows * self.width * _PER_VALUE
        parts = self._parts(cycles)
        if product.blocks.number > 1:
            useful = int(n_edges / product.n_columns / _REUSE)
            parts = max(min(parts, useful), min(parts, self.n_threads))
            # Accumulators come by once for each block, and should find a place in L2.
            row_bytes = self.width * self.dtype.itemsize
            least = max(least, math.ceil(n_rows * row_bytes / (CACHES.L2 / 2)))
        parts = min(max(parts, least), n_rows)
        per_row = self.width * _PER_VALUE / self._edge_cycles()
        done = product.indptr + per_row * np.arange(n_rows + 1)
        bounds = np.searchsorted(done, np.linspace(0, done[-1], parts + 1)[1:-1])
        bounds = np.unique([0, *bounds.tolist(), n_rows])
        return [(int(first), int(last)) for first, last in pairwise(bounds)]


@dataclass(frozen=True, eq=False)
class _Product:
    """One matrix in CSR, its blocks, and where their table begins in the tables of all."""

    indptr: Array
    starts: Array
    blocks: Blocks
    n_columns: int
    begin: int


def _task(
    kind: int, layer: int, first: int = 0, last: int = 0, begin: int = 0, end: int = 0
) -> tuple[int, ...]:
    return kind, layer, first, last, begin, end


def _even(n: int, parts: int) -> list[tuple[int, int]]:
    """Cut range(n) into so many ranges, or n if that is less."""
    parts = max(1, min(parts, n))
    return [(n * k // parts, n * (k + 1) // parts) for k in range(parts)]
