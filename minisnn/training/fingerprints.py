"""Fingerprints that identify a training, so that its checkpoint is not used for another.

Data goes in by a checksum, and so does the network's wiring (`SparseNetwork.fingerprint`).
"""

from __future__ import annotations

import numpy as np

from .._support.checksums import checksum
from ..network.samples import Samples
from ..network.tables import CSRTable, Table
from .optimizer import Optimizer


def of_samples(samples: Samples | None) -> str:
    """Return the fingerprint of samples."""
    if samples is None:
        return "none"
    tables, weighted = [samples.inputs, samples.targets], ""
    shapes = [
        f"{t.values.dtype} {(samples.n_samples, *t.values.shape[1:])}"
        + ", CSR" * isinstance(t, CSRTable)
        for t in tables
    ]
    if samples.weights is not None:
        weighted, tables = ", weighted", [*tables, Table(samples.weights, "sample_weight")]
    parts = (part for table in tables for part in samples.parts(table))
    return f"{' and '.join(shapes)}{weighted}, {checksum(parts)}"


def of_optimizer(optimizer: Optimizer, epochs: int) -> dict[str, str]:
    """Return the fingerprint of an optimiser: its options, and its future rates."""
    rates = np.array([optimizer.rate(epoch + 0.5, epochs) for epoch in range(epochs)])
    options = {
        name: repr(value)
        for name, value in vars(optimizer).items()
        if name != "learning_rate" and (name, value) != ("l1", 0.0)  # older checkpoints lack it
    }
    about = f"{rates[0]:g} in the first epoch, {rates[-1]:g} in the last, {checksum([rates])}"
    return {"optimizer": type(optimizer).__name__, **options, "learning_rate": about}


def of_attributes(thing: object) -> str:
    """Return the fingerprint of an object that is described by its attributes alone."""
    values = [
        checksum([value]) if isinstance(value, np.ndarray) else repr(value)
        for name, value in vars(thing).items()
        if name != "seed"  # what was drawn with it is there
    ]
    return f"{thing!r} {' '.join(values)}"
