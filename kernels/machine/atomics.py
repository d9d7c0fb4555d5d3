"""Atomic operations for sharing work between threads, and a spin wait.

On int64 arrays, one element at a time. Everything that a thread wrote before it changed an
element is seen by a thread that has read the change.

Under NUMBA_DISABLE_JIT=1 one thread does all the work, and the twins need not be atomic.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .cpu import TARGET
from .jit import DISABLED

_INT64 = ir.IntType(64)


def _element(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    kinds = [argument.type for argument in arguments]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, kinds), name)
    return builder.call(function, arguments)


if DISABLED:

    def read(array, index):  # type: ignore[no-untyped-def]
        """``array[index]``."""
        return array[index]

    def add(array, index, value):  # type: ignore[no-untyped-def]
        """``array[index] += value``."""
        array[index] += value

    def replace(array, index, expected, value):  # type: ignore[no-untyped-def]
        """Set ``array[index] = value`` if it is still ``expected``; return whether it was."""
        matches = array[index] == expected
        if matches:
            array[index] = value
        return matches

    def spin():  # type: ignore[no-untyped-def]
        """Do nothing."""

    def give_way():  # type: ignore[no-untyped-def]
        """Do nothing."""

else:

    @intrinsic
    def read(typing: Any, array: Any, index: Any) -> Any:
        """Return ``array[index]``, and see what was written before it was set."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _element(context, builder, signature.args[0], *arguments)
            return builder.load_atomic(address, "acquire", 8)

        return types.int64(array, types.intp), generate

    @intrinsic
    def add(typing: Any, array: Any, index: Any, value: Any) -> Any:
        """``array[index] += value``."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _element(context, builder, signature.args[0], *arguments[:2])
            builder.atomic_rmw("add", address, arguments[2], "acq_rel")
            return context.get_dummy_value()

        return types.void(array, types.intp, types.int64), generate

    @intrinsic
    def replace(typing: Any, array: Any, index: Any, expected: Any, value: Any) -> Any:
        """Set ``array[index] = value`` if it is still ``expected``; return whether it was."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _element(context, builder, signature.args[0], *arguments[:2])
            result = builder.cmpxchg(address, *arguments[2:], "acq_rel", "acquire")
            return builder.extract_value(result, 1)

        return types.boolean(array, types.intp, types.int64, types.int64), generate

    @intrinsic
    def spin(typing: Any) -> Any:
        """Tell the core that this thread waits for another, for some nanoseconds."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if TARGET.architecture == "x86-64":
                _call(builder, "llvm.x86.sse2.pause", ir.VoidType())
            elif TARGET.architecture == "aarch64":
                _call(builder, "llvm.aarch64.hint", ir.VoidType(), ir.IntType(32)(1))
            return context.get_dummy_value()

        return types.void(), generate

    @intrinsic
    def give_way(typing: Any) -> Any:
        """Let the system run another thread on this core, if there is one."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
            _call(builder, name, ir.IntType(32))
            return context.get_dummy_value()

        return types.void(), generate
