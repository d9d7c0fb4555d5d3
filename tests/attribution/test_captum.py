"""Attributions against Captum's, of a masked twin in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import attribution, topology

torch = pytest.importorskip("torch")
captum = pytest.importorskip("captum.attr")

STEPS = 48
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("p", "r"), ("a", "r"), ("q", "case"),
         ("r", "case"), ("c", "case"), ("r", "other")]  # fmt: skip


class Twin(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Levels of neurons, each a linear function, masked, of all neurons before it."""

    def __init__(self, weights: list[Any], biases: list[Any], last: Any) -> None:
        super().__init__()
        tensors = ([torch.tensor(value) for value in values] for values in (weights, biases))
        self.weights, self.biases = tensors
        hidden = [torch.nn.Tanh() for _ in weights[:-1]]
        self.levels = torch.nn.ModuleList([*hidden, last])

    def forward(self, X: Any) -> Any:
        for W, b, level in zip(self.weights, self.biases, self.levels, strict=True):
            new = level(X @ W.T + b)
            X = torch.cat([X, new], dim=1)
        return new


def of_network(real: Any) -> tuple[Any, Any]:
    """Edges skip levels; outputs are in the last one."""
    wiring = snn.wiring.from_edges(EDGES, outputs=["other", "case"])
    net = snn.Network(wiring.with_units(2), activation="tanh", seed=0, dtype=real)
    net.parameters[:] = np.random.default_rng(2).normal(0, 0.8, net.parameters.size)
    wiring = net.wiring
    place = {name: row for row, name in enumerate(wiring.neuron_names())}
    W, b = np.zeros((len(place), len(place)), real), np.zeros(len(place), real)
    for source, target, weight in net.weights_frame().itertuples(index=False):
        W[place[target], place[source]] = weight
    for target, bias in net.biases_frame().itertuples(index=False):
        b[place[target]] = bias
    starts = wiring.level_starts.tolist()
    spans = [slice(*starts[k : k + 2]) for k in range(1, len(starts) - 1)]
    weights = [W[span, : span.start] for span in spans]
    return net, Twin(weights, [b[span] for span in spans], torch.nn.Sigmoid())


def of_layers(real: Any) -> tuple[Any, Any]:
    graphs = [topology.biregular(5, 7, degree=4, seed=0), topology.dense(7, 2)]
    net = snn.MLP(graphs, activation="tanh", output_activation="softmax", seed=0, dtype=real)
    net.parameters[:] = np.random.default_rng(2).normal(0, 0.8, net.parameters.size)
    first, last = (layer.to_scipy().toarray() for layer in net.layers)
    weights = [first.T, np.hstack([np.zeros((2, 5), real), last.T])]
    biases = [layer.biases for layer in net.layers]
    return net, Twin(weights, biases, torch.nn.Softmax(dim=1))


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("made", [of_network, of_layers])
def test_captum_has_the_same(made: Any, real: Any) -> None:
    net, twin = made(real)
    rng = np.random.default_rng(0)
    X, baseline = (rng.normal(size=(n, net.n_in)).astype(real) for n in (6, 1))
    data, begin = torch.tensor(X, requires_grad=True), torch.tensor(baseline)
    # Of the network, outputs are in the order in which they were given; of the twin, of rows.
    output = 1
    np.testing.assert_allclose(twin(data).detach()[:, output], net.predict(X)[:, output], **CLOSE)
    options = {"baselines": begin, "target": output, "n_steps": STEPS, "method": "gausslegendre"}
    by_inputs = attribution.integrated_gradients(net, X, output, baseline[0], steps=STEPS)
    expected = captum.IntegratedGradients(twin).attribute(data, **options)
    np.testing.assert_allclose(by_inputs.values, expected.detach().numpy(), **CLOSE)
    at_end = attribution.gradient_times_input(net, X, output, np.zeros(net.n_in))
    expected = captum.InputXGradient(twin).attribute(data, target=output)
    np.testing.assert_allclose(at_end.values, expected.detach().numpy(), **CLOSE)
    through = attribution.conductance(net, X, output, baseline[0], steps=STEPS)
    neurons = np.repeat(through.levels, np.diff(through.starts))
    for level, module in enumerate(twin.levels[:-1], start=1):
        conductance = captum.NeuronConductance(twin, module)
        columns = np.flatnonzero(neurons == level)
        assert columns.size
        for k, column in enumerate(columns.tolist()):
            by_source = conductance.attribute(data, neuron_selector=k, **options)
            total = by_source.detach().numpy().sum(axis=1)
            np.testing.assert_allclose(through.by_unit[:, column], total, **CLOSE)
