"""The store: one file, one writer, any number of readers, a run stored whole or not at all."""

from __future__ import annotations

import gc
import json
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sweeping import N_EPOCHS, VERSIONS, describe, make_runs, outcome_of, run

from minisnn.experiments import Run, Status, Store
from minisnn.experiments.records import Versions


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def test_a_run_from_pending_to_done(path: Path) -> None:
    runs = make_runs(2)
    first, second = runs
    with Store(path, write=True) as store:
        store.add(runs)
        store.add(runs)
        assert [record.status for record in store.records()] == [Status.PENDING] * 2
        store.begin(first.hash)
        assert store.records([first])[0].status is Status.RUNNING
        store.finish(outcome_of(first))
    with Store(path) as store:
        done, pending = store.records()
        assert store.records([second, first]) == [pending, done]
        assert store.history(first.hash) == outcome_of(first).epochs
        assert store.layers(first.hash) == outcome_of(first).layers
        assert store.history(second.hash) == store.layers(second.hash) == []
    assert done.status is Status.DONE
    assert (done.started, done.seconds) == ("2026-01-01T00:00:00.000+00:00", 1.5)
    assert done.figures == outcome_of(first).figures
    assert done.versions == VERSIONS
    assert done.error is None
    assert Run.from_dict(done.configuration) == first
    assert pending.figures is None
    assert pending.versions == Versions()


def test_stores_of_before_know_their_runs(path: Path) -> None:
    """From when a run could not say its activations: the text and the hash as they were stored."""
    known = Run.from_dict(describe(layer_seeds="consecutive"))
    text = (
        '{"batch_size":128,"data":{"name":"mnist_sample","samples":300},"dropout":[0.0,0.0],'
        '"dtype":"float32","epochs":1,"fan":"degree","hidden":[30],"initializer":"glorot_normal",'
        '"layers":[{"degree":5,"density":null,"options":{},"topology":"constant_degree"},'
        '{"degree":null,"density":null,"options":{},"topology":"dense"}],'
        '"optimizer":{"momentum":0.9,"peak":0.2,"warm_up":0.5},"schema":1,"seed":0}'
    )
    stored = "9fce0e16b6d6366c47501fb550d6b0f2146609e760691c3274414149209372a8"
    Store(path, write=True).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO runs (hash, configuration) VALUES (?, ?)", (stored, text))
        connection.commit()
    with Store(path, write=True) as store:
        store.finish(outcome_of(known))
        store.add([known, Run.from_dict(describe(activation="relu"))])
        old, new = store.records()
    assert (old.hash, old.status) == (stored, Status.DONE)
    assert (old.configuration["activation"], new.configuration["activation"]) == ("sigmoid", "relu")
    assert Run.from_dict(old.configuration) == known
    assert old.configuration.keys() == new.configuration.keys(), "so that exports have no holes"


def test_a_failure_and_another_try(path: Path) -> None:
    (single,) = make_runs(1)
    with Store(path, write=True) as store:
        store.add([single])
        store.finish(outcome_of(single, error="Traceback …\nValueError: no"))
        (record,) = store.records()
        assert (record.status, record.error) == (Status.FAILED, "Traceback …\nValueError: no")
        store.begin(single.hash)
        store.finish(outcome_of(single))
        (record,) = store.records()
        assert (record.status, record.error) == (Status.DONE, None)


def test_what_is_done_stays_as_it_is(path: Path) -> None:
    """A cluster may send a run twice, where a worker was taken for dead."""
    (single,) = make_runs(1)
    with Store(path, write=True) as store:
        store.add([single])
        store.finish(outcome_of(single))
        before = store.records()
        store.begin(single.hash)
        store.finish(outcome_of(single, error="late"))
        store.finish(outcome_of(single))
        assert store.records() == before
        assert len(store.history(single.hash)) == N_EPOCHS


def test_a_run_is_stored_whole_or_not_at_all(path: Path) -> None:
    (single,) = make_runs(1)
    broken = outcome_of(single)
    broken.epochs.append(broken.epochs[0])  # type: ignore[attr-defined]  # the same epoch twice
    with Store(path, write=True) as store:
        store.add([single])
        store.begin(single.hash)
        with pytest.raises(sqlite3.IntegrityError):
            store.finish(broken)
        (record,) = store.records()
        assert (record.status, record.figures) == (Status.RUNNING, None)
        assert store.history(single.hash) == []
        store.finish(outcome_of(single))
        assert store.records()[0].status is Status.DONE


def test_ctrl_c_at_any_moment_leaves_the_store_ready_for_the_next_change(path: Path) -> None:
    (single,) = make_runs(1)
    waiting = moments = 0

    def interrupt(frame: FrameType, event: str, _: object) -> Any:
        nonlocal waiting
        frame.f_trace_opcodes = True
        waiting -= event == "opcode"
        if waiting < 0:
            raise KeyboardInterrupt
        return interrupt

    # Python 3.12 looks at this when tracing begins, not when a function is called
    sys._getframe().f_trace_opcodes = True
    with Store(path, write=True) as store:
        store.add([single])
        while True:
            waiting = moments
            gc.disable()  # hypothesis has it call a function, in which the error would be lost
            sys.settrace(interrupt)
            try:
                store.begin(single.hash)
                break
            except KeyboardInterrupt:
                moments += 1
            finally:
                sys.settrace(None)
                gc.enable()
            store.release()
        assert moments > 50
        assert store.records()[0].status is Status.RUNNING


def test_what_a_killed_sweep_left_is_pending_again(path: Path) -> None:
    (single,) = make_runs(1)
    with Store(path, write=True) as store:
        store.add([single])
        store.begin(single.hash)
    with Store(path, write=True) as store:
        assert store.records()[0].status is Status.PENDING


def test_readers_read_while_it_is_written(path: Path) -> None:
    runs = make_runs(60)
    with Store(path, write=True) as store:
        store.add(runs)
    finished = threading.Event()
    counts: list[list[int]] = [[], []]
    errors: list[BaseException] = []

    def read(seen: list[int]) -> None:
        try:
            while not finished.is_set():
                with Store(path) as store:
                    done = [r for r in store.records() if r.status is Status.DONE]
                    assert all(record.figures for record in done)
                    assert all(len(store.history(r.hash)) == N_EPOCHS for r in done[-3:])
                    seen.append(len(done))
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read, args=(seen,)) for seen in counts]
    for reader in readers:
        reader.start()
    try:
        with Store(path, write=True) as store:
            for item in runs:
                store.begin(item.hash)
                store.finish(outcome_of(item))
    finally:
        finished.set()
    for reader in readers:
        reader.join()
    assert not errors
    for seen in counts:
        assert seen == sorted(seen), "nothing that was done is ever gone"
        assert len(seen) > 1


def test_a_reader_cannot_write(path: Path) -> None:
    Store(path, write=True).close()
    with (
        Store(path) as store,
        pytest.raises(OSError, match=r"cannot read or write the store .*readonly"),
    ):
        store.add(make_runs(1))


def test_one_writer_at_a_time(path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"base": describe()}))
    with Store(path, write=True):
        with pytest.raises(BlockingIOError, match=r"another process is writing to .*runs\.sqlite"):
            Store(path, write=True)
        code, _, err = run("a.json", "--store", str(path), "--jobs", "1", cwd=tmp_path)
        assert code == 1
        assert "error: another process is writing to" in err
    Store(path, write=True).close()


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with Store(path, write=True) as store:  # its making may have been cut short
        assert store.records() == []
