"""Benchmark of networks with very many inputs: beside other programs, and on X in other forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import forms, many_inputs


def measure_inputs(
    threads: Sequence[int], *, rounds: int = 7, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Return what `many_inputs` and `forms` measure, with so many threads and turns."""
    return {
        "programs": many_inputs.measure_many_inputs(threads, rounds=rounds, report=report),
        "forms": forms.measure_forms(threads, rounds=rounds, report=report),
    }


def table(result: Mapping[str, Any]) -> str:
    """Return the tables of both."""
    return f"{many_inputs.table(result['programs'])}\n\n{forms.table(result['forms'])}"
