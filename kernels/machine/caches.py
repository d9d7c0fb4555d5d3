"""Sizes of the caches of this machine, per core.

A core is the one or two hardware threads that share a first-level data cache. A cache that several
cores share is divided by the number of them that this process may use. If cores differ, the sizes
are those of the smallest: a task may run on any.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cpus import usable_cpus

_LINUX = Path("/sys/devices/system/cpu")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_WINDOWS = struct.Struct("<QI4xBBHII4x")
"""SYSTEM_LOGICAL_PROCESSOR_INFORMATION of 64-bit Windows, of a cache: CPUs as a mask, relationship,
level, ways, bytes of a line, bytes, kind."""
_RELATION_CACHE, _UNIFIED, _DATA = 2, 0, 2  # Windows's numbers


SOURCE = {"darwin": "sysctl", "win32": "GetLogicalProcessorInformation"}.get(
    sys.platform, str(_LINUX)
)
"""The place where this system reports its caches."""


@dataclass(frozen=True)
class Caches:
    """Bytes of the first-level data cache, and of the caches behind it, that one core has.

    Nearly every CPU of the last ten years has at least the defaults; they are used where the
    system reports nothing. Kernels do not depend on the third level: it has no default.
    """

    L1: int = 32 * 2**10
    L2: int = 512 * 2**10
    L3: int | None = None
    reported: frozenset[str] = field(default=frozenset(), compare=False)
    """Names of those that are no defaults."""


@dataclass(frozen=True)
class Cache:
    """One cache of data: its level, its bytes, and the CPUs (hardware threads) that it serves."""

    level: int
    size: int
    cpus: frozenset[int]


def read_caches() -> Caches:
    """Return the sizes that the system reports for this process's cores, or the defaults."""
    with suppress(OSError, AttributeError, ValueError, struct.error):  # the system reports nothing
        if sys.platform == "darwin":
            return of_macos(_sysctl)
        if sys.platform == "win32":
            return of_core(parse_windows(_ask_windows()), usable_cpus())
        return of_core(read_linux(usable_cpus()), usable_cpus())
    return Caches()


def of_core(caches: list[Cache], usable: set[int]) -> Caches:
    """Return the smallest share of one core in the caches of the usable CPUs."""
    cores = {cache.cpus for cache in caches if cache.level == 1}
    sizes: dict[str, int] = {}
    for cache in caches:
        sharing = sum(1 for core in cores if core & cache.cpus & usable)
        if cache.level in (1, 2, 3) and cache.size > 0 and cache.cpus & usable:
            share = cache.size // max(1, sharing)
            name = f"L{cache.level}"
            sizes[name] = min(share, sizes.get(name, share))
    return _reported(sizes)


def _reported(sizes: dict[str, int]) -> Caches:
    return Caches(**sizes, reported=frozenset(sizes))


def read_linux(cpus: set[int], folder: Path = _LINUX) -> list[Cache]:
    """Return the caches of some CPUs, from Linux's folder of all of them."""
    caches = set()
    for cpu in cpus:
        for index in (folder / f"cpu{cpu}" / "cache").glob("index*"):
            with suppress(OSError, ValueError, IndexError):
                level, kind, size = (
                    (index / name).read_text().strip() for name in ("level", "type", "size")
                )
                n_bytes = int(size.rstrip("KMG")) * _UNITS.get(size[-1], 1)
                sharing = frozenset({cpu})
                with suppress(OSError, ValueError):
                    sharing |= _numbers((index / "shared_cpu_list").read_text())
                if kind in ("Data", "Unified"):
                    caches.add(Cache(int(level), n_bytes, sharing))
    return sorted(caches, key=lambda cache: (cache.level, min(cache.cpus)))


def _numbers(text: str) -> set[int]:
    """Return the numbers of a list such as 0-3,8."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


def of_macos(sysctl: Callable[[str], int | None]) -> Caches:
    """Return the sizes from macOS's parameters, which may be those of several kinds of cores."""

    def smallest(name: str, divisor: str = "") -> dict[str, int]:
        kinds = [f"hw.perflevel{k}." for k in range(sysctl("hw.nperflevels") or 0)]
        shares = []
        for kind in kinds or ["hw."]:
            size = sysctl(f"{kind}{name}")
            if size:
                shares.append(size // (sysctl(f"{kind}{divisor}") or 1 if divisor else 1))
        return {name[:2].upper(): min(shares)} if shares else {}

    return _reported(smallest("l1dcachesize") | smallest("l2cachesize", "cpusperl2"))


def _sysctl(name: str) -> int | None:
    """Return a number among macOS's parameters; None where there is none of that name."""
    value, size = ctypes.c_uint64(), ctypes.c_size_t(8)
    failed = ctypes.CDLL(None).sysctlbyname(
        name.encode(), ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)
    )
    return None if failed else value.value  # of four bytes the upper half stays zero


def parse_windows(records: bytes) -> list[Cache]:
    """Return the caches in the result of GetLogicalProcessorInformation."""

    def caches() -> Iterator[Cache]:
        for mask, relationship, level, _, _, size, kind in _WINDOWS.iter_unpack(records):
            if relationship == _RELATION_CACHE and kind in (_UNIFIED, _DATA):
                yield Cache(level, size, frozenset(k for k in range(64) if mask >> k & 1))

    return list(caches())


def _ask_windows() -> bytes:
    kernel32: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    size = ctypes.c_uint32(0)
    kernel32.GetLogicalProcessorInformation(None, ctypes.byref(size))  # the number of bytes needed
    buffer = ctypes.create_string_buffer(size.value)
    if not kernel32.GetLogicalProcessorInformation(buffer, ctypes.byref(size)):
        raise OSError("this Windows does not report its caches")
    return buffer.raw[: size.value]


CACHES = read_caches()
