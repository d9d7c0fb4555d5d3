"""The tables of a store, and how its file is opened and checked."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

VERSION = 1
"""Of the tables, in SQLite's user_version."""

_APPLICATION = 0x534E4E73  # "SNNs", in SQLite's application_id

_PATIENCE = 30.0  # seconds to wait while another process reads or writes the same page

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
    ValueError
        Where it is not a store, or one of a newer version.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no store {path}")
    return _open(path, writes=False)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Return a connection to a store, which is made if there is none.

    Raises
    ------
    FileNotFoundError
        Where its folder is missing.
    ValueError
        Where the file is not a store, or one of a newer version.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} for the store {path.name}")
    return _open(path, writes=True)


def lock(path: Path) -> sqlite3.Connection:
    """Return a connection that keeps all other writers out until it is closed or its process dies.

    The lock is that of an empty SQLite file beside the store: one that every system has, and that
    does not outlive a killed process. A lock on the store itself would keep out readers, too.

    Raises
    ------
    BlockingIOError
        Where another process has it.
    """
    connection = sqlite3.connect(f"{path}-writer", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise BlockingIOError(f"another sweep is writing to {path}; wait for its end") from None
    return connection


def _open(path: Path, *, writes: bool) -> sqlite3.Connection:
    with ExitStack() as stack:
        try:
            # autocommit: transactions are begun and ended by hand
            connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
            stack.callback(connection.close)
            if writes and _is_new(connection):
                _create(connection)
            _check(connection, path)
            connection.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        except sqlite3.OperationalError as error:
            raise OSError(f"cannot open the store {path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{path} is not a store of runs, or damaged: {error}") from error
        stack.pop_all()  # it stays open
        return connection


def _is_new(connection: sqlite3.Connection) -> bool:
    """Return whether nothing is in the file, as if its making had been cut short."""
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
    connection.execute("BEGIN IMMEDIATE")
    for table in _TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    def pragma(name: str) -> int:
        with closing(connection.execute(f"PRAGMA {name}")) as cursor:
            return int(cursor.fetchone()[0])

    if pragma("application_id") != _APPLICATION:
        what = "empty" if _is_new(connection) else "the SQLite file of another program"
        raise ValueError(f"{path} is not a store of runs: it is {what}")
    if pragma("user_version") != VERSION:
        raise ValueError(
            f"{path} has version {pragma('user_version')}, this version of minisnn reads "
            f"version {VERSION}; update minisnn, or name a new store"
        )
    connection.execute("SELECT count(*) FROM runs")  # raises where the file is cut short
