"""Results of the trainings of one test against null models, in a SQLite file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from .._support.checks import check_path
from . import database

_NULLS = database.Schema(
    "trainings of null models",
    application=0x534E4E6E,  # "SNNn"
    version=1,
    tables=(
        "CREATE TABLE test (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        """
        CREATE TABLE results (
            wiring INTEGER NOT NULL,
            repetition INTEGER NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (wiring, repetition)
        )
        """,
    ),
)


class NullStore:
    """A file of results, open for one test to write.

    Parameters
    ----------
    path : path
        The file; it is made if there is none.
    identity : mapping of str to str
        Properties of the test; they are written into a new file, and must be those of an old one.

    Raises
    ------
    ValueError
        If the file holds another test, or is no such file (`FileFormatError`). It is not changed.
    BlockingIOError
        If another process is writing.
    OSError
        If it cannot be read or written.
    """

    def __init__(self, path: str | PathLike[str], identity: Mapping[str, str]) -> None:
        self._path = Path(check_path(path, "store"))
        self._connection = database.connect(self._path, _NULLS, write=True)
        try:
            self._lock = database.lock(self._path)
        except BaseException:
            self._connection.close()
            raise
        try:
            database.prepare(self._connection, self._path, _NULLS)
            self._check(identity)
        except BaseException:
            self.close()
            raise

    def _check(self, identity: Mapping[str, str]) -> None:
        with database.translated(self._path, _NULLS), self._connection as connection:
            with closing(connection.execute("SELECT name, value FROM test")) as rows:
                known = dict(rows.fetchall())
            if not known:
                connection.executemany("INSERT INTO test VALUES (?, ?)", identity.items())
        for name, value in (identity if known else {}).items():
            if known.get(name) != value:
                raise ValueError(
                    f"{self._path} holds the test of another {name}: it has {known.get(name)}, "
                    f"this one {value}; name a new store"
                )

    def results(self) -> dict[tuple[int, int], float]:
        """Return the results so far, by the number of the wiring and of the repetition."""
        with database.translated(self._path, _NULLS):
            query = "SELECT wiring, repetition, value FROM results"
            with closing(self._connection.execute(query)) as rows:
                found = {(wiring, repetition): value for wiring, repetition, value in rows}
            for value in found.values():
                if not (isinstance(value, float) and math.isfinite(value)):
                    raise ValueError(f"a result is {value!r:.80}")
        return found

    def add(self, wiring: int, repetition: int, value: float) -> None:
        """Store a result."""
        with database.translated(self._path, _NULLS), self._connection as connection:
            connection.execute("INSERT INTO results VALUES (?, ?, ?)", (wiring, repetition, value))

    def close(self) -> None:
        """Close the file; another process may then write."""
        self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
