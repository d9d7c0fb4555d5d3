"""Neural networks whose wiring is sparse and fixed before training.

Examples
--------
>>> import minisnn as snn
>>> graph = snn.topology.fibonacci_rotating(784, 1000, degree=40)
>>> net = snn.MLP([graph, snn.topology.dense(1000, 10)], seed=0)

`minisnn.train` trains it, `MLP.predict` and `minisnn.evaluate` use it, and `minisnn.callbacks`
follow a training. `minisnn.save` and `minisnn.load` are for files; `minisnn.interchange` imports
from other programs and exports to them. Data sets are in `minisnn.datasets`, other ways to train
few weights in `minisnn.baselines`. `minisnn.attribution` says what an output comes from,
`minisnn.spectral` measures graphs, `minisnn.plots` draws them, `minisnn.experiments` trains many
networks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _checkout, callbacks, datasets, interchange, topology, wiring  # noqa: F401
from ._support.archive import FileFormatError
from ._version import __version__
from .interchange import export_c, export_onnx, from_state_dict, from_weights, to_torch
from .interchange.network_file import load, load_optimizer_state, save
from .kernels.machine.threads import get_num_threads, set_num_threads
from .measurement.machine import show_machine
from .network.batch_norm import BatchNorm
from .network.evaluation import Evaluation, evaluate
from .network.gradients import Gradients
from .network.layer import Layer
from .network.mlp import MLP
from .network.network import Network
from .network.tables import DataError
from .network.topology_warnings import DeadNeuronWarning, RepeatedGraphWarning
from .topology.graph import Topology
from .training.constraints import Constraints
from .training.history import Epoch, History
from .training.optimizer_state import OptimizerState
from .training.optimizers import *  # noqa: F403
from .training.optimizers import PUBLIC as _OPTIMIZERS
from .training.schedules import CosineDecay, StepDecay, WarmUp, WarmUpDecay
from .training.train import train

if TYPE_CHECKING:
    from . import attribution, baselines, experiments, plots, spectral

__all__ = [
    "MLP",
    "BatchNorm",
    "Constraints",
    "CosineDecay",
    "DataError",
    "DeadNeuronWarning",
    "Epoch",
    "Evaluation",
    "FileFormatError",
    "Gradients",
    "History",
    "Layer",
    "Network",
    "OptimizerState",
    "RepeatedGraphWarning",
    "StepDecay",
    "Topology",
    "WarmUp",
    "WarmUpDecay",
    "__version__",
    "attribution",
    "baselines",
    "callbacks",
    "datasets",
    "evaluate",
    "experiments",
    "export_c",
    "export_onnx",
    "from_state_dict",
    "from_weights",
    "get_num_threads",
    "interchange",
    "load",
    "load_optimizer_state",
    "plots",
    "save",
    "set_num_threads",
    "show_machine",
    "spectral",
    "to_torch",
    "topology",
    "train",
    "wiring",
]
if not TYPE_CHECKING:  # checkers cannot read a computed list; they go by the import
    __all__ = sorted([*__all__, *_OPTIMIZERS])


def __getattr__(name: str) -> Any:
    """Import these packages on first use: a program that only trains does not wait for them."""
    if name in ("attribution", "baselines", "experiments", "plots", "spectral"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, not those that this file imports."""
    return __all__
