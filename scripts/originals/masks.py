"""Masks in PyTorch, as modules are written with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minisnn as snn

from .base import Case, difference, module

WIDTHS, DEGREE = (784, 1000, 10), 100  # a tenth of the connections
SAMPLES, BATCH, RATE = 4096, 128, 0.001


def case(threads: int) -> Case:
    """Return a sparse layer and ten classes: by `prune`, and by a product with the mask."""
    torch = module("torch", "torch")
    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((SAMPLES, WIDTHS[0]), dtype=np.float32)
    labels = rng.integers(0, WIDTHS[-1], SAMPLES)
    graph = snn.topology.constant_degree(*WIDTHS[:2], degree=DEGREE, seed=0)
    layers = [graph, snn.topology.dense(*WIDTHS[1:])]
    net = snn.MLP(layers, activation="relu", output_activation="softmax", seed=0)
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(labels))
    mask = graph.to_dense().T.astype(np.float32)

    differences: dict[str, float] = {}
    sides: dict[str, Callable[[int], None]] = {}
    for name, first in {"prune": _pruned, "weight * mask": _masked}.items():
        hidden, weight = first(torch, net.layers[0], torch.tensor(mask))
        last = torch.nn.Linear(*WIDTHS[1:])
        _copy(torch, net.layers[1].weights.reshape(last.weight.shape), last.weight)
        _copy(torch, net.layers[1].biases, last.bias)
        model = torch.nn.Sequential(hidden, torch.nn.ReLU(), last)
        outputs = model(data.tensors[0][:BATCH])
        torch.nn.functional.cross_entropy(outputs, data.tensors[1][:BATCH]).backward()
        ours = net.loss_and_gradients(X[:BATCH], labels[:BATCH])[1].weights[0]
        found = difference(ours, weight.grad.numpy()[mask != 0])
        differences[f"gradients, {name}"] = found
        sides[name] = _training(torch, model, data)

    def here(epochs: int) -> None:
        snn.train(net, X, labels, optimizer=snn.Adam(RATE), batch_size=BATCH, epochs=epochs)

    title = f"{net}\n{SAMPLES} samples, batch {BATCH}"
    return Case(title, differences, {**sides, "minisnn.train": here})


def _pruned(torch: Any, layer: Any, mask: Any) -> tuple[Any, Any]:
    linear = torch.nn.Linear(*WIDTHS[:2])
    _copy(torch, layer.biases, linear.bias)
    module("torch.nn.utils.prune", "torch").custom_from_mask(linear, "weight", mask)
    _copy(torch, layer.to_scipy().toarray().T, linear.weight_orig)
    return linear, linear.weight_orig


def _masked(torch: Any, layer: Any, mask: Any) -> tuple[Any, Any]:
    class Masked(torch.nn.Linear):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return torch.nn.functional.linear(x, self.weight * mask, self.bias)

    linear = Masked(*WIDTHS[:2])
    _copy(torch, layer.biases, linear.bias)
    _copy(torch, layer.to_scipy().toarray().T, linear.weight)
    return linear, linear.weight


def _copy(torch: Any, values: Any, parameter: Any) -> None:
    with torch.no_grad():
        parameter.copy_(torch.tensor(values))


def _training(torch: Any, model: Any, data: Any) -> Callable[[int], None]:
    """Return a loop of epochs over random batches of tensors: no DataLoader, which is slower."""
    optimizer = torch.optim.Adam(model.parameters(), RATE)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            for chosen in torch.randperm(len(data)).split(BATCH):
                X, labels = data[chosen]
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(X), labels).backward()
                optimizer.step()

    return train
