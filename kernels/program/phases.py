"""Division of a step into phases of tasks, each task a few operations in a row.

As many tasks as keep all threads busy, each large enough to be worth its atomic operation and to
use what its blocks bring into the cache, each with as many edges as the next. Operations on the
same rows that need not wait for other rows stand in one task, one after the other, so that what
one has made is still in a near cache for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ..functions.activations import ACTIVATIONS
from ..functions.losses import SAMPLES
from ..functions.optimizers import NORM_BLOCK
from ..layers.complete import COLUMNS
from ..layers.complete import GROUP as ROWS
from ..machine.transpose import SIDE
from . import operations as ops
from .blocks import Product, complete_product
from .effort import PER_VALUE, Effort, Range, even
from .records import DIFFERENTIATE, PREDICT, TRAIN
from .structure import BLAS, COMPLETE, EDGES, NARROW, Structure

Array = npt.NDArray[Any]
Operation = tuple[int, ...]
Task = list[Operation]

_LAYER_PASSES = 4  # over the values of outputs that need them all, as a softmax; with the loss's
_SCRATCH = 2**15  # edges whose gradients a task holds, at most, if it has more than one row


@dataclass(frozen=True)
class Phase:
    """Tasks that may run in any order, and how to say what they do."""

    title: str
    tasks: list[Task]
    remark: str = ""


class Schedule:
    """The phases of one step of a network.

    Parameters
    ----------
    structure
        The structure.
    purpose
        `PREDICT`, `TRAIN` or `DIFFERENTIATE`.
    effort
        Costs of operations.
    forward, backward
        The products W X and W^T dZ of the groups that have indices.
    keeps_bytes
        Whether inputs stay bytes.
    drops
        Whether some of a group's activations are dropped, for each group; the inputs first.
    by_samples
        Whether outputs and their loss are made by samples, once all rows are there.
    logits
        Whether outputs are pre-activations when they are handed over.
    clips
        Whether the step waits for the norm of all gradients.
    """

    def __init__(
        self,
        structure: Structure,
        purpose: int,
        effort: Effort,
        forward: dict[int, Product],
        backward: dict[int, Product],
        *,
        keeps_bytes: bool,
        drops: Sequence[bool],
        by_samples: bool,
        logits: bool,
        clips: bool,
    ) -> None:
        self._structure, self._effort, self._purpose = structure, effort, purpose
        self._groups = structure.groups
        self._forward, self._backward = forward, backward
        self._keeps_bytes, self._drops = keeps_bytes, drops
        self._by_samples, self._logits = by_samples, logits
        self._keeps_gradients = purpose == DIFFERENTIATE or clips
        self.phases = [Phase("batch", self._assembly(targets=purpose != PREDICT))]
        for level in structure.levels:
            self.phases += _side_by_side([self._forward_phases(number) for number in level])
        if by_samples:
            self.phases.append(self._whole_outputs())
        if purpose == PREDICT:
            return
        left = [number for number, _ in structure.summing]  # those without an update yet
        for level in [*reversed(structure.levels), *([[0]] if purpose == DIFFERENTIATE else [])]:
            made = []
            for number in level:
                if structure.readers[number]:
                    phases, updated = self._backward_phases(number)
                    made.append(phases)
                    left = [other for other in left if other not in updated]
            self.phases += _side_by_side(made)
        dense = [number for number in left if self._groups[number].products == BLAS]
        if dense:
            tasks = [[_operation(ops.BLAS_WEIGHTS, number)] for number in dense]
            self.phases.append(Phase("weight gradients of complete layers", tasks, "BLAS"))
        tasks = [task for number in left for task in self._updates(number)]
        if tasks:
            self.phases.append(Phase("weight gradients and update", tasks))
        if clips:
            self.phases += [self._norm(), self._clipped_step()]

    def _assembly(self, *, targets: bool) -> list[Task]:
        n_in, n_out = self._structure.n_inputs, self._structure.n_out
        parts = even(-(-n_in // SIDE), self._effort.parts(n_in * self._effort.row))
        kind = ops.INPUT_BYTES if self._keeps_bytes else ops.INPUTS
        ranges = [(first * SIDE, min(last * SIDE, n_in)) for first, last in parts]
        tasks = [[_operation(kind, 0, *range_), *self._dropped(0, range_)] for range_ in ranges]
        if targets:
            rows = self._effort.rows_of_values(n_out)
            tasks += [[_operation(ops.TARGETS, 0, *range_)] for range_ in rows]
        return tasks

    def _forward_phases(self, number: int) -> list[Phase]:
        group = self._groups[number]
        title, graph = f"layer {group.level} forward", group.graph
        if group.products == EDGES:
            product, reader = self._forward[number], self._summed_apart(number)
            as_bytes = self._reads_bytes(number)
            kind = ops.FORWARD_BYTES if as_bytes else ops.FORWARD
            tasks = []
            for rows in self._effort.rows_of(product, multiple=1 if reader is None else COLUMNS):
                tasks.append([_operation(kind, number, *rows), *self._follows(number, rows)])
                if reader is not None:
                    tasks[-1].append(self._sums(reader, rows))
            remark = str(product.blocks) + ", as bytes" * as_bytes
            if reader is not None:
                title += f", sums of layer {self._groups[reader].level}"
            return [Phase(title, tasks, remark)]
        cycles = graph.n_edges * self._effort.edge
        ranges = self._effort.rows_of_values(graph.n_out)
        values = Phase(
            f"{title}, {group.activation}",
            [[_operation(ops.ACTIVATE, number, *r), *self._follows(number, r)] for r in ranges],
        )
        if group.products == BLAS:
            tasks = [[_operation(ops.BLAS_FORWARD, number)]]
        elif not partials_of(self._structure, number):
            parts = even(-(-graph.n_out // ROWS), self._effort.parts(cycles))
            tasks = [
                [
                    _operation(
                        ops.COMPLETE_FORWARD, number,
                        k * ROWS, min(m * ROWS, graph.n_out), 0, graph.n_in,
                    )
                ]
                for k, m in parts
            ]  # fmt: skip
        elif self._sums_are_made_by_inputs(number):
            return [values]  # their inputs' tasks have made the sums
        else:
            blocks = even(-(-graph.n_in // COLUMNS), self._effort.parts(cycles))
            tasks = [
                [self._sums(number, (k * COLUMNS, min(m * COLUMNS, graph.n_in)))] for k, m in blocks
            ]
        return [Phase(title, tasks, group.products), values]

    def _reads_bytes(self, number: int) -> bool:
        return self._keeps_bytes and self._structure.reads_inputs_alone(number)

    def _follows(self, number: int, rows: Range) -> list[Operation]:
        """Operations that follow on rows of a group while they are in a cache."""
        following = []
        if self._groups[number].output is not None and not self._by_samples:  # else later
            kind = ops.OUTPUT if self._purpose == PREDICT else ops.LOSS
            following.append(_operation(kind, number, *rows))
            if self._purpose == PREDICT and self._logits and self._structure.readers[number]:
                following.append(_operation(ops.READ_OUTPUT, number, *rows))
        return following + self._dropped(number, rows)

    def _dropped(self, number: int, rows: Range) -> list[Operation]:
        """Dropout of a group's activations."""
        return [_operation(ops.DROP, number, *rows)] if self._drops[number] else []

    def _whole_outputs(self) -> Phase:
        (number,) = self._structure.outputs
        n_out = self._structure.n_out
        parts = self._effort.parts(_LAYER_PASSES * n_out * self._effort.row)
        width = self._effort.width
        kinds = [ops.LOSS_OF_SAMPLES]
        if self._purpose == PREDICT:
            kinds = [ops.ACTIVATE_LAYER, ops.OUTPUT_SAMPLES]
        ranges = [
            (begin * SAMPLES, min(end * SAMPLES, width))
            for begin, end in even(-(-width // SAMPLES), parts)
        ]
        tasks = [[_operation(kind, number, *range_) for kind in kinds] for range_ in ranges]
        return Phase(f"{self._groups[number].activation} of the outputs", tasks)

    def _norm(self) -> Phase:
        n = self._structure.n_parameters
        blocks = even(-(-n // NORM_BLOCK), self._effort.parts(n * PER_VALUE))
        tasks = [[_operation(ops.NORM, 0, *range_)] for range_ in blocks]
        return Phase("norm of the gradients", tasks)

    def _clipped_step(self) -> Phase:
        tasks: list[Task] = []
        begin = 0
        for number, group in self._structure.summing:
            for n in (group.graph.n_edges, group.n_rows):  # weights decay, biases do not
                ranges = even(n, self._effort.parts(n * PER_VALUE))
                tasks += [
                    [_operation(ops.STEP, number, begin + first, begin + last)]
                    for first, last in ranges
                ]
                begin += n
        return Phase("update by clipped gradients", tasks)

    def _summed_apart(self, number: int) -> int | None:
        """Return the group whose sums over groups of inputs this one's tasks make, if any."""
        reader = self._structure.only_reader(number)
        if reader is None or not partials_of(self._structure, reader):
            return None
        return reader

    def _sums_are_made_by_inputs(self, number: int) -> bool:
        return any(
            group.products == EDGES and self._summed_apart(other) == number
            for other, group in self._structure.summing
        )

    def _sums(self, number: int, inputs: Range) -> Operation:
        return _operation(ops.COMPLETE_FORWARD, number, 0, self._groups[number].n_rows, *inputs)

    def _backward_phases(self, number: int) -> tuple[list[Phase], list[int]]:
        """Return the phases of a group's gradient, and the groups that are updated in passing."""
        title = f"layer {self._groups[number].level} gradient" if number else "input gradient"
        reader = self._structure.only_reader(number)
        if reader is not None and self._groups[reader].products == BLAS:
            ranges = self._effort.rows_of_values(self._groups[number].n_rows)
            tasks = [
                [_operation(ops.SLOPE, number, *rows), *self._after_slope(number, rows)]
                for rows in ranges
            ]
            on_blas = Phase(title, [[_operation(ops.BLAS_GRADIENT, number)]], BLAS)
            return [on_blas, Phase(f"{title}, slope", tasks)], []
        if reader is None:
            kind, product, multiple = ops.GRADIENT, self._backward[number], 1
            remark = str(product.blocks)
        else:
            graph = self._groups[reader].graph
            kind, product = ops.COMPLETE_GRADIENT, complete_product(graph.n_in, graph.n_out)
            multiple, remark = COLUMNS, COMPLETE  # as in the forward pass: in the same core's cache
        updated: list[int] = []
        if not self._is_updated_at_once(number):
            ranges = self._effort.rows_of(product, multiple=multiple)
        else:
            updated = [number] if reader is None else [number, reader]
            edges = max(self._groups[other].graph.n_edges for other in updated)
            least = -(-edges // _SCRATCH)
            ranges = self._effort.rows_of(
                product, self._forward[number], least=least, multiple=multiple
            )
            levels = sorted(str(self._groups[other].level) for other in updated)
            title += f", update of layer{'s' * (len(levels) > 1)} {' and '.join(levels)}"
        tasks = []
        for rows in ranges:
            task = [_operation(kind, number, *rows), *self._after_slope(number, rows)]
            if updated:
                task += self._update(number, *rows, 0, self._forward[number].blocks.number)
            if updated and reader is not None:
                task += self._complete_update(reader, (0, self._groups[reader].n_rows), rows)
            tasks.append(task)
        return [Phase(title, tasks, remark)], updated

    def _after_slope(self, number: int, rows: Range) -> list[Operation]:
        """Return the rest of a group's gradient: dropout, unless in the slope; its loss."""
        shows = ACTIVATIONS[self._groups[number].activation].shows_dropped
        following = []
        if self._drops[number] and not shows:
            following.append(_operation(ops.DROP_DELTAS, number, *rows))
        if self._groups[number].output is not None:
            following.append(_operation(ops.ADD_LOSS, number, *rows))
        return following

    def _is_updated_at_once(self, number: int) -> bool:
        """True if a group's update can follow on the same rows as its gradient.

        So it is where it reads inputs alone, since no other gradient still needs its weights as
        they were. With it goes the update of a complete reader, by columns.
        """
        group = self._groups[number]
        return (
            self._purpose == TRAIN
            and number > 0
            and group.products == EDGES
            and self._structure.reads_inputs_alone(number)
            and group.n_rows >= NARROW  # so that there are rows to share
        )

    def _updates(self, number: int) -> list[Task]:
        group = self._groups[number]
        graph, products = group.graph, group.products
        least = -(-graph.n_edges // _SCRATCH)
        parts = max(least, self._effort.parts(graph.n_edges * self._effort.edge))
        if products == BLAS:
            kinds = [ops.BIASES] if self._keeps_gradients else [ops.APPLY, ops.BIASES]
            ranges = even(graph.n_out, least)
            return [[_operation(kind, number, *rows) for kind in kinds] for rows in ranges]
        if products == COMPLETE:
            # As in the forward pass of the group below, inputs are shared in their order.
            blocks = even(-(-graph.n_in // COLUMNS), parts)
            row_parts = even(graph.n_out, -(-least // len(blocks)))
            return [
                self._complete_update(
                    number, rows, (begin * COLUMNS, min(end * COLUMNS, graph.n_in))
                )
                for begin, end in blocks
                for rows in row_parts
            ]
        product = self._forward[number]
        n_blocks = product.blocks.number
        if graph.n_out < NARROW and n_blocks > 1:  # too few rows to share: share the blocks
            shares = even(n_blocks, parts)
            return [self._update(number, 0, graph.n_out, *share) for share in shares]
        ranges = self._effort.rows_of(product, least=least)
        return [self._update(number, *rows, 0, n_blocks) for rows in ranges]

    def _update(self, number: int, first: int, last: int, begin: int, end: int) -> Task:
        """Return the update of rows: their edges, and with the first blocks their biases."""
        kind = ops.UPDATE_BYTES if self._reads_bytes(number) else ops.UPDATE
        task = [_operation(kind, number, first, last, begin, end)]
        return [*task, _operation(ops.BIASES, number, first, last)] if begin == 0 else task

    def _complete_update(self, number: int, rows: Range, columns: Range) -> Task:
        task = [_operation(ops.COMPLETE_UPDATE, number, *rows, *columns)]
        return [*task, _operation(ops.BIASES, number, *rows)] if columns[0] == 0 else task


def partials_of(structure: Structure, number: int) -> int:
    """Return the number of rows for a group's sums over some of its inputs: a few, or none."""
    group = structure.groups[number]
    if group.products != COMPLETE or group.n_rows >= NARROW:
        return 0
    return (-(-group.graph.n_in // COLUMNS) - 1) * group.n_rows


def _side_by_side(groups: Sequence[list[Phase]]) -> list[Phase]:
    """Return the phases of groups that need not wait for one another: the first of all, and so on.

    Each is named as in the first group.
    """
    merged = []
    for k in range(max(map(len, groups), default=0)):
        phases = [phases[k] for phases in groups if k < len(phases)]
        tasks = [task for phase in phases for task in phase.tasks]
        merged.append(Phase(phases[0].title, tasks, phases[0].remark))
    return merged


def _operation(
    kind: int, group: int, first: int = 0, last: int = 0, begin: int = 0, end: int = 0
) -> Operation:
    return kind, group, first, last, begin, end
