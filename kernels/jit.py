"""The one place where functions are compiled.

Every kernel goes through `jit`, so that flags, error model and cache are the same everywhere
(a test fails on a bare `numba.njit`).

* ``fastmath`` allows next to nothing. A NaN must stay a NaN (no nnan, ninf), and a value must be
  the same bits however the work was cut: LLVM may treat the vectorised body of a loop and its
  remainder differently where it may reorder sums (reassoc), fuse or not (contract), or replace a
  division by a reciprocal (arcp). Where a fused operation is wanted, kernels say `fma`.
* ``nogil``: several Python threads run a kernel at once (`team`); Numba's own thread pools, which
  must not be entered twice at once or after a fork, are not used.
* ``error_model="numpy"``: a division by zero gives inf; only so do divisions vectorise.
* Arrays are not reference-counted (``_nrt``). Each view that a compiled function makes would cost
  two atomic additions, and two threads would pass the counters of the arrays that they share to
  and fro between their cores: half a microsecond for each operation of the engine, on one thread.
  Whoever calls a kernel holds its arrays.
* The cache on disk is Numba's own, but its stamp is a hash over *all* kernel sources. Numba
  looks at the file of the cached function alone, and would go on using machine code into which
  an older version of a callee from another file was inlined. Numba's version and the CPU's
  name and features are part of Numba's own key.
* A cache that cannot be written, or was damaged, costs time and nothing else.
* NUMBA_BOUNDSCHECK=1 has indices checked wherever kernels write ``array[i]``, so that one outside
  is an IndexError; Numba's key leaves that out, ours does not. Not checked are slices, and what
  is an address in machine code: the loads and stores of `vector` and `squares`, and `atomics`.
* A process that forks waits until no other thread compiles: in the child Numba's lock would be held
  by a thread that is not there, and whatever is not compiled yet would wait for it for ever.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import caching
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import register_jitable

FASTMATH = frozenset({"nsz"})

DISABLED: bool = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
"""True under NUMBA_DISABLE_JIT=1: kernels are then plain Python, for coverage and debugging."""

_CHECKS_BOUNDS = bool(numba.config.BOUNDSCHECK)  # type: ignore[attr-defined]

if hasattr(os, "register_at_fork") and not DISABLED:
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )

_Function = TypeVar("_Function", bound=Callable[..., Any])


def source_stamp(folder: Path = Path(__file__).parent) -> str:
    """Return the SHA-256 over names and contents of all Python files in the kernels' folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


_STAMP = source_stamp()


@functools.cache
def _say_once() -> None:
    """Tell those who listen why the first step takes its time."""
    logging.getLogger("minisnn").info(
        "compiling kernels for this machine, some ten seconds; later they are loaded"
    )


class _AllSources:
    """Mixin for Numba's cache locators: fresh means that no kernel source has changed."""

    def get_source_stamp(self) -> str:
        return _STAMP


class _UserProvided(_AllSources, caching.UserProvidedCacheLocator):
    pass


class _InTree(_AllSources, caching.InTreeCacheLocator):
    pass


class _UserWide(_AllSources, caching.UserWideCacheLocator):
    pass


class _CacheImpl(caching.CompileResultCacheImpl):
    """Machine code in files, each with what it was made from.

    Numba writes its index first and gives a new file the name of an old one. Should the writing
    end in between, or two processes write at once, the index would call machine code by the name
    of another.
    """

    _locator_classes = [_UserProvided, _InTree, _UserWide]  # noqa: RUF012

    def reduce(self, cres: Any) -> Any:
        return (_STAMP, _CHECKS_BOUNDS), super().reduce(cres)

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        made_from, code = payload
        if made_from != (_STAMP, _CHECKS_BOUNDS):
            return None
        return super().rebuild(target_context, code)


class _KernelCache(caching.FunctionCache):
    """A cache that can only save time: what cannot be read or written is compiled."""

    _impl_class = _CacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # a damaged file raises anything
            with suppress(OSError):
                self.flush()
            found = None
        if found is not None and found.signature.args != tuple(sig):
            found = None  # the name is right, the machine code is for other arguments
        if found is None:
            _say_once()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # the disk is full, or the folder has gone
            super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), _CHECKS_BOUNDS)


def jit(function: _Function) -> _Function:
    """Return the function, to be compiled at its first call for each kind of arguments.

    It can neither make arrays nor return them.
    """
    return _compiled(function, counts_references=False)


def jit_with_arrays(function: _Function) -> _Function:
    """Return the same for a function that makes arrays, or calls one of NumPy's that might."""
    return _compiled(function, counts_references=True)


def part_of_kernels(function: _Function) -> _Function:
    """Return the function, which kernels may call: it is compiled into each of them."""
    return register_jitable(function)


def _compiled(function: _Function, *, counts_references: bool) -> _Function:
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": counts_references}
    dispatcher = numba.njit(function, fastmath=set(FASTMATH), **options)
    if not DISABLED:
        with suppress(RuntimeError):  # Numba's word for: no folder can be written
            dispatcher._cache = _KernelCache(function)
    return cast(_Function, dispatcher)
