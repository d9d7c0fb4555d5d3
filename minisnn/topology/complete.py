"""The complete graph."""

from __future__ import annotations

from ..graph import Topology


def dense(n_in: int, n_out: int) -> Topology:
    """Return the complete graph: the fully connected layer, the baseline.

    It runs on BLAS in a network most of whose connections lie in such layers, as in the fully
    connected twin of a sparse network. As the output layer of a sparse network it runs on the
    sparse kernels, which spares the handing over of the cores; see `MLP.runs_on_blas`.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.

    Returns
    -------
    Topology

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.dense(3, 2).n_edges
    6
    """
    return Topology.complete(n_in, n_out)
