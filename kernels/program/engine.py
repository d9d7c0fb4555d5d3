"""The compiled interpreter: many steps of a network of any depth, on any number of threads.

A `plan` is a program: phases of tasks, each task a row of operations, records of `OPERATION`.
`execute` goes through it once for every batch and calls the function of each operation
(`operations`) by its address. It decides nothing, and is compiled once for each precision and
tile, not for each depth, width or kind of data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import from_dtype, typeof, types
from numba._dispatcher import compute_fingerprint

from ..functions.activations import slopes_at, values_at
from ..machine import compiling
from ..machine.atomics import read
from ..machine.calls import Reference, address_of, call, reference_to
from ..machine.jit import DISABLED, jit
from ..machine.subnormals import flush_subnormals, restore
from ..machine.threads import claim, finish, n_threads_of, share
from . import operations
from .records import (
    BROKEN_LOSS,
    FIRST_OPERATION,
    LOSS,
    OPERATION,
    OPTIMIZER,
    SLOPES,
    UPDATE,
    VALUES,
    Common,
    Context,
)  # fmt: skip

_OPERATION = from_dtype(OPERATION)
_INTS = types.Array(types.int64, 1, "C")
_ROW = types.Array(types.float64, 1, "C")


def prepare(
    functions: Mapping[int, Any],
    context: Context,
    values: Iterable[int] = (),
    slopes: Iterable[int] = (),
) -> Context:
    """Return the context with the addresses of functions, given by their places there.

    values, slopes : numbers of the activations of which these are called.

    What is not compiled yet for contexts of these types is compiled now, `execute` too: threads
    must not compile. What was asked for once is found again in microseconds, by any plan.
    """
    key = compute_fingerprint(context), *functions.items(), tuple(values), tuple(slopes)
    if key not in _found:
        _found[key] = _compiled(functions, context, values, slopes)
    return context._replace(addresses=_found[key])


_found: dict[tuple[Any, ...], npt.NDArray[np.int64]] = {}


def _compiled(
    functions: Mapping[int, Any], context: Context, values: Iterable[int], slopes: Iterable[int]
) -> npt.NDArray[np.int64]:
    addresses = np.zeros(FIRST_OPERATION + len(operations.OPERATIONS), dtype=np.int64)
    whole = typeof(context)
    with compiling.together(1 + len(functions)) as advance:
        if not DISABLED:
            execute.compile((types.int64, _INTS, _INTS, whole))  # type: ignore[attr-defined]
        for place, function in functions.items():
            advance()
            addresses[place] = address_of(function, *_arguments(place, whole))
        for number in values:
            addresses[VALUES + number] = values_at(number, context.memory.parameters.dtype)
        for number in slopes:
            addresses[SLOPES + number] = slopes_at(number, context.memory.parameters.dtype)
    return addresses


def _arguments(place: int, whole: Any) -> tuple[Any, ...]:
    """Return the types that the function of a place is called with, given that of the context."""
    if place >= FIRST_OPERATION:
        if place - FIRST_OPERATION not in operations.WITH_TILE:
            whole = types.NamedTuple(whole.types[: len(Common._fields)], Common)
        return Reference(whole), types.int64, _OPERATION, types.int64
    real = _field(whole, "memory", "moved").dtype
    vector, matrix, n = types.Array(real, 1, "C"), types.Array(real, 2, "C"), types.int64
    if place in (UPDATE, OPTIMIZER):
        return _ROW, real, types.boolean, vector, matrix, n, vector, _INTS
    if place == LOSS:
        return _field(whole, "tile"), matrix, matrix, n, types.float64, _ROW, _ROW, matrix, n, n
    return matrix, matrix, n, _ROW, matrix, _ROW, matrix, n, n


def _field(whole: Any, *names: str) -> Any:
    """Return the type of a field of a named tuple, or of a field of a field."""
    for name in names:
        whole = whole.types[whole.fields.index(name)]
    return whole


@jit
def _is_finite(shares):  # type: ignore[no-untyped-def]
    """Return whether the sum of float64[n] is finite, in whatever order."""
    total = 0.0
    for k in range(shares.shape[0]):
        total += abs(shares[k])
    return np.isfinite(total)


@jit
def _is_over(memory, fault, step):  # type: ignore[no-untyped-def]
    """Return whether the step ends the run, after a phase that shows this fault where there is one.

    What is read belongs to this step alone, so all threads see the same. One that comes late may
    see a fault of a later phase already: the others do what is left.
    """
    if fault == BROKEN_LOSS and not _is_finite(memory.losses[step]):
        memory.faults[step] = BROKEN_LOSS
    return read(memory.faults, step) != 0


@jit
def execute(rank, claims, done, context):  # type: ignore[no-untyped-def]
    """Run the program; called by `threads.run` on each thread."""
    follow(rank, claims, done, reference_to(context))


def entry(context: Context) -> int:
    """Return the address of `follow` for a context by reference; compile it first if needed."""
    return address_of(follow, types.int64, _INTS, _INTS, Reference(typeof(context)))


@jit
def follow(rank, claims, done, context):  # type: ignore[no-untyped-def]
    """Run the program for every batch of ``work.samples``; context : a reference.

    It ends with a step that has a fault (`records`), as soon as the phase is done that shows it.

    Cost: the tasks', and for each phase an atomic operation per task and one look at ``done``.
    """
    control = flush_subnormals()
    tables, work = context.tables, context.work
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
                        address = context.addresses[FIRST_OPERATION + operation["kind"]]
                        call(address, (context, rank, operation, step))
                    performed += 1
                    number = claim(claims, owner, step * n_phases + phase + 1, last - first)
            finish(done, performed, target)
            fault = tables.checks[phase]
            if fault and _is_over(context.memory, fault, step):
                restore(control)
                return
    restore(control)
