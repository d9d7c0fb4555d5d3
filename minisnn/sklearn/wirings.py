"""A wiring as an estimator's parameter, matched to the columns of X and y and to classes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from .._support.arrays import Array
from .._support.checks import check_kind
from .._support.columns import Known, Names, columns_of, columns_of_frame, labels_of, texts_of
from .._support.messages import each_of, few, shown
from ..wiring.graph import Wiring

_IN_ITS_PLACE = ("hidden_layer_sizes", "topology", "degree", "density")


def check_wiring(model: Any) -> None:
    """Raise if an estimator's wiring is none, or goes with parameters in whose place it stands."""
    if model.wiring is None:
        return
    check_kind(model.wiring, Wiring, "wiring")
    usual = type(model)()
    for name in _IN_ITS_PLACE:
        value, default = getattr(model, name), getattr(usual, name)
        if value is not default and not (isinstance(value, str) and value == default):
            raise ValueError(
                f"wiring stands in the place of {', '.join(_IN_ITS_PLACE)}; leave out {name}, got "
                f"{shown(value)}"
            )


def names_of_columns(y: Any, outputs: Sequence[Hashable]) -> Any:
    """Return the names of y's columns, if it is a frame of several; texts if outputs have these."""
    columns = labels_of(y)
    if len(columns) < 2:
        return None
    return texts_of(columns, "y.columns") or (None if _are_texts(outputs) else columns)


def check_inputs(wiring: Wiring, names: Sequence[str] | None, n_columns: int) -> None:
    """Raise unless the inputs are the columns of X: by name, in any order, or as many."""
    advice = "a wiring for given columns is wiring.restricted_to(names)"
    inputs = wiring.inputs
    if names is not None and _are_texts(inputs):
        try:
            columns_of(Known(inputs, "the wiring"), tuple(names), "X")  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{error}; {advice}") from None
    if len(inputs) != n_columns:
        raise ValueError(
            f"X must have a column for {each_of(len(inputs), 'input')} of the wiring, got "
            f"{n_columns}; {advice}"
        )


def named_class(wiring: Wiring | None, classes: Array) -> int | None:
    """Return the number of the class whose probability is the single output of a wiring.

    Of two classes it is the second, as everywhere, unless the output has the name of the first.
    None if there is no single output, or there are not two classes.
    """
    if wiring is None or len(wiring.output_neurons) != 1 or len(classes) != 2:
        return None
    return 0 if str(wiring.outputs[0]) == _names_of(classes)[0] else 1


def in_order_of_classes(wiring: Wiring, classes: Array) -> Wiring:
    """Return a wiring with an output for each class, in the order of the classes.

    Outputs are matched by name if they are called as the classes, else by position.
    """
    _check_number(wiring, len(classes), f"each of the {len(classes)} classes of y")
    labels = _names_of(classes)
    outputs = {str(name): name for name in wiring.outputs}
    others = [label for label in labels if label not in outputs]
    if len(others) == len(labels):
        return wiring
    if others:
        raise ValueError(
            "the outputs of a wiring must have the names of the classes, or none of them: then "
            f"they are in the order of the classes; got {few(wiring.outputs)} for the classes "
            f"{few(labels)}"
        )
    return _with_outputs(wiring, [outputs[label] for label in labels])


def in_order_of_columns(wiring: Wiring, names: Names | None, n_columns: int) -> Wiring:
    """Return a wiring with an output for each column of y, matched by name if these have names."""
    _check_number(wiring, n_columns, each_of(n_columns, "column") + " of y")
    places = _places(wiring, names)
    return wiring if names is None or places is None else _with_outputs(wiring, names)


def check_order(wiring: Wiring, names: Names | None) -> None:
    """Raise unless the columns of y are the outputs of the first fit, in their order."""
    try:
        is_same = _places(wiring, names) is None
    except ValueError:
        is_same = False
    if not is_same:
        raise ValueError(
            "the columns of y must be those of the first fit, in their order: "
            f"{few(wiring.outputs)}; got {few(names or ())}"
        )


def _places(wiring: Wiring, names: Names | None) -> Array | None:
    """Return the place of each output among the columns of y; None if they are in order."""
    outputs: Any = wiring.outputs
    known = Known(None, "the wiring", outputs)
    if _are_texts(outputs):
        known = Known(outputs, "the wiring")
    return columns_of_frame(known, names, (), "y")


def _are_texts(names: Sequence[Hashable]) -> bool:
    return all(isinstance(name, str) for name in names)


def _names_of(classes: Array) -> list[str]:
    """Return what outputs are called if they are named as classes: "2" of 2.0, too."""
    return [
        str(int(label) if isinstance(label, float) and label.is_integer() else label)
        for label in classes.tolist()
    ]


def _check_number(wiring: Wiring, n_wanted: int, of_what: str) -> None:
    n = len(wiring.output_neurons)
    if n != n_wanted:
        raise ValueError(
            f"the wiring must have one output for {of_what}, or a single one for two "
            f"classes, got {n}; where outputs have other targets, such as the same at several "
            "levels, take minisnn.Network and minisnn.train"
        )


def _with_outputs(wiring: Wiring, outputs: Sequence[Hashable]) -> Wiring:
    """Return the same wiring with its outputs in another order."""
    if tuple(outputs) == wiring.outputs:
        return wiring
    sources, targets = wiring.term_edges()
    return Wiring(
        wiring.terms,
        sources,
        targets,
        n_inputs=wiring.n_inputs,
        outputs=outputs,
        units=wiring.units,
        weights=wiring.weights,
    )
