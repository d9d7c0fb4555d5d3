"""A pruned network in PyTorch, trained on: with PyTorch's masks, and with SparseLinear.

A dense network learns digits. Most of its weights are pruned by size, and the rest is trained on by
the same loop, in the manner of Keras's fit, once under the masks of torch.nn.utils.prune and once
after `SparseLinear.from_masked`. Both begin with the same weights, and end with about the same.
"""

import copy
from time import perf_counter

import torch
from torch.nn.utils import prune

import minisnn as snn
from minisnn.torch import SparseLinear


def fit(model, X, y, *, epochs, batch_size=128, learning_rate=0.05):
    """Train with Nesterov SGD; return the seconds of an epoch."""
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9, nesterov=True)
    generator = torch.Generator().manual_seed(0)
    started = perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
    return (perf_counter() - started) / epochs


def accuracy(model, X, y):
    """Return the share of digits that are right."""
    with torch.no_grad():
        return (model(X).argmax(dim=1) == y).float().mean().item()


def main(hidden=1000, density=0.05, epochs=5):
    """Print accuracy and time of the dense network, the pruned one, and both trained on."""
    digits = snn.datasets.load_mnist("sample")
    X, test = (torch.tensor(x) / 255 for x in (digits.train_images, digits.test_images))
    y, labels = (torch.tensor(x).long() for x in (digits.train_labels, digits.test_labels))
    torch.manual_seed(0)
    dense = torch.nn.Sequential(
        torch.nn.Linear(784, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10)
    )
    print(f"{'network':24}{'accuracy':>10}{'s per epoch':>12}")

    def show(name, model, seconds=None):
        time = "" if seconds is None else f"{seconds:.3f}"
        print(f"{name:24}{accuracy(model, test, labels):>10.3f}{time:>12}")

    show("dense", dense, fit(dense, X, y, epochs=epochs))
    prune.l1_unstructured(dense[0], "weight", amount=1 - density)
    show(f"pruned to {density:.0%}", dense)
    sparse = copy.deepcopy(dense)
    sparse[0] = SparseLinear.from_masked(sparse[0])  # all else stays as it is
    show("trained on, masks", dense, fit(dense, X, y, epochs=epochs))
    show("trained on, SparseLinear", sparse, fit(sparse, X, y, epochs=epochs))


if __name__ == "__main__":
    main()
