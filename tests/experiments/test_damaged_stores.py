"""Damaged stores, and files that are not stores: one error, the file unchanged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeping import make_runs, outcome_of

from minisnn import FileFormatError
from minisnn.experiments import Run, Status, Store, format_records

DAMAGED = "runs.sqlite is not a store of runs, or damaged: "
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"


def fill(path: Path, count: int = 2) -> list[Run]:
    """Make a store of runs that are done."""
    runs = make_runs(count)
    with Store(path, write=True) as store:
        store.add(runs)
        for run in runs:
            store.finish(outcome_of(run))
    return runs


def read(path: Path) -> int:
    """Read all that a store has; return how many runs it holds."""
    with Store(path) as store:
        records = store.records()
        for record in records:
            assert isinstance(record.status, Status)
            assert all(type(epoch.loss) is float for epoch in store.history(record.hash))
            assert all(type(layer.layer) is int for layer in store.layers(record.hash))
        assert format_records(records)
    return len(records)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def make_newer(path: Path) -> None:
    fill(path)
    change(path, "PRAGMA user_version = 3")


def make_text(path: Path) -> None:
    path.write_text("status,hash\n" * 1000, encoding="utf-8")


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: change(path, "CREATE TABLE mine (x)"),
         "is not a store of runs: it is the SQLite file of another program"),
        (make_newer, "has version 3, this version of minisnn reads version 2; update minisnn"),
        (make_text, "is not a store of runs, or damaged: file is not a database"),
    ],
)  # fmt: skip
def test_files_that_are_no_store(
    path: Path, make: Callable[[Path], None], message: str, write: bool
) -> None:
    make(path)
    content = path.read_bytes()
    with pytest.raises(FileFormatError, match=re.escape(message)):
        Store(path, write=write)
    assert path.read_bytes() == content, "it is left as it was"
    files = {path.name, "runs.sqlite-writer"} if make is make_newer else {path.name}
    assert {*os.listdir(path.parent)} == files, "no lock beside what is another's"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["CREATE TRIGGER t AFTER UPDATE ON runs BEGIN DELETE FROM runs; END"], "triggers or view"),
        (["DROP TABLE layers", f"CREATE VIEW layers AS {ENDLESS}"], "triggers or views"),
        (["DROP TABLE results"], "no such table: results"),
        (["PRAGMA ignore_check_constraints = ON", "UPDATE runs SET status = 'lost'"],
         "CHECK constraint failed in runs"),
    ],
)  # fmt: skip
def test_other_tables(path: Path, statements: list[str], message: str) -> None:
    fill(path)
    change(path, *statements)
    with pytest.raises(FileFormatError, match=f"{DAMAGED}.*{message}"):
        read(path)


def forged(**changes: Any) -> str:
    return json.dumps({**json.loads(make_runs(1)[0].to_json()), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[1]", "a run must be a mapping of keys to values, got \\[1\\]"),
        ("[" * 100_000, "a run must be JSON, got .*recursion"),
        (forged(more=1), "more is unknown; the keys of Run are: data, "),
        (forged(hidden=5), "hidden must be a list, got 5"),
        (forged(hidden=["a"]), "hidden.0 must be a whole number, got 'a'"),
        (forged(data={}), "data.name is missing"),
        (forged(layers=[{"layer": 1}]), "layers.0.layer is unknown; the keys of Wiring are: top"),
        (forged(optimizer=None), "optimizer must be a mapping of keys to values, got None"),
        (forged(schema=99), "has schema 99, this version of minisnn reads schema 1"),
        (forged(seed=True), "seed must be a whole number, got True"),
    ],
)
def test_configurations_that_are_none(path: Path, text: str, message: str) -> None:
    """Stored with their right hash."""
    Store(path, write=True).close()
    run_hash = hashlib.sha256(text.encode()).hexdigest()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO runs (hash, configuration) VALUES (?, ?)", (run_hash, text))
        connection.commit()
    with pytest.raises(FileFormatError, match=f"{DAMAGED}.*({message})"):
        read(path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE runs SET configuration = '{}'", "has another SHA-256"),
        ("UPDATE runs SET configuration = x'00ff'", "configuration must be a text, got b'"),
        ("UPDATE runs SET configuration = CAST(x'ff' AS TEXT)", "Could not decode to UTF-8"),
        ("UPDATE runs SET hash = NULL", "the configuration of run None has another SHA-256"),
        ("UPDATE runs SET seconds = 'long'", "seconds must be a number or null, got 'long'"),
        ("UPDATE runs SET numpy = x'00'", "versions.numpy must be a text or null, got b'"),
        (
            "UPDATE results SET accuracy = 'good'",
            "figures.accuracy must be a number or null, got 'good'",
        ),
        ("UPDATE metrics SET value = 'good'", "metrics must be a number, got {'auroc': 'good'}"),
        ("UPDATE results SET weights = 1.5", "figures.weights must be a whole number, got 1.5"),
        ("UPDATE history SET loss = 'low'", "loss must be a number, got 'low'"),
        ("UPDATE layers SET mean = x'00'", "mean must be a number, got b'"),
    ],
)
def test_values_of_other_types(path: Path, statement: str, message: str) -> None:
    fill(path)
    change(path, statement)
    with pytest.raises(FileFormatError, match=DAMAGED + ".*" + re.escape(message)):
        read(path)


@pytest.mark.parametrize("write", [False, True])
def test_no_part_of_a_store_is_taken_for_a_whole_one(path: Path, write: bool) -> None:
    fill(path, 20)
    change(path, "PRAGMA journal_mode = DELETE")
    content = path.read_bytes()
    for length in (1, 99, 100, 1000, *range(4096, len(content), 4096)):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match=r"runs\.sqlite is not a store of runs"):
            Store(path, write=write)
        assert path.read_bytes() == content[:length]


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("damaged") / "runs.sqlite"
    fill(path)
    change(path, "PRAGMA journal_mode = DELETE")
    return path, path.read_bytes()


@given(data=st.data())
def test_mutated_stores(valid: tuple[Path, bytes], data: st.DataObject) -> None:
    path, content = valid
    changed = bytearray(content)
    # where there is something: a page has its cells at its end
    used = [place for place, byte in enumerate(content) if byte]
    for place in data.draw(st.lists(st.sampled_from(used), min_size=1, max_size=4)):
        new = data.draw(st.binary(min_size=1, max_size=8))
        changed[place : place + len(new)] = new
    path.write_bytes(changed)
    for suffix in ("-journal", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    with contextlib.suppress(FileFormatError):
        read(path)


def test_a_making_that_was_cut_short(path: Path) -> None:
    change(path, "PRAGMA journal_mode = WAL")
    assert path.stat().st_size
    with pytest.raises(FileFormatError, match="is not a store of runs: it is empty"):
        Store(path)
    fill(path)
    assert read(path) == 2


def test_something_in_the_place_of_the_lock(path: Path) -> None:
    path.with_name("runs.sqlite-writer").mkdir()
    with pytest.raises(OSError, match=r"cannot lock the store .* by .*runs\.sqlite-writer: unable"):
        Store(path, write=True)


def test_two_names_of_one_store_are_locked_together(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with (
        Store(path, write=True),
        pytest.raises(BlockingIOError, match="another process is writing"),
    ):
        Store(link, write=True)


def test_names_that_sqlite_reads_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:runs?mode=memory"):
        fill(Path(name))
        assert read(tmp_path / name) == 2


def test_a_full_disk(path: Path) -> None:
    """A limit on the size of files, which holds for root too, stands for the full disk."""
    resource: Any = pytest.importorskip("resource", reason="no limit on files")
    fill(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store(path, write=True) as store:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
            with pytest.raises(OSError, match=r"cannot read or write the store .*runs\.sqlite: "):
                store.add(make_runs(2000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert len(store.records()) == 2, "all or nothing"
        store.add(make_runs(5))
    assert read(path) == 5
