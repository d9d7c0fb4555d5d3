"""``minisnn predict``: columns by name, labels and probabilities, amounts."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from commanding import Command

import minisnn as snn


def test_predictions_by_the_names_of_columns(command: Command, table: Path, net: snn.MLP) -> None:
    done = command("predict", "net.npz", table)
    assert done.code == 0, done.err
    header, *rows = csv.reader(io.StringIO(done.out))
    assert header == ["prediction", "probability of over", "probability of under"]
    with open(table, encoding="utf-8", newline="") as file:
        X = [[float(row[name]) for name in "abc"] for row in csv.DictReader(file)]
    outputs = net.predict(np.array(X))
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), outputs, rtol=1e-6)
    assert [row[0] for row in rows] == [("over", "under")[k] for k in outputs.argmax(axis=1)]
    to_file = command("predict", "net.npz", table, "--output", "p.json", "--json", "--threads", "1")
    assert (to_file.out, to_file.code) == ("", 0)
    assert "The predictions of 60 rows are in p.json" in to_file.err
    listed = json.loads(Path("p.json").read_text(encoding="utf-8"))
    assert [next(iter(row.values())) for row in listed] == [row[0] for row in rows]


def test_predictions_of_amounts_and_without_names(command: Command) -> None:
    net = snn.MLP([snn.topology.dense(2, 1)], output_activation="identity", seed=0)
    snn.save(net, "net.npz")
    np.save("X.npy", np.eye(2))
    done = command("predict", "net.npz", "X.npy")
    assert done.out.splitlines()[0] == "0"
    np.testing.assert_allclose(
        [float(line) for line in done.out.splitlines()[1:]], net.predict(np.eye(2))[:, 0], rtol=1e-6
    )


def test_names_of_a_wiring_that_are_numbers(command: Command) -> None:
    edges = [(30, "h"), (10, "h"), ("h", 7), (20, 7), (20, 5)]
    net = snn.Network(snn.wiring.from_edges(edges, outputs=[7, 5]), seed=0)
    snn.save(net, "net.npz")
    Path("t.csv").write_text("10,other,20,30\n1,x,2,3\n", encoding="utf-8")
    header, line = command("predict", "net.npz", "t.csv").out.splitlines()
    assert header == "7,5"
    expected = net.predict(np.array([[3.0, 1, 2]]))[0]
    np.testing.assert_allclose([float(text) for text in line.split(",")], expected, rtol=1e-6)
    same = snn.wiring.from_edges([(1, "h"), ("1", "h"), ("h", 2)])
    snn.save(snn.Network(same, seed=0), "same.npz")
    Path("two.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert command("predict", "same.npz", "two.csv").out.startswith("2\n")


@pytest.mark.usefixtures("undrawn")
def test_what_was_trained_is_predicted(command: Command, table: Path) -> None:
    """The columns in another order, and without the target: the labels come back."""
    assert command("train", table, "--target", "kind", "--ignore", "name", "--output", "net.npz",
                   "--hidden", "20").code == 0  # fmt: skip
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with open("turned.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["c", "b", "a"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    done = command("predict", "net.npz", "turned.csv")
    found = [row["prediction"] for row in csv.DictReader(io.StringIO(done.out))]
    assert np.mean([a == row["kind"] for a, row in zip(found, rows, strict=True)]) > 0.85
