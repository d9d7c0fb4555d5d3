"""The program of a prediction for one sample, and the kernel that runs it.

A call takes some three microseconds beside its sums. So its tables are vectors of numbers that can
be written to, since Numba takes a microsecond to recognise any other array; all but the indices,
which are the network's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..functions.activations import ACTIVATIONS, activate, activate_layer, values_at
from ..functions.normalisation import folded
from ..layers.one_sample import (
    COMPLETE,
    EDGES,
    MASKS,
    PLACES,
    ROWS,
    complete_times,
    edges_times,
    masks_times,
    places_times,
)
from ..machine.jit import jit
from ..machine.layout import read_only
from ..machine.scattered import EXPANDS
from ..machine.subnormals import flush_subnormals, restore
from ..machine.vector import fma, lanes_of
from .graphs import EDGES as BY_EDGES
from .steps import Steps, count_steps, steps_of
from .structure import Structure

Array = npt.NDArray[Any]

KINDS = {
    np.dtype(np.uint8): 0,
    np.dtype(np.bool_): 0,
    np.dtype(np.float32): 1,
    np.dtype(np.float64): 2,
}
"""Kinds of samples that the kernel reads."""

TAKEN = 3
"""Kind of one that has nothing but the used inputs, in float64."""

CYCLES = {EDGES: 0.95, MASKS: 3.5, PLACES: 4.3}
"""Of an edge, and of a row in a step (Zen 4)."""

SPANS = {MASKS: 1, PLACES: 2}
"""Registers of columns that a step has."""

(
    _WAY, _ROWS, _N_ROWS, _READS, _N_READS, _WEIGHTS, _BIASES, _STARTS, _EDGES, _STEPS, _PLACES,
    _NORMAL, _GAINS, _OUTPUT, _FUNCTION, _ACTIVATION,
) = range(16)  # fmt: skip
_N_FIELDS = 16


@jit
def _read(values, data, scale, inputs, n):  # type: ignore[no-untyped-def]
    """values[j] = scale * data[inputs[j]]; return whether all n are finite. No inputs: all."""
    finite = True
    real = values.dtype.type
    if inputs.shape[0] == 0:
        for j in range(n):
            values[j] = real(scale * np.float64(data[j]))
            finite &= np.isfinite(values[j])
    else:
        for j in range(n):
            values[j] = real(scale * np.float64(data[inputs[j]]))
            finite &= np.isfinite(values[j])
    return finite


@jit
def predict_one(  # type: ignore[no-untyped-def]
    register, numbers, starts, indices, columns, masks, places, parameters, kind, data, scale,
    logits, values, outputs,
):  # fmt: skip
    """Compute all activations of one sample; return whether its inputs, scaled, are finite.

    If they are not, nothing else is computed.

    register : a tuple with an item for each lane of a register; numbers : int64[...], of groups,
    inputs and `starts` that are numbers of inputs; then a record of each group; then where steps
    begin. starts : uint32[...], numbers of the inputs if some are not used, that of each output,
    then each row's first edge, group by group; indices, columns, masks, places : of all groups;
    parameters : real[n_parameters]; kind : of `KINDS`, or `TAKEN`; data : uint8[1, ...], the
    sample; scale : float64, on it; logits : whether pre-activations of outputs are wanted; values :
    real[n_rows and more], overwritten; outputs : real[1, n_out].
    """
    n_groups, n_inputs, n_used = numbers[0], numbers[1], numbers[2]
    inputs, given = starts[:n_used], starts[n_used : n_used + outputs.shape[1]]
    sample = data[0]
    if kind == TAKEN:
        finite = _read(values, sample.view(np.float64), scale, inputs[:0], n_inputs)
    elif kind == 2:
        finite = _read(values, sample.view(np.float64), scale, inputs, n_inputs)
    elif kind == 1:
        finite = _read(values, sample.view(np.float32), scale, inputs, n_inputs)
    else:
        finite = _read(values, sample, scale, inputs, n_inputs)
    if not finite:
        return False
    control = flush_subnormals()
    one, zero = parameters.dtype.type(1), parameters.dtype.type(0)
    for number in range(n_groups):
        group = numbers[3 + number * _N_FIELDS : 3 + (number + 1) * _N_FIELDS]
        way, n_in, n_out = group[_WAY], group[_N_READS], group[_N_ROWS]
        x = values[group[_READS] :]
        z = values[group[_ROWS] : group[_ROWS] + n_out]
        weights = parameters[group[_WEIGHTS] : group[_BIASES]]
        biases = parameters[group[_BIASES] : group[_BIASES] + n_out]
        begins = starts[group[_STARTS] : group[_STARTS] + n_out + 1]
        if way == EDGES:
            edges_times(begins, indices[group[_EDGES] :], weights, x, z)
        elif way == COMPLETE:
            complete_times(register, weights.reshape((n_out, n_in)), x, z)
        elif EXPANDS:
            steps = numbers[group[_STEPS] :]
            if way == MASKS:
                masks_times(register, begins, steps, columns, masks, weights, x, z)
            else:
                of_edges = places[group[_PLACES] :]
                places_times(register, begins, steps, columns, masks, of_edges, weights, x, z)
        if group[_NORMAL] == 0:
            for i in range(n_out):
                z[i] += biases[i]
        else:
            moments = parameters[group[_GAINS] : group[_GAINS] + 3 * n_out]
            for i in range(n_out):
                gain, mean, variance = moments[i], moments[n_out + i], moments[2 * n_out + i]
                scaled, shift = folded(gain, biases[i], mean, variance)
                z[i] = fma(z[i], scaled, shift)
        first = group[_OUTPUT]
        if logits and first >= 0:
            for i in range(n_out):
                outputs[0, given[first + i]] = z[i]
        activate(group[_FUNCTION], z, one, zero)
        n_rows = values.shape[0] - 2
        workspace = values[n_rows:].reshape((2, 1))
        activate_layer(group[_ACTIVATION], z.reshape((n_out, 1)), workspace, 0, 1)
        if not logits and first >= 0:
            for i in range(n_out):
                outputs[0, given[first + i]] = z[i]
    restore(control)
    return True


def choose_way(starts: Array, indices: Array, lanes: int) -> int:
    """Return the fastest way to sum up rows by their edges."""
    cycles = {EDGES: CYCLES[EDGES] * len(indices)}
    for way in SPANS if EXPANDS else ():
        n_steps = count_steps(starts, indices, lanes, SPANS[way] * lanes)
        cycles[way] = CYCLES[way] * ROWS * n_steps
    return min(cycles, key=lambda way: cycles[way])


class OneSample:
    """The program of a structure, made once.

    Parameters
    ----------
    structure
        The network's structure.
    dtype
        Precision.
    """

    def __init__(self, structure: Structure, dtype: npt.DTypeLike) -> None:
        self._dtype, self._n_out = np.dtype(dtype), structure.n_out
        lanes = lanes_of(self._dtype)
        # From each column on two registers can be read; the last two values are a workspace.
        self._n_values = structure.n_rows + 2 * lanes + 2
        given, used = structure.outputs_given, structure.inputs
        starts = [
            np.empty(0, np.int64) if used is None else used,
            np.arange(self._n_out) if given is None else given,
        ]
        records = np.zeros((len(structure.groups) - 1, _N_FIELDS), np.int64)
        n_starts, n_numbers = sum(map(len, starts)), 3 + records.size
        made: list[Steps] = []
        n_steps = n_places = 0
        for record, (number, group) in zip(records, structure.summing, strict=True):
            record[_WAY] = COMPLETE
            record[_ROWS], record[_N_ROWS] = structure.rows[number], group.n_rows
            record[_READS], record[_N_READS] = group.reads, group.graph.n_in
            record[_WEIGHTS] = structure.weights[number]
            record[_BIASES] = structure.biases[number]
            record[_NORMAL] = group.normal is not None
            record[_GAINS] = structure.gains[number]
            record[_OUTPUT] = -1 if group.output is None else group.output
            record[_ACTIVATION] = ACTIVATIONS[group.activation].number
            record[_FUNCTION] = values_at(int(record[_ACTIVATION]), self._dtype)
            if group.products != BY_EDGES:
                continue
            indptr, begin = structure.indptrs[number].astype(np.uint32), structure.first[number]
            indices = structure.indices[begin : begin + int(indptr[-1])]
            record[_WAY] = way = choose_way(indptr, indices, lanes)
            record[_EDGES], record[_STARTS] = begin, n_starts
            starts.append(indptr)
            n_starts += len(indptr)
            if way in SPANS:
                steps = steps_of(indptr, indices, lanes, SPANS[way] * lanes)
                record[_STEPS], record[_PLACES] = n_numbers, n_places
                made.append(steps._replace(begins=steps.begins + n_steps))
                n_numbers += len(steps.begins)
                n_steps += len(steps.columns)
                n_places += len(steps.places)
        head = [len(records), structure.n_inputs, len(starts[0])]
        self._tables: tuple[Any, ...] = (
            (0,) * lanes,
            _joined(np.int64, head, *records, *(steps.begins for steps in made)),
            _joined(np.uint32, *starts),
            read_only(structure.indices),
            _joined(structure.index_dtype, *(steps.columns for steps in made)),
            _joined(np.uint16, *(steps.masks.ravel() for steps in made)),
            _joined(np.uint8, *(steps.places for steps in made)),
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that belong to this program alone."""
        _, numbers, starts, _, *steps = self._tables
        return sum(int(table.nbytes) for table in (numbers, starts, *steps))

    def run(
        self, data: Array, kind: int, scale: float, parameters: Array, logits: bool
    ) -> Array | None:
        """Return the outputs for one sample, or their pre-activations: real[1, n_out].

        None where an input, scaled, is not finite.

        Parameters
        ----------
        data : array, shape (1, n)
            The sample, C-contiguous and writeable.
        kind : int
            Its kind, of `KINDS`, or `TAKEN`.
        scale : float
            On the inputs.
        parameters : array, shape (n_parameters,)
            All of the network.
        logits : bool
            Whether pre-activations are wanted.
        """
        values = np.empty(self._n_values, self._dtype)
        outputs = np.empty((1, self._n_out), self._dtype)
        finite = predict_one(  # type: ignore[call-arg]
            *self._tables, parameters, kind, data.view(np.uint8), scale, logits, values, outputs
        )
        return outputs if finite else None


def _joined(dtype: npt.DTypeLike, *parts: npt.ArrayLike) -> Array:
    """Return vectors one after another, as a new array."""
    return np.concatenate([np.empty(0, dtype), *map(np.asarray, parts)]).astype(dtype)
