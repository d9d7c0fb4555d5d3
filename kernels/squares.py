"""Turning a square of values in registers: from one sample a row to one feature a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import DISABLED

SIDE = 16
"""Values on a side of the square."""

if DISABLED:

    def turn(data, samples, s, f, scale, X):  # type: ignore[no-untyped-def]
        """Do what the intrinsic below does."""
        square = data[samples[s : s + SIDE], f : f + SIDE]
        if X.dtype != np.uint8:
            square = square.astype(np.float64) * scale
        X[f : f + SIDE, s : s + SIDE] = square.T

else:

    @intrinsic
    def turn(typing: Any, data: Any, samples: Any, s: Any, f: Any, scale: Any, X: Any) -> Any:
        """X[f + i, s + j] = scale * data[samples[s + j], f + i] for i and j below `SIDE`.

        Where X is of bytes they are not scaled.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            from_type, *_, to_type = signature.args
            source, numbers, s, f, scale, target = (
                context.make_array(kind)(context, builder, value)
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, arguments, strict=True)
            )
            item = context.get_data_type(from_type.dtype)
            real = context.get_data_type(to_type.dtype)

            def address(array: Any, row: Any, column: Any, element: Any) -> Any:
                width = builder.extract_value(array.shape, 1)
                at = builder.gep(array.data, [builder.add(builder.mul(row, width), column)])
                return builder.bitcast(at, ir.VectorType(element, SIDE).as_pointer())

            def zipped(x: Any, y: Any, first: int) -> Any:
                lanes = [lane for i in range(first, first + SIDE // 2) for lane in (i, SIDE + i)]
                return builder.shuffle_vector(
                    x, y, ir.Constant(ir.VectorType(ir.IntType(32), SIDE), lanes)
                )

            rows = []
            for j in range(SIDE):
                at = builder.gep(numbers.data, [builder.add(s, s.type(j))])
                begin = address(source, builder.load(at), f, item)
                rows.append(builder.load(begin, align=from_type.dtype.bitwidth // 8))
            for _ in range(SIDE.bit_length() - 1):  # four rounds of zipping turn a square
                pairs = zip(rows[: SIDE // 2], rows[SIDE // 2 :], strict=True)
                rows = [zipped(x, y, first) for x, y in pairs for first in (0, SIDE // 2)]
            double = ir.VectorType(ir.DoubleType(), SIDE)
            undefined = ir.Constant(double, ir.Undefined)
            factor = builder.insert_element(undefined, scale, ir.IntType(32)(0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), SIDE), [0] * SIDE)
            factor = builder.shuffle_vector(factor, undefined, zeros)

            def scaled(row: Any) -> Any:
                if isinstance(item, ir.IntType):
                    row = builder.uitofp(row, double)
                elif item != ir.DoubleType():
                    row = builder.fpext(row, double)
                row = builder.fmul(row, factor)
                if real != ir.DoubleType():
                    row = builder.fptrunc(row, ir.VectorType(real, SIDE))
                return row

            for i, row in enumerate(rows):
                if not isinstance(real, ir.IntType):
                    row = scaled(row)
                end = address(target, builder.add(f, f.type(i)), s, real)
                builder.store(row, end, align=to_type.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(data, samples, types.intp, types.intp, types.float64, X), generate
