"""The compiled interpreter: many steps of a network of any depth, on any number of threads.

A `plan` is a program: phases of tasks, each task a row of operations, records of `OPERATION`.
`execute` goes through it once for every batch and hands each operation to its kernel. All that it
reads and writes stands in three named tuples of arrays; it is compiled once for each precision
and tile, not for each depth, width or kind of data.

=========================  ======================================================================
INPUTS, TARGETS            gather rows of the batch; drop inputs
FORWARD                    rows of A = f(W X + b); dropout, or loss and dZ
SOFTMAX                    by samples, A = softmax(Z) of the outputs, loss and dZ
INPUT_GRADIENT             rows of dX = W^T dZ, times the slope of what made X
UPDATE                     a rectangle of dW = dZ X^T, and the step that the optimiser makes of it
COMPLETE_FORWARD           a complete layer: sums of Z = W X over some of its inputs; then
ACTIVATE                   by rows, what is left of the sum, bias, f, the same as FORWARD
COMPLETE_INPUT_GRADIENT    as for any layer
COMPLETE_UPDATE            as for any layer
BLAS_FORWARD               on BLAS: Z = W X; then ACTIVATE
BLAS_INPUT_GRADIENT, SLOPE dX, then the slope by rows
BLAS_GRADIENT, APPLY       dW, then the optimiser's step by rows
NORM, STEP                 where gradients are clipped, and kept by UPDATE and APPLY: their squares,
                           then the step of a range of parameters
=========================  ======================================================================
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..functions.activations import (
    IDENTITY,
    activation_slope,
    bias_activation,
    shows_dropped,
    softmax,
)
from ..functions.activations import SOFTMAX as SOFTMAX_OUTPUTS
from ..functions.dropout import dropout, key_of
from ..functions.losses import (
    BINARY_CROSS_ENTROPY,
    SQUARED_ERROR,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
)
from ..functions.optimizers import block_norms, clipping, update
from ..layers.batch import Space, assemble, gather, pack
from ..layers.blas import multiply
from ..layers.complete import (
    add_partials,
    complete_forward,
    complete_input_gradient,
    complete_weight_gradient,
)
from ..layers.sparse import forward, input_gradient, row_sums, weight_gradient
from ..machine.atomics import read
from ..machine.jit import jit
from ..machine.subnormals import flush_subnormals, restore
from ..machine.threads import claim, finish, n_threads_of, share

PREDICT, TRAIN, DIFFERENTIATE = range(3)
"""What a program is for: outputs, steps of training, or the gradients of one batch."""

(
    INPUTS,
    TARGETS,
    FORWARD,
    INPUT_GRADIENT,
    UPDATE,
    COMPLETE_FORWARD,
    ACTIVATE,
    COMPLETE_INPUT_GRADIENT,
    COMPLETE_UPDATE,
    BLAS_FORWARD,
    BLAS_INPUT_GRADIENT,
    SLOPE,
    BLAS_GRADIENT,
    APPLY,
    SOFTMAX,
    NORM,
    STEP,
) = range(17)


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


OPERATION = _record("kind", "layer", "first", "last", "begin", "end")
"""A kernel's rows (neurons, features) first to last, for SOFTMAX samples, for NORM blocks of
gradients, for STEP parameters of a layer; and begin to end, for UPDATE blocks, for COMPLETE_UPDATE
and COMPLETE_FORWARD inputs."""

LAYER = _record(
    "n_in", "n_out", "inputs", "outputs", "deltas_in", "deltas_out",  # rows of activations, deltas
    "weights", "biases", "edges",  # where they begin
    "starts", "n_blocks", "t_edges", "t_starts", "t_blocks", "partials", "n_partials",
    "activation_in", "activation",  # what made its inputs, and makes its outputs
)  # fmt: skip


class Tables(NamedTuple):
    """What follows from the fixed structure."""

    layers: Any  # LAYER[n_layers]
    operations: Any  # OPERATION[...]
    tasks: Any  # int64[n_tasks + 1]: where each task's operations begin
    phases: Any  # int64[n_phases + 1]: where each phase's tasks begin
    indices: Any  # uint16 or uint32[edges]
    starts: Any  # uint32[...]: of all layers, both directions
    t_indices: Any
    t_edges: Any  # uint32
    inputs: Any  # uint32[n_in]: numbers of the inputs, or empty where they are 0, 1, …


class Memory(NamedTuple):
    """What is computed."""

    parameters: Any  # real[n_parameters], layer by layer, weights before biases
    state: Any  # real[..., n_parameters]: the optimiser's vectors
    gradients: Any  # real[n_parameters], or empty
    norms: Any  # float64[...]: sums of squares of blocks of gradients
    activations: Any  # real[sum of widths, width]
    bytes: Any  # uint8[n_in, width]: the inputs, where they stay bytes, or empty
    pairs: Any  # uint32[n_in, width / 2]: the same, as the first layer reads them
    deltas: Any  # real[..., width]: gradients by them
    targets: Any  # real[n_out, width]
    partials: Any  # real[..., width]: sums of a complete layer over some of its inputs
    scratch: Any  # real[n_threads, edges of a task]
    workspace: Any  # real[3, width], for a softmax, or without rows
    space: Any  # Space, each array with one more axis, of threads; its square for reals
    byte_square: Any  # the same for bytes
    faults: Any  # int64[n_steps]: 1 where a value of the batch is not what it must be
    losses: Any  # float64[n_steps, ...]: each output's share of the loss, or a few samples'
    outputs: Any  # real[n_samples, n_out], or empty


class Work(NamedTuple):
    """What to do it with."""

    purpose: int
    X: Any  # Source
    Y: Any  # Source
    keeps_bytes: bool  # whether inputs stay bytes until the first layer scales its products
    samples: Any  # int64[n]: the batches' samples, one batch after another
    batch_size: int
    scale: float  # on X
    loss: int
    logits: bool  # whether predictions stop at the outputs' pre-activations
    keeps_gradients: bool  # instead of a step as they are made
    optimizer: int
    counts: Any  # float64[n]: what each sample counts as in its batch's loss, or empty
    coefficients: Any  # float64[n_steps, N_COEFFICIENTS]: what the optimiser needs in each step
    limit: float  # of the gradients' norm, where they are clipped
    dropout: Any  # float64[n_layers]: of the inputs and each hidden layer
    seed: int
    first_step: int


@jit
def _drop(rates, seed, step, layer, inputs, A, first, last):  # type: ignore[no-untyped-def]
    """Apply the dropout mask of a layer's inputs; on a gradient, that mask again.

    inputs : the numbers of the network's inputs, of `Tables`.
    """
    if rates[layer] > 0:
        # int: NumPy's numbers, which there are without compilation, would warn of wrapping round
        numbers = inputs if layer == 0 else inputs[:0]
        key = key_of(int(seed), int(step), int(layer))
        dropout(A, rates[layer], key, numbers, first, last)


@jit
def _use(places, how, run, gradients, scale, decays):  # type: ignore[no-untyped-def]
    """Let the optimiser use the gradients of the parameters from ``run`` on; or keep them.

    places : (parameters, state, gradients to be kept); how : (whether they are kept, optimiser, its
    coefficients); the gradients are still to be multiplied by ``scale``; decays : whether they are
    those of weights.
    """
    parameters, state, kept = places
    keeps, optimizer, coefficients = how
    if keeps:
        for k in range(gradients.shape[0]):
            kept[run + k] = scale * gradients[k]
    else:
        update(optimizer, coefficients, scale, decays, parameters, state, run, gradients)


@jit
def _perform(tile, part, rank, operation, tables, memory, work, step):  # type: ignore[no-untyped-def]
    """Do one operation. Views of all that its layer has come first: they cost next to nothing."""
    kind, number = operation["kind"], operation["layer"]
    first, last = operation["first"], operation["last"]
    begin, end = operation["begin"], operation["end"]
    layer = tables.layers[number]
    n_in, n_out, weights, biases = layer["n_in"], layer["n_out"], layer["weights"], layer["biases"]
    real = memory.parameters.dtype.type
    one = real(1)

    X = memory.activations[layer["inputs"] : layer["inputs"] + n_in]
    A = memory.activations[layer["outputs"] : layer["outputs"] + n_out]
    dX = memory.deltas[layer["deltas_in"] : layer["deltas_in"] + n_in]
    dZ = memory.deltas[layer["deltas_out"] : layer["deltas_out"] + n_out]
    w = memory.parameters[weights:biases]
    b = memory.parameters[biases : biases + n_out]
    partials = memory.partials[layer["partials"] : layer["partials"] + layer["n_partials"]]
    scratch = memory.scratch[rank]
    indices = tables.indices[layer["edges"] : layer["edges"] + biases - weights]
    table = layer["starts"]
    starts = tables.starts[table : table + (layer["n_blocks"] + 1) * n_out]
    starts = starts.reshape((layer["n_blocks"] + 1, n_out))

    as_bytes = number == 0 and work.keeps_bytes
    scale = real(work.scale) if as_bytes else one  # of X, where it has not been applied
    keep = real(1 - work.dropout[number])
    made_X, activation = layer["activation_in"], layer["activation"]
    is_last = number + 1 == tables.layers.shape[0]
    # Outputs of which the loss, or the caller, wants the pre-activations.
    stays_linear = work.logits if work.purpose == PREDICT else work.loss == BINARY_CROSS_ENTROPY
    if is_last and stays_linear:
        activation = np.int64(IDENTITY)
    inputs, steps_before = tables.inputs, work.first_step + step
    size = work.batch_size
    samples = work.samples[step * size : (step + 1) * size]
    counts = work.counts[step * size : (step + 1) * size]
    n_samples = samples.shape[0]
    places = (memory.parameters, memory.state, memory.gradients)
    how = (work.keeps_gradients, work.optimizer, work.coefficients[step])
    space = memory.space
    addresses, items, doubles = space.addresses[rank], space.items[rank], space.doubles[rank]
    reals = Space(addresses, items, doubles, space.square[rank])
    bytes_ = Space(addresses, items, doubles, memory.byte_square[rank])

    if kind == INPUTS:
        following = work.samples[(step + 1) * size : (step + 2) * size]
        if as_bytes:
            gather(work.X, samples, following, work.scale, memory.bytes, bytes_, first, last)
            pack(memory.bytes, memory.parameters, memory.pairs, first, last)
        else:
            if assemble(work.X, samples, following, work.scale, X, reals, first, last):
                memory.faults[step] = 1
            _drop(work.dropout, work.seed, steps_before, 0, inputs, X, first, last)
    elif kind == TARGETS:
        following = work.samples[(step + 1) * size : (step + 2) * size]
        if assemble(work.Y, samples, following, 1.0, memory.targets, reals, first, last):
            memory.faults[step] = 1

    elif kind == FORWARD:
        if as_bytes:
            forward(tile, starts, indices, w, b, memory.pairs, scale, activation, A, first, last)
        else:
            forward(tile, starts, indices, w, b, X, scale, activation, A, first, last)
    elif kind == COMPLETE_FORWARD:
        W = w.reshape((n_out, n_in))
        complete_forward(part, W, X, A, partials, (first, last), (begin, end))
    elif kind == BLAS_FORWARD:
        multiply(w.reshape((n_out, n_in)), X, A)
    elif kind == ACTIVATE:
        add_partials(A, partials, first, last)
        bias_activation(activation, b, scale, A, first, last)
    elif kind == SOFTMAX:
        if work.purpose == PREDICT:
            if activation == SOFTMAX_OUTPUTS:
                softmax(A, memory.workspace, first, last)
            for s in range(first, min(last, n_samples)):
                for i in range(n_out):
                    memory.outputs[step * size + s, i] = A[i, s]
        else:
            T, losses = memory.targets, memory.losses[step]
            cross_entropy(A, T, n_samples, counts, memory.workspace, losses, dZ, first, last)

    elif kind == INPUT_GRADIENT:
        t_indices = tables.t_indices[layer["t_edges"] : layer["t_edges"] + biases - weights]
        t_edges = tables.t_edges[layer["t_edges"] : layer["t_edges"] + biases - weights]
        table = layer["t_starts"]
        t_starts = tables.starts[table : table + (layer["t_blocks"] + 1) * n_in]
        t_starts = t_starts.reshape((layer["t_blocks"] + 1, n_in))
        input_gradient(tile, t_starts, t_indices, t_edges, w, dZ, X, made_X, keep, dX, first, last)
    elif kind == COMPLETE_INPUT_GRADIENT:
        W = w.reshape((n_out, n_in))
        complete_input_gradient(part, W, dZ, X, made_X, keep, dX, first, last)
    elif kind == BLAS_INPUT_GRADIENT:
        multiply(w.reshape((n_out, n_in)).T, dZ, dX)
    elif kind == SLOPE:
        activation_slope(made_X, X, keep, dX, first, last)

    elif kind == UPDATE:
        rows, blocks = (first, last), (begin, end)
        if as_bytes:
            weight_gradient(tile, starts, indices, dZ, memory.pairs, scratch, rows, blocks)
        else:
            weight_gradient(tile, starts, indices, dZ, X, scratch, rows, blocks)
        # Runs of edges without a gap, which are all rows at once where the task has all blocks.
        i, at = first, np.int64(0)
        while i < last:
            run, stop = np.int64(starts[begin, i]), np.int64(starts[end, i])
            i += 1
            while i < last and np.int64(starts[begin, i]) == stop:
                stop = np.int64(starts[end, i])
                i += 1
            piece = scratch[at : at + stop - run]
            _use(places, how, weights + run, piece, scale, True)
            at += stop - run
    elif kind == COMPLETE_UPDATE:
        rows, columns = (first, last), (begin, end)
        complete_weight_gradient(tile, dZ, X, scratch, rows, columns)
        for i in range(first, last):
            piece = scratch[(i - first) * (end - begin) : (i - first + 1) * (end - begin)]
            _use(places, how, weights + i * n_in + begin, piece, scale, True)
    elif kind == BLAS_GRADIENT:
        multiply(dZ, X.T, memory.gradients[weights:biases].reshape((n_out, n_in)))
    elif kind == APPLY and not work.keeps_gradients:  # else they are where they should be
        run = weights + first * n_in
        _use(places, how, run, memory.gradients[run : weights + last * n_in], scale, True)
    elif kind == NORM:
        block_norms(tile, memory.gradients, memory.norms, first, last)
    elif kind == STEP:
        factor = real(clipping(memory.norms, work.limit))
        piece, decays = memory.gradients[first:last], first < biases
        parameters, state, coefficients = memory.parameters, memory.state, work.coefficients[step]
        update(work.optimizer, coefficients, factor, decays, parameters, state, first, piece)

    # What follows on rows of activations while they are in a cache: dropout on a hidden layer;
    # on the last the loss and dZ, or the outputs for the caller.
    if kind in (FORWARD, ACTIVATE):
        if not is_last:
            _drop(work.dropout, work.seed, steps_before, number + 1, inputs, A, first, last)
        elif layer["activation"] == SOFTMAX_OUTPUTS:
            pass  # until all rows are there
        elif work.purpose == PREDICT:
            for s in range(n_samples):
                for i in range(first, last):
                    memory.outputs[step * size + s, i] = A[i, s]
        elif work.loss == SQUARED_ERROR:
            T, losses = memory.targets, memory.losses[step]
            squared_error(tile, A, T, n_samples, counts, losses, dZ, first, last)
            activation_slope(activation, A, one, dZ, first, last)
        else:
            T, losses = memory.targets, memory.losses[step]
            binary_cross_entropy(tile, A, T, n_samples, counts, losses, dZ, first, last)

    # Those that were dropped have no gradient.
    elif kind in (INPUT_GRADIENT, COMPLETE_INPUT_GRADIENT, SLOPE):
        if not shows_dropped(made_X):
            _drop(work.dropout, work.seed, steps_before, number, inputs, dX, first, last)

    # The biases' gradients, once for each row.
    elif kind in (UPDATE, COMPLETE_UPDATE, APPLY) and begin == 0:
        row_sums(tile, dZ, scratch, first, last)
        _use(places, how, biases + first, scratch[: last - first], one, False)


@jit
def execute(rank, claims, done, tile, part, tables, memory, work):  # type: ignore[no-untyped-def]
    """Run the program for every batch of ``work.samples``; called by `team.run` on each thread.

    It ends after the first phase of a batch with a value that is not what it must be: nothing has
    been made of that batch, whatever thread found it.

    Cost: the tasks', and for each phase an atomic operation a task and one look at ``done``.
    """
    control = flush_subnormals()
    n_threads = n_threads_of(claims)
    n_phases = tables.phases.shape[0] - 1
    n_steps = (work.samples.shape[0] + work.batch_size - 1) // work.batch_size
    target = 0
    for step in range(n_steps):
        for phase in range(n_phases):
            begin = tables.phases[phase]
            n_tasks = tables.phases[phase + 1] - begin
            target += n_tasks
            performed = 0
            for turn in range(n_threads):
                owner = (rank + turn) % n_threads
                first, last = share(n_tasks, owner, n_threads)
                number = claim(claims, owner, step * n_phases + phase + 1, last - first)
                while number >= 0:
                    task = begin + first + number
                    for k in range(tables.tasks[task], tables.tasks[task + 1]):
                        operation = tables.operations[k]
                        _perform(tile, part, rank, operation, tables, memory, work, step)
                    performed += 1
                    number = claim(claims, owner, step * n_phases + phase + 1, last - first)
            finish(done, performed, target)
            if phase == 0 and read(memory.faults, step):  # they are seen: the phase is done
                restore(control)
                return
    restore(control)
