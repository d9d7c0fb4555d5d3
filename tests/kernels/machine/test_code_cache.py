"""Compiled kernels on disk; test_packaging.py has real processes of an installed copy."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from compiled import COMPILED_ONLY

from minisnn.kernels.machine import code_cache, compiling
from minisnn.kernels.machine.code_cache import folder, trim
from minisnn.kernels.machine.jit import jit

REPOSITORY = Path(__file__).resolve().parents[3]


# The folder


@pytest.mark.parametrize(
    ("system", "names"),
    [
        ("linux", {"XDG_CACHE_HOME": "{}/x", "HOME": "{}"}),
        ("linux", {"XDG_CACHE_HOME": "relative", "HOME": "{}"}),
        ("linux", {"HOME": "{}"}),
        ("darwin", {"HOME": "{}"}),
    ],
)
def test_the_folder_is_in_the_users_cache(
    system: str, names: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert tmp_path in folder().parents
    assert not folder().is_relative_to(REPOSITORY)


# Contents of the cache


def element(x, i):  # type: ignore[no-untyped-def]
    """``x[i]``: a kernel to be, compiled in a moment."""
    return x[i]


def one_more(x):  # type: ignore[no-untyped-def]
    """Call a kernel, which is compiled first."""
    return inner(x) + 1


def inner(x):  # type: ignore[no-untyped-def]
    """Return the first one."""
    return x[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of an empty cache."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(code_cache._Failure, "reason", None)
    monkeypatch.setattr(code_cache._Failure, "said", False)
    code_cache._trim_once.cache_clear()
    yield tmp_path / "minisnn"
    code_cache._trim_once.cache_clear()


def anew(dtype: Any = np.float64, index: int = 0) -> tuple[float, str]:
    """Call the kernel as a new process would; return its result, and how it was come by."""
    kernel: Any = jit(element)
    result = kernel(np.array([0.5], dtype), index)
    hits, misses = (sum(n.values()) for n in (kernel.stats.cache_hits, kernel.stats.cache_misses))
    return result, {(1, 0): "loaded", (0, 1): "compiled"}[hits, misses]


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*"))


@COMPILED_ONLY
def test_what_was_compiled_is_loaded(cache: Path) -> None:
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded")
    assert [path.suffix for path in files(cache)] == [".kernel"]


@COMPILED_ONLY
@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_damaged_cache_costs_only_time(cache: Path, content: bytes) -> None:
    assert anew() == (0.5, "compiled")
    (damaged,) = files(cache)
    damaged.write_bytes(content)
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded"), "healed"


@COMPILED_ONLY
def test_each_thing_that_machine_code_hangs_on_has_its_own(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert anew() == (0.5, "compiled")
    assert anew(np.float32) == (0.5, "compiled")

    def elsewhere(thing: Any, name: str, value: Any) -> None:
        before = len(files(cache))
        with monkeypatch.context() as patch:
            patch.setattr(thing, name, value)
            assert anew() == (0.5, "compiled")
            assert anew() == (0.5, "loaded")
        assert len(files(cache)) == before + 1
        assert anew() == (0.5, "loaded")

    codegen = type(jit(element).targetctx.codegen())  # type: ignore[attr-defined]
    elsewhere(code_cache, "_stamp", lambda: "other")
    elsewhere(numba, "__version__", "0.1")
    elsewhere(codegen, "magic_tuple", lambda self: ("x86_64", "an older one", ""))


@COMPILED_ONLY
def test_machine_code_for_other_arguments_is_never_run(cache: Path) -> None:
    anew(np.float32)
    (theirs,) = files(cache)
    anew()
    (ours,) = set(files(cache)) - {theirs}
    ours.write_bytes(theirs.read_bytes())
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded")


@COMPILED_ONLY
def test_bounds_are_checked_where_that_is_asked_for_and_only_there(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(bounds: int) -> None:
        monkeypatch.setattr(numba.config, "BOUNDSCHECK", bounds)
        monkeypatch.setattr(code_cache, "CHECKS_BOUNDS", bool(bounds))

    check(0)
    assert anew(index=1)[1] == "compiled"  # it reads whatever comes after the array
    for _ in range(2):
        check(1)
        with pytest.raises(IndexError, match="index is out of bounds"):
            anew(index=1)
        check(0)
        assert anew(index=1)[1] == "loaded"
    check(1)
    assert anew() == (0.5, "loaded")


@COMPILED_ONLY
def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new.kernel", "used.kernel", "old.kernel", "older.1a.new"]):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    (tmp_path / "notes.txt").write_bytes(bytes(1000))
    trim(tmp_path, 400)
    assert len(files(tmp_path)) == 5
    trim(tmp_path, 250)
    assert [path.name for path in files(tmp_path)] == ["new.kernel", "notes.txt", "used.kernel"]


@COMPILED_ONLY
def test_loading_is_use(cache: Path) -> None:
    anew()
    (path,) = files(cache)
    os.utime(path, (1e9, 1e9))
    assert anew()[1] == "loaded"
    assert path.stat().st_mtime > 1e9


@COMPILED_ONLY
def test_the_folder_does_not_grow_without_bound(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew()
    (stale,) = files(cache)
    os.utime(stale, (1e9, 1e9))
    monkeypatch.setattr(code_cache.trim, "__defaults__", (1.5 * stale.stat().st_size,))
    code_cache._trim_once.cache_clear()  # as another process
    anew(np.float32)
    assert stale not in files(cache)
    assert anew(np.float32)[1] == "loaded"


# Failures to cache


NEEDLESS = "compiled kernels cannot be kept on disk .*{}.* variable NUMBA_CACHE_DIR"


@COMPILED_ONLY
def test_a_folder_that_cannot_be_written_is_said_once(cache: Path) -> None:
    cache.touch()
    with pytest.warns(RuntimeWarning, match=NEEDLESS.format("File exists|exists")):
        assert anew() == (0.5, "compiled")
    assert anew(np.float32) == (0.5, "compiled")  # warnings are errors here


@COMPILED_ONLY
def test_it_is_said_when_all_is_compiled(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a compilation an error, as ``-W error`` makes of it, would be taken for Numba's."""
    cache.touch()
    monkeypatch.setitem(globals(), "inner", jit(inner))
    kernel = jit(one_more)
    warnings.simplefilter("error")  # for this test alone: pytest puts the filters back
    with pytest.raises(RuntimeWarning, match=NEEDLESS.format("")):
        kernel(np.ones(1))
    assert kernel(np.ones(1)) == 2, "the next call has what was compiled"
    assert not compiling.under_way()


@COMPILED_ONLY
def test_without_a_home_kernels_still_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.warns(RuntimeWarning, match=NEEDLESS.format("home directory")):
        assert anew() == (0.5, "compiled")


@COMPILED_ONLY
def test_without_sources_or_code_nothing_is_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_cache, "_stamp", lambda: None)
    with pytest.warns(RuntimeWarning, match="sources of the kernels cannot be found"):
        assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "compiled")
    assert not cache.exists()


@COMPILED_ONLY
def test_what_is_kept_is_read_from_a_folder_that_cannot_be_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of an image that another user made."""
    anew()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    assert anew() == (0.5, "loaded")


@COMPILED_ONLY
def test_a_full_disk_costs_only_time(cache: Path) -> None:
    resource: Any = pytest.importorskip("resource", reason="no limit on files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.warns(RuntimeWarning, match=NEEDLESS.format("File too large")):
            assert anew() == (0.5, "compiled")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not files(cache)
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded")


# Compilation as others see it


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Return what an observer is told."""
    seen: list[str | None] = []
    monkeypatch.setattr(compiling, "observers", [seen.append])
    return seen


@COMPILED_ONLY
def test_kernels_that_call_one_another_are_one_compilation(
    cache: Path, told: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = inner

    def both() -> Any:
        monkeypatch.setitem(globals(), "inner", jit(plain))
        return jit(one_more)(np.ones(1))

    assert both() == 2
    assert told == ["one_more", None]
    assert both() == 2
    assert told == ["one_more", None], "loaded"


@COMPILED_ONLY
def test_a_compilation_that_fails_has_ended(told: list[str | None]) -> None:
    kernel: Callable[..., Any] = jit(element)
    with pytest.raises(numba.TypingError):
        kernel(1, 2)
    assert told == ["element", None]
    assert not compiling.under_way()
