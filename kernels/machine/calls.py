"""Calls of compiled functions by address, and tuples handed over by reference.

A function that is called by address is compiled once, by itself, and only if it is needed: its
code is not part of every function that calls it. It gets a `Reference` to a named tuple, and loads
those fields that it uses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.datamodel import models
from numba.core.datamodel.registry import default_manager
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr_generic

from .jit import DISABLED

_functions: list[Callable[..., None]] = []  # without compilation an address is a place, from 1 on
_addresses: dict[tuple[Any, tuple[Any, ...]], int] = {}


class Reference(types.Type):
    """Address of a named tuple: its fields can be read, nested named tuples as references too.

    Parameters
    ----------
    to : type of a named tuple
        Type of the named tuple.
    """

    def __init__(self, to: Any) -> None:
        self.to = to
        super().__init__(name=f"Reference({to})")
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self._mangled = f"Reference_{digest}", ()

    @property
    def mangling_args(self) -> tuple[str, tuple[()]]:
        """A short name in machine code: that of a context has thousands of letters."""
        return self._mangled


class _ReferenceModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, manager.lookup(type_.to).get_value_type().as_pointer())


default_manager.register(Reference, _ReferenceModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:  # type: ignore[override]
        if name not in reference.to.fields:
            return None
        field = reference.to.types[reference.to.fields.index(name)]
        return Reference(field) if isinstance(field, types.BaseNamedTuple) else field


@lower_getattr_generic(Reference)  # type: ignore[untyped-decorator]
def _load_field(context: Any, builder: Any, reference: Any, pointer: Any, name: str) -> Any:
    number = reference.to.fields.index(name)
    place = cgutils.gep_inbounds(builder, pointer, 0, number)
    is_tuple = isinstance(reference.to.types[number], types.BaseNamedTuple)
    return place if is_tuple else builder.load(place)


if DISABLED:

    def reference_to(value):  # type: ignore[no-untyped-def]
        """Return the named tuple itself."""
        return value

    def call(address, arguments):  # type: ignore[no-untyped-def]
        """Call the function of that place."""
        _functions[address - 1](*arguments)

else:

    @intrinsic
    def reference_to(typing: Any, value: Any) -> Any:
        """Return a reference to a named tuple, good until the caller returns."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return cgutils.alloca_once_value(builder, arguments[0])

        return Reference(value)(value), generate

    @intrinsic
    def call(typing: Any, address: Any, arguments: Any) -> Any:
        """Call the function of this address with a tuple of arguments; it returns nothing."""
        kinds = tuple(types.unliteral(kind) for kind in arguments)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention = context.call_conv
            function = builder.inttoptr(
                values[0], convention.get_function_type(types.none, kinds).as_pointer()
            )
            given = cgutils.unpack_tuple(builder, values[1], len(kinds))
            status, _ = convention.call_function(builder, function, types.none, kinds, given)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.none(types.int64, types.Tuple(kinds)), generate


def address_of(function: Any, *types_: Any) -> int:
    """Return the address of a function for types of arguments; compile it first if needed.

    It is valid as long as the process runs. LLVM is asked once, while no process forks (`jit`): in
    the child its lock would be held by a thread that does not exist.
    """
    if DISABLED:
        if function not in _functions:
            _functions.append(function)
        return 1 + _functions.index(function)  # 0 is the address of nothing
    address = _addresses.get((function, types_))
    if address is None:
        with global_compiler_lock:
            function.bare.compile(types_)
            result = function.bare.overloads[types_]
            address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
            _addresses[function, types_] = int(address)
    return int(address)
