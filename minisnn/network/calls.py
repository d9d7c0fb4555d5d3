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

from ..kernels.layers.batch import source_of
from ..kernels.layers.squares import space_for
from ..kernels.machine.layout import feature_major
from ..kernels.machine.threads import get_num_threads
from ..kernels.machine.vector import lanes_of
from ..kernels.program import plan as plans
from ..kernels.program.plan import Plan, choose_tile
from ..kernels.program.prepared import Prepared, words_of
from ..kernels.program.records import PREDICT, PULL_BACK, Wanted
from ..kernels.program.structure import Structure
from .execution import Execution
from .passes import PREDICTION_BATCH

_PLANS_KEPT = 12  # forward and back, of whole batches and of the last one, and some more
_ROWS_KEPT = 2**22  # values, for rows that no call needs any longer: of a layer of usual size


class Matrix(NamedTuple):
    """A matrix of a caller's, one sample per row."""

    address: int
    n_samples: int
    row_stride: int  # bytes from a sample to the next
    column_stride: int


class _Workspace:
    """Arrays that the threads of a call write to and nobody reads afterwards."""

    def __init__(self, n_threads: int, dtype: np.dtype[Any]) -> None:
        self._n_threads, self._space = n_threads, space_for(n_threads, dtype, 0)
        self._rows = np.empty(0, dtype)
        self.space = np.array(list(words_of(self._space)), np.int64)
        self._have(1)

    def _have(self, size: int) -> None:
        self._scratch = np.empty((self._n_threads, size), self._rows.dtype)
        self.scratch = np.array(list(words_of(self._scratch)), np.int64)

    def fit(self, plan: Plan) -> None:
        """Have room for the gradients that a task of the plan holds."""
        if self._scratch.shape[1] < plan.scratch_size:
            self._have(plan.scratch_size)

    def rows(self, n_rows: int, width: int) -> int:
        """Return the address of rows, the same memory each time, aligned to a cache line."""
        if len(self._rows) < n_rows * width:
            self._rows = feature_major(1, n_rows * width, self._rows.dtype).ravel()
            self._address = self._rows.ctypes.data
        return self._address if n_rows else 0

    def is_small(self) -> bool:
        """Return whether it may be kept."""
        return self._rows.size + self._scratch.size <= _ROWS_KEPT


# While no call has them, by threads and precision; those of all layers. Items come and go whole.
_free: dict[tuple[int, str], list[_Workspace]] = {}


class _Program:
    """A plan, and its context without what belongs to one call."""

    def __init__(self, plan: Plan, *, gives: bool) -> None:
        self.plan, structure = plan, plan.structure
        self._n_threads, self._uses_blas = plan.threads_for(1), structure.uses_blas
        self._key = plan.n_threads, plan.dtype.char
        self._row_bytes = plan.dtype.itemsize * plan.width
        forward, n_values = plan.purpose == PREDICT, structure.n_parameters
        shapes = {
            "parameters": (n_values,),
            "moved": (n_values * gives,),
            "activations": (structure.n_rows, plan.width),
            "partials": (plan.n_partials, plan.width),
            "outputs": (0, structure.n_out if forward else structure.n_inputs),
        }
        if not forward:
            shapes |= {"gradients": (n_values * gives,), "deltas": (plan.n_deltas, plan.width)}
        name, n, columns = "Y", structure.n_out, None
        if forward:
            name, n, columns = "X", structure.n_in, structure.inputs
        source: Any = {name: source_of(np.empty((0, n), plan.dtype), columns)}
        empty = Execution(plan, np.empty(0, plan.dtype), has_buffers=False).context(plan.width)
        context = empty._replace(work=empty.work._replace(**source))
        # What a call changes, in the order in which `run` has it.
        self._prepared = made = Prepared(context, shapes)
        strides = [made.place("work", name, each) for each in ("address", *Matrix._fields[2:])]
        n_samples = [*made.size_in("work", "samples"), *made.size_in("memory", "outputs")]
        self._n_columns = shapes["outputs"][1]
        addresses = [made.address_in("memory", each) for each in shapes]
        self._changed = np.array([*strides, *n_samples, *addresses])
        self._scratch, self._space = made.place("memory", "scratch"), made.place("memory", "space")

    def run(
        self, given: Matrix, parameters: int, activations: int, outputs: int, gradients: int = 0
    ) -> None:
        """Run the plan on the inputs of a prediction, or gradients by outputs.

        Without activations, they go to memory of no call's.
        """
        plan, space = self.plan, self._take()
        backward = plan.purpose == PULL_BACK
        n_rows = plan.n_deltas if backward else 0 if activations else plan.structure.n_rows
        rows = space.rows(n_rows + plan.n_partials, plan.width)
        n = given.n_samples
        partials = rows + n_rows * self._row_bytes
        about = given.address, *given[2:], n, n, n * self._n_columns, n
        memory: tuple[int, ...] = parameters, gradients, activations or rows, partials, outputs
        if backward:
            memory += gradients, rows
        words = self._prepared.words()
        words[self._changed] = *about, *memory
        words[self._scratch : self._scratch + len(space.scratch)] = space.scratch
        words[self._space : self._space + len(space.space)] = space.space
        if self._uses_blas:
            with plan.limits_blas():
                self._prepared.run(self._n_threads, words)
        else:
            self._prepared.run(self._n_threads, words)
        if space.is_small():
            _free.setdefault(self._key, []).append(space)

    def _take(self) -> _Workspace:
        """Return a free workspace, or a new one."""
        try:
            space = _free[self._key].pop()
        except (KeyError, IndexError):
            space = _Workspace(self.plan.n_threads, self.plan.dtype)
        space.fit(self.plan)
        return space


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

    def width(self, n_samples: int, dtype: np.dtype[Any]) -> int:
        """Return the columns of the activations of so many samples, their padding included."""
        return _width(n_samples, dtype.char, plans.TILES)

    def forward(
        self,
        dtype: np.dtype[Any],
        parameters: int,
        X: Matrix,
        activations: int,
        outputs: int,
        n_threads: int = 0,
    ) -> None:
        """Make the outputs of a batch, and keep the activations for `backward`.

        Parameters
        ----------
        dtype : dtype
            Precision of all that is here.
        parameters : address of (n_parameters,) values
            Weights and biases, layer by layer.
        X : Matrix, n_in columns
            Inputs, with any strides and any values.
        activations : address of (n_rows of the structure, width) values
            Filled: feature-major, aligned to 64 bytes.
        outputs : address of (n_samples, n_out) values
            Filled.
        n_threads : int
            At most so many threads; 0 for `get_num_threads`.
        """
        program = self._program(PREDICT, X.n_samples, dtype, n_threads)
        program.run(X, parameters, activations, outputs)

    def predict(
        self, dtype: np.dtype[Any], parameters: int, X: Matrix, outputs: int, n_threads: int = 0
    ) -> None:
        """Make the outputs alone, some samples at a time; arguments as for `forward`."""
        size = self.structure.n_out * dtype.itemsize
        for first in range(0, X.n_samples, PREDICTION_BATCH):
            n = min(PREDICTION_BATCH, X.n_samples - first)
            part = X._replace(address=X.address + first * X.row_stride, n_samples=n)
            program = self._program(PREDICT, n, dtype, n_threads)
            program.run(part, parameters, 0, outputs + first * size)

    def backward(
        self,
        dtype: np.dtype[Any],
        wanted: Wanted,
        parameters: int,
        activations: int,
        given: Matrix,
        gradients: int,
        by_inputs: int,
        n_threads: int = 0,
    ) -> None:
        """Make gradients from those by the outputs.

        Parameters
        ----------
        dtype : dtype
            Precision of all that is here.
        wanted : Wanted
            Which are made: at least one.
        parameters, activations : addresses
            As `forward` has had and left them.
        given : Matrix, n_out columns
            Gradients by the outputs, with any strides.
        gradients : address of (n_parameters,) values
            Those that are wanted are filled in; where none is, it may be 0.
        by_inputs : address of (n_samples, n_inputs of the structure) values
            Filled if wanted; else it may be 0.
        n_threads : int
            As for `forward`.
        """
        program = self._program(PULL_BACK, given.n_samples, dtype, n_threads, wanted)
        program.run(given, parameters, activations, by_inputs, gradients)

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
            found = _Program(
                plan, gives=wanted is not None and any((*wanted.weights, *wanted.biases))
            )
            latest = list(self._programs.items())[1 - _PLANS_KEPT :]
            self._programs = {**dict(latest), key: found}
        return found


@lru_cache(maxsize=256)
def _width(n_samples: int, dtype: str, tiles: tuple[int, ...]) -> int:
    step = lanes_of(np.dtype(dtype), len(choose_tile(n_samples, dtype)))
    return -(-n_samples // step) * step
