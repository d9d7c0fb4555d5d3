"""Constraints that training keeps: signs of weights, and parameters that stay as they are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import as_array, check_flag
from .._support.messages import few, shown
from ..network.base import SparseNetwork
from ..network.network import Network

_FREE, _FROZEN = 0, 2  # beside 1 and -1, the signs that weights keep


@dataclass(frozen=True, eq=False)
class Constraints:
    """Constraints that hold exactly after every step of a training.

    A weight of the wrong sign begins as its opposite, of the same size. They are of weights and
    biases: gains of batch normalisation are trained as before, and may become negative, and its
    running moments follow the data.

    Parameters
    ----------
    non_negative : bool
        Whether all weights are 0 or more.
    signs : mapping of names to {1, -1}, optional
        Sign of all weights that begin in some inputs or terms of a `Network`, by their names: after
        Dale's principle, a neuron either excites or inhibits. Others are free.
    frozen_weights, frozen_biases : bool, or array of bool
        Whether weights or biases stay as they are; or those of each edge, and of each neuron, in
        the order of the network's parameters. Their gradients have no part in ``clip_norm``.

    Raises
    ------
    ValueError, TypeError
        If an option is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "out")])
    >>> net = snn.Network(wiring, seed=0)
    >>> X, Y = np.eye(2), np.array([[0.0], [1.0]])
    >>> rules = snn.Constraints(signs={"a": -1, "b": 1})
    >>> history = snn.train(net, X, Y, optimizer="adam", epochs=3, constraints=rules, seed=0)
    >>> (net.weights_frame().weight[:2] * [-1, 1] >= 0).all()
    np.True_
    """

    non_negative: bool = False
    signs: Mapping[Hashable, int] | None = None
    frozen_weights: bool | npt.ArrayLike = False
    frozen_biases: bool | npt.ArrayLike = False

    def __post_init__(self) -> None:
        check_flag(self.non_negative, "non_negative")
        if self.signs is not None and not isinstance(self.signs, Mapping):
            raise TypeError(f"signs must be a mapping of names to 1 or -1, got {shown(self.signs)}")
        wrong = [sign for sign in (self.signs or {}).values() if sign not in (1, -1)]
        if wrong:
            raise ValueError(f"signs must be 1 or -1, got {few(wrong)}")
        if self.non_negative and self.signs is not None:
            raise ValueError("non_negative and signs exclude each other; give one of them")

    def codes(self, net: SparseNetwork) -> Array:
        """Return what holds for each parameter of a network: int8[n_parameters].

        1 and -1 are the sign that it keeps, 2 stands for one that stays as it is, 0 for none.

        Raises
        ------
        ValueError, TypeError
            If names or shapes do not fit the network.
        """
        structure = net.structure
        codes = np.zeros(structure.n_parameters, np.int8)
        signs = self._signs(net)
        frozen = [
            _marked(self.frozen_weights, structure.n_edges, "frozen_weights", "edge"),
            _marked(
                self.frozen_biases, structure.n_rows - structure.n_inputs, "frozen_biases", "neuron"
            ),
        ]
        begins = [0, 0]
        for number, group in structure.summing:
            parts = structure.parts(codes, number)
            if signs is not None:
                parts[0][:] = signs[group.graph.rows()[1].astype(np.int64) + group.reads]
            for k, part in enumerate(parts):
                part[frozen[k][begins[k] : begins[k] + len(part)]] = _FROZEN
                begins[k] += len(part)
        return codes

    def _signs(self, net: SparseNetwork) -> Array | None:
        """Return the sign of the weights that begin in each row, if any have one: int8[n_rows]."""
        if self.non_negative:
            return np.ones(net.structure.n_rows, np.int8)
        if self.signs is None:
            return None
        if not isinstance(net, Network):
            raise TypeError("signs are by names of terms, which only a Network has")
        wiring, inputs = net.wiring, net.structure.inputs
        unknown = [name for name in self.signs if name not in wiring]
        if unknown:
            raise ValueError(f"signs must be of terms of the wiring, got {few(unknown)}")
        signs = np.zeros(wiring.n_neurons, np.int8)
        for name, sign in self.signs.items():
            signs[wiring.rows_of(name)] = sign
        if inputs is None:
            return signs
        return np.concatenate([signs[inputs], signs[wiring.n_inputs :]])


def bounds(codes: Array, parameters: Array) -> tuple[Array, Array]:
    """Return the least and the largest value that each parameter may take."""
    infinite = np.full(parameters.shape, np.inf, parameters.dtype)
    is_frozen = codes == _FROZEN
    lower = np.where(is_frozen, parameters, np.where(codes == 1, 0, -infinite))
    upper = np.where(is_frozen, parameters, np.where(codes == -1, 0, infinite))
    return lower.astype(parameters.dtype), upper.astype(parameters.dtype)


def with_signs(codes: Array, parameters: Array) -> Array:
    """Return the parameters, those of the wrong sign as their opposites."""
    has_sign = np.abs(codes) == 1
    return np.where(has_sign, np.abs(parameters) * codes, parameters).astype(parameters.dtype)


def _marked(value: bool | npt.ArrayLike, n: int, name: str, noun: str) -> Array:
    """Return a bool for each of n things."""
    if isinstance(value, (bool, np.bool_)):
        return np.full(n, bool(value))
    array = as_array(value, name)
    if array.dtype != np.bool_ or array.shape != (n,):
        raise ValueError(
            f"{name} must be True, False or an array of bool with one entry for each of the {n} "
            f"{noun}s, got {array.dtype} of shape {array.shape}"
        )
    return array
