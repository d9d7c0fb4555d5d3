"""Compiles what most tests run, for the cache; conftest.py has it done beside the first tests."""

from __future__ import annotations

import numpy as np

import minisnn as snn
from minisnn.kernels.plan import TILES
from minisnn.kernels.vector import lanes_of

for dtype in (np.float32, np.float64):
    net = snn.MLP([snn.topology.dense(3, 2)], dtype=dtype)
    for n_samples in (*(lanes_of(dtype, registers) for registers in TILES), 1):
        net.predict(np.zeros((n_samples, 3)))
