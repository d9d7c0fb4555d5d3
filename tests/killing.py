"""A program for tests: a training that is killed and resumed, again and again, until it is done.

``python killing.py FOLDER KILLS SEED`` forks a process that trains, kills it after a random time,
and forks the next one, which goes on from the checkpoint; after so many kills the last one may
finish. Forked processes have all imported and compiled, so that each has the whole of its short
life for training. Another one trained without interruption. FOLDER then holds the results of both,
``whole.npz`` and ``killed.npz``, their logs, and ``places.txt``: where the checkpoint stood after
each kill.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import minisnn as snn
from minisnn import loop, step
from minisnn.step import Stepper

EPOCHS, PACE, EVERY = 600, 0.0005, 0.01
"""Epochs of 22 steps; seconds for each step, and between checkpoints."""
STEPS, DELAY = 100, 0.04
"""At most so many steps are made from one kill to the next, and then so many seconds pass, in
which a step may be made or a checkpoint written. All kills come long before the training is done,
however slow the machine is."""


def train(epochs: int, log: Path, **options: Any) -> tuple[snn.MLP, snn.History, Any]:
    rng = np.random.default_rng(1)
    X = rng.random((200, 8), dtype=np.float32)
    Y = (X[:, 0] > X[:, 1] * rng.random(200)).astype(int)
    graphs = [snn.topology.constant_degree(8, 20, 10, seed=0), snn.topology.dense(20, 2)]
    net = snn.MLP(graphs, seed=3)
    stopping = snn.callbacks.EarlyStopping(EPOCHS, monitor="validation_loss")
    history = snn.train(
        net, X[:150], Y[:150], optimizer=snn.NesterovSGD(snn.WarmUpDecay(8.0)), batch_size=7,
        epochs=epochs, validation_data=(X[150:], Y[150:]), dropout=[0.0, 0.2], seed=4,
        callbacks=[stopping, snn.callbacks.CSVLog(log)], **options,
    )  # fmt: skip
    return net, history, stopping


def work(folder: Path, name: str, **options: Any) -> int:
    """Train in a process of its own; return its number."""
    process = os.fork()
    if process:
        return process
    net, history, stopping = train(EPOCHS, folder / f"{name}.csv", **options)
    np.savez(
        folder / f"{name}.npz",
        parameters=net.parameters,
        best=stopping.best_epoch,
        **{column: history.column(column) for column in ("loss", "validation_loss")},
    )
    os._exit(0)


def main(folder: Path, kills: int, seed: int) -> None:
    random.seed(seed)
    snn.set_num_threads(1)  # a process with threads should not fork
    loop._CHUNK_SECONDS, step._FIRST_CHUNK = 0.0, 1.0  # one step at a time
    run = Stepper.run
    train(1, folder / "compiling.csv")
    whole = work(folder, "whole")

    made, making = os.pipe()

    def slowly(self: Stepper, samples: Any, rates: Any) -> Any:
        os.write(making, b"." * (len(rates) > 0))
        time.sleep(PACE * len(rates))
        return run(self, samples, rates)

    path, places = folder / "checkpoint.npz", []
    Stepper.run = slowly
    for _ in range(kills):
        process = work(folder, "killed", checkpoint=path, checkpoint_every=EVERY, resume=True)
        left = random.randrange(STEPS) if random.random() < 0.8 else 0  # else it may be reading
        while left > 0:
            left -= len(os.read(made, left))
        time.sleep(random.uniform(0, DELAY))
        os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        assert os.WIFSIGNALED(status), "the training was over, or failed, before it was killed"
        os.write(making, b".")
        os.read(made, 2**16)  # what nobody has counted
        if path.exists():
            with np.load(path) as checkpoint:
                places.append(checkpoint["loop.place"][:2])
    Stepper.run = run
    last = work(folder, "killed", checkpoint=path, resume=True)
    for process in (whole, last):
        assert os.waitpid(process, 0)[1] == 0
    np.savetxt(folder / "places.txt", places, fmt="%d")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
