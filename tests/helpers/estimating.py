"""Options of estimators that train quickly."""

from __future__ import annotations

from typing import Any

QUICK: dict[str, Any] = {"max_iter": 30, "tol": None, "random_state": 0}
