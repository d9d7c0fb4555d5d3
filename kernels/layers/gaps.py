"""Targets that are missing: NaN in their place, and no part in the loss."""

from __future__ import annotations

from ..machine.jit import jit


@jit
def set_apart(T, n_samples, counts, counts_of_each, first, last):  # type: ignore[no-untyped-def]
    """Take the gaps out of rows first to last of the targets, and out of what samples count as.

    T : real[n_out, width], of which NaN becomes 0; counts : float64[n_samples], or empty where all
    count as one; counts_of_each : float64[n_out, n_samples or more], overwritten: those of each
    output, 0 for its gaps, the others scaled so that they add up to the number of samples, unless
    all are 0. Returns 0 where the other targets are finite. No race: rows are apart.
    """
    broken, infinite = 0, T.dtype.type(float("inf"))
    for i in range(first, last):
        row, own, total = T[i], counts_of_each[i], 0.0
        for s in range(n_samples):
            value = row[s]
            own[s] = counts[s] if counts.shape[0] > 0 else 1.0
            if value != value:
                row[s], own[s] = 0, 0.0
            elif abs(value) == infinite:
                broken = 1
            total += own[s]
        if total > 0:
            for s in range(n_samples):
                own[s] *= n_samples / total
    return broken
