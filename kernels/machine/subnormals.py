"""Subnormal numbers flushed to zero while a kernel runs, on its thread only.

The *subnormal* numbers of float32 are those below 1e-38, which have fewer digits than others.
Saturated neurons make them by the million, a (1 - a) where a is 1e-38; so do the means of gradients
that have become zero for good, which shrink to the smallest of them and stay there. A CPU of the
x86 family takes many times as long for an operation on one, and so a step of a saturated network
took twice as long as others. Kernels therefore set two bits of the control word, by which the core
takes subnormal numbers for zero and makes none. On other CPUs nothing is changed. A kernel that
raises, as none does without NUMBA_BOUNDSCHECK=1, leaves the bits set.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .cpu import TARGET
from .jit import DISABLED

ON_X86 = TARGET.architecture == "x86-64"

_ZEROS = 0x8040  # of MXCSR: flush to zero, denormals are zero


def _control(builder: Any, name: str, place: Any) -> None:
    """Store the control word in a place, or load it from there."""
    pointer = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}mxcsr")
    builder.call(function, [builder.bitcast(place, pointer)])


if DISABLED:

    def flush_subnormals():  # type: ignore[no-untyped-def]
        """Do nothing."""
        return 0

    def restore(control):  # type: ignore[no-untyped-def]
        """Do nothing."""

else:

    @intrinsic
    def flush_subnormals(typing: Any) -> Any:
        """Take subnormal numbers for zero from now on; return the control word, to be restored."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = ir.IntType(32)
            place = cgutils.alloca_once_value(builder, word(0))
            if ON_X86:
                _control(builder, "st", place)
                before = builder.load(place)
                builder.store(builder.or_(before, word(_ZEROS)), place)
                _control(builder, "ld", place)
                return before
            return builder.load(place)

        return types.uint32(), generate

    @intrinsic
    def restore(typing: Any, control: Any) -> Any:
        """Restore the control word that `flush_subnormals` returned."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if ON_X86:
                _control(builder, "ld", cgutils.alloca_once_value(builder, arguments[0]))
            return context.get_dummy_value()

        return types.void(types.uint32), generate
