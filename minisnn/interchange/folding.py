"""Batch normalisation folded into the weights: for programs that only predict."""

from __future__ import annotations

import numpy as np

from ..kernels.functions.normalisation import EPSILON
from ..network.network import Network


def folded(net: Network) -> Network:
    """Return a network without batch normalisation that predicts the same; itself if it has none.

    With the gains g, shifts, running means and variances v of a level, its weights are multiplied
    by g / sqrt(v + epsilon), and its biases are its shifts less the means times that.
    """
    if not any(net.batch_norm):
        return net
    structure, parts = net.structure, []
    for number, group in structure.summing:
        weights, biases = structure.parts(net.parameters, number)
        if group.normal is not None:
            begin = structure.gains[number]
            end = begin + 3 * group.n_rows
            values = net.parameters[begin:end].astype(np.float64)
            gains, means, variances = values.reshape(3, -1)
            with np.errstate(all="ignore"):  # after a training that diverged
                factors = gains / np.sqrt(variances + EPSILON)
                weights = weights * np.repeat(factors, np.diff(group.graph.rows()[0]))
                biases = biases - means * factors
        parts += [weights, biases]
    vector = np.concatenate(parts).astype(net.dtype)
    functions = net.activation, net.output_activation
    return Network.from_parameters(net.wiring, vector, *functions, net.seed)
