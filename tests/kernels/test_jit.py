"""The one factory of compiled functions, and its cache; test_packaging.py has real processes."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from minisnn.kernels import jit as module
from minisnn.kernels import updates
from minisnn.kernels.jit import DISABLED, FASTMATH, jit, source_stamp

REPOSITORY = Path(__file__).resolve().parents[2]
COMPILED_ONLY = pytest.mark.skipif(DISABLED, reason="kernels are plain Python here")


def test_no_function_is_compiled_but_by_the_factory() -> None:
    sources = [*REPOSITORY.glob("kernels/*.py"), *REPOSITORY.glob("minisnn/*.py")]
    assert len(sources) > 20
    for path in sources:
        if path != REPOSITORY / "kernels" / "jit.py":
            text = path.read_text().replace("from .jit import", "")
            found = re.search(r"numba\.\w*(jit|vectorize|stencil|cfunc)|import .*jit", text)
            assert found is None, f"{path} compiles by itself: {found}"


@COMPILED_ONLY
def test_flags() -> None:
    @jit
    def nothing() -> None:
        pass

    options = nothing.targetoptions
    assert options["fastmath"] == set(FASTMATH)
    assert {"nsz"} == FASTMATH, "any other lets the bits depend on how work was cut"
    assert options["error_model"] == "numpy"


@COMPILED_ONLY
def test_the_stamp_changes_with_any_kernel_source(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("y = 1\n")
    before = source_stamp(tmp_path)
    assert source_stamp(tmp_path) == before
    (tmp_path / "b.py").write_text("y = 2\n")
    assert source_stamp(tmp_path) != before
    cache = updates.momentum_update._cache
    assert cache._impl.locator.get_source_stamp() == source_stamp()


@COMPILED_ONLY
def test_without_a_folder_to_cache_in_kernels_still_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_locator(*_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(module, "_KernelCache", no_locator)

    @jit
    def double(x: int) -> int:
        return 2 * x

    assert double(21) == 42


# The cache


def element(x, i):  # type: ignore[no-untyped-def]
    """``x[i]``: a kernel to be, compiled in a moment."""
    return x[i]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty cache."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def anew(dtype: Any = np.float64, index: int = 0) -> tuple[float, str]:
    """Call the kernel as a new process would; return its result, and how it was come by."""
    kernel: Any = jit(element)
    result = kernel(np.array([0.5], dtype), index)
    hits, misses = (sum(n.values()) for n in (kernel.stats.cache_hits, kernel.stats.cache_misses))
    return result, {(1, 0): "loaded", (0, 1): "compiled"}[hits, misses]


@COMPILED_ONLY
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_damaged_cache_costs_only_time(cache: Path, suffix: str, content: bytes) -> None:
    assert anew() == (0.5, "compiled")
    (damaged,) = cache.rglob(f"*.{suffix}")
    damaged.write_bytes(content)
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded"), "healed"


@COMPILED_ONLY
def test_a_full_disk_costs_only_time(cache: Path) -> None:
    resource: Any = pytest.importorskip("resource", reason="no limit on files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        assert anew() == (0.5, "compiled")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list(cache.rglob("*.nbc"))
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded")


@COMPILED_ONLY
def test_machine_code_of_other_sources_is_never_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert anew() == (0.5, "compiled")
    with monkeypatch.context() as patch:
        patch.setattr(module, "_STAMP", "other")
        assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "compiled")


def named_alike(cache: Path, *calls: Callable[[], object]) -> tuple[Path, Path]:
    """Return two files of machine code that the same kernel left in two caches, by one name."""
    for number, call in enumerate(calls):
        numba.config.CACHE_DIR = str(cache / str(number))
        call()
    (first,), (second,) = (list((cache / str(number)).rglob("*.nbc")) for number in range(2))
    assert first.name == second.name
    return first, second


@COMPILED_ONLY
def test_not_even_behind_an_index_of_ours(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a process had written the index, and ended before the data that belongs to it."""

    def of_other_sources() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(module, "_STAMP", "other")
            anew()

    theirs, ours = named_alike(cache, of_other_sources, anew)
    ours.write_bytes(theirs.read_bytes())
    assert anew() == (0.5, "compiled")


@COMPILED_ONLY
def test_machine_code_for_other_arguments_is_never_run(cache: Path) -> None:
    """As if two processes had written at once, one the index and the other the data."""
    theirs, ours = named_alike(cache, lambda: anew(np.float32), anew)
    ours.write_bytes(theirs.read_bytes())
    assert anew() == (0.5, "compiled")
    assert anew() == (0.5, "loaded")


@COMPILED_ONLY
def test_bounds_are_checked_where_that_is_asked_for_and_only_there(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(bounds: int) -> None:
        monkeypatch.setattr(numba.config, "BOUNDSCHECK", bounds)
        monkeypatch.setattr(module, "_CHECKS_BOUNDS", bool(bounds))

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
    with_checks, without = sorted(cache.rglob("*.nbc"), key=lambda path: -path.stat().st_size)
    with_checks.write_bytes(without.read_bytes())
    assert anew() == (0.5, "compiled"), "not even by its name"


@COMPILED_ONLY
def test_compiling_is_said_once(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "minisnn")
    module._say_once.cache_clear()
    anew()
    anew(np.float32)
    assert [text.partition(",")[0] for text in caplog.messages] == [
        "compiling kernels for this machine"
    ]
    module._say_once.cache_clear()
    anew()
    assert len(caplog.messages) == 1, "nothing where they are loaded"
