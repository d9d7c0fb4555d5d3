"""``minisnn export``: C, ONNX, and arrays that NumPy alone predicts from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commanding import Command

import minisnn as snn


def test_export_to_c(command: Command, net: snn.MLP) -> None:
    done = command("export", "net.npz", "model.c")
    assert done.out == f"model.c: {Path('model.c').stat().st_size:,} bytes\n"
    snn.export_c(net, "other.c")
    assert Path("model.c").read_bytes().replace(b"model", b"other") == Path("other.c").read_bytes()
    done = command("export", "net.npz", "small.c", "--int8", "--json")
    assert json.loads(done.out)["bytes"] == Path("small.c").stat().st_size
    assert "int8_t" in Path("small.c").read_text(encoding="ascii")


def test_export_to_onnx(command: Command, net: snn.MLP) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    assert command("export", "net.npz", "model.onnx", "--dense").code == 0
    session = runtime.InferenceSession("model.onnx")
    X = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(session.run(None, {"inputs": X})[0], net.predict(X), rtol=1e-5)


ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
}


def predict_from_arrays(path: str, X: Any) -> Any:
    """Predict with what export wrote, as its documentation says, with NumPy alone."""
    with np.load(path) as file:
        rows = X[:, file["inputs"]]
        for k in range(1, int(file["sums"]) + 1):
            data, indices, indptr, shape = (
                file[f"{k}_weights_{part}"] for part in ("data", "indices", "indptr", "shape")
            )
            weights = np.zeros(shape)
            weights[np.repeat(np.arange(shape[0]), np.diff(indptr)), indices] = data
            reads = int(file[f"{k}_reads"])
            assert rows.shape[1] == int(file[f"{k}_row"])
            z = rows[:, reads : reads + shape[1]] @ weights.T + file[f"{k}_biases"]
            rows = np.hstack([rows, ACTIVATIONS[str(file[f"{k}_activation"])](z)])
        return rows[:, file["outputs"]]


def test_export_to_arrays(command: Command, net: snn.MLP, rng: np.random.Generator) -> None:
    edges = [("a", "p"), ("b", "p"), ("b", "out"), ("p", "out"), ("p", "early")]
    wiring = snn.wiring.from_edges(edges, outputs=["out", "early", "p"]).with_units(1)
    networks: list[Any] = [net, snn.Network(wiring, activation="tanh", seed=0)]
    for each in networks:
        snn.save(each, "net.npz")
        assert command("export", "net.npz", "arrays.npz").code == 0
        X = rng.standard_normal((5, each.n_in))
        np.testing.assert_allclose(
            predict_from_arrays("arrays.npz", X), each.predict(X), rtol=1e-4, atol=1e-6
        )
        with np.load("arrays.npz") as file:
            assert tuple(file["output_names"]) == each.output_names
