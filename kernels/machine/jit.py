"""The one factory of compiled functions.

Every kernel goes through `jit`, so that flags, error model and cache are the same everywhere
(a test fails on a bare `numba.njit`).

* ``fastmath`` allows next to nothing. A NaN must stay a NaN (no nnan, ninf), and a value must be
  the same bits however the work is divided: LLVM may treat the vectorised body of a loop and its
  remainder differently where it may reorder sums (reassoc), fuse or not (contract), or replace a
  division by a reciprocal (arcp). If a fused operation is wanted, kernels say `fma`.
* ``nogil``: several Python threads run a kernel at once (`threads`); Numba's own thread pools,
  which must not be entered twice at once or after a fork, are not used.
* A function is compiled as a kernel where Python calls it; as a *bare* kernel, which Python cannot
  call, where its address is asked for (`calls`); and where kernels call it, as a part of them
  (`parts`).
* ``error_model="numpy"``: a division by zero gives inf; otherwise divisions would not vectorise.
* Arrays are not reference-counted (``_nrt``). Each view that a compiled function makes would cost
  two atomic additions, and two threads would pass the counters of shared arrays back and forth
  between their cores: half a microsecond for each operation of the engine, on one thread. The
  caller of a kernel holds its arrays.
* Compiled kernels are kept on disk: `code_cache`.
* NUMBA_BOUNDSCHECK=1 has indices checked wherever kernels write ``array[i]``, so that one outside
  is an IndexError. Slices are not checked, nor are addresses in machine code: the loads and stores
  of `vector` and `transpose`, and `atomics`.
* LLVM's own loops take what it believes to be the best width: half a register on Intel's servers
  with AVX-512, for the sake of the clock. Exponentials and the functions made of them do so much
  work per value that whole registers are faster: they call `whole_registers`. Updates, which wait
  for memory, are slower with them.
* A process that forks waits until no other thread compiles: in the child Numba's lock would be held
  by a thread that does not exist, and the next compilation would wait for it for ever.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic, overload, register_jitable

from . import compiling
from .code_cache import KernelCache
from .cpu import TARGET
from .parts import Kernel, Part

FASTMATH = frozenset({"nsz"})

DISABLED: bool = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
"""True under NUMBA_DISABLE_JIT=1: kernels are then plain Python, for coverage and debugging."""

if not DISABLED:
    compiling.watch(lambda dispatcher: isinstance(dispatcher._cache, KernelCache))
if hasattr(os, "register_at_fork") and not DISABLED:
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )

_Function = TypeVar("_Function", bound=Callable[..., Any])


def jit(function: _Function) -> _Function:
    """Return the function, to be compiled at its first call for each kind of arguments.

    It can neither make arrays nor return them.
    """
    return _compiled(function, counts_references=False)


def jit_with_arrays(function: _Function) -> _Function:
    """Return the same for a function that makes arrays, or calls one of NumPy's that might."""
    return _compiled(function, counts_references=True)


def inlined(function: _Function) -> _Function:
    """Return the function, to be written out where kernels call it, so that it may return views."""
    return cast(_Function, numba.njit(function, inline="always"))


def part_of_kernels(function: _Function) -> _Function:
    """Return the function, which kernels may call: it is compiled into each of them."""
    made: _Function = register_jitable(pipeline_class=Part)(function)
    return made


def in_kernels(function: Callable[..., Any]) -> Callable[[_Function], _Function]:
    """Return a decorator of a function that chooses, by types, what stands for another in kernels.

    That is compiled into them, too.
    """
    options: Any = {"pipeline_class": Part}
    return cast(Callable[[_Function], _Function], overload(function, jit_options=options))


if DISABLED:

    def whole_registers():  # type: ignore[no-untyped-def]
        """Do nothing."""

else:

    @intrinsic
    def whole_registers(typing: Any) -> Any:
        """Have LLVM use the CPU's whole registers in the loops of the function that calls this.

        It stays a function of its own, since kernels that it were written into have other loops.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            attribute = f'"prefer-vector-width"="{8 * TARGET.register_bytes}"'
            set.add(builder.function.attributes, attribute)  # llvmlite's own add takes no values
            builder.function.attributes.add("noinline")
            return context.get_dummy_value()

        return types.void(), generate


def _compiled(function: _Function, *, counts_references: bool) -> _Function:
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": counts_references}
    options["fastmath"] = set(FASTMATH)
    options["no_cfunc_wrapper"] = True  # calls by address are our own: `calls`
    njit: Any = numba.njit
    kernel = njit(function, pipeline_class=Kernel, **options)
    if not DISABLED:
        part = njit(function, pipeline_class=Part, **options)
        bare = njit(function, pipeline_class=Kernel, no_cpython_wrapper=True, **options)
        kernel._cache, bare._cache = KernelCache(function), KernelCache(function, bare=True)
        kernel.bare = bare
        kernel.get_call_template, kernel.get_overload = part.get_call_template, part.get_overload
    return cast(_Function, kernel)
