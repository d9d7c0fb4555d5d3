"""Limits of memory and CPU time from control groups."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from minisnn._support import memory
from minisnn.kernels.machine import cpus
from minisnn.kernels.machine import threads as team
from minisnn.kernels.machine.cgroups import cpu_quota, memory_left
from minisnn.kernels.machine.cpus import count_cpus

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = """31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory"""


class Machine:
    """A fake root folder: which groups there are, and which of them the process is in."""

    def __init__(self, root: Path, memberships: str, mounts: str) -> None:
        self.root = root
        self.write("proc/self/cgroup", memberships + "\n")
        self.write("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts + "\n")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def group(self, folder: str, **values: object) -> None:
        """Make a group; ``memory_max=5`` is the file memory.max."""
        for name, value in values.items():
            kind, _, rest = name.partition("_")
            self.write(f"sys/fs/cgroup/{folder}/{kind}.{rest}", f"{value}\n")


def test_no_groups(tmp_path: Path) -> None:
    assert memory_left(tmp_path) == cpu_quota(tmp_path) == math.inf


def test_version_2(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "0::/system.slice/job", V2_MOUNT)
    machine.group("", memory_stat="anon 1")  # the root has no limits
    machine.group("system.slice", memory_max="max", memory_current=9000, cpu_max="max 100000")
    machine.group("system.slice/job", memory_max=5000, memory_current=1000, cpu_max="150000 100000")
    assert memory_left(tmp_path) == 4000
    assert cpu_quota(tmp_path) == 1.5


def test_the_tightest_of_the_groups_around_counts(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "0::/a/b/c", V2_MOUNT)
    machine.group("a", memory_max=5000, memory_current=4900, cpu_max="50000 100000")
    machine.group("a/b", memory_max="max", memory_current=100, cpu_max="max 100000")
    machine.group("a/b/c", memory_max=4000, memory_current=100, cpu_max="400000 100000")
    machine.group("a/other", memory_max=1, memory_current=0, cpu_max="1000 100000")
    assert memory_left(tmp_path) == 100
    assert cpu_quota(tmp_path) == 0.5


def test_files_in_memory_can_be_given_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "0::/", V2_MOUNT)
    stat = "anon 1000\nfile 3500\nshmem 500\ninactive_file 1000\nactive_file 2000"
    machine.group("", memory_max=5000, memory_current=4500, memory_stat=stat)
    assert memory_left(tmp_path) == 3500


def test_more_is_used_than_the_limit_allows(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "0::/", V2_MOUNT)
    machine.group("", memory_max=5000, memory_current=6000)  # it was lowered just now
    assert memory_left(tmp_path) == 0


def test_version_1(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/", V1_MOUNTS)
    none = 9223372036854771712
    machine.group("memory", memory_limit_in_bytes=none, memory_usage_in_bytes=9000)
    machine.group("memory/docker", memory_limit_in_bytes=none, memory_usage_in_bytes=9000)
    machine.group(
        "memory/docker/x", memory_limit_in_bytes=5000, memory_usage_in_bytes=3000,
        memory_stat="active_file 1\ninactive_file 1\n"
        "total_active_file 400\ntotal_inactive_file 600",
    )  # fmt: skip
    machine.group("cpu,cpuacct/docker", cpu_cfs_quota_us=-1, cpu_cfs_period_us=100000)
    machine.group("cpu,cpuacct/docker/x", cpu_cfs_quota_us=250000, cpu_cfs_period_us=100000)
    assert memory_left(tmp_path) == 3000
    assert cpu_quota(tmp_path) == 2.5


@pytest.mark.parametrize("path", ["/docker/x", "/", "/../../else/where"])
def test_a_container_sees_its_own_group_at_the_mount(tmp_path: Path, path: str) -> None:
    """By the path that the host knows it by, or by one within a namespace of its own."""
    top = "/docker/x" if path == "/docker/x" else "/"
    machine = Machine(tmp_path, f"0::{path}", V2_MOUNT.replace(" / ", f" {top} ", 1))
    machine.group("", memory_max=700, memory_current=0, cpu_max="200000 100000")
    assert memory_left(tmp_path) == 700
    assert cpu_quota(tmp_path) == 2


def test_version_1_without_a_limit(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "4:memory:/", V1_MOUNTS)
    machine.group("memory", memory_limit_in_bytes=2**63 - 4096, memory_usage_in_bytes=9000)
    assert memory_left(tmp_path) == math.inf


def test_damaged_files_limit_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "0::/", V2_MOUNT)
    machine.group("", memory_max="many", memory_current="", cpu_max="", cpu_cfs_quota_us="x")
    assert memory_left(tmp_path) == cpu_quota(tmp_path) == math.inf


# Consequences of the limits


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("50000 100000", 1), ("150000 100000", 2), ("900000 100000", 8)],
)
def test_cpus_by_quota_and_affinity(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, expected: int
) -> None:
    monkeypatch.setattr(cpus, "usable_cpus", lambda: set(range(8)))
    Machine(tmp_path, "0::/", V2_MOUNT).group("", cpu_max=quota)
    assert count_cpus(tmp_path) == expected


def test_threads_by_cpus_unless_numba_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(team, "count_cpus", lambda: 3)
    monkeypatch.setattr(team.numba.config, "NUMBA_DEFAULT_NUM_THREADS", 16)
    monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", 16)
    assert team.default_num_threads() == 3
    monkeypatch.setenv("NUMBA_NUM_THREADS", "16")
    assert team.default_num_threads() == 16
    monkeypatch.delenv("NUMBA_NUM_THREADS")
    monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", 5)  # by .numba_config.yaml
    assert team.default_num_threads() == 5


def test_a_container_has_less_than_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_left", lambda: 2.0**30)
    memory.check_fits(2**29, "a network")
    message = (
        "a network would take 2 GiB, the memory limit of this container or job leaves 1; "
        "take fewer neurons or edges"
    )
    with pytest.raises(MemoryError, match=message):
        memory.check_fits(2**31, "a network")
    monkeypatch.setattr(memory, "memory_left", lambda: math.inf)
    memory.check_fits(2**31, "a network")
