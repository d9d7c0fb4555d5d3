"""Tables of kernels, and calls in kernels that choose a row of a table by its number.

A row is added to a table and to nothing else. Its number is its place. The code that chooses by
number is generated from the table: one ``if`` per row, in the kernel that calls it. All rows are
known when that is compiled, so it can be kept on disk, and a choice costs next to nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Parameters
    ----------
    name : str
        Its name in the library.
    number : int
        Its number in kernels: its place in the table, set by `table`.
    """

    name: str
    _: KW_ONLY
    number: int = -1


_Row = TypeVar("_Row", bound=Row)


def table(*rows: _Row) -> dict[str, _Row]:
    """Return rows by name, each with its number."""
    return {row.name: replace(row, number=number) for number, row in enumerate(rows)}


def by_number(kernels: Sequence[Callable[..., Any] | None]) -> Callable[[_Function], _Function]:
    """Return a decorator that writes the body of a function that kernels call.

    Its first argument is a number. It calls the kernel of this number with its other arguments,
    and returns nothing; where the kernel is None, or there is none, it does nothing.

    Raises
    ------
    TypeError
        If one of the kernels has other parameters.
    """

    def made(function: _Function) -> _Function:
        number, *rest = _parameters(function)
        name, arguments = function.__name__, ", ".join(rest)
        lines = [f"def {name}({number}, {arguments}):"]
        namespace: dict[str, Any] = {"__name__": function.__module__}
        for place, kernel in enumerate(kernels):
            if kernel is None:
                continue
            if len(_parameters(kernel)) != len(rest):
                raise TypeError(
                    f"{kernel.__name__} must have the parameters of {name} after the first, "
                    f"{arguments}; got {', '.join(_parameters(kernel))}"
                )
            called = f"_{place}_{kernel.__name__}"
            namespace[called] = kernel
            lines += [f"    if {number} == {place}:", f"        {called}({arguments})"]
        exec("\n".join(lines), namespace)
        written: Any = namespace[name]
        written.__doc__ = function.__doc__
        return cast(_Function, written)

    return made


def _parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(getattr(function, "py_func", function)).parameters)
