"""A small wiring with data of its own, and descriptions of runs of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sweeping import describe

import minisnn as snn
from minisnn.experiments import Arrays

GENES = [f"g{number}" for number in range(12)]
EDGES = [(gene, f"p{number % 3}") for number, gene in enumerate(GENES)]
EDGES += [("p0", "root"), ("p1", "root"), ("root", "case"), ("p2", "case"), ("g0", "case")]
WIRING = snn.wiring.from_edges(EDGES, inputs=GENES, outputs=["case", "root"])
OTHER = snn.wiring.from_edges([*EDGES, ("g1", "case")], inputs=GENES, outputs=["case", "root"])
LAYERS = [{"topology": "biregular", "degree": 2}, {"topology": "dense"}]


def table(n: int = 90, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, len(GENES))).astype(np.float32)
    return X, np.stack([X[:, :3].sum(1) > 0, X[:, 3:6].sum(1) > 0], axis=1).astype(np.float64)


def distance(targets: Any, outputs: Any) -> Any:
    return np.abs(targets - outputs).mean()


def arrays(**changes: Any) -> Arrays:
    X, Y = table()
    options = {"test_rows": np.arange(60, 90), "metrics": {"distance": distance}, **changes}
    return Arrays(options.pop("X", X), options.pop("Y", Y), **options)


def of_wiring(own: Arrays | None = None, **changes: Any) -> dict[str, Any]:
    """Return a description that a user would write."""
    return {
        "data": {"name": "genes", "arrays": own or arrays()},
        "wiring": {"name": "pathways", "graph": WIRING},
        "activation": "tanh",
        "loss": "binary_cross_entropy",
        "optimizer": {"name": "adam", "peak": 0.01},
        "batch_size": 20,
        "epochs": 2,
        **changes,
    }


def labelled(**changes: Any) -> dict[str, Any]:
    """Return a description of layers on labels of one's own."""
    data = arrays(Y=table()[1][:, 0].astype(int), metrics=None)
    about = {"data": {"name": "labels", "arrays": data}, "hidden": [6], "layers": LAYERS}
    return {**describe(), **about, **changes}
