"""The Curveball algorithm: a graph drawn from all graphs that have its degrees.

In a global trade, neurons of one side meet two by two, in random pairs. Both keep the neighbours
that they share, and the others are dealt out anew, as many to each as it had. So degrees are kept
and no edge is repeated. A trade and its inverse are equally likely: the only distribution that
trades leave as it is, is the uniform one.

Sources: G. Strona et al., 2014, doi:10.1038/ncomms5114; C. J. Carstens, 2015,
doi:10.1103/PhysRevE.91.042812, proves that it is uniform in the limit; global trades: C. J.
Carstens et al., 2018, arXiv:1804.08487.
"""

from __future__ import annotations

import numpy as np
import scipy

from ..kernels.functions.trades import trade

TRADES = 100
"""Global trades, half of them on each side. There is no bound on their number that is of practical
use; 10 to 100 are customary (NetworKit). Trades on one side alone would hardly move the edges of a
neuron that has most of them, which those on the other side do. By the share of edges that a graph
keeps, 40 could not be told from 160, on graphs with hubs on one side or on both."""


def traded(matrix: scipy.sparse.csr_array, rng: np.random.Generator) -> scipy.sparse.csr_array:
    """Return a matrix of ones with the same sums of rows and columns; the one given is lost.

    Where only one matrix has these sums (one row; all entries; a star), it is that one.
    """
    side = max(matrix.shape)
    marks, pool = np.zeros(side, np.uint8), np.empty(side, np.int64)
    for _ in range(TRADES):
        order, draws = rng.permutation(matrix.shape[0]), rng.random(matrix.nnz)
        trade(matrix.indptr, matrix.indices, order, draws, marks, pool)
        matrix = matrix.T.tocsr()
    return matrix
