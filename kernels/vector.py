"""A vector of eight registers, as a Numba type: the accumulator of the products.

LLVM's auto-vectoriser reloads and stores an output row at every edge. With an explicit vector
type, which LLVM splits over eight registers of the CPU, the row stays in registers until its
last edge. The number of lanes follows from the CPU and the dtype:

=========  =====================  =======  =======
CPU        register               float32  float64
=========  =====================  =======  =======
AVX-512    64 bytes               128      64
AVX        32 bytes               64       32
other      16 bytes (SSE, NEON)   32       16
=========  =====================  =======  =======

Arrays are 2-D and C-contiguous; a row address is ``(row, column)`` with ``column`` a multiple
of the lanes and ``column + lanes <= array.shape[1]``. Nothing is checked here.

Under NUMBA_DISABLE_JIT=1 an intrinsic cannot run, so each has a NumPy twin of the same name.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from .jit import DISABLED

REGISTERS = 8


def _register_bytes() -> int:
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx") else 16


VECTOR_BYTES = REGISTERS * _register_bytes()


def lanes_of(dtype: Any) -> int:
    """Return how many values of ``dtype`` one vector holds."""
    return VECTOR_BYTES // int(np.dtype(dtype).itemsize)


class _Vector(types.Type):
    def __init__(self, real: types.Float) -> None:
        self.real = real
        self.lanes = VECTOR_BYTES * 8 // real.bitwidth
        super().__init__(name=f"{real}x{self.lanes}")

    @property
    def llvm(self) -> ir.VectorType:
        element = ir.FloatType() if self.real == types.float32 else ir.DoubleType()
        return ir.VectorType(element, self.lanes)

    @property
    def overload_suffix(self) -> str:
        return f"v{self.lanes}f{self.real.bitwidth}"


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: _Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


def _address(
    context: Any, builder: Any, vector: _Vector, array_type: Any, array: Any, row: Any, column: Any
) -> Any:
    struct = context.make_array(array_type)(context, builder, array)
    width = builder.extract_value(struct.shape, 1)
    offset = builder.add(builder.mul(row, width), column)
    return builder.bitcast(builder.gep(struct.data, [offset]), vector.llvm.as_pointer())


def _alignment(vector: _Vector) -> int:
    # Only what any array guarantees. Rows made by `layout` are aligned to 64 bytes, where the
    # unaligned instructions cost nothing.
    return int(vector.real.bitwidth) // 8


if DISABLED:

    def lanes(array):  # type: ignore[no-untyped-def]
        """How many values of the array's dtype one vector holds."""
        return lanes_of(array.dtype)

    def load(array, row, column):  # type: ignore[no-untyped-def]
        """``array[row, column : column + lanes]``."""
        return array[row, column : column + lanes(array)].copy()

    def store(array, row, column, vector):  # type: ignore[no-untyped-def]
        """Set ``array[row, column : column + lanes] = vector``."""
        array[row, column : column + lanes(array)] = vector

    def splat(scalar):  # type: ignore[no-untyped-def]
        """The vector whose lanes all hold ``scalar``."""
        return np.full(lanes_of(scalar.dtype), scalar)

    def fma(x, y, z):  # type: ignore[no-untyped-def]
        """``x * y + z``."""
        return x * y + z

    def dot(x, y):  # type: ignore[no-untyped-def]
        """The sum of ``x * y``."""
        return x.dtype.type(np.dot(x, y))

else:

    @intrinsic
    def lanes(typing: Any, array: Any) -> Any:
        """Return the lanes of a vector of the array's dtype, as a constant."""
        count = _Vector(array.dtype).lanes

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.get_constant(types.intp, count)

        return types.intp(array), generate

    @intrinsic
    def load(typing: Any, array: Any, row: Any, column: Any) -> Any:
        """Return ``array[row, column : column + lanes]``."""
        vector = _Vector(array.dtype)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, vector, signature.args[0], *arguments)
            return builder.load(address, align=_alignment(vector))

        return vector(array, types.intp, types.intp), generate

    @intrinsic
    def store(typing: Any, array: Any, row: Any, column: Any, vector: Any) -> Any:
        """Set ``array[row, column : column + lanes] = vector``."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, vector, signature.args[0], *arguments[:3])
            builder.store(arguments[3], address, align=_alignment(vector))
            return context.get_dummy_value()

        return types.void(array, types.intp, types.intp, vector), generate

    @intrinsic
    def splat(typing: Any, scalar: Any) -> Any:
        """Return the vector whose lanes all hold ``scalar``."""
        vector = _Vector(scalar)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            undefined = ir.Constant(vector.llvm, ir.Undefined)
            first = builder.insert_element(undefined, arguments[0], ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.lanes), [0] * vector.lanes)
            return builder.shuffle_vector(first, undefined, zeros)

        return vector(scalar), generate

    @intrinsic
    def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
        """Return ``x * y + z``, rounded once."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(x.llvm, [x.llvm] * 3),
                f"llvm.fma.{x.overload_suffix}",
            )
            return builder.call(function, arguments)

        return x(x, x, x), generate

    @intrinsic
    def dot(typing: Any, x: Any, y: Any) -> Any:
        """Return the sum of ``x * y`` over the lanes, always in the same order.

        Register by register in two chains of FMAs, then a tree over the lanes of one register.
        Spelled out, since LLVM orders a reduction as it likes: the code that it compiles and the
        code that Numba loads from its cache then differed in the last bit.
        """
        lanes_of_register = x.lanes // REGISTERS

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def part(vector: Any, first: int, count: int) -> Any:
                lanes = [*range(first, first + count)]
                mask = ir.Constant(ir.VectorType(ir.IntType(32), count), lanes)
                return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)

            register = ir.VectorType(x.llvm.element, lanes_of_register)
            fused = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(register, [register] * 3),
                f"llvm.fma.v{lanes_of_register}f{x.real.bitwidth}",
            )
            pairs = [
                [part(vector, first, lanes_of_register) for vector in arguments]
                for first in range(0, x.lanes, lanes_of_register)
            ]
            chains = [builder.fmul(*pair) for pair in pairs[:2]]
            for number, pair in enumerate(pairs[2:]):
                chains[number % 2] = builder.call(fused, [*pair, chains[number % 2]])
            total = builder.fadd(*chains)
            width = lanes_of_register
            while width > 1:
                width //= 2
                total = builder.fadd(part(total, 0, width), part(total, width, width))
            return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

        return x.real(x, x), generate
