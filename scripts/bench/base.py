"""Interface of every peer: the problem that it is given, and its operations."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

Array = npt.NDArray[Any]
Pairs = list[tuple[Array, Array]]  # for each layer, an array for the edges and one for the biases

NARROW = 64  # complete layers with no more outputs are dense in sparse peers too


@dataclass(frozen=True)
class Problem:
    """A network's initial state and the data that it is trained on.

    Attributes
    ----------
    images, labels
        Shapes (n_samples, n_inputs), uint8 or float32, and (n_samples,), int64.
    masks
        For each layer a CSR array of shape (n_outputs, n_inputs) with sorted indices, whose
        values are the initial weights in float32; a complete layer stores every value.
    biases
        For each layer the initial biases, shape (n_outputs,), float32.
    rate, momentum
        eta and mu.
    scale
        Factor on the images.
    """

    images: Array
    labels: Array
    masks: list[Any]
    biases: list[Array]
    rate: float
    momentum: float
    scale: float = 1 / 255


def edge_positions(mask: Any) -> Array:
    """Return where each edge lies in the flattened matrix, in CSR order."""
    rows = np.repeat(np.arange(mask.shape[0]), np.diff(mask.indptr))
    return rows * mask.shape[1] + mask.indices


def transposed_order(mask: Any) -> Any:
    """Return the transpose, with each edge's number in the CSR order of `mask` as its value."""
    return sparse.csr_array((np.arange(mask.nnz), mask.indices, mask.indptr), mask.shape).T.tocsr()


class Peer(ABC):
    """Another system, with a network of its own made from a problem.

    Parameters
    ----------
    problem
        Nothing in it is changed.
    threads
        Number of threads used inside `limits`.

    Attributes
    ----------
    name
        For tables.
    is_sparse
        Whether the time of a step depends on the density.
    keeps_edges
        Whether weights off the edges stay zero. If they do not, gradients agree with those of
        the sparse network in the first step alone, unless every layer is complete.

    Raises
    ------
    ImportError
        If a package is not installed.
    """

    name: ClassVar[str]
    is_sparse: ClassVar[bool] = False
    keeps_edges: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, threads: int) -> None:
        if package := self.missing():
            raise ImportError(
                f"the peer {self.name!r} needs {package}, which is not installed; "
                "get it with: pip install -e '.[bench]'"
            )
        self.problem, self.threads = problem, threads

    @classmethod
    def missing(cls) -> str | None:
        """Return the name of a package that is not installed, if there is one."""
        return next((name for name in cls.packages if importlib.util.find_spec(name) is None), None)

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let the libraries use `threads` threads; to be entered once for many steps."""
        with threadpool_limits(self.threads):
            yield

    @abstractmethod
    def step(self, samples: Array) -> None:
        """Train on the samples with these numbers, int64."""

    @abstractmethod
    def gradients(self, samples: Array) -> Pairs:
        """Return each layer's gradients of the weights, edges in CSR order, and of the biases."""

    @abstractmethod
    def parameters(self) -> Pairs:
        """Return copies of each layer's weights, edges in CSR order, and of its biases."""


class LayeredPeer(Peer):
    """A peer made of layers; arrays are feature-major, of shape (features, batch)."""

    layer: ClassVar[Any]
    dense_layer: ClassVar[Any]

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.layers: list[Any] = []
        for mask, bias in zip(problem.masks, problem.biases, strict=True):
            is_narrow = mask.nnz == mask.shape[0] * mask.shape[1] and mask.shape[0] <= NARROW
            self.layers.append((self.dense_layer if is_narrow else self.layer)(mask, bias, self))

    @abstractmethod
    def backward(self, samples: Array) -> Iterator[tuple[Any, Any, Any]]:
        """Yield layers, last first, with the gradients of pre-activations, and the inputs."""

    def step(self, samples: Array) -> None:
        """Train on the samples with these numbers, int64."""
        for layer, delta, inputs in self.backward(samples):
            layer.update(delta, inputs)

    def gradients(self, samples: Array) -> Pairs:
        """Return each layer's gradients of the weights, edges in CSR order, and of the biases."""
        return [
            (layer.on_edges(layer.weights_gradient(delta, inputs)), np.asarray(delta.sum(1)))
            for layer, delta, inputs in self.backward(samples)
        ][::-1]

    def parameters(self) -> Pairs:
        """Return copies of each layer's weights, edges in CSR order, and of its biases."""
        return [
            (layer.on_edges(layer.weights), np.asarray(layer.bias).copy()) for layer in self.layers
        ]
