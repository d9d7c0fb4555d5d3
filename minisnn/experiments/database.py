"""SQLite files of stores: their tables, and how they are opened, checked and locked.

A file may be damaged, another program's, or a stranger's: https://www.sqlite.org/security.html.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .._support.archive import FileFormatError
from .._support.checks import open_file


class Schema(NamedTuple):
    """Description of a kind of store.

    Parameters
    ----------
    content : str
        What it holds, for messages.
    application : int
        SQLite's application_id.
    version : int
        Of the tables, in SQLite's user_version.
    tables : tuple of str
        Statements that make them.
    upgrade : tuple of str
        Statements that make them of those of the version before, if that can still be read.
    """

    content: str
    application: int
    version: int
    tables: tuple[str, ...]
    upgrade: tuple[str, ...] = ()


_MAGIC = b"SQLite format 3\0"

_PATIENCE = 30.0  # seconds to wait while another process reads or writes the same page

_SYSTEMS = {
    sqlite3.SQLITE_AUTH, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}  # fmt: skip
"""Codes of errors that the file's content does not cause."""

_RESULTS = """
    CREATE TABLE results (
        hash TEXT PRIMARY KEY REFERENCES runs,
        accuracy REAL,
        best_accuracy REAL,
        loss REAL NOT NULL,
        weights INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        step_microseconds REAL NOT NULL
    )
"""
_METRICS = """
    CREATE TABLE metrics (
        hash TEXT NOT NULL REFERENCES runs,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (hash, name)
    )
"""

RUNS = Schema(
    "runs",
    application=0x534E4E73,  # "SNNs"
    version=2,
    tables=(
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
        _RESULTS,
        _METRICS,
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
    ),
    upgrade=(  # every run had an accuracy, and no other metric
        "ALTER TABLE results RENAME TO results_1",
        _RESULTS,
        "INSERT INTO results SELECT * FROM results_1",
        "DROP TABLE results_1",
        _METRICS,
    ),
)


def connect(path: Path, schema: Schema, *, write: bool) -> sqlite3.Connection:
    """Return a connection to a store that is sound; to write, it may be empty, or not there yet.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or, to write, no folder for it.
    FileFormatError
        If it is not a store, is damaged, or is one of another version. It is not changed.
    OSError
        If it cannot be read.
    """
    if write and not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} for the store {path.name}")
    try:
        with open_file(path) as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        if not write:
            raise FileNotFoundError(f"there is no store {path}") from None
        head = b""
    except OSError as error:
        raise OSError(f"cannot open the store {path}: {error}") from error
    with translated(path, schema):
        if head not in (b"", _MAGIC):  # SQLite takes a single byte for an empty file
            raise ValueError("file is not a database")
        name = os.path.abspath(path)  # ":memory:" is none
        # A change begins a transaction, ``with connection`` ends it, wherever Ctrl-C comes: both
        # are compiled code, in which none is noticed.
        connection = sqlite3.connect(name, timeout=_PATIENCE, isolation_level="IMMEDIATE")
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute(f"PRAGMA query_only = {'OFF' if write else 'ON'}")
            _check(connection, path, schema, may_be_empty=write)
        except BaseException:
            connection.close()
            raise
        return connection


def prepare(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Make a locked store ready for changes: its tables, or those of the version before anew."""
    with translated(path, schema):
        connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
        version = version_of(connection)
        if version == schema.version:
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in schema.upgrade if version else schema.tables:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {schema.application}")
            connection.execute(f"PRAGMA user_version = {schema.version}")


def lock(path: Path) -> sqlite3.Connection:
    """Return a connection that keeps all other writers out until it is closed or its process dies.

    The lock is that of an empty SQLite file beside the store: one that every system has, and that
    does not outlive a killed process. A lock on the store itself would keep out readers, too.

    Raises
    ------
    BlockingIOError
        If another process has it.
    OSError
        If something else has its name, or it cannot be made.
    """
    name = f"{os.path.realpath(path)}-writer"  # the same, whatever links lead to the store
    try:
        connection = sqlite3.connect(name, timeout=0, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            message = f"another process is writing to {path}; wait for its end"
            raise BlockingIOError(message) from None
        raise OSError(f"cannot lock the store {path} by {name}: {error}") from error
    return connection


@contextmanager
def translated(path: Path, schema: Schema) -> Iterator[None]:
    """Translate errors of SQLite, and of the content of the file, into ours.

    Raises
    ------
    FileFormatError
        If the file is to blame.
    OSError
        If the system is: a full disk, a folder that is read-only.
    """
    try:
        yield
    except (FileFormatError, sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # the last two are errors of the caller
    except (sqlite3.Error, TypeError, ValueError) as error:
        if getattr(error, "sqlite_errorcode", -1) & 0xFF in _SYSTEMS:
            raise OSError(f"cannot read or write the store {path}: {error}") from error
        raise FileFormatError(
            f"{path} is not a store of {schema.content}, or damaged: {error}"
        ) from error


def _check(
    connection: sqlite3.Connection, path: Path, schema: Schema, *, may_be_empty: bool
) -> None:
    if not _number(connection, "SELECT count(*) FROM sqlite_master"):
        if may_be_empty:  # its creation may have been interrupted
            return
        raise FileFormatError(f"{path} is not a store of {schema.content}: it is empty")
    if _number(connection, "PRAGMA application_id") != schema.application:
        raise FileFormatError(
            f"{path} is not a store of {schema.content}: it is the SQLite file of another program"
        )
    version = version_of(connection)
    if version != schema.version and not (version == schema.version - 1 and schema.upgrade):
        raise FileFormatError(
            f"{path} has version {version}, this version of minisnn reads version "
            f"{schema.version}; update minisnn, or name a new store"
        )
    if _number(connection, "SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')"):
        raise ValueError("it holds triggers or views, of which minisnn makes none")
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise ValueError(" ".join(str(finding).split())[:200])


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables of a store; 0 if it has none."""
    return _number(connection, "PRAGMA user_version")


def _number(connection: sqlite3.Connection, query: str) -> int:
    (number,) = connection.execute(query).fetchone()
    return int(number)
