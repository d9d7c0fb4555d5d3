"""A new data set is one new row of the table: for `load`, configurations and scripts."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx
from tiny_datasets import published, put

import minisnn as snn
from minisnn.datasets import load
from minisnn.datasets.table import TABLE, Row
from minisnn.experiments import Data, expand
from minisnn.experiments.datasets import load as load_for_runs


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Row:
    """A data set of three classes that is nothing but one more row."""
    row = Row(
        title="Toys",
        folders=("toys",),
        addresses=("https://example.org/toys/",),
        sums=dict.fromkeys(("a-images.gz", "a-labels.gz", "b-images.gz", "b-labels.gz"), ""),
        n_train=300,
        n_test=9,
        classes=("ball", "doll", "kite"),
        shape=(12, 13),
    )
    rng = np.random.default_rng(0)
    files = {}
    for images, labels in (("a-images.gz", "a-labels.gz"), ("b-images.gz", "b-labels.gz")):
        n = row.shapes[images][0]
        classes = np.arange(n) % 3
        pixels = rng.integers(0, 50, (n, *row.shape))
        pixels[np.arange(n), classes] += 200  # a bright line tells which
        files |= {images: idx(pixels), labels: idx(classes)}
    row, packed = published(row, files)
    monkeypatch.setitem(TABLE, "toy", row)
    put(folder, row, packed)
    return row


def test_a_new_row_is_all_that_a_data_set_takes(toy: Row) -> None:
    data = load("toy")
    assert data.train_images.shape == (300, 156)
    net = snn.MLP(
        [snn.topology.constant_degree(156, 15, 6), snn.topology.dense(15, len(data.classes))],
        activation="relu", output_activation="softmax", seed=0,
    )  # fmt: skip
    snn.train(
        net, data.train_images, data.train_labels, optimizer="adam", epochs=60, batch_size=20,
        input_scale=1 / 255, seed=0, progress=False,
    )  # fmt: skip
    found = snn.evaluate(net, data.test_images, data.test_labels, input_scale=1 / 255)
    assert found.accuracy == 1

    shuffled = load_for_runs("toy_shuffled")
    assert (shuffled.train_images != data.train_images).any()
    assert (np.sort(shuffled.train_images) == np.sort(data.train_images)).all()
    (run,) = expand(
        {
            "base": {
                "data": {"name": "toy", "samples": 30},
                "hidden": [15],
                "layers": [{"topology": "dense"}, {"topology": "dense"}],
                "optimizer": {"peak": 1.0},
                "epochs": 1,
            }
        }
    )
    assert run.shapes == [(156, 15), (15, 3)]
    with pytest.raises(ValueError, match="at most 300, the training samples of toy, got 301"):
        Data(name="toy", samples=301)


@pytest.mark.slow
def test_a_new_row_is_an_option_of_the_scripts(
    toy: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import compare_baselines
    import compare_estimators
    import run_mnist

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the program sets it
    common = ["--data", "toy", "--epochs", "2"]
    options = ["--hidden", "15", "--degree", "6", "--output", str(tmp_path / "out")]
    assert run_mnist.main([*common, *options]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["data"].startswith("full Toys from MINISNN_DATA=")
    assert summary["networks"][1]["n_connections"] == 156 * 15 + 15 * 3
    assert "Data: full Toys from" in capsys.readouterr().out
    snn.save(snn.MLP([snn.topology.dense(156, 10)]), tmp_path / "net.npz")
    with pytest.raises(ValueError, match="a network for Toys is an MLP of 156 inputs"):
        run_mnist.main([*common, "--load", str(tmp_path / "net.npz")])
    compare_baselines.main(common)
    assert "Toys, 300 images, at" in capsys.readouterr().out
    pytest.importorskip("sklearn")
    compare_estimators.main([*common, "--hidden", "15", "--seeds", "0"])
    assert "Toys, 156-15-3, 300 images, 2 epochs" in capsys.readouterr().out
