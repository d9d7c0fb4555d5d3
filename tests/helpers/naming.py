"""Small trainings on frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import minisnn as snn

NAMES = list("abcdefg")
N, N_IN, N_OUT = 24, len(NAMES), 3


def make(**options: Any) -> snn.MLP:
    graphs = [snn.topology.constant_degree(N_IN, 6, 3, seed=0), snn.topology.dense(6, N_OUT)]
    return snn.MLP(graphs, **{"seed": 1, "output_activation": "softmax", **options})


def frame(dtype: Any = np.float32, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).integers(0, 100, (N, N_IN)).astype(dtype)
    return pd.DataFrame(values, columns=NAMES)


LABELS = np.arange(N) % N_OUT


def trained(X: Any, Y: Any = LABELS, net: snn.MLP | None = None, **options: Any) -> snn.MLP:
    net = make() if net is None else net
    defaults = {"optimizer": "sgd", "batch_size": 7, "epochs": 2, "seed": 3, "input_scale": 0.01}
    snn.train(net, X, Y, **{**defaults, **options})
    return net
