"""Small trainings with optional checkpoints, and their failure after any step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisnn as snn

OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0))


def problem(n: int = 150) -> tuple[Any, Any]:
    X = np.random.default_rng(0).random((n, 12))
    return X, (X[:, 0] > X[:, 1]).astype(np.int64)


def make(seed: int = 0, dtype: Any = np.float64) -> snn.MLP:
    graphs = [snn.topology.constant_degree(12, 30, 8, seed=0), snn.topology.dense(30, 2)]
    return snn.MLP(graphs, seed=seed, dtype=dtype)


def train(net: snn.MLP, data: Any = None, **options: Any) -> snn.History:
    options = {"optimizer": OPTIMIZER, "epochs": 6, "batch_size": 40, "dropout": 0.2, **options}
    return snn.train(net, *(data or problem()), **options)


class Crash(Exception):
    pass


def crash_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training steps run one by one, and fail once so many were made."""
    from minisnn.training.trainer import Trainer

    monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    run, made = Trainer.steps, 0

    def failing(self: Any, samples: Any, rates: Any) -> Any:
        nonlocal made
        if made == steps and len(rates):
            raise Crash
        made += len(rates)
        return run(self, samples, rates)

    monkeypatch.setattr(Trainer, "steps", failing)
