"""The transpose of a structure: for each group the edges of all rows that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from .structure import Structure

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Transposed:
    """W^T: for each group whose gradient is wanted, the edges of all rows that read it."""

    indptrs: dict[int, Array]
    readers: dict[int, range]  # group -> rows that these edges lead to: from the first to the last
    first: dict[int, int]  # group -> where its entries begin
    indices: Array  # counted from the first of these rows
    edges: Array  # where each entry stands among all parameters

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        pointers = sum(indptr.nbytes for indptr in self.indptrs.values())
        return pointers + self.indices.nbytes + self.edges.nbytes


def transposed_of(structure: Structure, *, inputs: bool = False) -> Transposed:
    """Return the transpose for all groups, and for the inputs if asked for; kept in the structure.

    Training never asks for that of the inputs, which is often the largest.
    """
    wanted = [
        number
        for number in range(not inputs, len(structure.groups))
        if structure.readers[number] and structure.only_reader(number) is None
    ]
    have = structure.transposed
    if have is None or not set(wanted) <= set(have.indptrs):
        have = structure.transposed = _transpose(structure, wanted)
    return have


def _transpose(structure: Structure, numbers: Sequence[int]) -> Transposed:
    """Return the transpose for the groups of these numbers, each of which is read."""
    indptrs, readers, first, indices, edges, total = {}, {}, {}, [], [], 0
    for number in numbers:
        begin = end = structure.rows[structure.readers[number][0]]
        blocks = []
        for reader in structure.readers[number]:
            gap = structure.rows[reader] - end, structure.groups[number].n_rows
            blocks.append(scipy.sparse.csr_array(gap, dtype=structure.place))
            blocks.append(_edges_between(structure, number, reader))
            end = structure.rows[reader + 1]
        matrix = blocks[1] if len(blocks) == 2 else scipy.sparse.vstack(blocks)
        matrix = matrix.tocsc()
        indptrs[number], first[number] = matrix.indptr.astype(np.int64), total
        readers[number] = range(begin, end)
        indices.append(matrix.indices.astype(structure.index_dtype))
        edges.append(matrix.data)
        total += len(matrix.data)
    return Transposed(
        indptrs,
        readers,
        first,
        np.concatenate([*indices, np.empty(0, structure.index_dtype)]),
        np.concatenate([*edges, np.empty(0, structure.place)]),
    )


def _edges_between(structure: Structure, number: int, reader: int) -> scipy.sparse.csr_array:
    """Return the positions of a reader's edges from a group among all parameters."""
    group, n_rows = structure.groups[reader], structure.groups[number].n_rows
    indptr, indices = group.graph.rows()
    begin = structure.weights[reader]
    places = np.arange(begin, begin + len(indices), dtype=structure.place)
    columns = indices.astype(np.int64) + (group.reads - structure.rows[number])
    if not structure.reads_exactly(reader, number):
        inside = (columns >= 0) & (columns < n_rows)
        indptr = np.concatenate([[0], np.cumsum(inside)])[indptr]
        places, columns = places[inside], columns[inside]
    columns = columns.astype(np.int32)  # groups have fewer than 2**31 rows
    return scipy.sparse.csr_array((places, columns, indptr), shape=(group.n_rows, n_rows))
