"""Prediction, summaries, exports, the benchmark, the machine, completion, the command itself."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commanding import Command

import minisnn as snn
from minisnn.command import COMMANDS, bench


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


def test_show_a_network(command: Command, net: snn.MLP) -> None:
    done = command("show", "net.npz", "--output", "net.png")
    assert repr(net) in done.out
    assert "inputs: a, b, c" in done.out
    assert "biregular" in done.out
    assert Path("net.png").read_bytes()[:4] == b"\x89PNG"
    facts = json.loads(command("show", "net.npz", "--json").out)
    assert facts["connections"] == net.n_connections
    assert [layer["topology"] for layer in facts["layers"]] == ["biregular", "dense"]
    net.parameters[0] = np.nan
    snn.save(net, "net.npz")
    assert "weights or biases are NaN or inf" in command("show", "net.npz").out


def test_show_a_wiring(command: Command) -> None:
    Path("sets.gmt").write_text("p\tx\ta\tb\nq\tx\tb\n", encoding="utf-8")
    done = command("show", "sets.gmt", "--output", "sets.svg")
    assert "Wiring(2 inputs, 2 outputs, 1 level," in done.out
    assert Path("sets.svg").read_text(encoding="utf-8").startswith("<?xml")
    facts = json.loads(command("show", "sets.gmt", "--json").out)
    assert (facts["inputs"], facts["outputs"], facts["edges"]) == (2, ["p", "q"], 3)
    snn.save(snn.Network(snn.wiring.from_edges("sets.gmt"), seed=0), "net.npz")
    assert "inputs: a, b" in command("show", "net.npz").out
    facts = json.loads(command("show", "net.npz", "--json").out)
    assert facts["wiring"]["terms"] == 4


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


def test_the_benchmark(command: Command) -> None:
    small = "bench", "--inputs", "30", "--hidden", "40", "--outputs", "2", "--steps", "1"
    done = command(*small, "--batch-size", "16", "--output", "bench.png")
    assert done.code == 0, done.err
    assert "training 30-40-2 is " in done.out
    assert "dense, on BLAS" in done.out
    assert Path("bench.png").read_bytes()[:4] == b"\x89PNG"
    result = json.loads(command(*small, "--batch-size", "16", "--json", "--threads", "1").out)
    assert result["density"][-1] == 1
    assert len(result["microseconds"]) == len(result["density"])
    assert result["environment"]["threads"] == 1


@pytest.mark.parametrize(
    ("sparse", "density", "said"),
    [
        ([1, 2, 4], None, "faster sparse than dense at all densities up to 80 %."),
        ([11, 12, 14], 0.0, "slower sparse than dense at all densities from 10 %."),
        ([8, 9, 11], 0.6, "faster sparse than dense below 60 % of the connections"),
    ],
)
def test_break_even(sparse: list[float], density: float | None, said: str) -> None:
    densities = np.array([0.1, 0.4, 0.8])
    found = bench.break_even(densities, np.array(sparse, float), 10.0)
    assert found == (None if density is None else pytest.approx(density))
    result: dict[str, Any] = {
        "widths": [3, 4, 2], "batch_size": 8, "break_even_density": found,
        "density": [*densities, 1.0], "microseconds": [*sparse, 10.0],
    }  # fmt: skip
    assert said in bench.sentence(result)
    assert len(bench.plot(result).axes) == 1


def test_the_machine(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    printed = command("machine").out
    snn.show_machine()
    assert printed == capsys.readouterr().out
    facts = json.loads(command("machine", "--json").out)
    assert facts["versions"]["minisnn"] == snn.__version__
    assert len(facts["BLAS"]) == sum(len(v) > 0 for v in facts["BLAS"].values())


def test_completion_in_bash(command: Command) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    Path("completion").write_text(command("completion", "bash").out, encoding="utf-8")
    assert command("completion", "zsh").out.startswith("autoload")

    def completed(*words: str) -> list[str]:
        typed = " ".join(f'"{word}"' for word in words)
        program = (
            f"source completion; COMP_WORDS=(minisnn {typed}); COMP_CWORD={len(words)}; _minisnn; "
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            [bash, "-c", program], capture_output=True, text=True, check=True, encoding="utf-8"
        )
        return done.stdout.split()

    assert completed("") == list(COMMANDS)
    assert completed("tr") == ["train"]
    assert completed("train", "--targ") == ["--target"]
    assert completed("train", "--activation", "le") == ["leaky_relu"]
    assert completed("mnist", "--dat") == ["--data"]
    assert completed("train", "file.") == [], "a file's name is the shell's"


@pytest.mark.parametrize("name", [None, *COMMANDS])
@pytest.mark.parametrize("columns", ["80", "120"])
def test_help(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str | None, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = command(*([] if name is None else [name]), "--help")
    assert done.code == 0, done.err
    assert done.out.startswith("usage: minisnn")
    longest = max(len(line) for line in done.out.splitlines() if not line.startswith("  minisnn"))
    assert longest <= int(columns)
    if name is None:
        assert all(f"  {each} " in done.out for each in COMMANDS)


def test_wrong_commands(command: Command) -> None:
    assert command() == (2, "", "minisnn: error: the following arguments are required: COMMAND\n")
    done = command("trane")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("minisnn: error: argument COMMAND: invalid choice: 'trane'")
    assert done.err.endswith("; did you mean 'train'?\n")
    assert command("--version").out == f"minisnn {snn.__version__}\n"


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "minisnn", "show", "nothing.npz"],
        cwd=Path(snn.__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 2] No such file or directory: 'nothing.npz'\n"
