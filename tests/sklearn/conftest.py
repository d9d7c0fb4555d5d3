"""Shared fixtures of the tests of estimators."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def table() -> tuple[np.ndarray, np.ndarray]:
    datasets = pytest.importorskip("sklearn.datasets", reason="needs the extra sklearn")
    X, y = datasets.make_classification(400, 30, n_informative=8, n_classes=3, random_state=0)
    return X, np.array(["a", "b", "c"])[y]
