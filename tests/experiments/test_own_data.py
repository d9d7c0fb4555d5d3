"""Runs of wirings between names, and of arrays of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from msgspec.structs import replace
from own_data import (
    EDGES,
    GENES,
    LAYERS,
    OTHER,
    WIRING,
    arrays,
    distance,
    labelled,
    of_wiring,
    table,
)

import minisnn as snn
from minisnn import experiments
from minisnn._support.seeds import spawned
from minisnn.experiments import Arrays, Run
from minisnn.experiments.arrays import first_rows, spread
from minisnn.experiments.training import build_network, train_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture(autouse=True)
def number_of_threads() -> Any:
    before = snn.get_num_threads()
    yield
    snn.set_num_threads(before)


# A run is the training that it describes


def test_a_run_of_a_wiring() -> None:
    X, Y = table()
    run = Run.from_dict(
        of_wiring(
            wiring={"name": "pathways", "graph": WIRING, "units": 3, "keep": "degrees"},
            batch_norm=True, output_weights={"root": 0.5}, dropout=[0.1, 0.2, 0.0], seed=7,
        )
    )  # fmt: skip
    outcome = train_run(run.objects, run.to_json())
    assert outcome.error is None
    assert outcome.figures is not None

    wiring = snn.wiring.rewired(WIRING, "degrees", seed=spawned(7, 1)[0]).with_units(3)
    assert wiring != WIRING.with_units(3)
    net = snn.Network(wiring, activation="tanh", batch_norm=True, seed=7)
    history = snn.train(
        net, X, Y, rows=np.arange(60), validation_rows=np.arange(60, 90), epochs=2, seed=7,
        loss="binary_cross_entropy", optimizer=snn.Adam(snn.WarmUpDecay(0.01)), batch_size=20,
        output_weights={"root": 0.5}, dropout=[0.1, 0.2, 0.0],
    )  # fmt: skip
    assert [epoch.loss for epoch in outcome.epochs] == history.column("loss")
    figures = outcome.figures
    assert (figures.accuracy, figures.best_accuracy) == (None, None)
    assert figures.loss == history.column("validation_loss")[-1]
    assert figures.weights == net.n_connections
    assert figures.metrics == {"distance": distance(Y[60:], net.predict(X[60:]))}
    assert [layer.layer for layer in outcome.layers] == [1, 2, 3]
    frame = net.weights_frame()
    level = [wiring.level_of[name[0] if isinstance(name, tuple) else name] for name in frame.target]
    for weights in outcome.layers:
        own = frame.weight[np.array(level) == weights.layer].to_numpy(np.float64)
        assert weights.lowest == own.min()
        assert weights.mean == pytest.approx(own.mean())


def test_balanced_classes() -> None:
    graph = WIRING.restricted_to(GENES)
    one = snn.wiring.from_edges(graph.edges(), inputs=GENES, outputs=["case"])
    X, Y = table()
    data = arrays(Y=Y[:, :1])
    run = Run.from_dict(
        of_wiring(data, wiring={"name": "one", "graph": one}, class_weight="balanced")
    )
    outcome = train_run(run.objects, run.to_json())
    net = snn.Network(one, activation="tanh", seed=0)
    history = snn.train(
        net, X[:60], Y[:60, :1], epochs=2, seed=0, class_weight="balanced", batch_size=20,
        loss="binary_cross_entropy", optimizer=snn.Adam(snn.WarmUpDecay(0.01)),
    )  # fmt: skip
    assert [epoch.loss for epoch in outcome.epochs] == history.column("loss")


def test_layers_on_own_labels() -> None:
    run = Run.from_dict(labelled(epochs=3))
    assert run.shapes == [(12, 6), (6, 2)]
    outcome = train_run(run.objects, run.to_json())
    X, Y = table()
    labels = Y[:, 0].astype(int)
    net = snn.MLP([snn.topology.biregular(12, 6, 2, seed=spawned(0, 2)[0]),
                   snn.topology.dense(6, 2)], seed=0)  # fmt: skip
    history = snn.train(
        net, X[:60], labels[:60], validation_data=(X[60:], labels[60:]), epochs=3, seed=0,
        optimizer=snn.NesterovSGD(snn.WarmUpDecay(0.2)),
    )  # fmt: skip
    assert [epoch.loss for epoch in outcome.epochs] == history.column("loss")
    assert outcome.figures is not None
    assert outcome.figures.accuracy == history.column("validation_accuracy")[-1]


def test_metrics_get_targets_in_the_order_of_the_outputs() -> None:
    pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
    _, Y = table()
    frame = pandas.DataFrame(Y, columns=["case", "root"])
    found = []
    for targets in (Y, frame, frame[["root", "case"]]):
        run = Run.from_dict(of_wiring(arrays(Y=targets)))
        figures = train_run(run.objects, run.to_json()).figures
        assert figures is not None
        found.append(figures.metrics["distance"])
    assert found[0] == found[1] == found[2] > 0


def test_columns_that_are_numbers_are_a_part_of_the_run() -> None:
    """A wiring may have such names: then they say which input is which."""
    pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
    X, Y = table()
    frames = [pandas.DataFrame(X[:, :2], columns=columns) for columns in ([7, 8], [8, 7])]
    own = [arrays(X=frame, Y=Y[:, :1]) for frame in frames]
    assert own[0].fingerprint != own[1].fingerprint
    graphs = [snn.wiring.from_edges([(a, "h"), (b, "h"), ("h", "o")]) for a, b in ((8, 7), (8, 9))]
    fitting = {"name": "numbers", "graph": graphs[0]}
    found = []
    for data in own:
        run = Run.from_dict(of_wiring(data, wiring=fitting))
        figures = train_run(run.objects, run.to_json()).figures
        assert figures is not None
        found.append(figures.loss)
    assert found[0] != found[1]
    with pytest.raises(ValueError, match=r"the columns of X must be those of .*; it lacks 9 and"):
        Run.from_dict(of_wiring(own[0], wiring={"name": "other", "graph": graphs[1]}))


@pytest.mark.parametrize("form", ["frame", "sparse", "apart", "bytes"])
def test_forms_of_data(form: str) -> None:
    X, Y = table()
    X = np.where(np.abs(X) > 1, np.round(X), 0).astype(np.float32)
    expected = arrays(X=X)
    options: dict[str, Any] = {"X": X}
    if form == "frame":
        pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
        frame = pandas.DataFrame(X, columns=GENES)
        options = {"X": frame[GENES[::-1]], "Y": pandas.DataFrame(Y, columns=["case", "root"])}
    elif form == "sparse":
        options = {"X": scipy.sparse.csc_array(X)}
    elif form == "apart":
        options = {"X": X[:60], "Y": Y[:60], "test_data": (X[60:], Y[60:]), "test_rows": None}
    else:
        counts = (X + 5).astype(np.uint8)
        expected = arrays(X=counts / 4)
        options = {"X": counts, "input_scale": 1 / 4}
    runs = [Run.from_dict(of_wiring(data)) for data in (expected, arrays(**options))]
    assert runs[0].hash != runs[1].hash
    one, other = (train_run(run.objects, run.to_json()) for run in runs)
    assert one.figures is not None
    assert other.figures is not None, other.error
    assert other.figures.loss == pytest.approx(one.figures.loss, rel=1e-6)
    assert other.figures.metrics == pytest.approx(one.figures.metrics, rel=1e-6)


def test_missing_targets() -> None:
    _, Y = table()
    Y[::7, 0] = np.nan
    run = Run.from_dict(of_wiring(arrays(Y=Y, missing_targets=True, metrics=None)))
    outcome = train_run(run.objects, run.to_json())
    assert outcome.figures is not None, outcome.error
    refused = Run.from_dict(of_wiring(arrays(Y=Y)))
    outcome = train_run(refused.objects, refused.to_json())
    assert "Y must be finite, got nan" in str(outcome.error)


def test_few_samples_are_of_all_targets() -> None:
    Y = np.repeat([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [30, 20, 10], axis=0)
    data = Arrays(np.zeros((60, 2)), Y, test_data=(np.zeros((1, 2)), [[0.0, 1.0]]))
    assert first_rows(data, 7).tolist() == [0, 30, 50, 1, 31, 51, 2]
    part = Arrays(np.zeros((60, 2)), Y, rows=np.arange(25, 60), test_rows=[0])
    assert first_rows(part, 5).tolist() == [25, 30, 50, 26, 31]
    run = Run.from_dict(of_wiring(data={"name": "genes", "arrays": arrays(), "samples": 60}))
    assert run == replace(run, data=replace(run.data, samples=None)), "all of them"
    assert run.hash != replace(run, data=replace(run.data, samples=20)).hash
    labels = np.random.default_rng(0).integers(5, size=40)
    order = spread(labels)
    for n in (5, 12, 40):
        counts = np.bincount(labels[order[:n]], minlength=5)
        assert (counts >= np.minimum(np.bincount(labels, minlength=5), n // 5)).all()


# Identity of a run


def test_every_part_of_the_data_changes_the_hash() -> None:
    X, Y = table()
    changed_X, changed_Y = X.copy(), Y.copy()
    changed_X[89, 11] += 1
    changed_Y[0, 0] = 1 - changed_Y[0, 0]
    changes: list[dict[str, Any]] = [
        {"X": changed_X}, {"Y": changed_Y}, {"test_rows": np.arange(50, 90)},
        {"rows": np.arange(50)}, {"metrics": {"other": distance}}, {"metrics": None},
        {"input_scale": 2.0}, {"missing_targets": True}, {"X": X.astype(np.float64)},
        {"test_data": (X, changed_Y), "test_rows": None}, {"X": scipy.sparse.csr_array(X)},
    ]  # fmt: skip
    hashes = [Run.from_dict(of_wiring(arrays(**change))).hash for change in [{}, *changes]]
    assert len(set(hashes)) == len(hashes)
    same = [{"X": np.asfortranarray(X)}, {"Y": Y.tolist()}, {"metrics": {"distance": max}},
            {"rows": np.arange(60)}]  # fmt: skip
    for change in same:
        assert Run.from_dict(of_wiring(arrays(**change))).hash == hashes[0]


def test_every_part_of_a_wiring_changes_the_hash() -> None:
    changes: list[dict[str, Any]] = [
        {"graph": OTHER}, {"name": "other"}, {"units": 2}, {"keep": "density"}, {"keep": "graph"}
    ]  # fmt: skip
    about = {"name": "pathways", "graph": WIRING}
    runs = [Run.from_dict(of_wiring(wiring={**about, **change})) for change in [{}, *changes]]
    runs += [
        Run.from_dict(of_wiring(batch_norm=True)),
        Run.from_dict(of_wiring(class_weight="balanced")),
        Run.from_dict(of_wiring(output_weights={"case": 2})),
    ]
    assert len({run.hash for run in runs}) == len(runs)
    for run in runs:
        again = Run.from_json(run.to_json(), run.objects)
        assert again == run
        assert (again.hash, hash(again)) == (run.hash, hash(run))


def test_a_run_without_its_objects() -> None:
    """A store has fingerprints only."""
    run = Run.from_dict(of_wiring())
    with pytest.raises(TypeError, match=r"data\.arrays must be Arrays, got '"):
        Run.from_json(run.to_json())
    only_arrays = {run.data.arrays.fingerprint: run.data.arrays}  # type: ignore[union-attr]
    with pytest.raises(TypeError, match=r"wiring\.graph must be Wiring, got '"):
        Run.from_json(run.to_json(), only_arrays)


def test_null_models_follow_the_seed() -> None:
    about = {"name": "pathways", "graph": WIRING, "keep": "density"}
    runs = [Run.from_dict(of_wiring(wiring=about, seed=seed)) for seed in (0, 0, 1)]
    first, same, other = (build_network(run).wiring for run in runs)  # type: ignore[attr-defined]
    assert first == same
    assert first != other
    assert first.levels.tolist() == WIRING.levels.tolist()


def test_a_grid_over_wirings_and_data() -> None:
    folds = [arrays(test_rows=np.arange(start, start + 30)) for start in (0, 30, 60)]
    grid = {
        "data": [{"name": f"fold {k}", "arrays": fold} for k, fold in enumerate(folds)],
        "wiring.units": [1, 2],
        "wiring.keep": [None, "degrees"],
        "activation": ["tanh", "relu"],
    }
    runs = experiments.expand({"base": of_wiring(), "grid": grid})
    assert len({run.hash for run in runs}) == 24
    assert {run.data.name for run in runs} == {"fold 0", "fold 1", "fold 2"}
    assert all(run.wiring and run.wiring.graph is WIRING for run in runs)
    entries = [of_wiring(), labelled()]
    assert len(experiments.expand({"list": entries})) == 2


@pytest.mark.parametrize("key", ["data", "wiring"])
def test_one_name_for_two(key: str) -> None:
    values = {
        "data": [{"name": "genes", "arrays": arrays(input_scale=scale)} for scale in (1, 2)],
        "wiring": [{"name": "pathways", "graph": graph} for graph in (WIRING, OTHER)],
    }[key]
    with pytest.raises(
        ValueError, match=rf"{key}\.name '\w+' stands for two that differ; give each another name"
    ):
        experiments.expand({"base": of_wiring(), "grid": {key: values}})
    same = experiments.expand({"base": of_wiring(), "grid": {key: [values[0], dict(values[0])]}})
    assert len(same) == 1


# Errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": table()[0][:, :5]}, r"X must have shape \(samples, 12\), got \(90, 5\)"),
        ({"Y": table()[1][:, :1]}, r"Y must have shape \(90, 2\), or \(90,\) for integer labels"),
        ({"test_data": (table()[0][:, :5], table()[1]), "test_rows": None},
         r"test X must have shape \(samples, 12\)"),
    ],
)  # fmt: skip
def test_data_that_does_not_fit(changes: dict[str, Any], message: str) -> None:
    """It is said before anything is trained."""
    with pytest.raises(ValueError, match=message):
        Run.from_dict(of_wiring(arrays(**changes)))


def test_columns_of_other_names() -> None:
    pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
    frame = pandas.DataFrame(table()[0], columns=[*GENES[:-1], "h"])
    with pytest.raises(ValueError, match="the columns of X must be those of the network, in any"):
        Run.from_dict(of_wiring(arrays(X=frame)))
    with pytest.raises(ValueError, match="must be of outputs, 'case', 'root', got 'rot'"):
        Run.from_dict(of_wiring(output_weights={"rot": 1.0}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": [5]}, "hidden and layers must not be given with a wiring"),
        ({"layers": LAYERS}, "hidden and layers must not be given with a wiring"),
        ({"wiring": None}, "layers is missing: one for each hidden layer, and one for the outputs"),
        ({"wiring": {"name": "a"}}, r"wiring\.graph is missing; it has no default"),
        ({"wiring": {"name": "a", "graph": EDGES}}, r"wiring\.graph must be Wiring, got \["),
        ({"wiring": {"name": "a", "graph": WIRING, "units": 0}}, r"wiring\.units must be at least"),
        ({"wiring": {"name": "a", "graph": WIRING, "keep": "names"}},
         r"wiring\.keep must be one of degrees, in_degree, density, graph, got 'names'"),
        ({"output_activation": "softmax"}, "does not go with softmax outputs"),
        ({"class_weight": "equal"}, "class_weight must be one of balanced, got 'equal'"),
        ({"output_weights": {"case": -1}}, r"output_weights\.case must be a finite number, at lea"),
        ({"output_weights": 5}, "output_weights must be a mapping of keys to values or a list"),
        ({"batch_norm": "yes"}, "batch_norm must be true or false, got 'yes'"),
        ({"dropout": [0.1, 0.2]}, "dropout must be one rate, or 3"),
        ({"data": {"name": "mnist", "arrays": arrays()}},
         r"data\.name must be another than that of a data set of minisnn, got 'mnist'"),
        ({"data": {"name": "genes", "arrays": arrays(), "samples": 61}},
         r"data\.samples must be at most 60, the training samples of genes, got 61"),
        ({"data": {"name": "genes", "arrays": table()}}, r"data\.arrays must be Arrays, got \["),
        ({"data": arrays()}, "data must be a mapping of keys to values, got Arrays"),
    ],
)  # fmt: skip
def test_what_is_no_run(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Run.from_dict(of_wiring(**changes))


@pytest.mark.parametrize("key", ["batch_norm", "output_weights"])
def test_layers_have_no_names(key: str) -> None:
    value = {"batch_norm": True, "output_weights": {"case": 2.0}}[key]
    with pytest.raises(ValueError, match=f"{key} must not be given with layers, only with a wirin"):
        Run.from_dict(labelled(**{key: value}))
    text = arrays(Y=np.where(table()[1][:, 0], "case", "none"))
    with pytest.raises(TypeError, match=r"Y of shape \(90,\) must be integer labels, got <U4; num"):
        Run.from_dict(labelled(data={"name": "texts", "arrays": text}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_rows": None}, "test_data or test_rows must be given: runs are judged by samples"),
        ({"rows": np.arange(70)}, "rows and test_rows must have no row in common, got 10 that are"),
        ({"rows": [0, 60]}, "no row in common, got 1 that is in both"),
        ({"test_rows": np.arange(90)}, "rows chooses none of the 90 rows"),
        ({"test_rows": [90]}, "test_rows must be from -90 to 89"),
        ({"test_data": table()[0]}, r"test_data must be a pair \(X, Y\), got ndarray"),
        ({"X": table()[0][0]}, r"X must have shape \(samples, n_in\), got \(12,\)"),
        ({"metrics": distance}, "metrics must be of type Mapping"),
        ({"metrics": {5: distance}}, "a name in metrics must be of type str, got 5"),
        ({"metrics": {"a": "auroc"}}, r"metrics\['a'\] must be a function, got 'auroc'"),
        ({"input_scale": np.nan}, "input_scale must be a finite number"),
        ({"missing_targets": 1}, "missing_targets must be True or False, got 1"),
    ],
)  # fmt: skip
def test_what_is_no_data(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        arrays(**changes)
