"""The load that other programs put on the machine while something is measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time

TOLERABLE = 0.1
"""Share of the CPUs above which times are not to be trusted. A parallel step waits for its slowest
thread, so that its time grows by far more than this."""

_SHORTEST = 0.5  # seconds, of which the system's clock of 10 ms tells enough


@dataclass
class Load:
    """The share of the CPUs that other programs took.

    Parameters
    ----------
    others : float or None
        0 to 1 of the CPUs that this process may use; None if the system does not report it, or the
        time was too short.
    """

    others: float | None = None


@contextmanager
def measure_load() -> Iterator[Load]:
    """Measure the load while the block runs; it is known at the end.

    On Linux it is what the CPUs were busy with, less this process. On other Unix systems it is the
    number of waiting threads in the last minute. What runs elsewhere, such as on the other half of
    a core that two hardware threads share, is not seen.

    Yields
    ------
    Load

    Examples
    --------
    >>> from minisnn.measurement.machine_load import measure_load
    >>> with measure_load() as load:
    ...     total = sum(range(10**6))
    >>> load.others is None or 0 <= load.others <= 1
    True
    """
    load = Load()
    busy, own, clock = _busy_seconds(), process_time(), perf_counter()
    try:
        yield load
    finally:
        seconds = perf_counter() - clock
        if seconds >= _SHORTEST:
            load.others = _share_of_others(busy, (process_time() - own) / seconds, seconds)


def _share_of_others(busy_before: float | None, own: float, seconds: float) -> float | None:
    """Return the share of other programs since a reading of the CPUs' busy seconds."""
    busy = _busy_seconds()
    if busy is not None and busy_before is not None:
        at_work = (busy - busy_before) / seconds
    else:
        try:
            at_work = os.getloadavg()[0]
        except (AttributeError, OSError):  # Windows has none
            return None
    return min(max((at_work - own) / len(_cpus()), 0.0), 1.0)


def _cpus() -> set[int]:
    """Return the numbers of the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _busy_seconds() -> float | None:
    """Return the total busy time of those CPUs, or None if the system does not report it."""
    cpus, ticks = _cpus(), 0
    try:
        with open("/proc/stat", encoding="ascii") as file:
            for line in file:
                name, *fields = line.split()
                if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
                    user, nice, system, _idle, _waiting, *rest = map(int, fields[:8])
                    ticks += user + nice + system + sum(rest)  # interrupts, and what a host stole
        return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
    except (OSError, ValueError, AttributeError):
        return None
