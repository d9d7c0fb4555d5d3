"""Check that the memory of the machine or container can hold an allocation."""

from __future__ import annotations

import os

from ..kernels.machine.cgroups import memory_left

_GIB = 2**30
_SMALL = 2**24  # bytes, below which no container's files are read: that takes up to a millisecond


def check_fits(n_bytes: float, what: str, advice: str = "take fewer neurons or edges") -> None:
    """Raise before an allocation that is larger than the available memory.

    The system would grant it, and end the process when the memory is used. Available is the memory
    of the machine or, if a control group (a container, a batch job) limits it, the rest of that.

    Raises
    ------
    MemoryError
        If it does not fit.
    """
    room, whose = memory_bytes(), "this machine has {}"
    if n_bytes > _SMALL and (left := memory_left()) < room:
        room, whose = left, "the memory limit of this container or job leaves {}"
    if n_bytes > room:
        raise MemoryError(
            f"{what} would take {n_bytes / _GIB:.3g} GiB, {whose.format(f'{room / _GIB:.3g}')}; "
            f"{advice}"
        )


def memory_bytes() -> float:
    """Return the bytes of the machine's memory; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return float("inf")
