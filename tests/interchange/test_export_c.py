"""Export to C: compiled with the strictest warnings, and compared with Python."""

from __future__ import annotations

import re
import subprocess
from itertools import cycle
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from compiled_c import STRICT, predict

import minisnn as snn
from minisnn import topology
from minisnn.interchange.c_tables import narrowed, table
from minisnn.interchange.quantisation import quantised, with_quantised_weights

STRICT_CXX = ["-std=c++11", *(each for each in STRICT[1:] if "prototypes" not in each)]
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-13}
DTYPES = [np.float32, np.float64]
HIDDEN = sorted(set(naive.ACTIVATIONS) - {"softmax"})


GRAPHS = {
    "edges": [topology.constant_degree(50, 20, 4)],
    "equal degrees": [topology.biregular(300, 30, 3)],
    "empty rows": [topology.from_edges(9, 12, [[8, 1], [0, 1], [3, 10]]), topology.dense(12, 3)],
    "many inputs": [topology.from_edges(70_000, 2, [[69_999, 0], [5, 1]])],
    "complete": [topology.dense(50, 20)],
    "rotating": [topology.fibonacci_rotating(50, 20, 5)],
    "rotating, less than a turn": [topology.long_range_rotating(10, 300, 60)],
    "rotating, complete": [topology.regular_rotating(10, 7, 7)],
    "one neuron": [topology.rotating(4, 1, [0]), topology.dense(1, 2)],
    "four layers": [
        topology.fibonacci_rotating(50, 60, 5),
        topology.constant_degree(60, 400, 20),
        topology.dense(400, 30),
        topology.constant_degree(30, 10, 3),
    ],
}


@pytest.mark.filterwarnings("ignore::minisnn.DeadNeuronWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("kind", GRAPHS)
def test_outputs_are_those_of_python(
    gcc: str, tmp_path: Path, rng: np.random.Generator, kind: str, int8: bool, dtype: Any
) -> None:
    net = snn.MLP(GRAPHS[kind], seed=1, dtype=dtype)
    net.parameters[:] += rng.normal(scale=0.1, size=len(net.parameters))
    path = tmp_path / "model.c"
    computed = snn.export_c(net, path, int8=int8)
    assert (computed is net) == (not int8)
    X = rng.random((20, net.n_in)).astype(dtype)
    np.testing.assert_allclose(
        predict(gcc, path, X, net.n_out), computed.predict(X), atol=TOLERANCE[dtype], rtol=0
    )


@pytest.mark.parametrize(
    ("hidden", "output"), list(zip(cycle(HIDDEN), sorted(naive.ACTIVATIONS, reverse=True)))
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_activation(
    gcc: str, tmp_path: Path, rng: np.random.Generator, hidden: str, output: str, dtype: Any
) -> None:
    graphs = [topology.biregular(6, 9, 3), topology.dense(9, 5)]
    net = snn.MLP(graphs, dtype=dtype, activation=hidden, output_activation=output)
    path = tmp_path / "model.c"
    snn.export_c(net, path)
    X = (3 * rng.normal(size=(20, 6))).astype(dtype)
    W1, W2 = (layer.to_scipy().toarray().astype(np.float64) for layer in net.layers)
    expected = naive.ACTIVATIONS[output](naive.ACTIVATIONS[hidden](X @ W1) @ W2)
    np.testing.assert_allclose(
        predict(gcc, path, X, 5), expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype]
    )


def test_extreme_parameters(gcc: str, tmp_path: Path) -> None:
    """Numbers that are large, denormal, whole or negative zero come through as they are."""
    for dtype in DTYPES:
        info = np.finfo(dtype)
        values = [info.max, info.smallest_subnormal, -info.tiny, 3, -0.0, 1e-7, 123456789]
        graphs = [topology.from_dense(np.eye(7))]
        net = snn.MLP(graphs, dtype=dtype, output_activation="identity")
        net.layers[0].weights[:] = values
        path = tmp_path / "model.c"
        snn.export_c(net, path)
        outputs = np.diag(predict(gcc, path, np.eye(7, dtype=dtype), 7))
        np.testing.assert_array_equal(outputs, np.array(values, dtype))


def test_saturated_outputs(gcc: str, tmp_path: Path) -> None:
    net = snn.MLP([topology.dense(1, 2)])
    net.layers[0].weights[:] = 1e30, -1e30
    snn.export_c(net, tmp_path / "model.c")
    X = np.ones((1, 1), np.float32)
    assert predict(gcc, tmp_path / "model.c", X, 2).tolist() == [[1, 0]]
    net = snn.MLP([topology.dense(1, 2)], output_activation="softmax")
    for logits in ([-1000, -1001], [1001, 1000], [1e30, -1e30]):
        net.layers[0].weights[:] = logits
        snn.export_c(net, tmp_path / "model.c")
        expected = [1, 0] if logits[0] > 2000 else [1 / (1 + np.exp(-1)), 1 / (1 + np.e)]
        outputs = predict(gcc, tmp_path / "model.c", X, 2)[0]
        np.testing.assert_allclose(outputs, expected, rtol=1e-6)


MAIN = """\
#include <stdio.h>
{before}
int main(void)
{{
    float x[6], y[5];
    double u[6], v[4];
    for (int i = 0; i < 6; i++) {{
        x[i] = (float)i / 8;
        u[i] = i / 8.0;
    }}
    one_predict(x, y);
    two_predict(u, v);
    for (int i = 0; i < 5; i++)
        printf("%.17g\\n", (double)y[i]);
    for (int i = 0; i < 4; i++)
        printf("%.17g\\n", v[i]);
    return 0;
}}
"""
APART = "void one_predict(const float *, float *);\nvoid two_predict(const double *, double *);\n"
TOGETHER = '#include "one.c"\n#include "two.c"\n'
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.mark.parametrize(
    ("before", "options"),
    [
        pytest.param(APART, STRICT, id="linked"),
        pytest.param(TOGETHER, STRICT, id="included"),
        pytest.param(TOGETHER, STRICT_CXX, id="C++"),
        pytest.param(APART, SANITIZED, id="sanitized"),
    ],
)
def test_two_networks_in_one_program(
    gcc: str, tmp_path: Path, before: str, options: list[str]
) -> None:
    def compiled(*files: str) -> subprocess.CompletedProcess[str]:
        language = "c++" if options == STRICT_CXX else "c"
        command = [gcc, *options, "-x", language, *files, "-x", "none", "-o", "program", "-lm"]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    (tmp_path / "empty.c").write_text("int main(void) { return 0; }")
    if compiled("empty.c").returncode:
        pytest.skip(f"gcc cannot compile with {' '.join(options)}")
    single = snn.MLP([topology.biregular(6, 9, 3), topology.dense(9, 5)])
    graphs = [topology.fibonacci_rotating(6, 6, 3), topology.biregular(6, 4, 2)]
    double = snn.MLP(graphs, dtype=np.float64, activation="tanh", output_activation="softmax")
    nets = {"one": single, "two": double}
    for name, net in nets.items():
        snn.export_c(net, tmp_path / f"{name}.c")
    (tmp_path / "main.c").write_text(MAIN.format(before=before))
    done = compiled("main.c", *(f"{name}.c" for name in nets if before == APART))
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    X = np.arange(6)[None] / 8
    expected = np.concatenate([net.predict(X)[0].astype(float) for net in nets.values()])
    np.testing.assert_allclose([float(line) for line in ran.stdout.split()], expected, atol=1e-6)


def sizes(text: str) -> dict[str, tuple[str, int]]:
    found = re.findall(r"static const (\w+) (\w+)\[(\d+)\]", text)
    return {name: (kind, int(size)) for kind, name, size in found}


def test_tables_are_small(tmp_path: Path) -> None:
    path = tmp_path / "model.c"
    net = snn.MLP([topology.fibonacci_rotating(784, 1000, 150), topology.dense(1000, 10)])
    snn.export_c(net, path)
    assert sizes(path.read_text()) == {
        "weights_model_1": ("float", 117_600),
        "places_model_1": ("uint16_t", 150),
        "biases_model_1": ("float", 1000),
        "weights_model_2": ("float", 10_000),
        "biases_model_2": ("float", 10),
    }
    snn.export_c(net, path, int8=True)
    assert sizes(path.read_text())["weights_model_1"] == ("int8_t", 117_600)
    n_bytes = 117_600 + 2 * 150 + 8 * 1000 + 10_000 + 8 * 10
    assert f"Tables: {n_bytes} bytes, static memory: 4000 bytes." in path.read_text()
    net = snn.MLP([topology.constant_degree(200, 150, 5), topology.biregular(150, 50, 7)])
    snn.export_c(net, path)
    found = sizes(path.read_text())
    assert found["inputs_model_1"] == ("uint8_t", 1000)
    assert found["n_inputs_model_1"] == ("uint8_t", 150)
    assert "n_inputs_model_2" not in found


def test_narrow_types_and_literals() -> None:
    assert [narrowed([0, n]).dtype for n in (255, 256, 65_535, 65_536)] == [
        np.uint8, np.uint16, np.uint16, np.uint32,
    ]  # fmt: skip
    assert table("t", np.array([1, 0.1, -2e-9], np.float32)).splitlines()[1].split() == [
        "1.0f,", "0.100000001f,", "-1.99999994e-09f,",
    ]  # fmt: skip
    assert max(map(len, table("t", np.arange(1000.0) / 7).splitlines())) <= 100


# Weights as bytes


@pytest.mark.parametrize("dtype", DTYPES)
def test_quantised_weights(dtype: Any) -> None:
    mask = np.array([[1, 0, 1, 0], [1, 0, 1, 1], [1, 0, 0, 1]])  # one neuron has no edge
    net = snn.MLP.from_parameters(
        [topology.from_dense(mask)], np.array([1, -2, 0.5, 0, 0, 3, 3.01, 0, 0, 0, 0], dtype)
    )
    layer = net.layers[0]
    weights, scales = quantised(layer)
    assert weights.dtype == np.int8
    assert scales.dtype == dtype
    assert weights.tolist() == [64, -127, 32, 0, 0, 127, 127]
    np.testing.assert_allclose(scales, [2 / 127, 1, 1, 3.01 / 127], rtol=1e-6)
    twin = with_quantised_weights(net).layers[0]
    limits = np.repeat(scales, layer.topology.in_degrees) * 0.501
    assert (np.abs(twin.weights - layer.weights) <= limits).all()
    np.testing.assert_array_equal(with_quantised_weights(net).parameters[:7], twin.weights)
    assert net.parameters[1] == -2


def test_weights_too_small_for_a_scale() -> None:
    net = snn.MLP([topology.dense(1, 1)])
    net.layers[0].weights[:] = 1e-45
    weights, scales = quantised(net.layers[0])
    assert (weights.tolist(), scales.tolist()) == ([0], [1])


def test_what_bytes_cost_can_be_measured(tmp_path: Path, digits: Any) -> None:
    net = snn.MLP([topology.fibonacci_rotating(784, 100, 10), topology.dense(100, 10)])
    rounded = snn.export_c(net, tmp_path / "model.c", int8=True)
    X = digits.test_images[:100]
    difference = np.abs(
        rounded.predict(X, input_scale=1 / 255) - net.predict(X, input_scale=1 / 255)
    )
    assert 0 < difference.max() < 0.01


# Networks that cannot be written


@pytest.mark.parametrize("name", ["3d.c", "my-model.c", "a b.c", "model.tar.c", "naïve.c"])
def test_names_that_are_no_identifiers(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="begins that of a C function and must be an identifier"):
        snn.export_c(snn.MLP([topology.dense(2, 2)]), tmp_path / name)


def test_parameters_that_diverged(tmp_path: Path) -> None:
    net = snn.MLP([topology.dense(2, 2), topology.dense(2, 2)])
    for place in (net.layers[1].weights, net.layers[1].biases):
        place[0] = np.nan
        with pytest.raises(ValueError, match="weights or biases of layer 2 are NaN or inf"):
            snn.export_c(net, tmp_path / "model.c")
        place[0] = 0
    assert not list(tmp_path.iterdir())
