"""Transposition in registers: square tiles from one sample per row to one feature per row.

Data is read by address, in place. The most common kinds, `TURNED`, go from memory through
registers to memory; all others become float64 first, in a square of their own, row by row.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import DISABLED
from .vector import _fused

SIDE = 16
"""Values on a side of the square."""

KINDS = {
    name: number
    for number, name in enumerate(
        ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")
    )
} | {"b1": 0}
"""Numbers of the dtypes that can be read, by kind and bytes; a bool is a byte of 0 or 1."""

TURNED = KINDS["u1"], KINDS["f4"], KINDS["f8"]
"""Kinds that `turn` takes. It is long, and compiled for each of them."""

_LARGEST = 2**53  # up to it float64 holds every whole number


if DISABLED:

    def _read(address: int, dtype: str, count: int) -> Any:
        size = count * np.dtype(dtype).itemsize
        memory: Any = (ctypes.c_ubyte * size).from_address(int(address))
        return np.frombuffer(memory, dtype)

    def address_of(array):  # type: ignore[no-untyped-def]
        """Address of the array's first value."""
        return array.ctypes.data

    def copy_item(size, source, target):  # type: ignore[no-untyped-def]
        """Copy so many bytes from one address to another."""
        ctypes.memmove(int(target), int(source), int(size))

    def move_line(source, target):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        ctypes.memmove(int(target), int(source), 64)
        ctypes.memset(int(source), 0, 64)

    def prefetch(address):  # type: ignore[no-untyped-def]
        """Do nothing."""

    def are_within(indices, k, first, n):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        some = indices[k : k + SIDE]
        return bool(((some >= first) & (some < first + n)).all())

    def load_row(kind, address, doubles, j):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        items = _read(address, list(KINDS)[kind], SIDE)
        doubles[j] = items
        if items.dtype.kind in "iu":
            doubles[j, (items > _LARGEST) | (items < -_LARGEST)] = np.nan

    def load_value(kind, address):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        name = np.dtype(kind).str[1:] if isinstance(kind, type) else list(KINDS)[kind]
        (item,) = _read(address, name, 1)
        beyond = item.dtype.kind in "iu" and not -_LARGEST <= item <= _LARGEST
        return np.nan if beyond else float(item)

    def turn(kind, rows, offset, scale, X, f, s):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        name = np.dtype(kind).str[1:]
        square = np.stack([_read(row + offset, name, SIDE) for row in rows])
        if X.dtype != np.uint8:
            with np.errstate(over="ignore", invalid="ignore"):
                square = (scale * square.astype(np.float64)).astype(X.dtype)
        X[f : f + SIDE, s : s + SIDE] = square.T
        return int(not np.isfinite(square).all())

else:
    _BYTE, _INT, _SINGLE, _DOUBLE = ir.IntType(8), ir.IntType(64), ir.FloatType(), ir.DoubleType()

    def _row(array: Any, i: Any, j: Any, element: Any, builder: Any) -> Any:
        """Address of `SIDE` values of an array from [i, j] on."""
        width = builder.extract_value(array.shape, 1)
        at = builder.gep(array.data, [builder.add(builder.mul(i, width), j)])
        return builder.bitcast(at, ir.VectorType(element, SIDE).as_pointer())

    def _same(value: Any, kind: Any, builder: Any) -> Any:
        """A vector of `SIDE` times the same value."""
        vector = ir.VectorType(kind, SIDE)
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(undefined, value, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), SIDE), [0] * SIDE)
        return builder.shuffle_vector(one, undefined, zeros)

    def _half(items: Any, builder: Any) -> Any:
        """float64 of 16-bit floats, by whole numbers: not every CPU has an instruction for it."""
        count = items.type.count
        wide = ir.VectorType(_INT, count)

        def number(value: int) -> Any:
            return ir.Constant(wide, [_INT(value)] * count)

        doubles = ir.VectorType(_DOUBLE, count)
        bits = builder.zext(items, wide)
        exponent = builder.and_(builder.lshr(bits, number(10)), number(31))
        is_normal = builder.icmp_unsigned("!=", exponent, number(0))
        mantissa = builder.and_(bits, number(1023))
        mantissa = builder.select(is_normal, builder.or_(mantissa, number(1024)), mantissa)
        exponent = builder.select(is_normal, exponent, number(1))
        power = builder.add(exponent, number(1023 - 25))  # the mantissa has ten bits
        is_finite = builder.icmp_unsigned("<", exponent, number(31))
        power = builder.select(is_finite, power, number(2047))  # infinity
        sign = builder.shl(builder.lshr(bits, number(15)), number(63))
        factor = builder.bitcast(builder.or_(builder.shl(power, number(52)), sign), doubles)
        narrow = builder.trunc(mantissa, ir.VectorType(ir.IntType(32), count))
        return builder.fmul(builder.sitofp(narrow, doubles), factor)

    def _doubles(name: str, address: Any, builder: Any, count: int = SIDE) -> Any:
        """So many values at an address in float64; NaN for whole numbers that do not fit."""
        letter, size = name[0], int(name[1:])
        element = {"f4": ir.FloatType(), "f8": _DOUBLE}.get(name, ir.IntType(8 * size))
        items = builder.load(
            builder.inttoptr(address, ir.VectorType(element, count).as_pointer()), align=size
        )
        kind = ir.VectorType(_DOUBLE, count)
        if letter == "f":
            if size == 2:
                return _half(items, builder)
            return items if size == 8 else builder.fpext(items, kind)
        values = (builder.sitofp if letter == "i" else builder.uitofp)(items, kind)
        if size == 8:
            limit = ir.Constant(items.type, [_INT(_LARGEST)] * count)
            if letter == "u":
                beyond = builder.icmp_unsigned(">", items, limit)
            else:  # items + limit is from 0 to 2 limit, without a sign
                moved = builder.add(items, limit)
                beyond = builder.icmp_unsigned(">", moved, builder.add(limit, limit))
            nan = ir.Constant(kind, [_DOUBLE(float("nan"))] * count)
            values = builder.select(beyond, nan, values)
        return values

    @intrinsic
    def address_of(typing: Any, array: Any) -> Any:
        """Return where the array begins in memory."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            return builder.ptrtoint(data, _INT)

        return types.intp(array), generate

    @intrinsic
    def copy_item(typing: Any, size: Any, source: Any, target: Any) -> Any:
        """Copy 1, 2, 4 or 8 bytes from one address to another."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            size, *addresses = arguments
            done = builder.append_basic_block("copied")
            unknown = builder.append_basic_block("unknown")
            switch = builder.switch(size, unknown)
            for width in (1, 2, 4, 8):
                block = builder.append_basic_block(f"copy_{width}")
                switch.add_case(_INT(width), block)
                with builder.goto_block(block):
                    kind = ir.IntType(8 * width).as_pointer()
                    at, to = (builder.inttoptr(address, kind) for address in addresses)
                    builder.store(builder.load(at, align=1), to, align=1)
                    builder.branch(done)
            with builder.goto_block(unknown):
                builder.unreachable()
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, types.intp), generate

    @intrinsic
    def move_line(typing: Any, source: Any, target: Any) -> Any:
        """Move 64 bytes from one address, where zeros stay, to another."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.VectorType(_INT, 8)
            at, to = (builder.inttoptr(address, kind.as_pointer()) for address in arguments)
            builder.store(builder.load(at, align=8), to, align=4)
            builder.store(ir.Constant(kind, [_INT(0)] * 8), at, align=8)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp), generate

    @intrinsic
    def are_within(typing: Any, indices: Any, k: Any, first: Any, n: Any) -> Any:
        """Return whether `SIDE` indices from the k-th on are all among n from a first one on."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            indices, k, first, n = arguments
            data = context.make_array(signature.args[0])(context, builder, indices).data
            word, count = ir.IntType(32), SIDE
            kind = ir.VectorType(word, count)
            at = builder.bitcast(builder.gep(data, [k]), kind.as_pointer())
            zeros = ir.Constant(kind, [0] * count)
            spread = [
                builder.shuffle_vector(
                    builder.insert_element(zeros, builder.trunc(value, word), word(0)), zeros, zeros
                )
                for value in (first, n)
            ]
            places = builder.sub(builder.load(at, align=4), spread[0])
            within = builder.icmp_unsigned("<", places, spread[1])
            bits = builder.bitcast(within, ir.IntType(count))
            return builder.icmp_unsigned("==", bits, bits.type(2**count - 1))

        return types.boolean(indices, types.intp, types.intp, types.intp), generate

    @intrinsic
    def prefetch(typing: Any, address: Any) -> Any:
        """Have the cache line at an address fetched, if it is not in a cache."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, word = _BYTE.as_pointer(), ir.IntType(32)
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(ir.VoidType(), [pointer, word, word, word]),
                "llvm.prefetch.p0",
            )
            read, far, data = (word(k) for k in (0, 2, 1))
            at = builder.inttoptr(arguments[0], pointer)
            builder.call(function, [at, read, far, data])
            return context.get_dummy_value()

        return types.void(types.intp), generate

    def _for_kind(kind: Any, builder: Any, generate: Callable[[str], Any]) -> None:
        """Have code for each of `KINDS`, and go to that of a number."""
        done = builder.append_basic_block("loaded")
        unknown = builder.append_basic_block("unknown")
        switch = builder.switch(kind, unknown)
        for name, number in KINDS.items():
            if name == "b1":
                continue
            block = builder.append_basic_block(f"load_{name}")
            switch.add_case(_INT(number), block)
            with builder.goto_block(block):
                generate(name)
                builder.branch(done)
        with builder.goto_block(unknown):
            builder.unreachable()
        builder.position_at_end(done)

    @intrinsic
    def load_row(typing: Any, kind: Any, address: Any, doubles: Any, j: Any) -> Any:
        """doubles[j, i] = the value of this kind at the address, and the i-th from it.

        A whole number that float64 does not hold becomes NaN.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind, address, doubles, j = arguments
            doubles = context.make_array(signature.args[2])(context, builder, doubles)
            target = _row(doubles, j, _INT(0), _DOUBLE, builder)
            _for_kind(
                kind,
                builder,
                lambda name: builder.store(_doubles(name, address, builder), target, align=8),
            )
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, doubles, types.intp), generate

    @intrinsic
    def load_value(typing: Any, kind: Any, address: Any) -> Any:
        """Return the value of this kind at the address, as `load_row` does.

        kind : its number, or the dtype itself: then the code is for this one alone.
        """
        known = isinstance(kind, types.NumberClass)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number, address = arguments

            def load(name: str) -> Any:
                one = _doubles(name, address, builder, 1)
                return builder.extract_element(one, ir.IntType(32)(0))

            if known:
                dtype = kind.dtype
                letter = "f" if isinstance(dtype, types.Float) else "iu"[not dtype.signed]
                return load(f"{letter}{dtype.bitwidth // 8}")
            value = cgutils.alloca_once(builder, _DOUBLE)
            _for_kind(number, builder, lambda name: builder.store(load(name), value))
            return builder.load(value)

        return types.float64(kind if known else types.intp, types.intp), generate

    @intrinsic
    def turn(
        typing: Any, kind: Any, rows: Any, offset: Any, scale: Any, X: Any, f: Any, s: Any
    ) -> Any:
        """X[f + i, s + j] = scale * (the i-th value from rows[j] + offset) for i, j below `SIDE`.

        kind : the dtype of the values, of `TURNED`; rows : int64[SIDE], addresses. The product is
        of float64, until it is rounded. Returns 0 where all are finite; bytes are not checked. If X
        is of bytes, they are not scaled.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, rows, offset, scale, X, f, s = arguments
            addresses = context.make_array(signature.args[1])(context, builder, rows).data
            target = context.make_array(signature.args[4])(context, builder, X)
            item = context.get_data_type(kind.dtype)
            real = context.get_data_type(signature.args[4].dtype)
            word = ir.IntType(32)

            def zipped(x: Any, y: Any, first: int) -> Any:
                lanes = [lane for i in range(first, first + SIDE // 2) for lane in (i, SIDE + i)]
                return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(word, SIDE), lanes))

            vectors = []
            for j in range(SIDE):
                at = builder.add(builder.load(builder.gep(addresses, [word(j)])), offset)
                at = builder.inttoptr(at, ir.VectorType(item, SIDE).as_pointer())
                vectors.append(builder.load(at, align=kind.dtype.bitwidth // 8))
            for _ in range(SIDE.bit_length() - 1):  # four rounds of zipping turn a square
                pairs = zip(vectors[: SIDE // 2], vectors[SIDE // 2 :], strict=True)
                vectors = [zipped(x, y, first) for x, y in pairs for first in (0, SIDE // 2)]

            checks = not isinstance(item, ir.IntType)
            doubles = ir.VectorType(_DOUBLE, SIDE)
            factor = _same(scale, _DOUBLE, builder)
            zero = ir.Constant(ir.VectorType(real, SIDE), [real(0)] * SIDE)

            def scaled(vector: Any) -> Any:
                """The product in float64, rounded."""
                if isinstance(item, ir.IntType):
                    vector = builder.uitofp(vector, doubles)
                elif item != _DOUBLE:
                    vector = builder.fpext(vector, doubles)
                vector = builder.fmul(vector, factor)
                return vector if real == _DOUBLE else builder.fptrunc(vector, zero.type)

            def put(product: Callable[[Any], Any]) -> Any:
                """Store the products; return whether one is not finite."""
                nothing = zero  # plus zero times each: NaN, where one is not finite
                for i, vector in enumerate(vectors):
                    vector = product(vector)
                    if checks:
                        nothing = _fused(builder, vector, zero, nothing)
                    end = _row(target, builder.add(f, f.type(i)), s, real, builder)
                    builder.store(vector, end, align=signature.args[4].dtype.bitwidth // 8)
                if not checks:
                    return _INT(0)
                broken = builder.fcmp_unordered("uno", nothing, nothing)
                return builder.zext(builder.bitcast(broken, ir.IntType(SIDE)), _INT)

            if real == _BYTE:
                return put(lambda vector: vector)
            if item == real == _SINGLE:
                # Of two float32s float64 has the whole product, so that it is rounded once anyway.
                single = builder.fptrunc(scale, _SINGLE)
                fits = builder.fcmp_ordered("==", builder.fpext(single, _DOUBLE), scale)
                singles = _same(single, _SINGLE, builder)
                found = cgutils.alloca_once(builder, _INT)
                with builder.if_else(fits) as (at_once, by_doubles):
                    with at_once:
                        builder.store(put(lambda vector: builder.fmul(vector, singles)), found)
                    with by_doubles:
                        builder.store(put(scaled), found)
                return builder.load(found)
            return put(scaled)

        at = types.intp, types.float64, X, types.intp, types.intp
        return types.intp(kind, rows, *at), generate
