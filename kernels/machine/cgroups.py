"""Limits of memory and CPU time that Linux control groups set for this process.

A group has limits of memory and of CPU time, and so may each group around it. Version 2 has one
tree of groups, version 1 one for each controller; on some systems both are there. A process sees as
much of them as its container shows: the mounts are looked up, not guessed.

Sources: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst,
Documentation/scheduler/sched-bwc.rst, and cgroups(7).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_ROOT = Path("/")
_NO_LIMIT = 2**62  # bytes; version 1 has a number for it, the largest there is


def memory_left(root: Path = _ROOT) -> float:
    """Return the bytes that the tightest group still allows; infinite without a limit.

    Memory that caches files does not count as used: the kernel frees it when needed.
    """
    left = math.inf
    for folder in _groups("memory", root):
        limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is not None and used is not None and limit < _NO_LIMIT:
            left = min(left, max(0, limit - max(0, used - _bytes_of_files(folder))))
    return left


def cpu_quota(root: Path = _ROOT) -> float:
    """Return the number of CPUs whose time the tightest group allows; infinite without a limit."""
    quota = math.inf
    for folder in _groups("cpu", root):
        with suppress(OSError, ValueError):
            time, period = (folder / "cpu.max").read_text().split()
            quota = min(quota, math.inf if time == "max" else int(time) / int(period))
        used, within = (_number(folder / f"cpu.cfs_{what}_us") for what in ("quota", "period"))
        if used is not None and within is not None and used > 0 and within > 0:  # -1: no limit
            quota = min(quota, used / within)
    return quota


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups, the innermost first, then those around it."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = [line.split() for line in (root / "proc/self/mountinfo").read_text().splitlines()]
    except OSError:  # another system
        return
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        for fields in mounts:
            top, place, kind = fields[3], fields[4], fields[fields.index("-") + 1]
            if controllers:
                ours = kind == "cgroup" and controller in fields[-1].split(",")
                ours = ours and controller in controllers.split(",")
            else:
                ours = kind == "cgroup2"
            if not ours:
                continue
            # The mount may begin at an inner group, above which nothing is visible.
            within = PurePosixPath(path)
            within = within.relative_to(top) if within.is_relative_to(top) else PurePosixPath()
            if ".." in within.parts:
                within = PurePosixPath()
            folder = root / place.lstrip("/") / within
            yield from [folder, *folder.parents][: len(within.parts) + 1]


def _number(*files: Path) -> int | None:
    """Return the number in the first file that exists and holds one."""
    for file in files:
        with suppress(OSError, ValueError):
            return int(file.read_text())
    return None


def _bytes_of_files(folder: Path) -> int:
    """Return the bytes that cache files, in a group and in those within it."""
    try:
        lines = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        prefix = "total_" if "total_active_file" in lines else ""  # version 1: without those within
        return sum(int(lines[f"{prefix}{kind}_file"]) for kind in ("active", "inactive"))
    except (OSError, ValueError, KeyError):
        return 0
