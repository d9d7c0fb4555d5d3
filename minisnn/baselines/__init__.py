"""Baselines for a fixed sparse topology: other ways to train few weights.

Fully connected networks of fewer neurons (`narrower`), pruning (`prune`), and matrices that are
functions of fewer parameters, each a `WeightMap`, in a `Reparametrised` network that
`train_reparametrised` trains with the same engine. `train_moving` trains sparse networks whose
edges change places between steps (SET, RigL). `compare` trains all of them beside a sparse network.
docs/baselines.md has the formulas and a table.
"""

from .comparison import BASELINES, Comparison, compare, format_table
from .drop_connect import DropConnect
from .hashed import Hashed
from .identity import Identity
from .low_rank import LowRank
from .moving import Move, Moving, train_moving
from .pruning import prune
from .reparametrised import Reparametrised, train_reparametrised
from .rewiring import Rewired, dense_twin, rewire
from .tensor_train import TensorTrain
from .toeplitz import Circulant, Toeplitz
from .weight_map import WeightMap
from .widths import Narrower, narrower

__all__ = [
    "BASELINES",
    "Circulant",
    "Comparison",
    "DropConnect",
    "Hashed",
    "Identity",
    "LowRank",
    "Move",
    "Moving",
    "Narrower",
    "Reparametrised",
    "Rewired",
    "TensorTrain",
    "Toeplitz",
    "WeightMap",
    "compare",
    "dense_twin",
    "format_table",
    "narrower",
    "prune",
    "rewire",
    "train_moving",
    "train_reparametrised",
]
