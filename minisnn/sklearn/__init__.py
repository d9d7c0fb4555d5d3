"""Estimators for scikit-learn: sparse networks in pipelines, searches and cross-validation.

>>> import numpy as np
>>> from minisnn.sklearn import SparseMLPClassifier
>>> rng = np.random.default_rng(0)
>>> X = rng.standard_normal((300, 20))
>>> y = np.where(X[:, 0] + X[:, 1] > 0, "above", "below")
>>> model = SparseMLPClassifier((64,), max_iter=100, tol=None, random_state=0).fit(X, y)
>>> model.score(X, y) > 0.9
True

Needs the extra ``sklearn``.
"""

from .._support.extras import require

require("sklearn", "sklearn", "minisnn.sklearn")

from .classifier import SparseMLPClassifier  # noqa: E402
from .regressor import SparseMLPRegressor  # noqa: E402

__all__ = ["SparseMLPClassifier", "SparseMLPRegressor"]
