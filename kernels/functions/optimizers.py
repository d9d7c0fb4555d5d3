"""Update rules of the optimisers: one step of some parameters, value by value.

Each value is computed from its own inputs alone, so its bits do not depend on how the parameters
are divided. ``real`` is float32 or float64 throughout one call.

An optimiser is a row of `OPTIMIZERS`; a run has its number, and its coefficients in a step as a row
of real numbers::

    row        RATE            SHRINK     L1       FIRST     SECOND                  SMALL
    sgd        η               η λ        λ₁       μ         1 in Nesterov's form
    adam       η √c₂ / c₁      η λ        η λ₁     1 - β₁    1 - β₂                  ε √c₂

with rate η, weight decay λ, L1 penalty λ₁, momentum μ, and c_k = 1 - β_k^t in step t. The state of
an optimiser is a few vectors as long as the parameters: the velocities, or the means of the
gradients and of their squares.

A parameter whose new value, or new state, is not finite stays as it was, and so does its state; the
caller learns that there was one. So what is finite stays finite, whatever the gradients are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..machine.dispatch import Row, table
from ..machine.dots import dot
from ..machine.jit import inlined, jit
from ..machine.vector import fma, lanes, load

RATE, SHRINK, L1, FIRST, SECOND, SMALL = range(6)
N_COEFFICIENTS = 6

NORM_BLOCK = 4096
"""Parameters whose squared gradients are added up separately, so that the norm of all does not
depend on how the work is divided."""


@dataclass(frozen=True)
class Optimizer(Row):
    """An optimiser.

    Parameters
    ----------
    step : kernel (coefficients, scale, decays, parameters, state, first, gradients, refused)
        One step of the parameters from ``first`` on. coefficients : float64[N_COEFFICIENTS], its
        row; scale : real, a factor on the gradients; decays : bool, whether the parameters are
        weights, which decay, or biases; parameters : real[n_parameters]; state : real[vectors,
        n_parameters]; gradients : real[n], of these parameters, which may be overwritten; refused :
        int64[1], becomes 1 where a parameter stays as it was. Called by address: it is compiled
        only if it is used.
    """

    step: Callable[..., None]


@inlined
def sign(w):  # type: ignore[no-untyped-def]
    """Return 1, -1, or 0 where w is 0 (or NaN)."""
    one, zero = type(w)(1), type(w)(0)
    return one if w > zero else (-one if w < zero else zero)


@inlined
def add_l1(gradients, scale, strength, weights):  # type: ignore[no-untyped-def]
    """gradients = scale gradients + strength sign(weights), in place: of an L1 penalty."""
    for k in range(weights.shape[0]):
        gradients[k] = fma(strength, sign(weights[k]), scale * gradients[k])


@inlined
def momentum_update(  # type: ignore[no-untyped-def]
    weights, velocities, gradients, rate, momentum, nesterov, shrink, refused
):
    """Stochastic gradient descent with momentum, in place, in the form that Keras gives it.

    weights, velocities, gradients : real[n]; rate, momentum, shrink : real; nesterov : bool.
    With weight decay in the gradient, s = rate g + shrink w::

        v <- momentum v - s
        w <- w + momentum v - s   (Nesterov)      w <- w + v   (classical)

    Where v is not finite w is not, either.
    """
    is_refused = False
    for k in range(weights.shape[0]):
        step = fma(-shrink, weights[k], -rate * gradients[k])
        velocity = fma(momentum, velocities[k], step)
        weight = weights[k] + (fma(momentum, velocity, step) if nesterov else velocity)
        is_finite = np.isfinite(weight)
        velocities[k] = velocity if is_finite else velocities[k]
        weights[k] = weight if is_finite else weights[k]
        is_refused |= not is_finite
    if is_refused:
        refused[0] = 1


@inlined
def adam_update(weights, means, squares, gradients, scale, row, refused):  # type: ignore[no-untyped-def]
    """Adam, with weight decay and L1 beside it, in place.

    weights, means, squares, gradients : real[n]; row : (RATE, SHRINK, L1, FIRST, SECOND, SMALL)
    above, real. With g = scale gradients::

        m <- m + (1 - β₁) (g - m),   v <- v + (1 - β₂) (g² - v)
        w <- w - L1 sign(w)
        w <- w - RATE m / (√v + SMALL) - SHRINK w

    Where m is not finite w is not, either; where v is infinite it may be.
    """
    rate, shrink, l1, first, second, small = row
    is_refused = False
    for k in range(weights.shape[0]):
        gradient = scale * gradients[k]
        mean = fma(first, gradient - means[k], means[k])
        square = fma(second, fma(gradient, gradient, -squares[k]), squares[k])
        weight = weights[k] - l1 * sign(weights[k]) if l1 > 0 else weights[k]
        weight -= fma(shrink, weight, rate * mean / (np.sqrt(square) + small))
        is_finite = np.isfinite(weight) & np.isfinite(square)
        means[k] = mean if is_finite else means[k]
        squares[k] = square if is_finite else squares[k]
        weights[k] = weight if is_finite else weights[k]
        is_refused |= not is_finite
    if is_refused:
        refused[0] = 1


@jit
def _sgd(coefficients, scale, decays, parameters, state, first, gradients, refused):  # type: ignore[no-untyped-def]
    real, last = parameters.dtype.type, first + gradients.shape[0]
    weights = parameters[first:last]
    if decays and coefficients[L1] > 0:
        add_l1(gradients, scale, real(coefficients[L1]), weights)
        scale = real(1)
    shrink = real(coefficients[SHRINK]) if decays else real(0)
    rate, momentum = real(coefficients[RATE]) * scale, real(coefficients[FIRST])
    nesterov, velocities = coefficients[SECOND] > 0, state[0, first:last]
    momentum_update(weights, velocities, gradients, rate, momentum, nesterov, shrink, refused)


@jit
def _adam(coefficients, scale, decays, parameters, state, first, gradients, refused):  # type: ignore[no-untyped-def]
    real, last = parameters.dtype.type, first + gradients.shape[0]
    weights, means, squares = parameters[first:last], state[0, first:last], state[1, first:last]
    row = (
        real(coefficients[RATE]), real(coefficients[SHRINK]) if decays else real(0),
        real(coefficients[L1]) if decays else real(0), real(coefficients[FIRST]),
        real(coefficients[SECOND]), real(coefficients[SMALL]),
    )  # fmt: skip
    adam_update(weights, means, squares, gradients, scale, row, refused)


OPTIMIZERS = table(
    Optimizer("sgd", _sgd),
    Optimizer("adam", _adam),
)
"""The optimisers by name."""


@jit
def keep(coefficients, scale, decays, kept, state, first, gradients, refused):  # type: ignore[no-untyped-def]
    """Keep the gradients of the parameters from ``first`` on, instead of a step: kept : real[n]."""
    for k in range(gradients.shape[0]):
        kept[first + k] = scale * gradients[k]


UPDATES = [*(row.step for row in OPTIMIZERS.values()), keep]
"""Uses of gradients as they are made: the optimisers' steps by number, then `keep`."""

KEEP = len(OPTIMIZERS)


@jit
def clamp(parameters, lower, upper, first, last):  # type: ignore[no-untyped-def]
    """Bring parameters first to last into their bounds; what is NaN stays so.

    parameters, lower, upper : real[n_parameters].
    """
    for k in range(first, last):
        value = parameters[k]
        value = lower[k] if value < lower[k] else value
        parameters[k] = upper[k] if value > upper[k] else value


@jit
def leave_out_frozen(gradients, lower, upper, first, last):  # type: ignore[no-untyped-def]
    """Let gradients first to last be 0 where parameters cannot move: all real[n_parameters]."""
    for k in range(first, last):
        if lower[k] == upper[k]:
            gradients[k] = 0


@jit
def sum_of_squares(tile, vector):  # type: ignore[no-untyped-def]
    """Return the sum of the squares of real[n], as float64: by vectors, then the remainder."""
    n = vector.shape[0]
    rows, step = vector.reshape((1, n)), lanes(tile, vector)
    total = 0.0
    whole = n // step * step
    for c in range(0, whole, step):
        values = load(tile, rows, 0, c)
        total += np.float64(dot(values, values))
    for k in range(whole, n):
        total += np.float64(vector[k]) * np.float64(vector[k])
    return total


@jit
def block_norms(tile, gradients, squares, first, last):  # type: ignore[no-untyped-def]
    """squares[k] = the sum of squares of block k of the gradients, for blocks first to last.

    gradients : real[n]; squares : float64[blocks], of `NORM_BLOCK` values each.
    """
    for k in range(first, last):
        end = min((k + 1) * NORM_BLOCK, gradients.shape[0])
        squares[k] = sum_of_squares(tile, gradients[k * NORM_BLOCK : end])


@jit
def clipping(squares, limit):  # type: ignore[no-untyped-def]
    """Return the factor that brings a vector's norm down to ``limit``; 1 where it is not above.

    squares : float64[blocks], sums of squares of the vector's blocks; limit : float64. If the norm
    is not finite, the factor is NaN.
    """
    total = 0.0
    for k in range(squares.shape[0]):
        total += squares[k]
    norm = np.sqrt(total)
    if not np.isfinite(norm):
        return np.nan
    return limit / norm if norm > limit else 1.0
