"""Stores that are damaged or made to do harm: one error, nothing run, the file left as it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeping import make_runs

from minisnn import Epoch, FileFormatError
from minisnn.experiments import Run, Status, Store, format_records
from minisnn.experiments.records import Figures, LayerWeights, Outcome, Versions

DAMAGED = "runs.sqlite is not a store of runs, or damaged: "


def fill(path: Path, count: int = 2) -> list[Run]:
    """Make a store of runs that are done."""
    runs = make_runs(count)
    with Store(path, write=True) as store:
        store.add(runs)
        for run in runs:
            epochs = [Epoch(n + 1, 0.1, 0.2, 0.5, 1.0, 0.01, 12.5) for n in range(3)]
            layers = [LayerWeights(n + 1, -1.5, 1.25, 0.0, 0.5) for n in range(2)]
            figures = Figures(0.5, 0.6, 0.05, 100, 400, 12.5)
            versions = Versions("0.1", "2", "0.61", "3.11", "a CPU")
            store.finish(Outcome(run.hash, "2026", 1.5, versions, figures, epochs, layers))
    return runs


def read(path: Path) -> int:
    """Read all that a store has; return how many runs it holds."""
    with Store(path) as store:
        records = store.records()
        for record in records:
            assert isinstance(record.status, Status)
            assert all(type(epoch.loss) in (int, float) for epoch in store.history(record.hash))
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


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE TRIGGER t AFTER UPDATE ON runs BEGIN DELETE FROM runs; END", "trigger t"),
        ("CREATE VIEW mine AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
         "SELECT x FROM n", "view mine"),
        ("CREATE TABLE more (x)", "table more"),
        ("CREATE INDEX i ON runs (abs(seconds))", "index i"),
        ("ALTER TABLE runs ADD COLUMN twice AS (seconds * 2)", "table runs"),
        ("ALTER TABLE runs ADD COLUMN twice DEFAULT 5", "table runs"),
        ("ALTER TABLE layers RENAME TO sheets", "index sqlite_autoindex_layers_1"),
        ("ANALYZE", "table sqlite_stat1"),
        ("DROP TABLE results", "index sqlite_autoindex_results_1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [False, True])
def test_what_a_schema_may_not_hold(path: Path, statement: str, what: str, write: bool) -> None:
    fill(path)
    change(path, statement)
    content = path.read_bytes()
    message = f"{DAMAGED}its {what} is missing, or not what minisnn makes"
    with pytest.raises(FileFormatError, match=re.escape(message)):
        Store(path, write=write)
    assert path.read_bytes() == content


def test_a_view_in_the_place_of_a_table(path: Path) -> None:
    fill(path)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    change(path, "DROP TABLE layers", f"CREATE VIEW layers AS {endless}")
    with pytest.raises(FileFormatError, match=DAMAGED + "its "):
        read(path)


def other_configuration(**changes: Any) -> tuple[str, str]:
    """Return a configuration that is none, and its right hash."""
    values = json.loads(make_runs(1)[0].to_json())
    text = json.dumps({**values, **changes})
    return text, hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[1]", "a run must be a mapping of keys to values, got \\[1\\]"),
        ("[" * 100_000, "a run must be JSON, got .*recursion"),
        ('{"schema": NaN}', "holds NaN, which is no JSON"),
        ('{"schema": ' + "1" * 10_000 + "}", "Exceeds the limit"),
        (other_configuration(more=1)[0], "configuration must have the keys"),
        (other_configuration(hidden=5)[0], "configuration.hidden must be a list, got 5"),
        (other_configuration(hidden=["a"])[0], "configuration.hidden.0 must be of type int"),
        (other_configuration(data={})[0], "configuration.data must have the keys name, samples"),
        (other_configuration(layers=[{}])[0], "configuration.layers.0 must have the keys"),
        (
            other_configuration(optimizer=None)[0],
            "optimizer must be a mapping of keys to values, got None",
        ),
        (
            other_configuration(schema=99)[0],
            "the run has schema 99, this version of minisnn reads schema 1",
        ),
        (other_configuration(seed=True)[0], "configuration.seed must be of type int, got True"),
        ("x" * 2**24, "too big|too large|Expecting"),
    ],
)
def test_configurations_that_are_none(path: Path, text: str, message: str) -> None:
    """By someone who knows how to make the hash."""
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
        ("UPDATE runs SET configuration = '{}'", "does not have this SHA-256"),
        ("UPDATE runs SET configuration = x'00ff'", "configuration must be of type str, got b'"),
        ("UPDATE runs SET configuration = CAST(x'ff' AS TEXT)", "Could not decode to UTF-8"),
        ("UPDATE runs SET hash = 5 WHERE rowid = 1", "configuration of run '5' does not have"),
        ("UPDATE runs SET hash = NULL", "hash must be of type str, got None"),
        ("UPDATE runs SET error = x'00'", "error must be of type str | None, got b'"),
        ("UPDATE runs SET seconds = 'long'", "seconds must be of type float | None, got 'long'"),
        ("UPDATE runs SET numpy = x'00'", "numpy must be of type str | None, got b'"),
        ("UPDATE results SET accuracy = 'good'", "accuracy must be of type float, got 'good'"),
        ("UPDATE results SET weights = 1.5", "weights must be of type int, got 1.5"),
        ("UPDATE history SET loss = 'low'", "loss must be of type float, got 'low'"),
        ("UPDATE history SET epoch = 'a' || epoch", "epoch must be of type int, got 'a1'"),
        ("UPDATE layers SET mean = x'00'", "mean must be of type float, got b'"),
    ],
)
def test_values_of_other_types(path: Path, statement: str, message: str) -> None:
    fill(path)
    change(path, statement)
    with pytest.raises(FileFormatError, match=DAMAGED + ".*" + re.escape(message)):
        read(path)


@pytest.mark.parametrize("value", ["'lost'", "5"])
def test_values_that_the_schema_forbids(path: Path, value: str) -> None:
    fill(path)
    change(path, "PRAGMA ignore_check_constraints = ON", f"UPDATE runs SET status = {value}")
    with pytest.raises(FileFormatError, match=DAMAGED + "CHECK constraint failed in runs"):
        read(path)


def pages_of(content: bytes) -> int:
    return int.from_bytes(content[16:18], "big")


def test_a_page_that_is_used_twice(path: Path) -> None:
    """Pages that all lead to one would make a small file as long as one likes."""
    fill(path, 60)
    change(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'runs'"
        (root,) = connection.execute(query).fetchone()
    content = bytearray(path.read_bytes())
    start = (root - 1) * pages_of(content)
    assert content[start] == 5, "an interior page"
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    places = [
        start + int.from_bytes(content[at : at + 2], "big")
        for at in range(start + 12, start + 12 + 2 * cells, 2)
    ]
    for place in places:
        content[place : place + 4] = content[places[0] : places[0] + 4]
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=DAMAGED):
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
    path = tmp_path_factory.mktemp("hostile") / "runs.sqlite"
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


def test_another_programs_file_is_not_even_opened(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE mine (x)")
        connection.commit()
        files = sorted(os.listdir(path.parent))
        for write in (False, True):
            with pytest.raises(FileFormatError, match="the SQLite file of another program"):
                Store(path, write=write)
        assert sorted(os.listdir(path.parent)) == files, "no lock beside it"


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("mine")])
def test_something_in_the_place_of_the_lock(path: Path, make: Any) -> None:
    lock = path.with_name("runs.sqlite-writer")
    make(lock)
    with pytest.raises(OSError, match=r"runs\.sqlite-writer is not the empty file that locks"):
        Store(path, write=True)
    assert not path.exists()
    assert lock.is_dir() or lock.read_text() == "mine"


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


def test_a_making_that_was_cut_short(path: Path) -> None:
    """Its first page is there, and SQLite's journal, by which it is undone."""
    from minisnn.experiments import schema

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for table in schema._TABLES:
            connection.execute(table)
        connection.execute("ROLLBACK")
    assert path.stat().st_size == 0
    fill(path)
    assert read(path) == 2


# What lies beside a store, and pages that lead to one another


def journal_naming(other: Path, content: bytes) -> bytes:
    """Return a journal of one page, as if it were part of a change that also concerned a file."""
    page, n_pages = content[: pages_of(content)], len(content) // pages_of(content)
    checksum = 1 + sum(page[at] for at in range(len(page) - 200, 0, -200))
    magic, name = bytes.fromhex("d9d505f920a163d7"), str(other).encode()
    return b"".join(
        [
            (magic + struct.pack(">5I", 1, 1, n_pages, 512, len(page))).ljust(512, b"\0"),
            struct.pack(">I", 1) + page + struct.pack(">I", checksum),
            struct.pack(">I", 2**30 // len(page) + 1) + name,
            struct.pack(">II", len(name), sum(name)) + magic,
        ]
    )


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("linked", [False, True])
def test_a_journal_that_names_another_file(path: Path, write: bool, linked: bool) -> None:
    """SQLite would play it back, and then delete the file."""
    fill(path)
    change(path, "PRAGMA journal_mode = DELETE")
    content, precious = path.read_bytes(), path.with_name("precious")
    precious.write_text("mine")
    path.with_name("runs.sqlite-journal").write_bytes(journal_naming(precious, content))
    name = path.with_name("link") if linked else path
    if linked:
        name.symlink_to(path)
    with pytest.raises(FileFormatError, match=r"has a journal .* Move .*runs\.sqlite-journal away"):
        Store(name, write=write)
    assert path.read_bytes() == content
    assert precious.read_text() == "mine"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM runs")
    assert not precious.exists(), "the journal is such a one"


def test_a_journal_beside_no_store(path: Path) -> None:
    path.with_name("runs.sqlite-journal").write_bytes(b"mine")
    with pytest.raises(FileFormatError, match="has a journal beside it"):
        Store(path, write=True)
    assert not path.exists()


def test_a_store_is_made_without_a_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is cut short by ``kill -9`` leaves no file that would be refused later."""
    seen = []
    audit = sqlite3.connect

    def connect(name: Any, **options: Any) -> Any:
        seen.append(sorted(os.listdir(path.parent)))
        return audit(name, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)
    fill(path)
    monkeypatch.undo()
    assert "runs.sqlite" in seen[-1], "SQLite finds it made"
    assert not any("runs.sqlite-journal" in names for names in seen)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert path.read_bytes()[18:20] == b"\2\2"


def endless_schema(content: bytes) -> bytes:
    """Return a store whose list of tables has 400**8 entries, in ten pages."""
    size, n_pages = pages_of(content), len(content) // pages_of(content)

    def interior(children: list[int], offset: int = 0) -> bytearray:
        page, places, top = bytearray(size), [], size
        for number, child in enumerate(children[:-1], start=1):
            cell = struct.pack(">IBB", child, 0x80 | number >> 7, number & 0x7F)
            top -= len(cell)
            page[top : top + len(cell)] = cell
            places.append(top)
        head = struct.pack(">BHHHBI", 5, 0, len(places), top, 0, children[-1])
        body = head + struct.pack(f">{len(places)}H", *places)
        page[offset : offset + len(body)] = body
        return page

    # the true entries in a page of their own, and one more, of an index that is among them
    first = bytearray(content[:size])
    n_cells = int.from_bytes(first[103:105], "big")
    true = bytearray(size)
    true[: 8 + 2 * n_cells] = first[100 : 108 + 2 * n_cells]
    start = int.from_bytes(first[105:107], "big")
    true[start:] = first[start:]
    texts = [b"index", b"sqlite_autoindex_runs_1", b"runs"]
    record = bytes([6, *(13 + 2 * len(text) for text in texts), 1, 0]) + b"".join(texts) + b"\3"
    cell = bytes([len(record), 100]) + record
    more = bytearray(size)
    more[size - len(cell) :] = cell
    more[:10] = struct.pack(">BHHHBH", 13, 0, 1, size - len(cell), 0, size - len(cell))
    pages = [true, more]
    for _ in range(8):
        pages.append(interior([n_pages + len(pages)] * 400))
    root = interior([n_pages + 1, n_pages + len(pages)], 100)
    root[:100] = first[:100]
    root[28:32] = struct.pack(">I", n_pages + len(pages))
    return bytes(root) + content[size:] + b"".join(map(bytes, pages))


@pytest.mark.parametrize("write", [False, True])
def test_a_schema_without_end(path: Path, write: bool) -> None:
    """SQLite reads it, by itself, before anything can be asked of it."""
    fill(path)
    change(path, "PRAGMA journal_mode = DELETE")
    content = endless_schema(path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=DAMAGED + "its list of tables does not end"):
        Store(path, write=write)
    assert path.read_bytes() == content


def test_a_log_that_promises_more_pages_than_there_are(path: Path) -> None:
    """To look at them all takes a bit of memory for each: half a gigabyte."""
    fill(path, 1)
    content, n_pages = path.read_bytes(), 2**32 - 2
    page = bytearray(content[: pages_of(content)])
    page[28:32], page[92:96] = struct.pack(">I", n_pages), page[24:28]

    def checksum(part: bytes, first: int = 0, second: int = 0) -> tuple[int, int]:
        words = struct.unpack(f"<{len(part) // 4}I", part)
        for one, two in zip(words[::2], words[1::2], strict=True):
            first = (first + one + second) % 2**32
            second = (second + two + first) % 2**32
        return first, second

    head = struct.pack(">6I", 0x377F0682, 3007000, len(page), 0, 11, 22)
    frame, sums = struct.pack(">II", 1, n_pages), checksum(head)
    log = head + struct.pack(">II", *sums) + frame + struct.pack(">II", 11, 22)
    sums = checksum(bytes(page), *checksum(frame, *sums))
    path.with_name("runs.sqlite-wal").write_bytes(log + struct.pack(">II", *sums) + page)
    with pytest.raises(FileFormatError, match=f"it promises {n_pages} pages of 4096 bytes, more"):
        Store(path)
    assert path.read_bytes() == content


def test_two_names_of_one_store_are_locked_together(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with Store(path, write=True), pytest.raises(BlockingIOError, match="another sweep is writing"):
        Store(link, write=True)
