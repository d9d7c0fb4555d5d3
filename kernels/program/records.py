"""Records of a program, and the arrays that it reads and writes."""

from __future__ import annotations

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np

from ..functions.activations import ACTIVATIONS

PREDICT, TRAIN, DIFFERENTIATE, PULL_BACK = range(4)
"""Purpose of a program: outputs, steps of training, or the gradients of one batch; or those of a
batch whose activations are there already, from its gradients by the outputs."""


class Wanted(NamedTuple):
    """Gradients that a program of purpose `PULL_BACK` is to make."""

    inputs: bool
    weights: tuple[bool, ...]  # of each group that sums, in their order
    biases: tuple[bool, ...]

    @property
    def lowest(self) -> int:
        """The first group by whose sums a gradient is needed; 0 where inputs' are wanted."""
        both = enumerate(zip(self.weights, self.biases, strict=True), start=1)
        return 0 if self.inputs else min(number for number, pair in both if any(pair))


BROKEN_BATCH, BROKEN_LOSS, BROKEN_NORM, BROKEN_UPDATE = range(1, 5)
"""Faults of a step, which end a run: a value of the batch is not what it must be; the loss is not
finite, or the norm of all gradients where they are clipped: then nothing is made of the step. Or a
new value of a parameter is not finite: that parameter stays as it was, and the rest is made."""


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


OPERATION = _record("kind", "group", "first", "last", "begin", "end")
"""A function of `operations`, by its number there, and what it is to work on: of a group rows
(neurons, features, or what the function says) first to last; of these begin to end."""

GROUP = _record(
    "rows", "n_rows",  # its rows of activations
    "deltas", "loss_deltas",  # its rows of gradients, and those that its loss writes
    "reads", "n_reads",  # rows of activations that its edges come from
    "weights", "biases",  # where they begin among the parameters
    "edges", "starts", "n_blocks", "order", "partials", "n_partials",
    "u_starts", "u_blocks",  # of its update
    "readers", "n_readers",  # rows of gradients of all that read it
    "reader",  # the only group that does so, where that is complete
    "t_edges", "n_t_edges", "t_starts", "t_blocks", "t_order",
    "output",  # the first of its outputs, if it has any
    "normal", "gains",  # its rows among those of batch normalisations; where its gains begin
    "makes", "sums", "activation",  # of forward operations, of sums, and after the loss
)  # fmt: skip


class Tables(NamedTuple):
    """Tables derived from the fixed structure."""

    groups: Any  # GROUP[n_groups]
    operations: Any  # OPERATION[...]
    tasks: Any  # int64[n_tasks + 1]: where each task's operations begin
    phases: Any  # int64[n_phases + 1]: where each phase's tasks begin
    checks: Any  # int64[n_phases]: the fault of a step that shows once a phase is done, or 0
    indices: Any  # uint16 or uint32[edges]
    starts: Any  # uint32[...]: of all groups, both directions; orders of rows, starts of runs
    runs: Any  # uint32[...]: columns of two rows, see `two_rows`
    t_indices: Any
    t_edges: Any  # uint32, or uint64 where there are more parameters
    inputs: Any  # uint32[n_in]: numbers of the inputs, or empty where they are 0, 1, …


class Memory(NamedTuple):
    """Arrays that are computed."""

    parameters: Any  # real[n_parameters], group by group, weights before biases
    moved: Any  # the same array, or that of the gradients where they are kept: what updates write
    state: Any  # real[..., n_parameters]: the optimiser's vectors
    gradients: Any  # real[n_parameters], or empty
    lower: Any  # real[n_parameters], the bounds of the parameters where there are some, or empty
    upper: Any
    norms: Any  # float64[...]: sums of squares of blocks of gradients
    activations: Any  # real[n_rows, width]
    pairs: Any  # uint32[n_inputs, width / 2]: the inputs, where they stay bytes, or empty
    deltas: Any  # real[..., width]: gradients by them
    targets: Any  # real[n_out, width]
    counts: Any  # float64[n_out, samples], where targets are missing: what samples count as
    partials: Any  # real[..., width]: sums of a complete group over some of its inputs
    scratch: Any  # real[n_threads, edges of a task]
    workspace: Any  # real[3, width], for a softmax, or without rows
    space: Any  # Space, each array with one more axis, of threads
    faults: Any  # int64[n_steps]: of each step, or 0
    refused: Any  # int64[n_groups]: 1 where a parameter's new value was not finite
    normal: Any  # real[n_normal, width]: sums, normalised
    statistics: Any  # real[N_STATISTICS, n_normal], see `normalisation`
    zeros: Any  # real[n]: the biases of sums that are normalised
    losses: Any  # float64[n_steps, ...]: each output's share of the loss, or a few samples'
    outputs: Any  # real[n_samples, n_out], or empty


class Work(NamedTuple):
    """Input of a run: data, and the options of its steps."""

    X: Any  # Source
    Y: Any  # Source
    samples: Any  # int64[n]: the batches' samples, one batch after another
    batch_size: int
    scale: float  # on X
    output_counts: Any  # float64[n_out]: of outputs, over each one's weight in the loss
    counts: Any  # float64[n]: what each sample counts as in its batch's loss, or empty
    coefficients: Any  # float64[n_steps, N_COEFFICIENTS]: what the optimiser needs in each step
    limit: float  # of the gradients' norm, where they are clipped
    dropout: Any  # float64[n_groups]
    seed: int
    first_step: int


class Context(NamedTuple):
    """All that an operation is made with."""

    tables: Tables
    memory: Memory
    work: Work
    addresses: Any  # int64[n]: of the functions that this run calls; 0 where not needed
    tile: Any  # int64 times the registers of a tile: only their number counts
    part: Any  # the same of a complete group's tile
    two: Any  # the same where two rows are taken at once


Common = namedtuple("Common", Context._fields[:-3])  # type: ignore[misc]
"""Its first fields, for operations that are the same whatever the tile."""

UPDATE, OPTIMIZER, LOSS, LOSS_OF_SAMPLES, VALUES = range(5)
"""Places of addresses: of what becomes of gradients as they are made, of the optimiser's step, of
the loss of outputs or of samples; of the values of activation 0, which those of others follow."""

SLOPES = VALUES + len(ACTIVATIONS)
"""Of the slopes of activation 0, which those of others follow."""

FIRST_OPERATION = SLOPES + len(ACTIVATIONS)
"""Of the operation of kind 0, which the others follow."""
