"""Tasks that make gradients of parameters and use them: weights, biases, batch normalisations."""

from __future__ import annotations

from dataclasses import dataclass

from ..functions.optimizers import NORM_BLOCK
from ..layers.complete import COLUMNS
from . import operations as ops
from .effort import PER_VALUE, Effort, Range, even
from .graphs import BLAS, COMPLETE, NARROW
from .products import Product
from .structure import Group, Structure

Operation = tuple[int, ...]
Task = list[Operation]

SCRATCH = 2**15
"""Edges whose gradients a task holds, at most, if it has more than one row."""


@dataclass(frozen=True)
class Phase:
    """Tasks that may run in any order, and how to say what they do."""

    title: str
    tasks: list[Task]
    remark: str = ""
    shows: int = 0  # the fault of a step that can be told once it is done


class Updates:
    """Tasks of updates.

    Parameters
    ----------
    structure
        The structure.
    effort
        Costs of operations.
    products
        The products dZ X^T of the groups that have indices.
    keeps_bytes
        Whether inputs stay bytes.
    keeps_gradients
        Whether gradients are kept as they are made.
    bounded
        Whether parameters have bounds.
    """

    def __init__(
        self,
        structure: Structure,
        effort: Effort,
        products: dict[int, Product],
        *,
        keeps_bytes: bool,
        keeps_gradients: bool,
        bounded: bool,
    ) -> None:
        self._structure, self._groups, self._effort = structure, structure.groups, effort
        self._products, self._keeps_bytes = products, keeps_bytes
        self._keeps_gradients, self._bounded = keeps_gradients, bounded

    def norm(self) -> Phase:
        """Return the phase that sums the squares of all gradients."""
        n = self._structure.n_parameters
        blocks = even(-(-n // NORM_BLOCK), self._effort.parts(n * PER_VALUE))
        tasks = []
        for first, last in blocks:
            parameters = first * NORM_BLOCK, min(last * NORM_BLOCK, n)
            task = [operation(ops.LEAVE_OUT_FROZEN, 0, *parameters)] if self._bounded else []
            tasks.append([*task, operation(ops.NORM, 0, first, last)])
        return Phase("norm of the gradients", tasks)

    def clamp(self) -> Phase:
        """Return the phase that brings all parameters into their bounds."""
        n = self._structure.n_parameters
        ranges = even(n, self._effort.parts(n * PER_VALUE))
        return Phase("constraints", [[operation(ops.CLAMP, 0, *range_)] for range_ in ranges])

    def clipped_step(self) -> Phase:
        """Return the phase of the optimiser's step by clipped gradients."""
        tasks: list[Task] = []
        for number, group in self._structure.summing:
            weights, biases = self._structure.weights[number], self._structure.biases[number]
            parts = [(weights, group.graph.n_edges)]  # they decay, the others do not
            parts += [(biases, group.n_rows)] if _trains_shift(group) else []
            gains = self._structure.gains[number]
            parts += [(gains, group.n_rows)] if _trains_scale(group) else []
            if group.normal is not None:
                tasks.append([operation(ops.ADD_MOMENTS, number, 0, group.n_rows)])
            for begin, n in parts:
                ranges = even(n, self._effort.parts(n * PER_VALUE))
                tasks += [
                    [operation(ops.STEP, number, begin + first, begin + last)]
                    for first, last in ranges
                ]
        return Phase("update by clipped gradients", tasks)

    def of_group(self, number: int) -> list[Task]:
        """Return tasks that update all parameters of a group."""
        group = self._groups[number]
        graph, products = group.graph, group.products
        least = -(-graph.n_edges // SCRATCH)
        parts = max(least, self._effort.parts(graph.n_edges * self._effort.edge))
        if products == BLAS:
            kinds = [] if self._keeps_gradients else [ops.APPLY]
            return [
                [*(operation(kind, number, *rows) for kind in kinds), *self._biases(number, rows)]
                for rows in even(graph.n_out, least)
            ]
        if products == COMPLETE:
            # As in the forward pass of the group below, inputs are shared in their order.
            blocks = even(-(-graph.n_in // COLUMNS), parts)
            row_parts = even(graph.n_out, -(-least // len(blocks)))
            return [
                self.of_columns(number, rows, (begin * COLUMNS, min(end * COLUMNS, graph.n_in)))
                for begin, end in blocks
                for rows in row_parts
            ]
        product = self._products[number]
        n_blocks = product.blocks.number
        if graph.n_out < NARROW and n_blocks > 1:  # too few rows to share: share the blocks
            shares = even(n_blocks, parts)
            return [self.of_rows(number, 0, graph.n_out, *share) for share in shares]
        ranges = self._effort.rows_of(product, least=least, multiple=product.multiple)
        return [self.of_rows(number, *rows, 0, n_blocks) for rows in ranges]

    def of_rows(self, number: int, first: int, last: int, begin: int, end: int) -> Task:
        """Return the update of rows: their edges, and with the first blocks their biases."""
        as_bytes = self._keeps_bytes and self._structure.reads_inputs_alone(number)
        product, kinds = self._products[number], [ops.UPDATE, ops.UPDATE_BYTES]
        if product.runs is not None and (begin, end) == (0, product.blocks.number):
            kinds = [ops.UPDATE_BY_TWO, ops.UPDATE_BYTES_BY_TWO]
        kind = kinds[as_bytes]
        task = [operation(kind, number, first, last, begin, end)]
        return [*task, *self._biases(number, (first, last))] if begin == 0 else task

    def of_columns(self, number: int, rows: Range, columns: Range) -> Task:
        """Return the update of some inputs of a complete group, with the first its biases."""
        task = [operation(ops.COMPLETE_UPDATE, number, *rows, *columns)]
        return [*task, *self._biases(number, rows)] if columns[0] == 0 else task

    def _biases(self, number: int, rows: Range) -> Task:
        """Return the update of rows' parameters beside their edges."""
        group = self._groups[number]
        if group.normal is None:
            return [operation(ops.BIASES, number, *rows)]
        kinds = [ops.SHIFTS] * _trains_shift(group) + [ops.GAINS] * _trains_scale(group)
        kinds += [] if self._keeps_gradients else [ops.ADD_MOMENTS]
        return [operation(kind, number, *rows) for kind in kinds]


def _trains_shift(group: Group) -> bool:
    return group.normal is None or group.normal.shift


def _trains_scale(group: Group) -> bool:
    return group.normal is not None and group.normal.scale


def operation(
    kind: int, group: int, first: int = 0, last: int = 0, begin: int = 0, end: int = 0
) -> Operation:
    """Return the record of an operation."""
    return kind, group, first, last, begin, end
