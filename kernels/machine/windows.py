"""Windows of 64 columns of a CSR row: which of them have values, and these among zeros.

A window's columns are bits of a word. `columns_of` makes it of the indices of 32 values at once,
and `spread` puts values where it has ones: some two dozen instructions for 64 columns, whatever is
in them. They are of AVX-512, those for bytes of a later part of it (`SPREADS`); elsewhere nothing
may call them. Under NUMBA_DISABLE_JIT=1 each has a twin in NumPy.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .cpu import TARGET
from .jit import DISABLED

WINDOW = 64
"""Columns of a window."""

TAKEN = 32
"""Indices that are looked at together."""

SPREADS = TARGET.spreads or DISABLED
"""True if the CPU has the instructions, or twins take their place."""

if DISABLED:

    def columns_of(indices, k, first):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        places = indices[k : k + TAKEN].astype(np.int64) - first
        places = np.unique(places[(places >= 0) & (places < WINDOW)])
        return sum(1 << int(place) for place in places)

    def ones(word):  # type: ignore[no-untyped-def]
        """The number of ones in a word."""
        return int(word).bit_count()

    def spread(size, values, word, target):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        ctypes.memset(int(target), 0, size * WINDOW)
        places = [place for place in range(WINDOW) if int(word) >> place & 1]
        for k, place in enumerate(places):
            ctypes.memmove(int(target) + size * place, int(values) + size * k, size)

else:
    _LONG, _WORD = ir.IntType(64), ir.IntType(32)

    def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    def _same(builder: Any, value: Any, count: int) -> Any:
        undefined = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
        one = builder.insert_element(undefined, value, _WORD(0))
        zeros = ir.Constant(ir.VectorType(_WORD, count), [0] * count)
        return builder.shuffle_vector(one, undefined, zeros)

    @intrinsic
    def columns_of(typing: Any, indices: Any, k: Any, first: Any) -> Any:
        """Return a word of ones for columns of `TAKEN` values from the k-th on, from a first one.

        Columns before it or behind the window have none.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            indices, k, first = arguments
            data = context.make_array(signature.args[0])(context, builder, indices).data
            few, wide = ir.VectorType(_WORD, 8), ir.VectorType(_LONG, 8)
            start, found = _same(builder, first, 8), None
            one = ir.Constant(wide, [_LONG(1)] * 8)
            for begin in range(0, TAKEN, 8):
                at = builder.gep(data, [builder.add(k, k.type(begin))])
                some = builder.load(builder.bitcast(at, few.as_pointer()), align=4)
                places = builder.sub(builder.zext(some, wide), start)
                if SPREADS:  # shifts by 64 or more leave nothing
                    bits = _call(builder, "llvm.x86.avx512.psllv.q.512", wide, one, places)
                else:  # compiled, never called
                    bits = one
                found = bits if found is None else builder.or_(found, bits)
            return _call(builder, "llvm.vector.reduce.or.v8i64", _LONG, found)

        return types.uint64(indices, types.intp, types.intp), generate

    @intrinsic
    def ones(typing: Any, word: Any) -> Any:
        """Return the number of ones in a word."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.intp(types.uint64), generate

    @intrinsic(prefer_literal=True)
    def spread(typing: Any, size: Any, values: Any, word: Any, target: Any) -> Any:
        """Write values from an address on to another, where the word has ones, zeros elsewhere.

        size : bytes of a value, a literal. As many values are read as there are ones.
        """
        n_bytes = getattr(size, "literal_value", 0)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, values, word, target = arguments
            count, kind = 64 // n_bytes, ir.IntType(8 * n_bytes)
            vector = ir.VectorType(kind, count)
            for begin in range(0, WINDOW, count):
                part = (
                    word
                    if count == WINDOW
                    else builder.trunc(builder.lshr(word, _LONG(begin)), ir.IntType(count))
                )
                mask = builder.bitcast(part, ir.VectorType(ir.IntType(1), count))
                place = builder.inttoptr(values, kind.as_pointer())
                name = f"llvm.masked.expandload.v{count}i{8 * n_bytes}"
                zeros = ir.Constant(vector, [kind(0)] * count)
                found = _call(builder, name, vector, place, mask, zeros)
                at = builder.inttoptr(target, vector.as_pointer())
                builder.store(found, at, align=n_bytes)
                passed = builder.ctpop(part)
                if count < WINDOW:
                    passed = builder.zext(passed, _LONG)
                values = builder.add(values, builder.mul(passed, _LONG(n_bytes)))
                target = builder.add(target, _LONG(count * n_bytes))
            return context.get_dummy_value()

        return types.void(size, types.intp, types.uint64, types.intp), generate
