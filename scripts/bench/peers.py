"""Other systems that do the same training step, each in the fastest form that was found for it.

The step: gather a batch from images of bytes and scale it by 1/255; a forward pass with a sigmoid
on every layer; the gradients of mean((A - T)²) over samples and outputs, T the one-hot labels; and
a Nesterov update in Keras's form, v ← mu·v - eta·g, w ← w + mu·v - eta·g. All in float32.

Nothing here imports minisnn, and packages of the extra `bench` are imported when a peer that needs
them is made. Measure each peer in a process of its own: the threads of a library's pool go on
spinning after its work, and take a core from the next one.
"""

from __future__ import annotations

from .base import Peer, Problem
from .jax_peer import JaxDense
from .numpy_peers import MKLCSR, NumPyDense, SciPyCSR
from .torch_peers import TorchCSR, TorchDense, TorchMasked
from .torch_sparse_peers import GradUtils, SparseLab

__all__ = [
    "MKLCSR",
    "PEERS",
    "GradUtils",
    "JaxDense",
    "NumPyDense",
    "Peer",
    "Problem",
    "SciPyCSR",
    "SparseLab",
    "TorchCSR",
    "TorchDense",
    "TorchMasked",
    "available",
]

PEERS: list[type[Peer]] = [
    NumPyDense, TorchDense, TorchMasked, JaxDense, TorchCSR, SparseLab, GradUtils, SciPyCSR, MKLCSR,
]  # fmt: skip


def available() -> list[type[Peer]]:
    """Return the peers whose packages are installed."""
    return [peer for peer in PEERS if peer.missing() is None]
