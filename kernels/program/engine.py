"""The compiled interpreter: many steps of a network of any depth, on any number of threads.

A `plan` is a program: phases of tasks, each task a row of operations, records of `OPERATION`.
`execute` goes through it once for every batch and calls the function of each operation
(`operations`) by its address. It decides nothing, and is compiled once for each precision and
tile, not for each depth, width or kind of data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numba import from_dtype, typeof, types

from ..functions.optimizers import UPDATES
from ..machine import compiling
from ..machine.atomics import read
from ..machine.calls import Reference, address_of, call, reference_to
from ..machine.jit import jit
from ..machine.subnormals import flush_subnormals, restore
from ..machine.threads import claim, finish, n_threads_of, share
from .operations import OPERATIONS, WITH_TILE
from .records import OPERATION, Common, Context

_OPERATION = from_dtype(OPERATION)
_INTS = types.Array(types.int64, 1, "C")
_ROW = types.Array(types.float64, 1, "C")
_N_UPDATES = len(UPDATES)

_addresses: dict[tuple[int, Any], int] = {}


def prepare(kinds: Iterable[int], updates: Iterable[int], context: Context) -> Context:
    """Return the context with the addresses of operations of these kinds, and of these updates.

    What is not compiled yet for contexts of these types is compiled now, `execute` too: threads
    must not compile.
    """
    functions = [*UPDATES, *OPERATIONS, execute]
    whole = typeof(context)
    common = types.NamedTuple(whole.types[: len(Common._fields)], Common)
    wanted = [(len(functions) - 1, whole), *((number, common) for number in updates)]
    wanted += [(_N_UPDATES + kind, whole if kind in WITH_TILE else common) for kind in kinds]
    if not all(key in _addresses for key in wanted):
        memory = context.memory
        vector, real = typeof(memory.moved), from_dtype(memory.moved.dtype)
        update = (
            _ROW, real, types.boolean, vector, typeof(memory.state), types.int64,
            types.Array(real, 1, "C"),
        )  # fmt: skip
        with compiling.together():
            for number, kind in wanted:
                signature: tuple[Any, ...] = Reference(kind), types.int64, _OPERATION, types.int64
                if number < _N_UPDATES:
                    signature = update
                elif functions[number] is execute:
                    signature = types.int64, _INTS, _INTS, kind
                _addresses[number, kind] = address_of(functions[number], *signature)
    addresses = np.zeros(len(functions), dtype=np.int64)
    for number, kind in wanted:
        addresses[number] = _addresses[number, kind]
    return context._replace(addresses=addresses)


@jit
def execute(rank, claims, done, context):  # type: ignore[no-untyped-def]
    """Run the program for every batch of ``work.samples``; called by `threads.run` on each thread.

    It ends after the first phase of a batch with a value that is not what it must be: nothing has
    been made of that batch, whatever thread found it.

    Cost: the tasks', and for each phase an atomic operation per task and one look at ``done``.
    """
    control = flush_subnormals()
    here, tables, work = reference_to(context), context.tables, context.work
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
                        call(
                            context.addresses[_N_UPDATES + operation["kind"]],
                            here,
                            rank,
                            operation,
                            step,
                        )
                    performed += 1
                    number = claim(claims, owner, step * n_phases + phase + 1, last - first)
            finish(done, performed, target)
            if phase == 0 and read(context.memory.faults, step):  # they are seen: the phase is done
                restore(control)
                return
    restore(control)
