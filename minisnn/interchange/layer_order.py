"""Order of the layers of a state_dict, from numbers in their names and from their widths.

PyTorch lists the modules of a network in the order of their definition, each ``weight`` before its
``bias``. Files that sort their keys list "fc10" before "fc2", and "decoder" before "encoder".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

from .._support.messages import shown

Shapes = Mapping[str, tuple[int, int]]
"""Inputs and outputs of each layer, by its name."""

_MOST_STEPS = 10_000  # of the search for orders that fit


def in_order(shapes: Shapes, is_sorted: bool) -> list[str]:
    """Return the names of layers in their order.

    Parameters
    ----------
    shapes : mapping of str to (n_in, n_out)
        Of all layers, in the dictionary's order.
    is_sorted : bool
        Whether the dictionary's keys ascend, so that its order says nothing.

    Returns
    -------
    list of str
        The dictionary's order, unless that says nothing or the numbers in the names speak against
        it; then the only one that obeys the numbers and in which the widths fit. Where there is
        none, the dictionary's.

    Raises
    ------
    ValueError
        If there are several such orders, or one beside the dictionary's own, which fits as well.

    Examples
    --------
    >>> from minisnn.interchange.layer_order import in_order
    >>> in_order({"fc1": (8, 8), "fc10": (8, 8), "fc2": (8, 8)}, is_sorted=True)
    ['fc1', 'fc2', 'fc10']
    >>> in_order({"classifier": (8, 2), "fc": (4, 8)}, is_sorted=True)
    ['fc', 'classifier']
    """
    given = list(shapes)
    broken = [pair for pair in combinations(given, 2) if _by_number(*pair[::-1])]
    says_nothing = is_sorted or (bool(broken) and given == sorted(given))
    if not broken and not says_nothing:
        return given
    fitting = _orders(shapes)
    if not fitting:  # such as of names that hold widths: "fc128" before "fc16"
        return given
    if len(fitting) == 1 and (says_nothing or not _fits(given, shapes)):
        return fitting[0]
    why = (
        "its keys are in the order of the alphabet"
        if says_nothing
        else f"it has layer {shown(broken[0][0])} before layer {shown(broken[0][1])}"
    )
    raise ValueError(
        f"the order of the layers {', '.join(map(shown, given[:8]))}{' ...' * (len(given) > 8)} "
        f"cannot be told from the state_dict: {why}, and they fit in more than one. "
        "Name them 0, 1, 2, ... in the network's order"
    )


def numbers_in(name: str) -> tuple[int, ...]:
    """Return the numbers in a name: (1, 10) of "block1.fc10"."""
    return tuple(map(int, re.findall(r"[0-9]+", name)))


def _by_number(first: str, second: str) -> bool:
    """Return whether two names differ first in a number that is smaller in the first."""
    words = zip(re.split("([0-9]+)", first), re.split("([0-9]+)", second), strict=False)
    for place, (left, right) in enumerate(words):
        if left != right:
            return place % 2 == 1 and int(left) < int(right)
    return False


def _fits(order: Sequence[str], shapes: Shapes) -> bool:
    return all(shapes[left][1] == shapes[right][0] for left, right in pairwise(order))


def _orders(shapes: Shapes) -> list[list[str]]:
    """Return up to two orders that agree with the numbers in names and with the widths."""
    earlier = {name: {other for other in shapes if _by_number(other, name)} for name in shapes}
    found: list[list[str]] = []
    begun: list[list[str]] = [[]]
    for _ in range(_MOST_STEPS):
        if not begun or len(found) == 2:
            return found
        order = begun.pop()
        left = shapes.keys() - set(order)
        if not left:
            found.append(order)
        begun += [
            [*order, name]
            for name in left
            if not earlier[name] & left and (not order or _fits([order[-1], name], shapes))
        ]
    return [list(shapes), list(shapes)]  # too many to go through
