"""``python -m minisnn.compile``: afterwards usual calls compile nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from compiled import COMPILED_ONLY

from minisnn import compile as module
from minisnn.kernels.machine import code_cache
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program import plan

REPOSITORY = Path(__file__).resolve().parents[2]

PROGRAM = """
import numpy as np
import minisnn as snn
from minisnn import baselines
from minisnn.compile import compile_kernels
from minisnn.kernels.machine import code_cache

compile_kernels(["float32"], [128, 5])
def missed(self, sig, target_context):
    raise SystemExit(f"{self._function.__name__} is compiled once more, for {sig}")
code_cache.KernelCache.load_overload = missed

rng = np.random.default_rng(0)
X, Y = rng.integers(0, 256, (140, 50), dtype=np.uint8), np.arange(140) % 4
sparse = snn.topology.biregular(50, 30, 6, seed=0)
for first in (sparse, snn.topology.dense(50, 30)):
    graphs = [first, snn.topology.dense(30, 4)]
    for outputs, loss in (("sigmoid", "mse"), ("sigmoid", "binary_cross_entropy"),
                          ("softmax", "cross_entropy")):
        net = snn.MLP(graphs, output_activation=outputs, seed=0)
        for optimizer in (snn.NesterovSGD(0.1), snn.Adam(), snn.SGD(0.1, clip_norm=1.0)):
            for data, size in ((X, 128), (X / 255, 127), (X.astype("f"), 5), (X, 1)):
                snn.train(net, data, Y, optimizer=optimizer, loss=loss, epochs=1, batch_size=size,
                          dropout=0.1, sample_weight=np.ones(140), rows=range(138), seed=0,
                          validation_data=(X[:20], Y[:20]), progress=False)
        snn.evaluate(net, X, Y)
        net.predict(X[:1])
        net.loss_and_gradients(X[:10], Y[:10])
        net.forward(X[:3])
snn.topology.make("fibonacci_rotating", 784, 100, 20)
wide = snn.topology.biregular(20_000, 200, 40, seed=0)
wide = snn.MLP([wide, snn.topology.dense(200, 2)], seed=0)
snn.train(wide, np.zeros((4, 20_000)), [0, 1, 0, 1], optimizer=snn.Adam(), epochs=1, seed=0)
assert wide.plan_for(128).tables.groups["n_blocks"].max() > 1, "blocks are looked for, too"
"""


@pytest.mark.slow
@COMPILED_ONLY
def test_it_compiles_all_that_is_usual(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_sizes_stand_for_tiles(tiles: tuple[int, ...]) -> None:
    assert len(module._sizes("float32", None)) == len(tiles)
    largest = lanes_of("float32", max(tiles))
    assert module._sizes("float32", [128]) == [largest], "as predictions have it"
    smallest = lanes_of("float32", min(tiles))
    assert module._sizes("float32", [1, smallest, 128]) == [largest, smallest]


@COMPILED_ONLY
def test_the_program_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert module.main(["--dtype", "float32", "--batch-size", "128"]) == 0
    title, *parts, last = capsys.readouterr().out.splitlines()
    assert title.startswith("compiling")
    assert [part.split("  ")[1] for part in parts] == [
        f"float32, batches of {lanes_of('float32', max(plan.TILES))}",
        "float32, single samples",
        "structures",
    ]
    assert last.startswith(f"{code_cache.folder()} holds ")


@COMPILED_ONLY
def test_a_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "minisnn").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert module.main([]) == 1
    assert "NUMBA_CACHE_DIR" in capsys.readouterr().err


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    whole = "argument --batch-size: must be a whole number, at least 1 and at most 2**53, got"
    for options, error in (
        (["--batch-size", "0"], f"{whole} '0'\n"),
        (["--batch-size", "128", "-3"], f"{whole} '-3'\n"),
        (["--batch-size", str(2**60)], f"{whole} '1152921504606846976'\n"),
        (["--batch-size", "many"], f"{whole} 'many'\n"),
        (["--batch-size", "1.5"], f"{whole} '1.5'\n"),
        (["--dtype", "float16"], "argument --dtype: invalid choice: 'float16'"),
    ):
        with pytest.raises(SystemExit, match="2"):
            module.main(options)
        assert error in capsys.readouterr().err
    with pytest.raises(ValueError, match="batch_sizes must be at least 1, got 0"):
        module.compile_kernels(["float32"], [0])


def test_without_compilation_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "DISABLED", True)
    assert module.main([]) == 1
    assert "NUMBA_DISABLE_JIT=1" in capsys.readouterr().err
