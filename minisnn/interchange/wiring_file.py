"""Networks of a wiring in the archives of `minisnn.interchange.network_file`.

The header holds the activations, the number of inputs, the seed of the initial weights if it is
known, and the batch normalisation of each level if there is any. ``terms`` and ``outputs`` are
names, JSON in arrays of bytes; ``units`` has the neurons of each term; ``sources`` and ``targets``
have the two ends of each edge between terms, as positions, in 2 or 4 bytes each; ``weights`` has
those that came with the wiring. All parameters are one array, in the order of `Network.parameters`.

A few bytes can describe units whose edges take all memory. So a file must hold the weights of all
edges that its terms and units claim before any edge between neurons is made.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from .._support.archive import Archive, entry
from .._support.archived_names import pack_text, unpack_text
from .._support.arrays import Array
from ..network.batch_norm import BatchNorm, BatchNorms
from ..network.layer import PRECISIONS
from ..network.network import Network
from ..wiring.graph import Wiring
from ..wiring.validation import check_n_inputs, check_positions, check_units
from .term_names import packed_names, unpacked_names


def packed_network(net: Network) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays of a network, for `write_archive`.

    Raises
    ------
    TypeError, ValueError
        If a name is none that a file can hold.
    """
    wiring = net.wiring
    narrow = np.uint16 if len(wiring.terms) <= 2**16 else np.uint32
    sources, targets = (ends.astype(narrow) for ends in wiring.term_edges())
    arrays = {
        "parameters": net.parameters,
        "terms": pack_text(packed_names(wiring.terms)),
        "outputs": pack_text(packed_names(wiring.outputs)),
        "units": wiring.units.astype(np.uint32),
        "sources": sources,
        "targets": targets,
    }
    if wiring.weights is not None:
        arrays["weights"] = wiring.weights
    header: dict[str, Any] = {
        "activation": net.activation,
        "output_activation": net.output_activation,
        "n_inputs": wiring.n_inputs,
        "weights": wiring.weights is not None,
    }
    if any(net.batch_norm):
        header["batch_norm"] = [
            asdict(each) if isinstance(each, BatchNorm) else each for each in net.batch_norm
        ]
    return header | ({} if net.seed is None else {"seed": net.seed}), arrays


def unpacked_network(archive: Archive) -> Network:
    """Return the network that an archive holds; raise a ValueError where it holds none."""
    terms, outputs = (unpacked_names(unpack_text(archive, name)) for name in ("terms", "outputs"))
    positions, n_terms = [np.uint16, np.uint32], len(terms)
    sources = archive.array("sources", positions, (None,))
    targets = archive.array("targets", positions, sources.shape)
    units = archive.array("units", [np.uint32], (n_terms,))
    n_inputs = check_n_inputs(archive.entry("n_inputs", int), n_terms)
    widths = check_units(units, terms, n_inputs)
    begin, end = (
        check_positions(ends, n_terms, name)
        for ends, name in ((sources, "sources"), (targets, "targets"))
    )
    parameters = archive.array("parameters", PRECISIONS, (None,))
    # each product is below 2**62; their sum is one of Python's numbers
    least = sum((widths[begin] * widths[end]).tolist()) + int(widths[n_inputs:].sum())
    if len(parameters) < least:
        raise ValueError(
            f"parameters must be {least} at least, one for each edge and neuron, got "
            f"{len(parameters)}"
        )
    weights = None
    if archive.entry("weights", bool):
        weights = archive.array("weights", [np.float64], sources.shape)
    wiring = Wiring(
        terms, begin, end, n_inputs=n_inputs, outputs=outputs, units=widths, weights=weights
    )
    seed = archive.entry("seed", int) if "seed" in archive.header else None
    activation: Any = archive.header.get("activation")  # a text or a list, as Network checks
    normals: BatchNorms = False
    if "batch_norm" in archive.header:
        normals = [_batch_norm(each) for each in archive.entry("batch_norm", list)]
    return Network.from_parameters(
        wiring,
        parameters,
        activation,
        archive.entry("output_activation", str),
        seed,
        normals,
    )


def _batch_norm(value: Any) -> bool | BatchNorm:
    """Return the batch normalisation of a level, if it has one."""
    if value is False:
        return False
    return BatchNorm(*(entry(value, name, bool) for name in ("scale", "shift")))
