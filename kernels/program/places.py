"""Places: where all that a group has begins, in the arrays that the compiled code reads.

A group's record (`GROUP`) has its rows of activations and of their gradients, its parameters, its
edges and their blocks, and what it computes at the end of its sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..functions.activations import ACTIVATIONS, IDENTITY, NONE
from ..layers.two_rows import holds_two
from ..machine.vector import lanes_of
from .graphs import EDGES
from .phases import partials_of
from .products import Products
from .records import GROUP
from .reuse import Reads
from .structure import Structure
from .transposed import Transposed

Array = npt.NDArray[Any]


@dataclass
class Places:
    """The records of all groups, their products by indices, and the rows that they need."""

    groups: Array
    products: Products
    n_partials: int = 0
    n_deltas: int = 0
    n_normal: int = 0


def lay_out(
    structure: Structure,
    transposed: Transposed | None,
    *,
    width: int,
    tile: tuple[int, ...],
    dtype: np.dtype[Any],
    is_prediction: bool,
    by_inputs: bool,
    keeps_bytes: bool,
    logits: bool,
) -> Places:
    """Return where all that a group has begins, for each group of a structure.

    Parameters
    ----------
    structure, transposed
        The network's, and its transpose where there is a backward pass.
    width, tile, dtype
        Of a batch: values of a row, its tile and precision.
    is_prediction
        Whether there is no backward pass.
    by_inputs
        Whether gradients by the inputs are made, which then have rows.
    keeps_bytes, logits
        As for `Plan`.
    """
    passes, two = width // lanes_of(dtype, len(tile)), holds_two(tile)
    groups = np.zeros(len(structure.groups), GROUP)
    products = Products(width * dtype.itemsize, passes)
    skipped = 0 if by_inputs else structure.n_inputs
    places = Places(groups, products, n_deltas=structure.n_rows - skipped)
    for number, (record, group) in enumerate(zip(groups, structure.groups, strict=True)):
        has_bytes = keeps_bytes and structure.reads_inputs_alone(number)
        record["n_rows"], record["rows"] = group.n_rows, structure.rows[number]
        record["deltas"] = record["loss_deltas"] = structure.rows[number] - skipped
        record["reads"], record["n_reads"] = group.reads, group.graph.n_in
        record["weights"], record["biases"] = structure.weights[number], structure.biases[number]
        record["activation"] = record["makes"] = ACTIVATIONS[group.activation].number
        record["sums"] = record["makes"]
        record["normal"], record["gains"] = -1, structure.gains[number]
        if group.normal is not None:
            # Sums of bytes have still to be scaled, others are ready to be normalised.
            record["normal"] = places.n_normal
            record["sums"] = IDENTITY if has_bytes else NONE
            places.n_normal += group.n_rows
        record["output"] = -1 if group.output is None else group.output
        if group.output is not None:
            if logits:
                record["makes"] = record["sums"] = IDENTITY
                if not structure.readers[number]:
                    record["activation"] = IDENTITY
            if structure.readers[number] and not is_prediction:
                record["loss_deltas"] = places.n_deltas
                places.n_deltas += group.n_rows
        reader = structure.only_reader(number)
        record["reader"] = 0 if reader is None else reader
        if transposed is not None and number in transposed.indptrs:
            _add_gradient(products, transposed, number, record, skipped)
        if group.products != EDGES:
            record["n_blocks"] = -1  # so that its table of starts has no rows
            record["partials"] = places.n_partials
            record["n_partials"] = partials_of(structure, number)
            places.n_partials += int(record["n_partials"])
        elif number > 0:
            reads, record["edges"] = _reads_of(structure, number), structure.first[number]
            _add_sums(products, number, record, reads, has_bytes)
            if not is_prediction:
                _add_update(products, number, record, reads, has_bytes, two)
    return places


def _add_gradient(
    products: Products, transposed: Transposed, number: int, record: Any, skipped: int
) -> None:
    """Add the gradients by the activations of a group."""
    begin, rows = transposed.first[number], transposed.readers[number]
    record["readers"], record["n_readers"] = rows.start - skipped, len(rows)
    indptr = transposed.indptrs[number]
    record["t_edges"], record["n_t_edges"] = begin, indptr[-1]
    indices = transposed.indices[begin : begin + int(indptr[-1])]
    made = products.of_rows(Reads(indptr, indices, len(rows)))
    products.gradients[number] = made
    record["t_blocks"] = made.blocks.number
    record["t_starts"], record["t_order"] = products.place(made)


def _reads_of(structure: Structure, number: int) -> Reads:
    begin, indptr = structure.first[number], structure.indptrs[number]
    indices = structure.indices[begin : begin + int(indptr[-1])]
    return Reads(indptr, indices, structure.groups[number].graph.n_in)


def _add_sums(products: Products, number: int, record: Any, reads: Reads, has_bytes: bool) -> None:
    """Add the sums of a group."""
    made = products.of_rows(reads, of_bytes=has_bytes)
    products.sums[number], record["n_blocks"] = made, made.blocks.number
    record["starts"], record["order"] = products.place(made)


def _add_update(
    products: Products, number: int, record: Any, reads: Reads, has_bytes: bool, two: bool
) -> None:
    """Add the update of a group's weights: as its sums go, or row by row where that is cheaper."""
    made, record["u_starts"] = products.sums[number], record["starts"]
    if made.runs is not None and not (two and made.runs.for_updates):
        made = products.row_by_row(reads, of_bytes=has_bytes)
        record["u_starts"], _ = products.place(made)
    products.updates[number], record["u_blocks"] = made, made.blocks.number
