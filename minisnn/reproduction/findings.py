"""Experiments and their findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .._support.checks import as_list_of, check_kind
from ..experiments import Run
from ..topology.graph import Topology
from ..training.history import Epoch
from .charts import Chart, Heatmap
from .profiles import Profile
from .statistics import Interval, difference, mean, paired
from .trainings import MeasuredGraph, Training, key_of, measured, name_of


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
    """Results of trainings, by what was run.

    Parameters
    ----------
    trainings : sequence of Training
        Rows of one profile, from a store or from a file.
    graphs : sequence of MeasuredGraph
        Graphs that have been measured; others are measured when they are asked for.
    histories : function of the hash of a run, optional
        Returns its epochs; without it there are no curves over a training.
    """

    def __init__(
        self,
        trainings: Sequence[Training],
        graphs: Sequence[MeasuredGraph] = (),
        histories: Callable[[str], list[Epoch]] | None = None,
    ) -> None:
        rows = as_list_of(Training, trainings, "trainings")
        self._trainings = {row.run: row for row in rows if row.judged == "test"}
        self._graphs = {graph.graph: graph for graph in graphs}
        self._histories = histories

    @property
    def graphs(self) -> list[MeasuredGraph]:
        """All graphs that have been measured."""
        return list(self._graphs.values())

    def has(self, runs: Sequence[Run]) -> bool:
        """Return whether there are results of all runs."""
        return all(key_of(run) in self._trainings for run in as_list_of(Run, runs, "runs"))

    def training(self, run: Run) -> Training:
        """Return the row of a run.

        Raises
        ------
        LookupError
            If there is none.
        """
        key = key_of(check_kind(run, Run, "run"))
        if key not in self._trainings:
            raise LookupError(f"a run that this needs is missing: {key}")
        return self._trainings[key]

    def accuracies(self, runs: Sequence[Run], *, quarter: bool = False) -> list[float]:
        """Return the test accuracy of each run in per cent: after its last epoch, or a quarter."""
        rows = [self.training(run) for run in as_list_of(Run, runs, "runs")]
        return [100 * (row.quarter if quarter else row.accuracy) for row in rows]

    def accuracy(self, runs: Sequence[Run]) -> Interval:
        """Return the mean accuracy over seeds."""
        return mean(self.accuracies(runs))

    def weights(self, run: Run) -> int:
        """Return the number of a run's weights."""
        return self.training(run).weights

    def histories(self, runs: Sequence[Run]) -> list[list[Epoch]]:
        """Return the epochs of each run; of none where there is only the row of one of them."""
        runs = as_list_of(Run, runs, "runs")
        found = [] if self._histories is None else [self._histories(run.hash) for run in runs]
        return found if all(found) else []

    def spread(self, run: Run) -> tuple[float, float, float]:
        """Return lowest, highest and standard deviation of the first layer's trained weights."""
        row = self.training(run)
        return row.lowest, row.highest, row.deviation

    def measures(self, graph: Topology) -> MeasuredGraph:
        """Return the measures of a graph."""
        name = name_of(check_kind(graph, Topology, "graph"))
        if name not in self._graphs:
            self._graphs[name] = measured(graph)
        return self._graphs[name]


def gain(results: Results, left: Sequence[Run], right: Sequence[Run]) -> Interval:
    """Return how much more accurate the left runs are: paired where both have the same seeds."""
    values = results.accuracies(left), results.accuracies(right)
    same = [run.seed for run in left] == [run.seed for run in right]
    return (paired if same else difference)(*values)


def verdict(*claims: Sequence[int]) -> Answer:
    """Return that a statement holds if all that it claims surely does, everywhere.

    It fails if one of its claims surely does not, anywhere. What is not shown has not failed.

    Parameters
    ----------
    *claims : sequences of int
        From `statistics.sides`: 1 where a claim surely holds, -1 where its opposite does.
    """
    if all(side == 1 for claim in claims for side in claim):
        return Answer.HOLDS
    failed = any(all(side == -1 for side in claim) for claim in claims)
    return Answer.FAILS if failed else Answer.OPEN


def counted_sides(decided: Sequence[int]) -> str:
    """Return how many are better, undecided and worse, in words."""
    counts = [sum(side == sign for side in decided) for sign in (1, 0, -1)]
    return (
        f"{counts[0]} of {len(decided)} are surely better, {counts[2]} surely worse, {counts[1]} "
        f"undecided (95 %, by Holm's method for {len(decided)} tests)"
    )
