"""Reproduction of the paper's experiments: networks, findings and a report.

`reproduce` trains the networks of a profile that are not trained yet, examines each experiment,
and writes charts and a report. Data flows one way: `profiles` set the size, `degrees`,
`comparisons` and `connectivity` define the networks of an experiment and examine their results,
`charts` and `report` present them.
"""

from .experiments import EXPERIMENTS, experiments_of, select
from .findings import Answer, Experiment, Finding, Results, Table
from .profiles import PROFILES, Profile
from .reproduce import reproduce

__all__ = [
    "EXPERIMENTS",
    "PROFILES",
    "Answer",
    "Experiment",
    "Finding",
    "Profile",
    "Results",
    "Table",
    "experiments_of",
    "reproduce",
    "select",
]
