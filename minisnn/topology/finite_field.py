"""Arithmetic of finite fields GF(q), q a power of a prime, on arrays.

Element ``e`` is the polynomial whose coefficients are the digits of the integer ``e`` in base p, so
0 is zero and 1 is one. Addition works digit by digit. Multiplication adds logarithms to the base of
a primitive element: the polynomial x modulo a primitive polynomial, which is found by trial.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from .._support.arrays import Array


def prime_power(q: int) -> tuple[int, int] | None:
    """Return the prime p and the k with p**k = q, or None if q is not a power of a prime."""
    p = next((d for d in range(2, int(q**0.5) + 1) if q % d == 0), q)
    k = 0
    while q > 1 and q % p == 0:
        q, k = q // p, k + 1
    return (p, k) if q == 1 and k else None


class FiniteField:
    """GF(q) for a power q of a prime.

    Parameters
    ----------
    q : int
        Number of elements.
    """

    def __init__(self, q: int) -> None:
        power = prime_power(q)
        if power is None:
            raise ValueError(f"there is a field of q elements only for prime powers, got {q}")
        self.q = q
        self._places = power[0] ** np.arange(power[1])
        self._base = power[0]
        self._exponential = next(filter(None, map(self._powers, self._polynomials())))
        self._logarithm = np.zeros(q, dtype=np.int64)
        self._logarithm[self._exponential] = np.arange(q - 1)

    def add(self, a: Array, b: Array) -> Array:
        """Return a + b, element by element."""
        digits = a[..., None] // self._places + b[..., None] // self._places
        return digits % self._base @ self._places

    def multiply(self, a: Array, b: Array) -> Array:
        """Return a * b, element by element."""
        powers = np.array(self._exponential)
        result = powers[(self._logarithm[a] + self._logarithm[b]) % (self.q - 1)]
        return np.where((a == 0) | (b == 0), 0, result)

    def _polynomials(self) -> product[tuple[int, ...]]:
        """Return candidates for x**k modulo the polynomial, coefficients from the lowest."""
        return product(range(self._base), repeat=len(self._places))

    def _powers(self, reduction: tuple[int, ...]) -> list[int]:
        """Return the q - 1 powers of x, from 1 on; empty if x is not primitive."""
        element = (1,) + (0,) * (len(reduction) - 1)
        seen: dict[tuple[int, ...], None] = {}
        while element not in seen:
            seen[element] = None
            *low, high = element
            element = tuple(
                (digit + high * factor) % self._base
                for digit, factor in zip([0, *low], reduction, strict=True)
            )
        numbers = [sum(d * int(b) for d, b in zip(e, self._places, strict=True)) for e in seen]
        return numbers if len(numbers) == self.q - 1 and 0 not in numbers else []
