"""Wirings like those that genomics brings, drawn by seed: terms of an ontology, layers of pathways.

No annotation comes with this program; what decides the time of a step is numbers of terms, genes
and edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from minisnn.wiring import Wiring, from_edges, from_matrices

from .base import Array


def ontology(
    n_genes: int,
    sizes: Sequence[int],
    *,
    units: int,
    genes_per_term: float,
    second_parents: float,
    n_heads: int,
    seed: int = 0,
) -> Wiring:
    """Return terms with genes of their own at every level, as DrugCell and cellmaps_vnn have them.

    Each term has a parent in the level above, each parent a child in the level below; some terms
    have a second parent in any higher level. Genes are annotated to terms of all levels, most to
    few, few to many.

    Parameters
    ----------
    n_genes
        Inputs.
    sizes
        Terms of each level, from the most specific to the root, none larger than the one before.
    units
        Neurons of each term.
    genes_per_term
        Mean number of genes that a term has besides those of its children.
    second_parents
        Share of the terms that have a second parent.
    n_heads
        Terms with an output of their own, one level above; the last one, which is the root, is one.
    seed
        Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *sizes])
    levels = np.repeat(np.arange(len(sizes)), sizes) + 1
    names = [f"term {level}.{number}" for number, level in enumerate(levels)]
    genes = [f"gene {k}" for k in range(n_genes)]
    counts = 1 + rng.exponential(genes_per_term - 1, len(names)).astype(np.int64)
    # All genes once, then as many more as a term has, and no pair twice.
    sources = np.concatenate([np.arange(n_genes), rng.integers(n_genes, size=counts.sum())])
    targets = np.concatenate(
        [rng.integers(len(names), size=n_genes), np.repeat(np.arange(len(names)), counts)]
    )
    pairs = np.unique(np.stack([targets, sources]), axis=1).T
    edges = [(genes[source], names[target]) for target, source in pairs]
    for child, parent in _parents(rng, starts, second_parents):
        edges.append((names[child], names[parent]))
    others = rng.choice(len(names) - 1, n_heads - 1, replace=False)
    heads = {names[k]: f"output of {names[k]}" for k in [len(names) - 1, *np.sort(others)]}
    edges += heads.items()
    return from_edges(edges, inputs=genes, outputs=heads.values()).with_units(units)


def _parents(rng: np.random.Generator, starts: Array, second: float) -> list[tuple[int, int]]:
    """Return (child, parent) of terms that are numbered level by level."""
    pairs: list[tuple[int, int]] = []
    for first, last, end in zip(starts, starts[1:], starts[2:], strict=False):
        n, n_above = last - first, end - last
        # All parents once, so that none is without children, then any.
        above = np.concatenate([np.arange(n_above), rng.integers(n_above, size=n - n_above)])
        pairs += zip(range(first, last), last + rng.permutation(above), strict=True)
        also = np.flatnonzero(rng.random(n) < second)
        pairs += zip(first + also, rng.integers(last, starts[-1], len(also)), strict=True)
    return sorted({(int(child), int(parent)) for child, parent in pairs})


def pathway_layers(widths: Sequence[int], degrees: Sequence[float], *, seed: int = 0) -> Wiring:
    """Return layers of pathways, each of parts of the one before, as BINN makes of Reactome.

    Parameters
    ----------
    widths
        Neurons of each layer, from the proteins to the outputs. The last layer is complete.
    degrees
        Mean number of edges of a neuron in each layer between, at least one; each neuron is read.
    seed
        Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    masks = []
    for (n_in, n_out), degree in zip(pairwise(widths), [*degrees, np.inf], strict=True):
        mask = rng.random((n_in, n_out)) < degree / n_in
        mask[rng.permutation(n_in), np.arange(n_in) % n_out] = True
        mask[np.arange(n_out) % n_in, np.arange(n_out)] = True
        masks.append(mask)
    return from_matrices(masks)
