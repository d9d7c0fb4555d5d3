"""Reproduction of the paper's experiments: networks, findings and a report.

`reproduce` trains the networks of a profile that are not trained yet, examines each experiment,
and writes charts and a report. Data flows one way: `profiles` say how large it is, `degrees`,
`comparisons` and `connectivity` which networks an experiment needs and what comes of them,
`charts` and `report` show it.
"""

from .experiments import EXPERIMENTS, select
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
    "reproduce",
    "select",
]
