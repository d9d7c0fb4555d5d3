"""Forward and backward passes as calls of their own, on buffers of the caller's.

A program for automatic differentiation, such as PyTorch's, calls a layer forward, others after it,
and later asks for the gradients, given those by the layer's outputs. Between the two calls it keeps
the layer's activations, and it may make several calls forward before the first one back. So all
that one call leaves for another is an argument here. The kernels and their order are those of a
network's own passes, and so are the bits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from ..kernels.layers.batch import Source, source_of
from ..kernels.layers.squares import space_for
from ..kernels.machine.layout import feature_major
from ..kernels.machine.threads import get_num_threads, run
from ..kernels.machine.vector import lanes_of
from ..kernels.program import plan as plans
from ..kernels.program.engine import execute
from ..kernels.program.plan import Plan, choose_tile
from ..kernels.program.records import PREDICT, PULL_BACK, Context, Wanted
from ..kernels.program.structure import Structure
from .execution import Execution
from .passes import PREDICTION_BATCH

_PLANS_KEPT = 12  # forward and back, of whole batches and of the last one, and some more
_ROWS_KEPT = 2**22  # values, for rows that no call needs any longer: of a layer of usual size


class _Program(NamedTuple):
    """A plan, and the context of its calls without what belongs to one of them."""

    plan: Plan
    context: Context
    n_threads: int
    uses_blas: bool


class _Workspace:
    """Arrays that the threads of a call write to and nobody reads afterwards."""

    def __init__(self, n_threads: int, dtype: np.dtype[Any]) -> None:
        self.space = space_for(n_threads, dtype, 0)
        self.scratch, self._rows = np.empty((n_threads, 1), dtype), np.empty(0, dtype)

    def fit(self, plan: Plan) -> None:
        """Have room for the gradients that a task of the plan holds."""
        if self.scratch.shape[1] < plan.scratch_size:
            self.scratch = np.empty((plan.n_threads, plan.scratch_size), plan.dtype)

    def rows(self, n_rows: int, width: int) -> Array:
        """Return rows of any values, the same memory each time, aligned to a cache line."""
        size = n_rows * width
        if len(self._rows) < size:
            self._rows = feature_major(1, size, self._rows.dtype).ravel()
        return self._rows[:size].reshape(n_rows, width)

    def is_small(self) -> bool:
        """Return whether it may be kept."""
        return self._rows.size + self.scratch.size <= _ROWS_KEPT


# While no call has them, by threads and precision; those of all layers. Items come and go whole.
_free: dict[tuple[int, str], list[_Workspace]] = {}


class Calls:
    """Passes through one structure.

    Several threads may make calls at once. Plans are kept for the latest widths of batches; they
    take a few bytes per row and block of the structure, and no buffers.

    Parameters
    ----------
    structure : Structure
        A chain of layers, whose outputs no layer reads.
    """

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        # Never changed, but replaced: another thread may be looking for a program in it.
        self._programs: dict[tuple[Any, ...], _Program] = {}
        reals = [np.dtype(real) for real in (np.float32, np.float64)]
        self._inputs = {real: _like(real, structure.n_in, structure.inputs) for real in reals}
        self._outputs = {real: _like(real, structure.n_out, None) for real in reals}

    def width(self, n_samples: int, dtype: np.dtype[Any]) -> int:
        """Return the columns of the activations of so many samples, their padding included."""
        return _width(n_samples, dtype.char, plans.TILES)

    def forward(
        self, parameters: Array, X: Array, activations: Array, outputs: Array, n_threads: int = 0
    ) -> None:
        """Make the outputs of a batch, and keep the activations for `backward`.

        Parameters
        ----------
        parameters : array, shape (n_parameters,)
            Weights and biases, layer by layer.
        X : array, shape (n_samples, n_in)
            Inputs of the same precision, with any strides and any values.
        activations : array, shape (n_rows of the structure, width)
            Filled: feature-major, aligned to 64 bytes.
        outputs : array, shape (n_samples, n_out)
            Filled.
        n_threads : int
            At most so many threads; 0 for `get_num_threads`.
        """
        program = self._program(PREDICT, len(X), X.dtype, n_threads)
        space = _take(program)
        self._run(program, space, parameters, X, activations, outputs)
        _give_back(program, space)

    def predict(self, parameters: Array, X: Array, outputs: Array, n_threads: int = 0) -> None:
        """Make the outputs alone, some samples at a time; arguments as for `forward`."""
        for first in range(0, len(X), PREDICTION_BATCH):
            part = slice(first, first + PREDICTION_BATCH)
            program = self._program(PREDICT, len(X[part]), X.dtype, n_threads)
            space = _take(program)
            activations = space.rows(self.structure.n_rows, program.plan.width)
            self._run(program, space, parameters, X[part], activations, outputs[part])
            _give_back(program, space)

    def _run(
        self,
        program: _Program,
        space: _Workspace,
        parameters: Array,
        X: Array,
        activations: Array,
        outputs: Array,
    ) -> None:
        _run(
            program, space, len(X), {"X": _placed(self._inputs[X.dtype], X)},
            parameters=parameters, moved=parameters, activations=activations, outputs=outputs,
        )  # fmt: skip

    def backward(
        self,
        wanted: Wanted,
        parameters: Array,
        activations: Array,
        given: Array,
        gradients: Array,
        by_inputs: Array,
        n_threads: int = 0,
    ) -> None:
        """Make gradients from those by the outputs.

        Parameters
        ----------
        wanted : Wanted
            Which are made: at least one.
        parameters, activations : arrays
            As `forward` has had and left them.
        given : array, shape (n_samples, n_out)
            Gradients by the outputs, with any strides.
        gradients : array, shape (n_parameters,)
            Those that are wanted are filled in; where none is, it may be empty.
        by_inputs : array, shape (n_samples, n_inputs of the structure)
            Filled if wanted; else it may have no rows.
        n_threads : int
            As for `forward`.
        """
        program = self._program(PULL_BACK, len(given), given.dtype, n_threads, wanted)
        space = _take(program)
        _run(
            program, space, len(given), {"Y": _placed(self._outputs[given.dtype], given)},
            parameters=parameters, activations=activations, moved=gradients, gradients=gradients,
            deltas=space.rows(program.plan.n_deltas, program.plan.width), outputs=by_inputs,
        )  # fmt: skip
        _give_back(program, space)

    def _program(
        self,
        purpose: int,
        n_samples: int,
        dtype: np.dtype[Any],
        n_threads: int,
        wanted: Wanted | None = None,
    ) -> _Program:
        """Return the plan for batches of this width, which is kept for the next call."""
        width, most = self.width(n_samples, dtype), get_num_threads()
        most = min(n_threads or most, most)
        key = purpose, width, dtype.char, most, wanted
        found = self._programs.get(key)
        if found is None:
            options: dict[str, Any] = {"any_values": purpose == PREDICT, "wanted": wanted}
            plan = Plan(self.structure, width, dtype, purpose, most, **options)
            empty = Execution(plan, np.empty(0, dtype), has_buffers=False)
            about = plan.threads_for(1), self.structure.uses_blas
            found = _Program(plan, empty.context(width), *about)
            latest = list(self._programs.items())[1 - _PLANS_KEPT :]
            self._programs = {**dict(latest), key: found}
        return found


@lru_cache(maxsize=256)
def _width(n_samples: int, dtype: str, tiles: tuple[int, ...]) -> int:
    step = lanes_of(np.dtype(dtype), len(choose_tile(n_samples, dtype)))
    return -(-n_samples // step) * step


def _take(program: _Program) -> _Workspace:
    """Return a workspace for a plan: a free one, or a new one."""
    plan = program.plan
    try:
        space = _free[plan.n_threads, plan.dtype.char].pop()
    except (KeyError, IndexError):
        space = _Workspace(plan.n_threads, plan.dtype)
    space.fit(plan)
    return space


def _give_back(program: _Program, space: _Workspace) -> None:
    if space.is_small():
        _free.setdefault((program.plan.n_threads, program.plan.dtype.char), []).append(space)


def _run(
    program: _Program,
    space: _Workspace,
    n_samples: int,
    data: dict[str, Any],
    **buffers: Array,
) -> None:
    """Run a plan on data: the inputs X of a prediction, or gradients by outputs Y."""
    plan, context, n_threads, uses_blas = program
    if plan.n_partials:
        buffers["partials"] = feature_major(plan.n_partials, plan.width, plan.dtype)
    work = context.work._replace(samples=context.work.samples[:n_samples], **data)
    memory = context.memory._replace(space=space.space, scratch=space.scratch, **buffers)
    context = context._replace(memory=memory, work=work)
    if uses_blas:
        with plan.limits_blas():
            run(execute, n_threads, context)
    else:
        run(execute, n_threads, context)


def _like(dtype: npt.DTypeLike, n_columns: int, columns: Array | None) -> Source:
    """Return the source of any matrix of a precision with so many columns, without its data."""
    return source_of(np.empty((0, n_columns), dtype), columns)


def _placed(source: Source, matrix: Array) -> Source:
    """Return the source of a matrix."""
    rows, columns = matrix.strides
    address, _ = matrix.__array_interface__["data"]
    return source._replace(address=address, row_stride=rows, column_stride=columns)
