"""Contexts as words in memory: a call changes a few of them, and hands over an address.

Numba takes a context apart at each call, some fifty arrays of it. That takes some ten microseconds,
and to replace fields of the tuples before as long again: as long as a small layer. So a `Prepared`
has the context as compiled code has it in memory (`calls.Reference`). All of it is words of eight
bytes: numbers, and of arrays what `array_words` has.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.calls import call
from ..machine.jit import DISABLED, jit
from ..machine.threads import run
from ..machine.transpose import address_of
from .engine import entry, execute
from .records import Context

Array = npt.NDArray[Any]

_SIZE, _ADDRESS, _SHAPE = 2, 4, 5
"""Words of an array: its number of items, where it begins, and the first of its shape."""


def array_words(address: int, shape: Sequence[int], itemsize: int) -> list[int]:
    """Return an array in C order as Numba has it: no owner, items, their size, data, strides."""
    strides: list[int] = []
    size = 1
    for n in reversed(shape):
        strides.insert(0, size * itemsize)
        size *= n
    return [0, 0, size, itemsize, address, *shape, *strides]


def words_of(value: Any) -> Iterator[int]:
    """Return the words of a number, an array in C order, or a tuple of such."""
    if isinstance(value, tuple):
        for each in value:
            yield from words_of(each)
    elif isinstance(value, np.ndarray):
        yield from array_words(value.ctypes.data, value.shape, value.itemsize)
    elif isinstance(value, float):
        yield from struct.unpack("q", struct.pack("d", value))
    else:
        yield int(value)


def _from_words(like: Any, words: Iterator[int]) -> Any:
    """Return what the words are of, of the types of something like it."""
    if isinstance(like, tuple):
        parts = [_from_words(each, words) for each in like]
        return type(like)._make(parts) if hasattr(like, "_make") else tuple(parts)
    if isinstance(like, np.ndarray):
        _, _, size, itemsize, address, *rest = (next(words) for _ in range(5 + 2 * like.ndim))
        shape = rest[: like.ndim]
        if not size:
            return np.empty(shape, like.dtype)
        memory: Any = (ctypes.c_byte * (size * itemsize)).from_address(address)
        return np.frombuffer(memory, like.dtype).reshape(shape)
    word = next(words)
    return struct.unpack("d", struct.pack("q", word))[0] if isinstance(like, float) else word


@jit
def _start(rank, claims, done, address, words):  # type: ignore[no-untyped-def]
    """Run the program at an address; words : int64[...], its context."""
    call(address, (rank, claims, done, address_of(words)))


class Prepared:
    """A context, and the places of what calls change in it.

    Parameters
    ----------
    context : Context
        The context, ready to run. It is held, and not changed.
    shapes : dict
        Shapes of arrays of its memory that calls bring, by name.
    """

    def __init__(self, context: Context, shapes: dict[str, tuple[int, ...]]) -> None:
        self._context, self._address = context, entry(context)
        self._words = np.array(list(words_of(context)), np.int64)
        for name, shape in shapes.items():
            at, itemsize = self.place("memory", name), getattr(context.memory, name).itemsize
            words = array_words(0, shape, itemsize)
            self._words[at : at + len(words)] = words

    def place(self, *names: str) -> int:
        """Return the number of the first word of a field, or of a field of a field."""
        at = 0
        value: Any = self._context
        for name in names:
            number = value._fields.index(name)
            at += sum(1 for each in value[:number] for _ in words_of(each))
            value = value[number]
        return at

    def address_in(self, *names: str) -> int:
        """Return the place of the address of an array."""
        return self.place(*names) + _ADDRESS

    def size_in(self, *names: str) -> tuple[int, int]:
        """Return the places of the number of items, and of rows, of an array."""
        return self.place(*names) + _SIZE, self.place(*names) + _SHAPE

    def words(self) -> Array:
        """Return a copy of all words, which a call may change: int64[...]."""
        return self._words.copy()

    def run(self, n_threads: int, words: Array) -> None:
        """Run the program with its words, on so many threads."""
        if DISABLED:
            run(execute, n_threads, _from_words(self._context, iter(words.tolist())))
        else:
            run(_start, n_threads, self._address, words)
