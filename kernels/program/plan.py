"""Plans: the program that is derived once from a network's structure, with reasons.

A `Plan` chooses, for one batch size and number of threads,

* the *tile*: how many registers wide the products go, so that little of them is padding;
* the *blocks* of columns of each product (`blocks`);
* the *number of threads*: one where there is little to do;
* the *tasks* of each phase (`phases`).

None of these choices but the tile changes a result by a bit: sums over samples are taken in its
order. It depends on the size of batches and the precision, and on nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from ..functions.activations import ACTIVATIONS, NONE, values_at
from ..functions.losses import OF_OUTPUTS, OF_SAMPLES, SAMPLES
from ..functions.optimizers import NORM_BLOCK, UPDATES
from ..layers.complete import part_of
from ..machine.blas_threads import blas_threads
from ..machine.layout import read_only
from ..machine.threads import get_num_threads
from ..machine.vector import lanes_of
from . import operations as ops
from .effort import OVERHEAD, Effort
from .engine import prepare
from .phases import Schedule
from .places import lay_out
from .products import Product, Products
from .records import (
    DIFFERENTIATE,
    FIRST_OPERATION,
    LOSS,
    LOSS_OF_SAMPLES,
    OPERATION,
    OPTIMIZER,
    PREDICT,
    PULL_BACK,
    TRAIN,
    UPDATE,
    Context,
    Tables,
    Wanted,
)  # fmt: skip
from .structure import Structure
from .transposed import Transposed, transposed_of

Array = npt.NDArray[Any]

THREAD_CYCLES = 60_000
"""A step should take each thread at least this long; phases wait for one another."""

START_CYCLES = 3_000_000
"""A run should take this long, some milliseconds, if threads are started for it."""

TILES = (8, 4, 2)
"""Registers of a tile. Kernels are compiled for each that is used: one of a single register would
save a few microseconds with the smallest batches, and cost seconds."""

_PASSES = {PREDICT: 1, TRAIN: 2, DIFFERENTIATE: 3, PULL_BACK: 2}
_GOALS = {
    PREDICT: "prediction",
    TRAIN: "training",
    DIFFERENTIATE: "gradients",
    PULL_BACK: "gradients from those by outputs",
}


def choose_tile(batch_size: int, dtype: npt.DTypeLike) -> tuple[int, ...]:
    """Return the tile with which a batch costs least, its padding included."""

    def cost(registers: int) -> float:
        return math.ceil(batch_size / lanes_of(dtype, registers)) * (registers + OVERHEAD)

    return (0,) * min(TILES, key=cost)


class Plan:
    """A program for batches of one size, and its tables.

    Parameters
    ----------
    structure
        The network's structure.
    batch_size
        Samples of a batch, at most.
    dtype
        Precision.
    purpose
        `PREDICT`, `TRAIN`, `DIFFERENTIATE` or `PULL_BACK`.
    n_threads
        At most so many; by default as many as the process may use.
    keeps_bytes
        Whether inputs are bytes, of which none is dropped: they stay so if the structure takes
        them.
    drops
        Whether some of the activations are dropped, for each level but the last, the inputs first;
        by default none. Outputs are never dropped.
    logits
        Whether outputs stay pre-activations: for the caller of a prediction, or for the loss.
    clips
        Whether training clips gradients by the norm of all: then each step is made when all are
        there, not as they come.
    gaps
        Whether targets may be missing: NaN in their place.
    bounded
        Whether parameters have bounds, which training keeps.
    any_values
        Whether inputs of a prediction may be NaN or infinite, and are taken as they are.
    wanted
        The gradients that are to be made, where the purpose is `PULL_BACK`.
    """

    def __init__(
        self,
        structure: Structure,
        batch_size: int,
        dtype: npt.DTypeLike,
        purpose: int = TRAIN,
        n_threads: int | None = None,
        *,
        keeps_bytes: bool = False,
        drops: Sequence[bool] = (),
        logits: bool = False,
        clips: bool = False,
        gaps: bool = False,
        bounded: bool = False,
        any_values: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        self.structure, self.batch_size, self.purpose = structure, batch_size, purpose
        self.clips, self.logits, self.gaps = clips, logits, gaps
        self.bounded = bounded
        # whether gradients by the inputs are made, which then have rows
        self._by_inputs = wanted.inputs if wanted else purpose == DIFFERENTIATE
        self.dtype = np.dtype(dtype)
        self.keeps_bytes = keeps_bytes and structure.takes_bytes
        self.tile = choose_tile(batch_size, dtype)
        self.part, self.two = part_of(self.tile), part_of(self.tile, 2)
        step = lanes_of(dtype, len(self.tile))
        self.width = -(-batch_size // step) * step
        effort = Effort(self.width, len(self.tile), self.dtype)
        self.cycles = self._cycles(effort)
        limit = get_num_threads() if n_threads is None else n_threads
        self.blas_threads = limit if structure.uses_blas else 0
        if structure.uses_blas:
            limit = 1  # BLAS has threads of its own, and would share the cores with ours
        self.n_threads = max(1, min(limit, int(self.cycles / THREAD_CYCLES)))
        transposed = None  # one for all that follows: another thread may have it replaced
        if purpose != PREDICT:
            transposed = transposed_of(structure, inputs=self._by_inputs)
        places = lay_out(
            structure,
            transposed,
            width=self.width,
            tile=self.tile,
            dtype=self.dtype,
            is_prediction=purpose == PREDICT,
            by_inputs=self._by_inputs,
            keeps_bytes=self.keeps_bytes,
            logits=logits,
        )
        groups, products = places.groups, places.products
        self.n_partials, self.n_deltas = places.n_partials, places.n_deltas
        self.n_normal = places.n_normal
        self.phases = Schedule(
            structure,
            purpose,
            replace(effort, n_threads=self.n_threads),
            products,
            keeps_bytes=self.keeps_bytes,
            drops=[rate > 0 for rate in structure.by_group(drops)],
            by_samples=self.by_samples,
            logits=logits,
            clips=clips,
            gaps=gaps,
            bounded=bounded,
            any_values=any_values,
            wanted=wanted,
        ).phases
        self.tables = self._collect(groups, products, transposed)
        self.scratch_size = self._scratch_size(products.updates)
        self._kinds = sorted(set(self.tables.operations["kind"].tolist()))
        self._values = _numbers(groups[1:], "makes", "sums", "activation")
        self._slopes: list[int] = []
        if purpose != PREDICT:
            self._slopes = _numbers(groups[not self._by_inputs :], "makes", "activation")

    @cached_property
    def functions(self) -> Array:
        """Addresses of the activations that are used, by their numbers: int64[activations]."""
        addresses = np.zeros(len(ACTIVATIONS), np.int64)
        for number in self._values:
            addresses[number] = values_at(number, self.dtype)
        return addresses

    @property
    def by_samples(self) -> bool:
        """True if outputs and their loss are made by samples, as a softmax with its loss is."""
        last = self.structure.groups[self.structure.outputs[-1]]
        over_layer = ACTIVATIONS[last.activation].over_layer
        return over_layer is not None and not (self.purpose == PREDICT and self.logits)

    @property
    def loss_shares(self) -> int:
        """Number of parts of the loss of a batch: one for each output, or for a few samples."""
        return -(-self.width // SAMPLES) if self.by_samples else self.structure.n_out

    @property
    def norm_blocks(self) -> int:
        """Number of blocks in which the squares of all gradients are summed."""
        return -(-self.structure.n_parameters // NORM_BLOCK) if self.clips else 0

    def ready(
        self, context: Context, *, loss: int = 0, update: int = 0, optimizer: int = 0
    ) -> Context:
        """Return the context with the addresses of all that it calls: compiled with the first.

        Parameters
        ----------
        context
            The context.
        loss, update, optimizer
            Numbers of the loss, of what becomes of gradients as they are made (among the updates),
            and of the optimiser; a prediction needs none.
        """
        work = context.work
        functions = {
            FIRST_OPERATION + kind: ops.OPERATIONS[ops.for_data(kind, work.X, work.Y)]
            for kind in self._kinds
        }
        if self.purpose != PREDICT:
            functions[UPDATE], functions[OPTIMIZER] = UPDATES[update], UPDATES[optimizer]
        if self.purpose in (TRAIN, DIFFERENTIATE):
            losses, place = (OF_SAMPLES, LOSS_OF_SAMPLES) if self.by_samples else (OF_OUTPUTS, LOSS)
            functions[place] = losses[loss]
        return prepare(functions, context, self._values, self._slopes)

    def limits_blas(self) -> AbstractContextManager[None]:
        """Return the context of a run: BLAS, where it is used, has the plan's threads."""
        return blas_threads(self.blas_threads) if self.structure.uses_blas else nullcontext()

    def threads_for(self, n_steps: int) -> int:
        """Return the number of threads that a run of so many steps is worth."""
        return self.n_threads if n_steps * self.cycles >= START_CYCLES else 1

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that belong to this plan alone: where blocks begin, and tasks."""
        return sum(
            table.nbytes
            for table in (
                self.tables.starts,
                self.tables.runs,
                self.tables.operations,
                self.tables.tasks,
                self.tables.phases,
            )
        )

    def __repr__(self) -> str:
        return f"Plan({str(self).partition(chr(10))[0]})"

    def _repr_html_(self) -> str:
        style = "font: 0.9em monospace; white-space: pre; overflow-x: auto; color: inherit"
        return f'<pre style="{style}">{escape(str(self))}</pre>'

    def __str__(self) -> str:
        goal = _GOALS[self.purpose]
        lines = [
            f"{goal}, batches of {self.batch_size} samples as {self.width} lanes of {self.dtype} "
            f"({len(self.tile)} registers at a time), {self.n_threads} thread"
            + "s"
            * (self.n_threads > 1),
            f"indices {np.dtype(self.structure.index_dtype)}, structure "
            f"{self.structure.nbytes + self.nbytes:,} bytes",
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
        """Estimate the cycles of a step on one core."""
        structure = self.structure
        edges = structure.n_edges * effort.edge * _PASSES[self.purpose]
        return edges + structure.n_rows * effort.row

    def _collect(self, groups: Array, products: Products, transposed: Transposed | None) -> Tables:
        structure = self.structure
        tasks = [task for phase in self.phases for task in phase.tasks]
        starts, runs = products.tables()
        tables = Tables(
            groups=groups,
            operations=np.array([step for task in tasks for step in task], dtype=OPERATION),
            tasks=_bounds(tasks),
            phases=_bounds([phase.tasks for phase in self.phases]),
            checks=np.array([phase.shows for phase in self.phases], dtype=np.int64),
            indices=structure.indices,
            starts=starts,
            runs=runs,
            t_indices=structure.indices[:0] if transposed is None else transposed.indices,
            t_edges=np.empty(0, np.uint32) if transposed is None else transposed.edges,
            inputs=np.empty(0, np.uint32) if structure.inputs is None else structure.inputs,
        )
        return Tables(*map(read_only, tables))  # kernels trust them

    def _scratch_size(self, updates: dict[int, Product]) -> int:
        """Return the largest number of gradients that an operation holds."""
        size = 1
        for kind, number, first, last, begin, end in self.tables.operations.tolist():
            if kind in ops.UPDATES_OF_EDGES:
                starts = updates[number].starts[:, first:last].astype(np.int64)
                size = max(size, int((starts[end] - starts[begin]).sum()))
            elif kind == ops.COMPLETE_UPDATE:
                size = max(size, (last - first) * (end - begin))
            elif kind == ops.BIASES:
                size = max(size, last - first)
        return size


def _bounds(groups: Sequence[Sized]) -> Array:
    """Return the offsets of some groups, and the end of the last one: int64[groups + 1]."""
    return np.cumsum([0, *map(len, groups)]).astype(np.int64)


def _numbers(groups: Array, *fields: str) -> list[int]:
    """Return the numbers of activations that are in fields of groups, each once."""
    return sorted({int(number) for field in fields for number in groups[field]} - {NONE})
