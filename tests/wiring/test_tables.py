"""Tables of edges: every form gives the same wiring; files."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import minisnn as snn
from minisnn.wiring import from_edges

EDGES = [
    ("TP53", "death"),
    ("BAX", "death"),
    ("TP53", "cycle"),
    ("death", "case"),
    ("cycle", "case"),
]
EXPECTED = from_edges(EDGES)
FRAME = pd.DataFrame(EDGES, columns=["gene", "set"])


class Polars:
    """Stand-in for a frame of polars, which cannot be a dependency of the tests."""

    def __init__(self, data: pd.DataFrame) -> None:
        self.data, self.columns = data, list(data.columns)

    def __getitem__(self, label: str) -> Any:
        return type("Series", (), {"to_list": lambda _: self.data[label].tolist()})()


@pytest.mark.parametrize(
    "table",
    [
        EDGES,
        [list(edge) for edge in EDGES],
        iter(EDGES),
        np.array(EDGES),
        np.array(EDGES, dtype=object),
        FRAME,
        FRAME.astype("category"),
        FRAME.assign(more=1.5),
        pa.Table.from_pandas(FRAME),
        Polars(FRAME),
        nx.DiGraph(EDGES).edges,
    ],
)
def test_every_form_is_the_same_wiring(table: Any) -> None:
    wiring = from_edges(table, inputs=["TP53", "BAX"])
    assert wiring == EXPECTED
    assert all(type(name) is str for name in wiring.terms)


def test_polars() -> None:
    polars = pytest.importorskip("polars")
    assert from_edges(polars.from_pandas(FRAME)) == EXPECTED


def test_columns_by_label_in_any_order() -> None:
    table = pd.DataFrame({"w": [1, 2, 3, 4, 5], "to": FRAME["set"], "from": FRAME["gene"]})
    wiring = from_edges(table, source="from", target="to", weight="w")
    assert wiring.terms == EXPECTED.terms
    weights = dict(zip(EDGES, range(1, 6), strict=True))
    assert wiring.weights is not None
    assert wiring.weights.tolist() == [weights[edge] for edge in wiring.edges()]  # type: ignore[index]
    assert from_edges(table.to_numpy(), source=2, target=1) == EXPECTED
    pd.testing.assert_frame_equal(
        from_edges(wiring.to_frame(), weight="weight").to_frame(), wiring.to_frame()
    )


def test_numbers_are_names_too() -> None:
    ids = pd.DataFrame({"pre": [720575940, 7], "post": [11, 720575940]})
    wiring = from_edges(ids)
    assert wiring.terms == (7, 720575940, 11)
    assert all(type(name) is int for name in wiring.terms)


def test_texts_and_numbers_of_numpy_become_those_of_python() -> None:
    """They are equal, but their fingerprints would not be: a store would know another wiring."""
    pairs = [("a", 7), ("b", 7), (("a", 1), 7)]
    of_numpy = [
        (np.str_("a"), np.int64(7)), (np.str_("b"), np.int32(7)), (("a", np.uint8(1)), np.int64(7))
    ]  # fmt: skip
    wiring, expected = from_edges(of_numpy), from_edges(pairs)
    assert wiring == expected
    assert repr(wiring.terms) == repr(expected.terms)
    networks = [snn.Network(each, seed=0) for each in (wiring, expected)]
    assert networks[0].fingerprint() == networks[1].fingerprint()
    inputs = np.array(["b", "a"])
    assert repr(wiring.restricted_to(inputs).terms) == "('b', 'a', 7)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'gene, set\n a,p\nb , "p"\np,q \n'),
        ("t.tsv", "gene\t set\n a\tp\nb \t p\np\tq \n"),
        ("t.gmt", "p\t of two\ta\t b\n q \t\t p \n"),
    ],
)
def test_spaces_around_names_in_files_are_none_of_theirs(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert from_edges(tmp_path / name).terms == ("a", "b", "p", "q")
    if not name.endswith("gmt"):
        assert from_edges(tmp_path / name, source="gene", target="set").n_edges == 3


def test_names_that_differ_in_spaces_alone_are_no_two_neurons() -> None:
    edges = [("TP53", "apoptosis"), ("BAX", " apoptosis"), (1, "case")]
    message = "must differ in more than spaces around them, got 'apoptosis' and ' apoptosis'; strip"
    for table in (edges, pd.DataFrame(edges)):
        with pytest.raises(ValueError, match=message):
            from_edges(table)
    assert " a" in from_edges([(" a", "b")])


def test_a_missing_number_has_no_name() -> None:
    ids = pd.DataFrame({"pre": [1, 2, 3], "post": [2, 4, None]})
    for table in (ids, ids.astype("Int64"), pa.Table.from_pandas(ids.astype("Int64"))):
        with pytest.raises(ValueError, match=r"must have names, got (nan|<NA>|None);"):
            from_edges(table)


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t"), (".CSV", ",")])
def test_text_files(tmp_path: Path, suffix: str, separator: str) -> None:
    path = tmp_path / f"edges{suffix}"
    FRAME.assign(n=range(5)).to_csv(path, sep=separator, index=False, encoding="utf-8-sig")
    assert from_edges(path) == EXPECTED
    weighted = from_edges(str(path), weight="n")
    assert weighted.weights is not None
    assert sorted(weighted.weights) == [0, 1, 2, 3, 4]


def test_names_in_text_files_stay_texts(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_bytes(b'a,b\r\n007,"x, y"\r\n\r\nnan,"x, y"\r\n')
    assert from_edges(path).terms == ("007", "nan", "x, y")


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "edges.parquet"
    pq.write_table(pa.Table.from_pandas(FRAME.assign(w=0.5)), path)
    assert from_edges(path) == EXPECTED
    weighted = from_edges(path, weight="w")
    assert weighted.weights is not None
    assert set(weighted.weights) == {0.5}

    genuine = builtins.__import__

    def without_arrow(name: str, *arguments: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return genuine(name, *arguments)

    monkeypatch.setattr("importlib.import_module", without_arrow)
    with pytest.raises(ImportError, match=r"needs pyarrow.* 'minisnn\[parquet\]'"):
        from_edges(path)


def test_gene_sets_and_their_parents(tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text("death\tCell death\tTP53\tBAX\n\ncycle\t\tTP53\t\n", encoding="utf-8")
    parents = [("death", "case"), ("cycle", "case")]
    assert from_edges(path, relations=parents) == EXPECTED
    relations = tmp_path / "parents.tsv"
    pd.DataFrame(parents, columns=["child", "parent"]).to_csv(relations, sep="\t", index=False)
    assert from_edges(path, relations=relations) == EXPECTED
    assert from_edges(path).outputs == ("death", "cycle")


def test_sets_without_genes_go_with_the_restriction(tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text("death\tof cells\tTP53\tBAX\n", encoding="utf-8")
    relations = [("death", "case"), ("of others", "case"), ("of mice", "of others")]
    with pytest.raises(ValueError, match="no input reaches 1 term: 'of mice'"):
        from_edges(path, inputs=["TP53", "BAX"], relations=relations)
    wiring = from_edges(path, relations=relations).restricted_to(["TP53", "BAX"])
    assert wiring.terms == ("TP53", "BAX", "death", "case")
    assert wiring.dropped is not None
    assert wiring.dropped.inputs == ("of mice",)
    assert wiring.dropped.terms == ("of others",)


def test_a_dict_of_sets_is_no_table_of_columns() -> None:
    """It would be read as the edges from the members of one set to those of the next."""
    sets = {"apoptosis": ["TP53", "BAX"], "cycle": ["TP53", "CDK1"]}
    for options in ({"table": sets}, {"table": EDGES, "relations": sets}):
        with pytest.raises(TypeError, match=r"must be pairs .* a dict, .*; of sets .* pass"):
            from_edges(**options)
    pairs = [(member, name) for name, members in sets.items() for member in members]
    assert from_edges(pairs).outputs == ("apoptosis", "cycle")


def test_sets_have_no_order_that_columns_could_have() -> None:
    """Texts stand in a set in another order in each process."""
    for call, name in (
        (lambda: from_edges(set(EDGES)), "table"),
        (lambda: from_edges(EDGES, inputs={"TP53", "BAX"}), "inputs"),
        (lambda: from_edges(EDGES, outputs=frozenset(EXPECTED.outputs)), "outputs"),
        (lambda: EXPECTED.restricted_to({"TP53", "BAX"}), "inputs"),
        (lambda: snn.Network(EXPECTED, activation={"relu", "tanh"}), "activation"),
    ):
        with pytest.raises(TypeError, match=rf"{name} must be a list of .*, got a set, .*sorted"):
            call()


def test_a_frame_is_not_changed() -> None:
    frame = FRAME.copy()
    from_edges(frame)
    pd.testing.assert_frame_equal(frame, FRAME)


def test_chains_of_graphs_and_masks() -> None:
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 2, shape) for shape in ((5, 4), (4, 3), (3, 2))]
    for mask in masks:
        mask[0] = 1  # so that nothing lacks a source
    graphs = [snn.topology.from_dense(mask) for mask in masks]
    wiring = snn.wiring.from_topologies(graphs)
    assert wiring == snn.wiring.from_matrices(masks)
    assert wiring == snn.wiring.from_matrices([graph.to_scipy() for graph in graphs])
    assert wiring.inputs == ("x0", "x1", "x2", "x3", "x4")
    assert wiring.terms[5:12] == ("h1.0", "h1.1", "h1.2", "h1.3", "h2.0", "h2.1", "h2.2")
    assert wiring.outputs == ("y0", "y1")
    assert wiring.level_starts.tolist() == [0, 5, 9, 12, 14]
    assert wiring.n_skips == 0
    matrix = wiring.matrix().toarray()
    np.testing.assert_array_equal(matrix[5:9, :5], masks[0].T)
    np.testing.assert_array_equal(matrix[9:12, 5:9], masks[1].T)
    np.testing.assert_array_equal(matrix[12:, 9:12], masks[2].T)
    assert matrix.sum() == sum(mask.sum() for mask in masks)


def test_names_of_layers() -> None:
    named = pd.DataFrame([[1, 0], [1, 1]], index=["a", "b"], columns=["p", "q"])
    wiring = snn.wiring.from_matrices([named, [[1], [1]]])
    assert wiring.terms == ("a", "b", "p", "q", "y0")
    given = snn.wiring.from_matrices([named, [[1], [1]]], names=[[1, 2], [3, 4], ["out"]])
    assert given.terms == (1, 2, 3, 4, "out")
    complete = snn.wiring.from_topologies([snn.topology.dense(3, 2)])
    assert complete.n_edges == 6


def test_masks_whose_rows_are_in_another_order() -> None:
    """The rows of a mask would silently be read as those of other neurons."""
    first = pd.DataFrame([[1, 0], [1, 1]], index=["a", "b"], columns=["p", "q"])
    second = pd.DataFrame([[1, 0], [0, 1]], index=["q", "p"], columns=["y", "z"])
    wiring = snn.wiring.from_matrices([first, second.loc[first.columns]])
    assert ("q", "y") in wiring.edges()
    message = r"the outputs of layer 1 and .* layer 2 must have the same names .*, got 'p' and 'q'"
    for names in (None, [["a", "b"], ["p", "q"], ["y", "z"]]):
        with pytest.raises(ValueError, match=message):
            snn.wiring.from_matrices([first, second], names)
    with pytest.raises(ValueError, match=message):
        snn.wiring.from_topologies(list(map(snn.topology.from_dense, (first, second))))
