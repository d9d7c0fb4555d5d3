"""The tables of a store, and how its file is opened and checked.

A store may come from a stranger. SQLite runs what a file's schema holds: triggers, views, generated
columns. So a file is looked at before SQLite is, its schema must be the very one that is made here,
and its pages must be sound, before a table is read: https://www.sqlite.org/security.html. What lies
beside it counts, too: SQLite plays back a journal, and then deletes any file that the journal
names. A store is made whole and keeps a write-ahead log, so that no journal is ever one of ours.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

from .._support.archive import FileFormatError
from .._support.arguments import open_file
from .._support.files import replace_file

VERSION = 1
"""Of the tables, in SQLite's user_version."""

_APPLICATION = 0x534E4E73  # "SNNs", in SQLite's application_id

_PATIENCE = 30.0  # seconds to wait while another process reads or writes the same page

_MAGIC, _ID_AT = b"SQLite format 3\0", slice(68, 72)  # in the first 100 bytes of the file
_KEEPS_LOG = slice(18, 20), b"\2\2"  # there, too: that changes go to a write-ahead log

_LONGEST = 2**24  # bytes of a value: a traceback and a configuration have some thousands
_LONGEST_IN_SCHEMA, _STEPS = 2**14, 10_000  # bytes of a value there, and steps to read it: many

_SYSTEMS = {
    sqlite3.SQLITE_AUTH, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}  # fmt: skip
"""Codes of errors that are no fault of the file's content."""

_TABLES = (
    """
    CREATE TABLE runs (
        hash TEXT PRIMARY KEY,
        configuration TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'pending'
            CHECK (status IN ('pending', 'running', 'done', 'failed')),
        error TEXT,
        started TEXT,
        seconds REAL,
        minisnn TEXT, numpy TEXT, numba TEXT, python TEXT, cpu TEXT
    )
    """,
    """
    CREATE TABLE results (
        hash TEXT PRIMARY KEY REFERENCES runs,
        accuracy REAL NOT NULL,
        best_accuracy REAL NOT NULL,
        loss REAL NOT NULL,
        weights INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        step_microseconds REAL NOT NULL
    )
    """,
    """
    CREATE TABLE history (
        hash TEXT NOT NULL REFERENCES runs,
        epoch INTEGER NOT NULL,
        loss REAL NOT NULL,
        validation_loss REAL,
        validation_accuracy REAL,
        learning_rate REAL NOT NULL,
        seconds REAL NOT NULL,
        step_microseconds REAL NOT NULL,
        PRIMARY KEY (hash, epoch)
    )
    """,
    """
    CREATE TABLE layers (
        hash TEXT NOT NULL REFERENCES runs,
        layer INTEGER NOT NULL,
        lowest REAL NOT NULL,
        highest REAL NOT NULL,
        mean REAL NOT NULL,
        deviation REAL NOT NULL,
        PRIMARY KEY (hash, layer)
    )
    """,
)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    FileFormatError
        Where it is not a store, is damaged, or is one of another version.
    OSError
        Where it cannot be read.
    """
    check_head(path)
    _check_journal(path)
    return _open(path, writes=False)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Return a connection to a store, which is made if there is none.

    Raises
    ------
    FileNotFoundError
        Where its folder is missing.
    FileFormatError
        Where the file is not a store, is damaged, or is one of another version. It is not changed.
    OSError
        Where it cannot be written.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} for the store {path.name}")
    check_head(path, writes=True)
    _check_journal(path)
    if not path.exists() or path.stat().st_size == 0:
        _make(path)
    return _open(path, writes=True)


def check_head(path: Path, *, writes: bool = False) -> None:
    """Raise unless the file's first bytes say that it is a store; no other is opened by SQLite.

    For writing there may be none, or an empty one, as if its making had been cut short.
    """
    try:
        with open_file(path) as file:
            head = file.read(100)
    except FileNotFoundError:
        if writes:
            return
        raise FileNotFoundError(f"there is no store {path}") from None
    except OSError as error:
        raise OSError(f"cannot open the store {path}: {error}") from error
    if not head and writes:
        return
    if not head:
        raise FileFormatError(f"{path} is not a store of runs: it is empty")
    if len(head) < 100 or not head.startswith(_MAGIC):
        raise FileFormatError(f"{path} is not a store of runs, or damaged: file is not a database")
    if head[_ID_AT] != _APPLICATION.to_bytes(4, "big"):
        raise FileFormatError(
            f"{path} is not a store of runs: it is the SQLite file of another program"
        )


def _check_journal(path: Path) -> None:
    """Raise where SQLite would find a journal beside a store, by which it would undo changes."""
    journal = f"{os.path.realpath(path)}-journal"  # SQLite goes by the name behind a link, too
    if os.path.lexists(journal):
        raise FileFormatError(
            f"{path} has a journal beside it, by which SQLite would change it and delete other "
            f"files; minisnn leaves none. Move {journal} away"
        )


def lock(path: Path) -> sqlite3.Connection:
    """Return a connection that keeps all other writers out until it is closed or its process dies.

    The lock is that of an empty SQLite file beside the store: one that every system has, and that
    does not outlive a killed process. A lock on the store itself would keep out readers, too.

    Raises
    ------
    BlockingIOError
        Where another process has it.
    OSError
        Where something else has its name, or it cannot be made.
    """
    name = f"{os.path.realpath(path)}-writer"  # the same, whatever links lead to the store
    if os.path.lexists(name) and not (os.path.isfile(name) and os.path.getsize(name) == 0):
        raise OSError(f"{name} is not the empty file that locks the store; move it away")
    with ExitStack() as stack, translated(path):
        connection = sqlite3.connect(name, timeout=0, isolation_level=None)
        stack.callback(connection.close)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise BlockingIOError(f"another sweep is writing to {path}; wait for its end") from None
        stack.pop_all()  # it stays open
        return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Let SQLite's errors be ours, and those of what is read from the file.

    Raises
    ------
    FileFormatError
        Where the file is to blame.
    OSError
        Where the system is: a full disk, a folder that is read-only.
    """
    try:
        yield
    except FileFormatError:
        raise
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # the caller is to blame
    except (sqlite3.Error, ValueError) as error:
        if getattr(error, "sqlite_errorcode", -1) & 0xFF in _SYSTEMS:
            raise OSError(f"cannot read or write the store {path}: {error}") from error
        raise FileFormatError(f"{path} is not a store of runs, or damaged: {error}") from error


def _open(path: Path, *, writes: bool) -> sqlite3.Connection:
    with ExitStack() as stack, translated(path):
        name = os.path.abspath(path)  # ":memory:" is none
        # A change begins a transaction, ``with connection`` ends it, wherever Ctrl-C comes: both
        # are compiled code, in which none is noticed.
        connection = sqlite3.connect(name, timeout=_PATIENCE, isolation_level="IMMEDIATE")
        stack.callback(connection.close)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
            connection.execute(f"PRAGMA {pragma}")
        _check(connection, path)
        if writes:
            connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
        connection.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        stack.pop_all()
        return connection


def _make(path: Path) -> None:
    """Write a store without runs, whole or not at all: cut short, it leaves no journal."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in _TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        content = bytearray(connection.serialize())
    place, mark = _KEEPS_LOG
    content[place] = mark
    with replace_file(path) as file:
        file.write(content)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    with _brief(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            raise FileFormatError(
                f"{path} has version {version}, this version of minisnn reads version {VERSION}; "
                "update minisnn, or name a new store"
            )
        other = _schema_of(connection) ^ _own_schema()
        if other:
            kind, name, _ = min(other)
            raise ValueError(f"its {kind} {name:.60} is missing, or not what minisnn makes")
        _check_size(connection, path)
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise ValueError(" ".join(str(finding).split())[:200])


@contextmanager
def _brief(connection: sqlite3.Connection) -> Iterator[None]:
    """Let SQLite read a schema as long as ours, not one whose pages lead to each other for ever."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_IN_SCHEMA)
    connection.set_progress_handler(lambda: 1, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", -1) != sqlite3.SQLITE_INTERRUPT:
            raise
        raise ValueError("its list of tables does not end") from error
    finally:
        connection.set_progress_handler(None, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)


def _check_size(connection: sqlite3.Connection, path: Path) -> None:
    """Raise where a log promises far more pages than there are: to check one takes a bit."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
    files = [Path(os.path.realpath(path) + ending) for ending in ("", "-wal")]
    there = sum(file.stat().st_size for file in files if file.exists())
    if n_pages * size > 2 * there:  # some free ones are never written
        raise ValueError(f"it promises {n_pages} pages of {size} bytes, more than there are")


def _schema_of(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    """Return kind, name and definition of all that is in a file."""
    with closing(connection.execute("SELECT type, name, sql FROM sqlite_master")) as rows:
        return frozenset(
            (str(kind), str(name), " ".join(str(sql).split())) for kind, name, sql in rows
        )


@cache
def _own_schema() -> frozenset[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in _TABLES:
            connection.execute(table)
        return _schema_of(connection)
