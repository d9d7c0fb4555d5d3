"""Seeds as in NumPy: anything passed as a seed becomes a whole number, which is reproducible.

That number is recorded, shown and saved: in `Topology.parameters`, `MLP.seed`, `History.seed`, in
files and checkpoints. Whatever was passed, passing the number gives the same bits. No other module
converts seeds.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .checks import MOST_BITS, is_whole
from .messages import shown

Seed = int | np.random.SeedSequence | np.random.Generator | None

_WORDS = 4  # of 32 bits: as many as NumPy's own fresh entropy has


def seed_of(seed: Seed, name: str = "seed") -> int:
    """Return the number that stands for a seed.

    Parameters
    ----------
    seed : int, SeedSequence or Generator, optional
        A whole number of at least 0 stands for itself, and a SeedSequence of nothing but a number
        for that. Of another SeedSequence, such as one that was spawned, come 128 bits: the same at
        each call. A Generator draws 128 bits, and so gives others at each call. None is 128 bits of
        fresh entropy from the operating system.
    name : str
        Of the argument, for messages.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If it is of another type.
    ValueError
        If it is a number below 0, or of more than 8192 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn._support.seeds import seed_of
    >>> seed_of(7), seed_of(np.random.SeedSequence(7))
    (7, 7)
    >>> seed_of(np.random.default_rng(7)) == seed_of(np.random.default_rng(7))
    True
    >>> seed_of(None) == seed_of(None)
    False
    """
    if seed is None:
        return fresh_seed()
    if isinstance(seed, np.random.Generator):
        return _number(seed.integers(2**32, size=_WORDS, dtype=np.uint32))
    if isinstance(seed, np.random.SeedSequence):
        if is_whole(seed.entropy) and not seed.spawn_key and seed.pool_size == _WORDS:
            seed = seed.entropy  # NumPy makes the same generator of both
        else:
            return _number(seed.generate_state(_WORDS))
    if not is_whole(seed):
        raise TypeError(
            f"{name} must be a whole number, a SeedSequence, a Generator or None, got {shown(seed)}"
        )
    number = int(seed)
    if number < 0:
        raise ValueError(f"{name} must be at least 0, got {shown(number)}")
    if number.bit_length() > MOST_BITS:
        raise ValueError(f"{name} may have {MOST_BITS} bits at most, got {shown(number)}")
    return number


def fresh_seed() -> int:
    """Return 128 bits of entropy from the operating system."""
    return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]


def spawned(seed: int, n: int) -> list[int]:
    """Return n independent seeds of 128 bits, made from one, such as for layers."""
    return [
        _number(child.generate_state(_WORDS)) for child in np.random.SeedSequence(seed).spawn(n)
    ]


def layer_seeds(seed: int, n: int) -> list[int]:
    """Return a seed for each of n layers: the seed itself for the first, then spawned ones."""
    return [seed, *spawned(seed, n - 1)]


def word_of(seed: int) -> int:
    """Return a seed in 32 bits: a small seed itself, a hash of a longer one."""
    return seed if seed < 2**32 else int(np.random.SeedSequence(seed).generate_state(1)[0])


def _number(words: Array) -> int:
    """Return the number that words of 32 bits make, the lowest first."""
    return int.from_bytes(words.astype("<u4").tobytes(), "little")
