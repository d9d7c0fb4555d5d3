"""The operations of programs, each a function of its own.

They are called by address (`calls`): compiled only if a plan has them, once for each precision,
those that go through rows by tiles once for each tile, too. They decide nothing: the plan has
chosen the operation, and the group's record says the rest. `forward` and `backward` have the
functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..layers.batch import Source
from ..machine.jit import jit
from . import backward, forward

OPERATIONS: list[Any] = []
"""All of them; an operation's kind is its place in here."""


WITH_TILE: set[int] = set()
"""The kinds that read the context's tile; others find none there."""


def _operation(function: Callable[..., None], *, with_tile: bool = False) -> int:
    """Have the function compiled when it is needed; return its kind."""
    kind = len(OPERATIONS)
    OPERATIONS.append(jit(function))
    if with_tile:
        WITH_TILE.add(kind)
    return kind


INPUTS = _operation(forward.gather_inputs)
ANY_INPUTS = _operation(forward.gather_any_inputs)
INPUT_BYTES = _operation(forward.gather_bytes)
CSR_INPUTS = _operation(forward.gather_csr_inputs)
CSR_INPUT_BYTES = _operation(forward.gather_csr_bytes)
TARGETS = _operation(forward.gather_targets)
LABELS = _operation(forward.spread_labels)
TARGETS_WITH_GAPS = _operation(forward.gather_targets_with_gaps)
DROP = _operation(forward.drop_activations)
FORWARD = _operation(forward.sums, with_tile=True)
FORWARD_BYTES = _operation(forward.sums_of_bytes, with_tile=True)
FORWARD_BY_TWO = _operation(forward.sums_by_two, with_tile=True)
FORWARD_BYTES_BY_TWO = _operation(forward.sums_of_bytes_by_two, with_tile=True)
COMPLETE_FORWARD = _operation(forward.complete_sums, with_tile=True)
BLAS_FORWARD = _operation(forward.blas_sums)
ACTIVATE = _operation(forward.activate)
NORMALISE = _operation(forward.normalise, with_tile=True)
APPLY_MOMENTS = _operation(forward.apply_moments)
OUTPUT = _operation(forward.output)
READ_OUTPUT = _operation(forward.activate_output)
ACTIVATE_LAYER = _operation(forward.activate_whole)
OUTPUT_SAMPLES = _operation(forward.output_samples)
LOSS = _operation(forward.loss, with_tile=True)
LOSS_WITH_GAPS = _operation(forward.loss_with_gaps, with_tile=True)
LOSS_OF_SAMPLES = _operation(forward.loss_by_samples)
TAKE_GRADIENTS = _operation(backward.take_gradients)
HAND_OVER = _operation(backward.hand_over)
GRADIENT = _operation(backward.gradient, with_tile=True)
GRADIENT_BY_TWO = _operation(backward.gradient_by_two, with_tile=True)
COMPLETE_GRADIENT = _operation(backward.complete_gradient, with_tile=True)
BLAS_GRADIENT = _operation(backward.blas_gradient)
SLOPE = _operation(backward.slope)
DROP_DELTAS = _operation(backward.drop_deltas)
ADD_LOSS = _operation(backward.add_loss)
NORMALISE_BACK = _operation(backward.normalise_back, with_tile=True)
UPDATE = _operation(backward.update, with_tile=True)
UPDATE_BYTES = _operation(backward.update_of_bytes, with_tile=True)
UPDATE_BY_TWO = _operation(backward.update_by_two, with_tile=True)
UPDATE_BYTES_BY_TWO = _operation(backward.update_of_bytes_by_two, with_tile=True)
COMPLETE_UPDATE = _operation(backward.complete_update, with_tile=True)
BLAS_WEIGHTS = _operation(backward.blas_weights)
APPLY = _operation(backward.apply)
BIASES = _operation(backward.biases, with_tile=True)
SHIFTS = _operation(backward.shifts)
GAINS = _operation(backward.gains)
ADD_MOMENTS = _operation(backward.add_moments)
CLAMP = _operation(backward.clamp)
LEAVE_OUT_FROZEN = _operation(backward.leave_out_frozen)
NORM = _operation(backward.norm, with_tile=True)
STEP = _operation(backward.clipped_step)

UPDATES_OF_EDGES = (UPDATE, UPDATE_BYTES, UPDATE_BY_TWO, UPDATE_BYTES_BY_TWO)
"""Those that hold the gradients of some rows' edges."""

ALL = range(len(OPERATIONS))
"""All kinds."""

_OF_CSR = {INPUTS: CSR_INPUTS, INPUT_BYTES: CSR_INPUT_BYTES}
_OF_LABELS = {TARGETS: LABELS}


def for_data(kind: int, X: Source, Y: Source) -> int:
    """Return the kind that stands for another where X is of CSR data, or Y of labels."""
    if len(X.indptr):
        kind = _OF_CSR.get(kind, kind)
    return _OF_LABELS.get(kind, kind) if Y.kind < 0 else kind
