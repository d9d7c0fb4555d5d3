"""The command, called within this process: its exit code, and what it printed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from commanding import Command, Done
from threadpoolctl import threadpool_limits

import minisnn as snn
from minisnn.command import full_speed, main, report


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Return a function that calls the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    for name in full_speed.SLOWED:  # with them it would start anew
        monkeypatch.delenv(name, raising=False)
    for pool in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):  # as --threads sets them
        monkeypatch.setenv(f"{pool}_THREADS", os.environ.get(f"{pool}_THREADS", "2"))

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = main([*map(str, arguments)])
        return Done(code, *capsys.readouterr())

    n_threads = snn.get_num_threads()
    with threadpool_limits():
        yield call
    snn.set_num_threads(n_threads)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reports have no pictures, which take longer than a training."""
    monkeypatch.setattr(report, "draw", lambda done, folder: {})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of 60 rows: the columns a, b and c, which are far from 0, a name, and a kind."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((60, 3)) * (10, 0.1, 3) + (500, -2, 0)
    kinds = np.where(values[:, 0] + 100 * values[:, 1] > 300, "over, much", "under")
    lines = ["a,name,b,kind,c"]
    for number, ((a, b, c), kind) in enumerate(zip(values.tolist(), kinds, strict=True)):
        lines.append(f'{a},n{number},{b},"{kind}",{c}')
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def net(tmp_path: Path) -> snn.MLP:
    """A network of the columns a, b and c for two classes, in net.npz."""
    net = snn.MLP(
        [snn.topology.biregular(3, 8, 4, seed=0), snn.topology.dense(8, 2)],
        activation="relu", output_activation="softmax", seed=0,
    )  # fmt: skip
    net.input_names, net.output_names = ("a", "b", "c"), ("over", "under")
    snn.save(net, tmp_path / "net.npz")
    return net
