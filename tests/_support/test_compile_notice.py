"""The notice that kernels are being compiled; its source is tested in test_code_cache.py."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numba
import numpy as np
import pytest

import minisnn as snn
from minisnn._support import compile_notice as module
from minisnn._support.compile_notice import compile_notice
from minisnn.kernels.machine import code_cache, compiling

SECONDS = 20  # to wait for a thread, at most


class Terminal(io.StringIO):
    """Standard error that a person looks at."""

    def isatty(self) -> bool:
        return True


class Notebook(io.StringIO):
    """Standard output and error of a notebook's kernel."""

    __module__ = "ipykernel.iostream"


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what standard error shows of a compilation that takes its time."""
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module, "_TICK", 0.01)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def show(stream: Any, kernel: str = "execute", until: str = "") -> str:
        monkeypatch.setattr(sys, "stderr", stream)
        compiling._tell(kernel)
        end = monotonic() + SECONDS
        while not ((clocks := module._clocks) and until in stream.getvalue()):
            if not clocks or monotonic() > end:
                break
            sleep(0.001)
        compiling._tell(None)
        assert not module._clocks
        return str(stream.getvalue())

    return show


TEXT = "minisnn: compiling kernels (5 to 20 s, then cached)"


def test_its_seconds_are_counted_where_someone_looks(
    compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(10_000))
    monkeypatch.setattr(module, "perf_counter", lambda: next(times))
    text = compiled(Terminal(), until=": 12 s")
    first, *shown = text.split("\r")
    assert first == TEXT
    assert shown[:3] == [f"{TEXT}: {second} s" for second in (1, 2, 3)]
    assert text.endswith(" s\n")
    assert text.count("\n") == 1
    assert max(map(len, shown)) < 80


def test_it_says_how_many_kernels_are_ready(
    compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with compiling.together(3) as advance:
        advance()
        text = compiled(Terminal(), until="1 of 3, ")
        advance()
        assert f"{TEXT}: 2 of 3, " in compiled(Terminal(), until="2 of 3, ")
    assert f"{TEXT}: 1 of 3, " in text
    assert compiling.position() == (0, 0)


def test_in_a_notebook_it_is_one_output_that_is_updated(
    compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard error is red there, and a notebook run by a program keeps each line of a clock."""
    stream, shown = Notebook(), io.StringIO()

    def show(data: dict[str, str], *, raw: bool, display_id: bool = False) -> Any:
        assert raw
        assert display_id is (shown.tell() == 0)
        shown.write(f"{data['text/plain']}\n")
        return types.SimpleNamespace(update=show)

    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=show))
    times = iter(range(10_000))
    monkeypatch.setattr(module, "perf_counter", lambda: next(times))
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(stream, "getvalue", shown.getvalue)
    first, *seconds = compiled(stream, until=": 12 s").splitlines()
    assert first == TEXT
    assert seconds[:3] == [f"{TEXT}: {second} s" for second in (1, 2, 3)]
    assert io.StringIO.getvalue(stream) == ""


def test_elsewhere_it_is_a_plain_line(compiled: Callable[..., str]) -> None:
    assert compiled(io.StringIO(), until="\n") == f"{TEXT}\n"


def test_a_narrow_terminal_has_no_clock(
    compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert compiled(Terminal(), until="\n") == f"{TEXT}\n"


def test_other_kernels_take_less(compiled: Callable[..., str]) -> None:
    assert "(some seconds, then cached)" in compiled(io.StringIO(), "predict_one", until="\n")


def test_what_cannot_be_kept_is_compiled_by_each_process(
    compiled: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "minisnn").touch()
    monkeypatch.setattr(code_cache._Failure, "reason", None)
    assert "(5 to 20 s, in each process)" in compiled(io.StringIO(), until="\n")


@pytest.mark.usefixtures("compiled")
def test_without_standard_error_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        compiling._tell("execute")
        (clock,) = module._clocks
        compiling._tell(None)
        assert not clock.is_alive()


def test_nothing_is_said_of_what_is_soon_compiled(
    compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 3600.0)
    assert compiled(Terminal()) == ""


def test_it_stands_above_a_bar(compiled: Callable[..., str]) -> None:
    tqdm = pytest.importorskip("tqdm", reason="needs the extra progress")
    stream = Terminal()
    with tqdm.tqdm(total=10, file=stream, ncols=60) as bar:
        bar.update(3)
        before = stream.tell()
        text = compiled(stream, until=f"{TEXT}\n")[before:]
    cleared, said, drawn = text.partition(f"{TEXT}\n")
    assert said
    assert cleared.strip(" \r") == ""
    assert "3/10" in drawn


# Trainings without the notice


def silent(compiled: Callable[..., str]) -> bool:
    return compiled(Terminal(), until=TEXT) == ""


def test_whoever_asks_first_decides(compiled: Callable[..., str]) -> None:
    assert not silent(compiled)
    with compile_notice(False):
        assert silent(compiled)
        with compile_notice(True):
            assert silent(compiled)
    with compile_notice(True), compile_notice(False):
        assert not silent(compiled)


def test_a_logger_of_a_higher_level_silences_it(
    compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("minisnn"), "level", logging.WARNING)
    assert silent(compiled)


def test_a_log_that_shows_it_has_it_instead(
    compiled: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    assert not silent(compiled)
    caplog.set_level(logging.INFO, "minisnn")
    compiling._tell("execute")
    module._clocks[0].join()
    compiling._tell(None)
    assert [f"minisnn: {text}" for text in caplog.messages] == [TEXT]


def test_workers_are_silent(compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.multiprocessing, "parent_process", lambda: object())
    assert silent(compiled)


WORKERS = """
import joblib, multiprocessing
def is_worker():
    return multiprocessing.parent_process() is not None
if __name__ == "__main__":
    print(is_worker(), *joblib.Parallel(2)(joblib.delayed(is_worker)() for _ in range(2)))
"""


def test_joblibs_workers_are_workers(tmp_path: Path) -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    (tmp_path / "program.py").write_text(WORKERS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True", "True"]


# Through what compiles


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what is wanted at each call of the engine, as if each compiled."""
    from minisnn.network import execution

    seen: list[Any] = []
    run = execution.run

    def spy(*arguments: Any) -> None:
        seen.append(module._wanted.get())
        run(*arguments)

    monkeypatch.setattr(execution, "run", spy)
    return seen


@pytest.mark.parametrize(("progress", "wanted"), [(None, {True}), (True, {True}), (False, {False})])
def test_train_says_it_unless_it_shows_no_progress(
    progress: bool | None, wanted: set[bool], asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    net = snn.MLP([snn.topology.dense(3, 2)], seed=0)
    X = np.ones((4, 3), np.float32)
    snn.train(net, X, [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=1, progress=progress, seed=0)
    assert set(asked) == wanted
    net.predict(X)
    assert asked[-1] is None


def test_estimators_say_it(asked: list[Any]) -> None:
    pytest.importorskip("sklearn", reason="needs the extra sklearn")
    from minisnn.sklearn import SparseMLPClassifier

    X = np.eye(4, dtype=np.float32)
    SparseMLPClassifier((4,), max_iter=1, tol=None, random_state=0).fit(X, [0, 1, 0, 1])
    assert set(asked) == {True}


def test_kernels_of_others_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr(compiling, "observers", [seen.append])
    assert numba.njit(lambda x: x + 1)(1) == 2
    assert seen == []
