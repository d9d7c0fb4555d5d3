"""Sizes of this machine's caches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_LINUX = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True)
class Caches:
    """Bytes of the first-level data cache and of the second-level cache of one core.

    The defaults are what nearly every CPU of the last ten years has at least; they are used
    where the system does not tell.
    """

    L1: int = 32 * 2**10
    L2: int = 512 * 2**10


def read_caches(folder: Path = _LINUX) -> Caches:
    """Return the cache sizes that Linux reports, or the defaults."""
    sizes = {}
    for index in sorted(folder.glob("index*")):
        try:
            level = (index / "level").read_text().strip()
            kind = (index / "type").read_text().strip()
            size = (index / "size").read_text().strip()
            n_bytes = int(size.rstrip("KMG")) * _UNITS.get(size[-1], 1)
        except (OSError, ValueError, IndexError):
            continue
        if kind in ("Data", "Unified") and n_bytes > 0:
            sizes[f"L{level}"] = n_bytes
    return Caches(**{name: sizes[name] for name in ("L1", "L2") if name in sizes})


CACHES = read_caches()
