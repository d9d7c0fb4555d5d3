"""Sizes of caches as the operating systems report them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from minisnn.kernels.machine import caches
from minisnn.kernels.machine.caches import Caches, of_core, of_macos, parse_windows, read_linux

K, M = 2**10, 2**20


def add(folder: Path, cpus: str, sizes: dict[str, str]) -> None:
    """Add caches that these CPUs share, as Linux shows them: "1 Data" and the like."""
    for cpu in caches._numbers(cpus):
        for kind, size in sizes.items():
            index = folder / f"cpu{cpu}" / "cache" / f"index{kind.replace(' ', '')}"
            index.mkdir(parents=True)
            level, what = kind.split()
            for name, text in (("level", level), ("type", what), ("size", size)):
                (index / name).write_text(text + "\n")
            (index / "shared_cpu_list").write_text(cpus + "\n")


def read(folder: Path, usable: set[int]) -> Caches:
    return of_core(read_linux(usable, folder), usable)


def test_linux_tells_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "missing", {0, 1}) == Caches() == Caches(32 * K, 512 * K)


def test_instructions_and_what_cannot_be_read_do_not_count(tmp_path: Path) -> None:
    add(tmp_path, "0", {"1 Data": "48K", "1 Instruction": "16K", "2 Unified": "2M", "3 x": "?"})
    assert read(tmp_path, {0}) == Caches(48 * K, 2 * M)


def test_defaults_are_told_from_what_the_system_reports(tmp_path: Path) -> None:
    add(tmp_path, "0", {"1 Data": "32K", "3 Unified": "8M"})
    assert read(tmp_path, {0}).reported == {"L1", "L3"}
    assert of_macos({"hw.l2cachesize": 256 * K}.get).reported == {"L2"}
    assert not Caches().reported


def test_no_word_of_who_shares(tmp_path: Path) -> None:
    add(tmp_path, "0", {"1 Data": "48K", "2 Unified": "1280K"})
    for file in tmp_path.glob("cpu0/cache/*/shared_cpu_list"):
        file.unlink()
    assert read(tmp_path, {0, 1}) == Caches(48 * K, 1280 * K)


def test_two_hardware_threads_are_one_core(tmp_path: Path) -> None:
    for cpus in ("0,4", "1,5"):
        add(tmp_path, cpus, {"1 Data": "48K", "2 Unified": "1280K"})
    assert read(tmp_path, {0, 1, 4, 5}) == Caches(48 * K, 1280 * K)


def test_a_cache_of_several_cores_is_divided_by_those_that_may_be_used(tmp_path: Path) -> None:
    for cpu in "0123":
        add(tmp_path, cpu, {"1 Data": "64K"})
    add(tmp_path, "0-3", {"2 Unified": "4M"})
    assert read(tmp_path, {0, 1, 2, 3}) == Caches(64 * K, 1 * M)
    assert read(tmp_path, {1, 2}) == Caches(64 * K, 2 * M)
    assert read(tmp_path, {3}) == Caches(64 * K, 4 * M)


def test_the_smallest_core_of_a_hybrid_counts_if_it_may_be_used(tmp_path: Path) -> None:
    add(tmp_path, "0-1", {"1 Data": "48K", "2 Unified": "2M"})
    for cpu in "2345":
        add(tmp_path, cpu, {"1 Data": "32K"})
    add(tmp_path, "2-5", {"2 Unified": "4M"})
    assert read(tmp_path, set(range(6))) == Caches(32 * K, 1 * M)
    assert read(tmp_path, {0, 1}) == Caches(48 * K, 2 * M)


def test_macos_with_two_kinds_of_cores() -> None:
    values = {
        "hw.nperflevels": 2,
        "hw.perflevel0.l1dcachesize": 128 * K,
        "hw.perflevel0.l2cachesize": 12 * M,
        "hw.perflevel0.cpusperl2": 4,
        "hw.perflevel1.l1dcachesize": 64 * K,
        "hw.perflevel1.l2cachesize": 4 * M,
        "hw.perflevel1.cpusperl2": 4,
        "hw.l1dcachesize": 999,
    }
    assert of_macos(values.get) == Caches(64 * K, 1 * M)


def test_macos_with_one_kind_of_cores() -> None:
    values = {"hw.l1dcachesize": 32 * K, "hw.l2cachesize": 256 * K}
    assert of_macos(values.get) == Caches(32 * K, 256 * K)
    assert of_macos({}.get) == Caches()


def test_windows() -> None:
    def record(mask: int, relationship: int, level: int, size: int, kind: int) -> bytes:
        return struct.pack("<QI4xBBHII4x", mask, relationship, level, 8, 64, size, kind)

    records = b"".join([
        record(0b0011, 0, 0, 0, 0),  # a core
        record(0b0011, 2, 1, 48 * K, 2),
        record(0b0011, 2, 1, 32 * K, 1),  # instructions
        record(0b1100, 2, 1, 48 * K, 2),
        record(0b1111, 2, 2, 2 * M, 0),
        record(0b1111, 2, 3, 32 * M, 0),
    ])  # fmt: skip
    assert of_core(parse_windows(records), {0, 1, 2, 3}) == Caches(48 * K, 1 * M, 16 * M)
    assert of_core(parse_windows(records), {0, 1}) == Caches(48 * K, 2 * M, 32 * M)
    assert of_core(parse_windows(b""), {0}) == Caches()


@pytest.mark.parametrize("system", ["darwin", "win32", "linux"])
def test_a_system_that_answers_with_an_error(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    def fail(*_: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(caches.sys, "platform", system)
    for name in ("_sysctl", "_ask_windows", "read_linux"):
        monkeypatch.setattr(caches, name, fail)
    assert caches.read_caches() == Caches()
