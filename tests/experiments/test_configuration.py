"""Configurations: one canonical form of a run, and errors that name the key."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import scipy
from msgspec.structs import replace
from sweeping import describe

import minisnn as snn
from minisnn._support.seeds import seed_of
from minisnn.experiments import Arrays, Data, Optimizer, Run, Wiring
from minisnn.experiments.run import read_settings
from minisnn.experiments.training import build_network, graphs_of

BEFORE = {"layer_seeds": "consecutive"}
CANONICAL = (
    '{"batch_size":128,"data":{"name":"mnist_sample","samples":300},"dropout":[0.0,0.0],'
    '"dtype":"float32","epochs":1,"fan":"degree","hidden":[30],"initializer":"glorot_normal",'
    '"layers":[{"degree":5,"density":null,"options":{},"topology":"constant_degree"},'
    '{"degree":null,"density":null,"options":{},"topology":"dense"}],'
    '"optimizer":{"momentum":0.9,"peak":0.2,"warm_up":0.5},"schema":1,"seed":0}'
)


def test_the_canonical_form_and_its_hash_stay_as_they_are() -> None:
    """Should this fail, stores of today would train everything anew: raise FORM on purpose."""
    run = Run.from_dict(describe(**BEFORE))
    assert run.to_json() == CANONICAL
    assert run.hash == "9fce0e16b6d6366c47501fb550d6b0f2146609e760691c3274414149209372a8"


LATER = (
    '{"activation":"relu","batch_size":128,"data":{"name":"mnist_sample","samples":300},'
    '"dropout":[0.0,0.0],"dtype":"float32","epochs":1,"fan":"degree","hidden":[30],'
    '"initializer":"glorot_normal",'
    '"layers":[{"degree":5,"density":null,"options":{},"topology":"constant_degree"},'
    '{"degree":null,"density":null,"options":{},"topology":"dense"}],"loss":"cross_entropy",'
    '"optimizer":{"clip_norm":1.0,"decay":"step","every":2.0,"factor":0.1,"momentum":null,'
    '"name":"adam","peak":0.2,"warm_up":0.5,"weight_decay":0.01},"output_activation":"softmax",'
    '"schema":1,"seed":0}'
)
ADAM = {"name": "adam", "peak": 0.2, "decay": "step", "every": 2}
MODERN = {
    "activation": "relu",
    "output_activation": "softmax",
    "optimizer": {**ADAM, "weight_decay": 0.01, "clip_norm": 1},
}


def test_keys_that_came_later_are_left_out_where_all_is_as_before() -> None:
    run = Run.from_dict(describe(**MODERN, **BEFORE))
    assert run.to_json() == LATER
    assert run.hash == "e26a283635287dca77555818b1042272af3f471687327b91eea4dff3cd5d4353"
    assert Run.from_json(LATER) == run
    before = {
        "activation": "sigmoid", "output_activation": "sigmoid", "loss": "mse",
        "optimizer": {
            "peak": 0.2, "name": "nesterov", "decay": "cosine", "every": None, "factor": None,
            "weight_decay": 0, "clip_norm": None, "l1": 0,
        },
    }  # fmt: skip
    assert Run.from_dict(describe(**before, **BEFORE)).to_json() == CANONICAL
    assert Run.from_dict(read_settings(CANONICAL)) == Run.from_dict(describe(**BEFORE))
    assert read_settings(CANONICAL)["optimizer"]["name"] == "nesterov"
    assert list(read_settings(CANONICAL)) == list(read_settings(LATER))


def test_new_runs_say_that_seeds_of_layers_are_spawned() -> None:
    run = Run.from_dict(describe())
    assert run.to_json() == CANONICAL.replace('"layers"', '"layer_seeds":"spawned","layers"')
    assert Run.from_json(run.to_json()) == run
    assert read_settings(CANONICAL)["layer_seeds"] == "consecutive"
    assert Run.from_json(CANONICAL).layer_seeds == "consecutive"


@pytest.mark.parametrize(
    "wiring",
    [
        {"topology": "fibonacci_rotating", "degree": 5},
        {"topology": "constant_degree", "degree": 5, "options": {"seed": 3}},
        {"topology": "dense"},
    ],
)
def test_runs_that_draw_no_wiring_are_those_of_before(wiring: dict[str, Any]) -> None:
    layers = [wiring, {"topology": "dense"}]
    run = Run.from_dict(describe(layers=layers))
    assert run == Run.from_dict(describe(layers=layers, **BEFORE))
    assert "layer_seeds" not in run.to_json()


def test_no_layer_of_a_run_is_that_of_another() -> None:
    layers = [{"topology": "biregular", "degree": 3}] * 4
    description = describe(hidden=[30, 30, 30], layers=layers)
    runs = [Run.from_dict({**description, "seed": seed}) for seed in (0, 1, 2, 2**32 - 1, 2**200)]
    seeds = [seed for run in runs for seed in run.wiring_seeds]
    assert len({*seeds, *(run.seed for run in runs)}) == 25
    children = np.random.SeedSequence(2).spawn(4)
    assert runs[2].wiring_seeds == [seed_of(child) for child in children]
    old = [Run.from_dict({**description, "seed": seed, **BEFORE}) for seed in (0, 1, 2**32 - 1)]
    assert [run.wiring_seeds for run in old] == [
        [0, 1, 2, 3], [1, 2, 3, 4], [2**32 - 1, 2**32, 2**32 + 1, 2**32 + 2]
    ]  # fmt: skip
    first, second = (build_network(run).topologies for run in old[:2])
    assert first[2] == second[1], "as it was"


@pytest.mark.parametrize("seed", [None, np.random.SeedSequence(5), np.random.default_rng(5)])
def test_a_run_keeps_the_number_of_its_seed(seed: Any) -> None:
    run = Run.from_dict(describe(seed=seed))
    assert type(run.seed) is int
    assert Run.from_json(run.to_json()) == run == replace(run)
    assert replace(run, seed=run.seed).hash == run.hash


def test_squared_error_of_other_outputs_is_what_it_says() -> None:
    """Only one loss is ever left out, whatever the outputs' own is."""
    run = Run.from_dict(describe(output_activation="identity"))
    assert run.loss == "mse"
    assert '"loss"' not in run.to_json()
    run = Run.from_dict(describe(output_activation="softmax"))
    assert run.loss == "cross_entropy"
    assert Run.from_dict(describe(output_activation="softmax", loss="cross_entropy")) == run
    assert Run.from_json(run.to_json()) == run


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"peak": 2}, snn.NesterovSGD(snn.WarmUpDecay(2.0))),
        ({"peak": 2, "warm_up": 0.1, "momentum": 0}, snn.NesterovSGD(snn.WarmUpDecay(2, 0.1), 0)),
        ({"peak": 2, "name": "sgd"}, snn.SGD(snn.WarmUpDecay(2.0), 0.9)),
        ({"peak": 1, "decay": "none", "warm_up": 0}, snn.NesterovSGD(snn.WarmUp(1.0, 0.0))),
        ({**ADAM, "factor": 0.3}, snn.Adam(snn.WarmUp(snn.StepDecay(0.2, 2, 0.3), 0.5))),
        (MODERN["optimizer"], snn.Adam(
            snn.WarmUp(snn.StepDecay(0.2, 2), 0.5), weight_decay=0.01, clip_norm=1.0
        )),
    ],
)  # fmt: skip
def test_what_optimizers_are_made(options: Any, expected: Any) -> None:
    assert Optimizer(**options).make() == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 128, "seed": 0, "fan": "degree", "dtype": "float32"},
        {"activation": "sigmoid", "output_activation": "sigmoid", "loss": None},
        {"loss": "mse"},
        {"dropout": 0},
        {"dropout": [0, 0.0]},
        {"optimizer": {"peak": 0.2, "momentum": 0.9, "warm_up": 0.5}},
        {"layers": [
            {"topology": "constant_degree", "degree": 5, "density": None, "options": {}},
            {"topology": "dense"},
        ]},
    ],
)  # fmt: skip
def test_explicit_defaults_do_not_change_the_hash(changes: dict[str, Any]) -> None:
    assert Run.from_dict(describe(**changes)).hash == Run.from_dict(describe()).hash


def test_all_samples_are_all_samples() -> None:
    everything = describe(data={"name": "mnist_sample"})
    counted = describe(data={"name": "mnist_sample", "samples": 4000})
    assert Run.from_dict(counted).hash == Run.from_dict(everything).hash


def test_keys_have_no_order() -> None:
    reverse = dict(reversed(describe().items()))
    assert Run.from_dict(reverse).hash == Run.from_dict(describe()).hash
    options = {"seed": 1, "beta": 0.2}
    first, second = (
        Wiring(topology="small_world", degree=5, options=dict(pairs))
        for pairs in (options.items(), reversed(options.items()))
    )
    assert first == second


def test_a_density_is_the_nearest_degree_and_1_at_least() -> None:
    degrees = {0.24: 2, 0.26: 3, 0.01: 1, 1: 10}
    for density, degree in degrees.items():
        assert Wiring(topology="constant_degree", density=density).degree_for(10) == degree


def test_every_setting_changes_the_hash() -> None:
    layers = describe()["layers"]
    changes: list[dict[str, Any]] = [
        {"data": {"name": "mnist_sample"}}, {"data": {"name": "mnist", "samples": 300}},
        {"hidden": [31]}, {"optimizer": {"peak": 0.3}}, {"dropout": 0.1}, {"fan": "width"},
        {"optimizer": {"peak": 0.2, "momentum": 0.8}}, {"optimizer": {"peak": 0.2, "warm_up": 0.1}},
        {"activation": "relu"}, {"output_activation": "softmax"}, {"output_activation": "tanh"},
        {"loss": "binary_cross_entropy"}, {"optimizer": {"peak": 0.2, "weight_decay": 0.1}},
        {"optimizer": {"peak": 0.2, "name": "sgd"}}, {"optimizer": {"peak": 0.2, "name": "adam"}},
        {"optimizer": {"peak": 0.2, "decay": "none"}}, {"optimizer": {"peak": 0.2, "clip_norm": 1}},
        {"optimizer": {"peak": 0.2, "l1": 0.1}},
        {"optimizer": ADAM}, {"optimizer": {**ADAM, "every": 3}},
        {"optimizer": {**ADAM, "factor": 0.5}},
        {"initializer": "glorot_uniform"}, {"dtype": "float64"}, {"batch_size": 64},
        {"epochs": 2}, {"seed": 1},
        {"layers": [{**layers[0], "degree": 6}, layers[1]]},
        {"layers": [{**layers[0], "options": {"seed": 3}}, layers[1]]},
        {"layers": [{**layers[0], "topology": "random_rotating"}, layers[1]]},
        {"layers": [{"topology": "constant_degree", "density": 0.1}, layers[1]]},
    ]  # fmt: skip
    hashes = {Run.from_dict(describe(**change)).hash for change in [{}, *changes]}
    assert len(hashes) == len(changes) + 1


def test_json_goes_there_and_back() -> None:
    layers = [{"topology": "constant_degree", "density": 0.5, "options": {"seed": 7}}]
    run = Run.from_dict(describe(hidden=[], layers=layers, dropout=0.1))
    again = Run.from_json(run.to_json())
    assert again == run
    assert again.hash == run.hash
    assert hash(again) == hash(run)
    assert Run.from_dict(run.to_dict()) == run
    assert json.loads(run.to_json())["layers"][0]["options"] == {"seed": 7}


def test_made_of_parts() -> None:
    run = Run(
        data=Data(name="mnist_sample", samples=300),
        hidden=[30],
        layers=[Wiring(topology="constant_degree", degree=5), Wiring(topology="dense")],
        optimizer=Optimizer(peak=0.2),
        epochs=1,
    )
    assert run == Run.from_dict(describe())
    assert run.shapes == [(784, 30), (30, 10)]


def wiring(**values: Any) -> dict[str, Any]:
    return {"layers": [values, {"topology": "dense"}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "epoch is unknown; the keys of Run are: data, hidden, layers, optimizer,"),
        ({"optimizer": {}}, "optimizer.peak is missing; it has no default"),
        ({"hidden": [30, 20]}, "layers must hold 3 wirings, one for each of the 2 hidden layers"),
        (wiring(topology="ring"), "layers.0.topology must be one of dense, correlated, random"),
        (wiring(topology="regular_rotating", degree=3, density=0.1), "got degree and density"),
        ({"loss": "cross_entropy"}, "loss 'cross_entropy' does not go with sigmoid outputs; take"),
        ({"data": {"name": "mnist", "samples": 0}}, "data.samples must be at least 1, got 0"),
        (wiring(topology="regular_rotating", degree="3"),
         "layers.0.degree must be a whole number or null, got '3'"),
        (wiring(topology="regular_rotating", density=0), "layers.0.density must be above 0"),
        (wiring(topology="regular_rotating", density=1.5), "and at most 1, got 1.5"),
        (wiring(topology="constant_degree", degree=3, options={"sede": 1}),
         "layers.0.options.sede is unknown; the keys of constant_degree are: seed"),
        (wiring(topology="constant_degree", degree=3, options={"seed": float("nan")}),
         "layers.0.options.seed must be a finite number"),
        (wiring(topology="constant_degree", degree=3, options=5),
         "layers.0.options must be a mapping of keys to values or a list, got 5"),
        ({"optimizer": {"peak": None}}, "optimizer.peak must be a number, got None"),
        ({"optimizer": {"peak": 1, "decay": None}}, "optimizer.decay must be a text, got None"),
        ({"optimizer": {"peak": 1, "decay": "none", "factor": 3}},
         "optimizer.factor must not be given with decay 'none', only 'step'"),
        ({"optimizer": {"peak": 1, "decay": "step", "every": 0}},
         "optimizer.every must be above 0 epochs, got 0"),
        ({"optimizer": {"peak": 1, "weight_decay": -1}}, "optimizer.weight_decay must be a finite"),
        ({"optimizer": {"peak": 1, "l1": -1}}, "optimizer.l1 must be a finite"),
        ({"activation": "softmax"}, "a softmax is over all outputs, not for hidden layers"),
        ({"loss": "hinge"}, "loss must be one of mse, huber, binary_cross_entropy, cross_entropy,"),
        ({"initializer": "normal"}, "initializer must be one of glorot_normal, glorot_uniform, "
         "he_normal, he_uniform, got 'normal'"),
        ({"dropout": [0.1]}, "dropout must be one rate, or 2"),
        ({"dropout": ["a"]}, "dropout.0 must be a number, got 'a'"),
        ({"batch_size": True}, "batch_size must be a whole number, got True"),
        ({"layer_seeds": "added"}, "layer_seeds must be one of spawned, consecutive, got 'added'"),
    ],
)  # fmt: skip
def test_what_is_no_run(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        Run.from_dict(describe(**changes))


@pytest.mark.parametrize("path", ["data", "seed", "data.samples", "layers[0].options", "nothing"])
def test_a_key_that_looks_like_a_path(path: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        Run.from_dict(describe(**{f"x` - at `$.{path}": 1}))


def test_wiring_by_correlation_follows_from_the_samples_to_train_on(
    rng: np.random.Generator,
) -> None:
    X = rng.random((50, 20)) + rng.integers(0, 4, (50, 1)) * (np.arange(20) % 3)
    arrays = Arrays(X, np.arange(50) % 2, test_rows=np.arange(25))
    layers = [Wiring(topology="correlated", density=0.1), Wiring(topology="dense")]
    run = Run(
        data=Data(name="own", arrays=arrays), hidden=[40], layers=layers,
        optimizer=Optimizer(peak=1.0),
    )  # fmt: skip
    graph, _ = graphs_of(run)
    assert graph == snn.topology.correlated(X[25:], 40, degree=4)
    assert graph != snn.topology.correlated(X, 40, degree=4)
    assert graph == graphs_of(replace(run, seed=4))[0]
    digits = [
        graphs_of(replace(run, data=Data(name="mnist_sample", **options)))[0]
        for options in ({}, {"order": 1}, {"held_out": True}, {"samples": 50})
    ]
    assert {digit.n_edges for digit in digits} == {784 * 4}
    assert all(digits[0] != other for other in digits[1:])


def test_wiring_by_correlation_needs_dense_inputs() -> None:
    table = scipy.sparse.eye_array(9, format="csr")
    arrays = Arrays(table, np.arange(9) % 2, test_rows=[7, 8])
    layers = [Wiring(topology="correlated", degree=2), Wiring(topology="dense")]
    run = Run(
        data=Data(name="own", arrays=arrays), hidden=[4], layers=layers,
        optimizer=Optimizer(peak=1.0),
    )  # fmt: skip
    with pytest.raises(TypeError, match="must be a dense array, got a sparse one"):
        graphs_of(run)
