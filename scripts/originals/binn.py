"""BINN: layers of Reactome's pathways, masked by `torch.nn.utils.prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import minisnn as snn

from .base import Case, difference, fill, module, quiet

BATCH, RATE = 32, 1e-4  # those of its README and of its trainer


def case(repository: Path, threads: int) -> Case:
    """Return its example: its README's data and options, without dropout."""
    binn = module("binn", "binn==0.1.1")
    torch, pandas = (module(name, name) for name in ("torch", "pandas"))
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    values = pandas.read_csv(repository / "binn" / "data" / "sample_datamatrix.csv")
    design = pandas.read_csv(repository / "binn" / "data" / "sample_design_matrix.tsv", sep="\t")
    with quiet():
        model = binn.BINN(data_matrix=values, network_source="reactome", n_layers=4)
        loaders = binn.BINNDataLoader(model).create_dataloaders(
            values, design, batch_size=BATCH, validation_split=0
        )
    X, labels = (part.numpy() for part in loaders["train"].dataset.tensors)
    net, masks = _network(model.layer_names, model.connectivity_matrices)
    linear = [layer for layer in model.layers if isinstance(layer, torch.nn.Linear)]
    parameters = [getattr(layer, "weight_orig", layer.weight) for layer in linear]
    weights = [_numbers(own)[mask] for own, mask in zip(parameters, masks, strict=True)]
    biases = [
        _numbers(layer.bias)[mask.any(axis=1)] for layer, mask in zip(linear, masks, strict=True)
    ]
    fill(net, np.concatenate(weights), np.concatenate(biases))

    torch.nn.functional.cross_entropy(model(torch.tensor(X)), torch.tensor(labels)).backward()
    ours = net.loss_and_gradients(X, labels)[1].weights
    differences = {
        f"gradients of layer {number}": difference(mine, own.grad.numpy()[mask])
        for number, (mine, own, mask) in enumerate(zip(ours, parameters, masks, strict=True), 1)
    }

    def original(epochs: int) -> None:
        with quiet():
            binn.BINNTrainer(model).fit(loaders, num_epochs=epochs, learning_rate=RATE)

    def here(epochs: int) -> None:
        snn.train(net, X, labels, optimizer=snn.Adam(RATE), batch_size=BATCH, epochs=epochs)

    title = (
        f"{net}\n{len(X)} samples, batch {BATCH}; BINN holds "
        f"{sum(layer.weight.numel() for layer in linear)} weights and masks for them"
    )
    return Case(title, differences, {"binn.BINNTrainer.fit": original, "minisnn.train": here})


def _network(layers: list[list[str]], matrices: list[Any]) -> tuple[snn.Network, list[Any]]:
    """Return the same network, and the mask of each of BINN's layers, (n_out, n_in).

    Names come again in several layers, so the number of the layer is added. Pathways that no
    protein reaches have no place in a wiring; their sums are 0 here and there.
    """
    names = [[(number, name) for name in layer] for number, layer in enumerate(layers)]
    names.append([(len(layers), "class 0"), (len(layers), "class 1")])
    masks = [matrix.to_numpy().T != 0 for matrix in matrices[: len(layers) - 1]]
    masks.append(np.ones((2, len(layers[-1])), bool))
    reached = np.ones(len(layers[0]), bool)
    parts = []
    for mask in masks:
        mask &= reached
        after = mask.any(axis=1)
        parts.append(mask[np.ix_(after, reached)].T)
        reached = after
    kept = [
        [name for name, mine in zip(layer, part, strict=True) if mine]
        for layer, part in zip(names[1:], [mask.any(axis=1) for mask in masks], strict=True)
    ]
    wiring = snn.wiring.from_matrices(parts, [names[0], *kept])
    net = snn.Network(
        wiring, activation="tanh", output_activation="softmax", batch_norm=True, seed=0
    )
    return net, masks


def _numbers(tensor: Any) -> Any:
    return tensor.detach().numpy()
