"""Vectors of values that do not lie side by side: gathered, expanded by masks, or permuted.

They are for sums over the edges of one row. `gathered` takes four values by four indices, which it
loads as one word or two: scalar loads of indices, weights and values would keep the CPU's ports of
loads busy for half as long again. CPUs' own instructions of this name are slower (Zen 4: 1.3 cycles
a value, here 0.8).

`expanded` spreads weights that lie side by side over the lanes that a mask names. `permuted` brings
values of two registers to the weights, by their places there. Each is one instruction of AVX-512
(`EXPANDS`); elsewhere nothing may call them.

Arrays are 1-D and C-contiguous. Nothing is checked here. Under NUMBA_DISABLE_JIT=1 each has a twin
in NumPy, as in `vector`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .cpu import TARGET
from .dots import _sums
from .jit import DISABLED
from .vector import _fused, _Vector, lanes_of

GATHERED = 4
"""Lanes of a gathered vector."""

EXPANDS = TARGET.architecture == "x86-64" and TARGET.register_bytes == 64
"""True if the CPU has the instructions of `expanded` and `permuted`."""

if DISABLED:

    def nothing(lanes, like):  # type: ignore[no-untyped-def]
        """A vector of so many zeros, of the dtype of ``like``."""
        return np.zeros(len(lanes), like.dtype)

    def gathered(sums, weights, indices, k, x):  # type: ignore[no-untyped-def]
        """``sums + weights[k : k + 4] * x[indices[k : k + 4]]``."""
        return sums + weights[k : k + GATHERED] * x[indices[k : k + GATHERED]]

    def values_from(like, x, first):  # type: ignore[no-untyped-def]
        """A register of ``x`` from its value ``first`` on."""
        return x[first : first + lanes_of(x.dtype)].copy()

    def expanded(sums, weights, k, x, mask):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        chosen = np.flatnonzero([mask >> lane & 1 for lane in range(len(sums))])
        result = sums.copy()
        result[chosen] += weights[k : k + len(chosen)] * x[chosen]
        return result

    def permuted(sums, weights, places, k, x, y, mask):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        n, result = count(mask), sums.copy()
        result[:n] += weights[k : k + n] * np.concatenate([x, y])[places[k : k + n]]
        return result

    def count(mask):  # type: ignore[no-untyped-def]
        """The number of ones in a mask."""
        return int(mask).bit_count()

    def totals(a, b, c, d):  # type: ignore[no-untyped-def]
        """The sum over the lanes of each vector."""
        return a.sum(), b.sum(), c.sum(), d.sum()

else:

    def _pointer(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
        struct = context.make_array(array_type)(context, builder, array)
        return builder.gep(struct.data, [place])

    def _chosen(builder: Any, vector: Any, mask: Any) -> Any:
        """A mask as a vector of bits, one for each lane."""
        word = builder.trunc(mask, ir.IntType(vector.lanes))
        return builder.bitcast(word, ir.VectorType(ir.IntType(1), vector.lanes))

    def _zeros(vector: Any) -> Any:
        return ir.Constant(vector.llvm, [vector.element(0)] * vector.lanes)

    def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    def _load(context: Any, builder: Any, kind: Any, array_type: Any, array: Any, k: Any) -> Any:
        """A value of an LLVM type, from item k of an array on."""
        place = _pointer(context, builder, array_type, array, k)
        return builder.load(builder.bitcast(place, kind.as_pointer()), align=1)

    @intrinsic
    def nothing(typing: Any, lanes: Any, like: Any) -> Any:
        """Return a vector of as many zeros as a tuple has items, of the dtype of ``like``."""
        vector = _Vector(like.dtype, len(lanes))

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _zeros(vector)

        return vector(lanes, like), generate

    @intrinsic
    def gathered(typing: Any, sums: Any, weights: Any, indices: Any, k: Any, x: Any) -> Any:
        """Return ``sums + weights[k : k + 4] * x[indices[k : k + 4]]``, rounded once."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            total, values, numbers, k, x = arguments
            _, weights_type, indices_type, _, x_type = signature.args
            word, bits = ir.IntType(64), indices.dtype.bitwidth
            found, in_word = ir.Constant(sums.llvm, ir.Undefined), 64 // bits
            for lane in range(GATHERED):
                part = lane % in_word
                if part == 0:
                    at = builder.add(k, k.type(lane))
                    rest = _load(context, builder, word, indices_type, numbers, at)
                index = builder.lshr(rest, word(part * bits))
                index = builder.and_(index, word(2**bits - 1))
                value = builder.load(_pointer(context, builder, x_type, x, index))
                found = builder.insert_element(found, value, ir.Constant(ir.IntType(32), lane))
            weight = _load(context, builder, sums.llvm, weights_type, values, k)
            return _fused(builder, weight, found, total)

        return sums(sums, weights, indices, types.intp, x), generate

    @intrinsic
    def values_from(typing: Any, like: Any, x: Any, first: Any) -> Any:
        """Return values of x from the first on, as many as ``like``, a vector, has."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _load(context, builder, like.llvm, signature.args[1], *arguments[1:])

        return like(like, x, types.intp), generate

    @intrinsic
    def expanded(typing: Any, sums: Any, weights: Any, k: Any, x: Any, mask: Any) -> Any:
        """Return ``sums + w * x`` in the lanes where the mask has a one, the others as they are.

        w has the weights from k on, one for each of these lanes; no more are read.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            total, values, k, x, word = arguments
            mask, suffix = _chosen(builder, sums, word), f"v{sums.lanes}f{sums.real.bitwidth}"
            place = _pointer(context, builder, signature.args[1], values, k)
            name = f"llvm.masked.expandload.{suffix}"
            spread = _call(builder, name, sums.llvm, place, mask, _zeros(sums))
            return builder.select(mask, _fused(builder, spread, x, total), total)

        return sums(sums, weights, types.intp, sums, types.uint16), generate

    @intrinsic
    def permuted(
        typing: Any, sums: Any, weights: Any, places: Any, k: Any, x: Any, y: Any, mask: Any
    ) -> Any:
        """Return ``sums + w * v`` in the lanes where the mask has a one, which are the first.

        w has the weights from k on, one for each of these lanes; no more are read. v has the values
        at ``places[k]`` and so on, counted through the registers x and y. A register's worth of
        places is read.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            total, values, places, k, x, y, word = arguments
            bits, mask = sums.real.bitwidth, _chosen(builder, sums, word)
            place = _pointer(context, builder, signature.args[1], values, k)
            place = builder.bitcast(place, sums.llvm.as_pointer())
            alignment = ir.Constant(ir.IntType(32), bits // 8)
            name = f"llvm.masked.load.v{sums.lanes}f{bits}.p0"
            weight = _call(builder, name, sums.llvm, place, alignment, mask, _zeros(sums))
            few, wide = ir.IntType(8), ir.IntType(bits)
            few, wide = ir.VectorType(few, sums.lanes), ir.VectorType(wide, sums.lanes)
            numbers = _load(context, builder, few, signature.args[2], places, k)
            name = f"llvm.x86.avx512.vpermi2var.{'ps' if bits == 32 else 'pd'}.512"
            value = _call(builder, name, sums.llvm, x, builder.zext(numbers, wide), y)
            return builder.select(mask, _fused(builder, weight, value, total), total)

        return sums(sums, weights, places, types.intp, sums, sums, types.uint16), generate

    @intrinsic
    def count(typing: Any, mask: Any) -> Any:
        """Return the number of ones in a mask."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.zext(builder.ctpop(arguments[0]), ir.IntType(64))

        return types.intp(types.uint16), generate

    @intrinsic
    def totals(typing: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Return the sum over the lanes of each of four vectors, always in the same order."""
        four = types.UniTuple(a.real, 4)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            total = _sums(builder, list(arguments))
            parts = [
                builder.extract_element(total, ir.Constant(ir.IntType(32), lane))
                for lane in range(4)
            ]
            return context.make_tuple(builder, four, parts)

        return four(a, a, a, a), generate
