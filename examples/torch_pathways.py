"""A pathway classifier in PyTorch: genes, pathways, processes, with BatchNorm1d between them.

Each pathway reads its genes, and each process its pathways, by a table of annotations. Here the
table is random, and one planted pathway decides. The same network is trained twice: with masks on
dense layers, as such networks usually are, and with SparseLinear in their place.
"""

from time import perf_counter

import numpy as np
import torch

import minisnn as snn
from minisnn.torch import SparseLinear


class MaskedLinear(torch.nn.Linear):
    """A dense layer whose weights are multiplied by a mask."""

    def __init__(self, graph):
        super().__init__(graph.n_in, graph.n_out)
        self.register_buffer("mask", torch.tensor(graph.to_dense().T, dtype=torch.float32))

    def forward(self, x):
        """Return the outputs."""
        return torch.nn.functional.linear(x, self.weight * self.mask, self.bias)


def classifier(layer, graphs):
    """Return layers of a kind, each with batch normalisation and tanh, and a score."""
    parts = []
    for graph in graphs:
        parts += [layer(graph), torch.nn.BatchNorm1d(graph.n_out), torch.nn.Tanh()]
    return torch.nn.Sequential(*parts, torch.nn.Linear(graphs[-1].n_out, 1))


def train(model, X, y, epochs, batch_size=128):
    """Train with Adam; return the seconds of an epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    started = perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            scores = model(X[rows])[:, 0]
            torch.nn.functional.binary_cross_entropy_with_logits(scores, y[rows]).backward()
            optimizer.step()
    return (perf_counter() - started) / epochs


def accuracy(model, X, y):
    """Return the share of samples on the right side, by running statistics."""
    model.eval()
    with torch.no_grad():
        right = (model(X)[:, 0] > 0) == (y > 0)
    return right.float().mean().item()


def main(genes=4000, pathways=800, processes=100, samples=3000, epochs=8):
    """Train both, and print their weights, accuracy on held-out samples and time."""
    graphs = [  # each pathway has 20 genes, each process 10 pathways
        snn.topology.biregular(genes, pathways, 20 * pathways // genes, seed=0),
        snn.topology.erdos_renyi(pathways, processes, 10 * processes / pathways, seed=1),
    ]
    rng = np.random.default_rng(0)
    expression = rng.standard_normal((samples + 1000, genes), dtype=np.float32)
    members = np.flatnonzero(graphs[0].to_dense()[:, 7])  # of the planted pathway
    case = expression[:, members].sum(axis=1) > 0
    X, y = torch.from_numpy(expression), torch.from_numpy(case.astype(np.float32))
    print(f"{'layers':16}{'weights':>10}{'accuracy':>10}{'s per epoch':>12}")
    for layer in (MaskedLinear, SparseLinear):
        torch.manual_seed(0)
        model = classifier(layer, graphs)
        seconds = train(model, X[:samples], y[:samples], epochs)
        weights = sum(part.weight.numel() for part in model if isinstance(part, layer))
        found = accuracy(model, X[samples:], y[samples:])
        print(f"{layer.__name__:16}{weights:>10,}{found:>10.3f}{seconds:>12.2f}")


if __name__ == "__main__":
    main()
