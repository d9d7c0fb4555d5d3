"""Trades of the Curveball algorithm, which draw a graph anew and keep all of its degrees."""

from __future__ import annotations

from ..machine.jit import jit


@jit
def trade(indptr, indices, order, draws, marks, pool):  # type: ignore[no-untyped-def]
    """Let rows trade two by two: what both have each keeps, and the rest is dealt out anew.

    In place, as many to each as it had; afterwards the columns of a row stand in no order. indptr,
    indices : int, the CSR structure; order : int[rows], where the rows of a pair stand side by
    side, and the last of an odd number trades with none; draws : float64[edges], uniform in [0, 1);
    marks : uint8[columns], all 0 before and after; pool : int[columns].
    Cost: the edges.
    """
    for pair in range(order.shape[0] // 2):
        left, right = order[2 * pair], order[2 * pair + 1]
        for edge in range(indptr[left], indptr[left + 1]):
            marks[indices[edge]] = 1
        n_free, right_end = 0, indptr[right]
        for edge in range(indptr[right], indptr[right + 1]):
            column = indices[edge]
            if marks[column] == 1:
                marks[column] = 2
                indices[right_end] = column
                right_end += 1
            else:
                pool[n_free] = column
                n_free += 1
        left_end = indptr[left]
        for edge in range(indptr[left], indptr[left + 1]):
            column = indices[edge]
            if marks[column] == 2:
                indices[left_end] = column
                left_end += 1
            else:
                pool[n_free] = column
                n_free += 1
            marks[column] = 0
        for edge in range(left_end, indptr[left + 1]):
            drawn = int(draws[edge] * n_free)
            n_free -= 1
            indices[edge] = pool[drawn]
            pool[drawn] = pool[n_free]
        for edge in range(right_end, indptr[right + 1]):
            n_free -= 1
            indices[edge] = pool[n_free]
