"""Views of the arrays behind a reference: stretches of rows, where a record or a number says.

A slice of Numba's is long code, for bounds that are negative or past the end; and an inlined
function that makes one is analysed anew wherever it is called. Operations take some ten views each,
so that a first training waited for them. These are an address and a shape. Nothing is checked but
the ends of batches: records are made by plans. Arrays must be contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from operator import attrgetter
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from .calls import Reference
from .jit import DISABLED

_Rule = Callable[[Any], Any]
"""Of a record: a sum or the like of its fields."""

if DISABLED:

    def stretch_of(path: str, first: _Rule, *shape: _Rule) -> Any:
        """Return what the function below does."""
        array_of = attrgetter(path)

        def view(context, record):  # type: ignore[no-untyped-def]
            array, begin = array_of(context), first(record)
            lengths = [int(length(record)) for length in shape]
            return array[begin : begin + prod(lengths)].reshape(*lengths, *array.shape[1:])

        return view

    def batch_of(path: str, size: str) -> Any:
        """Return what the function below does."""

        array_of, size_of = attrgetter(path), attrgetter(size)

        def view(context, step):  # type: ignore[no-untyped-def]
            n = size_of(context)
            return array_of(context)[max(step * n, 0) : max((step + 1) * n, 0)]

        return view

    def rows_of(path: str) -> Any:
        """Return what the function below does."""

        arrays_of = attrgetter(path)

        def view(context, rank):  # type: ignore[no-untyped-def]
            arrays = arrays_of(context)
            return type(arrays)(*(array[rank] for array in arrays))

        return view

else:

    class _Number:
        """A number of compiled code, for the sums that say where a view begins."""

        def __init__(self, builder: Any, value: Any) -> None:
            self._builder, self.value = builder, value

        def _with(self, operation: str, other: Any) -> _Number:
            value = self.value.type(other) if isinstance(other, int) else other.value
            return _Number(self._builder, getattr(self._builder, operation)(self.value, value))

        def __add__(self, other: Any) -> _Number:
            return self._with("add", other)

        def __sub__(self, other: Any) -> _Number:
            return self._with("sub", other)

        def __floordiv__(self, other: Any) -> _Number:
            return self._with("sdiv", other)  # of numbers that are not negative

    class _Record:
        """The whole numbers of a record."""

        def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
            self._context, self._builder, self._kind, self._value = context, builder, kind, value

        def __getitem__(self, name: str) -> _Number:
            builder, offset = self._builder, self._kind.offset(name)
            integer = self._context.get_value_type(types.int64)
            at = cgutils.get_record_member(builder, self._value, offset, integer)
            return _Number(builder, builder.load(at, align=8))

    def _type_at(reference: Any, path: str) -> Any:
        """Return the type of a field of a field, of what a reference leads to."""
        kind = reference.to
        for name in path.split("."):
            kind = kind.types[kind.fields.index(name)]
        return kind

    def _place_at(builder: Any, reference: Any, pointer: Any, path: str) -> Any:
        """Return the address of that field."""
        kind = reference.to
        for name in path.split("."):
            number = kind.fields.index(name)
            pointer = cgutils.gep_inbounds(builder, pointer, 0, number)
            kind = kind.types[number]
        return pointer

    def _view(
        context: Any, builder: Any, kind: Any, array: Any, first: Any, shape: list[Any]
    ) -> Any:
        """A view of this type of a contiguous array, from its entry ``first`` along axis 0 on."""
        begin = builder.mul(first, builder.extract_value(array.strides, 0))
        strides = [array.itemsize]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(length, strides[0]))
        made = context.make_array(kind)(context, builder)
        data = cgutils.pointer_add(builder, array.data, begin)
        populate_array(made, data, shape, strides, array.itemsize, None)
        return made._getvalue()

    def _lengths(builder: Any, kind: Any, array: Any) -> list[Any]:
        """The lengths of an array's axes after the first."""
        return [builder.extract_value(array.shape, axis) for axis in range(1, kind.ndim)]

    def stretch_of(path: str, first: _Rule, *shape: _Rule) -> Any:
        """Return a function of a context and a record: a view of an array of the context.

        Parameters
        ----------
        path
            The names of the array, such as ``"memory.deltas"``.
        first
            Of a record: where the view begins along the first axis.
        *shape
            Of a record: the lengths that stand in the place of the array's first one.
        """

        @intrinsic
        def view(typing: Any, context: Any, record: Any) -> Any:
            source = _type_at(context, path)
            result = source.copy(ndim=len(shape) + source.ndim - 1)

            def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                place = _place_at(builder, context, arguments[0], path)
                array = target.make_array(source)(target, builder, ref=place)
                numbers = _Record(target, builder, record, arguments[1])
                lengths = [number(numbers).value for number in shape]
                lengths += _lengths(builder, source, array)
                return _view(target, builder, result, array, first(numbers).value, lengths)

            return result(context, record), generate

        return view

    def batch_of(path: str, size: str) -> Any:
        """Return a function of a context and a step: entries of an array from step * size on.

        As many as there are, up to the size, a number of the context.
        """

        @intrinsic
        def view(typing: Any, context: Any, step: Any) -> Any:
            source = _type_at(context, path)

            def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                place = _place_at(builder, context, arguments[0], path)
                array = target.make_array(source)(target, builder, ref=place)
                size_ = builder.load(_place_at(builder, context, arguments[0], size))
                zero, length = size_.type(0), builder.extract_value(array.shape, 0)

                def within(place: Any) -> Any:
                    place = builder.select(builder.icmp_signed("<", place, zero), zero, place)
                    beyond = builder.icmp_signed(">", place, length)
                    return builder.select(beyond, length, place)

                begin = builder.mul(arguments[1], size_)
                end = within(builder.add(begin, size_))
                begin = within(begin)
                return _view(target, builder, source, array, begin, [builder.sub(end, begin)])

            return source(context, types.int64), generate

        return view

    def rows_of(path: str) -> Any:
        """Return a function of a context and a number: a reference to those rows of its arrays."""

        @intrinsic
        def view(typing: Any, context: Any, rank: Any) -> Any:
            source = _type_at(context, path)
            kinds = [kind.copy(ndim=kind.ndim - 1) for kind in source.types]
            result = types.NamedTuple(kinds, source.instance_class)

            def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                place = _place_at(builder, context, arguments[0], path)
                rows = []
                for number, (kind, made) in enumerate(zip(source.types, kinds, strict=True)):
                    at = cgutils.gep_inbounds(builder, place, 0, number)
                    array = target.make_array(kind)(target, builder, ref=at)
                    lengths = _lengths(builder, kind, array)
                    rows.append(_view(target, builder, made, array, arguments[1], lengths))
                tuple_ = target.make_tuple(builder, result, rows)
                return cgutils.alloca_once_value(builder, tuple_)

            return Reference(result)(context, types.int64), generate

        return view
