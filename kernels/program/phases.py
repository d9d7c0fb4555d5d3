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
from ..layers.complete import COLUMNS, GROUP
from ..machine.transpose import SIDE
from . import operations as ops
from .blocks import Product, complete_product
from .effort import PER_VALUE, Effort, Range, even
from .records import DIFFERENTIATE, PREDICT, TRAIN
from .structure import BLAS, COMPLETE, EDGES, NARROW, Wiring

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
    wiring
        The structure.
    purpose
        `PREDICT`, `TRAIN` or `DIFFERENTIATE`.
    effort
        Costs of operations.
    forward, backward
        The products W X and W^T dZ of the layers that have indices.
    keeps_bytes
        Whether inputs stay bytes.
    drops
        Whether some of a layer's inputs are dropped, for each layer.
    by_samples
        Whether outputs and their loss are made by samples, once all rows are there.
    clips
        Whether the step waits for the norm of all gradients.
    """

    def __init__(
        self,
        wiring: Wiring,
        purpose: int,
        effort: Effort,
        forward: dict[int, Product],
        backward: dict[int, Product],
        *,
        keeps_bytes: bool,
        drops: Sequence[bool],
        by_samples: bool,
        clips: bool,
    ) -> None:
        self._wiring, self._effort, self._purpose = wiring, effort, purpose
        self._forward, self._backward = forward, backward
        self._keeps_bytes, self._drops, self._by_samples = keeps_bytes, drops, by_samples
        self._keeps_gradients = purpose == DIFFERENTIATE or clips
        layers = range(len(wiring.graphs))
        self.phases = [Phase("batch", self._assembly(targets=purpose != PREDICT))]
        for number in layers:
            self.phases += self._forward_phases(number)
        if by_samples:
            self.phases.append(self._whole_outputs())
        if purpose == PREDICT:
            return
        left = list(layers)  # layers without an update yet
        for number in reversed(layers):
            if number == 1 and purpose == TRAIN and self._pairs():
                self.phases.append(self._first_two())
                left = left[2:] if wiring.products[1] == COMPLETE else left[1:]
            elif goes_back(purpose, number):
                self.phases += self._backward_phases(number)
        dense = [number for number in left if wiring.products[number] == BLAS]
        if dense:
            tasks = [[_operation(ops.BLAS_GRADIENT, number)] for number in dense]
            self.phases.append(Phase("weight gradients of complete layers", tasks, "BLAS"))
        tasks = [task for number in left for task in self._updates(number)]
        if tasks:
            self.phases.append(Phase("weight gradients and update", tasks))
        if clips:
            self.phases += [self._norm(), self._clipped_step()]

    def _assembly(self, *, targets: bool) -> list[Task]:
        n_in, n_out = self._wiring.widths[0], self._wiring.widths[-1]
        parts = even(-(-n_in // SIDE), self._effort.parts(n_in * self._effort.row))
        kind = ops.INPUT_BYTES if self._keeps_bytes else ops.INPUTS
        ranges = [(first * SIDE, min(last * SIDE, n_in)) for first, last in parts]
        tasks = [[_operation(kind, 0, *range_), *self._dropped(0, range_)] for range_ in ranges]
        if targets:
            rows = self._effort.rows_of_values(n_out)
            tasks += [[_operation(ops.TARGETS, 0, *range_)] for range_ in rows]
        return tasks

    def _forward_phases(self, number: int) -> list[Phase]:
        title, graph = f"layer {number + 1} forward", self._wiring.graphs[number]
        products = self._wiring.products[number]
        if products == EDGES:
            product, follows = self._forward[number], self._is_summed_apart(number + 1)
            as_bytes = number == 0 and self._keeps_bytes
            kind = ops.FORWARD_BYTES if as_bytes else ops.FORWARD
            tasks = []
            for rows in self._effort.rows_of(product, multiple=COLUMNS if follows else 1):
                tasks.append([_operation(kind, number, *rows), *self._follows(number, rows)])
                if follows:
                    tasks[-1].append(self._sums(number + 1, rows))
            remark = str(product.blocks) + ", as bytes" * as_bytes
            return [Phase(title + f", sums of layer {number + 2}" * follows, tasks, remark)]
        cycles = graph.n_edges * self._effort.edge
        ranges = self._effort.rows_of_values(graph.n_out)
        values = Phase(
            f"{title}, {self._wiring.activations[number]}",
            [[_operation(ops.ACTIVATE, number, *r), *self._follows(number, r)] for r in ranges],
        )
        if products == BLAS:
            tasks = [[_operation(ops.BLAS_FORWARD, number)]]
        elif not self._is_summed_apart(number):
            groups = even(-(-graph.n_out // GROUP), self._effort.parts(cycles))
            tasks = [
                [
                    _operation(
                        ops.COMPLETE_FORWARD,
                        number,
                        k * GROUP,
                        min(m * GROUP, graph.n_out),
                        0,
                        graph.n_in,
                    )
                ]
                for k, m in groups
            ]
        elif number > 0 and self._wiring.products[number - 1] == EDGES:
            return [values]  # their inputs' tasks have made the sums
        else:
            blocks = even(-(-graph.n_in // COLUMNS), self._effort.parts(cycles))
            tasks = [
                [self._sums(number, (k * COLUMNS, min(m * COLUMNS, graph.n_in)))] for k, m in blocks
            ]
        return [Phase(title, tasks, products), values]

    def _follows(self, number: int, rows: Range) -> list[Operation]:
        """Operations that follow on rows of outputs while they are in a cache."""
        if number + 1 < len(self._wiring.graphs):
            return self._dropped(number + 1, rows)
        if self._by_samples:
            return []  # until all rows are there
        return [_operation(ops.OUTPUT if self._purpose == PREDICT else ops.LOSS, number, *rows)]

    def _dropped(self, number: int, rows: Range) -> list[Operation]:
        """Dropout of a layer's inputs."""
        return [_operation(ops.DROP, number, *rows)] if self._drops[number] else []

    def _dropped_deltas(self, number: int, rows: Range) -> list[Operation]:
        """The same of the gradient by them, unless the slope has seen to it."""
        made_by = self._wiring.activations[number - 1] if number else "identity"
        wanted = self._drops[number] and not ACTIVATIONS[made_by].shows_dropped
        return [_operation(ops.DROP_DELTAS, number, *rows)] if wanted else []

    def _whole_outputs(self) -> Phase:
        n_out, last = self._wiring.widths[-1], len(self._wiring.graphs) - 1
        parts = self._effort.parts(_LAYER_PASSES * n_out * self._effort.row)
        width = self._effort.width
        kinds = [ops.LOSS_OF_SAMPLES]
        if self._purpose == PREDICT:
            kinds = [ops.ACTIVATE_LAYER, ops.OUTPUT_SAMPLES]
        ranges = [
            (begin * SAMPLES, min(end * SAMPLES, width))
            for begin, end in even(-(-width // SAMPLES), parts)
        ]
        tasks = [[_operation(kind, last, *range_) for kind in kinds] for range_ in ranges]
        return Phase(f"{self._wiring.activations[-1]} of the outputs", tasks)

    def _norm(self) -> Phase:
        n = self._n_parameters()
        blocks = even(-(-n // NORM_BLOCK), self._effort.parts(n * PER_VALUE))
        tasks = [[_operation(ops.NORM, 0, *range_)] for range_ in blocks]
        return Phase("norm of the gradients", tasks)

    def _clipped_step(self) -> Phase:
        tasks: list[Task] = []
        begin = 0
        for number, graph in enumerate(self._wiring.graphs):
            for n in (graph.n_edges, graph.n_out):  # weights decay, biases do not
                ranges = even(n, self._effort.parts(n * PER_VALUE))
                tasks += [
                    [_operation(ops.STEP, number, begin + first, begin + last)]
                    for first, last in ranges
                ]
                begin += n
        return Phase("update by clipped gradients", tasks)

    def _n_parameters(self) -> int:
        return sum(graph.n_edges + graph.n_out for graph in self._wiring.graphs)

    def _is_summed_apart(self, number: int) -> bool:
        """True if a layer's sums over groups of inputs are separate, added up afterwards."""
        within = number < len(self._wiring.graphs)
        return within and partials_of(self._wiring, number) > 0

    def _sums(self, number: int, inputs: Range) -> Operation:
        return _operation(
            ops.COMPLETE_FORWARD, number, 0, self._wiring.graphs[number].n_out, *inputs
        )

    def _backward_phases(self, number: int) -> list[Phase]:
        title, graph = f"layer {number + 1} input gradient", self._wiring.graphs[number]
        products = self._wiring.products[number]
        if products == BLAS:
            rows = self._effort.rows_of_values(graph.n_in)
            return [
                Phase(title, [[_operation(ops.BLAS_INPUT_GRADIENT, number)]], products),
                Phase(
                    f"{title}, slope",
                    [
                        [_operation(ops.SLOPE, number, *r), *self._dropped_deltas(number, r)]
                        for r in rows
                    ],
                ),
            ]
        kind, product = self._input_gradient(number)
        rows = self._effort.rows_of(product, multiple=_MULTIPLES[products])
        tasks = [
            [_operation(kind, number, *range_), *self._dropped_deltas(number, range_)]
            for range_ in rows
        ]
        return [Phase(title, tasks, _remark(products, product))]

    def _input_gradient(self, number: int) -> tuple[int, Product]:
        """Return the operation that makes a layer's input gradient, and the product that it is."""
        if self._wiring.products[number] == EDGES:
            return ops.INPUT_GRADIENT, self._backward[number]
        graph = self._wiring.graphs[number]
        return ops.COMPLETE_INPUT_GRADIENT, complete_product(graph.n_in, graph.n_out)

    def _pairs(self) -> bool:
        """True if `_first_two` can be made, and the first layer has rows to share."""
        narrow = self._wiring.widths[1] < NARROW
        return self._wiring.products[0] == EDGES and self._wiring.products[1] != BLAS and not narrow

    def _first_two(self) -> Phase:
        """The second layer's input gradient, and at once what only waits for its rows.

        These are the first layer's weights, since there is no input gradient that would still
        need them as they were; and a complete second layer's, by columns.
        """
        products, first = self._wiring.products[1], self._forward[0]
        n_out = self._wiring.widths[2]
        kind, product = self._input_gradient(1)
        least = -(-self._wiring.graphs[0].n_edges // _SCRATCH)
        title = "layer 2 input gradient, layer 1 update"
        if products == COMPLETE:
            least = max(least, -(-self._wiring.graphs[1].n_edges // _SCRATCH))
            title = "layer 2 input gradient, layers 1 and 2 update"
        tasks = []
        for rows in self._effort.rows_of(
            product, first, least=least, multiple=_MULTIPLES[products]
        ):
            task = [_operation(kind, 1, *rows), *self._dropped_deltas(1, rows)]
            task.append(self._update(0, *rows, 0, first.blocks.number))
            if products == COMPLETE:
                task.append(_operation(ops.COMPLETE_UPDATE, 1, 0, n_out, *rows))
            tasks.append(task)
        return Phase(title, tasks, _remark(products, product))

    def _updates(self, number: int) -> list[Task]:
        graph = self._wiring.graphs[number]
        products = self._wiring.products[number]
        least = -(-graph.n_edges // _SCRATCH)
        parts = max(least, self._effort.parts(graph.n_edges * self._effort.edge))
        if products == BLAS:
            ranges = even(graph.n_out, least)
            kind = ops.BIAS_GRADIENTS if self._keeps_gradients else ops.APPLY
            return [[_operation(kind, number, *rows)] for rows in ranges]
        if products == COMPLETE:
            # As in the forward pass of the layer below, inputs are shared in their order.
            blocks = even(-(-graph.n_in // COLUMNS), parts)
            row_parts = even(graph.n_out, -(-least // len(blocks)))
            return [
                [
                    _operation(
                        ops.COMPLETE_UPDATE, number,
                        *rows, begin * COLUMNS, min(end * COLUMNS, graph.n_in),
                    )
                ]
                for begin, end in blocks
                for rows in row_parts
            ]  # fmt: skip
        product = self._forward[number]
        n_blocks = product.blocks.number
        if graph.n_out < NARROW and n_blocks > 1:  # too few rows to share: share the blocks
            shares = even(n_blocks, parts)
            return [[self._update(number, 0, graph.n_out, *s)] for s in shares]
        ranges = self._effort.rows_of(product, least=least)
        return [[self._update(number, *rows, 0, n_blocks)] for rows in ranges]

    def _update(self, number: int, first: int, last: int, begin: int, end: int) -> Operation:
        as_bytes = number == 0 and self._keeps_bytes
        kind = ops.UPDATE_BYTES if as_bytes else ops.UPDATE
        return _operation(kind, number, first, last, begin, end)


_MULTIPLES = {EDGES: 1, COMPLETE: COLUMNS}
"""Of rows that a task has; in complete layers those of the forward pass, so that both find them in
the same core's cache."""


def partials_of(wiring: Wiring, number: int) -> int:
    """Return how many rows a layer needs for sums over some of its inputs: a few, or none."""
    graph = wiring.graphs[number]
    if wiring.products[number] != COMPLETE or graph.n_out >= NARROW:
        return 0
    return (-(-graph.n_in // COLUMNS) - 1) * graph.n_out


def goes_back(purpose: int, number: int) -> bool:
    """Return whether the gradient by a layer's inputs is wanted."""
    return purpose == DIFFERENTIATE or (purpose == TRAIN and number > 0)


def _remark(products: str, product: Product) -> str:
    return str(product.blocks) if products == EDGES else products


def _operation(
    kind: int, layer: int, first: int = 0, last: int = 0, begin: int = 0, end: int = 0
) -> Operation:
    return kind, layer, first, last, begin, end
