"""Runs of wirings between names, and of arrays of the user's own."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from msgspec.structs import replace
from sweeping import describe, make_runs, outcome_of, records_of

import minisnn as snn
from minisnn import experiments
from minisnn._support.seeds import spawned
from minisnn.experiments import Arrays, Run, Status, Store
from minisnn.experiments.arrays import first_rows, spread
from minisnn.experiments.records import Outcome
from minisnn.experiments.training import build_network, train_run

GENES = [f"g{number}" for number in range(12)]
EDGES = [(gene, f"p{number % 3}") for number, gene in enumerate(GENES)]
EDGES += [("p0", "root"), ("p1", "root"), ("root", "case"), ("p2", "case"), ("g0", "case")]
WIRING = snn.wiring.from_edges(EDGES, inputs=GENES, outputs=["case", "root"])
OTHER = snn.wiring.from_edges([*EDGES, ("g1", "case")], inputs=GENES, outputs=["case", "root"])
LAYERS = [{"topology": "biregular", "degree": 2}, {"topology": "dense"}]


def table(n: int = 90, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, len(GENES))).astype(np.float32)
    return X, np.stack([X[:, :3].sum(1) > 0, X[:, 3:6].sum(1) > 0], axis=1).astype(np.float64)


def distance(targets: Any, outputs: Any) -> Any:
    return np.abs(targets - outputs).mean()


def arrays(**changes: Any) -> Arrays:
    X, Y = table()
    options = {"test_rows": np.arange(60, 90), "metrics": {"distance": distance}, **changes}
    return Arrays(options.pop("X", X), options.pop("Y", Y), **options)


def of_wiring(own: Arrays | None = None, **changes: Any) -> dict[str, Any]:
    """Return a description that a user would write."""
    return {
        "data": {"name": "genes", "arrays": own or arrays()},
        "wiring": {"name": "pathways", "graph": WIRING},
        "activation": "tanh",
        "loss": "binary_cross_entropy",
        "optimizer": {"name": "adam", "peak": 0.01},
        "batch_size": 20,
        "epochs": 2,
        **changes,
    }


def labelled(**changes: Any) -> dict[str, Any]:
    """Return a description of layers on labels of one's own."""
    data = arrays(Y=table()[1][:, 0].astype(int), metrics=None)
    about = {"data": {"name": "labels", "arrays": data}, "hidden": [6], "layers": LAYERS}
    return {**describe(), **about, **changes}


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


# What a run is


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


# Sweeps of them


def test_processes_give_what_one_process_gives(path: Path) -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    factor = 2.0
    data = arrays(metrics={"twice": lambda targets, outputs: factor * distance(targets, outputs)})
    grid = {"wiring.keep": [None, "degrees"], "seed": [0, 1]}
    runs = experiments.expand({"base": of_wiring(data), "grid": grid})
    summary = experiments.sweep(runs, path, runner=experiments.processes(2))
    assert (summary.done, summary.failed) == (4, 0)
    again = experiments.sweep(runs, path)
    assert (again.trained, again.done) == (0, 4)
    experiments.sweep(runs, path.with_name("here"))
    for one, other in zip(records_of(path), records_of(path.with_name("here")), strict=True):
        assert one.figures is not None
        assert other.figures is not None
        assert one.figures.metrics == other.figures.metrics
        assert one.figures.loss == other.figures.loss


def test_a_metric_that_is_none_fails_its_run(path: Path) -> None:
    def fails(targets: Any, outputs: Any) -> Any:
        raise ZeroDivisionError("of the user")

    metrics: list[Any] = [distance, lambda *_: np.nan, lambda *_: "high", fails]
    data = [
        {"name": str(number), "arrays": arrays(metrics={"mine": metric}, input_scale=1 + number)}
        for number, metric in enumerate(metrics)
    ]
    runs = experiments.expand({"base": of_wiring(), "grid": {"data": data}})
    summary = experiments.sweep(runs, path)
    assert (summary.done, summary.failed) == (1, 3)
    errors = [str(record.error).strip().splitlines()[-1] for record in records_of(path)[1:]]
    assert errors == [
        "ValueError: the metric 'mine' must be a finite number, got nan",
        "TypeError: the metric 'mine' must be a number, got 'high'",
        "ZeroDivisionError: of the user",
    ]


def test_reports(path: Path, tmp_path: Path) -> None:
    data = {"name": "genes", "arrays": arrays(), "samples": 50}
    grid = {"wiring.units": [1, 2], "wiring.keep": [None, "degrees"]}
    runs = experiments.expand({"base": of_wiring(data=data), "grid": grid})
    experiments.sweep(runs[:3], path)
    with Store(path) as store:
        records = store.records(runs)
    head, _, *lines = experiments.format_records(records).splitlines()
    about = ["status", "hash", "data", "hidden", "layers", "peak", "batch", "epochs", "seed"]
    results = ["distance", "loss", "seconds", "error"]
    assert head.split() == [*about, "wiring.keep", "wiring.units", *results]
    assert lines[0].split()[2:11] == [
        "genes:50", "-", "pathways", "0.01", "20", "2", "0", "-", "1"
    ]  # fmt: skip
    assert lines[-1].split()[0] == "pending"
    mixed = experiments.expand({"base": labelled()})
    experiments.sweep(mixed, path)
    text = experiments.format_records(records_of(path))
    assert {"distance", "accuracy", "loss"} <= {*text.splitlines()[0].split()}
    experiments.write_csv(tmp_path / "a.csv", records)
    pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
    frame = experiments.records_frame(records)
    assert frame["metric.distance"].notna().tolist() == [True, True, True, False]
    assert frame["result.accuracy"].isna().all()
    assert list(pandas.read_csv(tmp_path / "a.csv").columns) == list(frame.columns)


def test_the_store_keeps_metrics(path: Path) -> None:
    run = Run.from_dict(of_wiring())
    experiments.sweep([run], path)
    (record,) = records_of(path)
    assert record.status is Status.DONE
    assert record.configuration["wiring"] == run.to_dict()["wiring"]
    assert record.configuration["data"] == run.to_dict()["data"]
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT hash, name, value FROM metrics").fetchall()
    assert record.figures is not None
    assert rows == [(run.hash, "distance", record.figures.metrics["distance"])]


def make_first_version(path: Path) -> list[Outcome]:
    """Make a store as minisnn made it when all runs had an accuracy and no metrics."""
    runs = make_runs(2)
    outcomes = [outcome_of(run) for run in runs]
    outcomes = [
        dataclasses.replace(it, figures=dataclasses.replace(it.figures, metrics={}))
        for it in outcomes
    ]
    with Store(path, write=True) as store:
        store.add(runs)
        for outcome in outcomes:
            store.finish(outcome)
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'results'"
        ).fetchone()
        connection.execute("DROP TABLE metrics")
        connection.execute("ALTER TABLE results RENAME TO old")
        connection.execute(text.replace("accuracy REAL,", "accuracy REAL NOT NULL,"))
        connection.execute("INSERT INTO results SELECT * FROM old")
        connection.execute("DROP TABLE old")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return outcomes


def test_stores_of_the_first_version_are_read_and_continued(path: Path) -> None:
    outcomes = make_first_version(path)
    before = records_of(path)
    assert [record.figures for record in before] == [outcome.figures for outcome in outcomes]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,), "it is only read"
    experiments.sweep([Run.from_dict(of_wiring())], path)
    *kept, new = records_of(path)
    assert kept == before
    assert new.figures is not None
    assert new.figures.accuracy is None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


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
