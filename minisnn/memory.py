"""Whether this machine's memory can hold what is about to be made."""

from __future__ import annotations

import os

_GIB = 2**30


def check_fits(n_bytes: float, what: str, advice: str = "take fewer neurons or edges") -> None:
    """Raise before anything is allocated that is larger than the memory of the machine.

    The system would promise more than it has, and end the process when it is asked for it.

    Raises
    ------
    MemoryError
        Where it does not fit.
    """
    room = memory_bytes()
    if n_bytes > room:
        raise MemoryError(
            f"{what} would take {n_bytes / _GIB:.3g} GiB, this machine has {room / _GIB:.3g}; "
            f"{advice}"
        )


def memory_bytes() -> float:
    """Return the bytes of the machine's memory; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return float("inf")
