"""The examples of CONTRIBUTING.md: made in a copy of the package, and trained with."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ["activation", "loss", "optimiser", "construction", "data set"]


def examples() -> dict[str, str]:
    """Return the changes by what they add."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.findall(r"^\*\*An? ([\w ]+)\*\*.*?^```diff\n(.*?)^```$", text, re.S | re.M)
    return dict(found)


def apply(change: str, folder: Path) -> list[str]:
    """Make a change that is given as a diff; return the files that it changed."""
    changed = []
    for part in re.split(r"^--- a/", change, flags=re.M)[1:]:
        head, *hunks = re.split(r"^@@\n", part, flags=re.M)
        name = head.splitlines()[0]
        assert head.splitlines()[1] == f"+++ b/{name}"
        text = (folder / name).read_text(encoding="utf-8")
        for hunk in hunks:
            lines = hunk.splitlines(keepends=True)
            assert all(line[0] in " +-\n" for line in lines), "a line that is none of a diff"
            old = "".join(line[1:] or line for line in lines if line[0] != "+")
            new = "".join(line[1:] or line for line in lines if line[0] != "-")
            # A last line may be the beginning of one that goes on in the file.
            assert text.count(old) == 1, f"{name} has not once what the example shows:\n{old}"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
        changed.append(name)
    return changed


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with all the changes."""
    folder = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("kernels", "data", "minisnn"):
        shutil.copytree(REPOSITORY / name, folder / name, symlinks=True, ignore=ignore)
    for change in examples().values():
        apply(change, folder)
    return folder


@pytest.fixture(scope="module")
def printed(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Output of each program, or its failure: run by the copy, in one process, uncompiled."""
    data = tmp_path_factory.mktemp("data")
    write_bars(data / "bars")
    environment = {
        **os.environ, "MINISNN_DATA": str(data), "PYTHONPATH": str(package),
        "NUMBA_DISABLE_JIT": "1",
    }  # fmt: skip
    programs = {name: f"{SETUP}\n{program}" for name, program in PROGRAMS.items()}
    result = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, cwd=package, input=json.dumps(programs),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


RUN = """
import contextlib, io, json, sys, traceback

printed = {}
for name, program in json.load(sys.stdin).items():
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            exec(program, {})
            print("done")
        except Exception:
            traceback.print_exc(file=text)
    printed[name] = text.getvalue()
print(json.dumps(printed))
"""

SETUP = """
import numpy as np
import minisnn as snn

rng = np.random.default_rng(0)
X = rng.random((40, 6))
Y = (X[:, :2] > 0.5).astype(float)
graphs = [snn.topology.constant_degree(6, 8, 3, seed=0), snn.topology.dense(8, 2)]

def learns(net, X=X, Y=Y, loss="mse", optimizer="adam", rate=0.02):
    optimizer = optimizer if not isinstance(optimizer, str) else snn.Adam(rate)
    options = dict(loss=loss, optimizer=optimizer, batch_size=10, progress=False, seed=0)
    before = snn.evaluate(net, X, Y, loss=loss).loss
    history = snn.train(net, X, Y, epochs=30, **options)
    assert history.column("loss")[-1] < 0.8 * before, (history.column("loss"), before)

def refusal(call):
    try:
        call()
    except (ValueError, TypeError) as error:
        print(error)
    else:
        raise AssertionError("not refused")
"""

PROGRAMS = {
    "activation": """
from minisnn.sklearn import SparseMLPClassifier

net = snn.MLP(graphs, activation="softsign", output_activation="softsign", seed=0, dtype="f8")
_, gradients = net.loss_and_gradients(X, Y, dropout=0.3, seed=1)
for k in (0, 5, 20, -1):  # central differences
    values = []
    for step in (1e-5, -2e-5):
        net.parameters[k] += step
        values.append(net.loss_and_gradients(X, Y, dropout=0.3, seed=1)[0])
    net.parameters[k] += 1e-5
    assert abs((values[0] - values[1]) / 2e-5 - gradients.parameters[k]) < 1e-6
learns(net)
snn.save(net, "net.npz")
np.testing.assert_array_equal(snn.load("net.npz").predict(X), net.predict(X))
snn.export_c(net, "net.c")
assert "1 + (z[i] < 0 ? -z[i] : z[i])" in open("net.c").read()
SparseMLPClassifier(activation="softsign", max_iter=2, random_state=0).fit(X, Y[:, 0])
refusal(lambda: snn.MLP(graphs, activation="soft"))
""",
    "loss": """
from minisnn.sklearn import SparseMLPRegressor

net = snn.MLP(graphs, output_activation="identity", seed=0, dtype="f8")
found = snn.evaluate(net, X, Y, loss="mae").loss
assert abs(found - np.abs(net.predict(X) - Y).mean()) < 1e-12
assert abs(found - net.loss_and_gradients(X, Y, loss="mae")[0]) < 1e-12
learns(net, loss="mae")
SparseMLPRegressor(loss="mae", max_iter=2, random_state=0).fit(X, Y[:, 0])
refusal(lambda: snn.evaluate(net, X, Y, loss="mea"))
softmax = snn.MLP(graphs, output_activation="softmax", seed=0)
refusal(lambda: snn.evaluate(softmax, X, Y, loss="mae"))
""",
    "optimiser": """
from minisnn.sklearn import SparseMLPClassifier

net = snn.MLP(graphs, seed=0)
learns(net, optimizer=snn.SignSGD(0.01, weight_decay=1e-4, l1=1e-4, clip_norm=1.0))
twins = [snn.MLP(graphs, seed=0) for _ in range(2)]
options = dict(batch_size=10, optimizer=snn.SignSGD(), seed=0, progress=False)
history = snn.train(twins[0], X, Y, epochs=3, **options)
snn.save(twins[0], "net.npz", optimizer_state=history.optimizer_state)
snn.load_optimizer_state("net.npz")

def stop(net, epoch):
    if epoch.epoch == 2:
        raise KeyError("stop")

try:
    snn.train(twins[1], X, Y, epochs=3, checkpoint="c.npz", callbacks=[stop], **options)
except KeyError:
    twins[1] = snn.MLP(graphs, seed=0)
    snn.train(twins[1], X, Y, epochs=3, checkpoint="c.npz", resume=True, **options)
np.testing.assert_array_equal(twins[1].parameters, twins[0].parameters)
SparseMLPClassifier(optimizer="sign_sgd", max_iter=2, random_state=0).fit(X, Y[:, 0])
refusal(lambda: snn.train(net, X, Y, optimizer="sign"))
refusal(lambda: snn.train(net, X, Y, optimizer=None))
""",
    "construction": """
net = snn.MLP([snn.topology.make("diagonal", 6, 8, 3), snn.topology.dense(8, 2)], seed=0)
learns(net)
snn.save(net, "net.npz")
assert snn.load("net.npz").topologies == net.topologies
assert snn.topology.diagonal(6, 8, 3).n_edges == 18
refusal(lambda: snn.topology.make("diagonals", 6, 8, 3))
""",
    "data set": """
bars = snn.datasets.load("bars")
graphs = [snn.topology.constant_degree(16, 30, 8, seed=0), snn.topology.dense(30, 2)]
net = snn.MLP(graphs, activation="relu", output_activation="softmax", seed=0)
learns(net, bars.train_images / 255, bars.train_labels, "cross_entropy", rate=0.05)
refusal(lambda: snn.datasets.load("bar"))
""",
}
SHOWN = {  # in messages
    "activation": ["one of softsign, sigmoid", "did you mean 'softsign'"],
    "loss": ["one of mse, huber, mae", "take 'cross_entropy'"],
    "optimiser": ["one of sign_sgd, nesterov", "or one of SignSGD, SGD, Adam"],
    "construction": [" diagonal, ", "did you mean 'diagonal'"],
    "data set": ["bars, mnist", "did you mean 'bars'"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_all_that_is_to_be_done(name: str, printed: dict[str, str]) -> None:
    assert printed[name].endswith("done\n"), printed[name]
    for words in SHOWN[name]:
        assert words in printed[name]


def write_bars(folder: Path) -> None:
    """Write the files of the data set: a line in each image, down or across."""
    folder.mkdir()
    labels = np.arange(8) % 2
    images = np.zeros((8, 4, 4), np.uint8)
    for number, image in enumerate(images):
        (image if labels[number] else image.T)[number // 2] = 255
    for part in ("train", "test"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))


def test_each_has_as_few_places_as_it_is_said(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "kernels", tmp_path / "kernels")
    shutil.copytree(REPOSITORY / "minisnn", tmp_path / "minisnn", symlinks=True)
    found = {name: len(apply(change, tmp_path)) for name, change in examples().items()}
    assert found == dict(zip(NAMES, (2, 2, 2, 1, 1), strict=True))
