"""Dot products of vectors: sums over their lanes, one, four or eight at a time.

The sums of several products of vectors are a vector themselves, so that they are stored at once.
Under NUMBA_DISABLE_JIT=1 each intrinsic has its twin in NumPy, as in `vector`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .cpu import TARGET
from .jit import DISABLED
from .vector import _fused, _lanes, _Vector


def _products(builder: Any, factors: list[Any]) -> list[Any]:
    """x * y of each two factors, summed over registers into one, register by register.

    Each sum is a chain of FMAs, in which one waits for the other. The chains are written side by
    side: a CPU looks ahead only so far, and one after the other they would be in its way.
    """
    x = factors[0][0].type
    register = TARGET.register_bytes * 8 // (32 if isinstance(x.element, ir.FloatType) else 64)
    totals: list[Any] = [None] * len(factors)
    for first in range(0, x.count, register):
        lanes = list(range(first, first + register))
        for k, pair in enumerate(factors):
            a, b = (_lanes(builder, vector, vector, lanes) for vector in pair)
            more = totals[k] is not None
            totals[k] = _fused(builder, a, b, totals[k]) if more else builder.fmul(a, b)
    return totals


def _sums(builder: Any, vectors: list[Any]) -> Any:
    """The sums over the lanes of one register, or of four, as a vector of one or four values.

    Within each four lanes first, (0 + 2) + (1 + 3), then halves of what is left: the same tree in
    both cases, so that a sum has the same bits wherever it was made. Four at a time take a third
    of the shuffles that they would take one by one.
    """
    width = vectors[0].type.count

    def added(x: Any, y: Any, first: list[int], second: list[int]) -> Any:
        return builder.fadd(_lanes(builder, x, y, first), _lanes(builder, x, y, second))

    if len(vectors) == 4:
        fours = range(0, width, 4) if width > 2 else []
        unpacked = [lane for i in fours for lane in (i, width + i, i + 1, width + i + 1)]
        halves = [lane for i in fours for lane in (i, i + 1, width + i, width + i + 1)]
        distance = 2
        if width == 2:
            unpacked, distance = [0, 2], 1
        upper = [lane + distance for lane in unpacked]
        a, b, c, d = vectors
        x, y = added(a, b, unpacked, upper), added(c, d, unpacked, upper)
        if width == 2:
            return _lanes(builder, x, y, [0, 1, 2, 3])
        total = added(x, y, halves, [lane + 2 for lane in halves])
    else:
        (total,) = vectors
        for distance in (2, 1):
            if width > distance:
                first = [lane for lane in range(width) if not lane & distance]
                total = added(total, total, first, [lane + distance for lane in first])
                width //= 2
    stop = len(vectors)
    while width > stop:
        width //= 2
        total = added(total, total, list(range(width)), list(range(width, 2 * width)))
    return total


if DISABLED:

    def dot(x, y):  # type: ignore[no-untyped-def]
        """The sum of ``x * y``."""
        return x.dtype.type(np.dot(x, y))

    def dots(x, a, b, c, d):  # type: ignore[no-untyped-def]
        """The sums of ``x * a``, ``x * b``, ``x * c`` and ``x * d``."""
        return np.array([dot(x, a), dot(x, b), dot(x, c), dot(x, d)])

    def row_dots(x, y, z, w, a, b, c, d):  # type: ignore[no-untyped-def]
        """The sums of ``x * a``, ``y * b``, ``z * c`` and ``w * d``."""
        return np.array([dot(x, a), dot(y, b), dot(z, c), dot(w, d)])

    def eight_dots(x, a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
        """The same of ``x`` with eight vectors."""
        return np.concatenate([dots(x, a, b, c, d), dots(x, e, f, g, h)])

    def cross_dots(x, y, a, b):  # type: ignore[no-untyped-def]
        """The sums of ``x * a`` and ``x * b``, and those of ``y * a`` and ``y * b``."""
        return np.array([dot(x, a), dot(x, b)]), np.array([dot(y, a), dot(y, b)])

    def put(array, at, values, n, more):  # type: ignore[no-untyped-def]
        """Set ``array[at : at + n]`` to the first n values, or add them where there are more."""
        array[at : at + n] = values[:n] + (array[at : at + n] if more else 0)

else:

    @intrinsic
    def dot(typing: Any, x: Any, y: Any) -> Any:
        """Return the sum of ``x * y`` over the lanes, always in the same order."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            total = _sums(builder, _products(builder, [arguments]))
            return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

        return x.real(x, x), generate

    @intrinsic
    def dots(typing: Any, x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Return the sums of ``x * a``, ``x * b``, ``x * c``, ``x * d``, each as `dot` has it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            first, *others = arguments
            return _sums(builder, _products(builder, [(first, other) for other in others]))

        return _Vector(x.real, 4)(x, x, x, x, x), generate

    @intrinsic
    def row_dots(
        typing: Any, x: Any, y: Any, z: Any, w: Any, a: Any, b: Any, c: Any, d: Any
    ) -> Any:
        """Return the sums of ``x * a``, ``y * b``, ``z * c``, ``w * d``, each as `dot` has it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pairs = list(zip(arguments[:4], arguments[4:], strict=True))
            return _sums(builder, _products(builder, pairs))

        return _Vector(x.real, 4)(x, x, x, x, x, x, x, x), generate

    @intrinsic
    def eight_dots(
        typing: Any, x: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any
    ) -> Any:
        """Return the same of ``x`` with eight vectors, for CPUs of many registers."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            first, *others = arguments
            totals = _products(builder, [(first, other) for other in others])
            return _lanes(
                builder, _sums(builder, totals[:4]), _sums(builder, totals[4:]), list(range(8))
            )

        return _Vector(x.real, 8)(x, x, x, x, x, x, x, x, x), generate

    @intrinsic
    def cross_dots(typing: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
        """Return the sums of ``x * a``, ``x * b``, and those of ``y * a``, ``y * b``, as `dots`."""
        pairs = types.UniTuple(_Vector(x.real, 2), 2)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            factors = [(row, column) for row in arguments[:2] for column in arguments[2:]]
            total = _sums(builder, _products(builder, factors))
            halves = [_lanes(builder, total, total, lanes) for lanes in ([0, 1], [2, 3])]
            return context.make_tuple(builder, pairs, halves)

        return pairs(x, x, x, x), generate

    @intrinsic
    def put(typing: Any, array: Any, at: Any, values: Any, n: Any, more: Any) -> Any:
        """Set ``array[at : at + n]`` to the first n values, or add them where there are more.

        array : 1-D; n : from 1 to the number of values.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array, at, found, n, more = arguments
            data = context.make_array(signature.args[0])(context, builder, array).data
            vector, lanes = values.llvm, range(values.lanes)
            place = builder.bitcast(builder.gep(data, [at]), vector.as_pointer())
            numbers = ir.Constant(ir.VectorType(n.type, values.lanes), [n.type(k) for k in lanes])
            count = builder.insert_element(numbers, n, ir.IntType(32)(0))
            mask = builder.icmp_signed(
                "<", numbers, _lanes(builder, count, count, [0] * len(lanes))
            )
            bits = values.real.bitwidth
            align = ir.IntType(32)(bits // 8)

            def call(name: str, result: Any, *arguments: Any) -> Any:
                kinds = [argument.type for argument in arguments]
                function = cgutils.get_or_insert_function(
                    builder.module, ir.FunctionType(result, kinds),
                    f"llvm.masked.{name}.v{values.lanes}f{bits}.p0",
                )  # fmt: skip
                return builder.call(function, arguments)

            sums = cgutils.alloca_once_value(builder, found)
            with builder.if_then(more):
                before = call("load", vector, place, align, mask, ir.Constant(vector, None))
                builder.store(builder.fadd(before, found), sums)
            call("store", ir.VoidType(), builder.load(sums), place, align, mask)
            return context.get_dummy_value()

        return types.void(array, types.intp, values, types.intp, types.boolean), generate
