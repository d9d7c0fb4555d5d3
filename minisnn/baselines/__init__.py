"""Baselines for a fixed sparse topology: other ways to train few weights.

Fully connected networks of fewer neurons (`narrower`), pruning (`prune`), and matrices that are
functions of fewer parameters, each a `WeightMap`, in a `Reparametrised` network that
`train_reparametrised` trains with the same engine. `compare` trains all of them beside a sparse
network. docs/baselines.md has the formulas and a table.
"""

from .comparison import BASELINES, Comparison, compare, format_table
from .drop_connect import DropConnect
from .hashed import Hashed
from .identity import Identity
from .low_rank import LowRank
from .pruning import prune
from .reparametrised import Reparametrised, train_reparametrised
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
    "Narrower",
    "Reparametrised",
    "TensorTrain",
    "Toeplitz",
    "WeightMap",
    "compare",
    "format_table",
    "narrower",
    "prune",
    "train_reparametrised",
]
