"""Batch normalisation of the levels of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._support.checks import as_list, check_flag
from .._support.messages import shown
from ..kernels.program.structure import Normal


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation of the neurons of a level.

    Training brings each neuron's sums to mean 0 and variance 1 over the samples of the batch,
    whatever their weights: those of weight 0 have a part in it. Predictions take running means and
    variances, to which each step adds a tenth of its own. The epsilon beside the variance is 1e-5.
    Outputs are not normalised.

    Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by
    reducing internal covariate shift", ICML 2015, arXiv:1502.03167.

    Parameters
    ----------
    scale : bool
        Whether each neuron has a gain that is trained; else it is 1.
    shift : bool
        Whether each neuron has a shift that is trained, in the place of its bias; else it is 0.

    Raises
    ------
    TypeError
        If an option is no bool.

    Examples
    --------
    >>> import minisnn as snn
    >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "out")])
    >>> snn.Network(wiring, batch_norm=snn.BatchNorm(scale=False), seed=0)
    Network(2 inputs -> 1 -> 1, 3 connections, 2 biases, float32, batch norm, seed=0)
    """

    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        check_flag(self.scale, "scale")
        check_flag(self.shift, "shift")


BatchNorms = bool | BatchNorm | Sequence[bool | BatchNorm]


def check_batch_norm(value: BatchNorms, n_levels: int) -> tuple[Normal | None, ...]:
    """Return the normalisation of each level, from a single one or a sequence."""
    if isinstance(value, (bool, BatchNorm)):
        values = [value] * n_levels
    else:
        values = as_list(value, "batch_norm", "flags, one for each level")
    if len(values) != n_levels:
        raise ValueError(
            f"batch_norm must be one flag, or one for each of the {n_levels} levels; "
            f"got {len(values)}"
        )
    return tuple(map(_normal_of, values))


def _normal_of(value: bool | BatchNorm) -> Normal | None:
    if isinstance(value, BatchNorm):
        return Normal(value.scale, value.shift)
    if not isinstance(value, bool):
        raise TypeError(f"batch_norm must hold True, False or BatchNorm(), got {shown(value)}")
    return Normal() if value else None
