"""Output that is closed, cannot be encoded, or has no reader: no training ends by it."""

from __future__ import annotations

import ast
import errno
import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import program
import pytest

import minisnn as snn
from minisnn._support import console
from minisnn._support.console import Output

ROOT = Path(__file__).resolve().parents[2]


class Plain:
    """Replacement of standard error by a logger."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


class Failing(Plain):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> None:
        raise OSError(self.number, os.strerror(self.number))


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def encoded(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "é σ …"),
        ("latin-1", r"é \u03c3 \u2026"),
        ("cp1252", r"é \u03c3 …"),
        ("ascii", r"\xe9 \u03c3 \u2026"),
    ],
)
def test_what_an_encoding_has_not_is_escaped(encoding: str, shown: str) -> None:
    stream = encoded(encoding)
    print("é σ …", file=Output(stream), flush=True)
    assert stream.buffer.getvalue() == (shown + os.linesep).encode(encoding)  # type: ignore[attr-defined]


def test_a_stream_that_names_no_encoding() -> None:
    class Strict(Plain):
        def write(self, text: str) -> None:
            super().write(text.encode("ascii").decode())

    stream = Strict()
    print("σ", file=Output(stream))
    assert stream.text == "\\u03c3\n"


@pytest.mark.parametrize("stream", [None, closed(), Failing(errno.EPIPE), Failing(errno.EBADF)])
def test_what_nobody_reads_is_dropped(stream: Any) -> None:
    output = Output(stream)
    print("text", file=output, flush=True)
    assert output.lost
    assert not output.isatty()


def test_a_full_disk_is_told_but_not_to_those_who_only_look() -> None:
    with pytest.raises(OSError, match="No space left"):
        print("text", file=Output(Failing(errno.ENOSPC)))
    print("text", file=Output(Failing(errno.ENOSPC), drops_all=True))


@pytest.mark.parametrize(
    "stream",
    [None, Plain(), closed(), Failing(errno.EPIPE), Failing(errno.ENOSPC), encoded("cp1252")],
)
@pytest.mark.parametrize("progress", [None, True])
def test_training_with_any_standard_error(
    monkeypatch: pytest.MonkeyPatch, stream: Any, progress: bool | None
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", stream)
    net = snn.MLP([snn.topology.dense(4, 2)], seed=0)
    history = snn.train(
        net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=2, seed=0, progress=progress
    )
    console.say("done")
    assert len(history.epochs) == 2
    if isinstance(stream, Plain) and not isinstance(stream, Failing):
        assert stream.text.endswith("done\n")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "scripts").glob("*.py")))
def test_help_is_shown_in_ascii(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        main = importlib.import_module(name).main
    except AttributeError:
        return  # a part of the others
    stream = encoded("ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit, match="0"):
        program.run(main, "all", ["--help"])
    stream.flush()
    assert b"usage:" in stream.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"\\u" not in stream.buffer.getvalue()  # type: ignore[attr-defined]


def strings(path: Path) -> list[str]:
    """Return all text in a source file but what documents it; of programs, that too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    if path.parent.name in ("scripts", "examples"):
        documentation.discard(id(tree.body[0].value))  # type: ignore[attr-defined]
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]


@pytest.mark.parametrize("folder", ["minisnn", "kernels", "scripts", "examples"])
def test_what_is_printed_is_ascii(folder: str) -> None:
    """A user's own ``print(net.plan)`` is not guarded."""
    pictures = {
        path for name in ("plots", "reproduction") for path in (ROOT / "minisnn" / name).iterdir()
    }
    pictures.add(ROOT / "minisnn" / "command" / "report.py")
    for path in sorted(set((ROOT / folder).rglob("*.py")) - pictures):
        assert [text for text in strings(path) if not text.isascii()] == [], path


def start(code: str, **options: Any) -> subprocess.Popen[bytes]:
    """Run code as a program whose main function it defines."""
    ending = "\nimport program\nsys.exit(program.run(main, 'all'))"
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys\n{code}{ending}"], stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "scripts")])},
        **options,
    )  # fmt: skip


PRINTS = """
def main(argv):
    for line in range(100_000):
        print("line", line)
    open("written", "w", encoding="ascii").close()
"""


def test_a_reader_that_leaves_ends_no_program(tmp_path: Path) -> None:
    with start(PRINTS, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert (tmp_path / "written").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no file that is always full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with (
        open("/dev/full", "wb") as full,
        start("def main(argv): print('text')", stdout=full, cwd=tmp_path) as process,
    ):
        assert process.stderr
        assert process.stderr.read() == b"error: [Errno 28] No space left on device\n"
    assert process.returncode == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="another shell")
def test_a_run_without_any_output_leaves_its_files(tmp_path: Path) -> None:
    """Standard output and error are closed, and what is opened next would get their numbers."""
    pytest.importorskip("matplotlib")
    folder = tmp_path / "σ"
    command = [
        sys.executable, str(ROOT / "scripts/run_mnist.py"), "--data", "sample", "--epochs", "1",
        "--hidden", "30", "--degree", "5", "--no-compare", "--output", str(folder),
    ]  # fmt: skip
    done = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", *command], check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert [network["epochs"] for network in summary["networks"]] == [1]


SWEEP = """
from minisnn import experiments
description = {"data": {"name": "mnist_sample", "samples": 100}, "hidden": [20], "epochs": 1,
               "layers": [{"topology": "biregular", "degree": 5}, {"topology": "dense"}],
               "optimizer": {"peak": 1.0}}
runs = [experiments.Run.from_dict({**description, "seed": seed}) for seed in (0, 1)]
summary = experiments.sweep(runs, "runs.sqlite", runner=experiments.processes(2))
open("summary", "w", encoding="ascii").write(str(summary))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="another shell")
def test_workers_without_any_output(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", sys.executable, "-c", SWEEP],
        check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    summary = (tmp_path / "summary").read_text(encoding="ascii")
    assert summary == "2 runs: 2 done (0 of them before), 0 failed, 0 pending"


def test_a_run_in_ascii_ends_well(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    script = ROOT / "scripts/show_topology.py"
    done = subprocess.run(
        [sys.executable, str(script), "constant_degree", "--inputs", "20", "--outputs", "30",
         "--degree", "4", "--output", str(tmp_path / "σ")],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(b"\\u03c3/topologies.png")
    assert (tmp_path / "σ" / "topologies.png").exists()
