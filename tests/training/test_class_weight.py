"""Weights of classes: the bits of the weights of their samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn
from minisnn._support.archive import FileFormatError

X = np.random.default_rng(0).random((60, 5))
LABELS = np.repeat([0, 1, 2], [5, 15, 40])
ONE_HOT = np.eye(3)[LABELS]
YES_OR_NO = (LABELS == 0)[:, None].astype(float)


def balanced(labels: Any, weights: Any = None) -> Any:
    """Return the weight of each sample as n / (k * count), times its own."""
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=float)
    own = {label: weights[labels == label].sum() for label in np.unique(labels)}
    return weights * [weights.sum() / (len(own) * own[label]) for label in labels]


def trained(Y: Any, n_out: int = 3, **options: Any) -> tuple[bytes, Any]:
    net = snn.MLP([snn.topology.dense(5, 4), snn.topology.dense(4, n_out)], seed=0)
    history = snn.train(net, X, Y, optimizer="sgd", batch_size=16, epochs=2, seed=0, **options)
    return net.parameters.tobytes(), history.column("loss")


@pytest.mark.parametrize(
    ("Y", "labels"),
    [
        (LABELS, LABELS),
        (LABELS.astype(np.uint8), LABELS),
        (ONE_HOT, LABELS),
        (ONE_HOT.astype(bool), LABELS),
        (YES_OR_NO, YES_OR_NO[:, 0]),
        (np.repeat(YES_OR_NO, 3, axis=1).astype(np.uint8), YES_OR_NO[:, 0]),
    ],
)
@pytest.mark.parametrize("weights", [None, np.arange(60) % 7])
def test_the_same_bits_as_weights_of_samples(Y: Any, labels: Any, weights: Any) -> None:
    n_out = Y.shape[1] if Y.ndim == 2 else 3
    found = trained(Y, n_out, class_weight="balanced", sample_weight=weights)
    assert found == trained(Y, n_out, sample_weight=balanced(labels, weights))
    assert found != trained(Y, n_out, sample_weight=weights)
    own = np.where(labels == 1, 3.7, 1.0)
    if weights is not None:
        own = own * weights
    found = trained(Y, n_out, class_weight={1: 3.7}, sample_weight=weights)
    assert found == trained(Y, n_out, sample_weight=own)


def test_balanced_over_the_rows_that_are_trained_on() -> None:
    rows = np.r_[0:4, 10:14, 30:55, 30]  # a row that comes twice counts twice
    expected = np.zeros(60)
    expected[rows] = balanced(LABELS[rows])
    assert trained(LABELS, class_weight="balanced", rows=rows) == trained(
        LABELS, sample_weight=expected, rows=rows
    )
    two = np.flatnonzero(LABELS > 0)  # no sample of the first class
    expected[two] = balanced(LABELS[two])
    assert trained(LABELS, class_weight="balanced", rows=two) == trained(
        LABELS, sample_weight=expected, rows=two
    )


def test_validation_is_not_weighted() -> None:
    net = snn.MLP([snn.topology.dense(5, 3)], seed=0)
    options: dict[str, Any] = {"optimizer": snn.SGD(0.0), "epochs": 1, "validation_rows": range(60)}
    history = snn.train(net, X, LABELS, class_weight={0: 9}, **options)
    plain = snn.evaluate(net, X, LABELS)
    assert history.epochs[-1].validation_loss == plain.loss
    assert history.epochs[-1].loss != pytest.approx(plain.loss, rel=1e-3)


@settings(deadline=None, max_examples=30)
@given(
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=20),
    weights=st.lists(st.floats(0, 1e300), min_size=20, max_size=20),
)
def test_balanced_classes_weigh_the_same(labels: list[int], weights: list[float]) -> None:
    from minisnn.network.samples import check_samples
    from minisnn.training.class_weight import weighted_by_class

    n = len(labels)
    given = np.array(weights[:n])
    if not given.any():
        return
    net = snn.MLP([snn.topology.dense(5, 3)], seed=0)
    samples = weighted_by_class(
        check_samples(net, X[:n], labels, 1.0, weights=given), "balanced", 3
    )
    sums = np.bincount(labels, samples.weights, 3)
    np.testing.assert_allclose(sums[sums > 0], sums.max(), rtol=1e-12)
    kept = np.bincount(labels, given > given.max() * 1e-280, 3) > 0
    assert ((sums > 0) >= kept).all()


def test_checkpoints_know_it(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    first = trained(LABELS, class_weight="balanced", checkpoint=path)
    for other in (None, {0: 3.0}):
        with pytest.raises(FileFormatError, match=r"of another training\. training data: "):
            trained(LABELS, class_weight=other, checkpoint=path, resume=True)
    assert trained(LABELS, class_weight="balanced", checkpoint=path, resume=True) == first


@pytest.mark.parametrize(
    ("Y", "class_weight", "message"),
    [
        (LABELS, "balance", "class_weight must be 'balanced', or a dict of .*; did you mean 'bal"),
        (LABELS, [1, 2, 3], r"class_weight must be 'balanced', or a dict .*, got \[1, 2, 3\]$"),
        (LABELS, {3: 1.0}, "must have classes as keys, from 0 to 2, got 3"),
        (LABELS, {"0": 1.0}, "must have classes as keys, from 0 to 2, got '0'"),
        (LABELS, {0.5: 1.0}, "must have classes as keys, from 0 to 2, got 0.5"),
        (YES_OR_NO, {2: 1.0}, "must have classes as keys, from 0 to 1, got 2"),
        (LABELS, {0: -1.0}, "a class weight must be a finite number, at least 0, got -1.0"),
        (LABELS, {0: np.inf}, "a class weight must be a finite number"),
        (LABELS, {0: "high"}, "a class weight must be a number, got 'high'"),
        (LABELS, {0: 0, 1: 0, 2: 0}, "class_weight must not be 0 for all samples, got {0: 0"),
        (X[:, :3], "balanced", r"needs the class of each sample, so Y must hold labels, or in"),
        (
            np.r_[ONE_HOT[:50], [[1, 1, 0]] * 10],
            "balanced",
            r"got \[1.0, 1.0, 0.0\] in sample 50; pass sample_weight instead",
        ),
        (np.r_[ONE_HOT[:50], [[0, 0, 0]] * 10], {0: 2}, r"got \[0.0, 0.0, 0.0\] in sample 50"),
        (np.r_[np.ones((9, 3)), ONE_HOT[9:]], {0: 2}, r"got \[0.0, 1.0, 0.0\] in sample 9"),
        (YES_OR_NO * 0.5, {0: 2}, r"got \[0.5\] in sample 0"),
    ],
)
def test_what_is_refused(Y: Any, class_weight: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        trained(Y, Y.shape[1] if Y.ndim == 2 else 3, class_weight=class_weight)


def test_classes_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(ONE_HOT, class_weight="balanced")
    monkeypatch.setattr("minisnn.network.tables._CHUNK", 12)
    assert trained(ONE_HOT, class_weight="balanced") == whole
    with pytest.raises(ValueError, match="in sample 59;"):
        trained(np.r_[ONE_HOT[:59], [[1, 1, 1]]], class_weight="balanced")
