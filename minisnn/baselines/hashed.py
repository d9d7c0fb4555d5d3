"""HashedNets: entries of W share weights at random, by a hash of their position."""

from __future__ import annotations

from typing import Self

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from .._support.memory import check_fits
from .._support.seeds import Seed, seed_of, word_of
from ..topology.validation import check_widths
from .sharing import SharedWeights


class Hashed(SharedWeights):
    """Entry (i, j) is weight number h(i, j) of ``n_weights``, times a sign ξ(i, j) = ±1.

    Source: W. Chen, J. T. Wilson, S. Tyree, K. Q. Weinberger, Y. Chen, "Compressing Neural
    Networks with the Hashing Trick", ICML 2015, arXiv:1504.04788. Both hashes come from one of 64
    bits (the finaliser of SplitMix64, where the source has xxHash): the last bit is ξ, the others
    modulo ``n_weights`` are h. Nothing but the seed has to be stored beside the weights.

    As h is random, with few entries per weight some weights get none: a share of
    exp(-n_in n_out / n_weights), which are counted all the same.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.
    n_weights : int
        Number of weights that the entries share.
    seed : int, SeedSequence or Generator, optional
        Of the hash; by default fresh, and kept in ``seed``.

    Raises
    ------
    ValueError
        If there is no weight.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn import baselines
    >>> baselines.Hashed(4, 3, n_weights=2, seed=0).expand(np.array([0.25, 0.5]))
    array([[-0.5 ,  0.25, -0.5 ,  0.25],
           [-0.5 ,  0.5 , -0.25,  0.25],
           [-0.5 ,  0.5 , -0.25,  0.5 ]])
    """

    def __init__(self, n_in: int, n_out: int, n_weights: int, *, seed: Seed = None) -> None:
        n_in, n_out = check_widths(n_in, n_out)
        n_weights = check_positive_integer(n_weights, "n_weights")
        check_fits(40 * n_in * n_out, f"the hashes of a matrix {n_in} -> {n_out}")
        self.seed = seed_of(seed)
        hashes = _hash(np.arange(n_in * n_out, dtype=np.uint64), word_of(self.seed))
        table = (hashes >> np.uint64(1)) % np.uint64(n_weights)
        signs = 1 - 2 * (hashes & np.uint64(1)).astype(np.int8)
        super().__init__(n_weights, table.reshape(n_out, n_in), signs.reshape(n_out, n_in))

    @classmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        return cls(n_in, n_out, n_weights)


def _hash(places: Array, seed: int) -> Array:
    """Return 64 bits for each place: SplitMix64's (seed << 32 + place)th output."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    z = (places + (np.uint64(seed) << np.uint64(32)) + np.uint64(1)) * golden  # wraps, as it should
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
