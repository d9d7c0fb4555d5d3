"""The CPUs that this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from .cgroups import cpu_quota


def usable_cpus() -> set[int]:
    """Return the numbers of the CPUs on which the system may put this process."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def count_cpus(root: Path = Path("/")) -> int:
    """Return how many CPUs this process may use at once.

    If a control group limits its CPU time, as in a container, that is the limit, rounded up:
    with the time of 1.25 CPUs two threads trained 784-1000-10 a tenth faster than one.
    """
    n_cpus, quota = len(usable_cpus()), cpu_quota(root)
    return n_cpus if quota >= n_cpus else max(1, math.ceil(quota))
