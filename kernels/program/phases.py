"""Division of a step into phases of tasks, each task a few operations in a row.

As many tasks as keep all threads busy, each large enough to be worth its atomic operation and to
use what its blocks bring into the cache, each with as many edges as the next. Operations on the
same rows that need not wait for other rows stand in one task, one after the other, so that what
one has made is still in a near cache for the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from ..functions.activations import ACTIVATIONS
from ..functions.losses import SAMPLES
from ..layers.complete import COLUMNS
from ..layers.complete import GROUP as ROWS
from ..machine.transpose import SIDE
from . import operations as ops
from .effort import Effort, Range, even
from .graphs import BLAS, COMPLETE, EDGES, NARROW
from .products import Products, complete_product
from .records import (
    BROKEN_BATCH,
    BROKEN_LOSS,
    BROKEN_UPDATE,
    DIFFERENTIATE,
    PREDICT,
    PULL_BACK,
    TRAIN,
    Wanted,
)
from .structure import Structure
from .updates import SCRATCH, Operation, Phase, Task, Updates, operation

Array = npt.NDArray[Any]

_LAYER_PASSES = 4  # over the values of outputs that need them all, as a softmax; with the loss's


class Schedule:
    """The phases of one step of a network.

    Parameters
    ----------
    structure
        The structure.
    purpose
        `PREDICT`, `TRAIN`, `DIFFERENTIATE` or `PULL_BACK`.
    effort
        Costs of operations.
    products
        Those of the groups that have indices.
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
    gaps
        Whether targets may be missing.
    bounded
        Whether parameters have bounds.
    any_values
        Whether inputs may be NaN or infinite.
    wanted
        The gradients that are wanted, where those by the outputs are given.
    """

    def __init__(
        self,
        structure: Structure,
        purpose: int,
        effort: Effort,
        products: Products,
        *,
        keeps_bytes: bool,
        drops: Sequence[bool],
        by_samples: bool,
        logits: bool,
        clips: bool,
        gaps: bool,
        bounded: bool,
        any_values: bool,
        wanted: Wanted | None,
    ) -> None:
        self._structure, self._effort, self._purpose = structure, effort, purpose
        self._groups = structure.groups
        self._products = products
        self._keeps_bytes, self._drops = keeps_bytes, drops
        self._by_samples, self._logits, self._gaps = by_samples, logits, gaps
        self._any_values = any_values
        self._updates = Updates(
            structure,
            effort,
            products.updates,
            keeps_bytes=keeps_bytes,
            keeps_gradients=purpose in (DIFFERENTIATE, PULL_BACK) or clips,
            bounded=bounded,
        )
        if wanted is not None:
            self.phases = self._from_given(wanted)
            return
        assembly = self._assembly(targets=purpose != PREDICT)
        self.phases = [Phase("batch", assembly, shows=BROKEN_BATCH)]
        for level in structure.levels:
            self.phases += _side_by_side([self._forward_phases(number) for number in level])
        if by_samples:
            self.phases.append(self._whole_outputs())
        if purpose == PREDICT:
            return
        if purpose == TRAIN:
            self.phases[-1] = replace(self.phases[-1], shows=BROKEN_LOSS)
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
            tasks = [[operation(ops.BLAS_WEIGHTS, number)] for number in dense]
            self.phases.append(Phase("weight gradients of complete layers", tasks, "BLAS"))
        tasks = [task for number in left for task in self._updates.of_group(number)]
        if tasks:
            self.phases.append(Phase("weight gradients and update", tasks))
        if clips:
            self.phases += [self._updates.norm(), self._updates.clipped_step()]
        if bounded and purpose == TRAIN:
            self.phases.append(self._updates.clamp())
        if purpose == TRAIN:
            self.phases[-1] = replace(self.phases[-1], shows=BROKEN_UPDATE)

    def _from_given(self, wanted: Wanted) -> list[Phase]:
        """Return the phases that make gradients from those by the outputs, and no others."""
        (outputs,) = self._structure.outputs
        ranges = self._by_squares(self._structure.n_out)
        tasks = [[operation(ops.TAKE_GRADIENTS, outputs, *rows)] for rows in ranges]
        phases, lowest = [Phase("gradients by outputs", tasks)], wanted.lowest
        for level in [*reversed(self._structure.levels), [0]]:
            needed = [n for n in level if n >= lowest and self._structure.readers[n]]
            phases += _side_by_side([self._backward_phases(number)[0] for number in needed])
        tasks = []
        for number, group in self._structure.summing:
            weights, biases = wanted.weights[number - 1], wanted.biases[number - 1]
            if group.products == BLAS and weights:
                tasks.append([operation(ops.BLAS_WEIGHTS, number)])
            tasks += [
                [each for each in task if (biases if each[0] == ops.BIASES else weights)]
                for task in self._updates.of_group(number)
            ]
        tasks = [task for task in tasks if task]
        return [*phases, Phase("weight gradients", tasks)] if tasks else phases

    def _by_squares(self, n_rows: int) -> list[Range]:
        """Return ranges of rows that are turned in squares: whole ones, if there are more."""
        parts = even(-(-n_rows // SIDE), self._effort.parts(n_rows * self._effort.row))
        return [(first * SIDE, min(last * SIDE, n_rows)) for first, last in parts]

    def _assembly(self, *, targets: bool) -> list[Task]:
        n_in, n_out = self._structure.n_inputs, self._structure.n_out
        kind = ops.ANY_INPUTS if self._any_values else ops.INPUTS
        kind = ops.INPUT_BYTES if self._keeps_bytes else kind
        ranges = self._by_squares(n_in)
        tasks = [[operation(kind, 0, *range_), *self._dropped(0, range_)] for range_ in ranges]
        if targets:
            rows = self._effort.rows_of_values(n_out)
            kind = ops.TARGETS_WITH_GAPS if self._gaps else ops.TARGETS
            tasks += [[operation(kind, 0, *range_)] for range_ in rows]
        return tasks

    def _forward_phases(self, number: int) -> list[Phase]:
        group = self._groups[number]
        title, graph = f"layer {group.level} forward", group.graph
        if group.products == EDGES:
            product, reader = self._products.sums[number], self._summed_apart(number)
            as_bytes = self._keeps_bytes and self._structure.reads_inputs_alone(number)
            kinds = [ops.FORWARD, ops.FORWARD_BYTES]
            if product.runs is not None:
                kinds = [ops.FORWARD_BY_TWO, ops.FORWARD_BYTES_BY_TWO]
            kind, tasks = kinds[as_bytes], []
            multiple = math.lcm(product.multiple, 1 if reader is None else COLUMNS)
            for rows in self._effort.rows_of(product, multiple=multiple):
                task = [operation(kind, number, *rows), *self._normalised(number, rows)]
                tasks.append([*task, *self._follows(number, rows)])
                if reader is not None:
                    tasks[-1].append(self._sums(reader, rows))
            remark = str(product) + ", as bytes" * as_bytes
            if reader is not None:
                title += f", sums of layer {self._groups[reader].level}"
            return [Phase(title, tasks, remark)]
        cycles = graph.n_edges * self._effort.edge
        ranges = self._effort.rows_of_values(graph.n_out)
        values = Phase(
            f"{title}, {group.activation}",
            [
                [
                    *(self._normalised(number, rows) or [operation(ops.ACTIVATE, number, *rows)]),
                    *self._follows(number, rows),
                ]
                for rows in ranges
            ],
        )
        if group.products == BLAS:
            tasks = [[operation(ops.BLAS_FORWARD, number)]]
        elif not partials_of(self._structure, number):
            parts = even(-(-graph.n_out // ROWS), self._effort.parts(cycles))
            tasks = [
                [
                    operation(
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

    def _normalised(self, number: int, rows: Range) -> list[Operation]:
        """Return the batch normalisation of a group's sums, and its activation, if it has one."""
        if self._groups[number].normal is None:
            return []
        kind = ops.APPLY_MOMENTS if self._purpose == PREDICT else ops.NORMALISE
        return [operation(kind, number, *rows)]

    def _follows(self, number: int, rows: Range) -> list[Operation]:
        """Operations that follow on rows of a group while they are in a cache."""
        following = []
        if self._groups[number].output is not None and not self._by_samples:  # else later
            loss = ops.LOSS_WITH_GAPS if self._gaps else ops.LOSS
            kind = ops.OUTPUT if self._purpose == PREDICT else loss
            following.append(operation(kind, number, *rows))
            if self._purpose == PREDICT and self._logits and self._structure.readers[number]:
                following.append(operation(ops.READ_OUTPUT, number, *rows))
        return following + self._dropped(number, rows)

    def _dropped(self, number: int, rows: Range) -> list[Operation]:
        """Dropout of a group's activations."""
        return [operation(ops.DROP, number, *rows)] if self._drops[number] else []

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
        tasks = [[operation(kind, number, *range_) for kind in kinds] for range_ in ranges]
        return Phase(f"{self._groups[number].activation} of the outputs", tasks)

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
        return operation(ops.COMPLETE_FORWARD, number, 0, self._groups[number].n_rows, *inputs)

    def _backward_phases(self, number: int) -> tuple[list[Phase], list[int]]:
        """Return the phases of a group's gradient, and the groups that are updated in passing."""
        title = f"layer {self._groups[number].level} gradient" if number else "input gradient"
        reader = self._structure.only_reader(number)
        if reader is not None and self._groups[reader].products == BLAS:
            ranges = self._effort.rows_of_values(self._groups[number].n_rows)
            tasks = [
                [operation(ops.SLOPE, number, *rows), *self._after_slope(number, rows)]
                for rows in ranges
            ]
            on_blas = Phase(title, [[operation(ops.BLAS_GRADIENT, number)]], BLAS)
            return [on_blas, Phase(f"{title}, slope", tasks)], []
        if reader is None:
            product = self._products.gradients[number]
            kind = ops.GRADIENT if product.runs is None else ops.GRADIENT_BY_TWO
            multiple, remark = product.multiple, str(product)
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
            least = -(-edges // SCRATCH)
            update = self._products.updates[number]
            multiple = math.lcm(multiple, update.multiple)
            ranges = self._effort.rows_of(product, update, least=least, multiple=multiple)
            levels = sorted(str(self._groups[other].level) for other in updated)
            title += f", update of layer{'s' * (len(levels) > 1)} {' and '.join(levels)}"
        tasks = []
        for rows in ranges:
            task = [operation(kind, number, *rows), *self._after_slope(number, rows)]
            if updated:
                task += self._updates.of_rows(number, *rows, 0, update.blocks.number)
            if updated and reader is not None:
                task += self._updates.of_columns(reader, (0, self._groups[reader].n_rows), rows)
            tasks.append(task)
        return [Phase(title, tasks, remark)], updated

    def _after_slope(self, number: int, rows: Range) -> list[Operation]:
        """Return the rest of a group's gradient: dropout, unless in the slope; its loss."""
        shows = ACTIVATIONS[self._groups[number].activation].shows_dropped
        following = []
        if self._drops[number] and not shows:
            following.append(operation(ops.DROP_DELTAS, number, *rows))
        if self._groups[number].output is not None:
            following.append(operation(ops.ADD_LOSS, number, *rows))
        if self._groups[number].normal is not None:
            following.append(operation(ops.NORMALISE_BACK, number, *rows))
        if number == 0 and self._purpose == PULL_BACK:
            following.append(operation(ops.HAND_OVER, 0, *rows))
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
