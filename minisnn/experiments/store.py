"""Runs and their results in one SQLite file.

One process writes, any number may read meanwhile, on the same machine (SQLite's write-ahead log
does not work across a network file system). A run becomes *done* in the transaction that stores
its results: whenever the writer is killed, each run has either all of its results or none.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, fields
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from .._support.checks import as_list_of, check_flag, check_kind, check_path
from ..training.history import Epoch
from . import database
from .records import Figures, LayerWeights, Outcome, Record, Status, Versions
from .run import Run, read_settings
from .validation import convert

Row = TypeVar("Row")

_RUN = ["hash", "configuration", "status", "error", "started", "seconds"]
_VERSIONS, _FIGURES, _EPOCH, _LAYER = (
    [field.name for field in fields(kind) if field.name != "metrics"]
    for kind in (Versions, Figures, Epoch, LayerWeights)
)


class Store:
    """A store, open for reading, or for one sweep to write.

    Parameters
    ----------
    path : path
        The file.
    write : bool
        Whether to write: the file is then created if needed, and no other process can write until
        this one closes it. An empty file ``…-writer`` beside it is the lock.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no folder for it.
    BlockingIOError
        If another process is writing.
    FileFormatError
        If the file is not a store, is damaged or of a newer version (a ValueError). It is left as
        it is. Methods raise it, too, if they read such a part of it.
    OSError
        If it cannot be read, or written, such as on a full disk.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn.experiments import Store
    >>> path = pathlib.Path(tempfile.mkdtemp(), "runs.sqlite")
    >>> with Store(path, write=True) as store:
    ...     store.records()
    []
    """

    def __init__(self, path: str | PathLike[str], *, write: bool = False) -> None:
        self._path = Path(check_path(path))
        self._lock: sqlite3.Connection | None = None
        check_flag(write, "write")
        self._connection = database.connect(self._path, database.RUNS, write=write)
        if not write:
            return
        try:
            self._lock = database.lock(self._path)
            database.prepare(self._connection, self._path, database.RUNS)
            self.release()  # what a killed sweep left behind
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; another process may then write."""
        self._connection.close()
        if self._lock is not None:
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

    # Reading

    def records(self, runs: Sequence[Run] | None = None) -> list[Record]:
        """Return the records of these runs, or of all in the order of their addition.

        A run that the store does not know is pending.
        """
        columns = ", ".join(
            [f"runs.{name}" for name in _RUN + _VERSIONS] + [f"results.{name}" for name in _FIGURES]
        )
        wanted = None if runs is None else as_list_of(Run, runs, "runs")
        with database.translated(self._path, database.RUNS):
            query = f"SELECT {columns} FROM runs LEFT JOIN results USING (hash) ORDER BY runs.rowid"
            metrics = self._metrics()
            with closing(self._connection.execute(query)) as rows:
                known = {row[0]: _record(row, metrics.get(row[0], {})) for row in rows}
        if wanted is None:
            return list(known.values())
        return [known.get(run.hash) or _unknown(run) for run in wanted]

    def _metrics(self) -> dict[str, dict[str, float]]:
        """Return the metrics of all runs by their hashes."""
        found: dict[str, dict[str, float]] = {}
        if database.version_of(self._connection) == 1:  # and open for reading
            return found
        with closing(self._connection.execute("SELECT hash, name, value FROM metrics")) as rows:
            for run_hash, name, value in rows:
                found.setdefault(run_hash, {})[name] = value
        return found

    def history(self, run_hash: str) -> list[Epoch]:
        """Return the epochs of a run that is done; none of any other."""
        return self._rows("history", _EPOCH, run_hash, Epoch)

    def layers(self, run_hash: str) -> list[LayerWeights]:
        """Return the distribution of each layer's weights after a run that is done."""
        return self._rows("layers", _LAYER, run_hash, LayerWeights)

    def _rows(self, table: str, columns: list[str], run_hash: str, kind: type[Row]) -> list[Row]:
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE hash = ? ORDER BY {columns[0]}"
        check_kind(run_hash, str, "run_hash")
        with (
            database.translated(self._path, database.RUNS),
            closing(self._connection.execute(query, (run_hash,))) as rows,
        ):
            return [convert(dict(zip(columns, row, strict=True)), kind, table) for row in rows]

    # Writing

    def add(self, runs: Iterable[Run]) -> None:
        """Add runs as pending; those that the store knows stay as they are."""
        rows = [(run.hash, run.to_json()) for run in as_list_of(Run, runs, "runs")]
        with database.translated(self._path, database.RUNS), self._connection as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO runs (hash, configuration) VALUES (?, ?)", rows
            )

    def begin(self, run_hash: str) -> None:
        """Note that a run is under way."""
        check_kind(run_hash, str, "run_hash")
        with database.translated(self._path, database.RUNS), self._connection as connection:
            connection.execute(
                "UPDATE runs SET status = 'running' WHERE hash = ? AND status != 'done'",
                (run_hash,),
            )

    def finish(self, outcome: Outcome) -> None:
        """Store the result of a run, all of it or, if interrupted, nothing.

        A run that is done already stays as it is.
        """
        check_kind(outcome, Outcome, "outcome")
        status = Status.FAILED if outcome.figures is None else Status.DONE
        versions = ", ".join(f"{name} = ?" for name in _VERSIONS)
        with database.translated(self._path, database.RUNS), self._connection as connection:
            updated = connection.execute(
                f"UPDATE runs SET status = ?, error = ?, started = ?, seconds = ?, {versions} "
                "WHERE hash = ? AND status != 'done'",
                (
                    status.value,
                    outcome.error,
                    outcome.started,
                    outcome.seconds,
                    *astuple(outcome.versions),
                    outcome.hash,
                ),
            )
            if updated.rowcount == 0 or outcome.figures is None:
                return
            figures = outcome.figures
            _insert(connection, "results", _FIGURES, [figures], outcome.hash)
            _insert(connection, "history", _EPOCH, outcome.epochs, outcome.hash)
            _insert(connection, "layers", _LAYER, outcome.layers, outcome.hash)
            connection.executemany(
                "INSERT INTO metrics VALUES (?, ?, ?)",
                [(outcome.hash, name, value) for name, value in figures.metrics.items()],
            )

    def release(self) -> None:
        """Make running runs pending again: no process trains them any more."""
        with database.translated(self._path, database.RUNS), self._connection as connection:
            connection.execute("UPDATE runs SET status = 'pending' WHERE status = 'running'")


def _insert(
    connection: sqlite3.Connection,
    table: str,
    columns: list[str],
    items: Sequence[Any],
    run_hash: str,
) -> None:
    marks = ", ".join("?" * (1 + len(columns)))
    connection.executemany(
        f"INSERT INTO {table} (hash, {', '.join(columns)}) VALUES ({marks})",
        [(run_hash, *(getattr(item, name) for name in columns)) for item in items],
    )


def _record(row: Sequence[Any], metrics: Mapping[str, float]) -> Record:
    """Return a checked row: a column of SQLite may hold any type, whatever its declaration."""
    values = iter(row)
    known, versions, figures = (
        dict(zip(names, values, strict=False)) for names in (_RUN, _VERSIONS, _FIGURES)
    )
    text = convert(known["configuration"], str, "configuration")
    if hashlib.sha256(text.encode()).hexdigest() != known["hash"]:
        raise ValueError(f"the configuration of run {known['hash']!r:.80} has another SHA-256")
    known |= {"configuration": read_settings(text), "versions": versions}
    known["figures"] = None if figures["loss"] is None else {**figures, "metrics": metrics}
    return convert(known, Record, "a run")


def _unknown(run: Run) -> Record:
    settings = read_settings(run.to_json())
    return Record(run.hash, settings, Status.PENDING, None, None, None, Versions(), None)
