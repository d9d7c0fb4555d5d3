"""A program for tests: a training that is killed and resumed, again and again, until it is done.

``python killing.py FOLDER KILLS SEED`` trains without interruption, and then in forked processes,
which have all imported and compiled. Each goes on from the checkpoint and kills itself: after so
many steps and so many calls and returns of functions, drawn at random. So it depends on nothing
else where a life ends, in a step or in any line that writes or reads a checkpoint. After so many
kills the last process may finish. FOLDER then holds the results of both trainings, ``whole.npz``
and ``killed.npz``, their logs, and ``places.txt``: where the checkpoint stood after each kill.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import minisnn as snn
from minisnn.training import loop
from minisnn.training import trainer as training
from minisnn.training.trainer import Trainer

STEPS_AN_EPOCH = 22
STEPS, CALLS = 12, 7000
"""More than there are from one kill to the next. A step with its checkpoint makes some 4000 calls
and returns of functions, to go on from one takes 10,000."""


def train(epochs: int, log: Path, **options: Any) -> tuple[snn.MLP, snn.History, Any]:
    rng = np.random.default_rng(1)
    X = rng.random((200, 8), dtype=np.float32)
    Y = (X[:, 0] > X[:, 1] * rng.random(200)).astype(int)
    graphs = [snn.topology.constant_degree(8, 20, 10, seed=0), snn.topology.dense(20, 2)]
    net = snn.MLP(graphs, seed=3)
    stopping = snn.callbacks.EarlyStopping(epochs, monitor="validation_loss")
    history = snn.train(
        net, X[:150], Y[:150], optimizer=snn.NesterovSGD(snn.WarmUpDecay(8.0)), batch_size=7,
        epochs=epochs, validation_data=(X[150:], Y[150:]), dropout=[0.0, 0.2], seed=4,
        callbacks=[stopping, snn.callbacks.CSVLog(log)], **options,
    )  # fmt: skip
    return net, history, stopping


def work(epochs: int, folder: Path, name: str, **options: Any) -> None:
    """Train, and keep what comes of it."""
    net, history, stopping = train(epochs, folder / f"{name}.csv", **options)
    np.savez(
        folder / f"{name}.npz",
        parameters=net.parameters,
        best=stopping.best_epoch,
        **{column: history.column(column) for column in ("loss", "validation_loss")},
    )


def kill_after(steps: int, calls: int) -> None:
    """Have this process killed once so many steps are made, and then so many calls and returns."""
    run = Trainer.steps

    def count_calls(frame: FrameType, event: str, function: Any) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def count_steps(self: Trainer, samples: Any, rates: Any) -> Any:
        nonlocal steps
        losses = run(self, samples, rates)
        steps -= len(rates)
        if steps <= 0:
            sys.setprofile(count_calls)
        return losses

    Trainer.steps = count_steps
    if steps == 0:
        sys.setprofile(count_calls)


def main(folder: Path, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    snn.set_num_threads(1)  # a process with threads should not fork
    loop._CHUNK_SECONDS, training._FIRST_CHUNK = 0.0, 1.0  # one step at a time
    epochs = kills * (STEPS + 2) // STEPS_AN_EPOCH + 1  # more than they come to, all together
    work(epochs, folder, "whole")

    path, places = folder / "checkpoint.npz", []
    for _ in range(kills):
        place = draw.choice([0, draw.randrange(STEPS)]), draw.randrange(CALLS)
        process = os.fork()
        if not process:
            kill_after(*place)
            work(epochs, folder, "killed", checkpoint=path, checkpoint_every=0, resume=True)
            os._exit(0)
        status = os.waitpid(process, 0)[1]
        assert os.WIFSIGNALED(status), "the training was over, or failed, before it was killed"
        if path.exists():
            with np.load(path) as checkpoint:
                places.append(checkpoint["loop.place"][:2])
    work(epochs, folder, "killed", checkpoint=path, resume=True)
    np.savetxt(folder / "places.txt", places, fmt="%d")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
