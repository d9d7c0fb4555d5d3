"""The one factory of compiled functions, and the cache's stamp."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minisnn.kernels import updates
from minisnn.kernels.jit import DISABLED, FASTMATH, jit, source_stamp

REPOSITORY = Path(__file__).resolve().parents[2]
COMPILED_ONLY = pytest.mark.skipif(DISABLED, reason="kernels are plain Python here")


def output_of(program: str, cache: Path) -> str:
    """Run a program in a process of its own, with its own folder for Numba's cache."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


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
    from minisnn.kernels import jit as module

    def no_locator(*_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(module, "_KernelCache", no_locator)

    @jit
    def double(x: int) -> int:
        return 2 * x

    assert double(21) == 42


ONE_KERNEL = (
    "import numpy as np; from minisnn.kernels.activations import SIGMOID, activate as f; "
    "Z = np.zeros(3); f(SIGMOID, Z, 1.0, 0.0); print(Z[0], "
    "sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"
)


@COMPILED_ONLY
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_damaged_cache_costs_only_time(tmp_path: Path, suffix: str, content: bytes) -> None:
    assert output_of(ONE_KERNEL, tmp_path).split() == ["0.5", "0", "1"]
    damaged = list(tmp_path.rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        path.write_bytes(content)
    assert output_of(ONE_KERNEL, tmp_path).split() == ["0.5", "0", "1"], "compiled again"
    assert output_of(ONE_KERNEL, tmp_path).split() == ["0.5", "1", "0"], "and healed"


@COMPILED_ONLY
@pytest.mark.skipif(sys.platform == "win32", reason="the limit is POSIX's")
def test_a_full_disk_costs_only_time(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "
    ignore = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    assert output_of(limit + ignore + ONE_KERNEL, tmp_path).split() == ["0.5", "0", "1"]
    assert output_of(ONE_KERNEL, tmp_path).split()[0] == "0.5"


@COMPILED_ONLY
def test_machine_code_of_other_sources_is_never_run(tmp_path: Path) -> None:
    output_of(ONE_KERNEL, tmp_path)
    other = "import minisnn.kernels.jit as j; j._STAMP = 'other'; "
    assert output_of(other + ONE_KERNEL, tmp_path).split() == ["0.5", "0", "1"]
    assert output_of(ONE_KERNEL, tmp_path).split() == ["0.5", "0", "1"]


@COMPILED_ONLY
def test_not_even_behind_an_index_of_ours(tmp_path: Path) -> None:
    """As if a process had written the index, and ended before the data that belongs to it."""
    other = "import minisnn.kernels.jit as j; j._STAMP = 'other'; "
    for folder, program in (("ours", ONE_KERNEL), ("theirs", other + ONE_KERNEL)):
        (tmp_path / folder).mkdir()
        output_of(program, tmp_path / folder)
    (ours,), (theirs,) = (list((tmp_path / f).rglob("*.nbc")) for f in ("ours", "theirs"))
    assert ours.name == theirs.name
    ours.write_bytes(theirs.read_bytes())
    assert output_of(ONE_KERNEL, tmp_path / "ours").split() == ["0.5", "0", "1"]


@COMPILED_ONLY
def test_compiling_is_said_once(tmp_path: Path) -> None:
    program = "import logging; logging.basicConfig(level='INFO', format='%(message)s'); "
    program = program.replace("level", "stream=__import__('sys').stdout, level") + ONE_KERNEL
    lines = output_of(program, tmp_path).splitlines()
    assert lines[0].startswith("compiling kernels for this machine")
    assert len(lines) == 2
    assert len(output_of(program, tmp_path).splitlines()) == 1, "nothing where they are loaded"


@COMPILED_ONLY
def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    program = (
        "import numpy as np; from minisnn.kernels.activations import bias_activation as f; "
        "f(1, np.ones(2), 1.0, np.ones((2, 3)), 0, 2); "
        "print(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"
    )
    printed = [output_of(program, tmp_path).split() for _ in range(2)]
    assert printed == [["0", "1"], ["1", "0"]]


@COMPILED_ONLY
def test_the_same_bits_whether_compiled_or_loaded(tmp_path: Path) -> None:
    """Numba's cache may hold another copy of a kernel's machine code than the one just run."""
    program = """
import hashlib
import numpy as np
import minisnn as snn
rng = np.random.default_rng(0)
X, labels = rng.integers(0, 256, (500, 60)).astype(np.uint8), rng.integers(0, 10, 500)
for first in (snn.topology.fibonacci_rotating(60, 80, 20), snn.topology.dense(60, 80)):
    net = snn.MLP([first, snn.topology.dense(80, 10)])
    history = snn.train(net, X, labels, optimizer=snn.NesterovSGD(3.0), epochs=10, batch_size=64,
                        input_scale=1 / 255, dropout=0.1)
    print(hashlib.sha256(net.parameters.tobytes()).hexdigest(), history.column("loss")[-1])
"""
    compiled, loaded = (output_of(program, tmp_path) for _ in range(2))
    assert compiled == loaded
    assert len(compiled.splitlines()) == 2
