"""Entries of a state_dict."""

from __future__ import annotations

from typing import Any

import numpy as np


def linear(*widths: int) -> dict[str, Any]:
    """Return the entries of a layer, which tell it from others."""
    rng = np.random.default_rng(widths)
    return {"weight": rng.normal(size=widths[1::-1]), "bias": rng.normal(size=widths[1])}


def named(**layers: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{name.replace('_', '.')}.{role}": array
        for name, roles in layers.items()
        for role, array in roles.items()
    }
