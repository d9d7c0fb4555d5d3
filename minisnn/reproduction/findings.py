"""Experiments and their findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from .._support.checks import as_list_of, check_kind
from ..experiments import Record, Run, Store
from ..experiments.records import Figures
from ..training.history import Epoch
from .charts import Chart, Heatmap
from .profiles import Profile
from .statistics import Interval, mean


class Answer(StrEnum):
    """Verdict on a statement of the paper."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "undecided"
    SHOWN = "shown"


@dataclass(frozen=True)
class Table:
    """Rows under a head; numbers are sorted as numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | float | Interval]]


@dataclass(frozen=True)
class Finding:
    """Result of an experiment.

    Parameters
    ----------
    answer : Answer
        To the paper's statement.
    reason : str
        Figures that decide it, in a sentence or two.
    charts, tables : sequences
        For the report.
    pictures : mapping of str to Matplotlib figure
        Figures that no chart can show, by the names of their files.
    """

    answer: Answer
    reason: str
    charts: Sequence[Chart | Heatmap] = ()
    tables: Sequence[Table] = ()
    pictures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """One of the paper's, or a control that it lacked.

    Parameters
    ----------
    key : str
        Such as "E2".
    title, statement : str
        Variation, and its effect according to the paper.
    runs : function of a Profile
        The networks that it needs.
    examine : function of a Profile and Results
        Function that examines their results.
    """

    key: str
    title: str
    statement: str
    runs: Callable[[Profile], list[Run]]
    examine: Callable[[Profile, Results], Finding]


class Results:
    """The stored results of runs, by what was run.

    Parameters
    ----------
    store : Store
        Open for reading.
    instead : mapping of str to Run
        By the hash of a run, another that takes its place.
    """

    def __init__(self, store: Store, instead: Mapping[str, Run] | None = None) -> None:
        self._store, self._instead = check_kind(store, Store, "store"), instead or {}
        self._records = {record.hash: record for record in store.records()}

    def record(self, run: Run) -> Record:
        """Return the record of a run.

        Raises
        ------
        LookupError
            If it has not been trained, or failed.
        """
        run = self._taken(check_kind(run, Run, "run"))
        record = self._records.get(run.hash)
        if record is None or record.figures is None:
            state = "is missing" if record is None else f"is {record.status}"
            error = f": {record.error.strip().splitlines()[-1]}" if record and record.error else ""
            raise LookupError(f"a run that this needs {state}{error}")
        return record

    def accuracies(self, runs: Sequence[Run]) -> list[float]:
        """Return the test accuracy of each run after its last epoch, in per cent."""
        return [
            100 * cast(float, self._figures(run).accuracy)  # of labels, so there is one
            for run in as_list_of(Run, runs, "runs")
        ]

    def accuracy(self, runs: Sequence[Run]) -> Interval:
        """Return the mean accuracy over seeds."""
        return mean(self.accuracies(runs))

    def weights(self, run: Run) -> int:
        """Return the number of a run's weights."""
        return self._figures(run).weights

    def history(self, run: Run) -> list[Epoch]:
        """Return the epochs of a run."""
        return self._store.history(self.record(run).hash)

    def spread(self, run: Run, layer: int) -> tuple[float, float, float]:
        """Return lowest, highest and standard deviation of a trained layer's weights."""
        of_layer = self._store.layers(self.record(run).hash)[layer - 1]
        return of_layer.lowest, of_layer.highest, of_layer.deviation

    def _taken(self, run: Run) -> Run:
        while run.hash in self._instead:
            run = self._instead[run.hash]
        return run

    def _figures(self, run: Run) -> Figures:
        figures = self.record(run).figures
        assert figures is not None  # record() has seen to it
        return figures
