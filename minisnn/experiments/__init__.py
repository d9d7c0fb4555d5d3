"""Sweeps: many training runs, each described by a configuration, their results in one file.

Data flows one way: a description (`read_description`, or a mapping) is expanded to
configurations (`expand` gives each a `Run`), a runner trains them (`here`, `processes`,
`cluster`), `sweep` puts what comes back into a `Store`, and the store is listed or exported.

Runs take arrays of your own (`Arrays`) and any wiring between names (`NamedWiring`), too.
`wiring_test` trains with a wiring and with null models of it, by a function of your own.

Examples
--------
>>> from minisnn import experiments
>>> runs = experiments.expand(
...     {
...         "base": {
...             "data": {"name": "mnist_sample", "samples": 300},
...             "hidden": [100],
...             "layers": [{"topology": "constant_degree", "degree": 5}, {"topology": "dense"}],
...             "optimizer": {"peak": 2.0},
...         },
...         "grid": {"layers.0.degree": [5, 10, 20], "seed": [0, 1]},
...     }
... )
>>> len(runs)
6
"""

from .arrays import Arrays
from .datasets import Data
from .description import read_description
from .grid import expand
from .layers import Wiring
from .null_models import wiring_test
from .null_result import NullTest
from .optimizer import Optimizer
from .records import Record, Status
from .reports import format_records, records_frame, write_csv, write_parquet
from .run import Run
from .runners import cluster, here, processes
from .store import Store
from .sweeps import Summary, sweep
from .wirings import NamedWiring

__all__ = [
    "Arrays",
    "Data",
    "NamedWiring",
    "NullTest",
    "Optimizer",
    "Record",
    "Run",
    "Status",
    "Store",
    "Summary",
    "Wiring",
    "cluster",
    "expand",
    "format_records",
    "here",
    "processes",
    "read_description",
    "records_frame",
    "sweep",
    "wiring_test",
    "write_csv",
    "write_parquet",
]
