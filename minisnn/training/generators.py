"""State of a random generator as an array, for storage in a file."""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array

_HALF = 2**64


def generator_state(generator: np.random.Generator) -> Array:
    """Return the state of a generator made by ``numpy.random.default_rng``.

    Returns
    -------
    array of uint64, shape (6,)
        PCG64's 128 bits of state and of increment, high half first; then, whether half of a
        64-bit number is kept for the next 32-bit one, and which.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.training.generators import generator_state, set_generator_state
    >>> rng = np.random.default_rng(3)
    >>> state = generator_state(rng)
    >>> first = rng.random()
    >>> set_generator_state(rng, state)
    >>> rng.random() == first
    True
    """
    state = generator.bit_generator.state
    words = [*divmod(state["state"]["state"], _HALF), *divmod(state["state"]["inc"], _HALF)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def set_generator_state(generator: np.random.Generator, words: Array) -> None:
    """Restore a generator from a state that `generator_state` returned for it.

    Raises
    ------
    ValueError
        If the increment is not the generator's own, which never changes. With some increments a
        generator repeats one number for ever, and shuffling would never end.
    """
    state, increment = ((int(high) << 64) + int(low) for high, low in words[:4].reshape(2, 2))
    if increment != generator.bit_generator.state["state"]["inc"]:
        raise ValueError("the state of the random numbers is that of another generator")
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": state, "inc": increment},
        "has_uint32": int(words[4] != 0),
        "uinteger": int(words[5]) % 2**32,
    }
