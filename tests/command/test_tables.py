"""Files of tables, and targets: what is read, what is refused, the split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn.command.svmlight import read_svmlight
from minisnn.command.tables import NamedTable, as_numbers_or_texts, read_table
from minisnn.command.targets import Target, in_order_of, split, target_of


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_columns_are_numbers_or_texts(tmp_path: Path) -> None:
    table: Any = read_table(written(tmp_path, "t.tsv", "a\tb\tc\n1\tx\t\n2.5\t2\tNA\n"))
    assert isinstance(table, NamedTable)
    np.testing.assert_array_equal(table.column("a"), [1, 2.5])
    assert table.column("b").tolist() == ["x", "2"]
    assert np.isnan(table.column("c")).all()
    assert table.n_rows == 2


def test_spaces_around_labels_and_cells_are_none_of_theirs(tmp_path: Path) -> None:
    table: Any = read_table(written(tmp_path, "t.csv", 'a, b , "c, d"\n1, yes,2\n3,yes , 4\n'))
    assert table.names == ("a", "b", "c, d")
    assert table.column("b").tolist() == ["yes", "yes"]
    np.testing.assert_array_equal(table.inputs(["b"]).values, [[1, 2], [3, 4]])


def test_an_index_of_pandas_is_no_input(tmp_path: Path, capsys: Any) -> None:
    inputs = read_table(written(tmp_path, "t.csv", ",a,b\n0,1,2\n1,3,4\n")).inputs(["b"])
    assert inputs.names == ("a",)
    assert "the column without a name, an index of pandas, is left out" in capsys.readouterr().err


def test_parquet_has_the_same_columns(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"a": [1, 2], "yes": [True, False], "text": [" x", None], " b": [0.5, None]}
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    table = read_table(str(tmp_path / "t.parquet"))
    np.testing.assert_array_equal(table.inputs(["text", "b"]).values, [[1, 1], [2, 0]])
    assert table.column("text").tolist() == ["x", ""]
    with pytest.raises(ValueError, match="lacks 1 value in column 'b', the first in row 2"):
        table.inputs(["text"])


def test_columns_are_found_by_the_names_that_a_network_knows(tmp_path: Path) -> None:
    net = snn.MLP([snn.topology.dense(2, 2)])
    net.input_names = ("b", "a")
    table = read_table(written(tmp_path, "t.csv", "a,text,b\n1,x,2\n3,y,4\n"))
    np.testing.assert_array_equal(table.inputs_for(net).values, [[2, 1], [4, 3]])
    net.input_names = ("age", "b")
    other = read_table(written(tmp_path, "o.csv", "Age,b\n1,2\n"))
    with pytest.raises(ValueError, match="it lacks 'age'; did you mean 'Age'"):
        other.inputs_for(net)


def test_svmlight_is_that_of_scikit_learn(tmp_path: Path) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    matrix = scipy.sparse.random(20, 9, 0.4, random_state=0, format="csr")
    labels = np.arange(20) % 3 - 1.0
    path = str(tmp_path / "t.svmlight")
    datasets.dump_svmlight_file(matrix, labels, path, zero_based=False, comment="of a test")
    values, found = read_svmlight(path)
    np.testing.assert_allclose(values.toarray(), matrix.toarray()[:, : values.shape[1]])
    np.testing.assert_array_equal(found.astype(float), labels)


def test_rows_of_few_columns_get_zeros(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "t.libsvm", "1 2:5\n0\n"))
    net = snn.MLP([snn.topology.dense(4, 2)])
    np.testing.assert_array_equal(
        table.inputs_for(net).values.toarray(), [[0, 5, 0, 0], [0, 0, 0, 0]]
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.xlsx", "", "must end in .csv, .tsv, .parquet, .npy, .npz, .libsvm, .svmlight, got"),
        ("t.csv", "a,b\n", "must have a header and a row at least, got 1 line"),
        ("t.csv", "a,a\n1,2\n", "must have columns of different names"),
        ("t.csv", "a,b\n1\n", "has 1 field in row 2, where its header has 2"),
        ("t.npy", "no array", "is not an array of NumPy's"),
        ("t.npz", "no arrays", "is not arrays of NumPy's"),
        ("t.parquet", "no table", "is not a table in Parquet"),
        ("t.libsvm", "", "must have a row at least, got none"),
        ("t.libsvm", "1 0:5\n", "columns that are counted from 1 and ascend .* got 0 in line 1"),
        ("t.libsvm", "1 3:1 2:1\n", "columns that are counted from 1 and ascend in each line"),
        ("t.libsvm", "1 3:1_0\n", "must have lines of a label and COLUMN:VALUE, got '1 3:1_0'"),
        ("t.libsvm", "x 3:1\n", "must have lines of a label and COLUMN:VALUE, got 'x 3:1' in lin"),
        ("t.libsvm", "1 qid:3 2:1\n", "must have lines of a label and COLUMN:VALUE"),
        ("t.libsvm", "1 9999999999:1\n", "must have fewer than 2\\*\\*31 columns"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_table(written(tmp_path, name, text))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            "1_0\n2",
            "must have numbers in column 'c', got '1_0' in row 1",
        ),
        (
            "x\n2",
            "must have numbers in column 'c', got 'x' in row 1; make numbers of its",
        ),
        ("1\n", "lacks 1 value in column 'c', the first in row 2; fill them in, or leave"),
        ("1\ninf", "must have finite numbers in column 'c', got inf in row 2; correct it, or"),
    ],
)
def test_columns_that_are_no_inputs(tmp_path: Path, column: str, message: str) -> None:
    cells = column.split("\n")
    table = read_table(written(tmp_path, "t.csv", f"c,d\n{cells[0]},1\n{cells[1]},2\n"))
    with pytest.raises(ValueError, match=message):
        table.inputs(())
    assert table.inputs(("c",)).names == ("d",)


def test_arrays_that_are_no_inputs(tmp_path: Path) -> None:
    for value, message in (
        (
            np.arange(3),
            r"must have inputs of shape \(rows, columns\), numbers, got \(3,\) of int",
        ),
        (np.array([["a", "b"]]), "numbers, got .* of <U1"),
        (np.array([[1, 2], [3, np.nan]]), "must have finite inputs, got NaN or inf in row 2"),
    ):
        np.save(tmp_path / "t.npy", value)
        with pytest.raises(ValueError, match=message):
            read_table(str(tmp_path / "t.npy"))
    np.savez(tmp_path / "t.npz", a=np.eye(2), b=np.eye(2), y=np.arange(2))
    with pytest.raises(ValueError, match=r"must have its inputs in an array X, or .* got 'a', 'b'"):
        read_table(str(tmp_path / "t.npz"), "y")
    np.save(tmp_path / "o.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(ValueError, match="is not an array of NumPy's"):
        read_table(str(tmp_path / "o.npy"))


@pytest.mark.parametrize(
    ("values", "task", "labels"),
    [
        (["b", "a", "b"], None, ("a", "b")),
        (["10", "9", "10"], None, ("9", "10")),
        (["1.0", "2"], None, ("1", "2")),
        (["0.5", "1"], None, None),
        (np.array([True, False]), None, ("False", "True")),
        (np.arange(20), None, tuple(map(str, range(20)))),
        (np.arange(21), None, None),
        (np.arange(21), "classification", tuple(map(str, range(21)))),
        (["1", "2"], "regression", None),
        (["1_1", "1_2", "11"], None, ("11", "1_1", "1_2")),
        (["01", "02", "10"], "regression", None),
    ],
)
def test_targets(values: Any, task: str | None, labels: tuple[str, ...] | None) -> None:
    target = target_of(values, "y", task)
    assert target.labels == labels
    if labels is None:
        np.testing.assert_array_equal(target.values, np.asarray(values, dtype=float))
    else:
        texts = as_numbers_or_texts(values).tolist()
        shown = [str(int(v)) if isinstance(v, float) else str(v) for v in texts]
        assert [labels[number] for number in target.values] == shown


def test_codes_are_classes_as_they_are_written() -> None:
    """ "01" is not "1", and there may be more of them than numbers that are classes."""
    target = target_of(["10", "01", "1", "01"], "y", None)
    assert (target.labels, target.values.tolist()) == (("01", "1", "10"), [2, 0, 1, 0])
    many = [f"{code:03d}" for code in range(30)]
    assert target_of(many, "y", None).labels == tuple(many)
    with pytest.raises(ValueError, match="target 'y' lacks 1 value, the first in row 2"):
        target_of(["01", "NA"], "y", None)


def test_classes_that_float64_would_round(tmp_path: Path) -> None:
    """Numbers of samples or cells, say: two neighbours beyond 2**53 are one float64."""
    ids = [str(2**53 + 1), str(2**53), str(2**53 + 1)]
    assert target_of(ids, "y", None).labels == (ids[1], ids[0])
    table: Any = read_table(written(tmp_path, "t.libsvm", "".join(f"{it} 1:1\n" for it in ids)))
    assert target_of(table.labels, "y", "classification").labels == (ids[1], ids[0])
    assert target_of(np.array([*map(int, ids)]), "y", None).labels == (ids[1], ids[0])
    amounts = [str(2**53 + place) for place in range(21)]
    assert target_of(amounts, "y", None).task == "regression"
    assert target_of([*ids, "0.5"], "y", None).task == "regression"
    assert target_of(["1" + "0" * 20, "1"], "y", None).labels == ("1", "1" + "0" * 20)


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["1", "inf", "2"], None, "target 'y' must be finite numbers, got inf in row 2; correct"),
        (np.array([1, -np.inf]), "regression", "must be finite numbers, got -inf in row 2"),
        (["a", ""], None, "target 'y' lacks 1 value, the first in row 2; leave such rows out"),
        (
            ["1", "NA", ""],
            None,
            "target 'y' lacks 2 values, the first in row 2; leave such rows out$",
        ),
        (
            ["a", "b", "NA", " nan"],
            None,
            "lacks 2 values, the first in row 3; leave such rows out, or",
        ),
        (np.array(["mild", "none"]), None, "or give a class 'none' another name"),
        (["a", "b"], "regression", "must be numbers for a regression, got 'a', 'b'"),
        (["0.5", "1"], "classification", "must be texts or whole numbers for a classification"),
        (["a", "a"], None, "must have two values at least, got 'a'"),
        (np.eye(3), None, r"must have one value for each row, got \(3, 3\)"),
    ],
)
def test_targets_that_are_none(values: Any, task: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        target_of(values, "y", task)


def test_classes_of_another_table_are_those_of_the_first() -> None:
    second = target_of(["c", "a"], "y", None)
    np.testing.assert_array_equal(in_order_of(second, ("a", "b", "c")).values, [2, 0])
    with pytest.raises(ValueError, match="must have the classes 'a', 'b', got 'c', too"):
        in_order_of(second, ("a", "b"))


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 99),
)
def test_a_split_is_even_and_leaves_each_class(counts: list[int], share: float, seed: int) -> None:
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    target = Target("y", classes, tuple(map(str, range(len(counts)))))
    n, n_held = len(classes), round(share * len(classes))
    if not 1 <= n_held <= n - len(counts):
        with pytest.raises(ValueError, match=r"cannot be split: .* take another --held-out"):
            split(target, share, seed)
        return
    rows, held = split(target, share, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, held])), np.arange(n))
    assert len(held) == n_held
    left = np.bincount(classes[rows], minlength=len(counts))
    assert (left >= 1).all()
    wanted = np.minimum(np.array(counts) * n_held / n, np.array(counts) - 1)
    assert (np.abs(np.array(counts) - left - wanted) <= len(counts)).all()
    np.testing.assert_array_equal(split(target, share, seed)[1], held)
