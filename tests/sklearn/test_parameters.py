"""Parameters of an estimator: bad values, other names, and the layers that they describe."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes must have one width at least, got \(\)"),
        ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes must be > 0"),
        ({"topology": "ring"}, "topology must be one of dense, random_rotating, .*, got 'ring'$"),
        ({"topology": "dens"}, "topology must be one of .*, got 'dens'; did you mean 'dense'"),
        ({"random_state": 2**40}, "random_state must be between 0 and 4294967295, got 1099511"),
        ({"random_state": np.int64(-1)}, "random_state must be between 0 and 4294967295, got -1"),
        ({"topology": ["dense"] * 3}, "topology must hold one for each of 1 or 2 layers, got 3"),
        ({"degree": [1, 2]}, "degree must hold one for each of 1 layers, got 2"),
        ({"density": 0.0}, "density must be 'auto', or above 0 and at most 1, got 0.0"),
        ({"density": "thin"}, "density must be 'auto', or above 0 and at most 1, got 'thin'"),
        ({"topology": snn.topology.dense(3, 4), "hidden_layer_sizes": 100},
         "topology 0 must have 30 inputs and 100 outputs, as the data and hidden_layer_sizes say"),
        ({"optimizer": "lbfgs"}, "optimizer must be one of nesterov, sgd, adam, got 'lbfgs'"),
        ({"activation": "gelu"}, "activation must be one of"),
        ({"dropout": 1.5}, "dropout"),
        ({"validation_fraction": 5},
         "validation_fraction must be a finite number, at least 0 and below 1, got 5"),
    ],
)  # fmt: skip
def test_bad_options(table: Any, options: dict[str, Any], message: str) -> None:
    X, y = table
    for kind in (SparseMLPClassifier, SparseMLPRegressor):
        with pytest.raises(ValueError, match=message):
            kind(**{**QUICK, **options}).fit(X, y == y[0])


@pytest.mark.parametrize("kind", [SparseMLPClassifier, SparseMLPRegressor])
@pytest.mark.parametrize("random_state", ["a", 1.5, [0]])
def test_what_is_no_random_state(table: Any, kind: Any, random_state: Any) -> None:
    with pytest.raises(
        TypeError, match="random_state must be a whole number, a RandomState, a Gen"
    ):
        kind(random_state=random_state).fit(table[0], table[1] == "a")


def test_wiring_of_every_layer(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(
        (40, 20), topology=["dense", "constant_degree", "biregular"], degree=[1, 4], **QUICK
    ).fit(X, y)
    first, second, last = model.net_.topologies
    assert first.is_complete
    assert set(second.out_degrees.tolist()) == {4}
    assert last.name == "biregular"
    assert SparseMLPClassifier(12, **QUICK).fit(X, y).net_.widths == [30, 12, 3]
    alike = SparseMLPClassifier((30, 30), **QUICK).fit(X, y).net_.topologies
    assert alike[0] != alike[1]


def test_graphs_say_how_wide_layers_are(table: Any) -> None:
    X, y = table
    first, second = (snn.topology.biregular(*shape, 6, seed=0) for shape in ((30, 40), (40, 20)))
    last = snn.topology.biregular(20, 3, 2, seed=0)
    for topology, widths in (
        (first, [30, 40, 3]),
        ([first], [30, 40, 3]),
        ([first, second], [30, 40, 20, 3]),
        ([first, second, last], [30, 40, 20, 3]),
        (["biregular", second, "dense"], [30, 40, 20, 3]),
        ([first, "dense"], [30, 40, 3]),
        (["biregular", "dense"], [30, 100, 3]),
        ([first, snn.topology.dense(40, 3)], [30, 40, 3]),
        ([snn.topology.dense(30, 3)], [30, 3, 3]),
    ):
        model = SparseMLPClassifier(topology=topology, max_iter=1, tol=None, random_state=0)
        assert clone(model).fit(X, y).net_.widths == widths
    assert (
        last
        in SparseMLPClassifier(topology=[first, second, last], **QUICK).fit(X, y).net_.topologies
    )
    given = SparseMLPClassifier(
        (20, 3), topology=[snn.topology.dense(30, 20), snn.topology.dense(20, 3)]
    )
    assert given.set_params(**QUICK).fit(X, y).net_.widths == [30, 20, 3, 3]
    with pytest.raises(ValueError, match="hidden_layer_sizes must be given where the graphs of"):
        SparseMLPClassifier(topology=[first, "biregular", "dense"]).fit(X, y)
    with pytest.raises(ValueError, match="topology 0 must have 30 inputs and 9 outputs"):
        SparseMLPClassifier((9,), topology=first).fit(X, y)


@pytest.mark.parametrize("kind", [SparseMLPClassifier, SparseMLPRegressor])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("solver", "it is optimizer here"),
        ("algorithm", "it is optimizer here"),
        ("alpha", "it is weight_decay here"),
        ("learning_rate_init", "it is learning_rate here"),
        ("power_t", "take a schedule as learning_rate, such as"),
        ("momentum", r"optimizer=minisnn.NesterovSGD\(0.001, momentum=0.9\)"),
        ("nesterovs_momentum", "an option of SGD"),
        ("beta_1", r"optimizer=minisnn.Adam\(0.001, beta_1=0.9\)"),
        ("epsilon", "an option of Adam"),
        ("max_fun", "there is no L-BFGS here"),
        ("epochs", "it is max_iter here"),
        ("seed", "it is random_state here"),
        ("hidden_layer_size", "did you mean 'hidden_layer_sizes'"),
        ("warmth", "did you mean 'warm_start'|there are hidden_layer_sizes, topology"),
    ],
)
def test_parameters_by_other_names(kind: Any, name: str, message: str) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__} has no parameter '{name}'.*{message}"):
        kind(**{name: 1})
    with pytest.raises(ValueError, match=f"{kind.__name__} has no parameter '{name}'.*{message}"):
        kind().set_params(**{name: 1})
    assert name not in inspect.signature(kind).parameters


def test_all_parameters_of_scikit_learns_own_are_answered() -> None:
    for theirs, ours in ((MLPClassifier, SparseMLPClassifier), (MLPRegressor, SparseMLPRegressor)):
        for name in set(theirs().get_params()) - set(ours().get_params()):
            with pytest.raises(TypeError, match=f"no parameter '{name}': "):
                ours(**{name: 1})


def test_classifier_and_regressor_have_the_same_parameters_and_defaults() -> None:
    classifier, regressor = SparseMLPClassifier().get_params(), SparseMLPRegressor().get_params()
    assert classifier.pop("class_weight") is None
    assert classifier == regressor
    given = {name: object() for name in SparseMLPClassifier().get_params()}
    assert SparseMLPClassifier(**given).get_params(deep=False) == given  # type: ignore[arg-type]
