"""A vector of several registers, as a Numba type: the accumulator of the products.

LLVM's auto-vectoriser reloads and stores an output row at every edge. With an explicit vector
type, which LLVM splits over the CPU's registers, the row stays in registers until its last edge.

The *tile* gives the number of registers: a tuple with one item per register, ``(0,) * 8`` for large
batches, whose products keep as many more registers busy, ``(0,) * 2`` for small ones. It is a
tuple because its length is part of its type, so that kernels are compiled for it. The lanes of a
register follow from the CPU (`cpu`).

Arrays are 2-D and C-contiguous; a row address is ``(row, column)`` with ``column`` a multiple
of the lanes and ``column + lanes <= array.shape[1]``. Nothing is checked here.

Under NUMBA_DISABLE_JIT=1 an intrinsic cannot run, so each has a NumPy twin of the same name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from .cpu import TARGET
from .jit import DISABLED


def lanes_of(dtype: Any, registers: int = 1) -> int:
    """Return the number of values of ``dtype`` that a number of registers hold."""
    return registers * TARGET.register_bytes // int(np.dtype(dtype).itemsize)


class _Vector(types.Type):
    def __init__(self, real: types.Float, lanes: int) -> None:
        self.real, self.lanes = real, lanes
        super().__init__(name=f"{real}x{lanes}")

    @property
    def element(self) -> Any:
        return ir.FloatType() if self.real == types.float32 else ir.DoubleType()

    @property
    def llvm(self) -> ir.VectorType:
        return ir.VectorType(self.element, self.lanes)


def _vector_of(tile: Any, real: Any) -> _Vector:
    return _Vector(real, len(tile) * TARGET.register_bytes * 8 // real.bitwidth)


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: _Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


def _address(
    context: Any, builder: Any, kind: Any, array_type: Any, array: Any, row: Any, column: Any
) -> Any:
    """The address of ``array[row, column]``, as one of an LLVM type."""
    struct = context.make_array(array_type)(context, builder, array)
    width = builder.extract_value(struct.shape, 1)
    offset = builder.add(builder.mul(row, width), column)
    return builder.bitcast(builder.gep(struct.data, [offset]), kind.as_pointer())


def _alignment(vector: _Vector) -> int:
    # Only what any array guarantees. Rows made by `layout` are aligned to 64 bytes, where the
    # unaligned instructions cost nothing.
    return int(vector.real.bitwidth) // 8


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    """Call an LLVM function of values of one type that returns one of it."""
    kind = arguments[0].type
    vector = isinstance(kind, ir.VectorType)
    bits = 32 if isinstance(kind.element if vector else kind, ir.FloatType) else 64
    overload = f"v{kind.count}f{bits}" if vector else f"f{bits}"
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * len(arguments)), f"{name}.{overload}"
    )
    return builder.call(function, arguments)


def _fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once; in two steps on a CPU that would call a library for it."""
    if not TARGET.fuses:
        return builder.fadd(builder.fmul(x, y), z)
    return _call(builder, "llvm.fma", x, y, z)


def _lanes(builder: Any, x: Any, y: Any, lanes: list[int]) -> Any:
    """The vector of these lanes, counted through x and then y."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
    return builder.shuffle_vector(x, y, mask)


if DISABLED:

    def lanes(tile, array):  # type: ignore[no-untyped-def]
        """Number of values of the array's dtype in a vector of the tile's size."""
        return lanes_of(array.dtype, len(tile))

    def load(tile, array, row, column):  # type: ignore[no-untyped-def]
        """``array[row, column : column + lanes]``."""
        return array[row, column : column + lanes(tile, array)].copy()

    def load_as(tile, like, array, row, column):  # type: ignore[no-untyped-def]
        """``array[row, column : column + lanes]`` in the dtype of ``like``."""
        count = lanes(tile, like)
        if array.dtype == like.dtype:
            return array[row, column : column + count].copy()
        words = array[row, column // 2 : (column + count) // 2].reshape(-1, lanes_of(like.dtype))
        both = np.stack([words << 16, words & 0xFFFF0000], axis=1)
        return both.astype(np.uint32).view(np.float32).ravel().astype(like.dtype)

    def pair(like, array, row, column, pairs, f, s):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        lanes = lanes_of(like.dtype)
        values = array[row, column : column + 2 * lanes].astype(np.float32).view(np.uint32)
        pairs[f, s // 2 : s // 2 + lanes] = values[:lanes] >> 16 | values[lanes:]

    def store(array, row, column, vector):  # type: ignore[no-untyped-def]
        """Set ``array[row, column : column + lanes] = vector``."""
        array[row, column : column + len(vector)] = vector

    def splat(tile, scalar):  # type: ignore[no-untyped-def]
        """The vector whose lanes all hold ``scalar``."""
        return np.full(lanes_of(scalar.dtype, len(tile)), scalar)

    def fma(x, y, z):  # type: ignore[no-untyped-def]
        """``x * y + z``."""
        return x * y + z

    def floor(x):  # type: ignore[no-untyped-def]
        """The whole number at or below ``x``."""
        return np.floor(x)

else:

    @intrinsic
    def lanes(typing: Any, tile: Any, array: Any) -> Any:
        """Return how many values of the array's dtype a vector of the tile's size holds."""
        count = _vector_of(tile, array.dtype).lanes

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.get_constant(types.intp, count)

        return types.intp(tile, array), generate

    @intrinsic
    def load(typing: Any, tile: Any, array: Any, row: Any, column: Any) -> Any:
        """Return ``array[row, column : column + lanes]``."""
        vector = _vector_of(tile, array.dtype)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, vector.llvm, signature.args[1], *arguments[1:])
            return builder.load(address, align=_alignment(vector))

        return vector(tile, array, types.intp, types.intp), generate

    @intrinsic
    def load_as(typing: Any, tile: Any, like: Any, array: Any, row: Any, column: Any) -> Any:
        """Return ``array[row, column : column + lanes]`` in the dtype of ``like``.

        The array is of that dtype, or of uint32 and holds pairs of bytes (`squares.pack`): then
        the tile has an even number of registers, and the column is a multiple of its lanes.
        """
        vector = _vector_of(tile, like.dtype)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array_type = signature.args[2]
            if array.dtype == like.dtype:
                address = _address(context, builder, vector.llvm, array_type, *arguments[2:])
                return builder.load(address, align=_alignment(vector))
            values, row, column = arguments[2:]
            half = builder.lshr(column, column.type(1))
            word = ir.IntType(32)
            kind = ir.VectorType(word, vector.lanes // 2)
            address = _address(context, builder, kind, array_type, values, row, half)
            words = builder.load(address, align=4)
            lower = builder.shl(words, ir.Constant(kind, [word(16)] * kind.count))
            upper = builder.and_(words, ir.Constant(kind, [word(0xFFFF0000)] * kind.count))
            singles = ir.VectorType(ir.FloatType(), kind.count)
            lower, upper = (builder.bitcast(x, singles) for x in (lower, upper))
            register = TARGET.register_bytes * 8 // vector.real.bitwidth
            order = [
                first + lane + which * kind.count
                for first in range(0, kind.count, register)
                for which in (0, 1)
                for lane in range(register)
            ]
            both = _lanes(builder, lower, upper, order)
            return both if both.type == vector.llvm else builder.fpext(both, vector.llvm)

        return vector(tile, like, array, types.intp, types.intp), generate

    @intrinsic
    def pair(
        typing: Any, like: Any, array: Any, row: Any, column: Any, pairs: Any, f: Any, s: Any
    ) -> Any:
        """Put two registers' worth of bytes, from ``array[row, column]`` on, into ``pairs[f]``.

        Those of samples from s on. The lower half of a byte as a float32 is zeros, so a word of
        ``pairs`` holds the upper half of one of the first register's lanes and, above it, the same
        of the second's.
        """
        lanes = TARGET.register_bytes * 8 // like.dtype.bitwidth

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, values, row, column, words, f, s = arguments
            bytes_, word = ir.VectorType(ir.IntType(8), lanes), ir.IntType(32)
            kind, singles = ir.VectorType(word, lanes), ir.VectorType(ir.FloatType(), lanes)
            halves = []
            for which in (0, 1):
                at = builder.add(column, column.type(which * lanes))
                at = _address(context, builder, bytes_, signature.args[1], values, row, at)
                single = builder.uitofp(builder.load(at, align=1), singles)
                halves.append(builder.bitcast(single, kind))
            lower = builder.lshr(halves[0], ir.Constant(kind, [word(16)] * lanes))
            at = builder.lshr(s, s.type(1))
            at = _address(context, builder, kind, signature.args[4], words, f, at)
            builder.store(builder.or_(lower, halves[1]), at, align=4)
            return context.get_dummy_value()

        return types.void(
            like, array, types.intp, types.intp, pairs, types.intp, types.intp
        ), generate

    @intrinsic
    def store(typing: Any, array: Any, row: Any, column: Any, vector: Any) -> Any:
        """Set ``array[row, column : column + lanes] = vector``."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, vector.llvm, signature.args[0], *arguments[:3])
            builder.store(arguments[3], address, align=_alignment(vector))
            return context.get_dummy_value()

        return types.void(array, types.intp, types.intp, vector), generate

    @intrinsic
    def splat(typing: Any, tile: Any, scalar: Any) -> Any:
        """Return the vector whose lanes all hold ``scalar``."""
        vector = _vector_of(tile, scalar)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            undefined = ir.Constant(vector.llvm, ir.Undefined)
            first = builder.insert_element(undefined, arguments[1], ir.Constant(ir.IntType(32), 0))
            return _lanes(builder, first, undefined, [0] * vector.lanes)

        return vector(tile, scalar), generate

    @intrinsic
    def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
        """Return ``x * y + z``, rounded once; of vectors or of numbers."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _fused(builder, *arguments)

        return x(x, x, x), generate

    @intrinsic
    def floor(typing: Any, x: Any) -> Any:
        """Return the whole number at or below a number of less than 2**21; NaN of NaN."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (value,) = arguments
            if TARGET.rounds:
                return _call(builder, "llvm.floor", value)
            # There are only whole numbers near this one, so that adding it rounds.
            large = value.type(1.5 * 2 ** (23 if x.bitwidth == 32 else 52))
            nearest = builder.fsub(builder.fadd(value, large), large)
            above = builder.fcmp_ordered(">", nearest, value)
            return builder.fsub(nearest, builder.select(above, value.type(1), value.type(0)))

        return x(x), generate
