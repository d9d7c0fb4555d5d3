"""One sample at a time: an edge is one multiply-add, and activations are vectors.

The kernels of `sparse` read a register of samples for each edge; with a single sample all but
one of its lanes would be padding. Here four rows go side by side, so that the processor has other
sums to add to while one waits for its last addition. Each sum runs in the order of its edges, in
complete layers of its blocks, with the operations of `sparse`, `complete` and `activations`: a
sample alone has the bits that it has in a batch, unless the network runs on BLAS.
"""

from __future__ import annotations

import numpy as np

from ..functions.activations import activate, activate_layer
from ..functions.normalisation import folded
from ..machine.jit import jit
from ..machine.subnormals import flush_subnormals, restore
from ..machine.vector import fma
from .blas import multiply
from .complete import COLUMNS


@jit
def _four_of(i, n):  # type: ignore[no-untyped-def]
    """Return four rows from i on; where fewer are left, the last one several times."""
    return i, min(i + 1, n - 1), min(i + 2, n - 1), min(i + 3, n - 1)


@jit
def edges_times(begins, ends, indices, weights, x, z):  # type: ignore[no-untyped-def]
    """z = W x on the edges of W.

    begins, ends : uint32[n_out], each row's first edge and the first after it; indices : uint16 or
    uint32[edges]; weights : real[edges]; x : real[n_in]; z : real[n_out]. Cost: 2 * edges
    operations, about one cycle per edge.
    """
    n_out, zero = z.shape[0], z.dtype.type(0)
    for i in range(0, n_out, 4):
        i0, i1, i2, i3 = _four_of(i, n_out)
        b0, b1 = np.intp(begins[i0]), np.intp(begins[i1])
        b2, b3 = np.intp(begins[i2]), np.intp(begins[i3])
        e0, e1, e2, e3 = np.intp(ends[i0]), np.intp(ends[i1]), np.intp(ends[i2]), np.intp(ends[i3])
        common = min(min(e0 - b0, e1 - b1), min(e2 - b2, e3 - b3))
        z0, z1, z2, z3 = zero, zero, zero, zero
        for k in range(common):
            z0 = fma(weights[b0 + k], x[indices[b0 + k]], z0)
            z1 = fma(weights[b1 + k], x[indices[b1 + k]], z1)
            z2 = fma(weights[b2 + k], x[indices[b2 + k]], z2)
            z3 = fma(weights[b3 + k], x[indices[b3 + k]], z3)
        # Not in a function: a call takes twice as long where rows are short.
        for k in range(b0 + common, e0):
            z0 = fma(weights[k], x[indices[k]], z0)
        for k in range(b1 + common, e1):
            z1 = fma(weights[k], x[indices[k]], z1)
        for k in range(b2 + common, e2):
            z2 = fma(weights[k], x[indices[k]], z2)
        for k in range(b3 + common, e3):
            z3 = fma(weights[k], x[indices[k]], z3)
        z[i0], z[i1], z[i2], z[i3] = z0, z1, z2, z3


@jit
def complete_times(W, x, z):  # type: ignore[no-untyped-def]
    """z = W x of a complete layer, W : real[n_out, n_in]."""
    n_out, n_in = W.shape
    zero = z.dtype.type(0)
    for i in range(0, n_out, 4):
        i0, i1, i2, i3 = _four_of(i, n_out)
        for block in range(0, n_in, COLUMNS):
            z0, z1, z2, z3 = zero, zero, zero, zero
            for j in range(block, min(block + COLUMNS, n_in)):
                z0 = fma(W[i0, j], x[j], z0)
                z1 = fma(W[i1, j], x[j], z1)
                z2 = fma(W[i2, j], x[j], z2)
                z3 = fma(W[i3, j], x[j], z3)
            if block > 0:
                z0, z1, z2, z3 = z[i0] + z0, z[i1] + z1, z[i2] + z2, z[i3] + z3
            z[i0], z[i1], z[i2], z[i3] = z0, z1, z2, z3


@jit
def predict_one(  # type: ignore[no-untyped-def]
    groups,
    starts,
    indices,
    functions,
    parameters,
    scale,
    on_blas,
    logits,
    values,
    outputs,
    workspace,
):
    """Compute all activations of one sample.

    groups, starts, indices : of a plan's `Tables`; functions : int64[n], the address of each
    activation by its number, 0 where it is not used; parameters : real[n_parameters]; scale : real,
    on the sums of groups that read inputs; on_blas : whether BLAS makes the products of complete
    groups; logits : whether pre-activations of outputs are wanted; values : real[n_rows], the
    inputs first, the rest overwritten; outputs : real[n_out]; workspace : real[2, 1].
    """
    control = flush_subnormals()
    one, zero = parameters.dtype.type(1), parameters.dtype.type(0)
    n_inputs = groups[0]["n_rows"]
    for number in range(1, groups.shape[0]):
        group = groups[number]
        n_in, n_out, n_blocks = group["n_reads"], group["n_rows"], group["n_blocks"]
        x = values[group["reads"] : group["reads"] + n_in]
        z = values[group["rows"] : group["rows"] + n_out]
        weights = parameters[group["weights"] : group["biases"]]
        biases = parameters[group["biases"] : group["biases"] + n_out]
        if n_blocks > 0:
            begins = starts[group["starts"] : group["starts"] + n_out]
            past = group["starts"] + n_blocks * n_out
            ends = starts[past : past + n_out]
            columns = indices[group["edges"] : group["edges"] + weights.shape[0]]
            edges_times(begins, ends, columns, weights, x, z)
        elif on_blas:
            multiply(weights.reshape((n_out, n_in)), x, z)
        else:
            complete_times(weights.reshape((n_out, n_in)), x, z)
        factor = scale if group["reads"] < n_inputs else one
        if group["normal"] < 0:
            for i in range(n_out):
                z[i] = fma(z[i], factor, biases[i])
        else:
            moments = parameters[group["gains"] : group["gains"] + 3 * n_out]
            for i in range(n_out):
                gain, mean, variance = moments[i], moments[n_out + i], moments[2 * n_out + i]
                scaled, shift = folded(gain, biases[i], mean, variance)
                z[i] = fma(fma(z[i], factor, zero), scaled, shift)
        first = group["output"]
        if logits and first >= 0:
            for i in range(n_out):
                outputs[first + i] = z[i]
        activate(functions[group["activation"]], z, one, zero)
        activate_layer(group["activation"], z.reshape((n_out, 1)), workspace, 0, 1)
        if not logits and first >= 0:
            for i in range(n_out):
                outputs[first + i] = z[i]
    restore(control)
